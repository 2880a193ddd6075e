//! Wakers: each wait ends with one call of the newest waker, and no waker is called for nothing.

use std::io::Write as _;
use std::net::TcpStream;
use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring_ops::{Group, Wait};

use crate::setting::{
    PATIENCE, adopt, buffer_of, connection, driver, listening, next, receiving, settle, take, turn_until,
};
use crate::shared::{Bell, poll};

#[test]
fn wakers_are_called_once_for_each_wait() {
    let mut driver = driver();
    let slab = driver.slab();
    let bell = Bell::new();
    let mut operation = slab.nop();
    for _ in 0..3 {
        assert!(poll(&mut operation, &bell).is_pending());
        assert_eq!(bell.kept(), 1);
    }
    turn_until(&mut driver, "it is over", || slab.in_flight() == 0 && bell.rings() > 0);
    assert_eq!(bell.rings(), 1);
    assert_eq!(poll(&mut operation, &bell), Poll::Ready(Ok(0)));
    // The slot keeps no waker of an operation that is over.
    assert_eq!((bell.rings(), bell.kept()), (1, 0));
    // An operation that is polled after its end keeps no waker either.
    assert!(poll(&mut operation, &bell).is_pending());
    assert_eq!((bell.rings(), bell.kept()), (1, 0));
}

#[test]
fn the_newest_waker_is_called_and_no_older_one_is_kept() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let bells = [Bell::new(), Bell::new(), Bell::new()];
    let mut receive = slab.receive(&server, slab.buffer().expect("one"));
    for (number, bell) in bells.iter().enumerate() {
        assert!(poll(&mut receive, bell).is_pending());
        let kept = bells.each_ref().map(|bell| bell.kept());
        assert_eq!(kept, [0, 1, 2].map(|other| usize::from(other == number)));
        // From the second round on, the operation is in flight.
        driver.turn(Wait::No).expect("turn");
    }
    client.write_all(b"now").expect("write");
    turn_until(&mut driver, "it is over", || slab.in_flight() == 0);
    assert_eq!(bells.each_ref().map(|bell| bell.rings()), [0, 0, 1]);
    assert!(poll(&mut receive, &bells[0]).is_ready());
}

#[test]
fn an_operation_wakes_its_own_task_only() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let (waiting, done) = (Bell::new(), Bell::new());
    let mut receive = slab.receive(&server, slab.buffer().expect("one"));
    let mut nop = slab.nop();
    assert!(poll(&mut receive, &waiting).is_pending());
    assert!(poll(&mut nop, &done).is_pending());
    turn_until(&mut driver, "one is over", || slab.in_flight() == 1);
    assert_eq!((waiting.rings(), done.rings()), (0, 1));
    client.write_all(b"now").expect("write");
    turn_until(&mut driver, "the other is over", || slab.in_flight() == 0);
    assert_eq!((waiting.rings(), done.rings()), (1, 1));
}

#[test]
fn a_limit_wakes_once() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let bell = Bell::new();
    let mut receive = slab.receive(&server, slab.buffer().expect("one")).within(Duration::from_millis(10));
    assert!(poll(&mut receive, &bell).is_pending());
    turn_until(&mut driver, "it is over", || slab.in_flight() == 0);
    settle(&mut driver);
    assert_eq!(bell.rings(), 1);
    let Poll::Ready((received, buffer)) = poll(&mut receive, &bell) else { panic!("over") };
    assert_eq!(received, Err(Errno::ETIME));
    // If the operation ends before its limit, the limit's own end wakes nobody.
    let mut receive = slab.receive(&server, buffer).within(PATIENCE);
    assert!(poll(&mut receive, &bell).is_pending());
    client.write_all(b"now").expect("write");
    turn_until(&mut driver, "it is over", || slab.in_flight() == 0);
    settle(&mut driver);
    assert_eq!(bell.rings(), 2);
    assert!(poll(&mut receive, &bell).is_ready());
}

