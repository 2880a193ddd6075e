//! What is left of a ring whose new memory can't be mapped.

mod common;

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;

use bare_uring::register::{BpfFilter, BpfFilterError, Instruction, Message, Probe, Restriction, register_sync_msg};
use bare_uring::squeue::Entry;
use bare_uring::types::{CancelBuilder, Fd, RawFd};
use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, MAX_CQ_ENTRIES, MAX_ENTRIES, cqueue, squeue};
use common::raw::in_child;
use common::{needs, nop, pass_on, push, skip};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn deferred<S: squeue::EntryMarker, C: cqueue::EntryMarker>() -> Builder<S, C> {
    Builder::new().setup_single_issuer().setup_defer_taskrun().clone()
}

/// Whether this kernel lacks the operation.
fn lacking(test: &str) -> bool {
    let lacks =
        deferred::<Entry, cqueue::Entry>().build(4).unwrap().register_resize_rings(8, None) == Err(Errno::EINVAL);
    if lacks {
        skip(test, "IORING_REGISTER_RESIZE_RINGS");
    }
    lacks
}

/// Linux, of which the mappings from the n-th on fail.
#[derive(Debug, Default)]
struct NoRoom {
    maps: Cell<u32>,
    most: Cell<Option<u32>>,
    /// Descriptors of registrations.
    registered_on: RefCell<Vec<RawFd>>,
}

// SAFETY: all is Linux's, but for mappings that fail.
unsafe impl Kernel for NoRoom {
    pass_on! { self => Linux; setup enter unmap close }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        self.registered_on.borrow_mut().push(fd);
        // SAFETY: the caller's contract is the same.
        unsafe { Linux.register(fd, operation, argument, count) }
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        self.maps.set(self.maps.get() + 1);
        if self.most.get().is_some_and(|most| self.maps.get() > most) {
            return Err(Errno::ENOMEM);
        }
        Linux.map(length, fd, offset)
    }
}

/// With -1 for its descriptor, what was meant for the ring would be done to the task: its later rings, its children's.
#[test]
fn a_ring_that_is_closed_refuses_everything_and_is_not_the_task() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    if lacking("a_ring_that_is_closed_refuses_everything_and_is_not_the_task") {
        return;
    }
    let kernel = NoRoom::default();
    let mut ring: IoUring<Entry, cqueue::Entry, &NoRoom> = deferred().build_with(&kernel, 4).unwrap();
    // After two for the ring and two for the look whether it can be mapped.
    kernel.most.set(Some(kernel.maps.get() + 2));
    assert_eq!(ring.register_resize_rings(16, None), Err(Errno::ENOTRECOVERABLE));
    assert_ne!(ring.fd(), -1);
    kernel.registered_on.take();

    push(&mut ring, nop(1));
    let submitter = ring.submitter();
    assert_eq!(submitter.submit(), Err(Errno::EBADF));
    assert_eq!(submitter.wait(1), Err(Errno::EBADF));
    assert_eq!(submitter.register_restrictions(&[Restriction::register_op(1)]), Err(Errno::EBADF));
    let never = [Instruction { code: 6, k: 0, ..Default::default() }];
    let filtered = submitter.register_bpf_filter(&BpfFilter::new(45, &never));
    // A kernel that does not know the operation looks no further.
    assert!(matches!(filtered, Err(BpfFilterError::Kernel(Errno::EBADF | Errno::EINVAL))), "{filtered:?}");
    assert_eq!(submitter.register_files(&[0]), Err(Errno::EBADF));
    assert_eq!(submitter.register_sync_cancel(None, CancelBuilder::any()), Err(Errno::EBADF));
    assert_eq!(submitter.register_probe(&mut Probe::new()), Err(Errno::EBADF));
    // SAFETY: these operations take no argument, or none that the kernel gets to.
    let raw = |operation| unsafe { submitter.register(operation, std::ptr::null_mut(), 0) };
    // Those that mean something without a ring: messages, questions, restrictions and filters of the task.
    for operation in [31, 35, 11, 37] {
        assert!(matches!(raw(operation), Err(Errno::EBADF | Errno::EINVAL)), "{operation}");
    }
    assert!(kernel.registered_on.borrow().iter().all(|&fd| fd == ring.fd()));
    // And nobody else takes its number for something.
    let other = IoUring::new(4).unwrap();
    assert_eq!(other.submitter().register_files(&[ring.fd()]), Err(Errno::EBADF), "not a hole");
    // SAFETY: the message reaches no ring.
    assert_eq!(unsafe { register_sync_msg(&Linux, &Message::new(Fd(ring.fd()), 1)) }, Err(Errno::EBADF));
    let ring = ring.register_ring_fd().map(drop).map_err(|(ring, errno)| (ring.fd(), errno)).unwrap_err();
    assert_eq!(ring.1, Errno::EBADF);
}

