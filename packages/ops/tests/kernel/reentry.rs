//! Wakers are code of others: what they do to the slab while it calls them, or drops them.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bare_uring::Errno;
use bare_uring_ops::{Done, Group, Op, Wait};

use crate::setting::{assert_all_is_back, connection, driver, next, settle, turn_until};
use crate::shared::{Bell, poll};

thread_local! {
    /// What a waker does when it is called, or dropped.
    static DEED: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    static OPERATION: Cell<Option<Op<Done>>> = const { Cell::new(None) };
}

fn act() {
    if let Some(deed) = DEED.take() {
        deed();
    }
}

/// Acts when it is called.
struct WhenCalled;

impl Wake for WhenCalled {
    fn wake(self: Arc<Self>) {
        act();
    }
}

/// Acts when it is dropped.
struct WhenDropped;

impl Wake for WhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for WhenDropped {
    fn drop(&mut self) {
        act();
    }
}

fn poll_with(operation: &mut Op<Done>, waker: &Waker) -> Poll<Result<u32, Errno>> {
    std::pin::Pin::new(operation).poll(&mut Context::from_waker(waker))
}

#[test]
fn a_waker_may_take_the_result_and_start_another_operation() {
    let mut driver = driver();
    let slab = driver.slab();
    let waker = Waker::from(Arc::new(WhenCalled));
    let mut operation = slab.nop();
    assert!(poll_with(&mut operation, &waker).is_pending());
    OPERATION.set(Some(operation));
    DEED.set(Some(Box::new(move || {
        let mut over = OPERATION.take().expect("the operation");
        // The completion was booked before the waker was called.
        assert_eq!((slab.in_flight(), poll(&mut over, &Bell::new())), (0, Poll::Ready(Ok(0))));
        let mut another = slab.nop();
        assert!(poll(&mut another, &Bell::new()).is_pending());
        OPERATION.set(Some(another));
    })));
    driver.turn(Wait::One).expect("turn");
    let another = OPERATION.take().expect("another");
    assert_eq!(driver.block_on(another), Ok(Ok(0)));
    assert_all_is_back(slab, 8);
}

#[test]
fn a_waker_may_drop_the_operation_that_calls_it() {
    let mut driver = driver();
    let slab = driver.slab();
    let waker = Waker::from(Arc::new(WhenCalled));
    let mut operation = slab.nop();
    assert!(poll_with(&mut operation, &waker).is_pending());
    OPERATION.set(Some(operation));
    DEED.set(Some(Box::new(|| drop(OPERATION.take().expect("the operation")))));
    driver.turn(Wait::One).expect("turn");
    assert!(OPERATION.take().is_none());
    assert_all_is_back(slab, 8);
}

#[test]
fn a_waker_may_start_another_operation_while_its_own_is_cancelled() {
    let mut driver = driver();
    let slab = driver.slab();
    let waker = Waker::from(Arc::new(WhenCalled));
    let mut operation = slab.nop();
    assert!(poll_with(&mut operation, &waker).is_pending());
    DEED.set(Some(Box::new(move || {
        let mut another = slab.nop();
        assert!(poll(&mut another, &Bell::new()).is_pending());
        OPERATION.set(Some(another));
    })));
    // The operation is not in flight, so that the waker is called in here.
    operation.cancel();
    let another = OPERATION.take().expect("another");
    assert_eq!(poll(&mut operation, &Bell::new()), Poll::Ready(Err(Errno::ECANCELED)));
    assert_eq!(driver.block_on(another), Ok(Ok(0)));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_waker_that_goes_with_its_stream_finds_the_slot_free() {
    static GROUP: Group<4, 16> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    driver.provide(&GROUP).expect("provide");
    let (server, mut client) = connection(slab);
    let bell = Bell::new();
    let mut pieces = slab.pieces(&server);
    assert!(next(&mut pieces, &bell).is_pending());
    client.write_all(b"last").expect("write");
    drop(client);
    turn_until(&mut driver, "all has come", || slab.in_flight() == 0);
    // All slots are taken.
    let operations: Vec<_> = (0..7).map(|_| slab.nop()).collect();
    assert_eq!(poll(&mut slab.nop(), &bell), Poll::Ready(Err(Errno::EBUSY)));
    {
        // The stream brings something, and keeps the waker for what comes next.
        let waker = Waker::from(Arc::new(WhenDropped));
        assert!(matches!(pieces.poll_next(&mut Context::from_waker(&waker)), Poll::Ready(Some(Ok(_)))));
    }
    DEED.set(Some(Box::new(move || {
        let mut another = slab.nop();
        assert!(poll(&mut another, &Bell::new()).is_pending());
        OPERATION.set(Some(another));
    })));
    drop(pieces);
    let another = OPERATION.take().expect("another");
    assert_eq!(driver.block_on(another), Ok(Ok(0)));
    drop((operations, server));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}