#[test]
fn cancelling_wakes_and_gives_the_buffer_back() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, _client) = connection(slab);
    let bell = Bell::new();
    // An operation in flight: when the kernel has ended it.
    let mut receive = slab.receive(&server, buffer_of(slab, b"kept"));
    assert!(poll(&mut receive, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    receive.cancel();
    receive.cancel();
    assert_eq!(bell.rings(), 0);
    turn_until(&mut driver, "it is over", || slab.in_flight() == 0);
    settle(&mut driver);
    assert_eq!(bell.rings(), 1);
    let Poll::Ready((received, buffer)) = poll(&mut receive, &bell) else { panic!("over") };
    assert_eq!((received, &*buffer), (Err(Errno::ECANCELED), &b"kept"[..]));
    // An operation that is over: never.
    receive.cancel();
    settle(&mut driver);
    assert_eq!((bell.rings(), bell.kept()), (1, 0));
    // An operation that was polled, and is not in flight: at once.
    let mut receive = slab.receive(&server, buffer);
    assert!(poll(&mut receive, &bell).is_pending());
    receive.cancel();
    receive.cancel();
    assert_eq!((bell.rings(), bell.kept()), (2, 0));
    assert_eq!(driver.turn(Wait::No), Ok(0));
    assert_eq!(slab.in_flight(), 0);
    let Poll::Ready((received, buffer)) = poll(&mut receive, &bell) else { panic!("over") };
    assert_eq!((received, &*buffer, bell.rings()), (Err(Errno::ECANCELED), &b"kept"[..], 2));
    // An operation that was not even polled: it is over at its first poll, and never reaches the kernel.
    let mut receive = slab.receive(&server, buffer);
    receive.cancel();
    let Poll::Ready((received, buffer)) = poll(&mut receive, &bell) else { panic!("over") };
    assert_eq!((received, &*buffer, bell.rings()), (Err(Errno::ECANCELED), &b"kept"[..], 2));
}

#[test]
fn each_connection_of_a_stream_wakes() {
    let mut driver = driver();
    let slab = driver.slab();
    let (listener, address) = listening(slab);
    let bell = Bell::new();
    let mut incoming = slab.incoming(&listener);
    for round in 1..4 {
        assert!(next(&mut incoming, &bell).is_pending());
        driver.turn(Wait::No).expect("turn");
        assert_eq!(bell.rings(), round - 1);
        let _clients: Vec<_> = (0..round).map(|_| TcpStream::connect(address).expect("connect")).collect();
        take(&mut driver, round);
        // One call for all the connections that came since the stream was polled, which are all there now.
        assert_eq!(bell.rings(), round);
        for _ in 0..round {
            let Poll::Ready(Some(Ok(file))) = next(&mut incoming, &bell) else { panic!("a connection waits") };
            crate::setting::assert_closes_on_exec(&file);
            drop(file);
        }
        // These completions are of the closes. They are taken here, so that the next round can count its own.
        assert!(next(&mut incoming, &bell).is_pending());
        take(&mut driver, round);
    }
    incoming.cancel();
    turn_until(&mut driver, "it is over", || slab.in_flight() == 0);
    assert_eq!(bell.rings(), 4);
    assert!(matches!(next(&mut incoming, &bell), Poll::Ready(Some(Err(Errno::ECANCELED)))));
    assert_eq!(bell.kept(), 0);
}

#[test]
fn connections_that_find_no_place_wake_nobody() {
    let mut driver = driver();
    let slab = driver.slab();
    let (listener, address) = listening(slab);
    let places: Vec<_> = (1..8).map(|_| adopt(slab, std::fs::File::open("/dev/null").expect("null"))).collect();
    let bell = Bell::new();
    let mut incoming = slab.incoming(&listener);
    assert!(next(&mut incoming, &bell).is_pending());
    let refused: Vec<_> = (0..3).map(|_| TcpStream::connect(address).expect("connect")).collect();
    for mut client in refused {
        let mut closed = false;
        client.set_nonblocking(true).expect("nonblocking");
        turn_until(&mut driver, "it is closed", || {
            closed = closed || std::io::Read::read(&mut client, &mut [0]).is_ok_and(|count| count == 0);
            closed
        });
    }
    assert_eq!((bell.rings(), bell.kept()), (0, 1));
    drop(places);
    take(&mut driver, 7);
    let _client = TcpStream::connect(address).expect("connect");
    turn_until(&mut driver, "a connection is there", || bell.rings() == 1);
    assert!(matches!(next(&mut incoming, &bell), Poll::Ready(Some(Ok(_)))));
}

#[test]
fn each_piece_of_a_stream_wakes_and_so_does_its_end() {
    static GROUP: Group<4, 16> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    driver.provide(&GROUP).expect("provide");
    let (server, mut client) = connection(slab);
    let bell = Bell::new();
    let mut pieces = slab.pieces(&server);
    for round in 1..9_u8 {
        assert!(next(&mut pieces, &bell).is_pending());
        driver.turn(Wait::No).expect("turn");
        assert_eq!(bell.rings(), usize::from(round) - 1);
        client.write_all(&[round; 3]).expect("write");
        turn_until(&mut driver, "a piece came", || bell.rings() == usize::from(round));
        let Poll::Ready(Some(Ok(piece))) = next(&mut pieces, &bell) else { panic!("a piece waits") };
        assert_eq!(*piece, [round; 3]);
    }
    assert!(next(&mut pieces, &bell).is_pending());
    // The other end is gone.
    drop(client);
    turn_until(&mut driver, "it is over", || slab.in_flight() == 0);
    assert_eq!(bell.rings(), 9);
    assert!(matches!(next(&mut pieces, &bell), Poll::Ready(None)));
    assert_eq!(bell.kept(), 0);
}

#[test]
fn what_is_dropped_lets_its_waker_go_and_never_calls_it() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, _client) = connection(slab);
    let (listener, _) = listening(slab);
    for submitted in [false, true] {
        let bell = Bell::new();
        let mut receive = slab.receive(&server, slab.buffer().expect("one"));
        let mut incoming = slab.incoming(&listener);
        assert!(poll(&mut receive, &bell).is_pending());
        assert!(next(&mut incoming, &bell).is_pending());
        assert_eq!(bell.kept(), 2);
        if submitted {
            driver.turn(Wait::No).expect("turn");
            assert_eq!(slab.in_flight(), 2);
        }
        drop((receive, incoming));
        assert_eq!((bell.rings(), bell.kept()), (0, 0));
        settle(&mut driver);
        assert_eq!(bell.rings(), 0);
    }
}

