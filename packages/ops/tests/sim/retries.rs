//! Cancellations that find nothing, because the operation was moving just then.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bare_uring::types::RawFd;
use bare_uring::{Builder, Errno, opcode};
use bare_uring_ops::{CURRENT, Driver, Slab, Storage, Wait};
use bare_uring_sim::{Chaos, Profile, Rate, SimKernel};

use crate::setting::{adopt, limit_this_test};
use crate::shared::{Bell, poll};
use crate::watched::Watched;

/// How many cancellations follow the first of an operation that the kernel does not find.
const TRIES: u32 = 8;

/// How many cancellations are still to miss, and how many came.
#[derive(Default)]
struct Sight {
    misses: Cell<u32>,
    cancellations: Cell<u32>,
}

/// Makes a kernel that does not find what it is to cancel, as many times as `misses` says.
fn missing(kernel: &SimKernel, sight: &Rc<Sight>) -> Watched<SimKernel> {
    let sight = sight.clone();
    Watched::new(kernel.clone(), move |entry| {
        if entry[0] == opcode::AsyncCancel::CODE {
            sight.cancellations.set(sight.cancellations.get() + 1);
            if sight.misses.get() > 0 {
                sight.misses.set(sight.misses.get() - 1);
                // `addr`, the user data of the request to be cancelled. Now it is that of no request.
                entry[16..24].fill(0xff);
            }
        }
    })
}

/// A slab with one slot on a kernel that misses, a reader that nothing is written to, and its writer.
struct Scene {
    kernel: SimKernel,
    sight: Rc<Sight>,
    slab: &'static Slab,
    driver: Driver<Watched<SimKernel>>,
    reader: bare_uring_ops::File,
    writer: RawFd,
}

impl Scene {
    fn new() -> Self {
        Self::seeded(1)
    }

    fn seeded(seed: u64) -> Self {
        limit_this_test();
        let kernel = SimKernel::new(Profile::linux(6, 12), seed);
        let sight = Rc::new(Sight::default());
        let slab = Box::leak(Box::new(Storage::<1, 1, 1, 8>::new())).start().expect("fresh");
        let driver = Driver::new(slab, missing(&kernel, &sight), &Builder::new(), 8).expect("a ring");
        let (reader, writer) = kernel.pipe();
        let reader = adopt(slab, reader);
        Self { kernel, sight, slab, driver, reader, writer }
    }

    /// Turns often enough for everything to happen.
    fn turn(&mut self) {
        for _ in 0..10 * TRIES {
            self.driver.turn(Wait::No).expect("turn");
            self.kernel.run(1);
        }
    }

    /// Takes the number of cancellations that came since the last call.
    fn cancellations(&self) -> u32 {
        self.sight.cancellations.take()
    }
}

#[test]
fn what_is_not_found_is_cancelled_again() {
    let mut scene = Scene::new();
    // Each use of the slot has all tries.
    for _ in 0..3 {
        let bell = Bell::new();
        let mut read = scene.slab.read(&scene.reader, scene.slab.buffer().expect("one"), CURRENT);
        assert!(poll(&mut read, &bell).is_pending());
        scene.turn();
        scene.sight.misses.set(TRIES);
        read.cancel();
        scene.turn();
        assert_eq!((scene.cancellations(), bell.rings(), scene.slab.in_flight()), (TRIES + 1, 1, 0));
        assert!(matches!(poll(&mut read, &bell), Poll::Ready((Err(Errno::ECANCELED), _))));
    }
}

#[test]
fn what_is_dropped_and_not_found_is_cancelled_again() {
    let mut scene = Scene::new();
    let mut read = scene.slab.read(&scene.reader, scene.slab.buffer().expect("one"), CURRENT);
    assert!(poll(&mut read, &Bell::new()).is_pending());
    scene.turn();
    scene.sight.misses.set(TRIES);
    drop(read);
    scene.turn();
    assert_eq!((scene.cancellations(), scene.slab.in_flight()), (TRIES + 1, 0));
    assert!(scene.slab.buffer().is_some());
}

#[test]
fn a_stream_that_is_paused_has_all_tries_each_time() {
    limit_this_test();
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let sight = Rc::new(Sight::default());
    let slab = Box::leak(Box::new(Storage::<1, 1, 1, 8>::new())).start().expect("fresh");
    let mut driver = Driver::new(slab, missing(&kernel, &sight), &Builder::new(), 8).expect("a ring");
    let listener = adopt(slab, kernel.listener());
    let mut incoming = slab.incoming(&listener);
    assert!(poll(&mut incoming.next(), &Bell::new()).is_pending());
    for _ in 0..3 {
        for in_flight in [1, 0] {
            for _ in 0..10 * TRIES {
                driver.turn(Wait::No).expect("turn");
                kernel.run(1);
            }
            assert_eq!(slab.in_flight(), in_flight);
            sight.misses.set(TRIES * in_flight as u32);
            if in_flight == 1 { incoming.pause() } else { incoming.resume() }
        }
        assert_eq!(sight.cancellations.take(), TRIES + 1);
    }
}

