//! Rings of provided buffers: the kernel picks them, says which, and gets them back once.

mod common;

use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use bare_uring::register::buf_ring::{BufRing, BufRingEntry, BufRingMemory, BufRingOptions, Buffer, BufferState};
use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::Fd;
use bare_uring::{Builder, Errno, IoUring, Kernel, cqueue, opcode, squeue};
use common::kernels::{Call, Trace};
use common::sockets::provide;
use common::{needs, older_than, push, refused};

/// The last of which the kernel can provide the ring.
const GROUP: u16 = 0x7ff;

/// What older kernels say of a group that is not there is what they say of one that is no ring.
fn not_there() -> Errno {
    if older_than(6, 9) { Errno::EINVAL } else { Errno::ENOENT }
}

struct Pipe {
    reader: std::io::PipeReader,
    writer: std::io::PipeWriter,
}

impl Pipe {
    fn new() -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        Self { reader, writer }
    }

    fn read(&self, limit: u32) -> Entry {
        opcode::Read::new(Fd(self.reader.as_raw_fd()), std::ptr::null_mut(), limit).buf_group(GROUP).build()
    }
}

/// Sends bytes through the pipe, and reads them with what is left of a buffer, as groups with incremental use want it.
fn pass_whole<K: Kernel>(ring: &mut IoUring<Entry, cqueue::Entry, K>, pipe: &mut Pipe, bytes: &[u8]) -> cqueue::Entry {
    pipe.writer.write_all(bytes).unwrap();
    push(ring, pipe.read(0));
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    ring.completion().next().unwrap()
}

/// Sends bytes through the pipe, and reads them with a buffer of the group.
fn pass<K: Kernel>(ring: &mut IoUring<Entry, cqueue::Entry, K>, pipe: &mut Pipe, bytes: &[u8]) -> cqueue::Entry {
    pipe.writer.write_all(bytes).unwrap();
    push(ring, pipe.read(bytes.len() as u32));
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    ring.completion().next().unwrap()
}

fn take<K: Kernel>(buffers: &mut BufRing<K>, cqe: &cqueue::Entry) -> Option<Buffer> {
    // SAFETY: each test takes the completions of its own group, each once.
    unsafe { buffers.take(cqe) }
}

#[test]
fn a_read_takes_the_next_buffer_and_fills_it() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    let mut buffers = ring.submitter().register_buf_ring(GROUP, provide(4, 16), BufRingOptions::new()).unwrap();
    for (id, bytes) in [(0, &b"first"[..]), (1, b"second"), (2, b"third")] {
        let cqe = pass(&mut ring, &mut pipe, bytes);
        let buffer = take(&mut buffers, &cqe).unwrap();
        assert_eq!((buffer.id(), &*buffer, cqe.outcome()), (id, bytes, Ok(bytes.len() as u32)));
    }
}

#[test]
fn without_buffers_reads_end_with_enobufs_until_some_are_published() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    let mut buffers = ring.submitter().register_buf_ring(GROUP, provide(1, 16), BufRingOptions::new()).unwrap();
    let cqe = pass(&mut ring, &mut pipe, b"a");
    let buffer = take(&mut buffers, &cqe).unwrap();
    assert_eq!(pass(&mut ring, &mut pipe, b"b").outcome(), Err(Errno::ENOBUFS));
    buffers.recycle(buffer).unwrap();
    assert_eq!(pass(&mut ring, &mut pipe, b"c").outcome(), Err(Errno::ENOBUFS));
    buffers.publish();
    let cqe = pass(&mut ring, &mut pipe, b"d");
    assert_eq!(&*take(&mut buffers, &cqe).unwrap(), b"b");
}

#[test]
fn the_tail_wraps_at_sixteen_bits() {
    needs!(6, 8, "IORING_REGISTER_PBUF_STATUS");
    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    let mut buffers = ring.submitter().register_buf_ring(GROUP, provide(2, 8), BufRingOptions::new()).unwrap();
    for round in 0..70_000_u32 {
        let cqe = pass(&mut ring, &mut pipe, &round.to_ne_bytes());
        let buffer = take(&mut buffers, &cqe).unwrap();
        assert_eq!((u32::from(buffer.id()), &*buffer), (round % 2, &round.to_ne_bytes()[..]));
        buffers.recycle(buffer).unwrap();
        buffers.publish();
    }
    assert_eq!(buffers.available(&ring.submitter()), Ok(2));
}

