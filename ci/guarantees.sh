#!/usr/bin/env bash
# ci/guarantees.sh: checks the tests that DESIGN.md ("What breaks rings in the field") and docs/guarantees.md name: each
# `FILE.rs::NAME` is a test of that file, each file and script exists, and each row names one at least. Each row of
# docs/guarantees.md also names the kernels that it holds on.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need git
ready


# there WHERE NAME: checks that the test, script or fuzz target exists.
there() {
    local file=${2%%::*} name=${2##*::}
    git ls-files --error-unmatch "$file" >/dev/null 2>&1 || { bad "$1 names $2, but there is no $file"; return; }
    case $2 in
        ci/*) [ -x "$file" ] || bad "$1 names $2, which can't be run" ;;
        fuzz/*) grep -q "name = \"$(basename "$file" .rs)\"" fuzz/Cargo.toml || bad "$1 names $2, which is no target" ;;
        *::*)
            # An attribute above the function makes it a test; other attributes may stand beside it, but none that leaves it out.
            awk -v name="$name" '
                /^ *#\[test\]/ { test = 1; next }
                /^ *#\[ignore/ || /^ *#\[cfg_attr\(.*ignore/ || /^ *#\[cfg\(any\(\)\)/ { ignored = 1; next }
                /^ *#\[/ { next }
                test && !ignored && $0 ~ "^ *fn " name "\\(" { found = 1 }
                { test = ignored = 0 }
                END { exit !found }' "$file" || bad "$1 names $2, but there is no such test, or it is ignored"
            ;;
        *) bad "$1 names $2, which is no test" ;;
    esac
}

# names WHERE TEXT: checks all tests and scripts that a text names.
names() {
    # shellcheck disable=SC2016 # Backticks of Markdown.
    named=$(grep -oE '`(tests|packages|examples|src|ci|fuzz)/[a-z0-9_/-]+\.(rs|sh)(::[a-z0-9_]+)?( all)?`' <<<"$2" | tr -d '`' | sed 's/ all$//' | sort -u)
    while read -r name; do there "$1" "$name"; done <<<"$named"
}

# look WHERE TEXT: checks all that a text names, and that every row names something.
look() {
    local rows row
    names "$1" "$2"
    rows=$(grep -E '^\|' <<<"$2" | grep -vE '^\|--|\| shown by \|$')
    while read -r row; do
        [[ $row =~ \`(tests|packages|examples|src|fuzz|ci)/[^\`]+\` ]] || bad "$1 shows nothing for: $row"
    done <<<"$rows"
    ok "$1: $(wc -l <<<"$rows") rows of tables, $(wc -l <<<"$named") tests and scripts"
}

look DESIGN.md "$(sed -n '/^## What breaks rings in the field/,/^## Unsafe functions/p' DESIGN.md)"
look docs/guarantees.md "$(cat docs/guarantees.md)"

# kernels ROW: passes if the second of three cells names kernels, in one of the forms that the page explains.
kernels() {
    local release='[5-9]\.[0-9]+' cells
    IFS='|' read -ra cells <<<"$1"
    [ ${#cells[@]} = 4 ] &&
        [[ ${cells[2]} =~ ^\ (every kernel|Linux|Linux $release and later|Linux $release to $release|kernels with .+ \(Linux $release and later\))\ $ ]]
}
# The check itself: rows without kernels, and with kernels in other words.
# shellcheck disable=SC2016 # Backticks of Markdown.
for row in '| a promise | `tests/a.rs::b` |' '| a promise |  | `tests/a.rs::b` |' '| a promise | most kernels | `tests/a.rs::b` |' \
    '| a promise | Linux 6 and later | `tests/a.rs::b` |' '| a promise | kernels with NODROP | `tests/a.rs::b` |'; do
    ! kernels "$row" || bad "taken for a row that names its kernels" "$row"
done
rows=$(grep -E '^\|' docs/guarantees.md | grep -vE '^\|--|\| kernels \| shown by \|$')
while read -r row; do
    kernels "$row" || bad "docs/guarantees.md names no kernels" "${row:0:80}"
done <<<"$rows"
ok "docs/guarantees.md: $(wc -l <<<"$rows") rows name their kernels"

# Each unsafe function, and each method of an unsafe trait, has its row in DESIGN.md.
section=$(sed -n '/^## Unsafe functions/,/^## Fuzzing/p' DESIGN.md)
functions=$(git ls-files 'src/*.rs' 'packages/ops/src/*.rs' | grep -v '/models.rs$\|_models.rs$\|^src/models' |
    xargs sed -nE 's/^ *(pub(\([a-z]+\))? )?(const )?unsafe (fn|trait) ([A-Za-z0-9_]+).*/\5/p' | sort -u)
for name in $functions; do
    grep -qE "^\|[^|]*\`$name\`" <<<"$section" || bad "DESIGN.md has no row for the unsafe function $name"
done
# A row may give an argument where no test can show it; a test that it names must exist.
names "DESIGN.md, unsafe functions" "$section"
ok "DESIGN.md: $(wc -l <<<"$functions") names of unsafe functions and traits"
finish
