#!/usr/bin/env bash
# ci/fresh.sh [SCRIPT...]: checks that the scripts need nothing that was installed by hand. Each script, or each one named, gets a
# bare Debian with the toolchain and a copy of this checkout, and installs there what it needs.
#
# debootstrap makes the Debian, of the system's own suite, out of the archive that the system's apt names; it is kept below
# target/fresh. Each script works in its own root, on its own layer over that Debian. After a script has run with --install,
# every program that it and its libraries call must be there (ci/lib/commands.py lists them), and every tool that the script
# reports. Some scripts then run as a whole. Prints a line for each, and `N passed, N failed`. Needs root. About ten minutes.
set -euo pipefail
# The mounts end with this process.
[ -n "${own_mounts-}" ] || [ "$(id -u)" != 0 ] || own_mounts=1 exec unshare --mount --propagation private "$0" "$@"
cd "$(dirname "$0")/.."
. ci/lib/check.sh
# shellcheck disable=SC2034 # ci/lib/apt.sh reads it where it makes roots for apt, which this script does not need.
cache=
. ci/lib/apt.sh
need_cargo
need debootstrap git python3
[ "$(id -u)" = 0 ] || lacking "a root of its own for each script takes root"
ready
scratch

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/fresh/archives/partial"
fresh=$(cd "$target/fresh" && pwd)
rm -rf --one-file-system "$fresh/roots"
# These scripts run as a whole: each takes seconds once it is built, and works in a separate root.
whole=(ci/guarantees.sh ci/no-libc.sh ci/exact.sh ci/examples.sh ci/echo.sh)
cargo_home=${CARGO_HOME:-$HOME/.cargo} rustup_home=${RUSTUP_HOME:-$HOME/.rustup}
path=$cargo_home/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# ---- the bare tree, and what is put into it

