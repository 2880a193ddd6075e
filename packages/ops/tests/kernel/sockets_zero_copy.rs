//! Sends without a copy.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring::types::MsgFlags;
use bare_uring_ops::Wait;

use crate::setting::{adopt, assert_all_is_back, buffer_of, connection, driver, settle, turn_until};
use crate::shared::{Bell, poll};

#[test]
fn a_send_without_a_copy_sends_and_gives_its_buffer_back() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    for round in 0..4_u8 {
        let send = slab.send_zero_copy(&server, buffer_of(slab, &[round; 60]), MsgFlags::WAITALL);
        let (sent, buffer) = driver.block_on(send).expect("driver");
        assert_eq!((sent, buffer.len(), buffer.room()), (Ok(60), 0, 4));
        let mut bytes = [0xff; 60];
        client.read_exact(&mut bytes).expect("read");
        assert_eq!(bytes, [round; 60]);
    }
    drop(server);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_send_without_a_copy_is_refused_where_there_is_none() {
    let mut driver = driver();
    let slab = driver.slab();
    let (near, _far) = UnixStream::pair().expect("pair");
    let near = adopt(slab, near);
    let (sent, buffer) =
        driver.block_on(slab.send_zero_copy(&near, buffer_of(slab, b"kept"), MsgFlags(0))).expect("driver");
    assert_eq!((sent, &*buffer), (Err(Errno::EOPNOTSUPP), &b"kept"[..]));
    let bell = Bell::new();
    // MSG_ZEROCOPY would let the kernel read after the end.
    let mut refused = slab.send_zero_copy(&near, buffer, MsgFlags(0x400_0000));
    let std::task::Poll::Ready((sent, buffer)) = poll(&mut refused, &bell) else { panic!("refused at once") };
    assert_eq!((sent, &*buffer), (Err(Errno::EINVAL), &b"kept"[..]));
    drop((buffer, near));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_send_without_a_copy_that_is_dropped_keeps_its_buffer_until_the_notification() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let mut send = slab.send_zero_copy(&server, buffer_of(slab, b"on its way"), MsgFlags(0));
    assert!(poll(&mut send, &Bell::new()).is_pending());
    driver.turn(Wait::No).expect("turn");
    drop(send);
    turn_until(&mut driver, "the notification came", || slab.in_flight() == 0);
    let mut bytes = [0; 10];
    client.read_exact(&mut bytes).expect("read");
    assert_eq!(&bytes, b"on its way");
    drop((server, client));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_send_without_a_copy_that_waits_for_room_can_be_ended() {
    let mut driver = driver();
    let slab = driver.slab();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let full = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let _peer = listener.accept().expect("accept");
    full.set_nonblocking(true).expect("nonblocking");
    while (&full).write(&[0; 1 << 16]).is_ok() {}
    full.set_nonblocking(false).expect("blocking");
    let full = adopt(slab, full);
    let send = || slab.send_zero_copy(&full, buffer_of(slab, b"kept"), MsgFlags::WAITALL);
    let (sent, buffer) = driver.block_on(send().within(Duration::from_millis(10))).expect("driver");
    assert_eq!((sent, &*buffer), (Err(Errno::ETIME), &b"kept"[..]));
    drop(buffer);
    let mut cancelled = send();
    assert!(poll(&mut cancelled, &Bell::new()).is_pending());
    driver.turn(Wait::No).expect("turn");
    cancelled.cancel();
    let (sent, buffer) = driver.block_on(cancelled).expect("driver");
    assert_eq!((sent, &*buffer), (Err(Errno::ECANCELED), &b"kept"[..]));
    let mut dropped = send();
    assert!(poll(&mut dropped, &Bell::new()).is_pending());
    driver.turn(Wait::No).expect("turn");
    drop((dropped, buffer, full));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}
