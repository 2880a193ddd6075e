//! Provided buffer rings, as each release uses them.

use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use bare_uring::register::buf_ring::{BufRing, BufRingEntry, BufRingMemory, BufRingOptions, BufferState};
use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{Fd, MsgFlags, MsgHdr};
use bare_uring::{Builder, Errno, IoUring, cqueue, opcode};
use bare_uring_sim::{Chaos, Leaks, Mark, Profile, SimKernel};

use crate::raw::{ALWAYS, kind, with};

const GROUP: u16 = 7;
const BUFFER: u32 = 1;
const MORE_OF_IT: u32 = 16;

/// The entries of a buffer ring, at a page.
#[repr(align(65536))]
struct Page([MaybeUninit<BufRingEntry>; 4]);

fn memory(count: usize, size: usize) -> BufRingMemory {
    let page = Box::leak(Box::new(Page([MaybeUninit::uninit(); 4])));
    BufRingMemory {
        entries: &mut page.0[..count],
        buffers: vec![b'-'; count * size].leak(),
        states: vec![BufferState::NEW; count].leak(),
    }
}

/// A ring with a buffer group.
struct Stage {
    kernel: SimKernel,
    ring: IoUring<Entry, cqueue::Entry, SimKernel>,
    _group: BufRing<SimKernel>,
    /// The address of the first buffer.
    start: usize,
}

impl Stage {
    fn new(release: (u8, u8), chaos: Chaos, shape: (usize, usize), options: BufRingOptions) -> Self {
        Self::seeded(release, chaos, shape, options, 1)
    }

    fn seeded(release: (u8, u8), chaos: Chaos, shape: (usize, usize), options: BufRingOptions, seed: u64) -> Self {
        let kernel = SimKernel::new(Profile::linux(release.0, release.1), seed);
        kernel.set_chaos(chaos);
        let ring = Builder::new().build_with(kernel.clone(), 8).expect("as set up");
        let memory = memory(shape.0, shape.1);
        let start = memory.buffers.as_ptr().addr();
        let group = ring.submitter().register_buf_ring(GROUP, memory, options).expect("new");
        Self { kernel, ring, _group: group, start }
    }

    fn push(&mut self, entry: Entry) {
        // SAFETY: the tests name no memory but that of the group, and messages that outlive the submission.
        unsafe { self.ring.submission().push(entry) }.expect("room");
        assert_eq!(self.ring.submit(), Ok(1));
    }

    /// Takes the completions that have come: results and flags.
    fn came(&mut self) -> Vec<(i32, u32)> {
        self.kernel.run(8);
        self.ring.submit().expect("nothing to submit");
        self.ring.completion().map(|cqe| (cqe.result(), cqe.flags().bits())).collect()
    }

    fn one(&mut self, entry: Entry) -> (i32, u32) {
        self.push(entry);
        let came = self.came();
        assert_eq!(came.len(), 1, "{came:?}");
        came[0]
    }

    /// Returns the buffers that the kernel may use: offset from the first buffer, and length.
    fn ready(&self) -> Vec<(usize, u32)> {
        let pieces = self.kernel.provided(0, GROUP).expect("registered");
        pieces.into_iter().map(|(address, len, _)| (address - self.start, len)).collect()
    }

    fn sent(&self, bytes: &[u8]) -> i32 {
        let (reader, writer) = self.kernel.socket_pair();
        assert_eq!(self.kernel.write(writer, bytes), Ok(bytes.len()));
        reader
    }
}

fn read(fd: i32, len: u32) -> Entry {
    opcode::Read::new(Fd(fd), null_mut(), len).offset(0).buf_group(GROUP).build()
}

fn receive(fd: i32) -> opcode::Recv {
    opcode::Recv::new(Fd(fd), null_mut(), 0).buf_group(GROUP)
}

const PLAIN: BufRingOptions = BufRingOptions::new();
const PIECES: BufRingOptions = BufRingOptions::new().incremental();

#[test]
fn a_file_that_can_not_be_polled_takes_its_buffer_at_once_and_a_socket_does_not() {
    let mut stage = Stage::new((6, 18), with(|chaos| chaos.delayed = ALWAYS), (2, 8), PLAIN);
    let (file, (reader, _writer)) = (stage.kernel.file(b"abc".to_vec()), stage.kernel.socket_pair());
    stage.push(read(reader, 8));
    assert_eq!(stage.ready(), [(0, 8), (8, 8)]);
    stage.push(read(file, 8));
    assert_eq!(stage.ready(), [(8, 8)]);
    assert_eq!(stage.kernel.held(0), [(stage.start, 8)]);
    assert_eq!(stage.came(), [(3, BUFFER)]);
}

