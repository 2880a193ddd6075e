//! The simulated kernel does what a real one does, and reports what its user does wrong.

use bare_uring::register::buf_ring::{BufRingEntry, BufRingMemory, BufRingOptions, BufferState};
use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{Fd, RawFd, Timespec};
use bare_uring::uapi::io_uring_params;
use bare_uring::{Builder, EnterFlags, Errno, IoUring, Kernel, SetupFlags, cqueue, opcode, squeue};
use bare_uring_sim::{Fault, Profile, SimKernel};

mod limit;

type Ring = IoUring<Entry, cqueue::Entry, SimKernel>;

fn ring(setup: SetupFlags, entries: u32) -> (SimKernel, Ring) {
    let kernel = SimKernel::new(Profile::linux(6, 18), 5);
    let ring = Builder::new().setup_flags(setup).build_with(kernel.clone(), entries).expect("as set up");
    (kernel, ring)
}

fn push(ring: &mut Ring, entry: Entry) {
    // SAFETY: what the tests push points to memory that outlives the ring.
    unsafe { ring.submission().push(entry) }.expect("room");
}

fn take(ring: &mut Ring) -> Vec<(u64, i32)> {
    let mut all: Vec<_> = ring.completion().map(|cqe| (cqe.user_data(), cqe.result())).collect();
    all.sort_unstable();
    all
}

fn nop(user_data: u64) -> Entry {
    opcode::Nop::new().build().user_data(user_data)
}

#[test]
fn a_failed_link_cancels_what_is_behind_it() {
    let (kernel, mut ring) = ring(SetupFlags::empty(), 8);
    push(&mut ring, opcode::Nop::new().result(-5).build().user_data(1).flags(Flags::IO_LINK));
    push(&mut ring, nop(2).flags(Flags::IO_LINK));
    push(&mut ring, nop(3));
    push(&mut ring, opcode::Nop::new().result(-5).build().user_data(4).flags(Flags::IO_HARDLINK));
    push(&mut ring, nop(5));
    assert_eq!(ring.submit_and_wait(5), Ok(5));
    assert_eq!(take(&mut ring), [(1, -5), (2, -125), (3, -125), (4, -5), (5, 0)]);
    assert_eq!(kernel.faults(), []);
}

#[test]
fn a_linked_timeout_ends_what_it_is_linked_to() {
    let (kernel, mut ring) = ring(SetupFlags::empty(), 8);
    let (reader, _writer) = kernel.pipe();
    let (mut byte, time) = (0, Timespec::new(1, 0));
    push(&mut ring, opcode::Read::new(Fd(reader), &raw mut byte, 1).build().user_data(1).flags(Flags::IO_LINK));
    push(&mut ring, opcode::LinkTimeout::new(&time).build().user_data(2));
    let before = kernel.now();
    assert_eq!(ring.submit(), Ok(2));
    let _limit = limit::Limit::new();
    while !kernel.in_flight(0).is_empty() {
        ring.submitter().wait(1).expect("it ends");
        kernel.run(1);
    }
    assert!(kernel.now() - before >= std::time::Duration::from_secs(1));
    assert_eq!(take(&mut ring), [(1, -125), (2, -62)]);
}

#[test]
fn a_drain_waits_for_all_before_it() {
    let (kernel, mut ring) = ring(SetupFlags::empty(), 8);
    let (reader, writer) = kernel.pipe();
    let mut byte = 0;
    push(&mut ring, opcode::Read::new(Fd(reader), &raw mut byte, 1).build().user_data(1));
    push(&mut ring, nop(2).flags(Flags::IO_DRAIN));
    push(&mut ring, nop(3));
    assert_eq!(ring.submit(), Ok(3));
    kernel.run(20);
    assert_eq!(take(&mut ring), []);
    assert_eq!(kernel.write(writer, b"x"), Ok(1));
    assert_eq!(ring.submit_and_wait(3), Ok(0));
    assert_eq!((take(&mut ring), byte), (vec![(1, 1), (2, 0), (3, 0)], b'x'));
}

/// The entries of a buffer ring, at a page.
#[repr(align(65536))]
struct Bufs([std::mem::MaybeUninit<BufRingEntry>; 2]);

