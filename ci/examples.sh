#!/usr/bin/env bash
# ci/examples.sh: runs each of the ten examples, and checks what it prints. An example opens with what it teaches, has at most 80
# lines, and needs no other file.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready
scratch
cargo build --locked --quiet --package bare-uring --examples
target=${CARGO_TARGET_DIR:-target}/debug/examples

# expect EXAMPLE ARGUMENT...: checks that the example prints just the lines on standard input, in any order.
expect() {
    local name=$1 line wrong=
    mapfile -t expected
    if ! limit 60 "$target/$name" "${@:2}" >"$work/out" 2>&1; then wrong=" failed"; fi
    mapfile -t lines <"$work/out"
    [ "${#lines[@]}" = "${#expected[@]}" ] || wrong+=" printed ${#lines[@]} lines, not ${#expected[@]}"
    for line in "${expected[@]}"; do
        grep -qxF -- "$line" "$work/out" || wrong+=" lacks: $line;"
    done
    [ "$(wc -l <"examples/$name.rs")" -le 80 ] || wrong+=" has more than 80 lines"
    # The file begins with a title, an empty line, and at least two lines that say more.
    [ "$(head -n 4 "examples/$name.rs" | cut -c 1-4 | tr '\n' '|')" = '//! |//!|//! |//! |' ] || wrong+=" does not open with what one learns"
    ! grep -qE '^ *(pub )?mod |#\[path|include!' "examples/$name.rs" || wrong+=" has a helper beside it"
    if [ -n "$wrong" ]; then
        bad "$name" "${wrong# }"
        sed 's/^/    /' "$work/out"
    else
        ok "$name"
    fi
    seen+=" $name"
}
seen=

expect nop <<'END'
submitted 3
request 1 completed with Ok(10)
request 2 completed with Ok(20)
request 3 completed with Ok(30)
END
expect cat Cargo.toml < <(cat Cargo.toml)
check "cat prints the file as it is" cmp "$work/out" Cargo.toml
head -c 100000 /dev/urandom >"$work/long"
"$target/cat" "$work/long" >"$work/copy"
check "cat of a longer file" cmp "$work/long" "$work/copy"
head -c 1000000 /dev/urandom >"$work/from"
expect linked_copy "$work/from" "$work/to" <<'END'
copied 1000000 bytes in 16 chains
END
check "the copy is as the file" cmp "$work/from" "$work/to"
expect echo <<'END'
4 connections; all came back: true
END
expect sqpoll <<'END'
32000 requests completed
the thread slept, was woken, and did request 7
END
expect static_memory <<END
a ring of 32 entries needs $(((64 + 64 * 16) + 2 * 64)) bytes for its queues, 2048 for its requests
the user data of all completions sum up to 496
END
expect registered_wait <<'END'
nothing came: Err(ETIME), at least 20 ms later: true
submitted 1, and request Some(7) is done
the same offset is a short wait now
END
expect multishot_timer <<'END'
tick 1
tick 2
tick 3
removed: Ok(0)
the timer ended: Err(ECANCELED)
END
expect message <<'END'
the receiver got a sum of 55
END
expect zero_copy_send <<'END'
the buffer is free again
100000 bytes arrived, all as they were: true
END

for file in examples/*.rs; do
    name=$(basename "$file" .rs)
    [[ " $seen " == *" $name "* ]] || bad "$name" "not run here"
done
same "examples" "$(wc -w <<<"$seen")" 10
finish
