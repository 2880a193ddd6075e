//! Messages: with addresses, control data and files.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::task::Poll;
use std::time::Duration;

use bare_uring::types::{AddressFamily, MsgFlags, SockAddr, SocketType};
use bare_uring::{Errno, Linux};
use bare_uring_ops::{Control, ControlItem, Credentials, Driver, File, Outgoing, Slab, SocketOption, Storage, Wait};

use crate::setting::{
    adopt, assert_all_is_back, assert_closes_on_exec, buffer_of, driver, driver_of, receiving, settle, turn_until,
};
use crate::shared::{Bell, poll};

const NONE: MsgFlags = MsgFlags(0);

/// Makes a UDP socket, and tells its address.
fn udp(slab: &'static Slab) -> (File, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = socket.local_addr().expect("address");
    (adopt(slab, socket), address)
}

/// Makes two connected Unix sockets of slabs.
fn pair(near: &'static Slab, far: &'static Slab) -> (File, File) {
    let (one, other) = UnixStream::pair().expect("pair");
    (adopt(near, one), adopt(far, other))
}

#[test]
fn a_datagram_comes_with_the_address_of_its_sender() {
    let mut driver = driver();
    let slab = driver.slab();
    let ((near, near_address), (far, far_address)) = (udp(slab), udp(slab));
    driver
        .block_on(async {
            let (sent, buffer) = slab.send_to(&near, buffer_of(slab, b"datagram"), far_address).await;
            assert_eq!((sent, buffer.len()), (Ok(8), 0));
            let (looked, buffer) = slab.receive_from(&far, buffer_of(slab, b"> "), MsgFlags::PEEK).await;
            assert_eq!((looked.expect("looked").count, &*buffer), (8, &b"> datagram"[..]));
            // The datagram has more bytes than there is room for.
            let (came, buffer) = slab.receive_from(&far, buffer_of(slab, &[b'.'; 60]), NONE).await;
            let came = came.expect("came");
            assert_eq!((came.count, &buffer[60..]), (4, &b"data"[..]));
            assert_eq!(came.from.and_then(|from| from.to_ip()), Some(near_address));
            assert!(came.flags.contains(MsgFlags::TRUNC));
            drop((came, buffer));
            // The whole length is told if it is asked for. The window does not pass the buffer's end.
            let (sent, _) = slab.send_to(&far, buffer_of(slab, &[7; 32]), near_address).await;
            assert_eq!(sent, Ok(32));
            let (came, buffer) = slab.receive_from(&near, buffer_of(slab, &[b'.'; 40]), MsgFlags::TRUNC).await;
            let came = came.expect("came");
            assert_eq!(
                (came.count, buffer.len(), came.from.and_then(|from| from.to_ip())),
                (32, 64, Some(far_address))
            );
            drop((came, buffer));
            // An empty datagram is one.
            let (sent, buffer) = slab.send_to(&near, slab.buffer().expect("one"), far_address).await;
            assert_eq!(sent, Ok(0));
            let (came, buffer) = slab.receive_from(&far, buffer, NONE).await;
            let came = came.expect("came");
            assert_eq!((came.count, buffer.len()), (0, 0));
            assert_eq!(came.from.and_then(|from| from.to_ip()), Some(near_address));
            // Flags of the families without addresses.
            let (sent, buffer) = slab.send_to(&near, buffer_of(slab, b"whole"), far_address).await;
            assert_eq!(sent, Ok(5));
            let (looked, buffer) = slab.receive_with(&far, buffer, MsgFlags::PEEK).await;
            assert_eq!((looked, &*buffer), (Ok(5), &b"whole"[..]));
            let (received, buffer) = slab.receive_with(&far, buffer, NONE).await;
            assert_eq!((received, &*buffer), (Ok(5), &b"wholewhole"[..]));
            let (nothing, _) = slab.receive_with(&far, buffer, MsgFlags::DONTWAIT).await;
            assert_eq!(nothing, Err(Errno::EAGAIN));
        })
        .expect("driver");
    drop((near, far));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn an_operation_holds_its_socket_when_the_caller_does_not() {
    let mut driver = driver();
    let slab = driver.slab();
    let (near, address) = udp(slab);
    let (unix, far) = pair(slab, slab);
    let bell = Bell::new();
    // The sockets are dropped before the driver knows of an operation. If they were closed, they would be closed first.
    let mut send = slab.send_to(&near, buffer_of(slab, b"to itself"), address);
    let mut receive = slab.receive_from(&near, slab.buffer().expect("one"), NONE);
    let mut option = slab.option(&near, SocketOption::TYPE);
    let mut set = slab.set_option(&unix, SocketOption::PASS_CREDENTIALS, true);
    let mut lent = slab.send_zero_copy(&unix, buffer_of(slab, b"x"), NONE);
    drop((near, unix));
    assert!(poll(&mut send, &bell).is_pending() && poll(&mut receive, &bell).is_pending());
    assert!(poll(&mut option, &bell).is_pending() && poll(&mut set, &bell).is_pending());
    assert!(poll(&mut lent, &bell).is_pending());
    settle(&mut driver);
    assert!(matches!(poll(&mut send, &bell), Poll::Ready((Ok(9), _))));
    let Poll::Ready((Ok(came), buffer)) = poll(&mut receive, &bell) else { panic!("over") };
    assert_eq!((came.from.and_then(|from| from.to_ip()), &*buffer), (Some(address), &b"to itself"[..]));
    assert_eq!(poll(&mut option, &bell), Poll::Ready(Ok(SocketType::DGRAM)));
    assert_eq!(poll(&mut set, &bell), Poll::Ready(Ok(0)));
    assert!(matches!(poll(&mut lent, &bell), Poll::Ready((Err(Errno::EOPNOTSUPP), _))));
    drop((came, buffer, far));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn unix_datagrams_go_to_paths_and_abstract_names() {
    let mut driver = driver();
    let slab = driver.slab();
    let name = format!("bare-uring-ops-datagrams-{}", std::process::id());
    let path = std::env::temp_dir().join(&name);
    let _ = std::fs::remove_file(&path);
    let at_path = UnixDatagram::bind(&path).expect("bind");
    let named = SockAddr::unix_abstract(name.as_bytes()).expect("short");
    driver
        .block_on(async {
            let sender = slab.socket(AddressFamily::UNIX, SocketType::DGRAM, 0).await.expect("socket");
            let receiver = slab.socket(AddressFamily::UNIX, SocketType::DGRAM, 0).await.expect("socket");
            assert_eq!(slab.bind(&receiver, named).await, Ok(0));
            let to = SockAddr::unix(path.as_os_str().as_encoded_bytes()).expect("short");
            let (sent, _) = slab.send_to(&sender, buffer_of(slab, b"by path"), to).await;
            assert_eq!(sent, Ok(7));
            let (sent, buffer) = slab.send_to(&sender, buffer_of(slab, b"by name"), named).await;
            assert_eq!(sent, Ok(7));
            let (came, buffer) = slab.receive_from(&receiver, buffer, NONE).await;
            // The sender has no name.
            assert_eq!((came.expect("came").from.is_none(), &*buffer), (true, &b"by name"[..]));
            let nowhere = SockAddr::unix_abstract(b"bare-uring-ops-nobody").expect("short");
            let (refused, buffer) = slab.send_to(&sender, buffer_of(slab, b"kept"), nowhere).await;
            assert_eq!((refused, &*buffer), (Err(Errno::ECONNREFUSED), &b"kept"[..]));
        })
        .expect("driver");
    let mut bytes = [0; 8];
    assert_eq!((at_path.recv(&mut bytes).expect("received"), &bytes[..7]), (7, &b"by path"[..]));
    std::fs::remove_file(&path).expect("removed");
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn control_data_goes_and_comes_with_a_message() {
    let mut driver = driver();
    let slab = driver.slab();
    let ((near, near_address), (far, far_address)) = (udp(slab), udp(slab));
    driver
        .block_on(async {
            assert_eq!(slab.set_option(&far, SocketOption::PACKET_INFO, true).await, Ok(0));
            assert_eq!(slab.set_option(&far, SocketOption::RECEIVE_TYPE_OF_SERVICE, true).await, Ok(0));
            let control = Control::new().with(ControlItem::TypeOfService(0x28)).expect("room");
            let control = control.with(ControlItem::SegmentSize(4)).expect("room");
            let message = Outgoing::new().to(far_address).control(control);
            let (sent, mut buffer) = slab.send_message(&near, buffer_of(slab, b"onestwosthr"), message).await;
            assert_eq!(sent, Ok(11));
            // It was cut into datagrams of four bytes.
            for part in [&b"ones"[..], b"twos", b"thr"] {
                buffer.clear();
                let (came, filled) = slab.receive_message(&far, buffer, NONE, 0).await;
                let came = came.expect("came");
                assert_eq!(came.from.and_then(|from| from.to_ip()), Some(near_address));
                let items: Vec<ControlItem> = came.control.items().collect();
                let local = Ipv4Addr::LOCALHOST;
                let info = ControlItem::PacketInfo { interface: 1, local, destination: local };
                assert_eq!((&*filled, items), (part, vec![info, ControlItem::TypeOfService(0x28)]));
                buffer = filled;
            }
            drop(buffer);
            let (unix, peer) = pair(slab, slab);
            assert_eq!(slab.set_option(&peer, SocketOption::PASS_CREDENTIALS, true).await, Ok(0));
            let (sent, buffer) = slab.send_message(&unix, buffer_of(slab, b"x"), Outgoing::new()).await;
            assert_eq!(sent, Ok(1));
            let (came, _) = slab.receive_message(&peer, buffer, NONE, 0).await;
            let items: Vec<ControlItem> = came.expect("came").control.items().collect();
            let [ControlItem::Credentials(Credentials { process, .. })] = items[..] else { panic!("{items:?}") };
            assert_eq!(process.cast_unsigned(), std::process::id());
        })
        .expect("driver");
    drop((near, far));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn files_go_with_a_message_and_are_held_until_they_have_gone() {
    let mut driver = driver();
    let slab = driver.slab();
    let (near, far) = pair(slab, slab);
    let (mut reader, writer) = std::io::pipe().expect("pipe");
    let (mut second, writer_2) = std::io::pipe().expect("pipe");
    let (writer, writer_2) = (adopt(slab, writer), adopt(slab, writer_2));
    let send = slab.send_message(&near, buffer_of(slab, b"two"), Outgoing::new().files(&[&writer, &writer_2]));
    // The operation has handles of its own.
    drop((writer, writer_2));
    driver.turn(Wait::No).expect("turn");
    assert_eq!(driver.block_on(send).expect("driver").0, Ok(3));
    driver.turn(Wait::No).expect("turn");
    let (came, buffer) =
        driver.block_on(slab.receive_message(&far, slab.buffer().expect("one"), NONE, 3)).expect("driver");
    let came = came.expect("came");
    assert_eq!((came.count, &*buffer, came.control.items().count()), (3, &b"two"[..], 0));
    assert!(!came.flags.contains(MsgFlags::CTRUNC));
    let files: Vec<File> = came.files.collect();
    assert_eq!(files.len(), 2);
    files.iter().for_each(assert_closes_on_exec);
    for (file, text) in files.iter().zip([&b"first"[..], b"second"]) {
        let (written, _) = driver.block_on(slab.write(file, buffer_of(slab, text), u64::MAX)).expect("driver");
        assert_eq!(written, Ok(text.len()));
    }
    drop((files, near, far, buffer));
    settle(&mut driver);
    // Every copy of the writing ends is closed.
    let mut text = (String::new(), String::new());
    reader.read_to_string(&mut text.0).expect("read");
    second.read_to_string(&mut text.1).expect("read");
    assert_eq!((&*text.0, &*text.1), ("first", "second"));
    assert_all_is_back(slab, 8);
}

/// Makes a driver of another slab, which sends files.
fn sender() -> Driver<Linux> {
    driver_of(Box::leak(Box::new(Storage::<8, 24, 4, 64>::new())).start().expect("fresh"))
}

/// Sends a byte with this number of copies of the writing end of a pipe, and drops the end. Gives the reading end.
fn send_copies(driver: &mut Driver<Linux>, socket: &File, count: usize) -> std::io::PipeReader {
    let slab = driver.slab();
    let (reader, writer) = std::io::pipe().expect("pipe");
    let writer = adopt(slab, writer);
    let copies = vec![&writer; count];
    let (sent, _) = driver
        .block_on(slab.send_message(socket, buffer_of(slab, b"x"), Outgoing::new().files(&copies)))
        .expect("driver");
    assert_eq!(sent, Ok(1));
    drop(writer);
    settle(driver);
    reader
}

/// Fails unless every copy of a pipe's writing end is closed.
fn assert_all_closed(mut reader: std::io::PipeReader) {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("read");
    assert_eq!(bytes, []);
}

#[test]
fn files_for_which_there_is_no_place_are_closed() {
    let mut driver = driver();
    let mut other = sender();
    let slab = driver.slab();
    let (near, far) = pair(slab, other.slab());
    // Too few places: nothing is received.
    let (refused, buffer) =
        driver.block_on(slab.receive_message(&near, buffer_of(slab, b"kept"), NONE, 8)).expect("driver");
    assert_eq!((refused.err(), &*buffer), (Some(Errno::EMFILE), &b"kept"[..]));
    // Seven places are free; eleven files come.
    let reader = send_copies(&mut other, &far, 11);
    let (came, buffer) = driver.block_on(slab.receive_message(&near, buffer, NONE, 2)).expect("driver");
    let mut came = came.expect("came");
    assert_eq!(&*buffer, b"keptx");
    let first = came.files.next().expect("one");
    assert_eq!(came.files.by_ref().count(), 6);
    settle(&mut driver);
    drop((first, came));
    settle(&mut driver);
    assert_all_closed(reader);
    // None was asked for: none is open.
    let reader = send_copies(&mut other, &far, 3);
    let (came, buffer) = driver.block_on(slab.receive_from(&near, buffer, NONE)).expect("driver");
    let came = came.expect("came");
    assert_eq!((came.files.count(), &*buffer, came.flags.contains(MsgFlags::CTRUNC)), (0, &b"keptxx"[..], true));
    assert_all_closed(reader);
    drop((near, far, buffer));
    settle(&mut other);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn files_that_come_to_nobody_are_closed() {
    let mut driver = driver();
    let mut other = sender();
    let slab = driver.slab();
    let (near, far) = pair(slab, other.slab());
    let bell = Bell::new();
    for (places, count) in [(2, 2), (0, 12), (7, 16)] {
        let mut receive = slab.receive_message(&near, slab.buffer().expect("one"), NONE, places);
        assert!(poll(&mut receive, &bell).is_pending());
        driver.turn(Wait::No).expect("turn");
        // The message comes before the cancellation.
        let reader = send_copies(&mut other, &far, count);
        drop(receive);
        settle(&mut driver);
        assert_all_closed(reader);
    }
    // A message that nobody has looked at when the handle goes.
    let mut receive = slab.receive_message(&near, slab.buffer().expect("one"), NONE, 1);
    assert!(poll(&mut receive, &bell).is_pending());
    let reader = send_copies(&mut other, &far, 9);
    turn_until(&mut driver, "it came", || slab.in_flight() == 0);
    drop(receive);
    settle(&mut driver);
    assert_all_closed(reader);
    // A message whose files nobody takes.
    let reader = send_copies(&mut other, &far, 3);
    let receive = slab.receive_message(&near, slab.buffer().expect("one"), NONE, 3);
    let (came, _) = driver.block_on(receive).expect("driver");
    drop(came);
    settle(&mut driver);
    assert_all_closed(reader);
    drop((near, far));
    settle(&mut other);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_receive_of_a_message_that_does_not_come_gives_all_back() {
    let mut driver = driver();
    let slab = driver.slab();
    let (near, far) = pair(slab, slab);
    let late = slab.receive_message(&near, buffer_of(slab, b"kept"), NONE, 6).within(Duration::from_millis(5));
    let (came, buffer) = driver.block_on(late).expect("driver");
    assert_eq!((came.err(), &*buffer), (Some(Errno::ETIME), &b"kept"[..]));
    let bell = Bell::new();
    let mut cancelled = slab.receive_message(&near, buffer, NONE, 6);
    assert!(poll(&mut cancelled, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    cancelled.cancel();
    let (came, buffer) = driver.block_on(cancelled).expect("driver");
    assert_eq!((came.err(), &*buffer), (Some(Errno::ECANCELED), &b"kept"[..]));
    // One that is dropped before the driver has it, and one that finds no slot.
    drop(slab.receive_message(&near, buffer, NONE, 6));
    let operations: Vec<_> = (0..8).map(|_| slab.nop()).collect();
    let mut refused = slab.receive_message(&near, buffer_of(slab, b"kept"), NONE, 6);
    let Poll::Ready((came, buffer)) = poll(&mut refused, &bell) else { panic!("refused at once") };
    assert_eq!((came.err(), &*buffer), (Some(Errno::EBUSY), &b"kept"[..]));
    let both = [&near, &far];
    let passing = Outgoing::new().files(&both);
    let mut refused = slab.send_message(&far, buffer, passing);
    assert!(matches!(poll(&mut refused, &bell), Poll::Ready((Err(Errno::EBUSY), _))));
    drop((operations, slab.send_message(&far, buffer_of(slab, b"never"), passing)));
    drop((near, far));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn what_a_message_can_not_have_is_refused_at_once() {
    let mut driver = driver();
    let slab = driver.slab();
    let (near, far) = pair(slab, slab);
    let bell = Bell::new();
    let text = || buffer_of(slab, b"kept");
    // MSG_CMSG_COMPAT and MSG_CMSG_CLOEXEC change what the kernel writes, MSG_ZEROCOPY when it reads.
    for flag in [0x8000_0000, 0x4000_0000, 0x400_0000] {
        let mut all = [
            slab.send_message(&near, text(), Outgoing::new().flags(MsgFlags(flag))),
            slab.send_with(&near, text(), MsgFlags(flag)),
            slab.receive_with(&near, text(), MsgFlags(flag)),
        ];
        for operation in &mut all {
            let Poll::Ready((refused, buffer)) = poll(operation, &bell) else { panic!("refused at once") };
            assert_eq!((refused, &*buffer), (Err(Errno::EINVAL), &b"kept"[..]));
        }
        drop(all);
        let Poll::Ready((refused, buffer)) = poll(&mut slab.receive_from(&near, text(), MsgFlags(flag)), &bell) else {
            panic!("refused at once")
        };
        assert_eq!((refused.err(), &*buffer), (Some(Errno::EINVAL), &b"kept"[..]));
    }
    let many = [&near; 17];
    let mut send = slab.send_message(&near, text(), Outgoing::new().files(&many));
    assert!(matches!(poll(&mut send, &bell), Poll::Ready((Err(Errno::EMSGSIZE), _))));
    let control = Control::new().with(ControlItem::TypeOfService(0)).expect("room");
    let mut send = slab.send_message(&near, text(), Outgoing::new().files(&many[..16]).control(control));
    assert!(matches!(poll(&mut send, &bell), Poll::Ready((Err(Errno::EMSGSIZE), _))));
    let mut receive = slab.receive_message(&near, text(), NONE, 17);
    assert!(matches!(poll(&mut receive, &bell), Poll::Ready((Err(Errno::EINVAL), _))));
    let long = SockAddr::from_bytes(&[1; 113]).expect("an address");
    assert!(matches!(poll(&mut slab.send_to(&near, text(), long), &bell), Poll::Ready((Err(Errno::EINVAL), _))));
    let full = buffer_of(slab, &[7; 64]);
    let mut receive = slab.receive_message(&near, full, NONE, 2);
    assert!(matches!(poll(&mut receive, &bell), Poll::Ready((Err(Errno::ENOBUFS), _))));
    assert_eq!(bell.rings(), 0);
    // A message that fails drops its handles.
    let sender =
        driver.block_on(slab.socket(AddressFamily::UNIX, SocketType::DGRAM, 0)).expect("driver").expect("socket");
    let nowhere = SockAddr::unix_abstract(b"bare-uring-ops-nobody").expect("short");
    let one = [&near];
    let message = Outgoing::new().to(nowhere).files(&one);
    let (refused, _) = driver.block_on(slab.send_message(&sender, text(), message)).expect("driver");
    assert_eq!(refused, Err(Errno::ECONNREFUSED));
    let (receive, bell) = receiving(slab, &far);
    driver.turn(Wait::No).expect("turn");
    drop(near);
    turn_until(&mut driver, "no handle is left", || bell.rings() == 1);
    drop((receive, far, sender));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_passed_file_is_open_until_its_message_has_gone() {
    let mut driver = driver();
    let slab = driver.slab();
    let (near, mut far) = UnixStream::pair().expect("pair");
    near.set_nonblocking(true).expect("nonblocking");
    // The socket is full, so that the message waits.
    while (&near).write(&[0; 1 << 16]).is_ok() {}
    let near = adopt(slab, near);
    let (reader, writer) = std::io::pipe().expect("pipe");
    let writer = adopt(slab, writer);
    let bell = Bell::new();
    let mut send = slab.send_message(&near, buffer_of(slab, b"x"), Outgoing::new().files(&[&writer]));
    assert!(poll(&mut send, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    let number = writer.as_raw_fd();
    drop(writer);
    driver.turn(Wait::No).expect("turn");
    assert!(std::fs::exists(format!("/proc/self/fd/{number}")).expect("proc") && bell.rings() == 0);
    // It is cancelled, or goes when there is room. In both cases no handle is left.
    send.cancel();
    let (sent, _) = driver.block_on(send).expect("driver");
    assert_eq!(sent, Err(Errno::ECANCELED));
    drop(near);
    settle(&mut driver);
    assert_all_closed(reader);
    far.read_to_end(&mut Vec::new()).expect("read");
    assert_all_is_back(slab, 8);
}
