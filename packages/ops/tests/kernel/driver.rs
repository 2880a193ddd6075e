//! The driver, and its end.

use std::io::{Read as _, Write as _};
use std::task::Poll;
use std::time::{Duration, Instant};

use bare_uring::{Builder, Errno, Linux};
use bare_uring_ops::{Driver, Group, Slab, Storage, Wait};

use crate::setting::{
    PATIENCE, assert_closed, connection, driver, driver_of, driver_with, free_buffers, receiving, turn_until,
};
use crate::shared::{Bell, poll};

#[test]
fn more_operations_than_the_queue_has_room_for() {
    let slab = Box::leak(Box::new(Storage::<64, 2, 2, 64>::new())).start().expect("fresh");
    let mut driver = driver_with(slab, 1);
    let bell = Bell::new();
    let mut operations: Vec<_> = (0..64).map(|_| slab.nop().within(PATIENCE)).collect();
    for operation in &mut operations {
        assert!(poll(operation, &bell).is_pending());
    }
    turn_until(&mut driver, "all have ended", || bell.rings() == 64);
    for operation in &mut operations {
        assert_eq!(poll(operation, &bell), Poll::Ready(Ok(0)));
    }
}

#[test]
fn waiting_for_what_cannot_come_is_an_error() {
    let mut driver = driver();
    assert_eq!(driver.block_on(std::future::pending::<()>()), Err(Errno::EDEADLK));
    assert_eq!(driver.turn(Wait::One), Ok(0));
}

/// Returns why the slab takes no driver.
fn refusal(slab: &'static Slab) -> Option<Errno> {
    Driver::new(slab, Linux, &Builder::new(), 8).err().map(|error| error.errno())
}

#[test]
fn a_slab_has_one_driver_and_another_after_it_was_shut_down() {
    let first = driver();
    let slab = first.slab();
    assert_eq!(refusal(slab), Some(Errno::EBUSY));
    assert_eq!(first.shutdown(PATIENCE), Ok(()));
    let mut second = driver_of(slab);
    assert_eq!(second.block_on(slab.nop()), Ok(Ok(0)));
}

/// All drivers on Linux are of one kernel, so that numbers of files mean the same to them.
#[test]
fn a_file_outlives_a_driver_and_is_closed_by_the_next() {
    let first = driver();
    let slab = first.slab();
    let (file, mut peer) = connection(slab);
    assert_eq!(first.shutdown(PATIENCE), Ok(()));
    let mut second = driver_of(slab);
    drop(file);
    assert_eq!(second.block_on(slab.nop()), Ok(Ok(0)));
    assert_eq!(second.shutdown(PATIENCE), Ok(()));
    assert_eq!(peer.read(&mut [0]).expect("read"), 0, "it was closed");
}

#[test]
fn provided_buffers_stay_with_the_driver_that_they_were_given_to() {
    static FIRST: Group<4, 16> = Group::new();
    static SECOND: Group<4, 16> = Group::new();
    let mut first = driver();
    let slab = first.slab();
    first.provide(&FIRST).expect("provide");
    let (server, mut client) = connection(slab);
    client.write_all(b"data").expect("write");
    let mut pieces = slab.pieces(&server);
    let piece = first.block_on(pieces.next()).expect("driver").expect("data").expect("a piece");
    drop(pieces);
    assert_eq!(first.shutdown(PATIENCE), Ok(()));
    let mut second = driver_of(slab);
    assert_eq!(second.provide(&SECOND), Err(Errno::EEXIST));
    // The piece is a buffer still, and when it is dropped it goes nowhere.
    assert_eq!(&*piece, b"data");
    drop(piece);
    client.write_all(b"more").expect("write");
    let mut pieces = slab.pieces(&server);
    let end = second.block_on(pieces.next()).expect("driver").expect("an error");
    assert_eq!(end.err(), Some(Errno::ENOBUFS));
}

#[test]
fn shutting_down_closes_files_that_nobody_uses() {
    let driver = driver();
    let slab = driver.slab();
    let (server, client) = connection(slab);
    drop(server);
    assert_eq!(driver.shutdown(PATIENCE), Ok(()));
    assert_closed(&client);
}

#[test]
fn shutting_down_does_not_wait_for_what_was_never_submitted() {
    let mut driver = driver();
    let slab = driver.slab();
    let bell = Bell::new();
    let mut pauses: Vec<_> = (0..3).map(|_| slab.timeout(Duration::from_secs(1000))).collect();
    for pause in &mut pauses {
        assert!(poll(pause, &bell).is_pending());
    }
    let in_flight = pauses.pop().expect("three");
    drop(pauses);
    driver.turn(Wait::No).expect("turn");
    let mut late = slab.timeout(Duration::from_secs(1000));
    assert!(poll(&mut late, &bell).is_pending());
    assert_eq!(slab.in_flight(), 1);
    drop(in_flight);
    let begin = Instant::now();
    // A sixteenth of this is two seconds.
    assert_eq!(driver.shutdown(Duration::from_secs(32)), Ok(()));
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(poll(&mut late, &bell), Poll::Ready(Err(Errno::ECANCELED)));
    assert_eq!(bell.rings(), 1);
}

