#!/usr/bin/env bash
# What is looked at before a release, and takes long to install: licences, bans and sources of the dependencies, known
# faults in them where the list of these can be fetched, the packages, and whether the public items changed since the last
# release only as the new version says.
set -euo pipefail
cd "$(dirname "$0")/.."

has() { cargo "$1" --version >/dev/null 2>&1 || cargo install --locked "cargo-$1"; }
has deny
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# deny FOLDER TARGET CHECK...
deny() {
    cargo deny --manifest-path "$1/Cargo.toml" --config deny.toml --exclude-dev --locked --target "$2" check "${@:3}" >"$log" 2>&1 ||
        { cat "$log"; echo "FAIL ${*:3} of $1 for $2"; exit 1; }
    echo "ok   ${*:3} of $1 for $2"
}
for target in {x86_64,i686,aarch64,riscv64gc,loongarch64,powerpc64,powerpc64le,s390x}-unknown-linux-gnu \
    {armv7,thumbv7neon}-unknown-linux-gnueabihf {x86_64,aarch64}-unknown-none x86_64-unknown-linux-none x86_64-unknown-hermit; do
    for folder in . ops; do deny "$folder" "$target" licenses bans sources; done
done
# On std, which on some targets brings libc in anyway.
deny sim x86_64-unknown-linux-gnu licenses bans sources
if cargo deny --log-level off fetch db >/dev/null 2>&1; then
    for folder in . ops sim; do deny "$folder" x86_64-unknown-linux-gnu advisories; done
else
    echo "skipped: advisories; their database can't be fetched from here"
fi

ci/package.sh

# The last release before this commit.
tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null || true)
if [ -z "$tag" ]; then
    echo "skipped: no release to compare with"
    exit
fi
has semver-checks
for package in bare-uring=. bare-uring-ops=ops bare-uring-sim=sim; do
    if git cat-file -e "$tag:${package#*=}/Cargo.toml" 2>/dev/null; then
        cargo semver-checks --package "${package%=*}" --baseline-rev "$tag"
    else
        echo "skipped: ${package%=*} is not in $tag"
    fi
done