#[test]
fn a_worker_keeps_its_buffer_while_it_waits_and_names_it_when_it_is_cancelled() {
    let mut stage = Stage::new((6, 18), kind(), (2, 8), PLAIN);
    let (reader, _writer) = stage.kernel.socket_pair();
    stage.push(read(reader, 8).flags(Flags::ASYNC).user_data(1));
    stage.kernel.run(8);
    assert_eq!((stage.ready(), stage.kernel.held(0)), (vec![(8, 8)], vec![(stage.start, 8)]));
    stage.push(opcode::AsyncCancel::new(1).build());
    assert_eq!(stage.came(), [(-125, BUFFER), (0, 0)]);
}

#[test]
fn an_error_of_a_polled_read_is_told_in_three_ways() {
    for (release, flags, left) in [((6, 1), BUFFER, 1), ((6, 12), BUFFER, 2), ((6, 18), 0, 2)] {
        let mut stage = Stage::new(release, kind(), (2, 8), PLAIN);
        let (reader, writer) = stage.kernel.socket_pair();
        assert!(stage.kernel.reset(writer));
        assert_eq!((stage.one(read(reader, 8)), stage.ready().len()), ((-104, flags), left), "{release:?}");
    }
}

#[test]
fn an_error_of_what_is_not_polled_names_the_buffer_on_every_release() {
    for release in [(6, 1), (6, 12), (6, 18), (7, 1)] {
        let mut stage = Stage::new(release, kind(), (2, 8), PLAIN);
        let directory = stage.kernel.directory();
        assert_eq!((stage.one(read(directory, 8)), stage.ready()), ((-21, BUFFER), vec![(8, 8)]), "{release:?}");
    }
}

#[test]
fn the_end_of_a_file_uses_up_a_plain_buffer_and_not_an_incremental_one() {
    for (release, options, flags, left) in [
        ((6, 12), PLAIN, BUFFER, vec![(8, 8)]),
        ((6, 12), PIECES, BUFFER, vec![(0, 8), (8, 8)]),
        ((7, 0), PIECES, BUFFER | MORE_OF_IT, vec![(0, 8), (8, 8)]),
    ] {
        let mut stage = Stage::new(release, kind(), (2, 8), options);
        let (reader, writer) = stage.kernel.socket_pair();
        assert!(stage.kernel.close_file(writer));
        assert_eq!((stage.one(read(reader, 0)), stage.ready()), ((0, flags), left.clone()), "{release:?}");
        // A receive leaves the buffer in the ring on all releases.
        assert_eq!((stage.one(receive(reader).build()), stage.ready()), ((0, 0), left), "{release:?}");
    }
}

#[test]
fn what_is_not_polled_commits_the_length_asked_for() {
    for (release, flags) in [((6, 12), BUFFER), ((6, 18), BUFFER), ((7, 0), BUFFER | MORE_OF_IT)] {
        let mut stage = Stage::new(release, kind(), (1, 64), PIECES);
        let file = stage.kernel.file(b"0123456789".to_vec());
        assert_eq!((stage.one(read(file, 16)), stage.ready()), ((10, flags), vec![(16, 48)]), "{release:?}");
        // A read on a file that can be polled commits what it has read.
        let reader = stage.sent(b"abc");
        assert_eq!(stage.one(read(reader, 16)), (3, BUFFER | MORE_OF_IT));
        assert_eq!(stage.ready(), [(19, 45)]);
        // A read of length 0 commits the whole rest, and uses the buffer up.
        assert_eq!((stage.one(read(file, 0)), stage.ready()), ((10, BUFFER), vec![]));
    }
}

#[test]
fn a_cut_datagram_passes_over_what_follows_before_the_release_that_clamps() {
    for (release, left) in [((6, 18), vec![(20, 4), (24, 8)]), ((7, 0), vec![(8, 8), (16, 8), (24, 8)])] {
        let mut stage = Stage::new(release, kind(), (4, 8), PIECES);
        let (reader, writer) = stage.kernel.datagram_pair();
        assert_eq!(stage.kernel.write(writer, &[1; 20]), Ok(20));
        let came = stage.one(receive(reader).flags(MsgFlags::TRUNC).build());
        assert_eq!((came.0, stage.ready()), (20, left), "{release:?}");
    }
}

#[test]
fn a_group_that_is_empty_or_not_there_ends_a_request_before_it_waits() {
    let mut stage = Stage::new((6, 18), kind(), (1, 4), PLAIN);
    let (reader, writer) = stage.kernel.socket_pair();
    assert_eq!(stage.kernel.write(writer, b"abcd"), Ok(4));
    assert_eq!(stage.one(receive(reader).build()), (4, BUFFER));
    assert_eq!(stage.one(receive(reader).build()), (-105, 0));
    let elsewhere = opcode::Recv::new(Fd(reader), null_mut(), 0).buf_group(GROUP + 1);
    assert_eq!(stage.one(elsewhere.build()), (-105, 0));
    assert_eq!(stage.one(elsewhere.bundle().build()), (-2, 0));
}

