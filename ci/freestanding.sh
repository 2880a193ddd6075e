#!/bin/bash
# ci/freestanding.sh: the programs of examples/freestanding do what they say, and bring all that they need along.
#
# One line for each check, and at the end `N passed, N failed`. What this machine can't show is printed as skipped, with
# what is missing. Under two minutes.
set -u
# Who starts this may have signals ignored, as nohup does, and a program that ignores a signal is not ended by it.
[ -n "${signals_are_default-}" ] || signals_are_default=1 exec env --default-signal=HUP,TERM "$0" "$@"
cd "$(dirname "$0")/.." || exit 1

target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
work=$(mktemp -d) || exit 1
trap 'cd /; rm -rf "$work"' EXIT
passed=0 failed=0

ok() { passed=$((passed + 1)); echo "ok    $1"; }
bad() { failed=$((failed + 1)); echo "FAIL  $1${2:+: $2}"; }
skip() { echo "skip  $1: $2"; }
# check NAME COMMAND...: passes if the command does.
check() { local name=$1; shift; if "$@" >"$work/.out" 2>&1; then ok "$name"; else bad "$name" "$(head -c 300 "$work/.out" | tr '\n' ' ')"; fi; }
# refused NAME STATUS WORDS COMMAND...: ends with that status, and says the words.
refused() {
    local name=$1 status=$2 words=$3 got; shift 3
    "$@" >"$work/.out" 2>&1; got=$?
    if [ $got -eq "$status" ] && grep -qF -- "$words" "$work/.out"; then ok "$name"; else bad "$name" "status $got, $(head -c 300 "$work/.out")"; fi
}
have() { command -v "$1" >/dev/null 2>&1; }
need() { # need TOOL PACKAGE
    have "$1" && return
    if [ "$(id -u)" = 0 ] && have apt-get; then
        { apt-get -qq update && apt-get -qq install -y "$2"; } >/dev/null 2>&1
    fi
    have "$1"
}

need readelf binutils
need strace strace

# ---- building

programs="nop cat cp echo panic_free panic_free_register panic_free_types"
if ! cargo build --quiet --release -p freestanding; then
    bad "builds with a linker and nothing else"
    echo "$passed passed, $failed failed"
    exit 1
fi
ok "builds with a linker and nothing else"
for program in panic_free:"the ring path" panic_free_register:"the path of a registration"; do
    name="a panic on ${program#*:} does not link"
    if cargo build --quiet --release -p freestanding --bin "${program%%:*}" --features panic-on-purpose \
        --target-dir "$target/panic-on-purpose" >"$work/.link" 2>&1; then
        bad "$name"
    else
        check "$name" grep -q "undefined.*bare_uring_panic_is_reachable" "$work/.link"
    fi
done
# Each optimises in its own way, so that each has to find out by itself that nothing panics.
for level in 3 '"s"' '"z"'; do
    for lto in false '"fat"'; do
        check "nothing panics at opt-level $level, lto $lto" cargo build --quiet --release -p freestanding \
            --bins --target-dir "$target/levels" \
            --config "profile.release.opt-level=$level" --config "profile.release.lto=$lto"
        check "panic_free_register works at that, too" "$target/levels/release/panic_free_register"
        check "panic_free_types works at that, too" "$target/levels/release/panic_free_types"
    done
done
# Where rustc is told to take another one than its own.
for linker in bfd gold lld mold; do
    if ! have ld.$linker; then
        skip "links with ld.$linker" "no ld.$linker"
        continue
    fi
    check "links with ld.$linker" env RUSTFLAGS="-Clink-arg=-fuse-ld=$linker" \
        cargo build --quiet --release -p freestanding --bin nop --bin cat --target-dir "$target/linkers"
    check "nop works, linked with ld.$linker" "$target/linkers/release/nop"
done
# What the link can't tell: that nothing was left out. Implementations of `fmt` are no functions of ours to call.
missing=$(find src -name '*.rs' ! -name '*_tests.rs' ! -path 'src/opcode/*' ! -path 'src/arch/*' ! -path 'src/uapi*' \
    ! -path 'src/sync*' ! -path src/models.rs -print0 | xargs -0 sed -nE 's/^ *pub (const )?(unsafe )?fn ([a-z0-9_]+).*/\3/p' |
    sort -u | while read -r function; do
        grep -qrE "\b$function(::<[^(]*>)?\(" examples/freestanding/src/bin/panic_free*.rs \
            examples/freestanding/src/bin/panic_free_register || printf '%s ' "$function"
    done)
