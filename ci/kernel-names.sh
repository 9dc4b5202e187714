#!/bin/sh
# Prints a list in JSON of the kernels that a CI has one job for: those given, separated by commas,
# or each row of kernels.txt that -vm all has.
#
#   ci/kernel-names.sh [KERNELS]
set -eu
cd "$(dirname "$0")/.."
if [ -n "${1:-}" ]; then
	# Only what a name of a kernel can have in it goes into somebody's pipeline.
	case $1 in
	*[!A-Za-z0-9.,:/=+_~-]*)
		echo "kernel-names.sh: $1: want names as -vm takes them, separated by commas" >&2
		exit 2
		;;
	esac
	echo "[\"$1\"]" | sed 's/,/","/g'
	exit
fi
go run -buildvcs=false ./cmd/mimic kernels list -json |
	sed -n 's/^ *{"name":"\([^"]*\)",.*"all":true.*/"\1"/p' | paste -sd, | sed 's/.*/[&]/'
