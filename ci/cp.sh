#!/usr/bin/env bash
# ci/cp.sh: checks that the freestanding program `cp` copies whole files or nothing, says what is wrong, and makes few system calls.
#
# Prints one line for each check, and at the end `N passed, N failed`. Prints what it skips on this machine, and why. Half a
# minute.
set -euo pipefail
# A caller such as nohup may ignore these signals. The program would inherit that, and a signal would not end it.
[ -n "${signals_are_default-}" ] || signals_are_default=1 exec env --default-signal=HUP,TERM "$0" "$@"
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
need strace script
ready
scratch
. ci/lib/server.sh

cargo build --quiet --locked --release -p freestanding --bin cp
# Another user runs the program as well.
chmod 755 "$work"
cp "${CARGO_TARGET_DIR:-target}/release/cp" "$work/"
cd "$work"
cp=$work/cp
head -c 300001 /dev/urandom >r
printf 'one\n' >one

# ---- cp: content and mode

alike() { cmp "$1" "$2" && test "$(stat -c %a "$1")" = "$(stat -c %a "$2")"; }
# no_left: passes if no file of an unfinished copy is left.
no_left() {
    local left
    left=$(find . -name '.cp-*') || return 1
    [ -z "$left" ] || { echo "left: $left"; return 1; }
}
copies() { "$cp" "$1" "$2" && alike "$1" "$2" && no_left; }
mkdir sizes
for size in 0 1 4095 4096 4097 131071 131072 131073 5000000 104857600; do
    head -c $size /dev/urandom >sizes/a
    rm -f sizes/b
    check "cp of $size bytes" copies sizes/a sizes/b
    check "cp of $size bytes over a file" copies sizes/a sizes/b
done
rm -r sizes
truncate -s 50000001 sparse
printf x | dd of=sparse bs=1 seek=30000000 conv=notrunc status=none
check "cp of a sparse file" copies sparse copy
for mode in 600 640 644 755 777 444 000 111; do
    [ "$(id -u)" = 0 ] || case $mode in 000 | 111) continue ;; esac
    chmod $mode one
    rm -f copy
    check "cp keeps mode $mode, umask or not" bash -c "umask 077; $cp one copy; test \$(stat -c %a copy) = ${mode#00}"
done
chmod 4755 one
rm -f copy
"$cp" one copy
check "cp does not make set-user-id files" test "$(stat -c %a copy)" = 755
chmod 644 one

# ---- cp: which file

mkdir d
"$cp" one d
check "cp into a directory" cmp one d/one
rm d/one
"$cp" "$work/one" d/
check "cp into a directory with a slash" cmp one d/one
mkdir d/r
refused "cp onto a directory inside it" 1 EISDIR "$cp" r d
refused "cp of a directory" 1 "cp: 'd': cannot copy: EISDIR" "$cp" d copy
refused "cp of a missing file" 1 "cp: 'none': cannot open: ENOENT" "$cp" none copy
refused "cp into a missing directory" 1 ENOENT "$cp" one missing/copy
refused "cp to a missing name with a slash" 1 ENOTDIR "$cp" one missing/
refused "cp to an empty name" 1 ENOENT "$cp" one ""
refused "cp onto itself" 1 "same file" "$cp" one one
refused "cp onto itself by another path" 1 "same file" "$cp" one d/../one
refused "cp onto itself as a directory" 1 "same file" "$cp" one .
ln -s one soft
ln one hard
refused "cp onto itself through a symbolic link" 1 "same file" "$cp" one soft
refused "cp onto itself through a hard link" 1 "same file" "$cp" hard one
check "and it is as it was" cmp one <(echo one)
ln -s d/under link
"$cp" r link
check "cp through a link that leads nowhere yet" bash -c "test -L link && cmp r d/under"
"$cp" one link
check "cp through a link over a file" bash -c "test -L link && cmp one d/under"
ln -s loop loop
refused "cp through links without end" 1 ELOOP "$cp" one loop
long=$(printf 'n%.0s' {1..255})
check "cp to a name as long as can be" copies r "$long"
refused "cp to a longer one" 1 ENAMETOOLONG "$cp" r "n$long"
check "cp of a name that starts with a dash" bash -c "echo dash >-x; $cp -- -x dash; cmp ./-x dash"

# ---- cp: what is no regular file

