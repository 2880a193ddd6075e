//! What the tests begin with, and what they wait with.

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bare_uring::types::Timespec;
use bare_uring::{Builder, Errno, Linux};
use bare_uring_ops::{Buffer, Driver, File, Item, Moved, Op, Slab, Storage, Stream, Wait};

use crate::shared::{Bell, limit, poll};

pub const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a driver of a slab of its own, with 8 operations, 8 files, 4 buffers of 64 bytes.
pub fn driver() -> Driver<Linux> {
    driver_of(Box::leak(Box::new(Storage::<8, 8, 4, 64>::new())).start().expect("fresh"))
}

/// Makes a driver of this slab. From here on the test has a limit of time.
pub fn driver_of(slab: &'static Slab) -> Driver<Linux> {
    driver_with(slab, 8)
}

/// Makes a driver with this number of submission queue entries; the completion queue has room for twice as many. From
/// here on the test has a limit of time.
pub fn driver_with(slab: &'static Slab, entries: u32) -> Driver<Linux> {
    limit(std::thread::current().name().unwrap_or("a test"));
    Driver::new(slab, Linux, &Builder::new(), entries).expect("io_uring")
}

pub fn adopt(slab: &'static Slab, fd: impl Into<OwnedFd>) -> File {
    slab.adopt_owned(fd.into()).expect("a place")
}

pub fn buffer_of(slab: &'static Slab, bytes: &[u8]) -> Buffer {
    let mut buffer = slab.buffer().expect("a buffer");
    assert_eq!(buffer.extend(bytes), bytes.len());
    buffer
}

/// Makes a socket of the slab's that listens, and tells its address.
pub fn listening(slab: &'static Slab) -> (File, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let address = listener.local_addr().expect("address");
    (adopt(slab, listener), address)
}

/// Starts to receive, and gives the operation with the bell of its waker.
pub fn receiving(slab: &'static Slab, socket: &File) -> (Op<Moved>, Arc<Bell>) {
    let bell = Bell::new();
    let mut receive = slab.receive(socket, slab.buffer().expect("one"));
    assert!(poll(&mut receive, &bell).is_pending());
    (receive, bell)
}

/// Fails unless the other end of a connection is closed, or is closed soon.
pub fn assert_closed(mut client: &TcpStream) {
    client.set_read_timeout(Some(PATIENCE)).expect("timeout");
    assert_eq!(client.read(&mut [0]).expect("read"), 0);
}

/// Makes a TCP connection, of which one end is the slab's.
pub fn connection(slab: &'static Slab) -> (File, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    (adopt(slab, server), client)
}

/// Takes all buffers that are free. Fails at a list that goes round and round, before that takes all memory.
pub fn free_buffers(slab: &'static Slab) -> Vec<Buffer> {
    let buffers: Vec<_> = std::iter::from_fn(|| slab.buffer()).take(1000).collect();
    assert!(buffers.len() < 1000, "there are not as many");
    buffers
}

/// Fails unless every slot, file and buffer of a slab of `driver()` is free again.
pub fn assert_all_is_back(slab: &'static Slab, files: usize) {
    assert_eq!(slab.in_flight(), 0);
    let buffers = free_buffers(slab);
    assert_eq!(buffers.len(), 4);
    let mut kept = Vec::new();
    while let Ok(file) = slab.adopt_owned(fs::File::open("/dev/null").expect("null").into()) {
        kept.push(file);
        assert!(kept.len() <= files, "more places than there are");
    }
    assert_eq!(kept.len(), files);
    let mut operations: Vec<_> = (0..8).map(|_| slab.nop()).collect();
    assert!(operations.iter_mut().all(|operation| poll(operation, &Bell::new()).is_pending()));
    assert_eq!(poll(&mut slab.nop(), &Bell::new()), Poll::Ready(Err(Errno::EBUSY)));
    drop(operations);
}

/// Turns until nothing is in flight.
pub fn settle(driver: &mut Driver<Linux>) {
    let slab = driver.slab();
    let begin = Instant::now();
    loop {
        driver.turn(Wait::For(Timespec::new(0, 1_000_000))).expect("turn");
        if slab.in_flight() == 0 {
            driver.turn(Wait::No).expect("turn");
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{} in flight", slab.in_flight());
    }
}

/// Turns, once at least, until the condition holds.
pub fn turn_until(driver: &mut Driver<Linux>, what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    loop {
        driver.turn(Wait::For(Timespec::new(0, 20_000_000))).expect("turn");
        if is_so() {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "it never came that {what}");
    }
}

/// Turns until this number of completions was taken, and fails if there are more.
pub fn take(driver: &mut Driver<Linux>, count: usize) {
    let begin = Instant::now();
    let mut taken = 0;
    while taken < count {
        taken += driver.turn(Wait::For(Timespec::new(0, 20_000_000))).expect("turn");
        assert!(begin.elapsed() < PATIENCE, "{taken} of {count} completions have come");
    }
    assert_eq!(taken, count);
}

/// Polls a stream with a waker of this bell.
pub fn next<T: Item>(stream: &mut Stream<T>, bell: &Arc<Bell>) -> Poll<Option<Result<T, Errno>>> {
    poll(&mut stream.next(), bell)
}

/// Returns the flags with which a file descriptor is open, as the kernel shows them.
pub fn flags_of(file: &File) -> u32 {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).expect("fdinfo");
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags");
    u32::from_str_radix(flags.trim(), 8).expect("octal")
}

/// Fails unless a program that is executed does not inherit the file.
pub fn assert_closes_on_exec(file: &File) {
    let cloexec = linux_raw_sys::general::O_CLOEXEC;
    assert_eq!(flags_of(file) & cloexec, cloexec, "{file:?}");
}
