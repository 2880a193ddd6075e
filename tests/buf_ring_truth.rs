//! Provided buffer rings: the kernel's actions, and not its claims, decide which bytes are lent; each buffer has one
//! owner; and no buffer is lost.

mod common;

use std::ffi::c_void;
use std::io::Write;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bare_uring::register::buf_ring::{BufRing, BufRingMemory, BufRingOptions, Buffer};
use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{Fd, RawFd};
use bare_uring::uapi::io_uring_buf_reg;
use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, cqueue, opcode};
use common::kernels::{Call, Trace};
use common::sockets::provide;
use common::{needs, older_than, pass_on, push};

const GROUP: u16 = 700;

fn register(ring: &IoUring, count: usize, size: usize, options: BufRingOptions) -> BufRing {
    ring.submitter().register_buf_ring(GROUP, provide(count, size), options).unwrap()
}

fn one(ring: &mut IoUring, entry: Entry) -> cqueue::Entry {
    push(ring, entry);
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    ring.completion().next().unwrap()
}

fn read(fd: impl AsFd, length: u32) -> Entry {
    opcode::Read::new(Fd(fd.as_fd().as_raw_fd()), null_mut(), length).buf_group(GROUP).build()
}

fn take(group: &mut BufRing, cqe: &cqueue::Entry) -> Option<Buffer> {
    // SAFETY: each test takes the completions of its own group, each once and in order.
    unsafe { group.take(cqe) }
}

/// A file of these bytes, without a name.
fn file(bytes: &[u8]) -> std::fs::File {
    let path =
        std::env::temp_dir().join(format!("bare-uring-truth-{}-{:?}", std::process::id(), std::thread::current().id()));
    std::fs::write(&path, bytes).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

#[test]
fn an_empty_buffer_of_another_rings_group_of_this_number_comes_back() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let (mut first, mut second) = (IoUring::new(8).unwrap(), IoUring::new(8).unwrap());
    let [mut ours, mut theirs] = [&first, &second].map(|ring| register(ring, 1, 64, BufRingOptions::new()));
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"mine").unwrap();
    let cqe = one(&mut first, read(&reader, 4));
    let mine = take(&mut ours, &cqe).unwrap();
    let empty = std::fs::File::open("/dev/null").unwrap();
    let cqe = one(&mut second, read(&empty, 4));
    let foreign = take(&mut theirs, &cqe).unwrap();
    assert_eq!((foreign.id(), foreign.len()), (mine.id(), 0));
    let foreign = ours.recycle(foreign).unwrap_err();
    ours.publish();
    writer.write_all(b"evil").unwrap();
    assert_eq!(one(&mut first, read(&reader, 4)).outcome(), Err(Errno::ENOBUFS), "the only buffer is out");
    assert_eq!(&*mine, b"mine");
    assert!(theirs.recycle(foreign).is_ok());
}

#[test]
fn a_buffer_of_more_pieces_than_sixteen_bits_count_stays_out_until_the_last() {
    needs!(6, 12, "IOU_PBUF_RING_INC");
    const PIECES: usize = 65_537;
    let mut ring = IoUring::new(8).unwrap();
    let mut group = register(&ring, 1, PIECES, BufRingOptions::new().incremental());
    let (near, mut far) = UnixStream::pair().unwrap();
    let mut pieces = Vec::new();
    for _ in 0..PIECES {
        far.write_all(b"x").unwrap();
        let cqe = one(&mut ring, read(&near, 0));
        pieces.push(take(&mut group, &cqe).unwrap());
    }
    group.recycle(pieces.pop().unwrap()).unwrap();
    group.publish();
    far.write_all(b"y").unwrap();
    assert_eq!(one(&mut ring, read(&near, 0)).outcome(), Err(Errno::ENOBUFS), "{} pieces are out", pieces.len());
    assert!(pieces.iter().all(|piece| **piece == *b"x"));
    pieces.into_iter().for_each(|piece| group.recycle(piece).unwrap());
    group.publish();
    let cqe = one(&mut ring, read(&near, 0));
    assert_eq!(take(&mut group, &cqe).as_deref(), Some(&b"y"[..]));
}

/// Looks at the memory of a group at the moment of its registration: the tail, and each entry's length and number.
struct AtRegistration(Mutex<Option<Seen>>);

type Seen = (u16, Vec<(u32, u16)>);

