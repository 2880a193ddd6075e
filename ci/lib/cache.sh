# Where guests of QEMU keep what they need between runs. Source this file after check.sh, and before guest.sh or apt.sh.
#
# Sets `target`, the directory that cargo builds in, as a whole path, and `cache`. Exports both, for scripts that start
# their own functions in parallel.
# shellcheck shell=bash
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/guests/log"
target=$(cd "$target" && pwd)
cache=$target/guests
export target cache