/// Bytes of address space that this process has taken.
fn address_space() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').next().unwrap().parse::<u64>().unwrap() * rustix::param::page_size() as u64
}

#[test]
fn a_ring_that_has_no_room_to_grow_in_stays_as_it_was() {
    const TEST: &str = "a_ring_that_has_no_room_to_grow_in_stays_as_it_was";
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    if !in_child(TEST) || lacking(TEST) {
        return;
    }
    fn works<S: squeue::EntryMarker, C: cqueue::EntryMarker>() {
        let mut ring = deferred::<S, C>().build(8).unwrap();
        for id in 0..4 {
            push(&mut ring, nop(id));
        }
        assert_eq!(ring.submit_and_wait(4), Ok(4));
        push(&mut ring, nop(4));
        // The usual limit need not be infinite: the environment of the tests may have set one.
        let usual = getrlimit(Resource::As);
        for _ in 0..3 {
            // Enough for the ring as it is, not for 65,536 completions.
            let current = Some(address_space() + 200_000);
            setrlimit(Resource::As, Rlimit { current, maximum: usual.maximum }).unwrap();
            let outcome = ring.register_resize_rings(16_384, Some(65_536));
            setrlimit(Resource::As, usual).unwrap();
            assert_eq!(outcome, Err(Errno::ENOMEM));
            assert_eq!((ring.params().sq_entries(), ring.params().cq_entries()), (8, 16));
        }
        assert_eq!(ring.submit_and_wait(5), Ok(1));
        assert_eq!(ring.completion().count(), 5);
        assert_eq!(ring.register_resize_rings(16_384, Some(65_536)), Ok(()));
        push(&mut ring, nop(5));
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        assert_eq!(ring.completion().count(), 1);
    }
    works::<Entry, cqueue::Entry>();
    works::<squeue::Entry128, cqueue::Entry32>();
}

#[test]
fn sizes_above_the_limits_are_cut_on_a_ring_with_clamp() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    if lacking("sizes_above_the_limits_are_cut_on_a_ring_with_clamp") {
        return;
    }
    let mut plain: IoUring = deferred().build(4).unwrap();
    let mut clamped: IoUring = deferred().setup_clamp().build(4).unwrap();
    let sizes = |ring: &IoUring| (ring.params().sq_entries(), ring.params().cq_entries());
    for (sq, cq, expected) in [
        (8, Some(MAX_CQ_ENTRIES + 1), (8, MAX_CQ_ENTRIES)),
        (MAX_ENTRIES + 1, None, (MAX_ENTRIES, MAX_CQ_ENTRIES)),
        (u32::MAX, Some(u32::MAX), (MAX_ENTRIES, MAX_CQ_ENTRIES)),
        (8, None, (8, 16)),
    ] {
        assert_eq!(clamped.register_resize_rings(sq, cq), Ok(()), "{sq} {cq:?}");
        assert_eq!(sizes(&clamped), expected);
        if expected != (8, 16) {
            assert_eq!(plain.register_resize_rings(sq, cq), Err(Errno::EINVAL), "{sq} {cq:?}");
        }
    }
    assert_eq!(sizes(&plain), (4, 8));
}