#[test]
fn a_multishot_receive_fills_buffers_until_there_are_none() {
    let (kernel, mut ring) = ring(SetupFlags::empty(), 8);
    let (near, far) = kernel.socket_pair();
    let bufs = Box::leak(Box::new(Bufs([std::mem::MaybeUninit::uninit(); 2])));
    let memory =
        BufRingMemory { entries: &mut bufs.0, buffers: vec![0; 8].leak(), states: vec![BufferState::NEW; 2].leak() };
    let mut group = ring.submitter().register_buf_ring(7, memory, BufRingOptions::new()).expect("new");
    push(&mut ring, opcode::Recv::multi(Fd(near), 7).build().user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(kernel.write(far, b"abcdefghi"), Ok(9));
    assert_eq!(ring.submitter().wait(3), Ok(()));
    let all: Vec<_> = ring.completion().collect();
    assert_eq!(
        all.iter().map(|cqe| (cqe.result(), cqe.more())).collect::<Vec<_>>(),
        [(4, true), (4, true), (-105, false)]
    );
    // SAFETY: each completion of the group is taken once.
    let first = unsafe { group.take(&all[0]) }.expect("a buffer");
    assert_eq!(&*first, b"abcd");
    assert!(group.recycle(first).is_ok());
    assert!(group.unregister(&ring.submitter()).is_ok());
}

#[test]
fn a_wait_that_nothing_can_end_is_told() {
    let (kernel, ring) = ring(SetupFlags::empty(), 8);
    assert_eq!(ring.submitter().wait(1), Err(Errno::EINTR));
    assert_eq!(kernel.faults(), [Fault::Stuck { ring: 0, asleep_over: 0 }]);
}

#[test]
fn a_ring_closed_with_requests_in_flight_is_told() {
    let (kernel, mut ring) = ring(SetupFlags::empty(), 8);
    let (reader, _writer) = kernel.pipe();
    let byte = Box::leak(Box::new(0));
    push(&mut ring, opcode::Read::new(Fd(reader), byte, 1).build().user_data(7));
    assert_eq!(ring.submit(), Ok(1));
    drop(ring);
    assert_eq!(kernel.faults(), [Fault::ClosedInFlight { user_data: vec![7] }]);
}

#[test]
fn an_entry_that_was_not_expected_is_told() {
    let (kernel, mut ring) = ring(SetupFlags::empty(), 8);
    kernel.expect(0, 1);
    kernel.expect(0, 2);
    push(&mut ring, nop(1));
    push(&mut ring, nop(1));
    assert_eq!(ring.submit(), Ok(2));
    assert_eq!(kernel.faults(), [Fault::Unexpected { found: 1, expected: Some(2) }]);
    assert_eq!(kernel.unconsumed(0), [2]);
}

#[test]
fn calls_on_what_is_no_ring_are_told() {
    let kernel = SimKernel::new(Profile::linux(6, 18), 5);
    // SAFETY: nothing is submitted, and the number names no file.
    assert_eq!(unsafe { kernel.enter(50, 0, 0, 0, std::ptr::null(), 0) }, Err(Errno::EBADF));
    // SAFETY: the number names no file.
    assert_eq!(unsafe { kernel.close(50) }, Err(Errno::EBADF));
    assert_eq!(kernel.faults(), [Fault::NoRing { fd: 50 }, Fault::NoRing { fd: 50 }]);
}

#[test]
fn the_same_seed_is_the_same_story() {
    let story = |seed| {
        let kernel = SimKernel::new(Profile::linux(6, 18), seed);
        let mut ring: Ring = Builder::new().build_with(kernel.clone(), 8).expect("as set up");
        for user_data in 0..8 {
            push(&mut ring, nop(user_data));
        }
        assert_eq!(ring.submit_and_wait(8), Ok(8));
        kernel.events(0)
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1), story(2));
}

/// A kernel that reports no set-up flags, whatever flags were asked for.
struct Forgetful(SimKernel);

// SAFETY: each call is handed on. Only the reported flags are wrong, and the ring must not trust them.
unsafe impl Kernel for Forgetful {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is the same.
        let fd = unsafe { self.0.setup(entries, params) };
        params.flags = 0;
        fd
    }

    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        want: u32,
        flags: u32,
        argument: *const std::ffi::c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.0.enter(fd, to_submit, want, flags, argument, size) }
    }

    unsafe fn register(&self, fd: RawFd, op: u32, argument: *mut std::ffi::c_void, count: u32) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.0.register(fd, op, argument, count) }
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<std::ptr::NonNull<u8>, Errno> {
        self.0.map(length, fd, offset)
    }

    unsafe fn unmap(&self, address: std::ptr::NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.0.unmap(address, length) }
    }

    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.0.close(fd) }
    }
}

#[test]
fn entries_keep_the_size_that_was_asked_for() {
    let kernel = Forgetful(SimKernel::new(Profile::linux(6, 18), 5));
    let builder = Builder::<squeue::Entry128, cqueue::Entry32>::new();
    let mut ring = builder.build_with(&kernel, 4).expect("as set up");
    for user_data in 0..4 {
        // SAFETY: a nop points to nothing. With slots of 64 bytes the last of these would lie outside of the memory.
        unsafe { ring.submission().push(squeue::Entry128::from(nop(user_data))) }.expect("room");
    }
    assert_eq!(ring.submit_and_wait(4), Ok(4));
    let mut seen: Vec<u64> = ring.completion().map(|cqe| cqe.user_data()).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3]);
}

#[test]
fn a_timer_is_not_linked_behind_an_unfinished_chain() {
    let kernel = SimKernel::new(Profile::linux(5, 10), 5);
    let mut ring: Ring = Builder::new().build_with(kernel.clone(), 8).expect("as set up");
    let (reader, _writer) = kernel.pipe();
    let byte = Box::leak(Box::new(0));
    push(&mut ring, opcode::Read::new(Fd(reader), byte, 1).build().user_data(1).flags(Flags::IO_LINK));
    let args = bare_uring::types::SubmitArgs::new();
    let time = Timespec::new(0, 1000);
    assert_eq!(ring.submitter().wait_with_args(1, &args.timespec(&time)), Err(Errno::ETIME));
    assert_eq!(kernel.faults(), []);
}

/// With SQ_REWIND the kernel has no tail. If it were asked for more entries than were pushed, it would take whatever
/// stands in the slots.
#[test]
fn an_enter_by_hand_submits_no_more_than_is_queued() {
    let kernel = SimKernel::new(Profile::linux(7, 0), 1);
    let mut ring: Ring = Builder::new().setup_sq_rewind().build_with(kernel.clone(), 8).expect("as set up");
    for round in 0..3 {
        push(&mut ring, nop(2 * round));
        push(&mut ring, nop(2 * round + 1));
        // SAFETY: null and 0 are what no flags call for.
        let done = unsafe { ring.submitter().enter(8, 0, EnterFlags::empty(), std::ptr::null(), 0) };
        assert_eq!(done, Ok(2));
        kernel.run(50);
        let mut seen: Vec<u64> = ring.completion().map(|cqe| cqe.user_data()).collect();
        seen.sort_unstable();
        assert_eq!(seen, [2 * round, 2 * round + 1]);
    }
    assert_eq!(kernel.faults(), []);
}
