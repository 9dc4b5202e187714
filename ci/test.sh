#!/usr/bin/env bash
# Installs what the tests need and passes them: vet, the unit tests, the tests
# that boot guests, and the suite on every kernel of kernels.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
go vet ./...
MIMIC_VM=1 go test -count=1 ./...
go test -race -short -count=1 ./ops/... ./properties/... ./report/... ./target/... ./suite/...
go test ./suite -run 'TestClaims|TestReplay' -vm "${MIMIC_KERNELS:-all}" -count=1 -timeout 30m
