//! What becomes of requests.

use std::collections::BTreeSet;

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{CancelBuilder, Fd, IoVec, OpenFlags, TimeoutFlags, Timespec};
use bare_uring::{Errno, SetupFlags, opcode};
use bare_uring_sim::{CAPACITY, Event, Fault, Mark, Profile, Rate, SimKernel};

use crate::raw::{ALWAYS, Raw, kind, linux, nop, with};

const EINVAL: i32 = -22;
const EFBIG: i32 = -27;
const ECANCELED: i32 = -125;
const MORE: u32 = 1 << 1;
const NONEMPTY: u32 = 1 << 2;

pub fn ring() -> Raw {
    Raw::new(linux(), kind(), SetupFlags::empty(), 16)
}

pub fn submit(ring: &Raw, entries: impl IntoIterator<Item = Entry>) {
    let before = ring.sq_tail();
    ring.push_all(entries);
    let count = ring.sq_tail() - before;
    assert_eq!(ring.submit(count), Ok(count));
}

#[test]
fn what_completes_later_completes_in_any_order() {
    let order = |seed, rate| {
        let chaos = with(|chaos| chaos.delayed = rate);
        let ring = Raw::of(SimKernel::new(linux(), seed), chaos, SetupFlags::empty(), 4, 8);
        submit(&ring, (0..3).map(|user_data| nop(user_data).flags(Flags::ASYNC)));
        assert_eq!(ring.wait(3), Ok(0));
        let reordered = ring.count(Mark::Reordered) > 0;
        let order: Vec<u64> = ring.take().iter().map(|completion| completion.0).collect();
        assert_eq!(reordered, order != [0, 1, 2]);
        order
    };
    for rate in [Rate(0), ALWAYS] {
        let orders: BTreeSet<_> = (0..60).map(|seed| order(seed, rate)).collect();
        assert_eq!(orders.len(), 6, "{orders:?}");
    }
}

#[test]
fn what_could_complete_at_once_completes_later() {
    let at_once = |rate| {
        let ring = Raw::new(linux(), with(|chaos| chaos.delayed = rate), SetupFlags::empty(), 16);
        submit(&ring, (0..16).map(nop));
        let at_once = ring.ready();
        assert_eq!((ring.wait(16), ring.take().len()), (Ok(0), 16));
        (at_once, ring.count(Mark::Delayed))
    };
    assert_eq!(at_once(Rate(0)), (16, 0));
    let (there, delayed) = at_once(ALWAYS);
    assert!(there < 3 && delayed > 13, "{there} were there");
}

#[test]
fn a_timer_that_repeats_ends() {
    let ring = ring();
    let time = Timespec::new(0, 10_000);
    submit(&ring, [opcode::Timeout::new(&time).count(3).flags(TimeoutFlags::MULTISHOT).build().user_data(1)]);
    let mut all = Vec::new();
    for _ in 0..3 {
        assert_eq!(ring.wait(1), Ok(0));
        all.extend(ring.take());
    }
    assert_eq!(all, [(1, -62, MORE), (1, -62, MORE), (1, -62, 0)]);
    assert_eq!((ring.count(Mark::Repeated), ring.kernel.in_flight(0)), (2, vec![]));
}

#[test]
fn a_stream_of_connections_ends_when_it_is_cancelled() {
    let ring = ring();
    let listener = ring.kernel.listener();
    submit(&ring, [opcode::Accept::multi(Fd(listener)).build().user_data(1)]);
    let far = [b"a", b"b"].map(|byte| {
        let far = ring.kernel.connect(listener).expect("it listens");
        assert_eq!(ring.kernel.write(far, byte), Ok(1));
        far
    });
    assert_eq!(ring.wait(2), Ok(0));
    assert_eq!(ring.take(), [(1, far[1] + 1, MORE | NONEMPTY), (1, far[1] + 2, MORE)]);
    assert_eq!(ring.kernel.read(far[1] + 1, 9), Ok(Some(b"a".to_vec())));
    assert_eq!(ring.kernel.read(far[1] + 2, 9), Ok(Some(b"b".to_vec())));
    submit(&ring, [opcode::AsyncCancel::new(1).build().user_data(2)]);
    assert_eq!((ring.wait(2), ring.results()), (Ok(0), vec![(1, ECANCELED), (2, 0)]));
}

