//! Sockets from their making to their end, on every kind of ring, by descriptor and by slot.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::null_mut;

use bare_uring::squeue::Entry;
use bare_uring::types::{AddressFamily, DestinationSlot, Fd, Fixed, ShutdownHow, SockAddr, SocketFlags, SocketType};
use bare_uring::{Errno, opcode};
use common::any_ring::{AnyRing, on_each, on_each_with_file};
use common::sockets::{is_cancelled, tcp_pair};
use common::{needs, refused};

/// The descriptor that a completion brought.
fn owned(outcome: Result<u32, Errno>) -> OwnedFd {
    let fd = outcome.expect("a descriptor").cast_signed();
    // SAFETY: the completion gave the descriptor to this test alone.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn fd(file: &impl AsRawFd) -> Fd {
    Fd(file.as_raw_fd())
}

fn localhost() -> SockAddr {
    SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn tcp() -> opcode::Socket {
    opcode::Socket::new(AddressFamily::INET, SocketType::STREAM, 0)
}

fn accept(socket: &impl AsRawFd) -> opcode::Accept {
    opcode::Accept::new(fd(socket), null_mut(), null_mut())
}

/// Runs a request that kernels before 6.11 do not know; `None` on those.
fn since_6_11(ring: &mut dyn AnyRing, entry: Entry) -> Option<Result<u32, Errno>> {
    let outcome = ring.run(entry);
    if outcome == Err(Errno::EINVAL) {
        refused("bind and listen", "IORING_OP_BIND and LISTEN", (6, 11));
        return None;
    }
    Some(outcome)
}

#[test]
fn a_server_and_its_client() {
    needs!(5, 19, "IORING_OP_SOCKET");
    on_each(|ring| {
        let kind = ring.kind().to_owned();
        let listener = TcpListener::from(owned(ring.run(tcp().flags(SocketFlags::CLOEXEC).build())));
        let address = localhost();
        let bind = opcode::Bind::new(fd(&listener), address.as_ptr(), address.len()).build();
        let Some(bound) = since_6_11(ring, bind) else { return };
        assert_eq!(bound, Ok(0), "{kind}");
        assert_eq!(ring.run(opcode::Listen::new(fd(&listener), 4).build()), Ok(0), "{kind}");
        let server = SockAddr::from(listener.local_addr().unwrap());
        assert!(rustix::io::fcntl_getfd(&listener).unwrap().contains(rustix::io::FdFlags::CLOEXEC), "{kind}");

        let client = TcpStream::from(owned(ring.run(tcp().build())));
        ring.push(opcode::Connect::new(fd(&client), server.as_ptr(), server.len()).build().user_data(1));
        let mut peer = SockAddr::EMPTY;
        let (name, len) = peer.out();
        ring.push(opcode::Accept::new(fd(&listener), name, len).build().user_data(2));
        let seen = ring.complete(2);
        assert_eq!(seen[0].outcome, Ok(0), "{kind}");
        let connection = TcpStream::from(owned(seen[1].outcome));
        assert_eq!((peer.to_ip(), peer.len()), (client.local_addr().ok(), 16), "{kind}");

        (&client).write_all(b"last words").unwrap();
        assert_eq!(ring.run(opcode::Shutdown::new(fd(&client), ShutdownHow::WRITE).build()), Ok(0), "{kind}");
        let mut words = String::new();
        (&connection).read_to_string(&mut words).unwrap();
        assert_eq!(words, "last words", "{kind}");
        assert_eq!(ring.run(opcode::Shutdown::new(fd(&connection), ShutdownHow::BOTH).build()), Ok(0), "{kind}");
        assert_eq!((&client).read(&mut [0]).unwrap(), 0, "{kind}");
    });
}

/// Nobody has a descriptor of these sockets.
#[test]
fn a_server_and_its_client_in_slots() {
    needs!(5, 19, "IORING_OP_SOCKET");
    const LISTENER: u32 = 0;
    const CLIENT: u32 = 1;
    const CONNECTION: u32 = 2;
    on_each(|ring| {
        let kind = ring.kind().to_owned();
        ring.register_files(&[-1; 3]);
        let unix = opcode::Socket::new(AddressFamily::UNIX, SocketType::STREAM, 0);
        let slot = |slot| DestinationSlot::at(slot).unwrap();
        assert_eq!(ring.run(unix.file_index(slot(LISTENER)).build()), Ok(0), "{kind}");
        assert_eq!(ring.run(unix.file_index(DestinationSlot::ALLOCATE).build()), Ok(CLIENT), "{kind}");
        let name = format!("bare-uring-{}-{kind}", std::process::id());
        let address = SockAddr::unix_abstract(name.as_bytes()).unwrap();
        let bind = opcode::Bind::new(Fixed(LISTENER), address.as_ptr(), address.len()).build();
        let Some(bound) = since_6_11(ring, bind) else { return };
        assert_eq!(bound, Ok(0), "{kind}");
        assert_eq!(ring.run(opcode::Listen::new(Fixed(LISTENER), 4).build()), Ok(0), "{kind}");
        ring.push(opcode::Connect::new(Fixed(CLIENT), address.as_ptr(), address.len()).build().user_data(1));
        let accept = opcode::Accept::new(Fixed(LISTENER), null_mut(), null_mut()).file_index(slot(CONNECTION));
        ring.push(accept.build().user_data(2));
        let outcomes: Vec<_> = ring.complete(2).iter().map(|seen| seen.outcome).collect();
        assert_eq!(outcomes, [Ok(0), Ok(0)], "{kind}");
        assert_eq!(ring.run(opcode::Send::new(Fixed(CLIENT), b"hi".as_ptr(), 2).build()), Ok(2), "{kind}");
        assert_eq!(ring.run(opcode::Shutdown::new(Fixed(CLIENT), ShutdownHow::WRITE).build()), Ok(0), "{kind}");
        let mut buffer = [0_u8; 4];
        let recv = opcode::Recv::new(Fixed(CONNECTION), buffer.as_mut_ptr(), 4).build();
        assert_eq!((ring.run(recv), &buffer[..2]), (Ok(2), &b"hi"[..]), "{kind}");
        assert_eq!(ring.run(recv), Ok(0), "{kind}");
        // Every slot is taken.
        assert_eq!(ring.run(unix.file_index(DestinationSlot::ALLOCATE).build()), Err(Errno::ENFILE), "{kind}");
    });
}

#[test]
fn accept_takes_the_flags_of_the_new_file() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    on_each_with_file(&listener, |ring, file| {
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let entry = for_file!(file, |fd| opcode::Accept::new(fd, null_mut(), null_mut())
            .flags(SocketFlags::CLOEXEC.with(SocketFlags::NONBLOCK))
            .build());
        let connection = owned(ring.run(entry));
        assert!(rustix::io::fcntl_getfd(&connection).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        assert!(rustix::fs::fcntl_getfl(&connection).unwrap().contains(rustix::fs::OFlags::NONBLOCK));
    });
}

#[test]
fn accept_waits_or_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    on_each_with_file(&listener, |ring, file| {
        let accept = for_file!(file, |fd| opcode::Accept::new(fd, null_mut(), null_mut()));
        match ring.run(accept.dontwait().build()) {
            Err(Errno::EINVAL) => refused("accept without waiting", "IORING_ACCEPT_DONTWAIT", (6, 10)),
            outcome => assert_eq!(outcome, Err(Errno::EAGAIN), "{}", ring.kind()),
        }
        ring.push(accept.poll_first().build());
        ring.hand_over();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        match ring.complete(1)[0].outcome {
            Err(Errno::EINVAL) => {
                refused("accept that polls first", "IORING_ACCEPT_POLL_FIRST", (6, 10));
                drop(listener.accept());
            }
            outcome => drop(owned(outcome)),
        }
    });
}

