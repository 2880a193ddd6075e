//! Busy polling: settings that are read back, receive queues by number, and the bytes that say so.

mod common;

use bare_uring::register::{Napi, NapiTracking};
use bare_uring::uapi::io_uring_register_op::{
    IORING_REGISTER_CLOCK, IORING_REGISTER_NAPI, IORING_REGISTER_USE_REGISTERED_RING, IORING_UNREGISTER_NAPI,
};
use bare_uring::{Builder, Errno, IoUring, register};
use common::answering::{Answering, Argument, Fields};
use common::kernels::{Call, Trace};
use common::machine::has_napi;
use common::requests::{ring, ring_on};
use common::{has, needs};

/// A number that could be a receive queue's: smaller ones stand for CPUs.
const QUEUE: u32 = 1 << 20;

const fn napi(busy_poll_usec: u32, prefer_busy_poll: bool, tracking: NapiTracking) -> Napi {
    Napi { busy_poll_usec, prefer_busy_poll, tracking }
}

/// A ring whose receive queues are given by number; `None` if the kernel can't.
fn with_static_tracking(test: &str) -> Option<IoUring> {
    if !has_napi(test) || !has(test, "IO_URING_NAPI_TRACKING_STATIC", (6, 13)) {
        return None;
    }
    let ring = ring();
    ring.submitter().register_napi(&mut napi(10, false, NapiTracking::STATIC)).unwrap();
    Some(ring)
}

#[test]
fn each_registration_tells_the_settings_before_it() {
    if !has_napi("each_registration_tells_the_settings_before_it") {
        return;
    }
    let ring = ring();
    let system = std::fs::read_to_string("/proc/sys/net/core/busy_poll").map_or(0, |text| text.trim().parse().unwrap());
    let mut settings = napi(50, true, NapiTracking::DYNAMIC);
    assert_eq!(ring.submitter().register_napi(&mut settings), Ok(()));
    assert_eq!((settings.busy_poll_usec, settings.prefer_busy_poll), (system, false));
    settings = napi(9_999, false, NapiTracking::DYNAMIC);
    assert_eq!(ring.submitter().register_napi(&mut settings), Ok(()));
    assert_eq!(settings, napi(50, true, NapiTracking::DYNAMIC));
    assert_eq!(ring.submitter().unregister_napi(), Ok(napi(9_999, false, NapiTracking::DYNAMIC)));
    assert_eq!(ring.submitter().unregister_napi(), Ok(napi(0, false, NapiTracking::DYNAMIC)));
}

#[test]
fn the_tracking_is_told_but_by_unregister() {
    let Some(ring) = with_static_tracking("the_tracking_is_told_but_by_unregister") else { return };
    let mut settings = napi(20, true, NapiTracking::STATIC);
    assert_eq!(ring.submitter().register_napi(&mut settings), Ok(()));
    assert_eq!(settings, napi(10, false, NapiTracking::STATIC));
    assert_eq!(ring.submitter().unregister_napi(), Ok(napi(20, true, NapiTracking::DYNAMIC)));
    settings = napi(1, false, NapiTracking::DYNAMIC);
    assert_eq!(ring.submitter().register_napi(&mut settings), Ok(()));
    assert_eq!(settings, napi(0, false, NapiTracking::INACTIVE));
}

#[test]
fn receive_queues_come_and_go_once() {
    let Some(ring) = with_static_tracking("receive_queues_come_and_go_once") else { return };
    let submitter = ring.submitter();
    assert_eq!(submitter.unregister_napi_id(QUEUE), Err(Errno::ENOENT));
    assert_eq!(submitter.register_napi_id(QUEUE), Ok(()));
    assert_eq!(submitter.register_napi_id(QUEUE), Err(Errno::EEXIST));
    assert_eq!(submitter.register_napi_id(QUEUE + 1), Ok(()));
    assert_eq!(submitter.unregister_napi_id(QUEUE), Ok(()));
    assert_eq!(submitter.unregister_napi_id(QUEUE), Err(Errno::ENOENT));
    assert_eq!(submitter.register_napi_id(1), Err(Errno::EINVAL));
    assert_eq!(submitter.unregister_napi_id(1), Err(Errno::EINVAL));
}

#[test]
fn registering_anew_empties_the_list() {
    let Some(ring) = with_static_tracking("registering_anew_empties_the_list") else { return };
    assert_eq!(ring.submitter().register_napi_id(QUEUE), Ok(()));
    assert_eq!(ring.submitter().register_napi(&mut napi(10, false, NapiTracking::STATIC)), Ok(()));
    assert_eq!(ring.submitter().unregister_napi_id(QUEUE), Err(Errno::ENOENT));
}