#[test]
fn the_kernel_tells_how_many_are_left() {
    needs!(6, 8, "IORING_REGISTER_PBUF_STATUS");
    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    let mut buffers = ring.submitter().register_buf_ring(GROUP, provide(4, 16), BufRingOptions::new()).unwrap();
    assert_eq!(buffers.available(&ring.submitter()), Ok(4));
    let cqe = pass(&mut ring, &mut pipe, b"x");
    let buffer = take(&mut buffers, &cqe).unwrap();
    assert_eq!((buffers.available(&ring.submitter()), ring.submitter().buf_ring_head(GROUP)), (Ok(3), Ok(1)));
    buffers.recycle(buffer).unwrap();
    buffers.publish();
    assert_eq!(buffers.available(&ring.submitter()), Ok(4));
    assert_eq!(ring.submitter().buf_ring_head(99), Err(Errno::ENOENT));
}

#[test]
fn buffers_go_back_to_their_own_ring_only() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    let mut buffers = ring.submitter().register_buf_ring(GROUP, provide(2, 16), BufRingOptions::new()).unwrap();
    let mut others = ring.submitter().register_buf_ring(8, provide(2, 16), BufRingOptions::new()).unwrap();
    let cqe = pass(&mut ring, &mut pipe, b"x");
    let buffer = others.recycle(take(&mut buffers, &cqe).unwrap()).unwrap_err();
    assert!(buffers.recycle(buffer).is_ok());
}

#[test]
fn a_completion_without_a_buffer_or_with_nonsense_gives_none() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    let mut buffers = ring.submitter().register_buf_ring(GROUP, provide(2, 16), BufRingOptions::new()).unwrap();
    let mut small = ring.submitter().register_buf_ring(8, provide(1, 4), BufRingOptions::new()).unwrap();
    push(&mut ring, opcode::Nop::new().build());
    ring.submit_and_wait(1).unwrap();
    let nop = ring.completion().next().unwrap();
    assert!(take(&mut buffers, &nop).is_none());
    // As if it were of the other group: more bytes than that one's buffers have, of which it lends what it has, and an
    // id that it does not have.
    let long = pass(&mut ring, &mut pipe, b"sixteen bytes!!!");
    assert_eq!(take(&mut small, &long).map(|buffer| buffer.len()), Some(4));
    assert!(take(&mut small, &long).is_none(), "it is out");
    let second = pass(&mut ring, &mut pipe, b"x");
    assert_eq!(second.buffer_id(), Some(1));
    assert!(take(&mut small, &second).is_none());
}

#[test]
fn registering_refuses_what_is_wrong() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let ring = IoUring::new(4).unwrap();
    let register = |group, memory| ring.submitter().register_buf_ring(group, memory, BufRingOptions::new()).map(drop);
    assert_eq!(register(0, provide(3, 16)), Err(Errno::EINVAL));
    assert_eq!(register(0, provide(0, 16)), Err(Errno::EINVAL));
    assert_eq!(register(0, provide(65_536, 1)), Err(Errno::EINVAL));
    assert_eq!(register(0, provide(4, 0)), Err(Errno::EINVAL));
    assert_eq!(register(0, BufRingMemory { states: provide(8, 16).states, ..provide(4, 16) }), Err(Errno::EINVAL));
    let mut unaligned = provide(8, 16);
    unaligned.entries = &mut unaligned.entries[4..];
    unaligned.states = &mut unaligned.states[4..];
    assert_eq!(register(0, unaligned), Err(Errno::EINVAL));
    assert_eq!(register(0, provide(32_768, 1)), Ok(()));
    assert_eq!(register(0, provide(4, 16)), Err(Errno::EEXIST));
    assert_eq!(ring.submitter().unregister_buf_ring(0), Ok(()));
    assert_eq!(ring.submitter().unregister_buf_ring(0), Err(not_there()));
}

#[test]
fn an_unregistered_group_has_no_buffers_and_its_number_is_free() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    let buffers = ring.submitter().register_buf_ring(GROUP, provide(2, 16), BufRingOptions::new()).unwrap();
    buffers.unregister(&ring.submitter()).unwrap();
    assert_eq!(pass(&mut ring, &mut pipe, b"x").outcome(), Err(Errno::ENOBUFS));
    let buffers = ring.submitter().register_buf_ring(GROUP, provide(2, 16), BufRingOptions::new()).unwrap();
    ring.submitter().unregister_buf_ring(GROUP).unwrap();
    assert_eq!(buffers.unregister(&ring.submitter()).map_err(|(_, errno)| errno), Err(not_there()));
}

