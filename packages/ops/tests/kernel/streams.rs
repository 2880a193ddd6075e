//! Streams.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring_ops::{Buffer, Group, Storage, Wait};

use crate::setting::{
    assert_all_is_back, assert_closed, connection, driver, driver_with, listening, next, settle, take, turn_until,
};
use crate::shared::Bell;

#[test]
fn a_stream_brings_every_connection_and_closes_those_without_a_place() {
    let mut driver = driver();
    let slab = driver.slab();
    let (listener, address) = listening(slab);
    let mut incoming = slab.incoming(&listener);
    let bell = Bell::new();
    assert!(next(&mut incoming, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    let mut clients: Vec<_> = (0..10).map(|_| TcpStream::connect(address).expect("connect")).collect();
    // Ten connections, and the three that are closed.
    take(&mut driver, 13);
    // There are seven places beside the listener's.
    let mut files = Vec::new();
    while let Poll::Ready(Some(file)) = next(&mut incoming, &bell) {
        files.push(file.expect("accept"));
    }
    assert_eq!(files.len(), 7);
    for client in clients.drain(7..) {
        assert_closed(&client);
    }
    files.clear();
    driver.turn(Wait::No).expect("turn");
    // A connection that waits in a stream that is dropped is closed.
    let late = TcpStream::connect(address).expect("connect");
    turn_until(&mut driver, "the late connection waits", || bell.rings() == 2);
    drop((incoming, listener));
    settle(&mut driver);
    assert_closed(&late);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_cancelled_stream_ends_with_the_error_and_then_for_good() {
    let mut driver = driver();
    let slab = driver.slab();
    let (listener, _) = listening(slab);
    let mut incoming = slab.incoming(&listener);
    assert!(next(&mut incoming, &Bell::new()).is_pending());
    driver.turn(Wait::No).expect("turn");
    incoming.cancel();
    let ends =
        driver.block_on(async { (incoming.next().await.map(|item| item.err()), incoming.next().await.is_none()) });
    assert_eq!(ends, Ok((Some(Some(Errno::ECANCELED)), true)));
}

#[test]
fn provided_buffers_come_and_go_back() {
    static GROUP: Group<4, 16> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    driver.provide(&GROUP).expect("provide");
    assert_eq!(driver.provide(&GROUP), Err(Errno::EEXIST));
    let (server, mut client) = connection(slab);
    for round in 0..5 {
        client.write_all(&[round; 64]).expect("write");
        let mut pieces = slab.pieces(&server);
        // Four buffers hold the 64 bytes; the fifth finds none.
        let (bytes, end) = driver
            .block_on(async {
                let mut held: Vec<Buffer> = Vec::new();
                loop {
                    match pieces.next().await {
                        Some(Ok(piece)) => held.push(piece),
                        end => {
                            break (
                                held.iter().flat_map(|piece| piece.to_vec()).collect::<Vec<_>>(),
                                end.map(|end| end.err()),
                            );
                        }
                    }
                    if held.iter().map(|piece| piece.len()).sum::<usize>() == 64 {
                        client.write_all(b"x").expect("write");
                    }
                }
            })
            .expect("driver");
        assert_eq!((bytes, end), (vec![round; 64], Some(Some(Errno::ENOBUFS))));
        // The data that had no room is there for the next request.
        let mut one = slab.pieces(&server);
        let piece = driver.block_on(one.next()).expect("driver").expect("goes on").expect("a piece");
        assert_eq!(&*piece, b"x");
        // A provided buffer is a buffer: it can be sent as it is.
        let (sent, piece) = driver.block_on(slab.send(&server, piece)).expect("driver");
        assert_eq!((sent, piece.len()), (Ok(1), 0));
        client.read_exact(&mut [0]).expect("echo");
        // Data in the backlog of a stream that is dropped goes back as well.
        let bell = Bell::new();
        assert!(next(&mut one, &bell).is_pending());
        client.write_all(b"unread").expect("write");
        turn_until(&mut driver, "data waits in the stream", || bell.rings() == 1);
        drop((one, piece));
        settle(&mut driver);
        let (received, _) = driver
            .block_on(slab.receive(&server, slab.buffer().expect("one")).within(Duration::from_millis(1)))
            .expect("driver");
        assert_eq!(received, Err(Errno::ETIME));
    }
    drop(client);
    let mut pieces = slab.pieces(&server);
    assert!(driver.block_on(pieces.next()).expect("driver").is_none());
    // No provided buffer has become one of the slab's own, which are four as before.
    let own: Vec<_> = (0..5).filter_map(|_| slab.buffer()).collect();
    let places: std::collections::BTreeSet<_> = own.iter().map(|buffer| buffer.as_ptr()).collect();
    assert_eq!((own.len(), places.len()), (4, 4));
}

#[test]
fn a_stream_that_the_kernel_ends_for_want_of_room_says_so() {
    let slab = Box::leak(Box::new(Storage::<8, 32, 4, 64>::new())).start().expect("fresh");
    // Room for four completions.
    let mut driver = driver_with(slab, 2);
    let (listener, address) = listening(slab);
    let _clients: Vec<_> = (0..12).map(|_| TcpStream::connect(address).expect("connect")).collect();
    let (mut files, mut ends) = (Vec::new(), 0);
    while files.len() < 12 {
        let bell = Bell::new();
        let mut incoming = slab.incoming(&listener);
        loop {
            match next(&mut incoming, &bell) {
                Poll::Ready(Some(Ok(file))) => files.push(file),
                Poll::Ready(end) => {
                    assert_eq!(end.map(|end| end.err()), Some(Some(Errno::EAGAIN)));
                    ends += 1;
                    break;
                }
                Poll::Pending if files.len() == 12 => break,
                Poll::Pending => {
                    let before = bell.rings();
                    turn_until(&mut driver, "something came", || bell.rings() > before);
                }
            }
        }
    }
    assert!(ends > 0, "there was room for all");
    files.clear();
    drop(listener);
    settle(&mut driver);
}
