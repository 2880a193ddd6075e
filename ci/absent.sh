#!/usr/bin/env bash
# ci/absent.sh: runs tests/absent.rs where io_uring is switched off by the newest kernel's command line (EPERM), and where it is
# absent, as in QEMU's emulation of single Linux programs (ENOSYS).
#
# The test skips itself where io_uring works; here it must run. Needs Debian on x86_64.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
. ci/lib/cache.sh
. ci/lib/guest.sh
. ci/lib/programs.sh
. ci/lib/tests.sh

need_qemu x86_64
need qemu-x86_64-static
ready

fetch_busybox x86_64
RUSTFLAGS='-Ctarget-feature=+crt-static' cargo test --locked --quiet --no-run --package bare-uring --features std \
    --target x86_64-unknown-linux-gnu --target-dir "$target/guests/build-tests" --test absent
test=$(find "$target/guests/build-tests/x86_64-unknown-linux-gnu/debug/deps" -name 'absent-*' -type f -executable \
    -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2)
log=$cache/log/absent

# told HOW FILE: checks that the test passed there, and was not skipped.
told() {
    if grep -aq '^test result: ok. 1 passed' "$2" && ! grep -aq '^skipped:' "$2"; then ok "$1"; else bad "$1" "see $2"; fi
}

# The output tells how the test ended.
limit 120 qemu-x86_64-static "$test" --show-output >"$log-emulated.log" 2>&1 || echo "status $?" >>"$log-emulated.log"
told "absent: ENOSYS" "$log-emulated.log"

python3 ci/lib/initrd.py "$log.initrd" init=ci/lib/tests-init.sh bin/busybox="$cache/busybox-x86_64" tests/absent="$test"
kernel=$(kernel_image x86_64-newest)
boot x86_64 "$kernel" "$log.initrd" "$log-off.raw" no_timer_check sysctl.kernel.io_uring_disabled=2 || echo "status $? of QEMU" >>"$log-off.raw"
tr -d '\r' <"$log-off.raw" >"$log-off.log"
told "switched off: EPERM" "$log-off.log"
finish
