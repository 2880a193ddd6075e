#!/usr/bin/env bash
# ci/guides.sh: follows each guide, and the first program of each README, literally: in an empty folder, writes the files that the
# page shows, runs its commands, and compares what they print with what the page says (ci/lib/follow.py). The crates come
# from this checkout. Then checks the links of all pages.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
need git python3
ready
scratch

root=$PWD
target=${CARGO_TARGET_DIR:-target}
# A user would get the crates from the registry.
mkdir "$work/.cargo"
cat >"$work/.cargo/config.toml" <<PATCH
[patch.crates-io]
bare-uring.path = "$root"
bare-uring-ops.path = "$root/packages/ops"
bare-uring-sim.path = "$root/packages/sim"
PATCH

# has_core TARGET: passes if the toolchain has `core` for the target.
has_core() {
    local lib
    lib=$(rustc --print target-libdir --target "$1" 2>/dev/null) || return 1
    compgen -G "$lib/libcore-*.rlib" >/dev/null
}

# with_core TARGET: stands in for the rustup component that the page asks for, if it can't be had: puts a `cargo` before the
# user's that builds `core` for the target with the compiler of ci/cross.sh. Commands for other targets stay as they are.
with_core() {
    mkdir -p "$work/bin"
    need_cross
    local cross
    cross=$(cd "$target/cross" && pwd)
    ln -sfn "$cross/rust-lld" "$work/bin/rust-lld"
    cat >"$work/bin/cargo" <<WRAPPER
#!/usr/bin/env bash
case " \$* " in *" --target $1 "*) ;; *) exec $(command -v cargo) "\$@" ;; esac
[ "\$1" != +nightly ] || shift
case " \$* " in *" -Zbuild-std=core "*) ;; *) set -- "\$@" -Zbuild-std=core ;; esac
RUSTC=$cross/rustc RUSTC_BOOTSTRAP=1 exec $(command -v cargo) "\$@"
WRAPPER
    chmod +x "$work/bin/cargo"
    echo "     $1: no \`core\` from rustup here, so the compiler of ci/cross.sh builds it"
}

# follow PAGE [HEADING]: follows a page, from the heading on.
follow() {
    local name
    name=$(basename "${1//\//-}" .md)
    mkdir "$work/$name"
    if PATH=$work/bin:$PATH limit 1200 env --unset=CARGO_TARGET_DIR \
        python3 ci/lib/follow.py "$work/$name" "$@" >"$work/$name.log" 2>&1; then
        ok "$1: $(tail -n 1 "$work/$name.log")"
    else
        cat "$work/$name.log"
        bad "$1"
    fi
    rm -rf "${work:?}/bin"
}

follow README.md "## A program"
follow packages/ops/README.md
follow packages/sim/README.md

[ -d "$(rustc +nightly --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/core" ] ||
    rustup component add --toolchain nightly rust-src >/dev/null 2>&1 || with_core x86_64-unknown-linux-none
follow docs/static-binary.md

has_core x86_64-unknown-none || rustup target add x86_64-unknown-none >/dev/null 2>&1 || with_core x86_64-unknown-none
follow docs/unikernel.md
# The guide shows the same files as the repository's package, which other checks build.
for file in src/kernel.rs src/lib.rs src/memory.rs tests/simulated.rs; do
    check "docs/unikernel.md has examples/unikernel/$file" cmp "$work/docs-unikernel/$file" "examples/unikernel/$file"
done

follow docs/moving-from-io-uring.md

for page in docs/*.md; do
    [ -d "$work/docs-$(basename "$page" .md)" ] || ! grep -q '^```' "$page" || bad "$page" "it is not followed"
done

# These are the links between the repository's pages; ci/package.sh checks those of the packages.
mapfile -t pages < <(git ls-files '*.md')
[ ${#pages[@]} -gt 5 ] || bad "there are ${#pages[@]} pages"
check "links between ${#pages[@]} pages" python3 ci/lib/links.py "${pages[@]}"
cat "$work/.out"
finish
