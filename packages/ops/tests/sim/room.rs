//! Waiting for room: for a slot, a buffer, a file, a provided buffer.

use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring::types::Timespec;
use bare_uring_ops::{Driver, Group, Op, Ready, Slab, Wait};
use bare_uring_sim::SimKernel;

use crate::setting::{adopt, driven};
use crate::shared::{Bell, poll};

struct Scene {
    kernel: SimKernel,
    slab: &'static Slab,
    driver: Driver<SimKernel>,
}

impl Scene {
    fn new() -> Self {
        let (kernel, slab, driver) = driven::<3, 2, 1, 8>(8);
        Self { kernel, slab, driver }
    }

    /// Takes all three slots with operations that have no end.
    fn fill(&mut self) -> Vec<Op<bare_uring_ops::Done>> {
        let mut pauses: Vec<_> = (0..3).map(|_| self.slab.timeout(Timespec::new(1000, 0))).collect();
        assert!(pauses.iter_mut().all(|pause| poll(pause, &Bell::new()).is_pending()));
        assert_eq!(self.driver.turn(Wait::No), Ok(0));
        assert_eq!(poll(&mut self.slab.nop(), &Bell::new()), Poll::Ready(Err(Errno::EBUSY)));
        pauses
    }
}

const READY: Poll<Result<(), Errno>> = Poll::Ready(Ok(()));

#[test]
fn where_there_is_room_nobody_waits() {
    let mut scene = Scene::new();
    let (slab, bell) = (scene.slab, Bell::new());
    for mut ready in [slab.ready(), slab.ready_buffer(), slab.ready_file()] {
        assert_eq!(poll(&mut ready, &bell), READY);
        // A future that is over stays pending, and keeps nothing.
        assert!(poll(&mut ready, &bell).is_pending());
    }
    assert_eq!((bell.rings(), bell.kept()), (0, 0));
    let figures = slab.figures();
    assert_eq!([figures.slots.waits, figures.buffers.waits, figures.files.waits, figures.provided.waits], [0; 4]);
    assert_eq!(scene.driver.turn(Wait::One), Ok(0));
}

#[test]
fn slots_go_to_those_that_wait_in_order() {
    let mut scene = Scene::new();
    let slab = scene.slab;
    let mut pauses = scene.fill();
    let bells = [Bell::new(), Bell::new(), Bell::new()];
    let mut waiting = [slab.ready(), slab.ready(), slab.ready()];
    for (ready, bell) in waiting.iter_mut().zip(&bells) {
        assert!(poll(ready, bell).is_pending());
    }
    // As many wait as there are slots.
    assert_eq!(poll(&mut slab.ready_buffer(), &bells[0]), READY);
    let buffer = slab.buffer().expect("one");
    assert_eq!(poll(&mut slab.ready_buffer(), &bells[0]), Poll::Ready(Err(Errno::EBUSY)));
    assert_eq!((slab.figures().slots.waiting, slab.figures().slots.waits), (3, 3));
    for round in 0..3 {
        assert_eq!(bells.each_ref().map(|bell| bell.rings()), [0, 1, 2].map(|other| usize::from(other < round)));
        drop(pauses.pop());
        // The slot is free when the kernel has cancelled the operation, and the same turn wakes.
        while slab.figures().slots.used == 3 {
            assert_eq!(bells[round].rings(), 0);
            scene.driver.turn(Wait::One).expect("turn");
        }
        assert_eq!(bells[round].rings(), 1);
        // The others are not woken, and are not served before.
        for (ready, bell) in waiting.iter_mut().zip(&bells).skip(round + 1) {
            assert!(poll(ready, bell).is_pending());
        }
        assert_eq!(poll(&mut waiting[round], &bells[round]), READY);
        let mut pause = slab.timeout(Timespec::new(1000, 0));
        assert!(poll(&mut pause, &Bell::new()).is_pending());
        pauses.insert(0, pause);
    }
    assert_eq!(bells.each_ref().map(|bell| (bell.rings(), bell.kept())), [(1, 0); 3]);
    drop(buffer);
}

#[test]
fn one_that_comes_too_late_keeps_its_place() {
    let mut scene = Scene::new();
    let slab = scene.slab;
    let mut pauses = scene.fill();
    let (first, second) = (Bell::new(), Bell::new());
    let (mut early, mut later) = (slab.ready(), slab.ready());
    assert!(poll(&mut early, &first).is_pending());
    assert!(poll(&mut later, &second).is_pending());
    drop(pauses.pop());
    while first.rings() == 0 {
        scene.driver.turn(Wait::One).expect("turn");
    }
    // Another task is faster, and does not ask.
    let mut nop = slab.nop();
    assert!(poll(&mut nop, &Bell::new()).is_pending());
    assert!(poll(&mut early, &first).is_pending());
    drop(nop);
    scene.driver.turn(Wait::No).expect("turn");
    assert_eq!((first.rings(), second.rings()), (2, 0));
    assert_eq!(poll(&mut early, &first), READY);
}

