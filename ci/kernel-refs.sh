#!/usr/bin/env bash
# ci/kernel-refs.sh [RELEASE]: the references to the kernel's source (ci/kernel_refs.py has their form) in all tracked
# sources, grouped by the kernel's file and function, with the release that each was checked against. With a release
# (`7.4`, `liburing 2.14`) it prints those that were checked against an older one: the lines to reread when that release
# comes. Fails for a reference that is not complete, or is written in another form. Takes seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need git python3
ready
scratch

release=${1-all}
[[ $release =~ ^(all|([a-z][a-z-]* )?[0-9]+\.[0-9]+(\.[0-9]+)*(-rc[0-9]+)?)$ ]] || { bad "arguments" "'$release' is no release"; finish; }

# ---- the search itself: what it must find faulty, and what it must not

# finds NAME FAULT LINE...: a file of these lines has one faulty reference, and this is what is wrong with it.
finds() {
    local name=$1 fault=$2
    shift 2
    printf '%s\n' "$@" >"$work/one.rs"
    python3 ci/kernel_refs.py all "$work/one.rs" >"$work/listed" 2>"$work/faults" || [ $? = 1 ]
    same "found: $name" "$(cut -f 1,2 "$work/faults" | sed "s,^$work/,,")|$(wc -l <"$work/listed")" "one.rs:$fault|0"
}
tab=$'\t'
finds "no release" "1${tab}it has no release in parentheses" '// kernel: io_uring/kbuf.c io_kbuf_commit: the rule.'
finds "a release without parentheses" "1${tab}it has no release in parentheses" '// kernel: io_uring/kbuf.c io_kbuf_commit 7.0: the rule.'
finds "a man page without a release" "1${tab}it has no release in parentheses" '// kernel: man io_uring_enter(2): the rule.'
finds "no function" "1${tab}it names no function" '// kernel: io_uring/kbuf.c (7.0): the rule.'
finds "no file" "1${tab}it names no file of the kernel and no man page" '// kernel: io_kbuf_commit (7.0): the rule.'
finds "no rule" "1${tab}it has no rule" '// kernel: io_uring/kbuf.c io_kbuf_commit (7.0):' 'let x = 1;'
finds "no colon before the rule" "1${tab}it has no rule" '// kernel: io_uring/kbuf.c io_kbuf_commit (7.0) the rule.'
finds "no revision" "1${tab}it has no revision in parentheses" '// kernel: nanos src/unix/io_uring.c iour_submit (7.0): the rule.'
finds "a revision for Linux" "1${tab}it has no release in parentheses" '// kernel: io_uring/kbuf.c io_kbuf_commit (0468d568): the rule.'
finds "a short revision" "1${tab}it has no revision in parentheses" '// kernel: nanos src/unix/io_uring.c iour_submit (0468d56): the rule.'
finds "another kernel without a function" "1${tab}it names no function" '// kernel: nanos src/unix/io_uring.c (0468d568): the rule.'
finds "two kernels" "1${tab}it names files of two kernels" \
    '// kernel: nanos src/unix/io_uring.c iour_submit and io_uring/kbuf.c io_kbuf_commit (7.0): the rule.'
for near in '//kernel: io_uring/kbuf.c io_kbuf_commit (7.0): the rule.' '// Kernel: io_uring/kbuf.c io_kbuf_commit (7.0): the rule.' \
    '// kernel : io_uring/kbuf.c io_kbuf_commit (7.0): the rule.' '// kernel io_uring/kbuf.c io_kbuf_commit (7.0): the rule.' \
    '/// kernel: io_uring/kbuf.c io_kbuf_commit (7.0): the rule.' '// kernels: io_uring/kbuf.c io_kbuf_commit (7.0): the rule.'; do
    finds "nearly so: ${near%% io_kbuf*}" "2${tab}it is written in another form" 'let x = 1;' "$near"
done
cat >"$work/good.rs" <<'END'
//! What the documentation says of the
//! kernel: this is a sentence.
// kernel's own business.
// kernel: io_uring/kbuf.c io_kbuf_commit
// (7.0): a rule that runs over
// three lines.
let x = 1; // kernel: man io_uring_enter(2) (liburing 2.12): beside the code.
// kernel: io_uring/rsrc.c io_buffer_validate (6.18): an older one.
// SAFETY: no part of the rule.
// kernel: io_uring/rsrc.c io_buffer_validate (6.18): another one.
// Release: no part of it either.
// kernel: gvisor pkg/sentry/fsimpl/iouringfs/iouringfs.go New, handleReadv (21c00c14): a rule of
// another kernel.
// kernel: osv core/io_uring.cc io_uring_wait_cqe (24eb7668): one of a file in C++.
END
python3 ci/kernel_refs.py all "$work/good.rs" >"$work/listed"
same "what is complete is listed" "$(sed "s,$work/,," "$work/listed")" "gvisor pkg/sentry/fsimpl/iouringfs/iouringfs.go
  New
    21c00c14  good.rs:12  a rule of another kernel.
  handleReadv
    21c00c14  good.rs:12  a rule of another kernel.
io_uring/kbuf.c
  io_kbuf_commit
    7.0  good.rs:4  a rule that runs over three lines.
io_uring/rsrc.c
  io_buffer_validate
    6.18  good.rs:8  an older one.
    6.18  good.rs:10  another one.
man io_uring_enter(2)
    liburing 2.12  good.rs:7  beside the code.
osv core/io_uring.cc
  io_uring_wait_cqe
    24eb7668  good.rs:14  one of a file in C++."
for row in '6.18 0' '7.0 2' '7.1 3' 'liburing 2.12 0' 'liburing 2.14 1'; do
    same "those before ${row% *}" "$(python3 ci/kernel_refs.py "${row% *}" "$work/good.rs" | count '^    ')" "${row##* }"
done

# ---- the tree

mapfile -t sources < <(git ls-files '*.rs' '*.py' '*.sh' .ci/run)
python3 ci/kernel_refs.py all "${sources[@]}" >"$work/all" 2>"$work/faults" || [ $? = 1 ]
while IFS=$tab read -r place fault text; do bad "$place" "$fault: $text"; done <"$work/faults"
[ -s "$work/faults" ] || ok "$(count '^    ' "$work/all") references in ${#sources[@]} files, each with function, release and rule"
python3 ci/kernel_refs.py "$release" "${sources[@]}" 2>/dev/null || [ $? = 1 ]
finish
