#!/usr/bin/env bash
# ci/skips.sh LOG [SECTION]: counts the skips of a test run by their reasons, and compares the counts with ci/skips.txt.
#
# LOG is the output of `cargo test ... -- --show-output`. SECTION is a section of the table. Without SECTION it is this kernel's
# release, and rows that depend on this machine count as well. Fails on a reason that the table lacks, on one that is
# missing, and on another count, and prints both counts. `ci/skips.sh --rows LOG` only prints the counts as rows of the table.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
ready
scratch

# reasons LOG: prints lines `COUNT<tab>REASON`. A skip is a line `skipped: TEST: REASON`, whose test has no ": " in its name.
reasons() {
    awk '{ sub(/\r$/, "") }
        /^skipped: / { sub(/^skipped: /, ""); sub(/^([^:]|:[^ ])*: /, ""); count[$0]++ }
        END { for (reason in count) print count[reason] "\t" reason }' "$1" | sort -k 1,1rn -k 2
}

# fact NAME: passes if the fact holds on this machine.
fact() {
    case $1 in
        no-root) [ "$(id -u)" != 0 ] ;;
        no-disk) [ "$(sed 's/ *$//' /sys/block/nvme0n1/device/serial 2>/dev/null)" != bare-uring-tests ] ;;
        no-loop) [ "$(id -u)" != 0 ] || [ ! -e /dev/loop-control ] || ! command -v losetup >/dev/null ;;
        loop) ! fact no-loop ;;
        no-cpuset) [ ! -w /sys/fs/cgroup/cpuset ] ;;
        one-cpu) [ "$(nproc)" = 1 ] ;;
        no-zcrx) ! kernel_has IO_URING_ZCRX ;;
        no-napi) [ ! -e /proc/sys/net/core/busy_poll ] ;;
        other-machine) [ "$(uname -m)" != x86_64 ] ;;
        *) { bad "the table names a fact that ci/skips.sh does not know: $1"; finish; } >&2 ;;
    esac
}

# kernel_has OPTION: passes if the kernel was built with the option, or does not tell.
kernel_has() {
    [ ! -r /proc/config.gz ] || gzip -cd /proc/config.gz | grep -q "^CONFIG_$1=y"
}

if [ "$1" = --rows ]; then
    reasons "$2" | sed 's/\t/  -  /'
    ok "rows for the table"
    finish
fi
log=$1
section=${2-$(uname -r | cut -d . -f 1,2)}

if grep -a 'skipped: ' "$log" | grep -aqv '^skipped: '; then
    bad "skips begin in the middle of lines: the tests are to run with --show-output"
    finish
fi
reasons "$log" >"$work/came"
sed -n "/^\[$section\]\$/,/^\[/p" ci/skips.txt | sed '/^\[/d; /^#/d; /^ *$/d' >"$work/rows"
if [ ! -s "$work/rows" ]; then
    bad "ci/skips.txt has no section [$section]. Its rows would be, each to be looked at"
    sed 's/\t/  -  /' "$work/came"
    finish
fi
# The rows that hold here. In another kernel's section only rows without a condition do.
while read -r count condition reason; do
    if [ "$condition" = - ] || { [ $# != 2 ] && fact "$condition"; }; then printf '%s\t%s\n' "$count" "$reason"; fi
done <"$work/rows" >"$work/expected"

if awk -F '\t' -v section="$section" -f ci/lib/skips.awk "$work/expected" "$work/came"; then
    ok "skips are those of the table"
else
    bad "skips are not those of the table"
fi
finish