#[test]
fn memory_beyond_what_was_given_is_left_alone() {
    let ring = ring();
    let file = ring.kernel.file((0..100).collect());
    let mut buffer = [0xee_u8; 8];
    submit(&ring, [opcode::Read::new(Fd(file), &raw mut buffer[2], 3).offset(50).build().user_data(1)]);
    assert_eq!((ring.wait(1), ring.results()), (Ok(0), vec![(1, 3)]));
    assert_eq!(buffer, [0xee, 0xee, 50, 51, 52, 0xee, 0xee, 0xee]);
    // A short read leaves the rest of the memory alone too.
    let mut rest = [0xee_u8; 6];
    submit(&ring, [opcode::Read::new(Fd(file), &raw mut rest[0], 6).offset(98).build().user_data(2)]);
    assert_eq!((ring.wait(1), ring.results()), (Ok(0), vec![(2, 2)]));
    assert_eq!(rest, [98, 99, 0xee, 0xee, 0xee, 0xee]);
}

#[test]
fn pieces_are_filled_in_their_order() {
    let ring = ring();
    let file = ring.kernel.file((0..100).collect());
    let (mut one, mut other) = ([0xee_u8; 4], [0xee_u8; 4]);
    let mut pieces = [IoVec::new(&raw mut one[0], 2), IoVec::new(&raw mut other[1], 3)];
    submit(&ring, [opcode::Readv::new(Fd(file), &raw const pieces[0], 2).build().user_data(1)]);
    // The list was read when the entry was consumed.
    pieces.fill(IoVec::new(std::ptr::null_mut(), 0));
    assert_eq!((ring.wait(1), ring.results()), (Ok(0), vec![(1, 5)]));
    assert_eq!((one, other), ([0, 1, 0xee, 0xee], [0xee, 2, 3, 4]));
}

#[test]
fn a_timespec_is_read_when_the_entry_is_consumed() {
    let ring = ring();
    let mut time = Box::new(Timespec::new(1, 0));
    submit(&ring, [opcode::Timeout::new(&raw const *time).build().user_data(1)]);
    *time = Timespec::new(0, 0);
    assert_eq!(ring.kernel.now().as_secs(), 1);
    assert_eq!(ring.wait(1), Ok(0));
    assert_eq!(ring.kernel.now().as_secs(), 2);
}

#[test]
fn a_file_has_a_position() {
    let ring = ring();
    let file = ring.kernel.file((0..10).collect());
    let mut buffer = [0xee_u8; 4];
    let at = &raw mut buffer[0];
    let read = |user_data| opcode::Read::new(Fd(file), at, 4).offset(u64::MAX).build().user_data(user_data);
    submit(&ring, [read(1), read(2), read(3), read(4)]);
    assert_eq!(ring.results(), [(1, 4), (2, 4), (3, 2), (4, 0)]);
    assert_eq!(buffer, [8, 9, 6, 7]);
}

#[test]
fn a_file_is_cut_and_extended_and_its_position_stays() {
    let ring = ring();
    let file = ring.kernel.file((0..100).collect());
    let (mut first, mut second) = ([0xee_u8; 3], [0xee_u8; 8]);
    let run = |entry: Entry, result| {
        submit(&ring, [entry.user_data(1)]);
        assert_eq!((ring.wait(1), ring.results()), (Ok(0), vec![(1, result)]));
    };
    let cut = |length| opcode::Ftruncate::new(Fd(file), length).build();
    run(opcode::Read::new(Fd(file), &raw mut first[0], 3).offset(u64::MAX).build(), 3);
    run(cut(5), 0);
    run(cut(9), 0);
    // The position is 3: two bytes are left, and four zeros follow.
    run(opcode::Read::new(Fd(file), &raw mut second[0], 8).offset(u64::MAX).build(), 6);
    assert_eq!((first, second), ([0, 1, 2], [3, 4, 0, 0, 0, 0, 0xee, 0xee]));
    run(cut(1 << 24), 0);
    run(cut((1 << 24) + 1), EFBIG);
    run(cut(i64::MAX as u64), EFBIG);
    run(cut(i64::MAX as u64 + 1), EINVAL);
    run(cut(u64::MAX), EINVAL);
    run(cut(0), 0);
    run(opcode::Read::new(Fd(file), &raw mut second[0], 8).offset(0).build(), 0);
}

