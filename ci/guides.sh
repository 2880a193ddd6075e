#!/usr/bin/env bash
# Follows each guide literally, in an empty folder: writes the files that it shows (a name in bold and in backticks, then a
# block), and runs its `sh` blocks. The crate comes from this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# follow GUIDE EXPECTED: EXPECTED is a line that its commands must print.
follow() {
    local folder=$work/$1
    mkdir -p "$folder/.cargo"
    # What the registry would do for a user.
    printf '[patch.crates-io]\n' >"$folder/.cargo/config.toml"
    printf 'bare-uring.path = "%s"\n' "$root" >>"$folder/.cargo/config.toml"
    awk -v folder="$folder" '
        /^\*\*`[^`]+`\*\*/ { split($0, parts, "`"); name = folder "/" parts[2]; next }
        /^```/ && !inside { inside = 1; into = ""; if ($0 == "```sh") into = folder "/commands.sh"; else if (name != "") { into = name; name = "" }
            if (into != "") { directory = into; sub(/\/[^\/]*$/, "", directory); system("mkdir -p \"" directory "\"") }; next }
        /^```/ { inside = 0; next }
        inside && into != "" { print >>into }' "docs/$1.md"
    (cd "$folder" && CARGO_TARGET_DIR='' && unset CARGO_TARGET_DIR && bash -euxo pipefail commands.sh) >"$work/$1.log" 2>&1 ||
        { cat "$work/$1.log"; echo "FAIL $1"; exit 1; }
    grep -qxF "$2" "$work/$1.log" || { cat "$work/$1.log"; echo "FAIL $1: did not print: $2"; exit 1; }
    echo "ok   $1"
}

follow static-binary "Hello from a ring."