check "the panic_free programs call every public function${missing:+, but for $missing}" test -z "$missing"

bin=$work/bin # where somebody else may run them too
chmod 755 "$work"
mkdir "$bin"
for program in $programs; do cp "$target/release/$program" "$bin/"; done

# ---- what is in the files

if have readelf; then
    # With the sections and symbols that the programs are built without.
    check "builds with symbols" cargo build --quiet --release -p freestanding \
        --target-dir "$target/symbols" --config profile.release.strip=false --config profile.release.debug=1
    for program in $programs; do
        file=$target/symbols/release/$program
        check "$program: $(stat -c %s "$bin/$program") bytes, defined symbols only" \
            test "$(readelf -sW "$file" | awk '$8 == "_start" || $7 == "UND" && $8 != "" { print $8 }')" = _start
        check "$program: no interpreter" test -z "$(readelf -lW "$bin/$program" | grep INTERP)"
        check "$program: no dynamic section, no relocation" \
            test -z "$(readelf -drW "$file" | grep -v '^$' | grep -v 'There \(is\|are\) no')"
    done
else
    skip "what is in the files" "no readelf"
fi

# ---- nop, panic_free, panic_free_register, cat

check "nop" "$bin/nop"
check "panic_free: $("$bin/panic_free" | grep -c 'ok$') of 9 kinds of ring work here" "$bin/panic_free"
check "panic_free_register: $("$bin/panic_free_register" | grep -c ' ok$') of $("$bin/panic_free_register" | wc -l) topics work here" \
    "$bin/panic_free_register"

cd "$work" || exit 1
cp=$bin/cp cat=$bin/cat
head -c 300001 /dev/urandom >r
printf 'one\n' >one
check "cat of a file" bash -c "$cat r | cmp - r"
check "cat of standard input" bash -c "$cat <r | cmp - r"
check "cat of a pipe, and of several" bash -c "cat r | $cat one - one | cmp - <(cat one r one)"
check "cat to a file, from where it stands" bash -c "echo zero >o; $cat one >>o; cmp o <(echo zero; echo one)"
refused "cat of a missing file" 1 "cat: none: ENOENT" "$cat" none
check "cat goes on after one" bash -c "$cat none one 2>/dev/null | cmp - one"
check "cat's status tells of it all the same" bash -c "! $cat none one"
refused "cat of a directory" 1 EISDIR "$cat" .
refused "cat to a full device" 1 ENOSPC bash -c "$cat one >/dev/full"

# ---- echo

# listening ARGUMENT...: starts echo, and waits until it says where it listens. Sets pid and port.
listening() {
    rm -f where
    "$bin/echo" "$@" >where 2>err &
    pid=$!
    local try
    for try in $(seq 100); do
        port=$(sed -nE 's/^listening on 127\.0\.0\.1:([0-9]+)$/\1/p' where)
        [ -n "$port" ] && return 0
        sleep 0.05
    done
    return 1
}
# ended SIGNAL: echo ends with 0 after that signal, or by itself if there is none.
ended() {
    if [ -n "$1" ]; then kill "-$1" "$pid" || return 1; fi
    local status
    timeout 10 tail --pid="$pid" -f /dev/null || kill -KILL "$pid"
    wait "$pid" 2>/dev/null; status=$?
    [ $status = 0 ] || { echo "status $status, $(cat err)"; return 1; }
}
client() { timeout 30 python3 client.py "$1" "$port"; }
files() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }

refused "echo with a port that is none" 2 "usage: echo" "$bin/echo" 65536
refused "echo with a word" 2 "usage: echo" "$bin/echo" seven
refused "echo with a count left out" 2 "usage: echo" "$bin/echo" 0 --connections
refused "echo --help" 0 "usage: echo" "$bin/echo" --help
if listening; then
    refused "echo on a port that is taken" 1 "echo: bind: EADDRINUSE" "$bin/echo" "$port"
    check "SIGTERM ends echo" ended TERM
else
    bad "echo listens" "$(cat err)"
fi
cat >client.py <<'S'
import os, resource, socket, struct, sys, threading, time

port = int(sys.argv[2])
_, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=20)

def receive(s, count):
    got = bytearray()
    while len(got) < count:
        piece = s.recv(65536)
        if not piece:
            break
        got += piece
    return bytes(got)

