#!/usr/bin/env bash
# ci/english.sh [--measure]: no sentence of the documentation, the comments and the guides has a form that ci/english.py bans. On
# failure prints the sentences. With --measure only prints the figures of ci/english.py. A second.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need git python3
ready
scratch
export PYTHONDONTWRITEBYTECODE=1
if [ "${1-}" = --measure ]; then
    python3 ci/english.py --measure
    finished=1
    exit
fi

# ---- one sentence of each banned form is found

declare -A sentence=(
    ["a bare 'who'"]='Tells who waits.'
    ["'The same'"]='The same for a file.'
    ["'As there'"]='As there.'
    ["'is none'"]='Waits if there is none.'
    ["an inversion"]='So does a file.'
    ["'the former'"]='Takes the former.'
    ["an old word"]='Closes the file lest it stays.'
    ["a pronoun without its noun"]='Its length.'
)
# found_all: every form of ci/english.py, and the pronoun, is found in its sentence, and nothing is found in a plain one.
found_all() {
    local forms form line=1
    forms=$(cd ci && python3 -c 'import english; print(*(form[0] for form in english.BANNED), "a pronoun without its noun", sep="\n")') || return 1
    : >"$work/tree/shown.rs"
    : >"$work/expected"
    while read -r form; do
        [ -n "${sentence[$form]-}" ] || { echo "ci/english.sh has no sentence for the form $form"; return 1; }
        printf '/// %s\nfn f%d() {}\n\n' "${sentence[$form]}" "$line" >>"$work/tree/shown.rs"
        echo "shown.rs:$line: $form" >>"$work/expected"
        line=$((line + 3))
    done <<<"$forms"
    printf '/// Returns the length of the file.\nfn f%d() {}\n' "$line" >>"$work/tree/shown.rs"
    git -C "$work/tree" init --quiet && git -C "$work/tree" add shown.rs || return 1
    (cd "$work/tree" && python3 "$OLDPWD/ci/english.py") >"$work/found"
    [ $? = 1 ] && sed 's/ (.*//' "$work/found" | diff "$work/expected" -
}
mkdir "$work/tree"
check "one sentence of each banned form is found" found_all

# ---- the tree

if python3 ci/english.py >"$work/found" 2>&1; then
    ok "no sentence has a banned form"
else
    bad "sentences have banned forms" "$(wc -l <"$work/found") lines"
    cat "$work/found"
fi
finish
