//! Options of sockets.

use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::net::UnixStream;
use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring::types::{AddressFamily, SocketType};
use bare_uring_ops::{File, Membership, Name, OptionValue, Slab, SocketOption};

use crate::setting::{PATIENCE, adopt, assert_all_is_back, driver, listening, settle};
use crate::shared::{Bell, poll};

/// Sets an option to one value after the other, and gets each back.
async fn keeps<T: OptionValue + Debug + PartialEq>(
    slab: &'static Slab,
    socket: &File,
    option: SocketOption<T>,
    values: [T; 2],
) {
    for value in values {
        assert_eq!(slab.set_option(socket, option, value).await, Ok(0), "{value:?}");
        assert_eq!(slab.option(socket, option).await, Ok(value));
    }
}

#[test]
fn options_that_are_set_are_told() {
    let mut driver = driver();
    let slab = driver.slab();
    driver
        .block_on(async {
            let socket = slab.socket(AddressFamily::INET, SocketType::STREAM, 0).await.expect("socket");
            for option in [
                SocketOption::REUSE_ADDRESS,
                SocketOption::REUSE_PORT,
                SocketOption::KEEP_ALIVE,
                SocketOption::BROADCAST,
                SocketOption::DONT_ROUTE,
                SocketOption::URGENT_INLINE,
                SocketOption::TIMESTAMPS,
            ] {
                keeps(slab, &socket, option, [true, false]).await;
            }
            keeps(slab, &socket, SocketOption::PRIORITY, [3, 6]).await;
            keeps(slab, &socket, SocketOption::RECEIVE_LOW_WATER, [7, 1]).await;
            keeps(slab, &socket, SocketOption::LINGER, [Some(Duration::from_secs(7)), None]).await;
            for option in [SocketOption::SEND_BUFFER, SocketOption::RECEIVE_BUFFER] {
                assert_eq!(slab.set_option(&socket, option, 20_000).await, Ok(0));
                assert_eq!(slab.option(&socket, option).await, Ok(40_000));
            }
            assert_eq!(slab.option(&socket, SocketOption::DEVICE).await, Ok(Name::new("").expect("short")));
            for option in [SocketOption::NO_DELAY, SocketOption::CORK, SocketOption::QUICK_ACK] {
                assert_eq!(slab.set_option(&socket, option, true).await, Ok(0));
            }
            for option in [SocketOption::KEEP_IDLE, SocketOption::KEEP_COUNT, SocketOption::USER_TIMEOUT] {
                assert_eq!(slab.set_option(&socket, option, 20).await, Ok(0));
            }
            let reno = Name::new("reno").expect("short");
            assert_eq!(slab.set_option(&socket, SocketOption::CONGESTION, reno).await, Ok(0));
            let six = slab.socket(AddressFamily::INET6, SocketType::DGRAM, 0).await.expect("socket");
            for option in [SocketOption::ONLY_IPV6, SocketOption::PACKET_INFO_6, SocketOption::RECEIVE_HOP_LIMIT] {
                assert_eq!(slab.set_option(&six, option, true).await, Ok(0));
            }
            // A limit does not change what the kernel reads.
            let limited = slab.set_option(&socket, SocketOption::PRIORITY, 5).within(PATIENCE);
            assert_eq!(limited.await, Ok(0));
            assert_eq!(slab.option(&socket, SocketOption::PRIORITY).within(PATIENCE).await, Ok(5));
        })
        .expect("driver");
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_socket_tells_what_it_is() {
    let mut driver = driver();
    let slab = driver.slab();
    let (listener, address) = listening(slab);
    let (near, _far) = UnixStream::pair().expect("pair");
    let near = adopt(slab, near);
    driver
        .block_on(async {
            assert_eq!(slab.option(&listener, SocketOption::TYPE).await, Ok(SocketType::STREAM));
            assert_eq!(slab.option(&listener, SocketOption::DOMAIN).await, Ok(AddressFamily::INET));
            assert_eq!(slab.option(&listener, SocketOption::PROTOCOL).await, Ok(6));
            assert_eq!(slab.option(&listener, SocketOption::LISTENS).await, Ok(true));
            assert_eq!(slab.option(&near, SocketOption::LISTENS).await, Ok(false));
            assert_eq!(slab.option(&near, SocketOption::DOMAIN).await, Ok(AddressFamily::UNIX));
            let peer = slab.option(&near, SocketOption::PEER_CREDENTIALS).await.expect("a peer");
            assert_eq!(peer.process.cast_unsigned(), std::process::id());
            // The port is closed: the answer to a datagram is an error of the socket.
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
            let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind").local_addr().expect("address");
            socket.connect(closed).expect("connect");
            socket.send(b"x").expect("send");
            let socket = adopt(slab, socket);
            let mut error = slab.option(&socket, SocketOption::ERROR).await;
            for _ in 0..100 {
                if error != Ok(None) {
                    break;
                }
                let _ = slab.timeout(Duration::from_millis(1)).await;
                error = slab.option(&socket, SocketOption::ERROR).await;
            }
            assert_eq!(error, Ok(Some(Errno::ECONNREFUSED)));
            assert_eq!(slab.option(&socket, SocketOption::ERROR).await, Ok(None));
            drop((socket, address));
        })
        .expect("driver");
    drop((listener, near));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn options_are_refused() {
    let mut driver = driver();
    let slab = driver.slab();
    driver
        .block_on(async {
            let socket = slab.socket(AddressFamily::INET, SocketType::DGRAM, 0).await.expect("socket");
            let group = Ipv4Addr::new(224, 0, 0, 77);
            let member = |group| Membership { group, local: Ipv4Addr::LOCALHOST, interface: 0 };
            let no_group = slab.set_option(&socket, SocketOption::JOIN, member(Ipv4Addr::LOCALHOST)).await;
            assert_eq!(no_group, Err(Errno::EINVAL));
            assert_eq!(slab.set_option(&socket, SocketOption::JOIN, member(group)).await, Ok(0));
            assert_eq!(slab.set_option(&socket, SocketOption::JOIN, member(group)).await, Err(Errno::EADDRINUSE));
            assert_eq!(slab.set_option(&socket, SocketOption::LEAVE, member(group)).await, Ok(0));
            let unknown = SocketOption::number(1, 9999);
            assert_eq!(slab.set_option(&socket, unknown, 1).await, Err(Errno::ENOPROTOOPT));
            assert_eq!(slab.option(&socket, unknown).await, Err(Errno::ENOPROTOOPT));
            // TCP_NODELAY.
            assert_eq!(slab.option(&socket, SocketOption::number(6, 1)).await, Err(Errno::EOPNOTSUPP));
            assert_eq!(slab.set_option(&socket, SocketOption::NO_DELAY, true).await, Err(Errno::ENOPROTOOPT));
            let pipe = adopt(slab, std::io::pipe().expect("pipe").0);
            assert_eq!(slab.option(&pipe, SocketOption::TYPE).await, Err(Errno::EOPNOTSUPP));
            assert_eq!(slab.set_option(&pipe, SocketOption::KEEP_ALIVE, true).await, Err(Errno::EOPNOTSUPP));
            // The device takes every command, and does nothing (since 6.4).
            let null = adopt(slab, std::fs::File::open("/dev/null").expect("null"));
            assert!(matches!(slab.option(&null, SocketOption::TYPE).await, Err(Errno::EINVAL | Errno::EOPNOTSUPP)));
        })
        .expect("driver");
    // One that is cancelled before the driver has it never reaches the kernel.
    let socket = adopt(slab, UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("bind"));
    let mut cancelled = slab.option(&socket, SocketOption::TYPE);
    cancelled.cancel();
    assert_eq!(poll(&mut cancelled, &Bell::new()), Poll::Ready(Err(Errno::ECANCELED)));
    drop((cancelled, slab.set_option(&socket, SocketOption::BROADCAST, true)));
    assert_eq!(driver.block_on(slab.option(&socket, SocketOption::BROADCAST)), Ok(Ok(false)));
    drop(socket);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}