#[test]
fn cutting_what_is_no_file_or_with_more_than_a_length_is_refused() {
    let ring = ring();
    let (reader, writer) = ring.kernel.pipe();
    let others =
        [reader, writer, ring.kernel.socket_pair().0, ring.kernel.listener(), ring.kernel.directory(), ring.fd];
    submit(&ring, others.map(|fd| opcode::Ftruncate::new(Fd(fd), 0).build()));
    assert_eq!(ring.results(), [(0, EINVAL); 6]);
    submit(&ring, [opcode::Ftruncate::new(Fd(9999), 0).build()]);
    assert_eq!(ring.results(), [(0, -9)]);
    let file = ring.kernel.file(vec![7; 10]);
    // `addr`, `len`, the flags, `buf_index`, `file_index`, `addr3`: each by its last byte.
    for at in [23, 27, 31, 41, 47, 55] {
        let mut bytes = opcode::Ftruncate::new(Fd(file), 0).build().to_bytes();
        bytes[at] = 1;
        submit(&ring, [Entry::from_bytes(bytes)]);
        assert_eq!(ring.results(), [(0, EINVAL)], "byte {at}");
    }
    let mut all = [0_u8; 11];
    submit(&ring, [opcode::Read::new(Fd(file), &raw mut all[0], 11).offset(0).build()]);
    assert_eq!((ring.results(), all), (vec![(0, 10)], [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0]));
}

#[test]
fn a_pipe_has_two_new_descriptors_first_that_to_read_from() {
    let ring = ring();
    let mut ends = [-1, -1];
    let flags = OpenFlags::CLOEXEC.with(OpenFlags::NONBLOCK).with(OpenFlags::DIRECT).with(OpenFlags::EXCL);
    submit(&ring, [opcode::Pipe::new(&raw mut ends).flags(flags).build()]);
    assert_eq!(ring.results(), [(0, 0)]);
    let [reader, writer] = ends;
    assert!(reader > ring.fd && writer > reader, "{ends:?}");
    assert_eq!((ring.kernel.write(writer, b"ab"), ring.kernel.write(reader, b"c")), (Ok(2), Err(Errno::EBADF)));
    let mut bytes = [0_u8; 2];
    submit(&ring, [opcode::Read::new(Fd(reader), &raw mut bytes[0], 2).build()]);
    assert_eq!((ring.results(), bytes), (vec![(0, 2)], *b"ab"));
    // Nothing is made where the numbers can't be written, or for an entry that says more.
    submit(&ring, [opcode::Pipe::new(std::ptr::null_mut()).build()]);
    assert_eq!(ring.results(), [(0, -14)]);
    // `fd`, `off`, a flag, `file_index`, `addr3`: each by its last byte.
    for at in [7, 15, 31, 47, 55] {
        let mut bytes = opcode::Pipe::new(&raw mut ends).build().to_bytes();
        bytes[at] = 1;
        submit(&ring, [Entry::from_bytes(bytes)]);
        assert_eq!((ring.results(), ends), (vec![(0, EINVAL)], [reader, writer]), "byte {at}");
    }
    let (next, _) = ring.kernel.pipe();
    assert_eq!(next, writer + 1);
}

#[test]
fn timers_end_in_the_order_of_their_times() {
    let ring = ring();
    let times = [3, 1, 2].map(|seconds| Timespec::new(seconds, 0));
    let absolute = Timespec::new(3, 500_000_000);
    let timer = |time: &Timespec, user_data| opcode::Timeout::new(time).build().user_data(user_data);
    let at = opcode::Timeout::new(&raw const absolute).flags(TimeoutFlags::ABS).build().user_data(4);
    submit(&ring, [timer(&times[0], 1), timer(&times[1], 2), timer(&times[2], 3), at]);
    let mut ends = Vec::new();
    for _ in 0..4 {
        assert_eq!(ring.wait(1), Ok(0));
        ends.push((ring.take()[0].0, ring.kernel.now().as_millis() / 100));
    }
    // The clock starts at one second.
    assert_eq!(ends, [(2, 20), (3, 30), (4, 35), (1, 40)]);
}

#[test]
fn a_timer_may_count_completions() {
    let ring = ring();
    let time = Timespec::new(1, 0);
    submit(&ring, [opcode::Timeout::new(&raw const time).count(2).build().user_data(1), nop(2)]);
    assert_eq!(ring.take(), [(2, 0, 0)]);
    submit(&ring, [nop(3)]);
    assert_eq!((ring.wait(2), ring.take()), (Ok(0), vec![(3, 0, 0), (1, 0, 0)]));
    assert!(ring.kernel.now().as_secs() < 2);
}