#[test]
fn accept_says_whether_another_connection_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    on_each(|ring| {
        let address = listener.local_addr().unwrap();
        let _clients = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
        let seen = [ring.run_seen(accept(&listener).build()), ring.run_seen(accept(&listener).build())];
        for seen in &seen {
            drop(owned(seen.outcome));
        }
        match seen.map(|seen| seen.plain.sock_nonempty()) {
            [false, false] => refused("another connection", "IORING_CQE_F_SOCK_NONEMPTY of an accept", (6, 10)),
            more => assert_eq!(more, [true, false], "{}", ring.kind()),
        }
    });
}

#[test]
fn a_multishot_accept_goes_on_until_it_is_cancelled() {
    needs!(5, 19, "IORING_ACCEPT_MULTISHOT");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    on_each_with_file(&listener, |ring, file| {
        ring.push(for_file!(file, |fd| opcode::Accept::multi(fd).flags(SocketFlags::CLOEXEC).build()).user_data(1));
        ring.hand_over();
        // What a server without an allocator would keep.
        let mut connections: heapless::Vec<TcpStream, 4> = heapless::Vec::new();
        for _ in 0..4 {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let cqe = ring.complete(1)[0].plain;
            assert!(cqe.more(), "{}", ring.kind());
            let connection = TcpStream::from(owned(cqe.outcome()));
            assert_eq!(connection.peer_addr().unwrap(), client.local_addr().unwrap(), "{}", ring.kind());
            connections.push(connection).unwrap();
        }
        assert!(connections.is_full());
        ring.push(opcode::AsyncCancel::new(1).build().user_data(2));
        let seen = ring.complete(2);
        assert_eq!((seen[0].outcome, seen[0].plain.more()), (Err(Errno::ECANCELED), false), "{}", ring.kind());
        assert_eq!(seen[1].outcome, Ok(0), "{}", ring.kind());
    });
}

