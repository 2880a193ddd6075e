# Every check script sources this: counting, tools, time limits, and a message when a script ends early.
# shellcheck shell=bash
#
# Source it from the root of the tree, without arguments. A script then
# - names with `need` the tools that it calls and a bare Debian lacks (their packages are in ci/lib/tools.table);
# - calls `ready`: with --install it ends there, with one line for each tool, so that ci/fresh.sh can look at all of them;
# - counts with `ok`, `bad`, `check`, `refused` and `skip`;
# - ends with `finish`, which prints `N passed, N failed` and sets the exit status. A script that does not reach `finish`
#   fails, and so does one that has checked nothing.
#
# .ci/run exports IN_GATE=1: nothing may be left out, so a tool that can't be had is a failure. Without IN_GATE the script
# prints what is missing and ends with status 77.

set -Eeuo pipefail
script=${0#"$PWD"/}
passed=0 failed=0 skipped=0
finished='' installing=''
needed=()

# broke STATUS PLACE COMMAND PIPELINE: names the command that ends the script, or ends a part that `each` started. Bash names
# only the last command of a pipeline; the statuses tell which command failed.
broke() {
    local pipeline=
    [[ $4 != *' '* ]] || pipeline=" (its pipeline: $4)"
    echo "FAIL  $script: $2: status $1 of: ${3%%$'\n'*}$pipeline" >&2
}
trap 'broke $? "${BASH_SOURCE[0]##*/}:$LINENO" "$BASH_COMMAND" "${PIPESTATUS[*]}"' ERR

# at_end COMMAND: runs the command when the script ends, in whichever way; the last one registered runs first.
ends=()
at_end() { ends=("$1" "${ends[@]}"); }

# closing STATUS: runs the commands of `at_end`, and reports a script that did not get to its end.
closing() {
    local command
    trap - ERR
    set +e
    # A program that these commands end may return any status.
    for command in "${ends[@]}"; do eval "$command"; done
    [ -z "$finished" ] || exit "$1"
    echo "FAIL  $script: it did not get to its end (status $1)"
    echo "$passed passed, $((failed + 1)) failed"
    [ "$1" != 0 ] || exit 1
    exit "$1"
}

# A part that `each` starts counts nothing. It prints lines, which the script reads.
if [ -z "${CHECK_PART-}" ]; then
    trap 'closing $?' EXIT
    # A signal ends the script by its EXIT trap, so that the programs it started end as well.
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [ "${1-}" = --install ]; then
        installing=1
        shift
    fi
fi

# ---- counting

ok() { passed=$((passed + 1)); echo "ok    $1"; }
bad() { failed=$((failed + 1)); echo "FAIL  $1${2:+: $2}"; }
# skip NAME REASON: tells of a check that this machine or its kernel can't do. `need` reports missing tools.
skip() { skipped=$((skipped + 1)); echo "skip  $1: $2"; }
# lacking WHAT: ends the script, because something that it needs can't be had.
lacking() {
    finished=1
    if [ -n "${IN_GATE-}" ]; then
        echo "FAIL  $script: $1"
        echo "$passed passed, $((failed + 1)) failed"
        exit 1
    fi
    echo "skip  $script: $1"
    exit 77
}

# scratch: sets `work`, a directory that is removed when the script ends.
scratch() {
    work=$(mktemp -d)
    at_end "cd /; rm -rf ${work@Q}"
}
# said: prints the end of a command's output, on one line.
said() { tail -c 400 "$work/.out" | tr '\0\n' '  '; }
# check NAME COMMAND...: passes if the command does. Bash ignores `set -e` in a function that is called here, so the function
# has to join its commands with `&&`.
check() {
    local name=$1 got=0
    shift
    "$@" >"$work/.out" 2>&1 || got=$?
    if [ "$got" = 0 ]; then ok "$name"; else bad "$name" "status $got, $(said)"; fi
}
# same NAME GOT EXPECTED: passes if the two texts are equal.
same() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "'$2', not '$3'"; fi; }
# refused NAME STATUS WORDS COMMAND...: passes if the command ends with that status and prints the words.
refused() {
    local name=$1 status=$2 words=$3 got=0
    shift 3
    timeout --kill-after=5 30 "$@" >"$work/.out" 2>&1 || got=$?
    if [ "$got" = "$status" ] && grep -qF -- "$words" "$work/.out"; then ok "$name"; else bad "$name" "status $got, $(said)"; fi
}
# found OPTION... PATTERN [FILE]: grep for lists that may have no match. Any other failure stays a failure.
found() { grep "$@" || [ $? = 1 ]; }
# count OPTION... PATTERN [FILE]: prints the number of matching lines.
count() { found -c "$@"; }

