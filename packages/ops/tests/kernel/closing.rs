//! Files that are closed with their result, and descriptors that are given away.

use std::fs;
use std::io::{Read as _, Write as _};
use std::task::Poll;

use bare_uring::Errno;
use bare_uring_ops::{CURRENT, Wait};

use crate::setting::{PATIENCE, adopt, assert_all_is_back, assert_closed, connection, driver, driver_of, settle};
use crate::shared::{Bell, poll};

/// Tells whether a descriptor is open.
fn is_open(fd: i32) -> bool {
    fs::exists(format!("/proc/self/fd/{fd}")).expect("proc")
}

#[test]
fn a_file_is_closed_when_the_result_is_there() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, client) = connection(slab);
    let fd = server.as_raw_fd();
    assert_eq!(driver.block_on(slab.close(server)).expect("driver"), Ok(()));
    assert_closed(&client);
    // The number is free: the next file has it, and it is not closed once more.
    let next = adopt(slab, fs::File::open("/dev/null").expect("null"));
    driver.turn(Wait::No).expect("turn");
    assert!(next.as_raw_fd() != fd || is_open(fd), "the number was closed twice");
    drop(next);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_file_with_another_handle_is_not_closed() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let bell = Bell::new();
    // A handle in the program, and then one in an operation.
    assert_eq!(poll(&mut slab.close(server.clone()), &bell), Poll::Ready(Err(Errno::EBUSY)));
    let mut receive = slab.receive(&server, slab.buffer().expect("one"));
    assert_eq!(poll(&mut slab.close(server), &bell), Poll::Ready(Err(Errno::EBUSY)));
    assert!(poll(&mut receive, &bell).is_pending());
    client.write_all(b"still").expect("write");
    let (received, buffer) = driver.block_on(receive).expect("driver");
    assert_eq!((received, &*buffer), (Ok(5), &b"still"[..]));
    // It is closed with its last handle, which was the operation's.
    drop(buffer);
    settle(&mut driver);
    assert_closed(&client);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_close_that_does_not_start_leaves_the_file_to_the_driver() {
    let mut driver = driver();
    let slab = driver.slab();
    let bell = Bell::new();
    for polled in [false, true] {
        let (server, client) = connection(slab);
        let mut close = slab.close(server);
        if polled {
            assert!(poll(&mut close, &bell).is_pending());
        }
        drop(close);
        settle(&mut driver);
        assert_closed(&client);
    }
    // There is no slot.
    let (server, client) = connection(slab);
    let operations: Vec<_> = (0..8).map(|_| slab.nop()).collect();
    assert_eq!(poll(&mut slab.close(server), &bell), Poll::Ready(Err(Errno::EBUSY)));
    drop(operations);
    settle(&mut driver);
    assert_closed(&client);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_close_under_way_is_left_to_end_and_frees_its_slot_once() {
    let mut driver = driver();
    let slab = driver.slab();
    let bell = Bell::new();
    for _ in 0..3 {
        let (server, client) = connection(slab);
        let mut close = slab.close(server);
        assert!(poll(&mut close, &bell).is_pending());
        driver.turn(Wait::No).expect("turn");
        drop(close);
        settle(&mut driver);
        assert_closed(&client);
    }
    assert_all_is_back(slab, 8);
}

#[test]
fn a_descriptor_that_is_given_away_stays_open() {
    let mut driver = driver();
    let slab = driver.slab();
    let (reader, mut writer) = std::io::pipe().expect("pipe");
    let file = adopt(slab, reader);
    let fd = file.as_raw_fd();
    drop(file.clone().into_raw_fd().expect_err("there are two handles"));
    let mut read = slab.read(&file, slab.buffer().expect("one"), CURRENT);
    let file = file.into_raw_fd().expect_err("the operation has a handle");
    assert!(poll(&mut read, &Bell::new()).is_pending());
    drop(read);
    driver.turn(Wait::No).expect("turn");
    assert_eq!(file.as_raw_fd(), fd);
    assert_eq!(file.into_raw_fd().expect("the last handle"), fd);
    settle(&mut driver);
    assert!(is_open(fd), "the slab has closed it");
    assert_all_is_back(slab, 8);
    let mut again = fs::File::open(format!("/proc/self/fd/{fd}")).expect("open");
    writer.write_all(b"x").expect("write");
    let mut byte = [0];
    again.read_exact(&mut byte).expect("read");
    assert_eq!(byte, *b"x");
}

#[test]
fn a_close_that_waits_for_the_driver_ends_with_it() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, client) = connection(slab);
    let bell = Bell::new();
    let mut close = slab.close(server);
    assert!(poll(&mut close, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    let (waiting, other) = connection(slab);
    let mut late = slab.close(waiting);
    assert!(poll(&mut late, &bell).is_pending());
    assert_eq!(driver.shutdown(PATIENCE), Ok(()));
    assert_eq!(poll(&mut close, &bell), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut late, &bell), Poll::Ready(Err(Errno::ECANCELED)));
    // The slab has no driver any more. The next one closes what is left.
    drop(late);
    assert_closed(&client);
    settle(&mut driver_of(slab));
    assert_closed(&other);
    assert_all_is_back(slab, 8);
}
