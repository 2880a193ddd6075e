//! Operations on the real kernel. No `unsafe` in here.
#![forbid(unsafe_code)]

use std::fs;
use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use bare_uring::types::{
    AddressFamily, FsyncFlags, OpenFlags, OpenHow, ResolveFlags, ShutdownHow, SocketType, Timespec,
};
use bare_uring::{Builder, Errno, Linux};
use bare_uring_ops::{Buffer, CURRENT, Driver, File, Group, Slab, Storage, Wait};

const PATIENCE: Duration = Duration::from_secs(5);

/// A driver of a slab of its own, with 8 operations, 8 files, 4 buffers of 64 bytes.
fn driver() -> Driver<Linux> {
    let slab = Box::leak(Box::new(Storage::<8, 8, 4, 64>::new())).start().expect("fresh");
    Driver::new(slab, Linux, &Builder::new(), 8).expect("io_uring")
}

fn adopt(slab: &'static Slab, fd: impl Into<OwnedFd>) -> File {
    slab.adopt_owned(fd.into()).expect("a place")
}

fn buffer_of(slab: &'static Slab, bytes: &[u8]) -> Buffer {
    let mut buffer = slab.buffer().expect("a buffer");
    assert_eq!(buffer.extend(bytes), bytes.len());
    buffer
}

/// Both ends of a TCP connection, one of them the slab's.
fn connection(slab: &'static Slab) -> (File, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    (adopt(slab, server), client)
}

/// Every slot, file and buffer of a slab of `driver()` is free again.
fn assert_all_is_back(slab: &'static Slab, files: usize) {
    assert_eq!(slab.in_flight(), 0);
    let buffers: Vec<_> = std::iter::from_fn(|| slab.buffer()).collect();
    assert_eq!(buffers.len(), 4);
    let mut kept = Vec::new();
    while let Ok(file) = slab.adopt_owned(fs::File::open("/dev/null").expect("null").into()) {
        kept.push(file);
    }
    assert_eq!(kept.len(), files);
    let operations: Vec<_> = (0..8).map(|_| slab.nop()).collect();
    let mut one_more = pin!(slab.nop());
    assert_eq!(one_more.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Err(Errno::EBUSY)));
    drop(operations);
}

/// Turns until nothing is in flight.
fn settle(driver: &mut Driver<Linux>) {
    let slab = driver.slab();
    let begin = Instant::now();
    loop {
        driver.turn(Wait::For(Timespec::new(0, 1_000_000))).expect("turn");
        if slab.in_flight() == 0 {
            driver.turn(Wait::No).expect("turn");
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(5), "{} in flight", slab.in_flight());
    }
}

