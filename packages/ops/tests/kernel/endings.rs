//! Operations that are dropped, forgotten, cancelled; `wakers.rs` has what cancelling does to wakers.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring_ops::Wait;

use crate::setting::{
    PATIENCE, assert_all_is_back, assert_closed, connection, driver, free_buffers, listening, settle, turn_until,
};
use crate::shared::{Bell, poll};

#[test]
fn an_operation_that_is_dropped_is_cancelled_and_gives_everything_back() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, client) = connection(slab);
    let bell = Bell::new();
    for submitted in [false, true] {
        for _ in 0..3 {
            let mut receive = slab.receive(&server, slab.buffer().expect("one"));
            assert!(poll(&mut receive, &bell).is_pending());
            if submitted {
                driver.turn(Wait::No).expect("turn");
                assert_eq!(slab.in_flight(), 1);
            }
        }
        settle(&mut driver);
    }
    // No handle of the socket is left: the other end sees it closed.
    drop(server);
    settle(&mut driver);
    assert_closed(&client);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_connection_that_comes_to_a_dropped_accept_is_closed() {
    let mut driver = driver();
    let slab = driver.slab();
    let (listener, address) = listening(slab);
    let bell = Bell::new();
    {
        let mut accept = slab.accept(&listener);
        assert!(poll(&mut accept, &bell).is_pending());
        driver.turn(Wait::No).expect("turn");
    }
    let client = TcpStream::connect(address).expect("connect");
    settle(&mut driver);
    // The connection was accepted, and is closed; or the accept was cancelled before, and this one takes it.
    drop(driver.block_on(async { slab.accept(&listener).within(Duration::from_millis(100)).await }));
    settle(&mut driver);
    assert_closed(&client);
    drop(listener);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_forgotten_operation_keeps_its_slot_and_what_it_owns() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let mut receive = slab.receive(&server, slab.buffer().expect("one"));
    assert!(poll(&mut receive, &Bell::new()).is_pending());
    driver.turn(Wait::No).expect("turn");
    std::mem::forget(receive);
    client.write_all(b"to nobody").expect("write");
    settle(&mut driver);
    assert_eq!(free_buffers(slab).len(), 3);
    drop(server);
    driver.turn(Wait::No).expect("turn");
    // The forgotten operation holds the socket, which stays open.
    client.set_read_timeout(Some(Duration::from_millis(50))).expect("timeout");
    assert_eq!(client.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
}

#[test]
fn cancelling_changes_no_result_that_is_there() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let bell = Bell::new();
    client.write_all(b"done").expect("write");
    let mut receive = slab.receive(&server, slab.buffer().expect("one"));
    assert!(poll(&mut receive, &bell).is_pending());
    turn_until(&mut driver, "it is over", || bell.rings() == 1);
    receive.cancel();
    let Poll::Ready((received, buffer)) = poll(&mut receive, &bell) else { panic!("over") };
    assert_eq!((received, &*buffer), (Ok(4), &b"done"[..]));
}

#[test]
fn what_is_cancelled_is_not_late_whatever_its_limit() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, _client) = connection(slab);
    let bell = Bell::new();
    let mut receive = slab.receive(&server, slab.buffer().expect("one")).within(PATIENCE);
    assert!(poll(&mut receive, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    receive.cancel();
    let (received, _) = driver.block_on(receive).expect("driver");
    assert_eq!(received, Err(Errno::ECANCELED));
    // The next operation in its slot is late.
    let limited = slab.receive(&server, slab.buffer().expect("one")).within(Duration::from_millis(1));
    let (received, _) = driver.block_on(limited).expect("driver");
    assert_eq!(received, Err(Errno::ETIME));
    // The one after that has no limit.
    assert_eq!(driver.block_on(slab.timeout(Duration::from_millis(20))), Ok(Err(Errno::ETIME)));
}
