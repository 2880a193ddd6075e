//! Streams of datagrams, and what an empty one does to a stream.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::task::Poll;

use bare_uring::Errno;
use bare_uring::types::{AddressFamily, MsgFlags, SocketType};
use bare_uring_ops::{Datagram, Group, Wait};

use crate::setting::{adopt, assert_all_is_back, connection, driver, next, settle, take, turn_until};
use crate::shared::Bell;

/// Makes a UDP socket with this address.
fn bound() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = socket.local_addr().expect("address");
    (socket, address)
}

fn parts(datagram: Option<Result<Datagram, Errno>>) -> (Vec<u8>, Option<SocketAddr>) {
    let datagram = datagram.expect("goes on").expect("a datagram");
    (datagram.buffer.to_vec(), datagram.from.and_then(|from| from.to_ip()))
}

#[test]
fn datagrams_come_with_their_senders_and_empty_ones_do_too() {
    static GROUP: Group<4, 160> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    driver.provide(&GROUP).expect("provide");
    let ((near, address), (one, first), (other, second)) = (bound(), bound(), bound());
    let near = adopt(slab, near);
    let mut datagrams = slab.datagrams(&near);
    for _ in 0..3 {
        for (socket, bytes, from) in
            [(&one, &b"one"[..], first), (&other, b"", second), (&one, b"", first), (&other, &[7; 32], second)]
        {
            assert_eq!(socket.send_to(bytes, address).expect("send"), bytes.len());
            let datagram = driver.block_on(datagrams.next()).expect("driver");
            assert_eq!(parts(datagram), (bytes.to_vec(), Some(from)));
        }
    }
    // What has no room is cut, and the flags say so.
    one.send_to(&[9; 33], address).expect("send");
    let datagram = driver.block_on(datagrams.next()).expect("driver").expect("goes on").expect("a datagram");
    assert_eq!((&*datagram.buffer, datagram.flags.contains(MsgFlags::TRUNC)), (&[9; 32][..], true));
    // A buffer of the stream is a buffer.
    let (sent, buffer) = driver.block_on(slab.send_to(&near, datagram.buffer, first)).expect("driver");
    assert_eq!((sent, buffer.len()), (Ok(32), 0));
    let mut bytes = [0; 40];
    assert_eq!(one.recv(&mut bytes).expect("received"), 32);
    drop(buffer);
    driver.turn(Wait::No).expect("turn");
    // Four are held; the fifth finds no buffer.
    let mut held = Vec::new();
    for number in 0..5 {
        one.send_to(&[number], address).expect("send");
    }
    let end = loop {
        match driver.block_on(datagrams.next()).expect("driver") {
            Some(Ok(datagram)) => held.push(datagram),
            end => break end.map(|end| end.err()),
        }
    };
    assert_eq!((held.len(), end), (4, Some(Some(Errno::ENOBUFS))));
    held.clear();
    drop(near);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn an_empty_datagram_does_not_end_a_stream_of_pieces() {
    static GROUP: Group<4, 16> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    driver.provide(&GROUP).expect("provide");
    let ((near, address), (peer, _)) = (bound(), bound());
    let near = adopt(slab, near);
    let mut pieces = slab.pieces(&near);
    let bell = Bell::new();
    for round in 0..5_u8 {
        for bytes in [&b""[..], b"", &[round; 3]] {
            peer.send_to(bytes, address).expect("send");
            if round % 2 == 0 {
                // Each comes on its own.
                assert!(next(&mut pieces, &bell).is_pending());
                driver.turn(Wait::No).expect("turn");
            }
        }
        let piece = driver.block_on(pieces.next()).expect("driver").expect("goes on").expect("a piece");
        assert_eq!(*piece, [round; 3]);
    }
    // After an empty one, the stream can be cancelled, and is over.
    peer.send_to(b"", address).expect("send");
    assert!(next(&mut pieces, &bell).is_pending());
    for _ in 0..3 {
        driver.turn(Wait::No).expect("turn");
    }
    assert_eq!(slab.in_flight(), 1);
    pieces.cancel();
    let ends = driver.block_on(async { (pieces.next().await.map(|end| end.err()), pieces.next().await.is_none()) });
    assert_eq!(ends, Ok((Some(Some(Errno::ECANCELED)), true)));
    assert_eq!(slab.in_flight(), 0);
    // One that is cancelled when an empty one has come, and the driver does not know that yet, is over, too.
    let mut pieces = slab.pieces(&near);
    assert!(next(&mut pieces, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    peer.send_to(b"", address).expect("send");
    pieces.cancel();
    let end = driver.block_on(pieces.next()).expect("driver").map(|end| end.err());
    assert_eq!((end, slab.in_flight()), (Some(Some(Errno::ECANCELED)), 0));
    // Or dropped, at each point of its way.
    for turns in 0..4 {
        let mut pieces = slab.pieces(&near);
        assert!(next(&mut pieces, &bell).is_pending());
        driver.turn(Wait::No).expect("turn");
        peer.send_to(b"", address).expect("send");
        for _ in 0..turns {
            driver.turn(Wait::No).expect("turn");
        }
        drop(pieces);
        settle(&mut driver);
        assert_eq!(slab.in_flight(), 0);
    }
    // Or cancelled between two requests.
    let mut pieces = slab.pieces(&near);
    assert!(next(&mut pieces, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    peer.send_to(b"", address).expect("send");
    take(&mut driver, 1);
    assert_eq!(slab.in_flight(), 1);
    pieces.cancel();
    assert!(matches!(next(&mut pieces, &bell), Poll::Ready(Some(Err(Errno::ECANCELED)))));
    assert_eq!(slab.in_flight(), 0);
    drop(near);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn an_empty_datagram_does_not_end_a_stream_that_is_held_back() {
    static GROUP: Group<4, 16> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    driver.provide(&GROUP).expect("provide");
    let ((near, address), (peer, _)) = (bound(), bound());
    let near = adopt(slab, near);
    let bell = Bell::new();
    let mut pieces = slab.pieces_at_most(&near, 2);
    for round in 0..6_u8 {
        peer.send_to(b"", address).expect("send");
        for _ in 0..3 {
            assert!(next(&mut pieces, &bell).is_pending());
            driver.turn(Wait::No).expect("turn");
        }
        if round % 2 == 1 {
            // The stream asks whether more comes. The pause ends that as well.
            pieces.pause();
            turn_until(&mut driver, "it is paused", || slab.in_flight() == 0);
            peer.send_to(&[round; 3], address).expect("send");
            driver.turn(Wait::No).expect("turn");
            assert_eq!((slab.in_flight(), pieces.waiting()), (0, 0));
            pieces.resume();
        } else {
            peer.send_to(&[round; 3], address).expect("send");
        }
        let piece = driver.block_on(pieces.next()).expect("driver").expect("goes on").expect("a piece");
        assert_eq!(*piece, [round; 3]);
    }
    drop((pieces, near));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn the_end_of_a_socket_is_the_end_of_its_streams() {
    static GROUP: Group<4, 160> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    driver.provide(&GROUP).expect("provide");
    // Of a stream of bytes, each receive is a message without a sender.
    let (near, mut far) = connection(slab);
    let mut datagrams = slab.datagrams(&near);
    far.write_all(b"bytes").expect("write");
    assert_eq!(parts(driver.block_on(datagrams.next()).expect("driver")), (b"bytes".to_vec(), None));
    drop(far);
    assert!(driver.block_on(datagrams.next()).expect("driver").is_none());
    drop((datagrams, near));
    settle(&mut driver);
    // What is left in the socket comes before the end, and an empty record is not the end.
    let near = driver.block_on(async {
        let name = format!("bare-uring-ops-records-{}", std::process::id());
        let name = bare_uring::types::SockAddr::unix_abstract(name.as_bytes()).expect("short");
        let record = SocketType::SEQPACKET;
        let listener = slab.socket(AddressFamily::UNIX, record, 0).await.expect("socket");
        assert_eq!((slab.bind(&listener, name).await, slab.listen(&listener, 1).await), (Ok(0), Ok(0)));
        let near = slab.socket(AddressFamily::UNIX, record, 0).await.expect("socket");
        assert_eq!(slab.connect(&near, name).await, Ok(0));
        let far = slab.accept(&listener).await.expect("accept");
        for text in [&b"first"[..], b"", b"second", b"", b"last"] {
            let (sent, _) = slab.send(&far, crate::setting::buffer_of(slab, text)).await;
            assert_eq!(sent, Ok(text.len()));
        }
        near
    });
    settle(&mut driver);
    let near = near.expect("driver");
    let mut pieces = slab.pieces(&near);
    for text in [&b"first"[..], b"second", b"last"] {
        let piece = driver.block_on(pieces.next()).expect("driver").expect("goes on").expect("a piece");
        assert_eq!(&*piece, text);
    }
    assert!(driver.block_on(pieces.next()).expect("driver").is_none());
    drop((pieces, near));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn unix_datagrams_without_a_sender_come_unless_they_are_empty() {
    static GROUP: Group<4, 160> = Group::new();
    static SHORT: Group<4, 64> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    driver.provide(&GROUP).expect("provide");
    let (near, far) = UnixDatagram::pair().expect("pair");
    let near = adopt(slab, near);
    let mut datagrams = slab.datagrams(&near);
    for bytes in [&b"one"[..], b"", b"two"] {
        far.send(bytes).expect("send");
        if !bytes.is_empty() {
            assert_eq!(parts(driver.block_on(datagrams.next()).expect("driver")), (bytes.to_vec(), None));
        }
    }
    drop((datagrams, near));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
    // A buffer that is too short for the kernel's part is refused.
    let mut driver = crate::setting::driver();
    let slab = driver.slab();
    driver.provide(&SHORT).expect("provide");
    let (near, far) = UnixDatagram::pair().expect("pair");
    let near = adopt(slab, near);
    far.send(b"x").expect("send");
    let mut datagrams = slab.datagrams(&near);
    let end = driver.block_on(datagrams.next()).expect("driver").map(|end| end.err());
    assert_eq!(end, Some(Some(Errno::EFAULT)));
    drop((datagrams, near));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_stream_of_a_socket_that_the_slab_made_ends_without_a_question() {
    static GROUP: Group<4, 16> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    driver.provide(&GROUP).expect("provide");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let address = listener.local_addr().expect("address");
    let client = driver.block_on(async {
        let client = slab.socket(AddressFamily::INET, SocketType::STREAM, 0).await.expect("socket");
        assert_eq!(slab.connect(&client, address).await, Ok(0));
        client
    });
    let client = client.expect("driver");
    let bell = Bell::new();
    let mut pieces = slab.pieces(&client);
    assert!(next(&mut pieces, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    drop(listener.accept().expect("accept"));
    // One completion is the end.
    take(&mut driver, 1);
    assert!(matches!(next(&mut pieces, &bell), Poll::Ready(None)));
    drop((client, pieces));
    settle(&mut driver);
    // The socket of datagrams that gets a place of such a socket does not.
    let ((near, address), (peer, _)) = (bound(), bound());
    let near = [near.try_clone().expect("dup"), near].map(|near| adopt(slab, near));
    for socket in &near {
        let mut pieces = slab.pieces(socket);
        for text in [&b""[..], b"text"] {
            peer.send_to(text, address).expect("send");
        }
        let piece = driver.block_on(pieces.next()).expect("driver").expect("goes on").expect("a piece");
        assert_eq!(&*piece, b"text");
    }
    drop(near);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}
