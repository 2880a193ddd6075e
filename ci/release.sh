#!/usr/bin/env bash
# What is looked at before a release, and takes long to install: licences, bans and sources of the dependencies, and
# whether the public items changed as the version says. Advisories are looked up where their database can be fetched.
set -euo pipefail
cd "$(dirname "$0")/.."

has() { cargo "$1" --version >/dev/null 2>&1 || cargo install --locked "cargo-$1"; }
has deny
cargo deny --exclude-dev --locked check licenses bans sources
cargo deny --exclude-dev --locked check advisories 2>/dev/null || echo "skipped: advisories can't be fetched, or there are some: cargo deny check advisories"

ci/package.sh
tag=$(git describe --tags --abbrev=0 2>/dev/null || true)
if [ -n "$tag" ]; then
    has semver-checks
    cargo semver-checks --package bare-uring --baseline-rev "$tag"
else
    echo "skipped: no release to compare with"
fi