#[test]
fn a_stream_takes_as_much_as_it_holds_and_breaks_the_link() {
    let ring = ring();
    let (reader, writer) = ring.kernel.pipe();
    let bytes = vec![7_u8; CAPACITY + 1000];
    let write = opcode::Write::new(Fd(writer), bytes.as_ptr(), bytes.len() as u32).build();
    submit(&ring, [write.user_data(1).flags(Flags::IO_LINK), nop(2)]);
    assert_eq!((ring.wait(2), ring.results()), (Ok(0), vec![(1, CAPACITY as i32), (2, ECANCELED)]));
    assert_eq!(ring.count(Mark::LinkBroken), 1);
    assert_eq!(ring.kernel.read(reader, usize::MAX), Ok(Some(vec![7; CAPACITY])));
    assert!(ring.kernel.close_file(reader));
    submit(&ring, [write.user_data(3)]);
    assert_eq!((ring.wait(1), ring.results()), (Ok(0), vec![(3, -32)]));
}

#[test]
fn a_short_read_breaks_its_link_and_a_short_receive_does_not() {
    let ring = ring();
    let (near, far) = ring.kernel.socket_pair();
    let buffer = Box::leak(Box::new([0_u8; 8])).as_mut_ptr();
    assert_eq!(ring.kernel.write(far, b"abc"), Ok(3));
    submit(&ring, [opcode::Read::new(Fd(near), buffer, 8).build().user_data(1).flags(Flags::IO_LINK), nop(2)]);
    assert_eq!(ring.results(), [(1, 3), (2, ECANCELED)]);
    assert_eq!(ring.kernel.write(far, b"abc"), Ok(3));
    submit(&ring, [opcode::Recv::new(Fd(near), buffer, 8).build().user_data(3).flags(Flags::IO_LINK), nop(4)]);
    assert_eq!(ring.results(), [(3, 3), (4, 0)]);
    // At the end of the stream.
    assert!(ring.kernel.close_file(far));
    submit(&ring, [opcode::Read::new(Fd(near), buffer, 8).build().user_data(5).flags(Flags::IO_LINK), nop(6)]);
    assert_eq!(ring.results(), [(5, 0), (6, ECANCELED)]);
}

#[test]
fn a_refused_entry_ends_its_batch() {
    let mut unknown = [0; 64];
    unknown[0] = 127;
    let unknown = Entry::from_bytes(unknown).user_data(2);
    let ring = ring();
    ring.push_all([nop(1), unknown, nop(3)]);
    assert_eq!((ring.submit(3), ring.results()), (Ok(2), vec![(1, 0), (2, -22)]));
    assert_eq!(ring.count(Mark::BatchEnded), 1);
    assert_eq!((ring.submit(1), ring.results()), (Ok(1), vec![(3, 0)]));
    let all = Raw::new(linux(), kind(), SetupFlags::SUBMIT_ALL, 16);
    all.push_all([nop(1), unknown, nop(3)]);
    assert_eq!((all.submit(3), all.results()), (Ok(3), vec![(1, 0), (2, -22), (3, 0)]));
}

#[test]
fn of_a_chain_with_a_refused_entry_nothing_starts() {
    let mut unknown = [0; 64];
    unknown[0] = 127;
    let unknown = Entry::from_bytes(unknown).user_data(2);
    let ring = ring();
    let (again, linked) = (unknown.user_data(3), unknown.flags(Flags::IO_LINK));
    submit(&ring, [nop(1).flags(Flags::IO_LINK), linked, again.flags(Flags::IO_LINK), nop(4)]);
    assert_eq!(ring.results(), [(1, ECANCELED), (2, -22), (3, ECANCELED), (4, ECANCELED)]);
    assert_eq!(ring.count(Mark::ChainRefused), 1);
}

#[test]
fn a_success_may_be_silent_and_a_failure_is_not() {
    let ring = ring();
    submit(&ring, [nop(1).flags(Flags::SKIP_SUCCESS)]);
    let fails = opcode::Nop::new().result(-5).build().user_data(2);
    submit(&ring, [fails.flags(Flags::SKIP_SUCCESS)]);
    assert_eq!((ring.wait(1), ring.results()), (Ok(0), vec![(2, -5)]));
    assert_eq!(ring.count(Mark::Skipped), 1);
    assert!(ring.kernel.events(0).contains(&Event::Skipped { user_data: 1 }));
    // A ring that has seen such a request refuses drains.
    submit(&ring, [nop(3).flags(Flags::IO_DRAIN)]);
    assert_eq!(ring.results(), [(3, -95)]);
}