#[test]
fn a_handle_of_a_file_that_is_dropped_leaves_what_waits_for_it_waiting() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let (mut receive, bell) = receiving(slab, &server);
    drop(server);
    driver.turn(Wait::No).expect("turn");
    assert_eq!((bell.rings(), slab.in_flight()), (0, 1));
    client.write_all(b"still").expect("write");
    turn_until(&mut driver, "it is over", || slab.in_flight() == 0);
    let Poll::Ready((received, buffer)) = poll(&mut receive, &bell) else { panic!("over") };
    assert_eq!((received, &*buffer, bell.rings()), (Ok(5), &b"still"[..], 1));
}

#[test]
fn shutting_down_ends_and_wakes_all_that_was_started() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, _client) = connection(slab);
    let (listener, _) = listening(slab);
    let bells: [_; 4] = std::array::from_fn(|_| Bell::new());
    let (mut receive, received) = receiving(slab, &server);
    let mut incoming = slab.incoming(&listener);
    let mut pause = slab.timeout(PATIENCE);
    assert!(next(&mut incoming, &bells[0]).is_pending());
    assert!(poll(&mut pause, &bells[1]).is_pending());
    driver.turn(Wait::No).expect("turn");
    assert_eq!(slab.in_flight(), 3);
    // Two that are polled, and not submitted.
    let mut late_pause = slab.timeout(PATIENCE);
    let mut late_incoming = slab.incoming(&listener);
    assert!(poll(&mut late_pause, &bells[2]).is_pending());
    assert!(next(&mut late_incoming, &bells[3]).is_pending());
    assert_eq!(driver.shutdown(PATIENCE), Ok(()));
    assert_eq!((received.rings(), received.kept()), (1, 0));
    assert_eq!(bells.each_ref().map(|bell| (bell.rings(), bell.kept())), [(1, 0); 4]);
    assert!(matches!(poll(&mut receive, &received), Poll::Ready((Err(Errno::ECANCELED), _))));
    assert!(matches!(next(&mut incoming, &bells[0]), Poll::Ready(Some(Err(Errno::ECANCELED)))));
    assert_eq!(poll(&mut pause, &bells[1]), Poll::Ready(Err(Errno::ECANCELED)));
    assert_eq!(poll(&mut late_pause, &bells[2]), Poll::Ready(Err(Errno::ECANCELED)));
    assert!(matches!(next(&mut late_incoming, &bells[3]), Poll::Ready(Some(Err(Errno::ECANCELED)))));
}