check "cp of a pipe" bash -c "cat r | $cp /dev/stdin copy; cmp r copy"
mkfifo fifo
check "cp of a named pipe that waits for its writer" bash -c "(sleep 0.2; cat r >fifo) & $cp fifo copy; cmp r copy"
check "cp to a named pipe that waits for its reader" bash -c "(sleep 0.2; cat fifo >copy) & $cp r fifo; wait; cmp r copy"
check "and it is still a pipe" test -p fifo
check "cp to standard output" bash -c "$cp r /dev/stdout | cmp - r"
check "cp of a file in /proc" bash -c "$cp /proc/self/mountinfo copy; test -s copy && $cp /proc/version copy && cmp copy /proc/version"
if [ -r /sys/kernel/mm/transparent_hugepage/enabled ]; then
    check "cp of a file in /sys, which claims a page" bash -c "$cp /sys/kernel/mm/transparent_hugepage/enabled copy; cmp copy /sys/kernel/mm/transparent_hugepage/enabled"
else
    skip "cp of a file in /sys" "none to read here"
fi
refused "cp to a full device" 1 ENOSPC "$cp" r /dev/full
check "cp to a device, which stays one" bash -c "$cp r /dev/null && test -c /dev/null"

# ---- cp: no room, no permission

if [ "$(id -u)" = 0 ] && have unshare && unshare -m true 2>/dev/null; then
    mkdir small
    cat >full.sh <<'S'
mount -t tmpfs -o size=1m none small || exit 9
echo old >small/copy
"$1" big small/copy; status=$?
test $status = 1 && echo old | cmp - small/copy && test "$(ls -A small)" = copy
S
    head -c 3000000 /dev/urandom >big
    refused "cp to a full file system" 0 ENOSPC unshare -m bash full.sh "$cp"
else
    skip "cp to a full file system" "needs root and mount namespaces"
fi
if [ "$(id -u)" = 0 ] && have setpriv; then
    as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    mkdir -m 777 open
    mkdir -m 755 closed
    echo old >open/copy
    chmod 444 open/copy
    chmod 600 one
    refused "cp of an unreadable file" 1 "cp: 'one': cannot open: EACCES" "${as_nobody[@]}" "$cp" one open/x
    refused "cp over a file that may not be written" 1 EACCES "${as_nobody[@]}" "$cp" r open/copy
    refused "cp into a directory that may not be written" 1 EACCES "${as_nobody[@]}" "$cp" r closed/x
    check "and nothing is left of them" bash -c "test \"\$(ls -A open closed)\" = \"\$(printf 'closed:\n\nopen:\ncopy')\" && echo old | cmp - open/copy"
    chmod 644 one
    # This limit is enough for the ring, whose memory newer kernels count as well, but not for the buffers.
    check "cp where its buffers can't be registered" bash -c "ulimit -l 256; ${as_nobody[*]} $cp r open/locked && cmp r open/locked"
else
    skip "cp without permission" "needs root and setpriv"
fi

# ---- cp: usage

refused "no argument" 2 "usage: cp SRC DST" "$cp"
refused "one argument" 2 "usage: cp SRC DST" "$cp" one
refused "three arguments" 2 "usage: cp SRC DST" "$cp" one two three
refused "an option that is none" 2 "usage: cp SRC DST" "$cp" -r one two
refused "--help" 0 "usage: cp SRC DST" "$cp" --help

# ---- cp: meanwhile

# begin NAME: starts a copy of `big` to `copy` and stops it in the middle. Tries again if the copy was too fast.
begin() {
    local try
    for try in 1 2 3 4 5 6 7 8; do
        rm -f .cp-*
        rm -f big
        truncate -s $((try * 256))M big
        echo old >copy
        "$cp" big copy 2>err &
        pid=$!
        until [ -n "$(find . -name '.cp-*' -size +0)" ] || ! kill -0 "$pid" 2>/dev/null; do :; done
        # The copy may have ended already.
        kill -STOP "$pid" 2>/dev/null || :
        [ -n "$(find . -name '.cp-*')" ] && return 0
        wait "$pid" || :
    done
    bad "$1" "no copy could be stopped in the middle"
    return 1
}
# resumed: lets a stopped copy go on to its end, and keeps the exit status.
resumed() {
    status=0
    kill -CONT "$pid"
    wait "$pid" 2>/dev/null || status=$?
}
# left STATUS FILE: passes if the copy ended with that status, and `copy` has the whole content of FILE.
left() {
    echo "status $status, $(cat err)"
    [ "$status" = "$1" ] && cmp "$2" copy && no_left
}
echo old >before

if begin "cp of a file that shrinks"; then
    truncate -s 1000 big
    resumed
    check "cp of a file that shrinks" left 1 before
    check "and it says so" grep -q "became shorter" err
