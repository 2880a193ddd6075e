//! Cancelling from elsewhere than the handle.

use std::task::Poll;

use bare_uring::types::Timespec;
use bare_uring::{Builder, Errno};
use bare_uring_ops::{Driver, Group, Slab, Storage, Wait};
use bare_uring_sim::{Profile, SimKernel};

use crate::setting::{adopt, limit_this_test};
use crate::shared::{Bell, poll};

fn scene() -> (SimKernel, &'static Slab, Driver<SimKernel>) {
    limit_this_test();
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let slab = Box::leak(Box::new(Storage::<1, 2, 1, 8>::new())).start().expect("fresh");
    let driver = Driver::new(slab, kernel.clone(), &Builder::new(), 8).expect("a ring");
    (kernel, slab, driver)
}

#[test]
fn a_canceller_ends_its_operation_and_no_other() {
    let (_, slab, mut driver) = scene();
    for submitted in [false, true] {
        let bell = Bell::new();
        let mut pause = slab.timeout(Timespec::new(1000, 0));
        let canceller = pause.canceller().expect("it has a slot");
        assert!(poll(&mut pause, &bell).is_pending());
        if submitted {
            driver.turn(Wait::No).expect("turn");
        }
        canceller.cancel();
        while bell.rings() == 0 {
            driver.turn(Wait::One).expect("turn");
        }
        canceller.cancel();
        assert_eq!(poll(&mut pause, &bell), Poll::Ready(Err(Errno::ECANCELED)));
        assert!(pause.canceller().is_none(), "it is over");
        driver.turn(Wait::No).expect("turn");
        // The next operation in the slot goes on.
        let mut next = slab.timeout(Timespec::new(1, 0));
        assert!(poll(&mut next, &bell).is_pending());
        canceller.cancel();
        assert_eq!(driver.block_on(next), Ok(Err(Errno::ETIME)));
    }
    let _all = slab.nop();
    assert!(slab.nop().canceller().is_none(), "it found no slot");
}

#[test]
fn a_canceller_ends_a_stream_whatever_requests_it_made_meanwhile() {
    static GROUP: Group<4, 4> = Group::new();
    let (kernel, slab, mut driver) = scene();
    driver.provide(&GROUP).expect("provide");
    let (near, far) = kernel.socket_pair();
    let near = adopt(slab, near);
    let mut stream = slab.pieces_at_most(&near, 1);
    let canceller = stream.canceller().expect("it has a slot");
    for _ in 0..3 {
        assert_eq!(kernel.write(far, b"abcd"), Ok(4));
        assert!(driver.block_on(stream.next()).expect("driver").is_some_and(|piece| piece.is_ok()));
    }
    canceller.cancel();
    assert!(matches!(driver.block_on(stream.next()), Ok(Some(Err(Errno::ECANCELED)))));
    assert!(stream.canceller().is_none());
}
