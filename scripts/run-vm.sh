#!/usr/bin/env bash
# From a fresh machine to a verdict on a kernel.
#
#   scripts/run-vm.sh 6.12              a series of kernels.txt, fetched once
#   scripts/run-vm.sh 6.1,7.2           several; all is every series that Debian has ready
#   scripts/run-vm.sh path/to/bzImage   anyone's image; host is this machine's kernel
#   scripts/run-vm.sh 6.12 -replay FILE, -seed N, -sequences N, -jobs N, -missing skip
#
# Exit code: 0 all held, 1 violation, 2 usage, 3 harness.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 3
if [ $# -lt 1 ] || [ "${1#-}" != "$1" ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
kernels=$1
shift
if ! command -v go >/dev/null; then
  echo "run-vm.sh: there is no go command in PATH: install Go (see go.mod for the version), then run this again" >&2
  exit 3
fi
if [ "$kernels" != host ]; then
  "$here/setup.sh" || exit 3
fi
cache=${MIMIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mimic}
mkdir -p "$cache/bin" || exit 3
# Paths are meant from where the user is, the module is where this script is.
(cd "$here/.." && go build -buildvcs=false -o "$cache/bin/mimic" ./cmd/mimic) || exit 3
MIMIC_SOURCE=$(cd "$here/.." && pwd) exec "$cache/bin/mimic" -vm "$kernels" "$@"
