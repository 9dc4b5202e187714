#!/bin/sh
# Builds a kernel of kernels.txt that has a configuration of ours: installs what that needs, if it
# is missing, and leaves the kernel in mimic's cache. A second call finds it there.
#
#   ci/kernels/build.sh kasan-6.12
set -eu

[ $# -eq 1 ] || {
	sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
cd "$(dirname "$0")/../.."
scripts/setup.sh

missing=

# need PACKAGE COMMAND: PACKAGE is missing if COMMAND is.
need() {
	command -v "$2" >/dev/null || missing="$missing $1"
}

need make make
need gcc gcc
need flex flex
need bison bison
need bc bc
need perl perl
need dwarves pahole
need xz-utils xz
need tar tar
need patch patch
[ -e /usr/include/gelf.h ] || missing="$missing libelf-dev"
[ -e /usr/include/openssl/ssl.h ] || missing="$missing libssl-dev"

as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo

# shellcheck disable=SC2086 # two words are meant to be two
install() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
}

if [ -n "$missing" ]; then
	echo "build.sh: installing$missing" >&2
	# Package lists that are too old name files that the mirror no longer has.
	install 2>/dev/null || { $as_root apt-get update -qq && install; } || {
		echo "build.sh: apt-get could not install$missing; check the network and apt's sources" >&2
		exit 1
	}
fi
exec go run ./cmd/mimic kernels fetch "$1"