base=$fresh/base
if [ ! -e "$base.whole" ]; then
    # shellcheck source=/dev/null
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    archive=$(apt_archive "$suite")
    rm -rf --one-file-system "$base"
    # The toolchain fetches crates with these certificates.
    limit 1200 debootstrap --variant=minbase --include=ca-certificates "$suite" "$base" "$archive" >"$fresh/base.log" 2>&1 ||
        lacking "debootstrap fails: $(tail -n 3 "$fresh/base.log" | tr '\n' ' ')"
    echo "deb $archive $suite main" >"$base/etc/apt/sources.list"
    for other in "$suite-updates" "$suite-security"; do
        archive=$(apt_archive "$other") && echo "deb $archive $other main" >>"$base/etc/apt/sources.list"
    done
    # A fresh image has no lists, and nothing downloaded.
    rm -rf "$base"/var/lib/apt/lists/* "$base"/var/cache/apt/*.bin "$base"/var/cache/apt/archives/*.deb
    # This tree may be lost with the power, so that dpkg need not sync it.
    echo force-unsafe-io >"$base/etc/dpkg/dpkg.cfg.d/unsafe-io"
    touch "$base.whole"
fi
# Copies and commits the checkout's files as they are now, because cargo packs committed files only.
checkout=$work/checkout
mkdir "$checkout"
git ls-files -z --cached --others --exclude-standard | while IFS= read -rd '' file; do
    [ ! -e "$file" ] || printf '%s\0' "$file"
done | tar -c --null -T - | tar -x -C "$checkout"
git -C "$checkout" init --quiet
git -C "$checkout" add --all
git -C "$checkout" -c user.name=fresh -c user.email=fresh@localhost commit --quiet --message fresh

# layered LOWER TREE: mounts LOWER at TREE, so that writes to TREE don't reach LOWER.
layered() {
    mkdir -p "$2" "$2.upper" "$2.work"
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$2.upper,workdir=$2.work" "$2"
}
# made TREE LOWER: makes a root for one script.
made() {
    local tree=$1 device number
    layered "$2" "$tree"
    mkdir -p "$tree.cargo" "$tree.work-cargo" "$tree/checkout" "$tree$cargo_home" "$tree$rustup_home"
    mount -t proc proc "$tree/proc"
    mount -t sysfs -o ro sysfs "$tree/sys"
    mount -t tmpfs tmpfs "$tree/tmp"
    mount -t tmpfs tmpfs "$tree/dev"
    mkdir "$tree"/dev/{shm,pts}
    mount -t devpts devpts -o newinstance,ptmxmode=666 "$tree/dev/pts"
    for device in null:3 zero:5 full:7 random:8 urandom:9; do
        number=${device#*:}
        mknod -m 666 "$tree/dev/${device%:*}" c 1 "$number"
    done
    ln -s pts/ptmx "$tree/dev/ptmx"
    ln -s /proc/self/fd "$tree/dev/fd"
    for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "$tree/dev/${number#*:}"; done
    cp /etc/resolv.conf /etc/hosts "$tree/etc/"
    # The certificates that this machine trusts, which may be more than Debian's.
    [ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
    mount --bind "$fresh/archives" "$tree/var/cache/apt/archives"
    mount --bind "$rustup_home" "$tree$rustup_home"
    mount -o remount,bind,ro "$tree$rustup_home"
    # Crates that were fetched are at hand; programs that cargo has installed are not.
    mount -t overlay overlay -o "lowerdir=$cargo_home,upperdir=$tree.cargo,workdir=$tree.work-cargo" "$tree$cargo_home"
    local program
    for program in "$tree$cargo_home"/bin/*; do
        [ "$program" -ef "$tree$cargo_home/bin/rustup" ] || cmp -s "$program" "$tree$cargo_home/bin/rustup" || rm -f "$program"
    done
    cp -a "$checkout/." "$tree/checkout/"
}
# inside TREE COMMAND...: runs the command there, in the checkout, without this environment.
inside() {
    local tree=$1
    shift
    limit 2400 env -i PATH="$path" HOME=/root LANG=C.UTF-8 CARGO_HOME="$cargo_home" RUSTUP_HOME="$rustup_home" RUSTUP_AUTO_INSTALL=0 \
        CARGO_TERM_COLOR=never chroot "$tree" bash -c 'cd /checkout && "$@"' inside "$@" </dev/null
}
# gone TREE [kept]: unmounts and removes a root, but removes nothing while a mount is left; `kept` keeps the written layer.
gone() {
    umount --recursive "$1"
    rm -rf --one-file-system "$1" "$1.work" "$1.cargo" "$1.work-cargo"
    [ -n "${2-}" ] || rm -rf --one-file-system "$1.upper"
}

# ---- one script after the other

# called SCRIPT: prints the programs that a script calls: each word that is a program of this machine, or is in the table.
called() {
    python3 ci/lib/commands.py "$1" >"$work/words"
    compgen -bk >"$work/builtins"
    local word
    while read -r word; do
        case $word in
            *' '*) echo "$word" ;;
            *) [ -z "$(type -P "$word")" ] && ! grep -q "^$word " ci/lib/tools.table || echo "$word" ;;
        esac
    done < <(found -vxFf "$work/builtins" "$work/words")
}
# lacks TREE: prints those programs of standard input that the root lacks.
# shellcheck disable=SC2016 # The inner shell expands it.
lacks() {
    inside "$1" bash -c 'subcommands=" $(cargo --list | sed -nE "s/^    ([a-z-]+).*/\1/p" | tr "\n" " ") "
        while read -r word; do
            case $word in
                "cargo "*) [[ $subcommands == *" ${word#cargo } "* ]] || echo "$word" ;;
                *) type -P "$word" >/dev/null || echo "$word" ;;
            esac
        done < /tmp/words'
}
# tried SCRIPT LOWER: installs what the script needs in its own root, and checks the result.
tried() {
    local tree=$fresh/roots/$BASHPID what missing there
    made "$tree" "$2"
    if ! inside "$tree" "$1" --install >"$work/log" 2>&1; then
        bad "$1" "$(tail -n 3 "$work/log" | tr '\n' ' ')"
    else
        what=$(sed -n 's/^there \([^ ]*\) .*/\1/p' "$work/log" | sort -u)
        # The copy of the checkout has no tag of a release, so that ci/release.sh has nothing to compare with, and needs no
        # program for that.
        { called "$1"; echo "$what"; } | found . | found -vx 'cargo semver-checks' | sort -u >"$tree/tmp/words"
        there=$(wc -l <"$tree/tmp/words")
        missing=$(lacks "$tree")
        if grep -q '^cargo ' "$tree/tmp/words" && ! grep -qx cc <<<"$what"; then
            bad "$1" "it calls cargo, and does not need what cargo links with"
        elif [ -n "$missing" ]; then
            bad "$1" "it calls what is not there, and what it does not need: ${missing//$'\n'/, }"
        elif [[ " ${whole[*]} " == *" $1 "* ]] && ! inside "$tree" "$1" >"$work/log" 2>&1; then
            bad "$1" "it does not pass: $(tail -n 3 "$work/log" | tr '\n' ' ')"
        else
            [[ " ${whole[*]} " != *" $1 "* ]] || what+=$'\n'"(and it passes: $(tail -n 1 "$work/log"))"
            ok "$1: $there programs are there; it needs ${what//$'\n'/ }"
        fi
    fi
    gone "$tree"
}

if [ $# = 0 ]; then
    mapfile -t all < <(git ls-files --cached --others --exclude-standard '.ci/run' 'ci/*.sh' | grep -v '^ci/lib/')
    set -- "${all[@]}"
fi
# Most scripts need a linker: one layer has it, with the lists of packages. The script that needs nothing else shows that the
# installation works without that layer.
linker=$fresh/roots/linker
for one; do
    calls=$(called "$one")
    if ! grep -q '^cargo ' <<<"$calls"; then
        tried "$one" "$base"
        continue
    fi
    if [ ! -d "$linker.upper" ]; then
        made "$linker" "$base"
        check "a linker can be installed where nothing is" inside "$linker" ci/no-libc.sh --install
        gone "$linker" kept
        rm -rf --one-file-system "$linker.upper/checkout"
    fi
    tried "$one" "$linker.upper:$base"
done
rm -rf --one-file-system "$fresh/roots"
finish
