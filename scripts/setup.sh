#!/bin/sh
# Installs what booting kernels needs, if it is missing: QEMU for x86 with its firmware, and the
# keys of the Debian archive. Needs apt-get, and root or sudo. Does nothing when all is there.
# "setup.sh reports" also installs what the tests of reports look at them with: xmllint and a browser;
# "setup.sh lint" what ci/lint looks at scripts and units with; "setup.sh tests" both.
# "setup.sh vng" also installs virtme-ng, for -backend vng: Debian packages it from 13 on; on 12 the
# package of 13 does, which is taken from this machine's own mirror, without a change of its sources.
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
case ${1:-} in
lint | tests)
	command -v shellcheck >/dev/null || missing="$missing shellcheck"
	command -v systemd-analyze >/dev/null || missing="$missing systemd"
	;;
esac
case ${1:-} in
reports | tests)
	command -v xmllint >/dev/null || missing="$missing libxml2-utils"
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
		missing="$missing chromium"
	;;
esac
virtme=
if [ "${1:-}" = vng ] && ! command -v vng >/dev/null; then
	if [ -n "$(apt-cache madison virtme-ng 2>/dev/null)" ]; then
		missing="$missing virtme-ng"
	else
		virtme=trixie
	fi
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
[ -n "$missing$virtme" ] || exit 0

command -v apt-get >/dev/null ||
	die "missing:$missing${virtme:+ virtme-ng}; this machine has no apt-get, so install them by its own means"

as_root=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		die "missing:$missing${virtme:+ virtme-ng}; run this script as root, there is no sudo"
	as_root=sudo
fi

# from_suite SUITE PACKAGE DIR: downloads a package of another suite of the archive into DIR, with
# lists of its own there, so that the machine's stay as they are.
from_suite() {
	# shellcheck disable=SC2016 # apt reads the dollar
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
	[ -n "$mirror" ] || die "apt's sources name no mirror of Debian to take $2 of $1 from; install $2 by other means"
	keys=/usr/share/keyrings/debian-archive-keyring.pgp
	[ -e "$keys" ] || keys=/usr/share/keyrings/debian-archive-keyring.gpg
	mkdir -p "$3/state/lists/partial" "$3/cache/archives/partial"
	echo "deb [target=Packages signed-by=$keys] $mirror $1 main" >"$3/sources.list"
	cat >"$3/apt.conf" <<-END
		Dir::Etc::sourcelist "$3/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State::lists "$3/state/lists";
		Dir::Cache "$3/cache";
		Acquire::Languages "none";
		APT::Sandbox::User "root";
	END
	(cd "$3" && export APT_CONFIG="$3/apt.conf" && apt-get -qq update && apt-get -qq download "$2")
}

echo "setup.sh: installing$missing${virtme:+ virtme-ng of $virtme}" >&2
# shellcheck disable=SC2086 # two words are meant to be two
install() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
}

if [ -n "$virtme" ]; then
	own=$(mktemp -d)
	trap 'rm -rf "$own"' EXIT
	chmod 755 "$own"
	[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || [ -e /usr/share/keyrings/debian-archive-keyring.pgp ] || install ||
		die "apt-get could not install$missing, whose keys virtme-ng is checked with"
	from_suite "$virtme" virtme-ng "$own" || die "could not download virtme-ng of $virtme; check the network and apt's sources"
	missing="$missing $(echo "$own"/virtme-ng_*.deb)"
fi

# Package lists that are too old name files that the mirror no longer has.
install 2>/dev/null || { $as_root apt-get update -qq && install; } ||
	die "apt-get could not install$missing; check the network and apt's sources"
