#!/usr/bin/env bash
# ci/guests.sh [all | ROW...]: runs the crate's tests, and the check of its kernel interface (conformance), on other kernels and
# architectures, as guests of QEMU.
#
# The rows are those of ci/guests.txt, which are kernels of ci/lib/kernels.table; without argument, the oldest and the
# newest kernel. The tests are linked statically; a busybox has the other programs that they need. A test that lacks
# something prints that and is skipped. ci/guests.txt has the number of skips: another number is a failure, and so is a
# program that does not come to its end. Kernels with a built-in NVMe driver get such a disk, with polled
# queues. Prints a line for each row and `N passed, N failed` at the end; consoles and the list of skips are in
# target/guests/log. With TESTS="NAME..." in the environment only those test programs run, and skips are not compared. Takes
# two to five minutes a row. Needs Debian on x86_64, and installs linkers for the rows' architectures.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
. ci/lib/cache.sh
. ci/lib/guest.sh
. ci/lib/programs.sh
. ci/lib/tests.sh

case ${1-} in
    '') rows=(x86_64-5.10 x86_64-newest) ;;
    all) mapfile -t rows < <(sed -n 's/^\([a-z][^ ]*\) .*/\1/p' ci/guests.txt) ;;
    *) rows=("$@") ;;
esac

programs=() machines=()
for name in "${rows[@]}"; do
    row "$name"
    programs+=("$program")
    machines+=("$machine")
done
need_qemu "${machines[@]}"
for program in "${programs[@]}"; do
    linker=$(cross_linker "$program")
    need "$linker"
done
ready
need_cross
# A failing build fails the rows that need it, and no others.
while read -r program; do
    build_tests "$program" 2>"$cache/log/build-$program.why" || rm -rf "$cache/tests-$program"
done < <(printf '%s\n' "${programs[@]}" | sort -u)

# verdict ROW: boots the row's kernel, and prints the row's line.
verdict() {
    . ci/lib/guest.sh
    local program machine suite package kernel status=FAIL log=$cache/log/tests-$1 tests wrong skips expected reasons
    local words=() disk=() files=() file programs ended memory=2G
    row "$1"
    if ! [ -d "$cache/tests-$program" ]; then
        printf 'FAIL %-15s %s\n' "$1" "$(tail -n 1 "$cache/log/build-$program.why")"
        return
    fi
    kernel=$(kernel_image "$1")
    for file in "$cache/tests-$program"/*; do files+=("tests/${file##*/}=$file"); done
    python3 ci/lib/initrd.py "$log.initrd" init=ci/lib/tests-init.sh bin/busybox="$cache/busybox-$program" \
        Cargo.toml=Cargo.toml "${files[@]}"
    # Before 6.10 a ring of buffers can't lie in high memory, which a 32-bit kernel has above 896 MiB.
    [ "$machine" != i686 ] || memory=800M
    if [[ $package == *-cloud-* ]]; then
        # Tests write to a disk of this serial number, and to no other. Multipath is off, because old kernels don't poll a disk that
        # may have several paths, and QEMU's may.
        truncate -s 64M "$log.disk"
        words=(nvme.poll_queues=2 nvme_core.multipath=N)
        # shellcheck disable=SC2054 # QEMU's options have commas.
        disk=(-drive "if=none,id=disk,format=raw,file=$log.disk" -device nvme,serial=bare-uring-tests,drive=disk)
    fi
    boot_seconds=1800 boot "$machine" "$kernel" "$log.initrd" "$log.log" "${words[@]}" -- -m "$memory" -smp 2 \
        "${disk[@]}" || echo "status $? of QEMU" >>"$log.log"
    rm -f "$log.initrd" "$log.disk"
    tr -d '\r' <"$log.log" >"$log.text"
    found -a '^skipped: ' "$log.text" | sort | uniq -c >"$log.skips"
    tests=$(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; .*/\1 \2/p' "$log.text" | awk '{ all += $1 + $2 } END { print all + 0 }')
    wrong=$(found -aE '^test .* FAILED$|^ended .* [1-9][0-9]*$' "$log.text" | paste -sd,)
    skips=$(awk '{ all += $1 } END { print all + 0 }' "$log.skips")
    programs=${#files[@]}
    ended=$(count -aE '^ended [a-z_0-9]+ 0$' "$log.text")
    expected=$(sed -nE "s/^$1 +([0-9]+)$/\1/p" ci/guests.txt)
    if [ -n "$wrong" ]; then
        :
    elif [ "$ended" != "$programs" ] || ! grep -aqx 'ended all' "$log.text"; then
        wrong="it did not come to its end: $ended of $programs programs"
    elif [ -z "${TESTS-}" ] && [ "$skips" != "$expected" ]; then
        wrong="the table has ${expected:-no such row}"
    elif [ -z "${TESTS-}" ] && grep -qxF "[$1]" ci/skips.txt && ! reasons=$(ci/skips.sh "$log.text" "$1" 2>&1); then
        wrong=$reasons
    else
        status=PASS
    fi
    printf '%s %-15s %-28s %s tests, %s skips%s\n' "$status" "$1" "$(sed -nE 's/.*kernel ([0-9]+\.[0-9]+\.[^ ]+).*/\1/p; T; q' "$log.text")" \
        "${tests:-0}" "$skips" "${wrong:+: $wrong}"
}
export -f verdict

# Each guest has two processors.
each "$((($(nproc) + 1) / 2))" verdict "${rows[@]}" | tee "$cache/log/tests-summary"
passed=$(count '^PASS' "$cache/log/tests-summary") failed=$((${#rows[@]} - passed))
finish
