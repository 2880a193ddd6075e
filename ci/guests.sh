#!/usr/bin/env bash
# ci/guests.sh [all | ROW...]: the crate's own tests as the guests of other kernels and architectures.
#
# The rows are those of ci/guests.txt, which are kernels of ci/lib/kernels.table; without argument, the oldest and the
# newest kernel. The tests are linked statically and run under the kernel, with a busybox for what else is needed. A
# test that lacks something says so and is skipped: ci/guests.txt has how many skips there are, and another number is a
# failure, as is a program that did not come to its end. Kernels with a driver for NVMe built in get such a disk, with polled
# queues. Prints a line for each row and `N passed, N failed` at the end; consoles and the list of skips are in
# target/guests/log. Takes two to five minutes a row. Needs Debian on x86_64, and installs linkers for the architectures that
# it is to run.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/guests/log"
target=$(cd "$target" && pwd)
cache=$target/guests
export target cache
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
need_qemu $(printf '%s\n' "${machines[@]}" | sort -u)
# What can't be built fails the rows that need it, and no others.
while read -r program; do
    build_tests "$program" 2>"$cache/log/build-$program.why" || rm -rf "$cache/tests-$program"
done < <(printf '%s\n' "${programs[@]}" | sort -u)

# verdict ROW: boots it, and prints its line.
verdict() {
    . ci/lib/guest.sh
    local program machine suite package kernel status=FAIL log=$cache/log/tests-$1 tests failed skips expected reasons
    local words=() disk=() programs ended memory=2G
    row "$1"
    if ! [ -d "$cache/tests-$program" ]; then
        printf 'FAIL %-15s %s\n' "$1" "$(tail -n 1 "$cache/log/build-$program.why")"
        return
    fi
    kernel=$(kernel_image "$1")
    python3 ci/lib/initrd.py "$log.initrd" init=ci/lib/tests-init.sh bin/busybox="$cache/busybox-$program" \
        Cargo.toml=Cargo.toml $(printf 'tests/%s ' $(cd "$cache/tests-$program" && for t in *; do echo "$t=$PWD/$t"; done))
    # High memory, which a kernel of 32 bits has from 896 MiB on, can't hold rings of buffers before 6.10.
    [ "$machine" != i686 ] || memory=800M
    if [[ $package == *-cloud-* ]]; then
        # Tests write to a disk of this serial number, and to no other. Over several paths, which the machine says that
        # this disk may have, old kernels do not poll.
        truncate -s 64M "$log.disk"
        words=(nvme.poll_queues=2 nvme_core.multipath=N)
        disk=(-drive "if=none,id=disk,format=raw,file=$log.disk" -device nvme,serial=bare-uring-tests,drive=disk)
    fi
    boot_seconds=1800 boot "$machine" "$kernel" "$log.initrd" "$log.log" "${words[@]}" -- -m "$memory" -smp 2 \
        "${disk[@]}" || true
    rm -f "$log.initrd" "$log.disk"
    tr -d '\r' <"$log.log" >"$log.text"
    grep -a '^skipped: ' "$log.text" | sort | uniq -c >"$log.skips" || true
    tests=$(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; .*/\1 + \2/p' "$log.text" | paste -sd+ | bc)
    failed=$(grep -aE '^test .* FAILED$|^ended .* [1-9][0-9]*$' "$log.text" | paste -sd, || true)
    skips=$(awk '{ all += $1 } END { print all + 0 }' "$log.skips")
    programs=$(ls "$cache/tests-$program" | wc -l)
    ended=$(grep -acE '^ended [a-z_0-9]+ 0$' "$log.text" || true)
    expected=$(sed -nE "s/^$1 +([0-9]+)$/\1/p" ci/guests.txt)
    if [ -n "$failed" ]; then
        :
    elif [ "$ended" != "$programs" ] || ! grep -aqx 'ended all' "$log.text"; then
        failed="it did not come to its end: $ended of $programs programs"
    elif [ "$skips" != "$expected" ]; then
        failed="the table has ${expected:-no such row}"
    elif grep -qxF "[$1]" ci/skips.txt && ! reasons=$(ci/skips.sh "$log.text" "$1" 2>&1); then
        failed=$reasons
    else
        status=PASS
    fi
    printf '%s %-15s %-28s %s tests, %s skips%s\n' $status "$1" "$(grep -aoP 'kernel \K[0-9]+\.[0-9]+\.\S+' "$log.text" | head -n 1)" \
        "${tests:-0}" "$skips" "${failed:+: $failed}"
}
export -f verdict

# Each guest has two processors.
printf '%s\n' "${rows[@]}" | xargs -P "$((($(nproc) + 1) / 2))" -I ROW bash -c 'verdict ROW' | tee "$cache/log/tests-summary"
passed=$(grep -c ^PASS "$cache/log/tests-summary" || true)
echo "$passed passed, $((${#rows[@]} - passed)) failed"
[ "$passed" = ${#rows[@]} ]
