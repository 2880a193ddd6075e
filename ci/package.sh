#!/usr/bin/env bash
# The package that users get: builds from itself alone, and holds what they need and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo package --locked --quiet --package bare-uring "$@"
listed=$(cargo package --locked --quiet --package bare-uring --list "$@")
unexpected=$(grep -vE '^(src/.*\.rs|examples/[a-z_]+\.rs|docs/[a-z-]+\.md|(README|DESIGN|CHANGELOG)\.md|LICENSE-(MIT|APACHE)|Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json)$' <<<"$listed" || true)
for needed in src/lib.rs README.md LICENSE-MIT LICENSE-APACHE CHANGELOG.md; do
    grep -qxF "$needed" <<<"$listed" || unexpected+=" $needed is missing"
done
[ -z "$unexpected" ] || { echo "FAIL the package: $unexpected"; exit 1; }
echo "ok   the package has $(wc -l <<<"$listed") files, and builds by itself"
