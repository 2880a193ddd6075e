//! Sockets, and limits of time.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bare_uring::Errno;
use bare_uring::types::{AddressFamily, ShutdownHow, SocketType};
use bare_uring_ops::{File, SocketOption};

use crate::setting::{assert_all_is_back, assert_closes_on_exec, buffer_of, connection, driver, settle};

#[test]
fn sockets_talk_to_each_other() {
    let mut driver = driver();
    let slab = driver.slab();
    driver
        .block_on(async {
            let listener = slab.socket(AddressFamily::INET, SocketType::STREAM, 0).await.expect("socket");
            assert_eq!(slab.set_option(&listener, SocketOption::REUSE_ADDRESS, true).await, Ok(0));
            assert_eq!(slab.bind(&listener, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await, Ok(0));
            assert_eq!(slab.listen(&listener, 4).await, Ok(0));
            let address = std_listener(&listener);
            let client = slab.socket(AddressFamily::INET, SocketType::STREAM, 0).await.expect("socket");
            assert_eq!(slab.connect(&client, address).await, Ok(0));
            let server = slab.accept(&listener).await.expect("accept");
            for socket in [&listener, &client, &server] {
                assert_closes_on_exec(socket);
            }
            let (sent, buffer) = slab.send(&client, buffer_of(slab, b"ping")).await;
            assert_eq!(sent, Ok(4));
            let (received, buffer) = slab.receive(&server, buffer).await;
            // What is received comes after the four bytes that were sent, which are off the window.
            assert_eq!((received, &*buffer, buffer.room()), (Ok(4), &b"ping"[..], 56));
            assert_eq!(slab.shutdown(&client, ShutdownHow::WRITE).await, Ok(0));
            let (received, _) = slab.receive(&server, buffer).await;
            assert_eq!(received, Ok(0));
        })
        .expect("driver");
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

/// Returns the address at which a file listens.
fn std_listener(file: &File) -> SocketAddr {
    let text = fs::read_to_string("/proc/net/tcp").expect("proc");
    let link = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("link");
    let inode = link.to_string_lossy().trim_start_matches("socket:[").trim_end_matches(']').to_string();
    let line = text.lines().find(|line| line.split_whitespace().nth(9) == Some(&inode)).expect("line");
    let port = line.split_whitespace().nth(1).and_then(|address| address.split(':').nth(1)).expect("port");
    SocketAddr::from((Ipv4Addr::LOCALHOST, u16::from_str_radix(port, 16).expect("hex")))
}

#[test]
fn a_limit_ends_what_takes_longer() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let span = Duration::from_millis(30);
    let begin = Instant::now();
    let (received, buffer) =
        driver.block_on(slab.receive(&server, slab.buffer().expect("one")).within(span)).expect("driver");
    assert_eq!((received, buffer.len()), (Err(Errno::ETIME), 0));
    assert!(begin.elapsed() >= span);
    client.write_all(b"in time").expect("write");
    let (received, buffer) =
        driver.block_on(slab.receive(&server, buffer).within(Duration::from_secs(20))).expect("driver");
    assert_eq!((received, &*buffer), (Ok(7), &b"in time"[..]));
    drop((buffer, server));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_timeout_takes_its_time() {
    let mut driver = driver();
    let slab = driver.slab();
    let begin = Instant::now();
    assert_eq!(driver.block_on(slab.timeout(Duration::from_millis(20))), Ok(Err(Errno::ETIME)));
    assert!(begin.elapsed() >= Duration::from_millis(20));
}