#[test]
fn the_kernel_can_provide_the_ring_itself() {
    needs!(6, 4, "IOU_PBUF_RING_MMAP");
    let trace = Trace::new();
    let mut ring: IoUring<Entry, cqueue::Entry, &Trace> = Builder::new().build_with(&trace, 4).unwrap();
    let mut pipe = Pipe::new();
    let provided = BufRingMemory { entries: &mut [], ..provide(4, 16) };
    trace.take();
    let mut buffers = ring.submitter().register_buf_ring_mapped(GROUP, provided, BufRingOptions::new()).unwrap();
    assert_eq!(trace.take()[1], Call::Map { length: 64, offset: 0x8000_0000 | 0x7ff << 16 });
    for round in 0..10 {
        let cqe = pass(&mut ring, &mut pipe, &[round]);
        let buffer = take(&mut buffers, &cqe).unwrap();
        assert_eq!(&*buffer, [round]);
        buffers.recycle(buffer).unwrap();
        buffers.publish();
    }
    trace.take();
    buffers.unregister(&ring.submitter()).unwrap();
    assert_eq!(trace.take()[1], Call::Unmap { length: 64 });
}

#[test]
fn a_ring_that_cannot_be_mapped_is_not_registered() {
    needs!(6, 4, "IOU_PBUF_RING_MMAP");
    // The calls: set-up, two mappings, the registration, and what fails, the mapping of the ring of buffers.
    let trace = Trace::failing(4, Errno::ENOMEM);
    let ring: IoUring<Entry, cqueue::Entry, &Trace> = Builder::new().build_with(&trace, 4).unwrap();
    let provided = BufRingMemory { entries: &mut [], ..provide(4, 16) };
    let outcome = ring.submitter().register_buf_ring_mapped(GROUP, provided, BufRingOptions::new());
    assert_eq!(outcome.map(drop), Err(Errno::ENOMEM));
    assert_eq!(ring.submitter().unregister_buf_ring(GROUP), Err(not_there()));
    assert!(ring.submitter().register_buf_ring(GROUP, provide(4, 16), BufRingOptions::new()).is_ok());
}

/// The kernel looks the ring to map up by 11 bits, and would map group 7's here.
#[test]
fn a_group_of_more_bits_than_the_place_to_map_keeps_is_refused() {
    needs!(6, 4, "IOU_PBUF_RING_MMAP");
    let trace = Trace::new();
    let ring: IoUring<Entry, cqueue::Entry, &Trace> = Builder::new().build_with(&trace, 4).unwrap();
    let mapped = |group| {
        let provided = BufRingMemory { entries: &mut [], ..provide(4, 16) };
        ring.submitter().register_buf_ring_mapped(group, provided, BufRingOptions::new()).map(drop)
    };
    assert_eq!(mapped(7), Ok(()));
    trace.take();
    for group in [GROUP + 1, 0x8007, u16::MAX] {
        assert_eq!((mapped(group), trace.take()), (Err(Errno::EINVAL), vec![]), "{group:#x}");
    }
}

#[test]
fn incremental_use_fills_a_buffer_piece_by_piece() {
    needs!(6, 12, "IOU_PBUF_RING_INC");
    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    let options = BufRingOptions::new().incremental();
    let mut buffers = ring.submitter().register_buf_ring(GROUP, provide(2, 10), options).unwrap();
    let mut pieces = Vec::new();
    for (bytes, more) in [(&b"abcd"[..], true), (b"efg", true), (b"hij", false)] {
        let cqe = pass_whole(&mut ring, &mut pipe, bytes);
        assert_eq!(cqe.flags().contains(cqueue::Flags::BUF_MORE), more);
        let piece = take(&mut buffers, &cqe).unwrap();
        assert_eq!((piece.id(), &*piece), (0, bytes));
        pieces.push(piece);
    }
    let next = pass_whole(&mut ring, &mut pipe, b"k");
    assert_eq!(take(&mut buffers, &next).unwrap().id(), 1);
    // It goes back when its last piece does, in whatever order.
    for (piece, available) in pieces.into_iter().rev().zip([1, 1, 2]) {
        buffers.recycle(piece).unwrap();
        buffers.publish();
        assert_eq!(buffers.available(&ring.submitter()), Ok(available));
    }
}

