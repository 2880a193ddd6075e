#!/usr/bin/env bash
# Follows each guide, and the first program of each README, literally, as a new user would: in an empty folder, writes the files
# that the page shows, runs its commands, and compares what they print with what the page says (ci/lib/follow.py). The
# crates come from this checkout. Then looks at the links of all pages.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
need git python3
ready
scratch

root=$PWD
target=${CARGO_TARGET_DIR:-target}
# What the registry would do for a user.
mkdir "$work/.cargo"
cat >"$work/.cargo/config.toml" <<PATCH
[patch.crates-io]
bare-uring.path = "$root"
bare-uring-ops.path = "$root/packages/ops"
bare-uring-sim.path = "$root/packages/sim"
PATCH

# has_core TARGET: whether the toolchain brings `core` for it.
has_core() {
    local lib
    lib=$(rustc --print target-libdir --target "$1" 2>/dev/null) || return 1
    compgen -G "$lib/libcore-*.rlib" >/dev/null
}

# with_core TARGET: puts a `cargo` before the user's that builds `core` for the target with the compiler of ci/cross.sh,
# where what the page asks for (a component of rustup's) can't be had; otherwise a `cargo` that changes nothing.
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

# follow PAGE [HEADING]
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
# The package of the repository, which the other checks build, is the one that the guide shows.
for file in src/kernel.rs src/lib.rs src/memory.rs tests/simulated.rs; do
    check "docs/unikernel.md has examples/unikernel/$file" cmp "$work/docs-unikernel/$file" "examples/unikernel/$file"
done

follow docs/moving-from-io-uring.md

for page in docs/*.md; do
    [ -d "$work/docs-$(basename "$page" .md)" ] || ! grep -q '^```' "$page" || bad "$page" "it is not followed"
done

# Between the pages of the repository; ci/package.sh looks at those of the packages.
mapfile -t pages < <(git ls-files '*.md')
[ ${#pages[@]} -gt 5 ] || bad "there are ${#pages[@]} pages"
check "links between ${#pages[@]} pages" python3 ci/lib/links.py "${pages[@]}"
cat "$work/.out"
finish
