//! Operations that are linked, one behind the other.

use std::io::Write as _;
use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring::types::Timespec;
use bare_uring_ops::{CURRENT, Clock, Request, Wait};

use crate::folder::Folder;
use crate::setting::{
    PATIENCE, adopt, assert_all_is_back, assert_closed, buffer_of, connection, driver, driver_of, free_buffers, settle,
    turn_until,
};
use crate::shared::{Bell, poll};

#[test]
fn the_second_runs_when_the_first_has_done_all() {
    let folder = Folder::new("linked");
    let mut driver = driver();
    let slab = driver.slab();
    let file = folder.file(slab, "one", b"");
    let bell = Bell::new();
    let mut saved = slab.write(&file, buffer_of(slab, b"record"), 0).then(slab.fdatasync(&file));
    assert!(poll(&mut saved, &bell).is_pending());
    // One turn brings both to the kernel.
    driver.turn(Wait::No).expect("turn");
    assert!(slab.in_flight() > 0 || bell.rings() == 1);
    let ((written, buffer), synced) = driver.block_on(saved).expect("driver");
    assert_eq!((written, &*buffer, synced), (Ok(6), &b""[..], Ok(0)));
    // The second sees what the first has done.
    let write = slab.write(&file, buffer_of(slab, b"other."), 0).then(slab.read(&file, buffer, 0));
    let ((written, _), (read, buffer)) = driver.block_on(write).expect("driver");
    assert_eq!((written, read, &*buffer), (Ok(6), Ok(6), &b"other."[..]));
    drop((file, buffer));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn the_second_is_cancelled_when_the_first_fails_or_comes_short() {
    let folder = Folder::new("broken");
    let mut driver = driver();
    let slab = driver.slab();
    let file = folder.file(slab, "one", b"short");
    let null = adopt(slab, std::fs::File::open("/dev/null").expect("null"));
    driver
        .block_on(async {
            let append = slab.append(&file, buffer_of(slab, b"never"));
            let ((read, buffer), (appended, kept)) =
                slab.read(&file, slab.buffer().expect("one"), 0).then(append).await;
            assert_eq!((read, &*buffer), (Ok(5), &b"short"[..]));
            assert_eq!((appended, &*kept), (Err(Errno::ECANCELED), &b"never"[..]));
            let ((written, kept), synced) = slab.write(&null, kept, 0).then(slab.fdatasync(&file)).await;
            assert_eq!((written, &*kept, synced), (Err(Errno::EBADF), &b"never"[..], Err(Errno::ECANCELED)));
        })
        .expect("driver");
    assert_eq!(folder.read("one"), b"short");
    drop((file, null));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn both_are_cancelled_dropped_and_forgotten_together() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, client) = connection(slab);
    let bell = Bell::new();
    let two = || {
        let receive = |text| slab.read(&server, buffer_of(slab, text), CURRENT);
        receive(b"one").then(receive(b"two"))
    };
    for turns in 0..3 {
        for dropped in [false, true] {
            let mut linked = two();
            if turns > 0 {
                assert!(poll(&mut linked, &bell).is_pending());
            }
            if turns > 1 {
                driver.turn(Wait::No).expect("turn");
                assert_eq!(slab.in_flight(), 2);
            }
            if dropped {
                drop(linked);
            } else {
                linked.cancel();
                let ((one, first), (two, second)) = driver.block_on(linked).expect("driver");
                assert_eq!((one, two), (Err(Errno::ECANCELED), Err(Errno::ECANCELED)));
                assert_eq!((&*first, &*second), (&b"one"[..], &b"two"[..]));
            }
            settle(&mut driver);
            assert_eq!((free_buffers(slab).len(), slab.in_flight(), bell.kept()), (4, 0, 0));
        }
    }
    // The first is over, and only the second waits.
    let mut half = slab.nop().then(slab.read(&server, buffer_of(slab, b"two"), CURRENT));
    assert!(poll(&mut half, &bell).is_pending());
    turn_until(&mut driver, "the first is over", || slab.in_flight() == 1);
    half.cancel();
    let (one, (late, second)) = driver.block_on(half).expect("driver");
    assert_eq!((one, late, &*second), (Ok(0), Err(Errno::ECANCELED), &b"two"[..]));
    drop(second);
    // A forgotten one goes on, and its slots and buffers are lost.
    let mut linked = two();
    assert!(poll(&mut linked, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    std::mem::forget(linked);
    (&client).write_all(&[0; 200]).expect("write");
    settle(&mut driver);
    assert_eq!(free_buffers(slab).len(), 2);
}

#[test]
fn what_can_not_be_linked_is_refused_and_nothing_of_it_is_done() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, client) = connection(slab);
    let bell = Bell::new();
    let send = || slab.write(&server, buffer_of(slab, b"never"), CURRENT);
    let limit = Duration::from_secs(1);
    // A time limit, on either.
    let until = || slab.nop().until(Clock::Monotonic, Timespec::new(1 << 40, 0));
    for case in 0..3 {
        let mut linked = match case {
            0 => send().within(limit).then(slab.nop()),
            1 => send().then(slab.nop().within(limit)),
            _ => send().then(until()),
        };
        let Poll::Ready(((one, buffer), two)) = poll(&mut linked, &bell) else { panic!("it goes on") };
        assert_eq!((one, &*buffer, two), (Err(Errno::EINVAL), &b"never"[..], Err(Errno::ECANCELED)));
    }
    // No slot for the second, or for both.
    let mut operations: Vec<_> = (0..7).map(|_| slab.nop()).collect();
    let Poll::Ready(((one, buffer), two)) = poll(&mut send().then(slab.nop()), &bell) else { panic!("it goes on") };
    assert_eq!((one, &*buffer, two), (Err(Errno::ECANCELED), &b"never"[..], Err(Errno::EBUSY)));
    drop(buffer);
    operations.push(slab.nop());
    let Poll::Ready(((one, _), two)) = poll(&mut send().then(slab.nop()), &bell) else { panic!("it goes on") };
    assert_eq!((one, two), (Err(Errno::EBUSY), Err(Errno::EBUSY)));
    drop(operations);
    // No buffer with room for the first.
    let full = slab.read(&server, buffer_of(slab, &[0; 64]), CURRENT);
    let Poll::Ready(((one, _), two)) = poll(&mut full.then(slab.nop()), &bell) else { panic!("it goes on") };
    assert_eq!((one, two), (Err(Errno::ENOBUFS), Err(Errno::ECANCELED)));
    assert_eq!(bell.rings(), 0);
    drop(server);
    settle(&mut driver);
    assert_closed(&client);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_chain_that_waits_for_a_driver_ends_with_it() {
    let mut driver = driver();
    let slab = driver.slab();
    assert_eq!(slab.missing(&[Request::THEN]), None);
    let bell = Bell::new();
    let mut waits = slab.nop().then(slab.nop());
    assert!(poll(&mut waits, &bell).is_pending());
    assert_eq!(driver.shutdown(PATIENCE), Ok(()));
    assert_eq!(poll(&mut waits, &bell), Poll::Ready((Err(Errno::ECANCELED), Err(Errno::ECANCELED))));
    // One that is dropped while it waits leaves the second's slot free at once, and another operation may have it.
    let mut dropped = slab.nop().then(slab.nop());
    assert!(poll(&mut dropped, &bell).is_pending());
    drop(dropped);
    let mut others: Vec<_> = (0..7).map(|_| slab.nop()).collect();
    assert!(others.iter_mut().all(|other| poll(other, &bell).is_pending()));
    driver = driver_of(slab);
    settle(&mut driver);
    assert!(others.iter_mut().all(|other| poll(other, &bell) == Poll::Ready(Ok(0))));
    assert_all_is_back(slab, 8);
}
