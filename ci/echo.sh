#!/usr/bin/env bash
# ci/echo.sh: checks that the freestanding program `echo` serves thousands of clients at once, with one kind of system call.
#
# Prints one line for each check, and at the end `N passed, N failed`. Prints what it skips on this machine, and why. The
# clients are in ci/echo_client.py; all traffic stays on 127.0.0.1. Under half a minute.
set -euo pipefail
# A caller such as nohup may ignore these signals. The program would inherit that, and a signal would not end it.
[ -n "${signals_are_default-}" ] || signals_are_default=1 exec env --default-signal=HUP,TERM "$0" "$@"
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
need python3 strace
ready
scratch
. ci/lib/server.sh

cargo build --quiet --locked --release -p freestanding --bin echo
echo=${CARGO_TARGET_DIR:-target}/release/echo
client() { timeout 60 python3 ci/echo_client.py "$1" "$port"; }

refused "a port that is none" 2 "usage: echo" "$echo" 65536
refused "a word" 2 "usage: echo" "$echo" seven
refused "a count left out" 2 "usage: echo" "$echo" 0 --connections
refused "--help" 0 "usage: echo" "$echo" --help
check "it listens" listening "$echo"
refused "a port that is taken" 1 "echo: bind: EADDRINUSE" "$echo" "$port"
check "SIGTERM ends it" ended TERM

# ---- clients of all kinds

listening "$echo" 0
before=$(files)
check "1 MiB" client one
check "to 200 at once, 64 KiB each" client many
if [ "$(ulimit -H -n)" = unlimited ] || [ "$(ulimit -H -n)" -ge 4500 ]; then
    check "to 3,000 at once" client crowd
    check "room for 4,096, and more are closed at once" client too_many
else
    skip "thousands at once" "no more than $(ulimit -H -n) open files are allowed"
fi
check "clients that leave early" client early
check "clients that never read, and others meanwhile" client greedy
check "those that came while no buffer was free" client starved
check "1 MiB after all that" client one
check "all files are closed, $before are left" settled "$before"
client hold >"$work/held" &
holder=$!
check "clients that go on and on" appears "$work/held"
check "SIGTERM ends it while data is on its way" ended TERM
check "whose clients see the end" wait $holder
listening "$echo" 0 --connections 2000
check "2,000 connections, one after the other" client sequence
check "--connections 2000 ends after them" ended ""
listening "$echo" "$port"
check "the same port, again" client one
check "and that ends, too" ended TERM
# shellcheck disable=SC2016 # The inner shell expands it.
listening bash -c 'ulimit -n 64; exec "$@"' few "$echo"
check "to 200 at once, with files for 64" client many
check "SIGTERM ends it, too" ended TERM

# ---- the system calls

if traces; then
    listening strace -f -o "$work/calls" "$echo" --connections 200
    check "traced, to 200 at once" client many
    check "it ends after 200 connections" ended ""
    others=$(count -vE '^[0-9]+ +(io_uring_enter\(|<\.\.\. io_uring_enter|\+\+\+)' "$work/calls")
    check "whatever it serves, it calls io_uring_enter only, but for $others at start and end: $(calls "$work/calls")" \
        test "$others" -gt 0 -a "$others" -le 25
else
    skip "the system calls" "tracing is not allowed"
fi
finish
