//! Shutting down while wakers start something new.

use std::cell::{Cell, RefCell};
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bare_uring::types::Timespec;
use bare_uring::{Builder, Errno, opcode};
use bare_uring_ops::{Done, Driver, Op, Slab, Storage, Wait};
use bare_uring_sim::{Profile, SimKernel};

use crate::setting::limit_this_test;
use crate::shared::{Bell, poll};
use crate::watched::Watched;

thread_local! {
    static STARTED: RefCell<Vec<Op<Done>>> = const { RefCell::new(Vec::new()) };
    static SLAB: Cell<Option<&'static Slab>> = const { Cell::new(None) };
}

/// Takes the results of what has ended, and starts another operation, as an executor does that polls when it is woken.
struct Restless;

impl Wake for Restless {
    fn wake(self: Arc<Self>) {
        start(&Waker::from(self));
    }
}

fn start(waker: &Waker) {
    let mut operation = SLAB.get().expect("set").timeout(Timespec::new(1000, 0));
    let polled = Pin::new(&mut operation).poll(&mut Context::from_waker(waker));
    if polled.is_pending() {
        STARTED.with_borrow_mut(|started| started.push(operation));
    }
}

#[test]
fn what_wakers_start_meanwhile_never_reaches_the_kernel_and_is_not_waited_for() {
    limit_this_test();
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let timeouts = std::rc::Rc::new(Cell::new(0));
    let seen = timeouts.clone();
    let watched = Watched::new(kernel.clone(), move |entry| {
        seen.set(seen.get() + u32::from(entry[0] == opcode::Timeout::CODE));
    });
    let slab = Box::leak(Box::new(Storage::<64, 1, 1, 8>::new())).start().expect("fresh");
    SLAB.set(Some(slab));
    let mut driver = Driver::new(slab, watched, &Builder::new(), 8).expect("a ring");
    let waker = Waker::from(Arc::new(Restless));
    for _ in 0..2 {
        start(&waker);
        driver.turn(Wait::No).expect("turn");
    }
    // Two are in flight, and one is polled and not submitted.
    start(&waker);
    let begin = kernel.now();
    assert_eq!(driver.shutdown(Duration::from_secs(160)), Ok(()));
    assert!(kernel.now() - begin < Duration::from_secs(1), "{:?}", kernel.now() - begin);
    assert_eq!((timeouts.get(), slab.in_flight()), (2, 0));
    // All are over, but those for which there was no end of wakers: these wait for the next driver.
    let mut started = STARTED.take();
    assert!(started.len() > 3 && started.len() <= 64, "{}", started.len());
    let bell = Bell::new();
    let mut pending = 0;
    for operation in &mut started {
        match poll(operation, &bell) {
            Poll::Ready(outcome) => assert_eq!(outcome, Err(Errno::ECANCELED)),
            Poll::Pending => pending += 1,
        }
    }
    assert!(pending <= 3, "{pending}");
    drop(started);
    // The next driver starts what is started again.
    let mut driver = Driver::new(slab, kernel, &Builder::new(), 8).expect("a ring");
    assert_eq!(driver.block_on(slab.nop()), Ok(Ok(0)));
}
