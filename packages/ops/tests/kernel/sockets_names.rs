//! Addresses of sockets: of every family, of both sides, and of connections that are accepted.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring::types::{AddressFamily, SockAddr, SocketType};
use bare_uring_ops::{File, Slab, Wait};

use crate::setting::{
    adopt, assert_all_is_back, assert_closed, assert_closes_on_exec, buffer_of, driver, listening, settle,
};
use crate::shared::{Bell, poll};

/// A path in the folder for such files, which is removed at the end.
struct Path(PathBuf);

impl Path {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bare-uring-ops-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    fn address(&self) -> SockAddr {
        SockAddr::unix(self.0.as_os_str().as_encoded_bytes()).expect("short enough")
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Returns the address with the port that the kernel has chosen for the socket, as the kernel's table of sockets shows it.
fn chosen(file: &File, address: SocketAddr) -> SockAddr {
    let text =
        std::fs::read_to_string(if address.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" }).expect("proc");
    let link = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("link");
    let inode = link.to_string_lossy().trim_start_matches("socket:[").trim_end_matches(']').to_string();
    let line = text.lines().find(|line| line.split_whitespace().nth(9) == Some(&inode)).expect("line");
    let port = line.split_whitespace().nth(1).and_then(|own| own.split(':').nth(1)).expect("port");
    SockAddr::from(SocketAddr::new(address.ip(), u16::from_str_radix(port, 16).expect("hex")))
}

/// What there is to compare of an address.
fn told(address: &SockAddr) -> (Option<SocketAddr>, Option<Vec<u8>>) {
    (address.to_ip(), address.to_unix().map(Vec::from))
}

/// Connects a client at `near` to a listener at `address`, and checks both names of each side. Returns whether the kernel
/// tells names.
async fn meet(slab: &'static Slab, family: AddressFamily, address: SockAddr, near: SockAddr) -> bool {
    let listener = slab.socket(family, SocketType::STREAM, 0).await.expect("socket");
    assert_eq!(slab.bind(&listener, address).await, Ok(0));
    assert_eq!(slab.listen(&listener, 4).await, Ok(0));
    let address = address.to_ip().map_or(address, |ip| chosen(&listener, ip));
    let client = slab.socket(family, SocketType::STREAM, 0).await.expect("socket");
    assert_eq!(slab.bind(&client, near).await, Ok(0));
    assert_eq!(slab.connect(&client, address).await, Ok(0));
    let near = near.to_ip().map_or(near, |ip| chosen(&client, ip));
    let (server, from) = slab.accept_from(&listener).await.expect("accept");
    assert_eq!((told(&from), from.len()), (told(&near), near.len()));
    assert_closes_on_exec(&server);
    let (sent, buffer) = slab.send(&client, buffer_of(slab, b"ping")).await;
    assert_eq!(sent, Ok(4));
    let (received, buffer) = slab.receive(&server, buffer).await;
    assert_eq!((received, &*buffer), (Ok(4), &b"ping"[..]));
    let names = tells_names(slab, &server, &client, near, address).await;
    let none = if names { Errno::ENOTCONN } else { Errno::EOPNOTSUPP };
    assert_eq!(slab.peer_address(&listener).await.err(), Some(none));
    names
}

/// Checks the names of both sides of a connection. Returns whether the kernel tells names.
async fn tells_names(slab: &'static Slab, server: &File, client: &File, near: SockAddr, address: SockAddr) -> bool {
    let own = slab.own_address(server).await;
    if own.as_ref().err() == Some(&Errno::EOPNOTSUPP) {
        assert_eq!(slab.peer_address(server).await.err(), Some(Errno::EOPNOTSUPP));
        return false;
    }
    assert_eq!(told(&own.expect("an address")), told(&address));
    for (socket, peer) in [(server, near), (client, address)] {
        let told_of = slab.peer_address(socket).await.expect("a peer");
        assert_eq!((told(&told_of), told_of.len()), (told(&peer), peer.len()));
    }
    true
}

#[test]
fn sockets_of_every_family_meet_by_their_addresses() {
    let mut driver = driver();
    let slab = driver.slab();
    let (listens, connects) = (Path::new("listens"), Path::new("connects"));
    let name = |side: &str| SockAddr::unix_abstract(format!("bare-uring-ops-{side}-{}", std::process::id()).as_bytes());
    let v4 = SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let v6 = SockAddr::from(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)));
    let names = driver
        .block_on(async {
            let names = meet(slab, AddressFamily::INET, v4, v4).await;
            assert_eq!(meet(slab, AddressFamily::INET6, v6, v6).await, names);
            assert_eq!(meet(slab, AddressFamily::UNIX, listens.address(), connects.address()).await, names);
            let (near, far) = (name("far").expect("short"), name("near").expect("short"));
            assert_eq!(meet(slab, AddressFamily::UNIX, far, near).await, names);
            names
        })
        .expect("driver");
    if !names {
        println!("skipped: this kernel has no SOCKET_URING_OP_GETSOCKNAME (Linux 6.19)");
    }
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn an_address_that_can_not_be_had_is_refused() {
    let mut driver = driver();
    let slab = driver.slab();
    driver
        .block_on(async {
            let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
            let address = taken.local_addr().expect("address");
            let socket = slab.socket(AddressFamily::INET, SocketType::STREAM, 0).await.expect("socket");
            assert_eq!(slab.bind(&socket, address).await, Err(Errno::EADDRINUSE));
            drop(taken);
            assert_eq!(slab.connect(&socket, address).await, Err(Errno::ECONNREFUSED));
            // The address is of another family, or cut.
            let unix = slab.socket(AddressFamily::UNIX, SocketType::STREAM, 0).await.expect("socket");
            assert_eq!(slab.bind(&unix, address).await, Err(Errno::EINVAL));
            let nowhere = Path::new("nowhere");
            assert_eq!(slab.connect(&unix, nowhere.address()).await, Err(Errno::ENOENT));
            assert_eq!(slab.accept_from(&socket).await.err(), Some(Errno::EINVAL));
            let pipe = adopt(slab, std::io::pipe().expect("pipe").0);
            assert_eq!(slab.own_address(&pipe).await.err(), Some(Errno::EOPNOTSUPP));
            assert_eq!(slab.accept_from(&pipe).await.err(), Some(Errno::ENOTSOCK));
            // The device takes every command, and does nothing (since 6.4).
            let null = adopt(slab, std::fs::File::open("/dev/null").expect("null"));
            assert!(matches!(slab.own_address(&null).await, Err(Errno::ENOTSOCK | Errno::EOPNOTSUPP)));
        })
        .expect("driver");
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn an_accept_that_tells_the_address_ends_as_others_do() {
    let mut driver = driver();
    let slab = driver.slab();
    let (listener, address) = listening(slab);
    let bell = Bell::new();
    let late = slab.accept_from(&listener).within(Duration::from_millis(5));
    assert_eq!(driver.block_on(late).expect("driver").err(), Some(Errno::ETIME));
    let mut cancelled = slab.accept_from(&listener);
    assert!(poll(&mut cancelled, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    cancelled.cancel();
    assert_eq!(driver.block_on(cancelled).expect("driver").err(), Some(Errno::ECANCELED));
    // One that is dropped in flight takes the connection or not. It is closed in any case.
    let mut dropped = slab.accept_from(&listener);
    assert!(poll(&mut dropped, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    let client = TcpStream::connect(address).expect("connect");
    drop(dropped);
    settle(&mut driver);
    drop(driver.block_on(slab.accept_from(&listener).within(Duration::from_millis(50))).expect("driver"));
    settle(&mut driver);
    assert_closed(&client);
    let files: Vec<_> = (1..8).map(|_| adopt(slab, std::fs::File::open("/dev/null").expect("null"))).collect();
    assert!(matches!(poll(&mut slab.accept_from(&listener), &bell), Poll::Ready(Err(Errno::EMFILE))));
    drop((files, listener));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}
