#!/usr/bin/env bash
# ci/release.sh: checks before a release, with tools that take long to install: licences, bans and sources of the dependencies,
# their known faults if the list can be fetched, the packages, and that the public items changed since the last release
# only as the new version allows.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need git
need_subcommand deny

# The last release before this commit. Without a release there is nothing to compare with.
tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null) || tag=
[ -z "$tag" ] || need_subcommand semver-checks
ready
scratch
log=$work/log
# deny FOLDER TARGET CHECK...: runs cargo-deny's checks.
deny() {
    cargo deny --manifest-path "$1/Cargo.toml" --config deny.toml --exclude-dev --locked --target "$2" check "${@:3}" >"$log" 2>&1 ||
        { cat "$log"; bad "${*:3} of $1 for $2"; return; }
    ok "${*:3} of $1 for $2"
}
for target in {x86_64,i686,aarch64,riscv64gc,loongarch64,powerpc64,powerpc64le,s390x}-unknown-linux-gnu \
    {armv7,thumbv7neon}-unknown-linux-gnueabihf {x86_64,aarch64}-unknown-none x86_64-unknown-linux-none x86_64-unknown-hermit; do
    for folder in . packages/ops; do deny "$folder" "$target" licenses bans sources; done
done
# This package uses std, which depends on libc on some targets.
deny packages/sim x86_64-unknown-linux-gnu licenses bans sources
if cargo deny --log-level off fetch db >/dev/null 2>&1; then
    for folder in . packages/{ops,sim}; do deny "$folder" x86_64-unknown-linux-gnu advisories; done
else
    skip "advisories" "their database can't be fetched from here"
fi

ci/package.sh
ok "the packages"

if [ -z "$tag" ]; then
    skip "the public items" "there is no release to compare with"
    finish
fi
for package in bare-uring=. bare-uring-ops=packages/ops bare-uring-sim=packages/sim; do
    if git cat-file -e "$tag:${package#*=}/Cargo.toml" 2>/dev/null; then
        check "the public items of ${package%=*} since $tag" cargo semver-checks --package "${package%=*}" --baseline-rev "$tag"
    else
        skip "the public items of ${package%=*}" "it is not in $tag"
    fi
done
finish