#[test]
fn a_multishot_accept_fills_slots() {
    needs!(5, 19, "IORING_ACCEPT_MULTISHOT");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    on_each(|ring| {
        let address = listener.local_addr().unwrap();
        ring.register_files(&[-1; 2]);
        let multi = opcode::Accept::multi(fd(&listener)).file_index(DestinationSlot::ALLOCATE).build();
        ring.push(multi);
        ring.hand_over();
        let mut slots: heapless::Vec<u32, 2> = heapless::Vec::new();
        let mut clients = Vec::new();
        for _ in 0..2 {
            clients.push(TcpStream::connect(address).unwrap());
            let cqe = ring.complete(1)[0].plain;
            assert!(cqe.more(), "{}", ring.kind());
            slots.push(cqe.outcome().unwrap()).unwrap();
        }
        slots.sort_unstable();
        assert_eq!(slots, [0, 1], "{}", ring.kind());
        // No slot is left: it ends.
        clients.push(TcpStream::connect(address).unwrap());
        let cqe = ring.complete(1)[0].plain;
        assert_eq!((cqe.outcome(), cqe.more()), (Err(Errno::ENFILE), false), "{}", ring.kind());
    });
}

#[test]
fn sockets_that_do_not_exist_are_refused() {
    needs!(5, 19, "IORING_OP_SOCKET");
    on_each(|ring| {
        let kind = ring.kind().to_owned();
        let socket = |family, kind| opcode::Socket::new(family, kind, 0);
        assert_eq!(
            ring.run(socket(AddressFamily(200), SocketType::STREAM).build()),
            Err(Errno::EAFNOSUPPORT),
            "{kind}"
        );
        assert_eq!(ring.run(socket(AddressFamily::INET, SocketType(1 << 10)).build()), Err(Errno::EINVAL), "{kind}");
        let slot = DestinationSlot::at(0).unwrap();
        assert_eq!(ring.run(tcp().file_index(slot).build()), Err(Errno::ENXIO), "{kind}");
        let both = tcp().file_index(slot).flags(SocketFlags::CLOEXEC).build();
        assert_eq!(ring.run(both), Err(Errno::EINVAL), "{kind}");
        ring.register_files(&[-1]);
        let beyond = tcp().file_index(DestinationSlot::at(1).unwrap()).build();
        assert_eq!(ring.run(beyond), Err(Errno::EINVAL), "{kind}");
    });
}

#[test]
fn names_that_do_not_fit_are_refused() {
    needs!(5, 19, "IORING_OP_SOCKET");
    let (listener, _held) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each(|ring| {
        let kind = ring.kind().to_owned();
        let taken = SockAddr::from(listener.local_addr().unwrap());
        let foreign = SockAddr::from(SocketAddr::from(([192, 0, 2, 1], 0)));
        let socket = owned(ring.run(tcp().build()));
        let bind = |fd, address: &SockAddr, len| opcode::Bind::new(fd, address.as_ptr(), len).build();
        let Some(outcome) = since_6_11(ring, bind(fd(&socket), &foreign, foreign.len())) else { return };
        assert_eq!(outcome, Err(Errno::EADDRNOTAVAIL), "{kind}");
        assert_eq!(ring.run(bind(fd(&socket), &taken, taken.len())), Err(Errno::EADDRINUSE), "{kind}");
        assert_eq!(ring.run(bind(fd(&socket), &taken, 129)), Err(Errno::EINVAL), "{kind}");
        assert_eq!(ring.run(bind(fd(&socket), &taken, 8)), Err(Errno::EINVAL), "{kind}");
        assert_eq!(ring.run(bind(fd(&reader), &taken, taken.len())), Err(Errno::ENOTSOCK), "{kind}");
        assert_eq!(ring.run(bind(Fd(-1), &taken, taken.len())), Err(Errno::EBADF), "{kind}");
        assert_eq!(ring.run(opcode::Listen::new(fd(&reader), 1).build()), Err(Errno::ENOTSOCK), "{kind}");
        assert_eq!(ring.run(opcode::Listen::new(Fixed(9), 1).build()), Err(Errno::EBADF), "{kind}");
        let (connected, _other) = tcp_pair();
        assert_eq!(ring.run(opcode::Listen::new(fd(&connected), 1).build()), Err(Errno::EINVAL), "{kind}");
    });
}