# finish: prints the closing line, and ends the script.
finish() {
    finished=1
    [ "$passed$failed" != 00 ] || bad "$script has checked nothing"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] || exit 1
    exit 0
}

# ---- tools

have() { command -v "$1" >/dev/null 2>&1; }

# need TOOL...: installs each tool that is missing, or ends the script with a line that names it.
need() {
    local tool packages missing=()
    for tool; do
        needed+=("$tool")
        have "$tool" && continue
        packages=$(awk -v tool="$tool" '$1 == tool { $1 = ""; print; found = 1 } END { exit !found }' ci/lib/tools.table) ||
            lacking "$tool is missing, and ci/lib/tools.table names no package that has it"
        # shellcheck disable=SC2206 # A list of packages.
        missing+=($packages)
    done
    [ ${#missing[@]} != 0 ] || return 0
    apt_install "${missing[@]}"
    for tool; do
        hash -r
        have "$tool" || lacking "$tool is not in what was installed for it: ${missing[*]}"
    done
}

# apt_install PACKAGE...: installs packages from the system's archive, one process at a time. Fetches the lists of packages
# if they are missing, or name what the archive no longer has.
apt_install() {
    local log
    [ "$(id -u)" = 0 ] || lacking "the packages ${*} are missing, and installing them takes root"
    have apt-get || lacking "the packages ${*} are missing, and there is no apt to install them with"
    log=$(mktemp)
    (
        flock 9
        export DEBIAN_FRONTEND=noninteractive
        get=(apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
        compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || timeout 600 "${get[@]}" update
        timeout 1200 "${get[@]}" install --yes --no-install-recommends "$@" ||
            { timeout 600 "${get[@]}" update && timeout 1200 "${get[@]}" install --yes --no-install-recommends "$@"; }
    ) 9>/var/cache/apt/checks.lock >"$log" 2>&1 || {
        packages="$* can't be installed: $(tail -n 3 "$log" | tr '\n' ' ')"
        rm -f "$log"
        lacking "$packages"
    }
    rm -f "$log"
}

# need_cargo: the toolchain, which nobody installs here, and what it links programs with.
need_cargo() {
    have cargo || lacking "there is no cargo"
    need cc
}
# need_nightly: the nightly compiler.
need_nightly() {
    need_cargo
    cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal >/dev/null 2>&1 ||
        lacking "there is no nightly compiler, and rustup can't install one"
}
# need_subcommand NAME...: subcommands of cargo.
need_subcommand() {
    local name
    need_cargo
    for name; do
        cargo "$name" --version >/dev/null 2>&1 || cargo install --quiet --locked "cargo-$name" ||
            lacking "cargo $name is missing, and can't be installed"
    done
}

# ready: marks the end of the script's needs. With --install the script ends here.
ready() {
    [ -n "$installing" ] || return 0
    local tool
    for tool in "${needed[@]}"; do echo "there $tool $(command -v "$tool")"; done
    finished=1
    exit 0
}

# need_cross: makes the compiler of ci/cross.sh available. Call it after `ready`: the compiler is unpacked, not installed.
need_cross() {
    local output
    output=$(ci/cross.sh 2>&1) || lacking "the compiler of ci/cross.sh can't be had: $(tail -n 3 <<<"$output" | tr '\n' ' ')"
}
# newest FILE...: prints the file that was written last.
newest() {
    local file newest=$1
    for file; do [ "$newest" -nt "$file" ] || newest=$file; done
    [ -e "$newest" ] && echo "$newest"
}

# ---- time

# limit SECONDS COMMAND...: ends a program that takes longer, and prints that (status 124).
limit() { timeout --verbose --kill-after=10 "$@"; }

# test_limit SECONDS: sets the time limit of each test program that cargo starts for this machine; 0 sets no limit.
test_limit() {
    local variable=CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER
    unset "$variable"
    [ "$1" = 0 ] || export "$variable=timeout --verbose --kill-after=10 $1"
}
test_limit 900

# fast_release: makes `--release` a profile for tests that compute for long. The manifest's own is for the smallest programs.
fast_release() {
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=3 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
    export CARGO_PROFILE_RELEASE_STRIP=false CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true
}

# each JOBS FUNCTION ARGUMENT...: calls an exported function for each argument, JOBS at a time. Each call has its own shell,
# which reports a failure as a script does.
each() {
    local jobs=$1 function=$2
    shift 2
    printf '%s\n' "$@" |
        CHECK_PART=1 xargs -P "$jobs" -I ARGUMENT bash -c '. ci/lib/check.sh; "$@"' "$script ($function ARGUMENT)" "$function" ARGUMENT
}
