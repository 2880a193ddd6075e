#!/usr/bin/env bash
# ci/http.sh: checks that the programs of examples/runtime serve and refuse what they should, and allocate no memory for it.
#
# Prints one line for each check, and at the end `N passed, N failed`. Prints what it skips on this machine, and why. All
# traffic stays on 127.0.0.1. Half a minute once all is built.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
need readelf curl python3 wrk strace
ready
scratch
. ci/lib/server.sh
target=${CARGO_TARGET_DIR:-target}

cargo build --quiet --locked --release -p runtime
ok "builds"
http=$target/release/http mirror=$target/release/mirror

# ---- what is in the files

for file in "$http" "$mirror"; do
    name=$(basename "$file")
    # A file of type EXEC is linked completely: the linker refuses undefined symbols.
    check "$name: $(stat -c %s "$file") bytes, loaded where it was linked to" \
        bash -c "readelf -hW '$file' | grep -qE 'Type: +EXEC'"
    check "$name: no interpreter, no dynamic section" \
        bash -c "readelf -lW '$file' | grep -q LOAD && ! readelf -lW '$file' | grep -qE 'INTERP|DYNAMIC'"
    # All memory of slots and buffers begins as zeros. If some did not, the file would have megabytes of it.
    check "$name: its memory takes no room in the file" test "$(stat -c %s "$file")" -lt 1000000
done
# The crates are those of this package alone: the whole workspace has an allocator.
crates=$(cargo tree --locked -p runtime --edges normal --prefix none)
check "its crates" grep -q '^bare-uring-ops ' <<<"$crates"
same "no allocator and no libc among them" \
    "$(found -E '^(libc|errno|rustix|linked_list_allocator|talc|embedded-alloc) ' <<<"$crates")" ""

# ---- running it

# memory FIELD: prints a figure of the server's memory, in KiB.
memory() { awk -v field="$1:" '$1 == field { print $2 }' "/proc/$server/status"; }

site=$work/site
mkdir -p "$site/sub" "$work/outside"
for size in 0 1 8000 8192 8193 100000 10485760 33554432; do head -c "$size" /dev/urandom >"$site/$size"; done
echo '<p>home' >"$site/index.html"
echo '<p>sub' >"$site/sub/index.html"
echo 'a b' >"$site/a b.txt"
echo secret >"$work/outside/secret"
ln -s 100000 "$site/inside-link"
ln -s "$work/outside/secret" "$site/outside-link"
ln -s ../outside "$site/outside-directory"
ln -s loop "$site/loop"
mkfifo "$site/fifo"
truncate -s 64M "$site/sparse"

refused "no argument" 2 "usage: http" "$http"
refused "a port that is none" 2 "usage: http" "$http" "$site" 65536
refused "a patience that is none" 2 "usage: http" "$http" --patience 0 "$site"
refused "an argument too many" 2 "usage: http" "$http" "$site" 0 x
refused "--help" 0 "usage: http" "$http" --help
refused "a directory that is missing" 1 "http: directory: ENOENT" "$http" "$work/none"
refused "a directory that is a file" 1 "http: directory: ENOTDIR" "$http" "$site/1"

check "http listens" listening "$http" --patience 2 "$site"
refused "a port that is taken" 1 "http: listen: EADDRINUSE" "$http" "$site" "$port"
at=http://127.0.0.1:$port
idle=$(files)

# ---- curl

# status CODE ARGUMENT...: passes if the answer to curl has this code.
status() {
    local want=$1 code
    shift
    code=$(curl -s -m 10 -o /dev/null -w '%{http_code}' --path-as-is "$@")
    [ "$code" = "$want" ] || { echo "$code"; return 1; }
}
for size in 0 1 8000 8192 8193 100000 10485760; do
    check "a file of $size bytes" bash -c "curl -sf -m 20 '$at/$size' | cmp - '$site/$size'"