#[test]
fn receive_queues_need_static_tracking() {
    if !has_napi("receive_queues_need_static_tracking") {
        return;
    }
    let ring = ring();
    assert_eq!(ring.submitter().register_napi_id(QUEUE), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_napi(&mut napi(10, false, NapiTracking::DYNAMIC)), Ok(()));
    assert_eq!(ring.submitter().register_napi_id(QUEUE), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().unregister_napi_id(QUEUE), Err(Errno::EINVAL));
}

#[test]
fn a_refusal_leaves_the_argument_alone() {
    if !has_napi("a_refusal_leaves_the_argument_alone") {
        return;
    }
    let ring = ring();
    assert_eq!(ring.submitter().register_napi(&mut napi(30, true, NapiTracking::DYNAMIC)), Ok(()));
    for tracking in [NapiTracking(7), NapiTracking::INACTIVE] {
        let mut settings = napi(40, false, tracking);
        assert_eq!(ring.submitter().register_napi(&mut settings), Err(Errno::EINVAL));
        assert_eq!(settings, napi(40, false, tracking));
    }
    assert_eq!(ring.submitter().unregister_napi(), Ok(napi(30, true, NapiTracking::DYNAMIC)));
}

#[test]
fn a_ring_that_polls_devices_is_refused() {
    if !has_napi("a_ring_that_polls_devices_is_refused") {
        return;
    }
    let ring: IoUring = Builder::new().setup_iopoll().build(8).unwrap();
    let mut settings = napi(30, true, NapiTracking::DYNAMIC);
    assert_eq!(ring.submitter().register_napi(&mut settings), Err(Errno::EINVAL));
}

#[test]
fn every_call_hands_over_exactly_these_bytes() {
    // SAFETY: the operations take 16 bytes.
    let kernel = unsafe { Answering::yes(16) };
    let ring = ring_on(&kernel);
    let submitter = ring.submitter();
    assert_eq!(submitter.register_napi(&mut napi(0x0102_0304, true, NapiTracking::STATIC)), Ok(()));
    assert_eq!(submitter.register_napi_id(QUEUE), Ok(()));
    assert_eq!(submitter.unregister_napi_id(QUEUE), Ok(()));
    assert_eq!(submitter.unregister_napi(), Ok(napi(0, false, NapiTracking::DYNAMIC)));
    let bytes = |time, rest: [u8; 4], parameter| Fields::new().u32(&[time]).u8(&rest).u32(&[parameter, 0]).0;
    let (fd, register, unregister) = (ring.fd(), IORING_REGISTER_NAPI as u32, IORING_UNREGISTER_NAPI as u32);
    let expected = [
        (fd, register, 1, bytes(0x0102_0304, [1, 0, 0, 0], 1)),
        (fd, register, 1, bytes(0, [0, 1, 0, 0], QUEUE)),
        (fd, register, 1, bytes(0, [0, 2, 0, 0], QUEUE)),
        (fd, unregister, 1, bytes(0, [0; 4], 0)),
    ];
    assert_eq!(kernel.asked(), expected);
}

#[test]
fn what_the_kernel_writes_comes_out() {
    let answer = |argument: Argument| {
        argument.write(0, 77_u32);
        argument.write(4, 2_u8);
        argument.write(8, 1234_u32);
        Ok(0)
    };
    // SAFETY: the operations take 16 bytes.
    let kernel = unsafe { Answering::new(16, answer) };
    let ring = ring_on(&kernel);
    let mut settings = napi(1, false, NapiTracking::DYNAMIC);
    assert_eq!(ring.submitter().register_napi(&mut settings), Ok(()));
    assert_eq!(settings, napi(77, true, NapiTracking(1234)));
    assert_eq!(ring.submitter().unregister_napi(), Ok(napi(77, true, NapiTracking(1234))));
}

/// As every method of the submitter: where the ring has a registered index, the call goes by it.
#[test]
fn the_calls_go_by_the_registered_index() {
    needs!(6, 3, "IORING_REGISTER_USE_REGISTERED_RING");
    let kernel = Trace::new();
    let ring = ring_on(&kernel).register_ring_fd().map_err(|(_, errno)| errno).unwrap();
    kernel.take();
    let _ = ring.submitter().unregister_napi();
    let _ = ring.submitter().register_clock(register::Clock::MONOTONIC);
    let fd = ring.registered_index().cast_signed();
    let by_index = |operation: u32| operation | IORING_REGISTER_USE_REGISTERED_RING as u32;
    let expected = [
        Call::Register { fd, operation: by_index(IORING_UNREGISTER_NAPI as u32), count: 1 },
        Call::Register { fd, operation: by_index(IORING_REGISTER_CLOCK as u32), count: 0 },
    ];
    assert_eq!(kernel.take(), expected);
}