#[test]
fn less_than_the_least_counts_as_used_up() {
    for (least, left) in [(3, vec![(0, 2)]), (4, vec![])] {
        let mut stage = Stage::new((7, 1), kind(), (1, 8), PIECES.min_left(least));
        let reader = stage.sent(b"abcde");
        let more = if least == 3 { MORE_OF_IT } else { 0 };
        let came = stage.one(read(reader, 0));
        let left: Vec<_> = left.iter().map(|_| (5, 3)).collect();
        assert_eq!((came, stage.ready()), ((5, BUFFER | more), left), "{least}");
    }
    let kernel = SimKernel::new(Profile::linux(7, 0), 1);
    let ring: IoUring<Entry, cqueue::Entry, SimKernel> = Builder::new().build_with(kernel, 8).expect("as set up");
    let refused = ring.submitter().register_buf_ring(GROUP, memory(1, 8), PIECES.min_left(3));
    assert_eq!(refused.err(), Some(Errno::EINVAL));
}

#[test]
fn a_bundle_of_incremental_buffers_names_another_than_its_first_on_some_releases() {
    let named = |release, seed| {
        let mut stage = Stage::seeded(release, kind(), (4, 4), PIECES, seed);
        let reader = stage.sent(b"0123456789");
        stage.one(receive(reader).bundle().build()).1 >> 16
    };
    // The seed picks how many bytes the kernel knows to be there, and so the number of passes.
    assert!((0..64).all(|seed| named((6, 18), seed) == 0));
    assert!((0..64).any(|seed| named((6, 16), seed) != 0));
}

#[test]
fn a_bundle_in_several_passes_may_not_say_that_its_last_buffer_is_kept() {
    let says_nothing = |seed| {
        let mut stage = Stage::seeded((7, 1), kind(), (4, 4), PIECES, seed);
        let reader = stage.sent(b"0123456789");
        let (result, flags) = stage.one(receive(reader).bundle().build());
        (result, flags & MORE_OF_IT, stage.ready()[0]) == (10, 0, (10, 2))
    };
    assert!((0..64).any(says_nothing));
}

#[test]
fn a_message_counts_the_room_that_nobody_wrote() {
    let mut stage = Stage::new((6, 18), kind(), (1, 40), PLAIN);
    let (reader, writer) = stage.kernel.datagram_pair();
    assert_eq!(stage.kernel.write(writer, b"hello"), Ok(5));
    let message = MsgHdr::new(null(), 0).from(null_mut(), 6).control(null_mut(), 4);
    let entry = opcode::RecvMsg::new(Fd(reader), std::ptr::from_ref(&message).cast_mut());
    stage.push(entry.buf_group(GROUP).multishot().build());
    assert_eq!(stage.came(), [(16 + 6 + 4 + 5, BUFFER | 2)]);
    // Without a buffer left, the request ends.
    assert_eq!(stage.kernel.write(writer, b"x"), Ok(1));
    assert_eq!(stage.came(), [(-105, 0)]);
}

#[test]
fn a_mapped_group_stays_registered_when_it_is_unmapped_and_keeps_its_ring_until_then() {
    let kernel = SimKernel::new(Profile::linux(6, 18), 1);
    let mut ring: IoUring<Entry, cqueue::Entry, SimKernel> =
        Builder::new().build_with(kernel.clone(), 8).expect("as set up");
    let group = ring.submitter().register_buf_ring_mapped(GROUP, memory(2, 8), PLAIN).expect("new");
    drop(group);
    let (reader, writer) = kernel.pipe();
    assert_eq!(kernel.write(writer, b"abc"), Ok(3));
    // SAFETY: the entry names no memory but that of the group.
    unsafe { ring.submission().push(read(reader, 8)) }.expect("room");
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    assert_eq!(ring.completion().next().map(|cqe| cqe.result()), Some(3));
    let group = ring.submitter().register_buf_ring_mapped(GROUP + 1, memory(2, 8), PLAIN).expect("new");
    drop(ring);
    assert_eq!(kernel.leaks(), Leaks { rings: 1, mappings: 1 });
    drop(group);
    assert_eq!((kernel.leaks(), kernel.faults()), (Leaks::default(), vec![]));
}

#[test]
fn what_was_armed_before_may_look_at_a_group_before_it_has_a_buffer() {
    let looked = |seed| {
        let kernel = SimKernel::new(Profile::linux(6, 18), seed);
        let mut ring: IoUring<Entry, cqueue::Entry, SimKernel> =
            Builder::new().build_with(kernel.clone(), 8).expect("as set up");
        let (reader, writer) = kernel.socket_pair();
        assert_eq!(kernel.write(writer, b"abc"), Ok(3));
        // SAFETY: the entry names no memory but that of the group.
        unsafe { ring.submission().push(receive(reader).poll_first().build()) }.expect("room");
        assert_eq!(ring.submit(), Ok(1));
        let _group = ring.submitter().register_buf_ring(GROUP, memory(1, 8), PLAIN).expect("new");
        kernel.coverage().count(Mark::NoBuffer) != 0
    };
    assert!((0..64).any(looked));
}
