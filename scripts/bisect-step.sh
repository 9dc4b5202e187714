#!/usr/bin/env bash
# One step of a bisection over a kernel's git tree: builds the tree in the current directory,
# runs the sequence, and tells git.
#
#   git bisect start BAD GOOD
#   git bisect run path/to/mimic/scripts/bisect-step.sh FOLDER [-config FILE] [-mode det]
#
# FOLDER is a folder of evidence, or the file of a sequence. Exit code: 0 good, 1 bad,
# 125 cannot be tested (does not build or boot, lacks a feature), 128 stop: what is wrong is not
# the kernel.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 128
if [ $# -lt 1 ] || [ "${1#-}" != "$1" ]; then
  sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
  exit 128
fi
cache=${MIMIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mimic}
mkdir -p "$cache/bin" || exit 128
(cd "$here/.." && go build -o "$cache/bin/mimic" ./cmd/mimic) || exit 128
MIMIC_SOURCE=$(cd "$here/.." && pwd) "$cache/bin/mimic" bisect -step "$@"
code=$?
case $code in
0 | 1 | 125) exit $code ;;
*) exit 128 ;; # git would take it for a bad commit
esac