// SAFETY: all is Linux's.
unsafe impl Kernel for AtRegistration {
    pass_on! { self => Linux; setup enter map unmap close }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        if operation == 22 {
            // SAFETY: the operation's argument.
            let argument = unsafe { argument.cast::<io_uring_buf_reg>().read() };
            let ring = std::ptr::with_exposed_provenance::<(u64, u32, u16, u16)>(argument.ring_addr as usize);
            // SAFETY: the argument names so many entries.
            let words = unsafe { std::slice::from_raw_parts(ring.cast::<[u8; 16]>(), argument.ring_entries as usize) };
            let half = |word: &[u8; 16], at| u16::from_ne_bytes([word[at], word[at + 1]]);
            let len = |word: &[u8; 16]| u32::from_ne_bytes([word[8], word[9], word[10], word[11]]);
            let seen = words.iter().map(|word| (len(word), half(word, 12))).collect();
            *self.0.lock().unwrap() = Some((half(&words[0], 14), seen));
        }
        // SAFETY: the caller's contract is this method's own.
        unsafe { Linux.register(fd, operation, argument, count) }
    }
}

#[test]
fn a_group_is_registered_with_every_descriptor_written_and_none_published() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let kernel = AtRegistration(Mutex::new(None));
    let ring: IoUring<Entry, cqueue::Entry, &AtRegistration> = Builder::new().build_with(&kernel, 4).unwrap();
    let memory = provide(4, 24);
    // What stood there before: entries of memory that is somebody else's by now, and a tail.
    // SAFETY: the slice's own memory, for which any bytes will do.
    unsafe { memory.entries.as_mut_ptr().write_bytes(0xff, 4) };
    let _group = ring.submitter().register_buf_ring(GROUP, memory, BufRingOptions::new()).unwrap();
    assert_eq!(kernel.0.lock().unwrap().take(), Some((0, vec![(24, 0), (24, 1), (24, 2), (24, 3)])));
}

#[test]
fn another_rings_submitter_is_refused_before_the_kernel_is_asked() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let traces = [Trace::new(), Trace::new()];
    let [ours, theirs] =
        traces.each_ref().map(|trace| IoUring::<Entry, cqueue::Entry, &Trace>::with_kernel(trace, 4).unwrap());
    let group = ours.submitter().register_buf_ring(GROUP, provide(1, 8), BufRingOptions::new()).unwrap();
    let others = theirs.submitter().register_buf_ring(GROUP, provide(1, 8), BufRingOptions::new()).unwrap();
    traces[1].take();
    assert_eq!(group.available(&theirs.submitter()), Err(Errno::EXDEV));
    let Err((group, Errno::EXDEV)) = group.unregister(&theirs.submitter()) else { panic!("another ring's") };
    assert_eq!(traces[1].take(), []);
    assert!(group.unregister(&ours.submitter()).is_ok() && others.unregister(&theirs.submitter()).is_ok());
}

#[test]
fn a_ring_stays_itself_when_its_descriptor_is_registered() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let ring = IoUring::new(4).unwrap();
    let group = register(&ring, 1, 8, BufRingOptions::new());
    let ring = ring.register_ring_fd().unwrap();
    assert!(group.unregister(&ring.submitter()).is_ok());
}

/// Whether the kernel has a thread for an SQPOLL ring of the calling thread's.
fn has_sqpoll_thread() -> bool {
    let name = format!("iou-sqp-{}\n", rustix::thread::gettid().as_raw_pid());
    let mut tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.any(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).is_ok_and(|comm| comm == name))
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < patience, "not so within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_mapped_group_that_is_dropped_lets_the_ring_end() {
    needs!(6, 4, "IOU_PBUF_RING_MMAP");
    for ring_first in [true, false] {
        let mut builder = Builder::new();
        builder.setup_sqpoll(10);
        let trace = Trace::new();
        let ring: IoUring<Entry, cqueue::Entry, &Trace> = builder.build_with(&trace, 4).unwrap();
        let memory = BufRingMemory { entries: &mut [], ..provide(4, 16) };
        let group = ring.submitter().register_buf_ring_mapped(GROUP, memory, BufRingOptions::new()).unwrap();
        until("the ring has a thread", has_sqpoll_thread);
        if ring_first {
            drop(ring);
            trace.take();
            drop(group);
            assert_eq!(trace.take(), [Call::Unmap { length: 64 }]);
        } else {
            drop(group);
            drop(ring);
        }
        until("the ring's thread has ended", || !has_sqpoll_thread());
    }
}