#[test]
fn a_piece_stays_while_the_kernel_fills_the_next() {
    needs!(6, 12, "IOU_PBUF_RING_INC");
    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    let options = BufRingOptions::new().incremental();
    let mut buffers = ring.submitter().register_buf_ring(GROUP, provide(1, 8), options).unwrap();
    let cqe = pass_whole(&mut ring, &mut pipe, b"one");
    let first = take(&mut buffers, &cqe).unwrap();
    buffers.recycle(first).unwrap();
    let cqe = pass_whole(&mut ring, &mut pipe, b"two");
    assert_eq!(&*take(&mut buffers, &cqe).unwrap(), b"two");
    assert_eq!(buffers.available(&ring.submitter()), Ok(1), "the buffer is still the kernel's");
}

#[test]
fn a_buffer_with_less_than_the_minimum_left_counts_as_full() {
    needs!(6, 12, "IOU_PBUF_RING_INC");
    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    let options = BufRingOptions::new().incremental().min_left(4);
    let mut buffers = match ring.submitter().register_buf_ring(GROUP, provide(2, 16), options) {
        Err(Errno::EINVAL) => return refused("a minimum left", "a minimum left of IOU_PBUF_RING_INC", (7, 1)),
        outcome => outcome.unwrap(),
    };
    // Twelve bytes leave four, which are enough, and one more leaves three.
    for (bytes, id, more) in [(&b"twelve bytes"[..], 0, true), (b"1", 0, false), (b"next", 1, true)] {
        let cqe = pass(&mut ring, &mut pipe, bytes);
        assert_eq!(cqe.flags().contains(cqueue::Flags::BUF_MORE), more, "{bytes:?}");
        let piece = take(&mut buffers, &cqe).unwrap();
        assert_eq!((piece.id(), &*piece), (id, bytes));
    }
}

/// A receive of a bundle, of the bytes that the kernel knows it by.
fn receive_bundle(fd: i32) -> squeue::Entry {
    let mut bytes = [0; 64];
    bytes[0] = 27;
    bytes[1] = Flags::BUFFER_SELECT.bits();
    bytes[2..4].copy_from_slice(&(1_u16 << 4).to_ne_bytes());
    bytes[4..8].copy_from_slice(&fd.to_ne_bytes());
    bytes[40..42].copy_from_slice(&GROUP.to_ne_bytes());
    squeue::Entry::from_bytes(bytes)
}

/// Sends bytes, and receives them in bundles (as many as the kernel likes) as pairs of id and content.
fn through_bundles(
    ring: &mut IoUring,
    buffers: &mut BufRing,
    (writer, reader): &mut (UnixStream, UnixStream),
    bytes: &[u8],
) -> Vec<Buffer> {
    writer.write_all(bytes).unwrap();
    let (mut received, mut taken) = (0, Vec::new());
    while received < bytes.len() {
        push(ring, receive_bundle(reader.as_raw_fd()));
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        let cqe = ring.completion().next().unwrap();
        received += cqe.outcome().unwrap() as usize;
        // SAFETY: a completion of this group, taken once.
        taken.extend(unsafe { buffers.take_bundle(&cqe) });
    }
    taken
}

#[test]
fn a_bundle_brings_several_buffers_in_the_order_of_the_ring() {
    needs!(6, 10, "IORING_RECVSEND_BUNDLE");
    let (mut ring, mut sockets) = (IoUring::new(4).unwrap(), UnixStream::pair().unwrap());
    let mut buffers = ring.submitter().register_buf_ring(GROUP, provide(4, 4), BufRingOptions::new()).unwrap();
    let mut taken = through_bundles(&mut ring, &mut buffers, &mut sockets, b"0123456789");
    let seen: Vec<_> = taken.iter().map(|buffer| (buffer.id(), buffer.to_vec())).collect();
    assert_eq!(seen, [(0, b"0123".to_vec()), (1, b"4567".to_vec()), (2, b"89".to_vec())]);
    // Back in another order: the ring's order is then 3, 2, 0, 1.
    taken.rotate_right(1);
    for buffer in taken {
        buffers.recycle(buffer).unwrap();
    }
    buffers.publish();
    let taken = through_bundles(&mut ring, &mut buffers, &mut sockets, b"abcdefghijklmno");
    let seen: Vec<_> = taken.iter().map(|buffer| (buffer.id(), buffer.to_vec())).collect();
    assert_eq!(seen, [(3, b"abcd".to_vec()), (2, b"efgh".to_vec()), (0, b"ijkl".to_vec()), (1, b"mno".to_vec())]);
}

