#!/usr/bin/env bash
# Runs the tests under the kernel's own tracepoints, and prints how often each registration and each opcode reached it.
#
# Needs root and a kernel with tracefs; where it is missing the tests run all the same, untraced. Fails if a registration or an opcode
# that this kernel has never reached it (by the table of ci/facts), or if a test fails.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready
scratch

# operations KIND: their numbers, names and releases, by the table of ci/facts.
operations() { cargo run --quiet --locked --package facts -- "$1"; }
operations registrations >"$work/registrations"
operations opcodes >"$work/opcodes"
# This kernel's release, as that table has it.
release=$(uname -r | awk -F '[.+-]' '{ print 100 * $1 + $2 }')

mounted=$work/tracefs
mkdir "$mounted"
instance=$mounted/instances/bare-uring-$$
reader=
tidy() {
    [ -z "$reader" ] || kill "$reader" 2>/dev/null
    wait 2>/dev/null
    if mountpoint -q "$mounted"; then
        [ ! -d "$instance" ] || rmdir "$instance"
        umount "$mounted"
    fi
}
at_end tidy
# tests: runs them all.
tests() {
    if cargo test --locked --all-features --quiet -- --show-output >"$work/log" 2>&1; then
        ok "$(count '^test result: ok' "$work/log") programs of tests"
        if ci/skips.sh "$work/log"; then ok "what they skip"; else bad "what they skip"; fi
    else
        tail -n 50 "$work/log"
        bad "the tests"
    fi
}
cargo test --locked --all-features --no-run --quiet
if ! mount -t tracefs nodev "$mounted" 2>/dev/null || [ ! -d "$mounted/events/io_uring" ]; then
    tests
    skip "what reached the kernel" "tracefs can't be mounted here, or lacks io_uring's tracepoints (needs root)"
    finish
fi
mkdir "$instance"

echo 32768 >"$instance/buffer_size_kb"
# This process and its children only.
echo 1 >"$instance/options/event-fork"
echo $$ >"$instance/set_event_pid"
echo 1 >"$instance/events/syscalls/sys_enter_io_uring_register/enable"
echo 1 >"$instance/events/io_uring/io_uring_submit_req/enable"
# A request that the kernel refuses as it reads it: RECV_ZC, where there is no device for it.
echo 1 >"$instance/events/io_uring/io_uring_req_failed/enable"
cat "$instance/trace_pipe" >"$work/trace" &
reader=$!
tests
echo bare-uring-end >"$instance/trace_marker"
for ((tenth = 0; tenth < 300; tenth++)); do
    tail -c 4096 "$work/trace" | grep -q bare-uring-end && break
    sleep 0.1
done
# Lines `register 16 7` (in hex, without the bit for registered descriptors), `submit READ 9`, `refused READ 1`.
awk '/LOST/ { seen["lost events"]++ }
    /io_uring_register\(fd/ { sub(/.*opcode: /, ""); sub(/,.*/, ""); sub(/^0x/, ""); if (length > 7) $0 = substr($0, length - 6); sub(/^0+/, ""); seen["register " ($0 == "" ? 0 : $0)]++ }
    /io_uring_submit_req:/ { sub(/.*opcode /, ""); sub(/,.*/, ""); seen["submit " $0]++ }
    /io_uring_req_failed:/ { sub(/.*opcode /, ""); sub(/,.*/, ""); seen["refused " $0]++ }
    END { for (key in seen) print key, seen[key] }' "$work/trace" >"$work/counts"

count_of() { awk -v kind="$1" -v key="$2" '$1 == kind && $2 == key { sum += $3 } END { print sum + 0 }' "$work/counts"; }

# row NUMBER SINCE NAME COUNT [REFUSED]: a line of a table; what this kernel has must have reached it.
must=0 reached=0
row() {
    printf '%4d  %-24s %9d %9s\n' "$1" "$3" "$4" "${5-}"
    [ "$2" -le "$release" ] || return 0
    must=$((must + 1))
    if [ $(($4 + ${5:-0})) = 0 ]; then bad "$3 did not reach the kernel"; else reached=$((reached + 1)); fi
}
printf '\nregistrations\n'
while read -r number name since; do
    name=${name#IORING_}
    row "$number" "$since" "${name#REGISTER_}" "$(count_of register "$(printf '%x' "$number")")"
done <"$work/registrations"
printf '\nopcodes: submitted, refused when read\n'
while read -r number name since; do
    name=${name#IORING_OP_}
    # What the kernel's tracepoint prints.
    [ "$name" != EPOLL_CTL ] || name=EPOLL
    row "$number" "$since" "$name" "$(count_of submit "$name")" "$(count_of refused "$name")"
done <"$work/opcodes"
found '^lost' "$work/counts"
echo
same "operations that this kernel has, and that reached it" "$reached" "$must"
finish