#[test]
fn connections_that_cannot_be_are_refused() {
    needs!(5, 19, "IORING_OP_SOCKET");
    let (listener, held) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let deaf = SockAddr::from(held.local_addr().unwrap());
    drop(held);
    let (reader, _writer) = std::io::pipe().unwrap();
    let (connected, _other) = tcp_pair();
    on_each(|ring| {
        let kind = ring.kind().to_owned();
        let socket = owned(ring.run(tcp().build()));
        let connect = |fd, len| opcode::Connect::new(fd, deaf.as_ptr(), len).build();
        assert_eq!(ring.run(connect(fd(&socket), 16)), Err(Errno::ECONNREFUSED), "{kind}");
        assert_eq!(ring.run(connect(fd(&connected), 16)), Err(Errno::EISCONN), "{kind}");
        assert_eq!(ring.run(connect(fd(&socket), 129)), Err(Errno::EINVAL), "{kind}");
        assert_eq!(ring.run(connect(fd(&reader), 16)), Err(Errno::ENOTSOCK), "{kind}");
        assert_eq!(ring.run(connect(Fd(-1), 16)), Err(Errno::EBADF), "{kind}");
        assert_eq!(ring.run(accept(&reader).build()), Err(Errno::ENOTSOCK), "{kind}");
        assert_eq!(ring.run(accept(&connected).build()), Err(Errno::EINVAL), "{kind}");
        assert_eq!(ring.run(opcode::Accept::multi(Fd(-1)).build()), Err(Errno::EBADF), "{kind}");
        let slot = DestinationSlot::at(0).unwrap();
        let unknown = accept(&listener).flags(SocketFlags(1)).build();
        let closing = accept(&listener).file_index(slot).flags(SocketFlags::CLOEXEC).build();
        let one_slot = accept(&listener).file_index(slot).multishot().build();
        for wrong in [unknown, closing, one_slot] {
            assert_eq!(ring.run(wrong), Err(Errno::EINVAL), "{kind}");
        }
        let shutdown = |fd, how| opcode::Shutdown::new(fd, how).build();
        assert_eq!(ring.run(shutdown(fd(&socket), ShutdownHow::READ)), Err(Errno::ENOTCONN), "{kind}");
        assert_eq!(ring.run(shutdown(fd(&connected), ShutdownHow(7))), Err(Errno::EINVAL), "{kind}");
        assert_eq!(ring.run(shutdown(fd(&reader), ShutdownHow::BOTH)), Err(Errno::ENOTSOCK), "{kind}");
        assert_eq!(ring.run(shutdown(Fd(-1), ShutdownHow::BOTH)), Err(Errno::EBADF), "{kind}");
    });
}

#[test]
fn an_accept_that_blocks_is_cancelled() {
    needs!(5, 19, "IORING_ASYNC_CANCEL_ANY");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    on_each_with_file(&listener, |ring, file| {
        is_cancelled(ring, for_file!(file, |fd| opcode::Accept::new(fd, null_mut(), null_mut()).build()));
        is_cancelled(ring, for_file!(file, |fd| opcode::Accept::multi(fd).build()));
    });
}

/// With its queue full, the kernel does not answer a connection that comes in.
#[test]
fn a_connect_that_blocks_is_cancelled() {
    needs!(5, 19, "IORING_OP_SOCKET");
    on_each(|ring| {
        let listener = TcpListener::from(owned(ring.run(tcp().build())));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        rustix::net::bind(&listener, &address).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let _first = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let address = SockAddr::from(listener.local_addr().unwrap());
        for by_slot in [false, true] {
            let client = owned(ring.run(tcp().build()));
            let (start, len) = (address.as_ptr(), address.len());
            let connect = if by_slot {
                ring.register_files(&[client.as_raw_fd()]);
                opcode::Connect::new(Fixed(0), start, len).build()
            } else {
                opcode::Connect::new(fd(&client), start, len).build()
            };
            is_cancelled(ring, connect);
        }
    });
}
