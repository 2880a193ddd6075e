//! What a ring keeps when it gets other sizes: its set-up, and large entries wherever they stand.

mod common;

use bare_uring::squeue::Entry;
use bare_uring::{Builder, Errno, IoUring, RingMemory, SetupError, cqueue, opcode, squeue};
use common::kernels::{Call, Trace};
use common::{memory, needs, nop, push, skip};

const RESIZE: u32 = 33;

fn deferred<S: squeue::EntryMarker, C: cqueue::EntryMarker>() -> Builder<S, C> {
    Builder::new().setup_single_issuer().setup_defer_taskrun().clone()
}

fn sizes<S, C>(ring: &IoUring<S, C>) -> (u32, u32) {
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

/// The slots of two queues of different sizes agree in the first round only.
#[test]
fn large_entries_survive_beyond_the_first_round() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let mut ring: IoUring<squeue::Entry128, cqueue::Entry32> = deferred().build(8).unwrap();
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
