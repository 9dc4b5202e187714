#!/usr/bin/env bash
# Installs what the tests need and passes them: vet, the unit tests, the tests
# that boot guests, and the suite on the kernels of kernels.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh tests
go vet ./...
go -C ci/figures vet ./... # a module of its own, too
# Scripts, workflows, spelling, licences: a module of its own, see docs/dependencies.md. Cheap, so first; -v says
# what was skipped, and why.
MIMIC_LINT=1 go -C ci/lint test -count=1 -v ./... | grep --line-buffered -v '^=== '
# One package after the other: guests that share two processors with the lies do not get ready in time.
# Of ci/faults only the document: a try takes its moments from how fast the machine is, see docs/faults.md.
go test -count=1 ./ci/faults
# What talks to guests only with the race detector, below: once is five minutes.
# shellcheck disable=SC2046 # one word a package
MIMIC_VM=1 MIMIC_BROWSER=1 go test -p 1 -count=1 -timeout 30m $(go list ./... | grep -v -e /ci/faults -e 'mimic/suite$' -e mimic/target)
# Lies on fewer seeds than go test ./suite takes by itself, which is for every night and for who changes what is drawn.
MIMIC_VM=1 go test -count=1 -timeout 60m ./suite -lies.seeds 4
MIMIC_VM=1 go test -race -short -p 1 -count=1 -timeout 30m ./ops/... ./properties/... ./report/... ./target/...
go test -race -count=1 -run TestClaims ./suite ./cmd/...
# The README's command asks one kernel everything, -quick every kernel as little as each row takes: some 20 minutes in
# all. Every kernel is asked everything at night (ci/nightly). -v prints the table, less the lines of the tests that pass or
# do not apply: what failed has to be among the last lines.
claims() {
  go test ./suite -run 'TestClaims' -count=1 -timeout 60m -v "$@" |
    grep --line-buffered -v -E '^ *(=== RUN|--- (PASS|SKIP)|=== PAUSE|=== CONT|=== NAME)'
}
claims -vm "${MIMIC_WHOLE:-6.12}"
# What docs/speed.md promises and the machine has little to say in: a start from the cache, and what this side takes.
go -C ci/figures run . -kernels 6.12 -only starts,host -sequences 5 -check
claims -quick -vm "${MIMIC_KERNELS:-all}"
