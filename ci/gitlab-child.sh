#!/bin/sh
# Prints a GitLab pipeline with one job for each kernel, for the trigger job of .gitlab-ci.yml. The seed
# is 1, and of a pipeline that a schedule started its number.
#
#   ci/gitlab-child.sh [KERNELS]
set -eu
seed=1
[ "${CI_PIPELINE_SOURCE:-}" != schedule ] || seed=$CI_PIPELINE_IID
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
    - mkdir -p out
    - >-
      scripts/run-vm.sh "\$KERNEL" -seed $seed -missing skip
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