/// Starts operations of many kinds that have no end by themselves, and has the kernel know them if `submitted`.
fn stuck_in_nothing(driver: &mut Driver<Linux>, submitted: bool) -> impl Sized + use<> {
    let slab = driver.slab();
    let bell = Bell::new();
    let (server, client) = connection(slab);
    let (listener, _) = crate::setting::listening(slab);
    let mut received = receiving(slab, &server).0;
    let mut limited = slab.receive(&server, slab.buffer().expect("one")).within(Duration::from_secs(1000));
    let mut pause = slab.timeout(Duration::from_secs(1000));
    let (mut accept, mut incoming) = (slab.accept(&listener), slab.incoming(&listener));
    assert!(poll(&mut received, &bell).is_pending() && poll(&mut limited, &bell).is_pending());
    assert!(poll(&mut pause, &bell).is_pending() && poll(&mut accept, &bell).is_pending());
    assert!(poll(&mut incoming.next(), &bell).is_pending());
    if submitted {
        driver.turn(Wait::No).expect("turn");
        assert_eq!(slab.in_flight(), 5);
    }
    (received, limited, pause, accept, incoming, client, server, listener)
}

#[test]
fn shutting_down_takes_less_than_10_ms_where_nothing_is_stuck() {
    for submitted in [false, true] {
        // The least of several, because other programs run on this machine. A round that waits takes ten seconds.
        let took = (0..7).map(|_| {
            let mut driver = driver();
            let _operations = stuck_in_nothing(&mut driver, submitted);
            let begin = Instant::now();
            assert_eq!(driver.shutdown(Duration::from_secs(160)), Ok(()));
            begin.elapsed()
        });
        let took: Vec<_> = took.collect();
        println!("submitted: {submitted}, {took:?}");
        let least = took.into_iter().min().expect("seven");
        assert!(least < Duration::from_millis(10), "{least:?}");
    }
}

#[test]
fn a_turn_waits_as_long_as_it_is_told_to() {
    let mut driver = driver();
    let slab = driver.slab();
    let bell = Bell::new();
    let mut pause = slab.timeout(Duration::from_secs(1));
    assert!(poll(&mut pause, &bell).is_pending());
    let begin = Instant::now();
    assert_eq!(driver.turn(Wait::No), Ok(0));
    assert!(begin.elapsed() < Duration::from_millis(900), "it waited");
    let begin = Instant::now();
    assert_eq!(driver.turn(Wait::For(Duration::from_millis(20).into())), Ok(0));
    assert!(begin.elapsed() >= Duration::from_millis(20), "it did not wait");
    assert_eq!((driver.turn(Wait::One), bell.rings()), (Ok(1), 1));
    // Nothing can come any more, so that a turn does not wait.
    assert_eq!(driver.turn(Wait::One), Ok(0));
    assert_eq!(driver.turn(Wait::For(Duration::from_secs(1000).into())), Ok(0));
}

#[test]
fn a_group_is_taken_once_and_a_slab_has_one() {
    static FIRST: Group<4, 16> = Group::new();
    static SECOND: Group<4, 16> = Group::new();
    let (mut driver, mut other) = (driver(), crate::setting::driver());
    assert_eq!(driver.provide(&FIRST), Ok(()));
    assert_eq!(driver.provide(&SECOND), Err(Errno::EEXIST));
    assert_eq!(other.provide(&FIRST), Err(Errno::EBUSY));
    // The group that was refused is not lost.
    assert_eq!(other.provide(&SECOND), Ok(()));
}

#[test]
fn a_driver_that_is_dropped_leaves_its_operations_pending_and_their_memory_reserved() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let (mut receive, bell) = receiving(slab, &server);
    driver.turn(Wait::No).expect("turn");
    drop(driver);
    client.write_all(b"nobody is there").expect("write");
    assert!(poll(&mut receive, &bell).is_pending());
    assert_eq!((bell.rings(), bell.kept()), (0, 1));
    drop(receive);
    assert_eq!((bell.rings(), bell.kept()), (0, 0));
    assert_eq!(slab.in_flight(), 1);
    assert_eq!(free_buffers(slab).len(), 3);
    assert_eq!(refusal(slab), Some(Errno::EBUSY));
}

#[test]
fn storage_starts_once() {
    static STORAGE: Storage<1, 1, 1, 1> = Storage::new();
    assert!(STORAGE.start().is_some());
    assert!(STORAGE.start().is_none());
}
