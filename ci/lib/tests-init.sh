#!/bin/busybox sh
# shellcheck shell=dash
#
# Process 1 of a guest of ci/guests.sh: runs each test program, says how it ended, and turns the machine off.
box=/bin/busybox
$box mount -t proc proc /proc
$box mount -t sysfs sysfs /sys
$box mount -t devtmpfs devtmpfs /dev
$box mount -t tmpfs tmpfs /tmp
$box mkdir -p /dev/shm /bin
# What tests call by name.
$box --install -s /bin
export PATH=/bin
ip link set lo up
# Under emulation a thread that polls the queue takes a hundred times as long for each completion.
export BARE_URING_STORM=20000
# Under emulation every test is slow.
export BARE_URING_TEST_LIMIT=280
# Until their clock has wrapped, kernels of 32 bits let no new SQPOLL thread sleep that had no work yet.
case $(uname -m) in
    i?86 | armv*) while [ "$(cut -d . -f 1 /proc/uptime)" -lt 301 ]; do sleep 1; done ;;
esac
echo "kernel $(uname -r) $(uname -m)"
for test in /tests/*; do
    echo "running ${test##*/}"
    timeout 300 "$test" --show-output --test-threads=2
    echo "ended ${test##*/} $?"
done
echo "ended all"
poweroff -f