/// The memory of a ring of buffers is a slice of the caller's, here a static.
#[test]
#[allow(static_mut_refs, reason = "the statics are named here only, once each")]
fn static_memory_will_do() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    #[repr(align(65536))]
    struct Page([MaybeUninit<BufRingEntry>; 2]);
    static mut ENTRIES: Page = Page([MaybeUninit::new(BufRingEntry::EMPTY); 2]);
    static mut BUFFERS: [u8; 32] = [0; 32];
    static mut STATES: [BufferState; 2] = [BufferState::NEW; 2];

    let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
    // SAFETY: the static is named here only, and this runs once.
    let entries = unsafe { &mut ENTRIES.0 };
    // SAFETY: the buffers' static is named here only, and this runs once.
    let buffers = unsafe { &mut BUFFERS };
    // SAFETY: the states' static is named here only, and this runs once.
    let states = unsafe { &mut STATES };
    let memory = BufRingMemory { entries, buffers, states };
    let mut buffers = ring.submitter().register_buf_ring(GROUP, memory, BufRingOptions::new()).unwrap();
    let cqe = pass(&mut ring, &mut pipe, b"static");
    assert_eq!(&*take(&mut buffers, &cqe).unwrap(), b"static");
}

/// A read at the end of the data takes a buffer and puts nothing in.
fn empty_buffer(ring: &mut IoUring, buffers: &mut BufRing, group: u16) -> Buffer {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(writer);
    push(ring, opcode::Read::new(Fd(reader.as_raw_fd()), std::ptr::null_mut(), 8).buf_group(group).build());
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    let cqe = ring.completion().next().unwrap();
    assert_eq!(cqe.outcome(), Ok(0));
    let buffer = take(buffers, &cqe).unwrap();
    assert_eq!(buffer.len(), 0);
    buffer
}

/// An empty buffer has no bytes to be told by: only its group says whose it is, and only that one is out says when.
#[test]
fn an_empty_buffer_goes_back_to_its_own_group_only() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let mut ring = IoUring::new(4).unwrap();
    let [mut ours, mut others] = [GROUP, 8]
        .map(|group| ring.submitter().register_buf_ring(group, provide(2, 16), BufRingOptions::new()).unwrap());
    let (buffer, other) = (empty_buffer(&mut ring, &mut ours, GROUP), empty_buffer(&mut ring, &mut others, 8));
    assert_eq!((buffer.id(), other.id()), (0, 0));
    let buffer = others.recycle(buffer).unwrap_err();
    let other = ours.recycle(other).unwrap_err();
    assert!(ours.recycle(buffer).is_ok() && others.recycle(other).is_ok());
    // A third ring has a buffer with that number too, and has not handed it out.
    let mut ring = IoUring::new(4).unwrap();
    let mut third = ring.submitter().register_buf_ring(GROUP, provide(2, 16), BufRingOptions::new()).unwrap();
    let buffer = empty_buffer(&mut ring, &mut third, GROUP);
    assert_eq!(buffer.id(), 0);
    let buffer = ours.recycle(buffer).unwrap_err();
    assert!(third.recycle(buffer).is_ok());
}

/// Two rings may each have a group of one number: then the bytes say whose a buffer is.
#[test]
fn a_buffer_of_another_ring_with_the_same_group_is_refused() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let mut all = [(); 2].map(|()| {
        let (mut ring, mut pipe) = (IoUring::new(4).unwrap(), Pipe::new());
        let mut buffers = ring.submitter().register_buf_ring(GROUP, provide(2, 16), BufRingOptions::new()).unwrap();
        let cqe = pass(&mut ring, &mut pipe, b"x");
        let buffer = take(&mut buffers, &cqe).unwrap();
        (ring, buffers, Some(buffer))
    });
    let [(_, ours, our_buffer), (_, theirs, their_buffer)] = &mut all;
    let ours_refused = theirs.recycle(our_buffer.take().unwrap()).unwrap_err();
    let theirs_refused = ours.recycle(their_buffer.take().unwrap()).unwrap_err();
    assert!(ours.recycle(ours_refused).is_ok() && theirs.recycle(theirs_refused).is_ok());
}