fi
if begin "cp of a file that grows"; then
    echo more >>big
    resumed
    check "cp of a file that grows" left 0 big
fi
if begin "SIGINT that is ignored"; then
    # A background job of a script ignores SIGINT, and cp inherits that.
    kill -INT "$pid"
    resumed
    check "SIGINT that is ignored stays so" left 0 big
fi
for signal in TERM HUP; do
    begin "SIG$signal" || continue
    kill -$signal "$pid"
    resumed
    check "SIG$signal ends cp, which cleans up" left $((128 + $(kill -l $signal))) before
done
# killed_waiting SRC DST: passes if SIGTERM ends a cp that waits for the other end of a pipe.
killed_waiting() {
    "$cp" "$1" "$2" &
    local pid=$! status=0
    sleep 0.1
    kill -TERM "$pid"
    wait "$pid" 2>/dev/null || status=$?
    [ "$status" = 143 ] && no_left
}
check "SIGTERM ends cp that waits for a writer" killed_waiting fifo copy
check "SIGTERM ends cp that waits for a reader" killed_waiting r fifo
sleep 5 >fifo & writer=$! # Opens the pipe for writing, and writes nothing.
check "SIGTERM ends cp that waits for data" killed_waiting fifo copy
kill "$writer"
wait "$writer" || :
rm -f big copy

head -c 30000000 /dev/urandom >old
head -c 33000000 /dev/urandom >new
"$cp" old copy
early=0 wrong=0 late=0
for ((round = 0; round < 40; round++)); do
    "$cp" old copy
    "$cp" new copy 2>/dev/null &
    pid=$!
    sleep "0.0$(printf %02d $((RANDOM % 5)))$((RANDOM % 10))"
    # The copy may have ended already.
    kill -KILL "$pid" 2>/dev/null || :
    { wait "$pid"; } 2>/dev/null || :
    if cmp -s old copy; then early=$((early + 1)); elif cmp -s new copy; then late=$((late + 1)); else wrong=$((wrong + 1)); fi
    rm -f .cp-*
done
check "killed 40 times: $early times the old content, $late times the new, never anything else" test $wrong = 0
check "killed in the middle as well" test $early -gt 0
rm -f old new copy

# ---- cp: progress

truncate -s 2G big
script -qec "$cp big copy" /dev/null </dev/null >shown 2>&1
check "a long copy shows its progress on a terminal" grep -qE '[0-9]+% [0-9.]+ [KMG]iB of 2\.0 GiB' shown
rm -f big copy
script -qec "$cp fifo copy" /dev/null </dev/null >shown 2>&1 &
(sleep 1.05; cat r) >fifo
wait
shown=$(tr '\r' '\n' <shown | count bytes)
check "at most ten times a second, without percents where the size is unknown ($shown times in 1.05 s)" \
    bash -c "test $shown -ge 5 -a $shown -le 11 && ! grep -q % shown && cmp r copy"
check "none without one" bash -c "head -c 50000000 /dev/zero >big; test -z \"\$($cp big copy 2>&1)\""

# ---- cp: system calls

left_traced() { cmp big copy && no_left; }
not_begun() { echo "status $status"; [ "$status" -gt 128 ] && [ ! -e copy ] && no_left; }
if traces; then
    rm -f copy
    head -c 20000000 /dev/urandom >big
    strace -f -o calls "$cp" big copy
    check "cp copies when it is traced" left_traced
    allowed='execve io_uring_setup io_uring_enter io_uring_register mmap munmap close exit_group readlinkat getpid fchmod
        renameat2 rt_sigaction rt_sigprocmask signalfd4 ioctl'
    names=$(calls calls)
    others=$(sed 's/:[0-9]* *$//; s/:[0-9]* /\n/g' <<<"$names" | found -vxF "$(tr -s ' \n' '\n' <<<"$allowed")")
    same "cp makes no other calls than: $names" "$others" ""
    others=$(count -v 'io_uring_enter' calls)
    check "all but io_uring_enter are few" test "$others" -gt 0 -a "$others" -le 25
    check "its buffers are registered" grep -q 'io_uring_register(.*IORING_REGISTER_BUFFERS.* = 0' calls
    rm -f copy
    status=0
    strace -o calls -e inject=signalfd4:signal=TERM "$cp" big copy || status=$?
    check "a signal before the copying starts ends cp" not_begun
else
    skip "the system calls of cp" "tracing is not allowed"
fi
finish