#[test]
fn what_is_never_found_ends_by_itself() {
    let mut scene = Scene::new();
    let bell = Bell::new();
    let mut read = scene.slab.read(&scene.reader, scene.slab.buffer().expect("one"), CURRENT);
    assert!(poll(&mut read, &bell).is_pending());
    scene.turn();
    scene.sight.misses.set(u32::MAX);
    read.cancel();
    scene.turn();
    assert_eq!((scene.cancellations(), bell.rings(), scene.slab.in_flight()), (TRIES + 1, 0, 1));
    assert_eq!(scene.kernel.write(scene.writer, b"data"), Ok(4));
    scene.turn();
    let Poll::Ready((Ok(4), buffer)) = poll(&mut read, &bell) else { panic!("over") };
    assert_eq!((&*buffer, bell.rings(), scene.cancellations()), (&b"data"[..], 1, 0));
}

#[test]
fn shutting_down_looks_again_for_what_was_not_found() {
    let mut scene = Scene::new();
    let mut read = scene.slab.read(&scene.reader, scene.slab.buffer().expect("one"), CURRENT);
    assert!(poll(&mut read, &Bell::new()).is_pending());
    scene.turn();
    scene.sight.misses.set(TRIES + 1 + 3 * (TRIES + 1) + TRIES);
    drop(read);
    scene.turn();
    assert_eq!((scene.cancellations(), scene.slab.in_flight()), (TRIES + 1, 1));
    assert_eq!(scene.driver.shutdown(Duration::from_secs(1)), Ok(()));
    // Four rounds of nine cancellations, of which the last finds the operation.
    assert_eq!((scene.sight.cancellations.take(), scene.slab.in_flight()), (4 * (TRIES + 1), 0));
}

#[test]
fn shutting_down_gives_up_after_its_patience() {
    let mut scene = Scene::new();
    let bell = Bell::new();
    let mut read = scene.slab.read(&scene.reader, scene.slab.buffer().expect("one"), CURRENT);
    assert!(poll(&mut read, &bell).is_pending());
    scene.turn();
    scene.sight.misses.set(u32::MAX);
    let (begin, patience) = (scene.kernel.now(), Duration::from_secs(32));
    assert_eq!(scene.driver.shutdown(patience), Err(Errno::ETIME));
    assert_eq!(scene.sight.cancellations.take(), 16 * (TRIES + 1));
    let took = scene.kernel.now() - begin;
    assert!(took >= patience && took < patience + Duration::from_secs(2), "{took:?}");
    // The operation's memory is still the kernel's.
    assert!(poll(&mut read, &bell).is_pending());
    assert_eq!((scene.slab.in_flight(), bell.rings()), (1, 0));
    drop(read);
    assert!(scene.slab.buffer().is_none());
    let other = Driver::new(scene.slab, scene.kernel.clone(), &Builder::new(), 8);
    assert_eq!(other.err().map(|error| error.errno()), Some(Errno::EBUSY));
}

#[test]
fn a_late_cancellation_leaves_the_next_operation_in_the_slot_alone() {
    for seed in 0..50 {
        let mut scene = Scene::seeded(seed);
        let mut chaos = Chaos::none();
        chaos.delayed = Rate(200);
        scene.kernel.set_chaos(chaos);
        let slab = scene.slab;
        let mut first = slab.read(&scene.reader, slab.buffer().expect("one"), CURRENT);
        assert!(poll(&mut first, &Bell::new()).is_pending());
        scene.turn();
        // The operation completes, and is cancelled before the driver knows of that.
        assert_eq!(scene.kernel.write(scene.writer, b"data"), Ok(4));
        scene.kernel.run(4);
        drop(first);
        scene.driver.turn(Wait::No).expect("turn");
        assert_eq!((scene.cancellations(), slab.in_flight()), (1, 0));
        let bell = Bell::new();
        let mut second = slab.read(&scene.reader, slab.buffer().expect("one"), CURRENT);
        assert!(poll(&mut second, &bell).is_pending());
        scene.turn();
        assert_eq!((scene.cancellations(), slab.in_flight(), bell.rings()), (0, 1, 0));
    }
}