#[test]
fn short_reads_of_a_file_leave_pieces_in_step() {
    needs!(6, 12, "IOU_PBUF_RING_INC");
    let mut ring = IoUring::new(8).unwrap();
    let mut group = register(&ring, 4, 64, BufRingOptions::new().incremental());
    let file = file(b"0123456789");
    let (reader, mut writer) = std::io::pipe().unwrap();
    let whole = |fd: &dyn AsRawFd, flags| {
        opcode::Read::new(Fd(fd.as_raw_fd()), null_mut(), 0).offset(0).buf_group(GROUP).build().flags(flags)
    };
    // A file takes the rest of a buffer, whatever comes; so does a worker. A pipe takes what comes.
    for (flags, id) in [(Flags::empty(), 0), (Flags::ASYNC, 1)] {
        let cqe = one(&mut ring, whole(&file, flags));
        let buffer = take(&mut group, &cqe).unwrap();
        assert_eq!((buffer.id(), &*buffer), (id, &b"0123456789"[..]));
        group.recycle(buffer).unwrap();
    }
    for bytes in [&b"one"[..], b"two"] {
        writer.write_all(bytes).unwrap();
        let cqe = one(&mut ring, read(&reader, 0));
        let buffer = take(&mut group, &cqe).unwrap();
        assert_eq!((buffer.id(), &*buffer), (2, bytes));
        group.recycle(buffer).unwrap();
    }
    // Behind what the pipe has filled.
    let cqe = one(&mut ring, whole(&file, Flags::empty()));
    let buffer = take(&mut group, &cqe).unwrap();
    assert_eq!((buffer.id(), &*buffer), (2, &b"0123456789"[..]));
    group.recycle(buffer).unwrap();
    group.publish();
    assert_eq!(group.available(&ring.submitter()), Ok(4), "none is lost");
}

/// Requests that ask for more than comes are against the contract, since what the kernel counts for them shows nowhere.
/// Where it shows after all, nothing is lent that another request has written.
#[test]
fn bytes_across_a_place_where_the_kernel_stood_are_refused() {
    needs!(6, 12, "IOU_PBUF_RING_INC");
    let mut ring = IoUring::new(8).unwrap();
    let mut group = register(&ring, 1, 64, BufRingOptions::new().incremental());
    let file = file(b"0123456789");
    let (reader, mut writer) = std::io::pipe().unwrap();
    let limited =
        |length| opcode::Read::new(Fd(file.as_raw_fd()), null_mut(), length).offset(0).buf_group(GROUP).build();
    // The kernel stands at 16 then, though 10 bytes came.
    let cqe = one(&mut ring, limited(16));
    let first = take(&mut group, &cqe);
    let cqe = one(&mut ring, limited(10));
    assert_eq!(
        (first.as_deref(), cqe.outcome(), take(&mut group, &cqe).is_none()),
        (Some(&b"0123456789"[..]), Ok(10), true)
    );
    writer.write_all(b"pipe").unwrap();
    let cqe = one(&mut ring, read(&reader, 16));
    assert_eq!((cqe.outcome(), take(&mut group, &cqe).is_none()), (Ok(4), true), "nor is what comes later");
    group.recycle(first.unwrap()).unwrap();
    // SAFETY: nothing is in flight, and everything was taken.
    assert_eq!(unsafe { group.reclaim(&ring.submitter()) }, Ok(0), "the kernel fills it still");
    assert_eq!(group.available(&ring.submitter()), Ok(1));
}

#[test]
fn an_end_of_file_leaves_a_buffer_where_it_is() {
    needs!(6, 12, "IOU_PBUF_RING_INC");
    let mut ring = IoUring::new(8).unwrap();
    let mut group = register(&ring, 1, 16, BufRingOptions::new().incremental());
    for round in 0..4 {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&[round; 3]).unwrap();
        drop(writer);
        let cqe = one(&mut ring, read(&reader, 0));
        assert_eq!(take(&mut group, &cqe).as_deref(), Some(&[round; 3][..]));
        // Kernels name the buffer here, and some say that they are done with it.
        let cqe = one(&mut ring, read(&reader, 0));
        assert_eq!(cqe.outcome(), Ok(0));
        if let Some(end) = take(&mut group, &cqe) {
            assert!(end.is_empty());
            group.recycle(end).unwrap();
            group.publish();
        }
        assert_eq!(group.available(&ring.submitter()), Ok(1), "the buffer is still the kernel's");
    }
}

#[test]
fn an_error_that_names_a_buffer_neither_loses_nor_doubles_one() {
    needs!(6, 8, "IORING_REGISTER_PBUF_STATUS");
    let mut ring = IoUring::new(8).unwrap();
    let mut group = register(&ring, 2, 16, BufRingOptions::new());
    let directory = std::fs::File::open("/").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for _ in 0..3 {
        let (near, far) =
            (std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap(), listener.accept().unwrap().0);
        rustix::net::sockopt::set_socket_linger(&far, Some(Duration::ZERO)).unwrap();
        drop(far);
        for (file, errno) in [(near.as_raw_fd(), Errno::ECONNRESET), (directory.as_raw_fd(), Errno::EISDIR)] {
            let cqe = one(&mut ring, opcode::Read::new(Fd(file), null_mut(), 4).buf_group(GROUP).build());
            assert_eq!(cqe.outcome(), Err(errno));
            if let Some(buffer) = take(&mut group, &cqe) {
                assert!(buffer.is_empty());
                group.recycle(buffer).unwrap();
            }
            // SAFETY: nothing is in flight, and everything was taken.
            unsafe { group.reclaim(&ring.submitter()) }.unwrap();
            group.publish();
            assert_eq!(group.available(&ring.submitter()), Ok(2), "after {errno}");
        }
    }
}