def round_trip(size):
    """Sends while it receives, says that it is done, and expects the same back, and the end."""
    data = os.urandom(size)
    with connect() as s:
        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        got = receive(s, size + 1)
        sender.join()
        assert got == data, f"{len(got)} of {size} bytes, or others"

def one():
    round_trip(1 << 20)

def many():
    """200 at once, all open before the first byte is sent."""
    data = [os.urandom(65536) for _ in range(200)]
    sockets = [connect() for _ in data]
    for s, bytes in zip(sockets, data):
        s.sendall(bytes)
    for s, bytes in zip(sockets, data):
        assert receive(s, len(bytes)) == bytes
        s.close()

def crowd():
    """3,000 open at once."""
    sockets = [connect() for _ in range(3000)]
    for number, s in enumerate(sockets):
        s.sendall(struct.pack("<I", number))
    for number, s in enumerate(sockets):
        assert receive(s, 4) == struct.pack("<I", number)
    for s in sockets:
        s.close()

def hoard(count):
    """So many that never read, and have sent until the server takes no more of any."""
    sockets = []
    for _ in range(count):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", port))
        s.setblocking(False)
        sockets.append(s)
    idle = 0
    while idle < 4:
        idle += 1
        for s in sockets:
            try:
                while s.send(bytes(65536)):
                    idle = 0
            except BlockingIOError:
                pass
        time.sleep(0.05)
    return sockets

def greedy():
    """100 that send all that they can and never read, most of which then leave: the others are served."""
    sockets = hoard(100)
    for s in sockets[4:]:
        s.close()
    round_trip(100000)
    for s in sockets:
        s.close()

def starved():
    """What comes while no buffer is free is served when they are free again, of however many."""
    waiting = [connect() for _ in range(600)]
    hogs = hoard(100)
    for s in waiting:
        s.sendall(bytes(10))
    waiting += [connect() for _ in range(100)]
    time.sleep(0.1)
    for s in hogs:
        s.close()
    for s in waiting[:600]:
        assert receive(s, 10) == bytes(10)
    for s in waiting:
        s.sendall(b"x")
        assert receive(s, 1) == b"x"
        s.close()

def early():
    """Those that go before their bytes have come back: with an end, and with a reset."""
    for number in range(50):
        s = connect()
        s.sendall(os.urandom(300000 if number % 3 == 0 else 1))
        if number % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    round_trip(1000)

def sequence():
    for number in range(2000):
        s = connect()
        s.sendall(b"%d" % number)
        assert receive(s, len(b"%d" % number)) == b"%d" % number
        s.close()

def too_many():
    """Whoever finds the table full gets an end or a reset at once, and the 4,096 before are served."""
    sockets = [connect() for _ in range(4096)]
    for s in sockets:
        s.sendall(b"x")
        assert receive(s, 1) == b"x"
    for _ in range(100):
        with connect() as s:
            try:
                assert s.recv(1) == b""
            except ConnectionResetError:
                pass
    for s in sockets:
        s.sendall(b"y")
        assert receive(s, 1) == b"y"
        s.close()

def hold():
    """Ten that keep sending and receiving until the server ends."""
    def talk(s):
        try:
            while s.recv(65536):
                s.sendall(bytes(65536))
        except OSError:
            pass
    sockets = [connect() for _ in range(10)]
    threads = [threading.Thread(target=talk, args=(s,)) for s in sockets]
    for s, thread in zip(sockets, threads):
        s.sendall(bytes(200000))
        thread.start()
    time.sleep(0.2)
    print("held", flush=True)
    for thread in threads:
        thread.join()

