//! Which bytes a ring of buffers lends and takes back when it is told nonsense, at the wrap of its indices, and piece by
//! piece in bundles.

mod common;

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use bare_uring::register::buf_ring::{BufRing, BufRingOptions, Buffer};
use bare_uring::types::Fd;
use bare_uring::{Errno, IoUring, cqueue, opcode};
use common::answering::Answering;
use common::requests::ring_on;
use common::sockets::provide;
use common::{needs, push};

const GROUP: u16 = 7;
const PLAIN: BufRingOptions = BufRingOptions::new();
const INCREMENTAL: BufRingOptions = BufRingOptions::new().incremental();

/// A ring with buffers in its group, and two ends of a connection.
struct Receiver {
    ring: IoUring,
    buffers: BufRing,
    reader: UnixStream,
    writer: UnixStream,
}

impl Receiver {
    fn new(count: usize, size: usize, options: BufRingOptions) -> Self {
        let ring = IoUring::new(4).unwrap();
        let (reader, writer) = UnixStream::pair().unwrap();
        let buffers = ring.submitter().register_buf_ring(GROUP, provide(count, size), options).unwrap();
        Self { ring, buffers, reader, writer }
    }

    /// Sends bytes, and receives them into a buffer, or several.
    fn receive(&mut self, bytes: &[u8], bundle: bool) -> cqueue::Entry {
        self.writer.write_all(bytes).unwrap();
        let receive = opcode::Recv::new(Fd(self.reader.as_raw_fd()), std::ptr::null_mut(), 0).buf_group(GROUP);
        push(&mut self.ring, if bundle { receive.bundle() } else { receive }.build());
        assert_eq!(self.ring.submit_and_wait(1), Ok(1));
        self.ring.completion().next().unwrap()
    }

    fn take(&mut self, cqe: &cqueue::Entry) -> Option<Buffer> {
        // SAFETY: what is taken although the kernel has not filled it is compared with nothing but `None`.
        unsafe { self.buffers.take(cqe) }
    }

    fn available(&self) -> Result<u16, Errno> {
        self.buffers.available(&self.ring.submitter())
    }
}

/// The completion of another ring may carry the same number: bytes that are lent are not lent once more.
#[test]
fn a_buffer_that_is_out_is_not_handed_out_again() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let (mut ours, mut others) = (Receiver::new(2, 16, PLAIN), Receiver::new(2, 16, PLAIN));
    let (first, other) = (ours.receive(b"first", false), others.receive(b"x", false));
    assert_eq!((first.buffer_id(), other.buffer_id()), (Some(0), Some(0)));
    let buffer = ours.take(&first).unwrap();
    assert!(ours.take(&other).is_none());
    assert_eq!(&*buffer, b"first");
    assert!(ours.buffers.recycle(buffer).is_ok());
    ours.buffers.publish();
    assert_eq!(ours.available(), Ok(2));
}

#[test]
fn a_piece_ends_where_its_buffer_does() {
    needs!(6, 12, "IOU_PBUF_RING_INC");
    let (mut ours, mut others) = (Receiver::new(2, 10, INCREMENTAL), Receiver::new(2, 10, INCREMENTAL));
    let (first, long) = (ours.receive(b"four", false), others.receive(b"seven b", false));
    let piece = ours.take(&first).unwrap();
    assert!(ours.take(&long).is_none(), "6 bytes are left");
    let rest = ours.receive(b"6 byte", false);
    assert_eq!((&*piece, &*ours.take(&rest).unwrap()), (&b"four"[..], &b"6 byte"[..]));
}

/// Where buffers are used whole, the flag that more of one is to come means nothing.
#[test]
fn a_buffer_that_is_used_whole_goes_back_whatever_the_flags_say() {
    needs!(6, 12, "IOU_PBUF_RING_INC");
    let (mut ours, mut others) = (Receiver::new(2, 16, PLAIN), Receiver::new(2, 16, INCREMENTAL));
    let (_, more) = (ours.receive(b"ours", false), others.receive(b"more", false));
    assert!(more.flags().contains(cqueue::Flags::BUF_MORE));
    let buffer = ours.take(&more).unwrap();
    assert_eq!((&*buffer, ours.available()), (&b"ours"[..], Ok(1)));
    assert!(ours.buffers.recycle(buffer).is_ok());
    ours.buffers.publish();
    assert_eq!(ours.available(), Ok(2));
}

/// Only the last buffer of a bundle is filled on; the ones before go back.
#[test]
fn a_bundle_leaves_only_its_last_buffer_to_the_kernel() {
    needs!(6, 18, "a bundle of several buffers for a single receive");
    let mut receiver = Receiver::new(4, 4, INCREMENTAL);
    let cqe = receiver.receive(b"abcdef", true);
    assert_eq!((cqe.outcome(), cqe.flags().contains(cqueue::Flags::BUF_MORE)), (Ok(6), true));
    // SAFETY: a completion of this group, taken once.
    let taken: Vec<_> = unsafe { receiver.buffers.take_bundle(&cqe) }.collect();
    let seen: Vec<_> = taken.iter().map(|buffer| (buffer.id(), buffer.to_vec())).collect();
    assert_eq!(seen, [(0, b"abcd".to_vec()), (1, b"ef".to_vec())]);
    assert_eq!(receiver.available(), Ok(3));
    for buffer in taken {
        receiver.buffers.recycle(buffer).unwrap();
    }
    receiver.buffers.publish();
    assert_eq!(receiver.available(), Ok(4));
    let cqe = receiver.receive(b"gh", false);
    assert_eq!((cqe.buffer_id(), receiver.take(&cqe).as_deref()), (Some(1), Some(&b"gh"[..])));
}

/// What is left is counted right at every place of the indices: where the highest bit comes, and where they start anew.
#[test]
fn what_is_left_is_told_at_the_wrap_too() {
    needs!(6, 8, "IORING_REGISTER_PBUF_STATUS");
    let mut receiver = Receiver::new(2, 8, PLAIN);
    for round in 0..65_540_u32 {
        let cqe = receiver.receive(b"x", false);
        let buffer = receiver.take(&cqe).unwrap();
        let edge = (32_760..32_775).contains(&round) || round > 65_525;
        assert!(!edge || receiver.available() == Ok(1), "{round}: {:?}", receiver.available());
        receiver.buffers.recycle(buffer).unwrap();
        receiver.buffers.publish();
        assert!(!edge || receiver.available() == Ok(2), "{round}: {:?}", receiver.available());
    }
}

/// The kernel could not tell full from empty.
#[test]
fn too_many_buffers_are_refused_without_asking_the_kernel() {
    // SAFETY: the argument has 40 bytes.
    let kernel = unsafe { Answering::yes(40) };
    let ring = ring_on(&kernel);
    let register = |count| ring.submitter().register_buf_ring(GROUP, provide(count, 1), PLAIN).map(drop);
    assert_eq!((register(65_536), kernel.asked()), (Err(Errno::EINVAL), vec![]));
    assert_eq!((register(32_768), kernel.asked().len()), (Ok(()), 1));
}
