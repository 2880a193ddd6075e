# What every script of the checks begins with: counting, tools, time limits, and a word when it ends early.
# shellcheck shell=bash
#
# To be sourced from the root of the tree, without arguments. A script then
# - names with `need` what it calls and a bare Debian lacks (the packages are in ci/lib/tools.table), and calls `ready`:
#   started with --install it ends there, with one line for each tool, so that ci/fresh.sh can look at all of them;
# - counts with `ok`, `bad`, `check`, `refused` and `skip`;
# - ends with `finish`, which prints `N passed, N failed` and sets the exit status. Without `finish` no script passes, and
#   none passes that has checked nothing.
#
# IN_GATE=1, which .ci/run exports, says that nothing may be left out: a tool that can't be had is a failure then. Elsewhere
# the script prints what is missing and ends with status 77.

set -Eeuo pipefail
script=${0#"$PWD"/}
passed=0 failed=0 skipped=0
finished='' installing=''
needed=()

# broke STATUS PLACE COMMAND PIPELINE: names the command that ends the script, or a part of it that runs by itself. Of a
# pipeline bash names the last command only, so that the statuses tell which one it was.
broke() {
    local pipeline=
    [[ $4 != *' '* ]] || pipeline=" (its pipeline: $4)"
    echo "FAIL  $script: $2: status $1 of: ${3%%$'\n'*}$pipeline" >&2
}
trap 'broke $? "${BASH_SOURCE[0]##*/}:$LINENO" "$BASH_COMMAND" "${PIPESTATUS[*]}"' ERR

# at_end COMMAND: what is done when the script ends, in whichever way; the last that was said comes first.
ends=()
at_end() { ends=("$1" "${ends[@]}"); }

# closing STATUS: the last words of a script that did not get to its end.
closing() {
    local command
    trap - ERR
    set +e
    # A program that is ended here may end with any status.
    for command in "${ends[@]}"; do eval "$command"; done
    [ -z "$finished" ] || exit "$1"
    echo "FAIL  $script: it did not get to its end (status $1)"
    echo "$passed passed, $((failed + 1)) failed"
    [ "$1" != 0 ] || exit 1
    exit "$1"
}

# A part that `each` starts counts nothing: it prints lines, which the script reads.
if [ -z "${CHECK_PART-}" ]; then
    trap 'closing $?' EXIT
    # Signals end a script by its EXIT trap, so that what it started is ended as well.
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
# skip NAME REASON: for what this machine or its kernel can't show. A tool that is missing is `need`'s to tell.
skip() { skipped=$((skipped + 1)); echo "skip  $1: $2"; }
# lacking WHAT: ends the script, since this can't be had here.
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

# scratch: sets `work`, a directory that is gone when the script ends.
scratch() {
    work=$(mktemp -d)
    at_end "cd /; rm -rf ${work@Q}"
}
# said: the end of what a command printed, on one line.
said() { tail -c 400 "$work/.out" | tr '\0\n' '  '; }
# check NAME COMMAND...: passes if the command does. Functions run without ending at their first failing command, as
# everything does that is a condition: they have to join what must hold with `&&`.
check() {
    local name=$1 got=0
    shift
    "$@" >"$work/.out" 2>&1 || got=$?
    if [ "$got" = 0 ]; then ok "$name"; else bad "$name" "status $got, $(said)"; fi
}
# same NAME GOT EXPECTED: passes if they are the same text.
same() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "'$2', not '$3'"; fi; }
# refused NAME STATUS WORDS COMMAND...: the command ends with that status, and says the words.
refused() {
    local name=$1 status=$2 words=$3 got=0
    shift 3
    timeout --kill-after=5 30 "$@" >"$work/.out" 2>&1 || got=$?
    if [ "$got" = "$status" ] && grep -qF -- "$words" "$work/.out"; then ok "$name"; else bad "$name" "status $got, $(said)"; fi
}
# found OPTION... PATTERN [FILE]: grep, for lists where nothing need be found. Anything else that goes wrong is its status.
found() { grep "$@" || [ $? = 1 ]; }
# count OPTION... PATTERN [FILE]: how many lines there are.
count() { found -c "$@"; }

# finish: the closing line, and the exit status.
finish() {
    finished=1
    [ "$passed$failed" != 00 ] || bad "$script has checked nothing"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] || exit 1
    exit 0
}

# ---- tools

have() { command -v "$1" >/dev/null 2>&1; }

# need TOOL...: each is there, or gets installed; otherwise the script says what is missing, and ends.
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

# apt_install PACKAGE...: from the system's archive. One process at a time, and with fresh lists where there are none, or
# where what they name is no longer there.
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

# ready: all that the script needs is there. With --install it ends here.
ready() {
    [ -n "$installing" ] || return 0
    local tool
    for tool in "${needed[@]}"; do echo "there $tool $(command -v "$tool")"; done
    finished=1
    exit 0
}

# need_cross: the compiler of ci/cross.sh. To be called after `ready`: it is unpacked, and not installed.
need_cross() {
    local output
    output=$(ci/cross.sh 2>&1) || lacking "the compiler of ci/cross.sh can't be had: $(tail -n 3 <<<"$output" | tr '\n' ' ')"
}
# newest FILE...: the one that was written last.
newest() {
    local file newest=$1
    for file; do [ "$newest" -nt "$file" ] || newest=$file; done
    [ -e "$newest" ] && echo "$newest"
}

# ---- time

# limit SECONDS COMMAND...: ends a program that takes longer, and says so (status 124).
limit() { timeout --verbose --kill-after=10 "$@"; }

# test_limit SECONDS: of each program of tests that cargo starts, this machine's own; 0 for none.
test_limit() {
    local variable=CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER
    unset "$variable"
    [ "$1" = 0 ] || export "$variable=timeout --verbose --kill-after=10 $1"
}
test_limit 900

# each JOBS FUNCTION ARGUMENT...: calls the function, which must be exported, for each argument, so many at a time, in shells
# of their own, which say as well why they end.
each() {
    local jobs=$1 function=$2
    shift 2
    printf '%s\n' "$@" |
        CHECK_PART=1 xargs -P "$jobs" -I ARGUMENT bash -c '. ci/lib/check.sh; "$@"' "$script ($function ARGUMENT)" "$function" ARGUMENT
}
