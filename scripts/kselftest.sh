#!/bin/sh
# Runs mimic as a test of the kernel's own kind: KTAP version 1 on the standard output, all else on the
# standard error, and an exit code of kselftest. On this machine's kernel unless kernels are named.
#
#   scripts/kselftest.sh                       as root, on the machine to test
#   scripts/kselftest.sh -vm path/to/bzImage   in a guest; any flags of mimic run but -ktap
#   MIMIC=path/to/mimic scripts/kselftest.sh   with a mimic that is built already
#
# Exit code: 0 pass, 1 fail (the harness too), 2 xfail: nothing fails but what known.txt lists,
# 3 xpass: nothing fails, but something that known.txt lists holds, 4 skip: nothing could be asked.
# runner.sh of kselftest takes 2 and 3 for failures: with XFAIL=0 a listed failure is a pass.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
skip() {
	printf 'KTAP version 1\n1..0 # SKIP %s\n' "$1"
	exit 4
}
case " $* " in
*" -vm "* | *" -vm="* | *" --vm "* | *" --vm="*) ;;
*)
	caps=0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
	[ $((caps >> 21 & 1)) -eq 1 ] || skip "want CAP_SYS_ADMIN, as root has it, to ask the kernel of this machine"
	set -- -vm host "$@"
	;;
esac
if [ -z "${MIMIC:-}" ]; then
	command -v go >/dev/null || skip "there is no go to build mimic with, and MIMIC names none that is built"
	MIMIC=${MIMIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mimic}/bin/mimic
	(cd "$here/.." && go build -buildvcs=false -o "$MIMIC" ./cmd/mimic) >&2 || exit 1
fi
code=$(mktemp) || exit 1
trap 'rm -f "$code"' EXIT
# KTAP goes out while mimic runs, so through a pipe; its exit code goes by a file. Four spaces
# stand before a claim, two before what the harness says of a kernel.
{
	MIMIC_SOURCE=${MIMIC_SOURCE:-$here/..} "$MIMIC" run "$@" -ktap -
	echo $? >"$code"
} | awk -v code="$code" -v expected="${XFAIL:-2}" '
	{ print; fflush() }
	/^    not ok .*# unexpected pass/ { xpass = 1; next }
	/^    not ok / || /^  not ok 1 harness/ { fail = 1 }
	/^    ok .*# XFAIL known deviation/ { xfail = 1 }
	/^    ok / && !/# SKIP/ { pass = 1 }
	END {
		getline exited <code
		if (fail || exited > 1 || exited == 1 && !xpass) exit 1
		if (xpass) exit 3
		if (xfail) exit expected
		exit pass ? 0 : 4
	}'
