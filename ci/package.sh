#!/usr/bin/env bash
# ci/package.sh: checks the packages that users get: each builds from itself and the others' packages alone, holds what users
# need and nothing else, has a complete manifest, and has no link that leads out of it. Arguments go to `cargo package`.
#
# A page of a package links to files of the package only, so that it can be read where it was unpacked; it names files that
# only the repository has, without a link. On a registry's page such links and the README's pictures work as soon as the
# manifest names the `repository`. docs.rs shows the crate's own documentation, which includes no README.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
need git python3
ready
scratch

packages=(bare-uring bare-uring-ops bare-uring-sim)

# cargo unpacks the first package for the others into a directory that depends on the place of this repository and the version
# alone. What a run of an older commit has left there would be taken for this one.
rm -rf "${CARGO_HOME:-$HOME/.cargo}"/registry/{src,cache}/-*/bare-uring*

# One command packs all three: the second and third are built against the package of the first, which no registry has.
cargo package --locked --quiet "${packages[@]/#/--package=}" "$@" 2>"$work/log" || { cat "$work/log"; bad "they can't be packed"; finish; }
# A package has no tests.
found -v '^warning: ignoring test ' "$work/log" >&2

declare -A more=(
    [bare-uring]='examples/[a-z_]+\.rs|docs/[a-z-]+\.(md|svg)|(DESIGN|CHANGELOG)\.md'
    [bare-uring-ops]='' [bare-uring-sim]=''
)
target=${CARGO_TARGET_DIR:-target}
for package in "${packages[@]}"; do
    archive=$(compgen -G "$target/package/$package-[0-9]*.crate" | sort -V | tail -n 1)
    tar -xzf "$archive" -C "$work"
    mv "$work/$(basename "$archive" .crate)" "$work/$package"
    (cd "$work/$package" && find . -type f -printf '%P\n' | sort) >"$work/list"
    before=$failed
    unexpected=$(found -vxE "src/.*\.rs|README\.md|LICENSE-(MIT|APACHE)|Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json${more[$package]:+|${more[$package]}}" "$work/list" | tr '\n' ' ')
    [ -z "$unexpected" ] || bad "$package holds $unexpected"
    for needed in src/lib.rs README.md LICENSE-MIT LICENSE-APACHE; do
        [ -s "$work/$package/$needed" ] || bad "$package lacks $needed"
    done
    (cd "$work/$package" && mapfile -t pages < <(find . -name '*.md' -printf '%P\n') && "$OLDPWD/ci/lib/links.py" --within "$work/list" "${pages[@]}") ||
        bad "$package: a link leads out of it"
    [ "$failed" != "$before" ] || ok "$package: $(wc -l <"$work/list") files, $(stat -c %s "$archive") bytes, and builds by itself"
done

# manifests: passes if each manifest has what a registry shows, and what users search by.
manifests() {
    cargo metadata --locked --no-deps --format-version 1 | python3 ci/lib/manifests.py "${packages[@]}"
}
check "each manifest says what a registry shows" manifests

# The package has the examples, and docs.rs builds the documentation from it.
if ! (cd "$work/bare-uring" && unset CARGO_TARGET_DIR && cargo check --quiet --examples &&
    RUSTDOCFLAGS="--deny warnings" cargo doc --quiet --no-deps --all-features) >"$work/log" 2>&1; then
    cat "$work/log"
    bad "bare-uring: its examples or its documentation, from the package alone"
else
    ok "bare-uring: its examples and its documentation, from the package alone"
fi

# docs.rs leaves out a target whose documentation does not build, without a message.
mapfile -t targets < <(sed -n '/^targets = \[$/,/^\]$/s/^ *"\(.*\)",$/\1/p' Cargo.toml)
[ ${#targets[@]} != 0 ] || bad "Cargo.toml names no targets for the documentation"
for target in "${targets[@]}"; do
    if ! compgen -G "$(rustc --print target-libdir --target "$target")/libstd-*.rlib" >/dev/null; then
        skip "the documentation for $target" "the toolchain has no std for it"
    elif RUSTDOCFLAGS="--deny warnings" cargo doc --locked --quiet --no-deps --all-features --target "$target" \
        --package bare-uring --package bare-uring-ops >"$work/log" 2>&1; then
        ok "the documentation for $target"
    else
        cat "$work/log"
        bad "the documentation for $target"
    fi
done
finish
