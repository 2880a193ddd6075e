# Starting and ending servers: the freestanding echo, and the programs of examples/runtime. Source this file.
# shellcheck shell=bash
#
# The sourcing script has sourced check.sh and has called `scratch`.

server='' port=''
at_end 'hushed'
# hushed: kills the server, so that it does not outlive the script.
hushed() { [ -z "$server" ] || kill -KILL "$server" 2>/dev/null; }

# listening PROGRAM ARGUMENT...: starts a server, and waits until it prints where it listens. Sets server and port.
listening() {
    local try
    rm -f "$work/where"
    # The file must be there before it is read below, even if the background job starts late.
    : >"$work/where"
    "$@" >"$work/where" 2>"$work/err" &
    server=$!
    for ((try = 0; try < 200; try++)); do
        port=$(sed -nE 's/^listening on 127\.0\.0\.1:([0-9]+)$/\1/p' "$work/where")
        [ -z "$port" ] || return 0
        sleep 0.05
    done
    echo "it does not say where it listens: $(cat "$work/err")"
    return 1
}
# ended SIGNAL: sends the signal unless it is empty, waits for the server's end, and passes if the status is 0.
ended() {
    local status=0
    [ -z "$1" ] || kill "-$1" "$server" || return 1
    timeout 20 tail --pid="$server" -f /dev/null || kill -KILL "$server"
    wait "$server" 2>/dev/null || status=$?
    server=
    [ "$status" = 0 ] || { echo "status $status, $(cat "$work/err")"; return 1; }
}
# files: prints how many files the server has open.
files() { find "/proc/$server/fd" -mindepth 1 | wc -l; }
# settled COUNT: waits until the server has so many files open, since it closes connections a moment later.
settled() {
    local try
    for ((try = 0; try < 100; try++)); do
        [ "$(files)" != "$1" ] || return 0
        sleep 0.05
    done
    echo "$(files) files, not $1"
    return 1
}
# appears FILE: waits until the file has content.
appears() {
    local try
    for ((try = 0; try < 200; try++)); do
        [ ! -s "$1" ] || return 0
        sleep 0.05
    done
    echo "nothing came into $1"
    return 1
}
# traces: passes if strace works on this machine.
traces() { strace -o "$work/.traced" true 2>/dev/null && [ -s "$work/.traced" ]; }
# calls FILE: prints the system calls of a trace as `name:count`, most frequent first.
calls() { sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$1" | sort | uniq -c | sort -rn | awk '{ printf "%s:%s ", $2, $1 }'; }
