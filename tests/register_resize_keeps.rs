//! What a ring keeps when it gets other sizes: its set-up, and large entries wherever they stand.

mod common;

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::NonNull;

use bare_uring::squeue::Entry;
use bare_uring::types::RawFd;
use bare_uring::uapi::{IORING_OFF_SQ_RING, IORING_OFF_SQES, io_uring_params};
use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, RingMemory, SetupError, cqueue, opcode, squeue};
use common::kernels::{Call, Trace};
use common::{memory, needs, nop, pass_on, push, skip};

const RESIZE: u32 = 33;

fn deferred<S: squeue::EntryMarker, C: cqueue::EntryMarker>() -> Builder<S, C> {
    Builder::new().setup_single_issuer().setup_defer_taskrun().clone()
}

fn sizes<S, C, K: Kernel>(ring: &IoUring<S, C, K>) -> (u32, u32) {
    (ring.params().sq_entries(), ring.params().cq_entries())
}

/// Whatever the kernel says to it.
#[test]
fn the_kernel_is_asked_once_with_one_argument() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let trace = Trace::new();
    let mut ring: IoUring<Entry, cqueue::Entry, &Trace> = deferred().build_with(&trace, 4).unwrap();
    trace.take();
    let _ = ring.register_resize_rings(8, None);
    let asked: Vec<_> = trace.take().into_iter().filter(|call| matches!(call, Call::Register { .. })).collect();
    assert_eq!(asked, [Call::Register { fd: ring.fd(), operation: RESIZE, count: 1 }]);
}

/// What the kernel can do and how the ring was set up stay as they were; so does what was known of the thread.
#[test]
fn a_ring_remembers_what_it_was_set_up_with() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let builder: Builder = deferred();
    let provide = |entries| {
        let size = builder.memory_size(entries).unwrap();
        RingMemory { rings: memory(size.rings), sqes: memory(size.sqes) }
    };
    let mut mapped = builder.build(4).unwrap();
    let mut provided = builder.build_provided(4, provide(4)).unwrap();
    let known = |ring: &IoUring| (ring.params().setup(), ring.params().features(), ring.params().sq_thread_idle());
    let before = [known(&mapped), known(&provided)];
    assert!(!before[0].1.is_empty());
    assert_eq!(mapped.register_resize_rings(16, Some(64)), Ok(()));
    assert_eq!(provided.resize_provided(16, None, provide(16)), Ok(()));
    assert_eq!([known(&mapped), known(&provided)], before);
    assert_eq!([sizes(&mapped), sizes(&provided)], [(16, 64), (16, 32)]);
}

/// Linux as it was when it lost large entries: after a change, the new memory has none.
#[derive(Default)]
struct Forgetful {
    /// Where the completions of the new memory start, between a change and the mapping that follows.
    changed: Cell<Option<usize>>,
}

// SAFETY: each call is handed on to Linux unchanged; entries that were mapped just now are nobody's yet.
unsafe impl Kernel for Forgetful {
    pass_on! { self => Linux; setup unmap close }

    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        self.changed.set(None);
        // SAFETY: the caller's contract is the same.
        unsafe { Linux.enter(fd, to_submit, min_complete, flags, argument, size) }
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is the same.
        let done = unsafe { Linux.register(fd, operation, argument, count) }?;
        if operation == RESIZE {
            // SAFETY: the argument of this operation, which has returned.
            let params = unsafe { argument.cast::<io_uring_params>().read() };
            self.changed.set(Some(params.cq_off.cqes as usize));
        }
        Ok(done)
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        let memory = Linux.map(length, fd, offset)?;
        let from = match (self.changed.get(), offset) {
            (Some(cqes), _) if offset == u64::from(IORING_OFF_SQ_RING) => cqes,
            (Some(_), _) if offset == u64::from(IORING_OFF_SQES) => 0,
            _ => length,
        };
        // SAFETY: it is within the mapping, or at its end.
        let entries = unsafe { memory.add(from) };
        // SAFETY: the mapping has so many bytes from there on, and the kernel works on the ring only if it is called.
        unsafe { entries.write_bytes(0, length - from) };
        Ok(memory)
    }
}

/// The crate itself moves them, to where they belong: slots of two sizes of queue agree in the first round only.
#[test]
fn large_entries_survive_beyond_the_first_round() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let kernel = Forgetful::default();
    let mut ring: IoUring<squeue::Entry128, cqueue::Entry32, &Forgetful> = deferred().build_with(&kernel, 8).unwrap();
    let mut next = 0;
    let mut expected = 0;
    for entries in [32, 8, 64, 8] {
        // Past the end of the queues, so that what stands there does so at numbers that only one of them has.
        for _ in 0..21 {
            push(&mut ring, nop(next));
            next += 1;
            assert_eq!(ring.submit_and_wait(1), Ok(1));
            assert_eq!(ring.completion().next().map(|cqe| cqe.user_data()), Some(expected));
            expected += 1;
        }
        for _ in 0..4 {
            push(&mut ring, nop(next));
            next += 1;
        }
        assert_eq!(ring.submit_and_wait(4), Ok(4));
        for _ in 0..3 {
            push(&mut ring, nop(next));
            next += 1;
        }
        assert_eq!(ring.register_resize_rings(entries, None), Ok(()), "{entries}");
        let completed: Vec<_> = ring.completion().map(|cqe| cqe.user_data()).collect();
        assert_eq!(completed, (expected..expected + 4).collect::<Vec<_>>(), "{entries}");
        assert_eq!(ring.submit_and_wait(3), Ok(3), "{entries}");
        let completed: Vec<_> = ring.completion().map(|cqe| cqe.user_data()).collect();
        assert_eq!(completed, (expected + 4..next).collect::<Vec<_>>(), "{entries}");
        expected = next;
    }
}

/// Where the queue of completions stays as large as it is, nothing can come to stand across its end.
#[test]
fn a_mixed_queue_in_use_keeps_its_size() {
    needs!(6, 18, "IORING_SETUP_CQE_MIXED");
    let mut ring: IoUring<Entry, cqueue::EntryMixed> = match deferred().setup_cqsize(32).build(16) {
        Err(SetupError::Kernel(_, Errno::EINVAL)) => return skip("a mixed queue in use", "IORING_SETUP_CQE_MIXED"),
        ring => ring.unwrap(),
    };
    push(&mut ring, opcode::Nop::new().big([70, 71]).build().user_data(7));
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(ring.register_resize_rings(4, Some(16)), Err(Errno::EBUSY));
    assert_eq!(ring.register_resize_rings(4, Some(32)), Ok(()));
    let come: Vec<_> = ring.completion().map(|cqe| (cqe.user_data(), cqe.big())).collect();
    assert_eq!(come, [(7, Some([70, 71]))]);
}
