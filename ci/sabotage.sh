#!/usr/bin/env bash
# ci/sabotage.sh [--sample N [--day DAY]] [--jobs N] [--check] [LAYER...]: applies small faults, one at a time, and shows
# that the tests notice each of them.
#
# The faults are data: ci/sabotage/LAYER.toml, in the form that ci/sabotage.py describes. Without a layer, all are tried,
# in under 30 minutes on two cores. `--sample` takes N of them, others every day; `--check` only looks whether each fault
# still fits the source. Copies the tree, and changes nothing in this one.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
# What the tests of the programs call besides.
need_cargo
need git python3 strace
ready
# Each command has a limit of its own.
test_limit 0

if python3 ci/sabotage.py "$@"; then ok "sabotage"; else bad "sabotage"; fi
finish