#[test]
fn a_turn_that_wakes_does_not_wait() {
    let mut scene = Scene::new();
    let (slab, bell) = (scene.slab, Bell::new());
    let mut pause = slab.timeout(Timespec::new(1000, 0));
    assert!(poll(&mut pause, &bell).is_pending());
    scene.driver.turn(Wait::No).expect("turn");
    let buffer = slab.buffer().expect("one");
    let mut ready = slab.ready_buffer();
    assert!(poll(&mut ready, &bell).is_pending());
    // The buffer goes back outside of a turn. There is a timeout to wait for, but the task has something to do now.
    drop(buffer);
    let begin = scene.kernel.now();
    assert_eq!(scene.driver.turn(Wait::One), Ok(0));
    assert!(scene.kernel.now() - begin < Duration::from_secs(1));
    assert_eq!((bell.rings(), poll(&mut ready, &bell)), (1, READY));
}

#[test]
fn a_file_and_a_provided_buffer_are_waited_for() {
    static GROUP: Group<2, 4> = Group::new();
    let mut scene = Scene::new();
    let (slab, bell) = (scene.slab, Bell::new());
    // Without a group no buffer ever comes.
    assert!(poll(&mut slab.ready_provided(), &bell).is_pending());
    scene.driver.provide(&GROUP).expect("provide");
    assert_eq!(poll(&mut slab.ready_provided(), &bell), READY);
    let (near, far) = scene.kernel.socket_pair();
    let socket = adopt(slab, near);
    let spare = adopt(slab, scene.kernel.pipe().0);
    let mut file = slab.ready_file();
    assert!(poll(&mut file, &bell).is_pending());
    drop(spare);
    while bell.rings() == 0 {
        scene.driver.turn(Wait::One).expect("turn");
    }
    assert_eq!(poll(&mut file, &bell), READY);
    // Two pieces are out, and the third finds no buffer.
    assert_eq!(scene.kernel.write(far, b"abcdefghi"), Ok(9));
    let mut stream = slab.pieces(&socket);
    let mut pieces = Vec::new();
    while let Ok(piece) = scene.driver.block_on(stream.next()).expect("driver").expect("not the end") {
        pieces.push(piece);
    }
    assert_eq!((pieces.len(), slab.figures().provided.used, slab.figures().provided.count), (2, 2, 2));
    let mut ready = slab.ready_provided();
    assert!(poll(&mut ready, &bell).is_pending());
    drop(pieces.pop());
    assert_eq!(scene.driver.block_on(ready), Ok(Ok(())));
    assert_eq!((slab.figures().provided.used, slab.figures().provided.most), (1, 2));
}

#[test]
fn a_waiter_that_is_dropped_is_not_woken_and_one_that_is_forgotten_keeps_nothing() {
    let mut scene = Scene::new();
    let slab = scene.slab;
    let mut pauses = scene.fill();
    let bells = [Bell::new(), Bell::new(), Bell::new()];
    let mut waiting: Vec<Ready> = (0..3).map(|_| slab.ready()).collect();
    for (ready, bell) in waiting.iter_mut().zip(&bells) {
        assert!(poll(ready, bell).is_pending());
    }
    let mut last = waiting.pop().expect("three");
    std::mem::forget(waiting.pop());
    drop(waiting.pop());
    assert_eq!((bells[0].rings(), bells[0].kept()), (0, 0));
    drop(pauses.pop());
    // The forgotten one is woken, and then the last, although no more room came.
    while bells[2].rings() == 0 {
        scene.driver.turn(Wait::One).expect("turn");
    }
    assert_eq!(bells.each_ref().map(|bell| bell.rings()), [0, 1, 1]);
    assert_eq!(poll(&mut last, &bells[2]), READY);
    // One place is lost, and two are left.
    let _all = slab.timeout(Timespec::new(1000, 0));
    let mut others = [slab.ready(), slab.ready(), slab.ready()];
    let polled = others.each_mut().map(|ready| poll(ready, &bells[0]));
    assert_eq!(polled, [Poll::Pending, Poll::Pending, Poll::Ready(Err(Errno::EBUSY))]);
}

#[test]
fn shutting_down_sends_those_that_wait_away() {
    let mut scene = Scene::new();
    let (slab, bell) = (scene.slab, Bell::new());
    let pauses = scene.fill();
    let mut ready = slab.ready();
    assert!(poll(&mut ready, &bell).is_pending());
    assert_eq!(scene.driver.shutdown(Duration::from_secs(16)), Ok(()));
    assert_eq!((bell.rings(), bell.kept()), (1, 0));
    assert_eq!(poll(&mut ready, &bell), Poll::Ready(Err(Errno::ECANCELED)));
    drop(pauses);
}

#[test]
fn a_future_that_waits_for_room_is_no_deadlock_if_room_comes() {
    let mut scene = Scene::new();
    let slab = scene.slab;
    let mut buffer = slab.buffer();
    let mut polls = 0;
    let mut ready = slab.ready_buffer();
    let future = std::future::poll_fn(|context| {
        polls += 1;
        let polled = std::pin::Pin::new(&mut ready).poll(context);
        // The first poll waits; then the buffer goes back.
        buffer.take();
        polled
    });
    assert_eq!(scene.driver.block_on(future), Ok(Ok(())));
    assert_eq!(polls, 2);
    let _buffer = slab.buffer().expect("one");
    assert_eq!(scene.driver.block_on(slab.ready_buffer()), Err(Errno::EDEADLK));
}
