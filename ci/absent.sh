#!/usr/bin/env bash
# io_uring switched off on the newest kernel's command line (EPERM), and absent, as QEMU's emulation of Linux for single
# programs has it (ENOSYS): tests/absent.rs tells the two apart.
#
# There the test must not be skipped, as it is where io_uring works. Needs Debian on x86_64.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/guests/log"
target=$(cd "$target" && pwd)
cache=$target/guests
. ci/lib/guest.sh
. ci/lib/programs.sh
. ci/lib/tests.sh

need_qemu x86_64
command -v qemu-x86_64-static >/dev/null ||
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends qemu-user-static >/dev/null
fetch_busybox x86_64
RUSTFLAGS='-Ctarget-feature=+crt-static' cargo test --locked --quiet --no-run --package bare-uring --features std \
    --target x86_64-unknown-linux-gnu --target-dir "$target/guests/build-tests" --test absent
test=$(find "$target/guests/build-tests/x86_64-unknown-linux-gnu/debug/deps" -name 'absent-*' -type f -executable \
    -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2)
log=$cache/log/absent

# told HOW FILE: whether the test passed there, and looked at what it is about.
told() {
    grep -aq '^test result: ok. 1 passed' "$2" && ! grep -aq '^skipped:' "$2" && echo "PASS $1" && return
    echo "FAIL $1, see $2"
    return 1
}

failed=0
qemu-x86_64-static "$test" --show-output >"$log-emulated.log" 2>&1 || true
told "absent: ENOSYS" "$log-emulated.log" || failed=1

python3 ci/lib/initrd.py "$log.initrd" init=ci/lib/tests-init.sh bin/busybox="$cache/busybox-x86_64" tests/absent="$test"
kernel=$(kernel_image x86_64-newest)
boot x86_64 "$kernel" "$log.initrd" "$log-off.raw" no_timer_check sysctl.kernel.io_uring_disabled=2 || true
tr -d '\r' <"$log-off.raw" >"$log-off.log"
told "switched off: EPERM" "$log-off.log" || failed=1
exit "$failed"
