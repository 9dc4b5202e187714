#!/usr/bin/env bash
# Records what the sequences of FINDINGS.md are answered, on the kernels that known.txt speaks
# of: those that show a deviation first, and those that do not any more. Without QEMU or a
# network, CI judges the traces again (go test ./suite -run TestTraces).
#
#   scripts/record-findings.sh          all kernels of known.txt
#   scripts/record-findings.sh 6.12     one
set -eu
cd "$(dirname "$0")/.."
kernels=${1:-$(awk '!/^#/ && NF { print $3; if ($4 != "-") print $4 }' known.txt | sort -uV | paste -sd,)}
scripts/setup.sh
# Sequences that need mode det to show anything are recorded in it.
det=findings/H12-id-hash.seq
# F9 is of kernels of 32 bits, H14 of no kernel every time.
fast=$(printf '%s\n' findings/*.seq | grep -v -e "^$det\$" -e /F9- -e /H14-)
# Exit code 1 is a violation: some are of what known.txt does not list.
# shellcheck disable=SC2086 # many words are meant
go run ./cmd/mimic replay -vm "$kernels" -tries 6 -traces findings/traces $fast >/dev/null || [ $? -eq 1 ]
[ $# -gt 0 ] || go run ./cmd/mimic replay -vm 6.1/386 -tries 6 -traces findings/traces findings/F9-*.seq >/dev/null || [ $? -eq 1 ]
go run ./cmd/mimic replay -vm "${1:-6.12}" -mode det -traces findings/traces "$det" >/dev/null || [ $? -eq 1 ]