#[test]
fn all_that_is_behind_a_drain_waits_too() {
    let ring = ring();
    let (reader, writer) = ring.kernel.pipe();
    let mut byte = 0;
    submit(&ring, [opcode::Read::new(Fd(reader), &raw mut byte, 1).build().user_data(1)]);
    submit(&ring, [nop(2).flags(Flags::IO_DRAIN), nop(3)]);
    submit(&ring, [nop(4)]);
    ring.kernel.run(50);
    assert_eq!((ring.ready(), ring.count(Mark::Drained)), (0, 3));
    assert_eq!(ring.kernel.in_flight(0), [1, 2, 3, 4]);
    assert_eq!(ring.kernel.write(writer, b"x"), Ok(1));
    assert_eq!((ring.wait(4), ring.take()), (Ok(0), vec![(1, 1, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0)]));
}

#[test]
fn a_cancellation_may_come_too_late() {
    let ring = ring();
    let (reader, _writer) = ring.kernel.pipe();
    let bytes = Box::leak(Box::new([0_u8; 4]));
    let mut read = |at: usize| opcode::Read::new(Fd(reader), &raw mut bytes[at], 1).build();
    let (one, other) = (read(0), read(1));
    // The nop is done, and its completion is posted later.
    submit(&ring, [nop(1).flags(Flags::ASYNC), opcode::AsyncCancel::new(1).build().user_data(2)]);
    assert_eq!((ring.wait(2), ring.results()), (Ok(0), vec![(1, 0), (2, -114)]));
    submit(&ring, [opcode::AsyncCancel::new(1).build().user_data(3)]);
    assert_eq!(ring.results(), [(3, -2)]);
    submit(&ring, [one.user_data(4), other.user_data(4), one.user_data(5)]);
    submit(&ring, [opcode::AsyncCancel::new(4).build().user_data(6)]);
    assert_eq!((ring.wait(2), ring.results()), (Ok(0), vec![(4, ECANCELED), (6, 0)]));
    submit(&ring, [opcode::AsyncCancel::matching(CancelBuilder::any().all()).build().user_data(7)]);
    assert_eq!((ring.wait(3), ring.results()), (Ok(0), vec![(4, ECANCELED), (5, ECANCELED), (7, 2)]));
    assert_eq!(ring.count(Mark::Cancelled), 3);
}

#[test]
fn a_linked_timeout_may_find_its_request_done() {
    let time = Timespec::new(0, 1);
    let mut late = 0;
    for seed in 0..40 {
        let ring = Raw::of(SimKernel::new(linux(), seed), kind(), SetupFlags::empty(), 4, 8);
        let limited = nop(1).flags(Flags::IO_LINK | Flags::ASYNC);
        submit(&ring, [limited, opcode::LinkTimeout::new(&raw const time).build().user_data(2)]);
        ring.kernel.run(1);
        assert_eq!(ring.wait(2), Ok(0));
        match ring.results()[..] {
            [(1, 0), (2, ECANCELED)] => assert_eq!(ring.count(Mark::LimitReached), 0),
            [(1, 0), (2, -114)] => {
                assert_eq!(ring.count(Mark::LimitReached), 1);
                late += 1;
            }
            ref other => panic!("{other:?}"),
        }
    }
    assert!((5..35).contains(&late), "{late} of 40");
}

/// Reads an empty pipe with a vectored read. Returns the outcome, and the faults.
fn read_empty_pipe(profile: Profile) -> (Result<u32, Errno>, Vec<Fault>) {
    let kernel = SimKernel::new(profile, 5);
    let mut ring = bare_uring::Builder::<Entry, bare_uring::cqueue::Entry>::new()
        .build_with(kernel.clone(), 4)
        .expect("as set up");
    let (reader, _writer) = kernel.pipe();
    let mut byte = 0;
    let vector = IoVec { base: (&raw mut byte).cast(), len: 1 };
    let read = opcode::Readv::new(Fd(reader), &raw const vector, 1).build().user_data(1);
    // SAFETY: the byte and the vector outlive the ring.
    unsafe { ring.submission().push(read) }.expect("room");
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    let cqe = ring.completion().next().expect("executed on the spot");
    assert_eq!(cqe.user_data(), 1);
    (cqe.outcome(), kernel.faults())
}

#[test]
fn a_kernel_that_executes_on_the_spot_blocks_or_fails() {
    let stuck = Fault::Stuck { ring: 0, asleep_over: 0 };
    assert_eq!(read_empty_pipe(Profile::starry()), (Err(Errno::EINTR), vec![stuck]));
    assert_eq!(read_empty_pipe(Profile::gvisor()), (Err(Errno::ESPIPE), vec![]));
}