done
check "/ is index.html" bash -c "curl -sf '$at/' | cmp - '$site/index.html'"
check "a directory's index.html" bash -c "curl -sf '$at/sub/' | cmp - '$site/sub/index.html'"
check "an encoded name" bash -c "curl -sf '$at/a%20b.txt' | cmp - '$site/a b.txt'"
check "a query is ignored" bash -c "curl -sf '$at/1?x=/../y' | cmp - '$site/1'"
same "types by name" "$(curl -s -m 10 -o /dev/null -w '%{content_type} ' "$at/"; curl -s -m 10 -o /dev/null -w '%{content_type}' "$at/1")" \
    "text/html; charset=utf-8 application/octet-stream"
same "HEAD has the length and no body" "$(curl -sI -m 10 "$at/100000" | tr -d '\r' | found -i '^content-length')" \
    "Content-Length: 100000"
check "a connection stays open for three files, byte by byte the same" bash -c \
    "curl -sf '$at/100000' '$at/8193' '$at/1' -w '%{stderr}%{num_connects} ' 2>'$work/connects' | cmp - <(cat '$site/100000' '$site/8193' '$site/1') && test \"\$(cat '$work/connects')\" = '1 0 0 '"
check "HTTP/1.0, too" bash -c "curl -sf --http1.0 '$at/100000' | cmp - '$site/100000'"
check "a proxy's form of a target" bash -c "curl -sf --request-target 'http://127.0.0.1:$port/8193' '$at/' | cmp - '$site/8193'"
check "404: a file that is missing" status 404 "$at/none"
check "404: a file as directory" status 404 "$at/1/x"
check "404: a directory without its slash" status 404 "$at/sub"
check "404: a pipe, without waiting for its writer" status 404 "$at/fifo"
check "404: a link that leads to itself" status 404 "$at/loop"
check "405: POST" status 405 -d x "$at/1"
check "405: DELETE" status 405 -X DELETE "$at/1"
check "405 says what is allowed" bash -c "curl -s -i -X PUT '$at/1' | tr -d '\r' | grep -qx 'Allow: GET, HEAD'"
check "413: a body that is too long" status 413 -X GET -H 'Expect:' --data-binary "@$site/10485760" "$at/1"
check "a short body is thrown away, and the connection goes on" bash -c \
    "test \"\$(curl -s -X GET --data-binary '@$site/8193' '$at/1' '$at/1' -o /dev/null -o /dev/null -w '%{http_code} %{num_connects} ')\" = '200 1 200 0 '"
check "414: a path that is too long" status 414 "$at/$(printf 'a%.0s' $(seq 2000))"
check "431: a head that is too long" status 431 -H "X: $(printf 'a%.0s' $(seq 9000))" "$at/1"
check "431: too many header lines" bash -c "test \"\$(curl -s -o /dev/null -w '%{http_code}' \$(seq -f '-HX%g:1' 100) '$at/1')\" = 431"
for path in /../outside/secret /..%2foutside/secret /%2e%2e/outside/secret /sub/../../outside/secret /%2e%2e%2foutside%2fsecret /sub/..%2f..%2foutside/secret /..; do
    check "400: $path" status 400 "$at$path"
done
check "404: a link that leads out" status 404 "$at/outside-link"
check "404: a directory's link that leads out" status 404 "$at/outside-directory/secret"
check "404: an absolute path" status 404 "$at//$work/outside/secret"
check "404: /proc by another name" status 404 "$at//proc/self/root/etc/passwd"
check "a link that stays inside is followed" bash -c "curl -sf '$at/inside-link' | cmp - '$site/100000'"
check "400: a zero byte" status 400 "$at/1%00.txt"
check "400: half an encoding" status 400 "$at/%4"
if [ "$(id -u)" != 0 ]; then
    echo x >"$site/closed" && chmod 000 "$site/closed"
    check "403: a file that may not be read" status 403 "$at/closed"
else
    skip "403" "root may read everything"
