//! Shutting down while wakers start something new, or while a limit runs; and limits where timeouts are no timers.

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
    static STARTS: Cell<usize> = const { Cell::new(0) };
    static SLAB: Cell<Option<&'static Slab>> = const { Cell::new(None) };
}

/// Takes the results of what has ended, and starts another operation, as an executor does that polls when it is woken.
struct Restless;

impl Wake for Restless {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self);
        let mut started = STARTED.take();
        started.retain_mut(|operation| match Pin::new(operation).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => {
                assert_eq!(outcome, Err(Errno::ECANCELED));
                false
            }
            Poll::Pending => true,
        });
        STARTED.set(started);
        start(&waker);
    }
}

fn start(waker: &Waker) {
    let mut operation = SLAB.get().expect("set").timeout(Timespec::new(1000, 0));
    assert!(Pin::new(&mut operation).poll(&mut Context::from_waker(waker)).is_pending());
    STARTED.with_borrow_mut(|started| started.push(operation));
    STARTS.set(STARTS.get() + 1);
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
    let slab = Box::leak(Box::new(Storage::<8, 1, 1, 8>::new())).start().expect("fresh");
    SLAB.set(Some(slab));
    let mut driver = Driver::new(slab, watched, &Builder::new(), 8).expect("a ring");
    start(&Waker::from(Arc::new(Restless)));
    driver.turn(Wait::No).expect("turn");
    let begin = kernel.now();
    assert_eq!(driver.shutdown(Duration::from_secs(160)), Ok(()));
    assert!(kernel.now() - begin < Duration::from_secs(1), "{:?}", kernel.now() - begin);
    assert_eq!((timeouts.get(), slab.in_flight()), (1, 0));
    // Each operation that ends starts another. Twice as many were ended as there are slots; the last waits.
    assert_eq!((STARTS.get(), STARTED.with_borrow(Vec::len)), (18, 1));
    // The next driver starts it, when it is polled.
    let mut driver = Driver::new(slab, kernel, &Builder::new(), 8).expect("a ring");
    let mut last = STARTED.take();
    assert!(poll(&mut last[0], &Bell::new()).is_pending());
    driver.turn(Wait::No).expect("turn");
    assert_eq!(slab.in_flight(), 1);
    drop(last);
    assert_eq!(driver.block_on(slab.nop()), Ok(Ok(0)));
}

#[test]
fn a_limit_does_not_lengthen_a_shutdown() {
    limit_this_test();
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let blind = Watched::new(kernel.clone(), |entry| {
        if entry[0] == opcode::AsyncCancel::CODE {
            // The kernel finds no such request.
            entry[16..24].fill(0xff);
        }
    });
    let slab = Box::leak(Box::new(Storage::<2, 1, 1, 8>::new())).start().expect("fresh");
    let mut driver = Driver::new(slab, blind, &Builder::new(), 8).expect("a ring");
    let mut stuck = slab.timeout(Timespec::new(1000, 0)).within(Timespec::new(10, 0));
    assert!(poll(&mut stuck, &Bell::new()).is_pending());
    driver.turn(Wait::No).expect("turn");
    let begin = kernel.now();
    assert_eq!(driver.shutdown(Duration::from_secs(16)), Err(Errno::ETIME));
    let took = kernel.now() - begin;
    assert!(took >= Duration::from_secs(15) && took < Duration::from_secs(18), "{took:?}");
}

/// A kernel's thread (SQPOLL) consumes an entry when it comes to it. Until then a queue of two has no room.
#[test]
fn a_shutdown_gives_a_kernels_thread_time_to_make_room() {
    limit_this_test();
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let slab = Box::leak(Box::new(Storage::<2, 2, 1, 8>::new())).start().expect("fresh");
    let mut driver = Driver::new(slab, kernel.clone(), Builder::new().setup_sqpoll(10_000), 2).expect("a ring");
    let file = crate::setting::adopt(slab, kernel.pipe().0);
    let bell = Bell::new();
    let mut nop = slab.nop().within(Timespec::new(10, 0));
    assert!(poll(&mut nop, &bell).is_pending());
    while bell.rings() == 0 {
        kernel.run(1);
        driver.turn(Wait::No).expect("turn");
    }
    // The timeout that counts time is now in the queue.
    driver.turn(Wait::No).expect("turn");
    drop(file);
    assert_eq!(driver.shutdown(Duration::from_secs(16)), Ok(()));
    assert_eq!(poll(&mut nop, &bell), Poll::Ready(Ok(0)));
    assert_eq!(slab.figures().files.used, 0);
}

/// Some kernels end a timeout when something else completes, too. That is no time.
#[test]
fn a_limit_does_not_pass_where_timeouts_end_by_themselves() {
    limit_this_test();
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let counted = std::rc::Rc::new(Cell::new(0));
    let seen = counted.clone();
    let hasty = Watched::new(kernel.clone(), move |entry| {
        if entry[0] == opcode::Timeout::CODE {
            // `off`: after one other completion.
            entry[8] = 1;
            seen.set(seen.get() + 1);
        }
    });
    let slab = Box::leak(Box::new(Storage::<2, 1, 1, 8>::new())).start().expect("fresh");
    let mut driver = Driver::new(slab, hasty, &Builder::new(), 8).expect("a ring");
    let file = crate::setting::adopt(slab, kernel.pipe().0);
    let bell = Bell::new();
    let mut read = slab.read(&file, slab.buffer().expect("one"), 0).within(Timespec::new(1000, 0));
    assert!(poll(&mut read, &bell).is_pending());
    for _ in 0..100 {
        assert_eq!(driver.block_on(slab.nop()), Ok(Ok(0)));
    }
    assert!(counted.get() > 35, "{} timeouts", counted.get());
    assert_eq!((bell.rings(), slab.in_flight()), (0, 1));
}

/// A linked limit has a completion of its own, beside that of its operation.
#[test]
fn the_end_of_a_linked_limit_is_not_that_of_its_operation() {
    limit_this_test();
    let mut profile = Profile::linux(6, 12);
    profile.opcodes &= !(1 << opcode::AsyncCancel::CODE);
    let kernel = SimKernel::new(profile, 1);
    let early = Watched::new(kernel.clone(), |entry| {
        if entry[0] == opcode::LinkTimeout::CODE {
            // The limit completes at once, and says nothing.
            entry[0] = opcode::Nop::CODE;
            entry[4..32].fill(0);
        }
        entry[1] = 0;
    });
    let slab = Box::leak(Box::new(Storage::<1, 1, 1, 8>::new())).start().expect("fresh");
    let mut driver = Driver::new(slab, early, &Builder::new(), 8).expect("a ring");
    let (reader, writer) = kernel.pipe();
    let (file, bell) = (crate::setting::adopt(slab, reader), Bell::new());
    let mut read = slab.read(&file, slab.buffer().expect("one"), u64::MAX).within(Timespec::new(1000, 0));
    assert!(poll(&mut read, &bell).is_pending());
    assert_eq!((driver.turn(Wait::One), bell.rings(), slab.in_flight()), (Ok(1), 0, 1));
    assert_eq!(kernel.write(writer, b"data"), Ok(4));
    assert_eq!((driver.turn(Wait::One), bell.rings(), slab.in_flight()), (Ok(1), 1, 0));
    assert!(matches!(poll(&mut read, &bell), Poll::Ready((Ok(4), _))));
}