#[test]
fn a_datagram_that_was_cut_is_lent_as_far_as_it_came() {
    needs!(6, 8, "IORING_REGISTER_PBUF_STATUS");
    const MSG_TRUNC: u32 = 0x20;
    let mut ring = IoUring::new(8).unwrap();
    let mut group = register(&ring, 2, 8, BufRingOptions::new());
    let (near, far) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    for _ in 0..4 {
        far.send_to(b"longer than a buffer", near.local_addr().unwrap()).unwrap();
        let receive = opcode::Recv::new(Fd(near.as_raw_fd()), null_mut(), 0).flags(MSG_TRUNC.into()).buf_group(GROUP);
        let cqe = one(&mut ring, receive.build());
        assert_eq!(cqe.outcome(), Ok(20));
        let buffer = take(&mut group, &cqe).unwrap();
        assert_eq!(&*buffer, b"longer t");
        group.recycle(buffer).unwrap();
        group.publish();
        assert_eq!(group.available(&ring.submitter()), Ok(2));
    }
}

#[test]
fn a_bundle_that_is_not_read_to_its_end_gives_the_rest_back() {
    needs!(6, 10, "IORING_RECVSEND_BUNDLE");
    let mut ring = IoUring::new(8).unwrap();
    let mut group = register(&ring, 4, 4, BufRingOptions::new());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut far = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (near, _) = listener.accept().unwrap();
    far.write_all(b"0123456789").unwrap();
    // Before 6.18 only TCP tells how much there is, and only a receive that goes on asks.
    push(&mut ring, opcode::Recv::multi(Fd(near.as_raw_fd()), GROUP).bundle().build());
    let (mut received, mut kept, mut of_several) = (0, Vec::new(), 0);
    while received < 10 {
        ring.submit_and_wait(1).unwrap();
        let cqe = ring.completion().next().unwrap();
        let count = cqe.outcome().unwrap();
        received += count;
        of_several += u32::from(count > 4);
        // Of each bundle the first buffer only.
        // SAFETY: a completion of this group, taken once.
        kept.extend(unsafe { group.take_bundle(&cqe) }.next());
    }
    assert_ne!(of_several, 0, "a bundle has several buffers");
    assert_eq!((kept[0].id(), &*kept[0]), (0, &b"0123"[..]));
    group.publish();
    assert_eq!(usize::from(group.available(&ring.submitter()).unwrap()), 4 - kept.len(), "what was not read is back");
}

#[test]
fn what_no_completion_named_is_reclaimed() {
    needs!(6, 8, "IORING_REGISTER_PBUF_STATUS");
    let mut ring = IoUring::new(8).unwrap();
    for options in [BufRingOptions::new(), BufRingOptions::new().incremental()] {
        if options == BufRingOptions::new().incremental() && older_than(6, 12) {
            continue;
        }
        let mut group = register(&ring, 4, 4, options);
        let (near, mut far) = UnixStream::pair().unwrap();
        // The first is kept, the second never taken, the third taken and recycled.
        let mut kept = None;
        for round in 0..3 {
            far.write_all(&[round; 4]).unwrap();
            let cqe = one(&mut ring, read(&near, 0));
            match round {
                0 => kept = take(&mut group, &cqe),
                1 => {}
                _ => {
                    let buffer = take(&mut group, &cqe).unwrap();
                    group.recycle(buffer).unwrap();
                }
            }
        }
        // SAFETY: nothing is in flight, and the second completion is never going to be taken.
        assert_eq!(unsafe { group.reclaim(&ring.submitter()) }, Ok(1));
        // SAFETY: still nothing is in flight, and the second completion will never be taken.
        assert_eq!(unsafe { group.reclaim(&ring.submitter()) }, Ok(0), "it is there by now");
        group.publish();
        assert_eq!((kept.as_deref(), group.available(&ring.submitter())), (Some(&[0; 4][..]), Ok(3)));
        group.recycle(kept.unwrap()).unwrap();
        group.publish();
        assert_eq!(group.available(&ring.submitter()), Ok(4));
        assert!(group.unregister(&ring.submitter()).is_ok());
    }
}