#[test]
fn a_file_is_written_and_read() {
    let mut driver = driver();
    let slab = driver.slab();
    let directory = std::env::temp_dir().join(format!("bare-uring-ops-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("directory");
    let directory_file = adopt(slab, fs::File::open(&directory).expect("directory"));
    let how = OpenHow::new()
        .flags(OpenFlags(linux_raw_sys::general::O_RDWR | linux_raw_sys::general::O_CREAT))
        .mode(0o600)
        .resolve(ResolveFlags(linux_raw_sys::general::RESOLVE_BENEATH));
    driver
        .block_on(async {
            let file = slab.open(Some(&directory_file), c"one", how).await.expect("open");
            let (written, buffer) = slab.write(&file, buffer_of(slab, b"hello, world"), 0).await;
            assert_eq!((written, &*buffer), (Ok(12), &b""[..]));
            assert_eq!(slab.fsync(&file, FsyncFlags::empty()).await, Ok(0));
            let stat = slab.stat(&file).await.expect("stat");
            assert_eq!((stat.stx_size, stat.stx_mode & 0o777), (12, 0o600));
            let (read, buffer) = slab.read(&file, buffer_of(slab, b"> "), 7).await;
            assert_eq!((read, &*buffer), (Ok(5), &b"> world"[..]));
            let (read, buffer) = slab.read(&file, buffer, CURRENT).await;
            assert_eq!((read, &*buffer), (Ok(12), &b"> worldhello, world"[..]));
            assert_eq!(slab.open(Some(&directory_file), c"../one", how).await.err(), Some(Errno::EXDEV));
            assert_eq!(slab.open(None, c"/dev/null", OpenHow::new()).await.map(drop), Ok(()));
        })
        .expect("driver");
    drop(directory_file);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
    fs::remove_dir_all(&directory).expect("remove");
}

#[test]
fn a_path_that_does_not_fit_is_refused() {
    let mut driver = driver();
    let slab = driver.slab();
    let long = std::ffi::CString::new(vec![b'a'; 64]).expect("no zero");
    let opened = driver.block_on(slab.open(None, &long, OpenHow::new())).expect("driver");
    assert_eq!(opened.err(), Some(Errno::ENAMETOOLONG));
    assert_all_is_back(slab, 8);
}

#[test]
fn sockets_talk_to_each_other() {
    let mut driver = driver();
    let slab = driver.slab();
    driver
        .block_on(async {
            let listener = slab.socket(AddressFamily::INET, SocketType::STREAM, 0).await.expect("socket");
            assert_eq!(slab.set_option(&listener, 1, 2, 1).await, Ok(0));
            assert_eq!(slab.bind(&listener, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await, Ok(0));
            assert_eq!(slab.listen(&listener, 4).await, Ok(0));
            let address = std_listener(&listener);
            let client = slab.socket(AddressFamily::INET, SocketType::STREAM, 0).await.expect("socket");
            assert_eq!(slab.connect(&client, address).await, Ok(0));
            let server = slab.accept(&listener).await.expect("accept");
            let (sent, buffer) = slab.send(&client, buffer_of(slab, b"ping")).await;
            assert_eq!(sent, Ok(4));
            let (received, buffer) = slab.receive(&server, buffer).await;
            // The window is empty, and what is received comes after the four bytes that were sent.
            assert_eq!((received, &*buffer, buffer.room()), (Ok(4), &b"ping"[..], 56));
            assert_eq!(slab.shutdown(&client, ShutdownHow::WRITE).await, Ok(0));
            let (received, _) = slab.receive(&server, buffer).await;
            assert_eq!(received, Ok(0));
        })
        .expect("driver");
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

/// Where a listening file listens.
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

#[test]
fn an_operation_that_is_dropped_is_cancelled_and_gives_everything_back() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, client) = connection(slab);
    let mut context = Context::from_waker(Waker::noop());
    for submitted in [false, true] {
        for _ in 0..3 {
            let mut receive = pin!(slab.receive(&server, slab.buffer().expect("one")));
            assert!(receive.as_mut().poll(&mut context).is_pending());
            if submitted {
                driver.turn(Wait::No).expect("turn");
                assert_eq!(slab.in_flight(), 1);
            }
        }
        settle(&mut driver);
    }
    // Nobody holds the socket any more: the other end sees it closed.
    drop(server);
    settle(&mut driver);
    client.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    assert_eq!((&client).read(&mut [0]).expect("read"), 0);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_connection_that_comes_to_a_dropped_accept_is_closed() {
    let mut driver = driver();
    let slab = driver.slab();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let address = listener.local_addr().expect("address");
    let listener = adopt(slab, listener);
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut accept = pin!(slab.accept(&listener));
        assert!(accept.as_mut().poll(&mut context).is_pending());
        driver.turn(Wait::No).expect("turn");
    }
    let mut client = TcpStream::connect(address).expect("connect");
    settle(&mut driver);
    // Either it was accepted, and closed; or the accept was cancelled before, and another one takes it.
    drop(driver.block_on(async { slab.accept(&listener).within(Duration::from_millis(100)).await }));
    settle(&mut driver);
    client.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    assert_eq!(client.read(&mut [0]).expect("read"), 0);
    drop(listener);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_forgotten_operation_keeps_its_slot_and_what_it_owns() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let mut receive = Box::pin(slab.receive(&server, slab.buffer().expect("one")));
    assert!(receive.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    driver.turn(Wait::No).expect("turn");
    std::mem::forget(receive);
    client.write_all(b"to nobody").expect("write");
    settle(&mut driver);
    assert_eq!(std::iter::from_fn(|| slab.buffer()).map(std::mem::forget).count(), 3);
    drop(server);
    driver.turn(Wait::No).expect("turn");
    // The forgotten operation holds the socket, which stays open.
    client.set_read_timeout(Some(Duration::from_millis(50))).expect("timeout");
    assert!(client.read(&mut [0]).is_err());
}

#[test]
fn cancelling_gives_the_buffer_back() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, _client) = connection(slab);
    let mut context = Context::from_waker(Waker::noop());
    let mut receive = pin!(slab.receive(&server, buffer_of(slab, b"kept")));
    assert!(receive.as_mut().poll(&mut context).is_pending());
    driver.turn(Wait::No).expect("turn");
    receive.as_mut().cancel();
    let (received, buffer) = driver.block_on(receive).expect("driver");
    assert_eq!((received, &*buffer), (Err(Errno::ECANCELED), &b"kept"[..]));
    // One that was never started never reaches the kernel.
    let mut receive = pin!(slab.receive(&server, buffer));
    receive.as_mut().cancel();
    let (received, buffer) = driver.block_on(receive).expect("driver");
    assert_eq!((received, &*buffer), (Err(Errno::ECANCELED), &b"kept"[..]));
}

#[test]
fn a_stream_brings_every_connection_and_closes_those_without_a_place() {
    let mut driver = driver();
    let slab = driver.slab();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let address = listener.local_addr().expect("address");
    let listener = adopt(slab, listener);
    let mut incoming = slab.incoming(&listener);
    let mut context = Context::from_waker(Waker::noop());
    assert!(incoming.poll_next(&mut context).is_pending());
    driver.turn(Wait::No).expect("turn");
    let mut clients: Vec<_> = (0..10).map(|_| TcpStream::connect(address).expect("connect")).collect();
    while driver.turn(Wait::For(Timespec::new(0, 50_000_000))).expect("turn") > 0 {}
    // Seven places beside the listener's.
    let mut files = Vec::new();
    while let Poll::Ready(Some(file)) = incoming.poll_next(&mut context) {
        files.push(file.expect("accept"));
    }
    assert_eq!(files.len(), 7);
    for client in clients.drain(7..) {
        client.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
        assert_eq!((&client).read(&mut [0]).unwrap_or(0), 0);
    }
    files.clear();
    driver.turn(Wait::No).expect("turn");
    // What waits in a stream that is dropped is closed.
    let late = TcpStream::connect(address).expect("connect");
    driver.turn(Wait::For(PATIENCE.into())).expect("turn");
    drop((incoming, listener));
    settle(&mut driver);
    late.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    assert_eq!((&late).read(&mut [0]).unwrap_or(0), 0);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_cancelled_stream_ends_with_the_error_and_then_for_good() {
    let mut driver = driver();
    let slab = driver.slab();
    let listener = adopt(slab, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen"));
    let mut incoming = slab.incoming(&listener);
    assert!(incoming.poll_next(&mut Context::from_waker(Waker::noop())).is_pending());
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
        // What had no room is there for the next request.
        let mut one = slab.pieces(&server);
        let piece = driver.block_on(one.next()).expect("driver").expect("goes on").expect("a piece");
        assert_eq!(&*piece, b"x");
        // A provided buffer is a buffer: it can be sent as it is.
        let (sent, piece) = driver.block_on(slab.send(&server, piece)).expect("driver");
        assert_eq!((sent, piece.len()), (Ok(1), 0));
        client.read_exact(&mut [0]).expect("echo");
        // Data in the backlog of a stream that is dropped goes back as well.
        client.write_all(b"unread").expect("write");
        driver.turn(Wait::For(PATIENCE.into())).expect("turn");
        drop((one, piece));
        settle(&mut driver);
        let (received, _) = driver
            .block_on(slab.receive(&server, slab.buffer().expect("one")).within(Duration::from_millis(1)))
            .expect("driver");
        assert!(matches!(received, Err(Errno::ETIME) | Ok(6)));
    }
    drop(client);
    let mut pieces = slab.pieces(&server);
    assert!(driver.block_on(pieces.next()).expect("driver").is_none());
}

#[test]
fn more_operations_than_the_queue_has_room_for() {
    let slab = Box::leak(Box::new(Storage::<64, 2, 2, 64>::new())).start().expect("fresh");
    let mut driver = Driver::new(slab, Linux, &Builder::new(), 1).expect("io_uring");
    let mut context = Context::from_waker(Waker::noop());
    let mut operations: Vec<_> = (0..64).map(|_| Box::pin(slab.nop().within(Duration::from_secs(5)))).collect();
    for operation in &mut operations {
        assert!(operation.as_mut().poll(&mut context).is_pending());
    }
    while slab.in_flight() > 0 || driver.turn(Wait::One).expect("turn") > 0 {
        driver.turn(Wait::No).expect("turn");
    }
    for operation in &mut operations {
        assert_eq!(operation.as_mut().poll(&mut context), Poll::Ready(Ok(0)));
    }
}

#[test]
fn wakers_are_called_once_for_each_wait() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut driver = driver();
    let slab = driver.slab();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let mut context = Context::from_waker(&waker);
    let mut operation = pin!(slab.nop());
    for _ in 0..3 {
        assert!(operation.as_mut().poll(&mut context).is_pending());
    }
    driver.turn(Wait::One).expect("turn");
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert_eq!(operation.as_mut().poll(&mut context), Poll::Ready(Ok(0)));
    drop(waker);
    // The slot keeps no waker of an operation that is over.
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn waiting_for_what_cannot_come_is_an_error() {
    let mut driver = driver();
    assert_eq!(driver.block_on(std::future::pending::<()>()), Err(Errno::EDEADLK));
    assert_eq!(driver.turn(Wait::One), Ok(0));
}

#[test]
fn a_slab_has_one_driver_and_another_after_it_was_shut_down() {
    let first = driver();
    let slab = first.slab();
    assert_eq!(Driver::new(slab, Linux, &Builder::new(), 8).err().map(|error| error.errno()), Some(Errno::EBUSY));
    assert_eq!(first.shutdown(PATIENCE), Ok(()));
    let mut second = Driver::new(slab, Linux, &Builder::new(), 8).expect("the second");
    assert_eq!(second.block_on(slab.nop()), Ok(Ok(0)));
}

#[test]
fn shutting_down_ends_what_is_in_flight() {
    let mut driver = driver();
    let slab = driver.slab();
    let socket = adopt(slab, UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("socket"));
    let mut context = Context::from_waker(Waker::noop());
    let mut receive = pin!(slab.receive(&socket, slab.buffer().expect("one")));
    let mut pause = pin!(slab.timeout(Duration::from_secs(100)));
    assert!(receive.as_mut().poll(&mut context).is_pending());
    assert!(pause.as_mut().poll(&mut context).is_pending());
    driver.turn(Wait::No).expect("turn");
    assert_eq!(slab.in_flight(), 2);
    assert_eq!(driver.shutdown(PATIENCE), Ok(()));
    let Poll::Ready((received, _buffer)) = receive.as_mut().poll(&mut context) else { panic!("over") };
    assert_eq!(received, Err(Errno::ECANCELED));
    assert_eq!(pause.as_mut().poll(&mut context), Poll::Ready(Err(Errno::ECANCELED)));
}

#[test]
fn a_driver_that_is_dropped_leaves_its_operations_pending_and_their_memory_reserved() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let mut context = Context::from_waker(Waker::noop());
    let mut receive = Box::pin(slab.receive(&server, slab.buffer().expect("one")));
    assert!(receive.as_mut().poll(&mut context).is_pending());
    driver.turn(Wait::No).expect("turn");
    drop(driver);
    client.write_all(b"nobody is there").expect("write");
    assert!(receive.as_mut().poll(&mut context).is_pending());
    drop(receive);
    assert_eq!(slab.in_flight(), 1);
    assert_eq!(std::iter::from_fn(|| slab.buffer()).map(std::mem::forget).count(), 3);
    assert!(Driver::new(slab, Linux, &Builder::new(), 8).is_err());
}

#[test]
fn storage_starts_once() {
    static STORAGE: Storage<1, 1, 1, 1> = Storage::new();
    assert!(STORAGE.start().is_some());
    assert!(STORAGE.start().is_none());
}
