#!/usr/bin/env bash
# ci/cross.sh: fetches a compiler, and the library source that matches it, for architectures that the toolchain lacks.
#
# Unpacks Debian's packages below target/cross, and installs nothing; the toolchain in use stays as it is. The compiler
# is then target/cross/rustc, and builds the library from source:
#   RUSTC=target/cross/rustc RUSTC_BOOTSTRAP=1 cargo build -Zbuild-std=core --target ...
# `rust-lld` beside it links for every architecture. Needs Debian on x86_64, and downloads some 140 MB.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
. ci/lib/apt.sh

# Debian keeps a newer compiler, with its source, in each suite for building web browsers.
suite=bookworm
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/cross"
cross=$(cd "$target/cross" && pwd)
cache=$cross
need_cargo
ready
if [ -x "$cross/rustc" ] && [ -L "$cross/rust-lld" ] && "$cross/rustc" --version; then
    ok "it is there"
    finish
fi

root=$(apt_root amd64 "$suite" "$suite-security")
# Installed packages are not downloaded again, except the compiler.
APT_CONFIG=$root/apt.conf apt-get -qq install --yes --download-only --reinstall -o Dir::State::status=/var/lib/dpkg/status \
    rustc-web rust-web-src >"$root/download.log" 2>&1 ||
    lacking "its packages can't be had: $(tail -n 3 "$root/download.log" | tr '\n' ' ')"
rm -rf "$cross/root"
mkdir -p "$cross/root"
for package in "$root"/archives/*.deb; do
    case $package in
        # Takes the library's source without the compiler's, which is ten times as large.
        */rust-web-src_*) dpkg --fsys-tarfile "$package" | tar -x -C "$cross/root" --wildcards \
            './usr/src/rustc-*/library' './usr/lib/rustlib/src/rust' ;;
        *) dpkg -x "$package" "$cross/root" ;;
    esac
done
rm -rf "$root/archives"
source=$(compgen -G "$cross/root/usr/src/rustc-*")
mkdir -p "$cross/root/usr/lib/rustlib/src"
ln -sfn "$source" "$cross/root/usr/lib/rustlib/src/rust"
linker=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
ln -sfn "$linker" "$cross/rust-lld"
cat >"$cross/rustc" <<WRAPPER
#!/bin/sh
LD_LIBRARY_PATH=$cross/root/usr/lib/x86_64-linux-gnu exec $cross/root/usr/bin/rustc --sysroot $cross/root/usr "\$@"
WRAPPER
chmod +x "$cross/rustc"
"$cross/rustc" --version
ok "unpacked"
finish