fi

# ---- clients that curl can't play

for test in pipelined torn bad_requests lengths half_head half_body slow_drip never_reads early_closes shrinks crowd burst; do
    check "client: $(timeout 10 python3 ci/http_client.py --say "$test")" \
        env SERVER="$server" timeout 60 python3 ci/http_client.py "$test" "$port" "$site"
done
check "after all that every file is closed" settled "$idle"
check "and files are served as before" bash -c "curl -sf '$at/10485760' | cmp - '$site/10485760'"

# ---- load

# load SECONDS FILE: runs wrk; adds to `answered`; fails on any error.
load() {
    timeout 60 wrk -t 2 -c 256 -d "$1" --timeout 10s "$at/$2" >"$work/wrk" || return 1
    answered=$((answered + $(awk '/requests in/ { print $1 }' "$work/wrk")))
    rate=$(awk '/Requests\/sec/ { print $2 }' "$work/wrk")
    ! grep -E 'Socket errors|Non-2xx' "$work/wrk"
}
answered=0 errors=0 rate=
# The burst above ran every task at once, so that the memory of all tasks and buffers was touched.
before=$(memory VmRSS) space=$(memory VmSize)
for ((round = 0; round < 30; round++)); do
    load 2 8000 || { errors=1; cat "$work/wrk"; }
    [ "$answered" -lt 100000 ] || break
done
after=$(memory VmRSS)
check "$answered requests of 256 connections ($rate each second), without an error" \
    test $errors = 0 -a "$answered" -ge 100000
check "resident memory: $before KiB before, $after KiB after" test $((after - before)) -le 64
check "address space: $space KiB, before and after" test "$(memory VmSize)" = "$space"
check "every file is closed" settled "$idle"

# ---- its end

# This file is twice as much as curl takes in its first second, and more than sockets hold.
curl -s -m 20 --limit-rate 12M "$at/33554432" -o "$work/last" &
last=$!
# answered_whole: waits for that client, which only this shell can, and compares what it received.
answered_whole() { wait "$last" && cmp "$work/last" "$site/33554432"; }
sleep 0.4
check "a long answer is on its way" test "$(stat -c %s "$work/last")" -gt 0 -a "$(stat -c %s "$work/last")" -lt 33554432
check "SIGTERM ends it" ended TERM
check "and what was asked before is answered to the last byte" answered_whole

# ---- the system calls

if traces; then
    # strace -D makes the tracer a grandchild, so that signals go to the server.
    listening strace -D -f -o "$work/calls" "$http" "$site"
    for ((turn = 0; turn < 20; turn++)); do
        curl -s -m 10 "http://127.0.0.1:$port/8193" "http://127.0.0.1:$port/none" >/dev/null
    done
    check "traced, it ends all the same" ended TERM
    for ((try = 0; try < 100; try++)); do grep -q 'exited with' "$work/calls" && break; sleep 0.05; done
    # The calls after the line that says where the server listens.
    sed '1,/listening on/d' "$work/calls" >"$work/after"
    after=$(calls "$work/after")
    check "it was traced while it served" grep -q 'io_uring_enter(' "$work/after"
    # At the end the ring is unmapped and closed once.
    same "from the first connection to the end it calls nothing but: $after" \
        "$(tr ' ' '\n' <<<"$after" | found -vE '^$|^(io_uring_enter|munmap|close|exit_group):')" ""
    same "no memory is asked for after the start" "$(found -E '(mmap|brk|mremap)\(' "$work/after")" ""
else
    skip "the system calls" "tracing is not allowed"
fi

# ---- mirror: streams

check "mirror listens" listening "$mirror"
idle=$(files)
check "client: $(timeout 10 python3 ci/http_client.py --say mirrored)" \
    timeout 60 python3 ci/http_client.py mirrored "$port" "$site"
check "every file is closed" settled "$idle"
check "SIGTERM ends it" ended TERM
finish
