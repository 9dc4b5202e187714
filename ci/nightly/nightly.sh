#!/bin/sh
# One night's run of mimic on a machine of one's own: every kernel, a seed that is the day, and a folder
# of reports for each day, of which the newest thirty stay. mimic-nightly.timer and the line for cron in
# docs/ci.md call it.
#
#   ci/nightly/nightly.sh [FOLDER [FLAGS…]]    FOLDER is /var/lib/mimic unless given; flags are those of mimic run;
#                                              MIMIC_KERNELS is what -vm takes, all rows of kernels.txt unless set;
#                                              MIMIC_BUDGET is how many times the usual run each kernel is asked, 10 unless set
#
# Exit code: that of mimic (0 held, 1 violation, 2 usage, 3 harness).
set -u
here=$(cd "$(dirname "$0")/../.." && pwd) || exit 3
folder=${1:-${STATE_DIRECTORY:-/var/lib/mimic}}
[ $# -eq 0 ] || shift
day=$(date -u +%Y%m%d)
out=$folder/$day
mkdir -p "$out" || exit 3
# Two runs at once would write to one folder.
exec 9>"$folder/lock" || exit 3
flock -n 9 || {
	echo "nightly.sh: another run holds $folder/lock: wait for it, or end it" >&2
	exit 3
}
case " $* " in # what says itself how much
*" -budget"* | *" -sequences"* | *" -quick"* | *" --budget"* | *" --sequences"* | *" --quick"*) ;;
*) set -- -budget "${MIMIC_BUDGET:-10}" "$@" ;;
esac
MIMIC_CACHE=${MIMIC_CACHE:-$folder/cache} "$here/scripts/run-vm.sh" "${MIMIC_KERNELS:-all}" -seed "$day" -missing skip -out "$out" \
	-ktap "$out/mimic.ktap" -junit "$out/mimic.xml" -json "$out/mimic.json" -html "$out/mimic.html" "$@" >"$out/mimic.txt"
code=$?
ln -sfn "$day" "$folder/latest"
find "$folder" -mindepth 1 -maxdepth 1 -type d -name '2???????' | sort -r | tail -n +31 | while read -r old; do rm -rf "$old"; done
exit "$code"
