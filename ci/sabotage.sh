#!/usr/bin/env bash
# ci/sabotage.sh [--sample N [--day DAY]] [--only TEXT] [--jobs N] [--check] [LAYER...]: applies small faults, one at a
# time, and shows that the tests notice each of them.
#
# The faults are data: ci/sabotage/LAYER.toml, in the form that ci/sabotage.py describes. Without a layer it tries all, in under
# 30 minutes on two cores. `--sample` takes N of them, others every day; `--only` takes those whose file or sentence has the
# TEXT; `--check` only checks that each fault still fits the source. Works on copies of the tree, and changes nothing in this one.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
# The tests of the programs call these.
need_cargo
need git python3 strace
ready
# ci/sabotage.py limits each command.
test_limit 0

if python3 ci/sabotage.py "$@"; then ok "sabotage"; else bad "sabotage"; fi
finish
