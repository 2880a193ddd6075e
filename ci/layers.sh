#!/usr/bin/env bash
# ci/layers.sh: no module uses one that stands above it in the table of layers in its crate's lib.rs (ci/layers.py). Shows first, on
# small crates made here, that each kind of fault is found. A second.
# shellcheck disable=SC2016 # Lines of Rust and of Markdown.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need python3
ready
scratch

# These must have a table. Another package is checked once it has one.
required=(src packages/ops/src packages/sim/src)

# ---- the check itself

# crate LIB_LINE...: a crate of the modules low, high and tools, whose lib.rs has these lines behind the table's first row.
crate() {
    rm -rf "$work/crate"
    mkdir "$work/crate"
    printf '%s\n' '//! # The layers' '//!' '//! | module | its one job |' '//! |--|--|' '//! | `low` | first |' "$@" \
        'mod high;' 'mod low;' 'pub use high::{High, Other as Renamed};' >"$work/crate/lib.rs"
    echo 'use crate::low::Low;' >"$work/crate/high.rs"
    echo 'pub struct Low;' >"$work/crate/low.rs"
}
# faulty NAME WORDS: the crate made last fails, with these words.
faulty() { refused "a fault is found: $1" 1 "$2" python3 ci/layers.py "$work/crate"; }
# arrow CODE: the same for a use of `high` in the second line of low.rs.
arrow() {
    crate '//! | [`high`] | second |'
    printf '%s\n' 'pub struct Low;' "$1" >"$work/crate/low.rs"
    faulty "$1" "$work/crate/low.rs:2: low uses high, which is above it"
}
arrow 'use crate::high::Deep;'
arrow 'use crate::{high, low::Low};'
arrow 'fn f() { crate::high::f() }'
arrow 'use crate::High;'
arrow 'use crate::Renamed;'
arrow 'use super::high::f;'
arrow 'mod inner { use super::super::high::f; }'
arrow '#[cfg(not(test))] use crate::high::f;'
arrow 'macro_rules! m { () => { $crate::high::f() }; }'
crate '//! | [`high`] | second |'
mkdir "$work/crate/low"
echo 'mod inner;' >>"$work/crate/low.rs"
echo 'fn f() { crate::high::f() }' >"$work/crate/low/inner.rs"
faulty "a use in a file below" "$work/crate/low/inner.rs:1: low uses high, which is above it"
rm "$work/crate/low/inner.rs"
echo 'fn f() {}' >"$work/crate/low/other.rs"
faulty "a file that nothing declares" "no \`mod\` line leads to this file"
crate '//! | [`high`] | second |' 'mod tools;'
faulty "a module that no row names" "no row of the table names the module tools"
crate '//! | [`high`] | second |' '//! | | third |'
faulty "a row that names no module" "this row names no module"
crate '//! | [`high`], `gone` | second |'
faulty "a row that names what is not there" "this row names gone, which is not a module of lib.rs"
crate '//! | [`high`] | second |' '//! | `low` | third |'
faulty "a module in two rows" "two rows name the module low"
crate '//! | [`high`] | second |'
echo 'use crate::*;' >>"$work/crate/low.rs"
faulty "everything of lib.rs" "the layer can't be told"
sed -i s/layers/others/ "$work/crate/lib.rs"
faulty "no table" "it has no section"
crate '//! | [`high`], `tools` | second |' '#[cfg(unix)] mod tools;' '#[cfg(all(test, loom))] mod models;'
echo 'use crate::{high::f, low::Low};' >"$work/crate/tools.rs"
cp "$work/crate/tools.rs" "$work/crate/models.rs"
cat >>"$work/crate/low.rs" <<'END'
//! [`f`](crate::high::f) /* crate::high */
/* crate::high /* nested */ crate::high */
const TEXT: &str = "crate::high \" crate::high";
#[cfg(test)]
fn f<A, B>() { crate::high::f() }
#[cfg(all(test, unix))]
mod tests { use crate::high::f; }
END
check "what does not count, and uses in a row, are no faults" python3 ci/layers.py "$work/crate"

# ---- the crates

for directory in src packages/*/src; do
    if [[ " ${required[*]} " = *" $directory "* ]] || grep -qix '//! # the layers' "$directory/lib.rs"; then
        check "the layers of $directory" python3 ci/layers.py "$directory"
        [ ! -s "$work/.out" ] || cat "$work/.out"
    else
        skip "the layers of $directory" "its lib.rs has no table yet"
    fi
done
finish