globals()[sys.argv[1]]()
S
if need python3 python3; then
    listening 0
    before=$(files)
    check "echo of 1 MiB" client one
    check "echo to 200 at once, 64 KiB each" client many
    if [ "$(ulimit -H -n)" = unlimited ] || [ "$(ulimit -H -n)" -ge 4500 ]; then
        check "echo to 3,000 at once" client crowd
        check "echo has room for 4,096, and closes more at once" client too_many
    else
        skip "echo to thousands at once" "no more than $(ulimit -H -n) open files are allowed"
    fi
    check "echo to clients that leave early" client early
    check "echo to clients that never read, and others meanwhile" client greedy
    check "echo to those that came while no buffer was free" client starved
    check "echo of 1 MiB after all that" client one
    for try in $(seq 40); do [ "$(files)" = "$before" ] && break; sleep 0.05; done
    check "echo has closed all files, $before are left" test "$(files)" = "$before"
    client hold >held &
    holder=$!
    for try in $(seq 100); do [ -s held ] && break; sleep 0.05; done
    check "SIGTERM ends echo while data is on its way" ended TERM
    check "whose clients see the end" wait $holder
    listening 0 --connections 2000
    check "2,000 connections, one after the other" client sequence
    check "echo --connections 2000 ends after them" ended ""
    listening "$port"
    check "echo on the same port, again" client one
    ended TERM
    printf 'ulimit -n 64\nexec "$@"\n' >few.sh
    rm -f where
    bash few.sh "$bin/echo" >where 2>err &
    pid=$!
    for try in $(seq 100); do [ -s where ] && break; sleep 0.05; done
    port=$(sed 's/.*://' where)
    check "echo to 200 at once, with files for 64" client many
    check "SIGTERM ends it, too" ended TERM
    if have strace && strace -o calls "$bin/nop" 2>/dev/null; then
        strace -f -o calls "$bin/echo" --connections 200 >where 2>err &
        pid=$!
        for try in $(seq 100); do [ -s where ] && break; sleep 0.05; done
        port=$(sed 's/.*://' where)
        client many
        check "echo ends after 200 connections" ended ""
        names=$(sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' calls | sort | uniq -c | sort -rn | awk '{print $2 ":" $1}' | tr '\n' ' ')
        others=$(grep -vcE '^[0-9]+ +(io_uring_enter\(|<\.\.\. io_uring_enter|\+\+\+)' calls)
        check "whatever it serves, it calls io_uring_enter only, but for $others at start and end: $names" test "$others" -le 25
    else
        skip "the system calls of echo" "no strace, or not allowed to trace"
    fi
else
    skip "what echo sends" "no python3"
fi

# ---- cp: content and mode

same() { cmp "$1" "$2" && test "$(stat -c %a "$1")" = "$(stat -c %a "$2")"; }
no_left() { test -z "$(find "${1:-.}" -name '.cp-*')"; }
copies() { "$cp" "$1" "$2" && same "$1" "$2" && no_left; }
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
    as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
    mkdir -m 777 open
    mkdir -m 755 closed
    echo old >open/copy
    chmod 444 open/copy
    chmod 600 one
    refused "cp of an unreadable file" 1 "cp: 'one': cannot open: EACCES" $as_nobody "$cp" one open/x
    refused "cp over a file that may not be written" 1 EACCES $as_nobody "$cp" r open/copy
    refused "cp into a directory that may not be written" 1 EACCES $as_nobody "$cp" r closed/x
    check "and nothing is left of them" bash -c "test \"\$(ls -A open closed)\" = \"\$(printf 'closed:\n\nopen:\ncopy')\" && echo old | cmp - open/copy"
    chmod 644 one
    # Enough for the ring, of which newer kernels count the memory too, and not for the buffers.
    check "cp where its buffers can't be registered" bash -c "ulimit -l 256; $as_nobody $cp r open/locked && cmp r open/locked"
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

# begin: starts a copy of `big` to `copy` and stops it in the middle. Tries again if it was too fast.
begin() {
    local try
    for try in 1 2 3 4 5 6 7 8; do
        rm -f .cp-*
        rm -f big
        truncate -s $((try * 256))M big
        echo old >copy
        "$cp" big copy 2>err &
        pid=$!
        until [ -n "$(find . -name '.cp-*' -size +0)" ] || ! kill -0 $pid 2>/dev/null; do :; done
        kill -STOP $pid 2>/dev/null
        [ -n "$(find . -name '.cp-*')" ] && return 0
        wait $pid
    done
    return 1
}
# The other end of a stopped copy: lets it go on, and keeps its status.
finish() { kill -CONT $pid; wait $pid 2>/dev/null; status=$?; }

if begin; then
    truncate -s 1000 big
    finish
    if [ $status = 1 ] && grep -q "became shorter" err && echo old | cmp -s - copy && no_left; then
        ok "cp of a file that shrinks"
    else
        bad "cp of a file that shrinks" "status $status, $(cat err)"
    fi
    begin
    echo more >>big
    finish
    if [ $status = 0 ] && cmp -s big copy && no_left; then ok "cp of a file that grows"; else bad "cp of a file that grows" "status $status, $(cat err)"; fi
    for signal in INT TERM HUP; do
        begin
        # A background job of a script ignores INT, and so does cp then.
        kill -$signal $pid
        finish
        if [ $signal = INT ]; then
            if [ $status = 0 ] && cmp -s big copy && no_left; then ok "SIGINT that is ignored stays so"; else bad "SIGINT that is ignored stays so" "status $status"; fi
        elif [ $status -gt 128 ] && [ "$(kill -l $status)" = $signal ] && echo old | cmp -s - copy && no_left; then
            ok "SIG$signal ends cp, which cleans up"
        else
            bad "SIG$signal ends cp, which cleans up" "status $status"
        fi
    done
else
    bad "a copy can be stopped in the middle"
fi
# killed_waiting SRC DST: cp waits for the other end of a pipe, and SIGTERM ends that wait.
killed_waiting() {
    "$cp" "$1" "$2" &
    local pid=$!
    sleep 0.1
    kill -TERM $pid
    wait $pid 2>/dev/null
    [ $? = 143 ] && no_left
}
check "SIGTERM ends cp that waits for a writer" killed_waiting fifo copy
check "SIGTERM ends cp that waits for a reader" killed_waiting r fifo
sleep 5 >fifo & # opens it for writing, and writes nothing
check "SIGTERM ends cp that waits for data" killed_waiting fifo copy
kill $! 2>/dev/null
wait
rm -f big copy

head -c 30000000 /dev/urandom >old
head -c 33000000 /dev/urandom >new
"$cp" old copy
early=0 wrong=0 late=0
for round in $(seq 40); do
    "$cp" old copy
    "$cp" new copy 2>/dev/null &
    pid=$!
    sleep "0.0$(printf %02d $((RANDOM % 5)))$((RANDOM % 10))"
    kill -KILL $pid 2>/dev/null
    { wait $pid; } 2>/dev/null
    if cmp -s old copy; then early=$((early + 1)); elif cmp -s new copy; then late=$((late + 1)); else wrong=$((wrong + 1)); fi
    rm -f .cp-*
done
check "killed 40 times: $early times the old content, $late times the new, never anything else" test $wrong = 0
check "killed in the middle as well" test $early -gt 0
rm -f old new copy

# ---- cp: progress

if have script; then
    truncate -s 2G big
    script -qec "$cp big copy" /dev/null </dev/null >shown 2>&1
    check "a long copy shows its progress on a terminal" grep -qE '[0-9]+% [0-9.]+ [KMG]iB of 2\.0 GiB' shown
    rm -f big copy
    script -qec "$cp fifo copy" /dev/null </dev/null >shown 2>&1 &
    (sleep 1.05; cat r) >fifo
    wait $!
    wait
    count=$(tr '\r' '\n' <shown | grep -c bytes)
    check "at most ten times a second, without percents where the size is unknown ($count times in 1.05 s)" \
        bash -c "test $count -ge 5 -a $count -le 11 && ! grep -q % shown && cmp r copy"
else
    skip "progress on a terminal" "no script(1)"
fi
check "none without one" bash -c "head -c 50000000 /dev/zero >big; test -z \"\$($cp big copy 2>&1)\""

# ---- cp: system calls

if have strace && strace -o calls "$bin/nop" 2>/dev/null; then
    rm -f copy
    head -c 20000000 /dev/urandom >big
    strace -f -o calls "$cp" big copy
    names=$(sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' calls | sort | uniq -c | sort -rn | awk '{print $2 ":" $1}' | tr '\n' ' ')
    allowed='execve io_uring_setup io_uring_enter io_uring_register mmap munmap close exit_group
        readlinkat getpid fchmod renameat2 rt_sigaction rt_sigprocmask signalfd4 ioctl'
    others=$(for name in $names; do case " $(echo $allowed) " in *" ${name%:*} "*) ;; *) echo "$name" ;; esac; done)
    if [ -z "$others" ] && cmp -s big copy; then ok "cp makes no other calls than: $names"; else bad "cp makes other calls" "$others"; fi
    check "all but io_uring_enter are few" test "$(grep -vc 'io_uring_enter' calls)" -le 25
    rm -f copy
    strace -o calls -e inject=signalfd4:signal=TERM "$cp" big copy
    if [ $? -gt 128 ] && [ ! -e copy ] && no_left; then
        ok "a signal before the copying starts ends cp"
    else
        bad "a signal before the copying starts ends cp"
    fi
    strace -f -o calls "$cp" big copy
    check "its buffers are registered" grep -q 'io_uring_register(.*IORING_REGISTER_BUFFERS.* = 0' calls
else
    skip "the system calls of cp" "no strace, or not allowed to trace"
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]
