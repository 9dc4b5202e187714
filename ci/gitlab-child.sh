#!/bin/sh
# Prints a GitLab pipeline with one job for each kernel, for the trigger job of .gitlab-ci.yml.
#
#   ci/gitlab-child.sh [KERNELS]
set -eu
names=$("$(dirname "$0")/kernel-names.sh" "${1:-}")
cat <<END
---
default:
  image: golang:1.26-trixie

variables:
  MIMIC_CACHE: \$CI_PROJECT_DIR/cache

kernel:
  stage: test
  timeout: 1 hour
  parallel:
    matrix:
      - KERNEL: $(echo "$names" | sed 's/,/, /g')
  # /dev/kvm is used where the runner gives it (privileged, or devices = ["/dev/kvm"]); else QEMU emulates.
  script:
    - if [ "\$CI_PIPELINE_SOURCE" = parent_pipeline ] && [ "\${MIMIC_NIGHTLY:-}" = 1 ]; then seed=\$CI_PIPELINE_IID; else seed=1; fi
    - mkdir -p out
    - >-
      scripts/run-vm.sh "\$KERNEL" -seed "\$seed" -missing skip
      -ktap out/mimic.ktap -junit out/mimic.xml -json out/mimic.json -html out/mimic.html
  after_script:
    - go run -buildvcs=false ./cmd/mimic kernels prune
  cache:
    key: mimic-\$KERNEL
    paths: [cache/]
    when: always
  artifacts:
    when: always
    expire_in: 1 week
    paths: [out/]
    reports:
      junit: out/mimic.xml
END
