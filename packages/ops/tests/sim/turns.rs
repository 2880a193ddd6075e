//! When a turn enters the kernel, and for how long.

use std::task::Poll;
use std::time::Duration;

use bare_uring::types::Timespec;
use bare_uring::{Builder, Errno, opcode};
use bare_uring_ops::{CURRENT, Driver, Slab, Storage, Wait};
use bare_uring_sim::{Chaos, Profile, Rate, SimKernel};

use crate::setting::{adopt, limit_this_test};
use crate::shared::{Bell, poll};

fn scene() -> (SimKernel, &'static Slab, Driver<SimKernel>) {
    limit_this_test();
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let slab = Box::leak(Box::new(Storage::<4, 4, 4, 8>::new())).start().expect("fresh");
    let driver = Driver::new(slab, kernel.clone(), &Builder::new(), 4).expect("a ring");
    (kernel, slab, driver)
}

#[test]
fn a_turn_with_nothing_to_do_makes_no_call() {
    let (kernel, _, mut driver) = scene();
    let before = kernel.calls();
    for wait in [Wait::No, Wait::One, Wait::For(Timespec::new(1, 0))] {
        assert_eq!(driver.turn(wait), Ok(0));
    }
    assert_eq!(kernel.calls(), before);
}

#[test]
fn a_wait_ends_with_the_first_completion() {
    for wait in [Wait::One, Wait::For(Timespec::new(50, 0))] {
        let (kernel, slab, mut driver) = scene();
        let (reader, _) = kernel.pipe();
        let reader = adopt(slab, reader);
        let (soon, never) = (Bell::new(), Bell::new());
        let (mut first, mut second) = (slab.nop(), slab.read(&reader, slab.buffer().expect("one"), CURRENT));
        assert!(poll(&mut first, &soon).is_pending());
        assert!(poll(&mut second, &never).is_pending());
        let begin = kernel.now();
        assert_eq!(driver.turn(wait), Ok(1));
        let took = kernel.now() - begin;
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert_eq!((soon.rings(), never.rings()), (1, 0));
        assert_eq!(poll(&mut first, &soon), Poll::Ready(Ok(0)));
        // The turn did not wait for a completion that cannot come, either.
        assert_eq!(kernel.faults(), []);
    }
}

#[test]
fn a_wait_goes_on_while_a_stream_does() {
    let (kernel, slab, mut driver) = scene();
    let listener = kernel.listener();
    let file = adopt(slab, listener);
    let mut incoming = slab.incoming(&file);
    let bell = Bell::new();
    assert!(poll(&mut incoming.next(), &bell).is_pending());
    assert_eq!(driver.turn(Wait::No), Ok(0));
    for _ in 0..2 {
        kernel.connect(listener).expect("it listens");
        assert_eq!(driver.turn(Wait::One), Ok(1));
    }
    // An operation with a limit completes once.
    let mut limited = slab.nop().within(Timespec::new(1, 0));
    assert!(poll(&mut limited, &bell).is_pending());
    assert_eq!(driver.turn(Wait::One), Ok(1));
    // The stream has brought two connections, and its request goes on: there is something to wait for. The one timeout
    // that the limit has left ends the first wait.
    let begin = kernel.now();
    assert_eq!(driver.turn(Wait::For(Timespec::new(3, 0))), Ok(0));
    assert!(kernel.now() - begin < Duration::from_secs(1));
    assert_eq!(driver.turn(Wait::For(Timespec::new(3, 0))), Ok(0));
    assert!(kernel.now() - begin >= Duration::from_secs(3));
}

/// Where limits can't be counted, an operation and its linked timeout complete both.
#[test]
fn a_wait_goes_on_after_a_linked_limit() {
    limit_this_test();
    let mut profile = Profile::linux(6, 12);
    profile.opcodes &= !(1 << opcode::AsyncCancel::CODE);
    let kernel = SimKernel::new(profile, 1);
    let slab = Box::leak(Box::new(Storage::<4, 4, 4, 8>::new())).start().expect("fresh");
    let mut driver = Driver::new(slab, kernel.clone(), &Builder::new(), 4).expect("a ring");
    let reader = adopt(slab, kernel.pipe().0);
    let bell = Bell::new();
    let mut read = slab.read(&reader, slab.buffer().expect("one"), CURRENT);
    let mut limited = slab.nop().within(Timespec::new(1, 0));
    assert!(poll(&mut read, &bell).is_pending() && poll(&mut limited, &bell).is_pending());
    let mut taken = 0;
    while taken < 2 {
        taken += driver.turn(Wait::One).expect("turn");
    }
    let begin = kernel.now();
    assert_eq!(driver.turn(Wait::For(Timespec::new(3, 0))), Ok(0));
    assert!(kernel.now() - begin >= Duration::from_secs(3));
}

#[test]
fn a_wait_that_a_signal_ends_is_no_error() {
    let (kernel, slab, mut driver) = scene();
    let mut chaos = Chaos::none();
    chaos.interrupted = Rate(255);
    kernel.set_chaos(chaos);
    let (reader, writer) = kernel.pipe();
    let reader = adopt(slab, reader);
    let mut read = slab.read(&reader, slab.buffer().expect("one"), CURRENT);
    let bell = Bell::new();
    assert!(poll(&mut read, &bell).is_pending());
    for _ in 0..20 {
        assert_eq!(driver.turn(Wait::One), Ok(0));
    }
    assert_eq!(kernel.write(writer, b"now"), Ok(3));
    while bell.rings() == 0 {
        driver.turn(Wait::One).expect("turn");
    }
    assert!(matches!(poll(&mut read, &bell), Poll::Ready((Ok(3), _))));
}

#[test]
fn shutting_down_does_not_wait_for_what_was_never_submitted() {
    let (kernel, slab, mut driver) = scene();
    let bell = Bell::new();
    let mut in_flight = slab.timeout(Duration::from_secs(1000));
    assert!(poll(&mut in_flight, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    let mut late = slab.timeout(Duration::from_secs(1000));
    let mut dropped = slab.timeout(Duration::from_secs(1000));
    assert!(poll(&mut late, &bell).is_pending());
    assert!(poll(&mut dropped, &bell).is_pending());
    drop(dropped);
    let begin = kernel.now();
    assert_eq!(driver.shutdown(Duration::from_secs(160)), Ok(()));
    assert!(kernel.now() - begin < Duration::from_secs(1), "{:?}", kernel.now() - begin);
    assert_eq!(bell.rings(), 2);
    for pause in [&mut in_flight, &mut late] {
        assert_eq!(poll(pause, &bell), Poll::Ready(Err(Errno::ECANCELED)));
    }
}
