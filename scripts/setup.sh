#!/bin/sh
# Installs what booting kernels needs, if it is missing: QEMU for x86 with its firmware, and the
# keys of the Debian archive. Needs apt-get, and root or sudo. Does nothing when all is there.
# "setup.sh reports" also installs what the tests of reports look at them with: xmllint and a browser.
# "setup.sh arches" also installs QEMU for the other architectures of vmtest/arch.go.
set -eu

missing=

# need PACKAGE FILE: PACKAGE is missing if FILE is.
need() {
	[ -e "$2" ] || missing="$missing $1"
}

die() {
	echo "setup.sh: $*" >&2
	exit 1
}

command -v qemu-system-x86_64 >/dev/null || missing=" qemu-system-x86"
need qemu-system-data /usr/share/qemu/qboot.rom
[ -e /usr/share/keyrings/debian-archive-keyring.pgp ] ||
	need debian-archive-keyring /usr/share/keyrings/debian-archive-keyring.gpg
if [ "${1:-}" = reports ]; then
	command -v xmllint >/dev/null || missing="$missing libxml2-utils"
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
		missing="$missing chromium"
fi
if [ "${1:-}" = arches ]; then # Debian 12 has s390x with the rest, later ones apart
	command -v qemu-system-aarch64 >/dev/null || missing="$missing qemu-system-arm"
	command -v qemu-system-ppc64 >/dev/null || missing="$missing qemu-system-ppc"
	command -v qemu-system-riscv64 >/dev/null || missing="$missing qemu-system-misc"
	if ! command -v qemu-system-s390x >/dev/null; then
		s390x=qemu-system-s390x
		apt-cache policy $s390x 2>/dev/null | grep -q 'Candidate: [0-9]' || s390x=qemu-system-misc
		case "$missing " in *" $s390x "*) ;; *) missing="$missing $s390x" ;; esac
	fi
fi
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null ||
	die "missing:$missing; this machine has no apt-get, so install them by its own means"

as_root=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		die "missing:$missing; run this script as root, there is no sudo"
	as_root=sudo
fi

echo "setup.sh: installing$missing" >&2
# shellcheck disable=SC2086 # two words are meant to be two
install() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
}

# Package lists that are too old name files that the mirror no longer has.
install 2>/dev/null || { $as_root apt-get update -qq && install; } ||
	die "apt-get could not install$missing; check the network and apt's sources"
