#!/usr/bin/env bash
# ci/kernels.sh [all | fetch | ROW...]: boots kernels of other versions and architectures, with the program `init` of
# examples/freestanding as process 1. That program first makes the checks of `every_kernel`, and both parts must pass.
#
# The rows are those of ci/lib/kernels.table. Without argument it boots one row of each architecture, and the oldest and the
# newest kernel of two of them; `all` boots every row, and `fetch` only fetches the kernels that it boots without argument.
# Fetches kernels and QEMU, and builds the programs, each once, below target/. Prints one line for each row, and at the end
# `N passed, N failed`; the guests' consoles are in target/guests/log. Needs Debian on x86_64.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
. ci/lib/cache.sh
. ci/lib/guest.sh
. ci/lib/programs.sh

# Between two of these kernels the layout of the ring's header, the features, or the way into the kernel changed.
lean=(x86_64-5.10 x86_64-6.1 x86_64-6.12 x86_64-newest i686-6.5 aarch64-5.10 aarch64-newest arm-newest thumb-newest
    riscv64-newest ppc64le-newest s390x-newest loong64-newest)
case ${1-} in
    '' | fetch) rows=("${lean[@]}") ;;
    all) mapfile -t rows < <(sed -n 's/^\([a-z][^ ]*\) .*/\1/p' ci/lib/kernels.table) ;;
    *) rows=("$@") ;;
esac

programs=() machines=()
for name in "${rows[@]}"; do
    row "$name"
    programs+=("$program")
    machines+=("$machine")
done

# fetch ROW: downloads the row's kernel, so that no boot waits for another row's download.
fetch() {
    . ci/lib/guest.sh
    # The row's line reports a kernel that can't be had.
    kernel_image "$1" >"$cache/log/$1.kernel" 2>"$cache/log/$1.fetch" || rm -f "$cache/log/$1.kernel"
}
# verdict ROW: boots the row's kernel, and prints the row's line.
verdict() {
    . ci/lib/guest.sh
    local program machine suite package kernel result every status=FAIL tenths before=${EPOCHREALTIME/./} log=$cache/log/$1.log
    row "$1"
    if [ -s "$cache/log/$1.kernel" ] && kernel=$(cat "$cache/log/$1.kernel"); then
        python3 ci/lib/initrd.py "$cache/log/$1.initrd" init="$cache/init-$program"
        boot "$machine" "$kernel" "$cache/log/$1.initrd" "$log" || echo "status $? of QEMU" >>"$log"
        rm -f "$cache/log/$1.initrd"
        # The firmware moves the cursor, and clears the screen.
        result=$(sed -E 's/\r//g; s/\x1b[^A-Za-z]*[A-Za-z]/\n/g' "$log" |
            found -aoE '^(OK|FAIL|panic at) .*|Kernel panic .*')
        every=$(found -E '^(OK|FAIL) every kernel: ' <<<"$result")
        result=$(tail -n 1 <<<"$result")
        [[ $every != OK* || $result != OK\ io_uring* ]] || status=PASS
        result+=${every:+; ${every#OK }}
    else
        result=$(tail -n 1 "$cache/log/$1.fetch")
    fi
    tenths=$(((${EPOCHREALTIME/./} - before) / 100000))
    printf '%s %-15s %5s s  %s\n' "$status" "$1" "$((tenths / 10)).$((tenths % 10))" "${result:-nothing said in time, see $log}"
}
export -f fetch verdict

if [ "${1-}" = fetch ]; then
    each 2 fetch "${rows[@]}"
    for name in "${rows[@]}"; do
        if [ -s "$cache/log/$name.kernel" ]; then ok "$name"; else bad "$name" "$(tail -n 1 "$cache/log/$name.fetch")"; fi
    done
    finish
fi
need_qemu "${machines[@]}"
ready
need_cross
each 4 fetch "${rows[@]}" &
fetching=$!
stop_fetching() { [ -z "$fetching" ] || kill "$fetching" 2>/dev/null; }
at_end stop_fetching
mapfile -t programs < <(printf '%s\n' "${programs[@]}" | sort -u)
compile_freestanding "${programs[@]}" -- init --features report-panics
for program in "${programs[@]}"; do
    binary=$(build_freestanding "$program" init --features report-panics)
    cp "$binary" "$cache/init-$program"
done
wait "$fetching"
fetching=

each "$(nproc)" verdict "${rows[@]}" | tee "$cache/log/summary"
passed=$(count '^PASS' "$cache/log/summary") failed=$((${#rows[@]} - passed))
finish
