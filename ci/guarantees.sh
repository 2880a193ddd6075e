#!/usr/bin/env bash
# What DESIGN.md ("What breaks rings in the field") and docs/guarantees.md name as shown by a test is there: each
# `FILE.rs::NAME` is a test of that file, each file and script exists, and each row names one at least.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
bad() { echo "FAIL $*"; failed=1; }

# there WHERE NAME: whether the test, script or fuzz target is there.
there() {
    local file=${2%%::*} name=${2##*::}
    git ls-files --error-unmatch "$file" >/dev/null 2>&1 || { bad "$1 names $2, but there is no $file"; return; }
    case $2 in
        ci/*) [ -x "$file" ] || bad "$1 names $2, which can't be run" ;;
        fuzz/*) grep -q "name = \"$(basename "$file" .rs)\"" fuzz/Cargo.toml || bad "$1 names $2, which is no target" ;;
        *::*)
            # An attribute that makes it a test stands above it, with others between at most.
            awk -v name="$name" '
                /^ *#\[test\]/ { test = 1; next }
                /^ *#\[/ { next }
                test && $0 ~ "^ *fn " name "\\(" { found = 1 }
                { test = 0 }
                END { exit !found }' "$file" || bad "$1 names $2, but there is no such test"
            ;;
        *) bad "$1 names $2, which is no test" ;;
    esac
}

# names WHERE TEXT: all tests and scripts that a text names.
names() {
    named=$(grep -oE '`(tests|sim|src|ci|fuzz)/[a-z_/-]+\.(rs|sh)(::[a-z0-9_]+)?( all)?`' <<<"$2" | tr -d '`' | sed 's/ all$//' | sort -u)
    while read -r name; do there "$1" "$name"; done <<<"$named"
}

# look WHERE TEXT: all that a text names, and whether every row does.
look() {
    local row
    names "$1" "$2"
    while read -r row; do bad "$1 shows nothing for: $row"; done < <(
        grep -E '^\|' <<<"$2" | grep -vE '^\|--|\| shown by \|$' | grep -vE '`(tests|sim|src|fuzz)/[^`]+`|`ci/[^`]+`' || true
    )
    echo "ok   $1: $(grep -cE '^\|' <<<"$2") lines of tables, $(wc -l <<<"$named") tests and scripts"
}

look DESIGN.md "$(sed -n '/^## What breaks rings in the field/,/^## Unsafe functions/p' DESIGN.md)"
look docs/guarantees.md "$(cat docs/guarantees.md)"
# Each unsafe function, and each method of an unsafe trait, has its row in DESIGN.md.
section=$(sed -n '/^## Unsafe functions/,/^## Fuzzing/p' DESIGN.md)
functions=$(git ls-files 'src/*.rs' 'ops/src/*.rs' | grep -v '_models.rs$\|^src/models' |
    xargs sed -nE 's/^ *(pub(\([a-z]+\))? )?(const )?unsafe (fn|trait) ([A-Za-z0-9_]+).*/\5/p' | sort -u)
for name in $functions; do
    grep -qE "^\|[^|]*\`$name\`" <<<"$section" || bad "DESIGN.md has no row for the unsafe function $name"
done
# An argument will do where no test can show it; what is named must be there.
names "DESIGN.md, unsafe functions" "$section"
echo "ok   DESIGN.md: $(wc -l <<<"$functions") names of unsafe functions and traits"
exit $failed
