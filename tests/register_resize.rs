//! A ring gets other sizes while it is in use.

mod common;

use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, Timespec};
use bare_uring::uapi::io_uring_params;
use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, RingMemory, SetupError, SetupFlags, cqueue, opcode, squeue};
use common::kernels::{Call, Trace};
use common::{memory, needs, nop, pass_on, push, refused};

const RESIZE: u32 = 33;

fn deferred<S: squeue::EntryMarker, C: cqueue::EntryMarker>() -> Builder<S, C> {
    Builder::new().setup_single_issuer().setup_defer_taskrun().clone()
}

fn user_data<S: squeue::EntryMarker, C: Completed, K: Kernel>(ring: &mut IoUring<S, C, K>) -> Vec<u64> {
    ring.completion().map(|cqe| cqe.plain().user_data()).collect()
}

trait Completed: cqueue::EntryMarker {
    fn plain(&self) -> &cqueue::Entry;
}

impl Completed for cqueue::Entry {
    fn plain(&self) -> &cqueue::Entry {
        self
    }
}

impl Completed for cqueue::Entry32 {
    fn plain(&self) -> &cqueue::Entry {
        self
    }
}

fn sizes<S, C, K: Kernel>(ring: &IoUring<S, C, K>) -> (u32, u32) {
    (ring.params().sq_entries(), ring.params().cq_entries())
}

#[test]
fn a_thousand_completions_survive_growing_and_shrinking() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let mut ring: IoUring = deferred().setup_cqsize(1024).build(1024).unwrap();
    for id in 0..1000 {
        push(&mut ring, nop(id));
    }
    assert_eq!(ring.submit_and_wait(1000), Ok(1000));
    assert_eq!(ring.register_resize_rings(8, Some(4096)), Ok(()));
    assert_eq!(sizes(&ring), (8, 4096));
    assert_eq!(ring.register_resize_rings(2048, Some(2048)), Ok(()));
    assert_eq!(sizes(&ring), (2048, 2048));
    assert_eq!(ring.completion().map(|cqe| cqe.user_data()).collect::<Vec<_>>(), (0..1000).collect::<Vec<_>>());
    for id in 0..2048 {
        push(&mut ring, nop(id));
    }
    assert_eq!(ring.submit_and_wait(2048), Ok(2048));
    assert_eq!(ring.completion().count(), 2048);
}

#[test]
fn a_smaller_queue_takes_no_more_than_it_has_slots() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let mut ring: IoUring = deferred().build(16).unwrap();
    push(&mut ring, nop(0));
    assert_eq!(ring.register_resize_rings(4, None), Ok(()));
    // SAFETY: a nop points to nothing.
    let pushed = (1..16).take_while(|&id| unsafe { ring.submission().push(nop(id)) }.is_ok()).count();
    assert_eq!((pushed, ring.submit_and_wait(4)), (3, Ok(4)));
    assert_eq!(user_data(&mut ring), [0, 1, 2, 3]);
}

#[test]
fn completions_half_taken_go_on_where_they_were() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let mut ring: IoUring = deferred().build(8).unwrap();
    for round in 0..50 {
        for id in 0..8 {
            push(&mut ring, nop(round * 8 + id));
        }
        assert_eq!(ring.submit_and_wait(8), Ok(8));
        let first: Vec<_> = ring.completion().take(3).map(|cqe| cqe.user_data()).collect();
        assert_eq!(ring.register_resize_rings([8, 16, 64][round as usize % 3], None), Ok(()));
        let all: Vec<_> = first.into_iter().chain(ring.completion().map(|cqe| cqe.user_data())).collect();
        assert_eq!(all, (round * 8..round * 8 + 8).collect::<Vec<_>>());
    }
}

#[test]
fn what_was_pushed_and_not_submitted_stays_queued() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let mut ring: IoUring = deferred().build(8).unwrap();
    push(&mut ring, nop(0));
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    for id in 1..8 {
        push(&mut ring, nop(id));
    }
    assert_eq!(ring.register_resize_rings(32, None), Ok(()));
    for id in 8..20 {
        push(&mut ring, nop(id));
    }
    assert_eq!(ring.submit_and_wait(20), Ok(19));
    assert_eq!(ring.completion().map(|cqe| cqe.user_data()).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
}

/// Linux without NO_SQARRAY.
struct WithArray;

// SAFETY: each call is handed on to Linux unchanged, or refused.
unsafe impl Kernel for WithArray {
    pass_on! { self => Linux; enter register map unmap close }

    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        if params.flags & SetupFlags::NO_SQARRAY.bits() != 0 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the caller's contract is the same.
        unsafe { Linux.setup(entries, params) }
    }
}

#[test]
fn an_index_array_is_an_identity_in_the_new_memory_too() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    fn check<S: squeue::EntryMarker, C: Completed>(first: u32) {
        let mut ring: IoUring<S, C, WithArray> = deferred().build_with(WithArray, first).unwrap();
        let (mut pushed, mut submitted) = (0, 0);
        // Small queues end in the middle of a cache line.
        for entries in [2, 1, 16, 4, 64] {
            while pushed - submitted < ring.params().sq_entries().min(entries).min(3) {
                push(&mut ring, nop(u64::from(pushed)));
                pushed += 1;
            }
            assert_eq!(ring.register_resize_rings(entries, None), Ok(()));
            submitted += u32::try_from(ring.submit_and_wait(1).unwrap()).unwrap();
            assert_eq!(submitted, pushed);
            let fresh = user_data(&mut ring);
            assert_eq!(fresh.last(), Some(&u64::from(pushed - 1)), "{entries}");
        }
    }
    check::<Entry, cqueue::Entry>(4);
    check::<Entry, cqueue::Entry>(1);
    check::<squeue::Entry128, cqueue::Entry32>(4);
}

#[test]
fn requests_in_flight_complete_in_the_new_memory() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let mut ring: IoUring = deferred().build(4).unwrap();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let mut buffer = [0_u8; 1];
    let fd = Fd(std::os::fd::AsRawFd::as_raw_fd(&reader));
    push(&mut ring, opcode::Read::new(fd, buffer.as_mut_ptr(), 1).build().user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(ring.register_resize_rings(64, None), Ok(()));
    rustix::io::write(&writer, b"x").unwrap();
    ring.submitter().wait(1).unwrap();
    let cqe = ring.completion().next().unwrap();
    assert_eq!((cqe.user_data(), cqe.outcome(), buffer), (1, Ok(1), *b"x"));
}

#[test]
fn what_does_not_fit_refuses_the_change_and_leaves_the_ring_as_it_was() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let mut ring: IoUring = deferred().build(16).unwrap();
    for id in 0..16 {
        push(&mut ring, nop(id));
    }
    assert_eq!(ring.register_resize_rings(8, Some(64)), Err(Errno::EOVERFLOW));
    assert_eq!(ring.submit_and_wait(16), Ok(16));
    assert_eq!(ring.register_resize_rings(4, Some(8)), Err(Errno::EOVERFLOW));
    assert_eq!(sizes(&ring), (16, 32));
    assert_eq!(user_data(&mut ring), (0..16).collect::<Vec<_>>());
    assert_eq!(ring.register_resize_rings(4, Some(8)), Ok(()));
}

#[test]
fn sizes_that_make_no_ring_are_refused() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let mut ring: IoUring = deferred().build(4).unwrap();
    for (sq, cq) in [(0, None), (32_769, None), (8, Some(0)), (8, Some(4)), (8, Some(65_537))] {
        assert_eq!(ring.register_resize_rings(sq, cq), Err(Errno::EINVAL), "{sq} {cq:?}");
    }
    push(&mut ring, nop(1));
    assert_eq!((ring.submit_and_wait(1), user_data(&mut ring)), (Ok(1), vec![1]));
}

#[test]
fn only_a_deferred_ring_is_resized() {
    let trace = Trace::new();
    let mut ring: IoUring<Entry, cqueue::Entry, &Trace> = Builder::new().build_with(&trace, 4).unwrap();
    trace.take();
    assert_eq!(ring.register_resize_rings(8, None), Err(Errno::EINVAL));
    assert_eq!(trace.take(), []);
}

/// Without a descriptor the new memory could not be mapped, so the kernel must not be asked.
#[test]
fn a_ring_without_a_descriptor_is_refused_before_the_kernel_has_resized() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let trace = Trace::new();
    let ring: IoUring<Entry, cqueue::Entry, &Trace> = deferred().build_with(&trace, 4).unwrap();
    let mut ring = ring.register_ring_fd().unwrap();
    ring.close_ring_fd().unwrap();
    trace.take();
    assert_eq!(ring.register_resize_rings(8, None), Err(Errno::EBADF));
    assert!(
        !trace.take().iter().any(|call| matches!(call, Call::Register { operation, .. } if operation & 0xff == RESIZE))
    );
    push(&mut ring, nop(1));
    assert_eq!((ring.submit_and_wait(1), user_data(&mut ring)), (Ok(1), vec![1]));
}

#[test]
fn a_ring_with_index_and_descriptor_is_resized_by_its_index() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let trace = Trace::new();
    let ring: IoUring<Entry, cqueue::Entry, &Trace> = deferred().build_with(&trace, 4).unwrap();
    let mut ring = ring.register_ring_fd().unwrap();
    trace.take();
    assert_eq!(ring.register_resize_rings(8, None), Ok(()));
    let index = ring.registered_index().cast_signed();
    assert!(trace.take().contains(&Call::Register { fd: index, operation: RESIZE | 1 << 31, count: 1 }));
    push(&mut ring, nop(1));
    assert_eq!((ring.submit_and_wait(1), user_data(&mut ring)), (Ok(1), vec![1]));
}

/// What its calls may fail with, as the documentation lists it.
const ERRORS: &[Errno] = &[Errno::EINVAL, Errno::EBADF, Errno::EOVERFLOW, Errno::EBUSY, Errno::EEXIST, Errno::ENOMEM];

#[test]
fn a_call_that_fails_leaves_the_ring_working_or_closed_and_nothing_mapped_twice() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    // Set-up is three calls (setup, and a mapping each); then two mappings and their end to see that mapping works, the
    // resizing, and two mappings. Where one of these fails, the old size is had back by other calls, which then work.
    for (nth, failure) in (3..12).flat_map(|nth| ERRORS.iter().map(move |failure| (nth, *failure))) {
        let trace = Trace::failing(nth, failure);
        let mut ring: IoUring<Entry, cqueue::Entry, &Trace> = deferred().build_with(&trace, 4).unwrap();
        let set_up = trace.take().len();
        let outcome = ring.register_resize_rings(8, None);
        let calls = trace.take();
        let unmaps_fail = matches!(calls.get(nth - set_up), Some(Call::Unmap { .. }));
        push(&mut ring, nop(1));
        match outcome {
            Ok(()) => assert_eq!((ring.submit_and_wait(1), user_data(&mut ring)), (Ok(1), vec![1]), "{nth} {failure}"),
            Err(errno) => {
                assert_eq!(errno, failure, "{nth} {failure}");
                assert_eq!((ring.submit_and_wait(1), user_data(&mut ring)), (Ok(1), vec![1]), "{nth} {failure}");
                assert_eq!(sizes(&ring), (4, 8), "{nth} {failure}");
            }
        }
        drop(ring);
        let all: Vec<_> = calls.into_iter().chain(trace.take()).collect();
        let count = |wanted: fn(&Call) -> bool| all.iter().filter(|call| wanted(call)).count();
        let maps = count(|call| matches!(call, Call::Map { .. })) + 2;
        let failed_map = usize::from(outcome.is_err() && !matches!(all.get(nth - set_up), Some(Call::Register { .. })));
        assert_eq!(
            count(|call| matches!(call, Call::Unmap { .. })),
            maps - failed_map,
            "{nth} {failure}, {unmaps_fail}"
        );
    }
}

#[test]
fn provided_memory_is_exchanged_for_other() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let builder: Builder = deferred();
    let provide = |entries| {
        let size = builder.memory_size(entries).unwrap();
        RingMemory { rings: memory(size.rings), sqes: memory(size.sqes) }
    };
    let mut ring = builder.build_provided(4, provide(4)).unwrap();
    assert_eq!(ring.register_resize_rings(8, None), Err(Errno::EINVAL));
    for id in 0..4 {
        push(&mut ring, nop(id));
    }
    assert_eq!(ring.submit_and_wait(4), Ok(4));
    push(&mut ring, nop(4));
    assert_eq!(ring.resize_provided(16, None, provide(8)), Err(Errno::EINVAL));
    assert_eq!(ring.resize_provided(16, None, provide(16)), Ok(()));
    for id in 5..20 {
        push(&mut ring, nop(id));
    }
    assert_eq!(ring.submit_and_wait(20), Ok(16));
    assert_eq!(user_data(&mut ring), (0..20).collect::<Vec<_>>());
}

/// The question about the header of a ring may fail, and the usual header is believed; the change may, and nothing has
/// changed.
#[test]
fn a_call_that_fails_leaves_a_ring_in_provided_memory_as_it_was() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let builder: Builder = deferred();
    let provide = |entries| {
        let size = builder.memory_size(entries).unwrap();
        RingMemory { rings: memory(size.rings), sqes: memory(size.sqes) }
    };
    let calls = Trace::new();
    drop(builder.build_provided_with(&calls, 4, provide(4)).unwrap());
    // All but the last, which closes it.
    let set_up = calls.take().len() - 1;
    for (nth, failure) in (set_up..set_up + 3).flat_map(|nth| ERRORS.iter().map(move |failure| (nth, *failure))) {
        let trace = Trace::failing(nth, failure);
        let mut ring = builder.build_provided_with(&trace, 4, provide(4)).unwrap();
        push(&mut ring, nop(1));
        let outcome = ring.resize_provided(16, None, provide(16));
        let fails = if nth == set_up + 1 { Err(failure) } else { Ok(()) };
        assert_eq!(outcome, fails, "{nth} {failure}");
        let done = ring.submit_and_wait(1);
        if nth == set_up + 2 {
            assert_eq!(done, Err(failure), "a resize of two calls");
            assert_eq!(ring.submit_and_wait(1), Ok(1));
        } else {
            assert_eq!(done, Ok(1), "{nth} {failure}");
        }
        assert_eq!(user_data(&mut ring), [1], "{nth} {failure}");
    }
}

/// Large entries of both queues are copied whole.
#[test]
fn large_entries_survive_as_well() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let mut ring: IoUring<squeue::Entry128, cqueue::Entry32> = deferred().build(8).unwrap();
    for id in 0..6 {
        push(&mut ring, nop(id));
    }
    assert_eq!(ring.submit_and_wait(6), Ok(6));
    for id in 6..9 {
        push(&mut ring, nop(id));
    }
    assert_eq!(ring.register_resize_rings(32, None), Ok(()));
    assert_eq!(ring.submit_and_wait(9), Ok(3));
    assert_eq!(user_data(&mut ring), (0..9).collect::<Vec<_>>());
}

/// The ring that this builds, unless the kernel lacks the mixed queue.
fn mixed<S: squeue::EntryMarker, C: cqueue::EntryMarker>(
    cq: u32,
    what: &str,
    since: (u32, u32),
) -> Option<IoUring<S, C>> {
    match deferred::<S, C>().setup_cqsize(cq).build(16) {
        Ok(ring) => Some(ring),
        Err(SetupError::Kernel(_, Errno::EINVAL)) => {
            refused("resizing", what, since);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A large completion in slots 7 and 8 would stand across the end of a queue of 8, and be read wrongly there.
#[test]
fn a_mixed_queue_of_completions_shrinks_only_when_it_is_empty() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let Some(mut ring) = mixed::<squeue::Entry, cqueue::EntryMixed>(32, "IORING_SETUP_CQE_MIXED", (6, 18)) else {
        return;
    };
    for id in 0..8 {
        let request = if id == 7 { opcode::Nop::new().big([70, 71]).build().user_data(7) } else { nop(id) };
        push(&mut ring, request);
    }
    assert_eq!(ring.submit(), Ok(8));
    assert_eq!(ring.completion().take(3).map(|cqe| cqe.user_data()).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(ring.register_resize_rings(4, Some(8)), Err(Errno::EBUSY));
    assert_eq!(ring.register_resize_rings(4, None), Err(Errno::EBUSY));
    assert_eq!(ring.register_resize_rings(16, Some(64)), Ok(()));
    let rest: Vec<_> = ring.completion().map(|cqe| (cqe.user_data(), cqe.big())).collect();
    assert_eq!(rest, [(3, None), (4, None), (5, None), (6, None), (7, Some([70, 71]))]);
    assert_eq!(ring.register_resize_rings(4, Some(8)), Ok(()));
    assert_eq!(sizes(&ring), (4, 8));
}

/// A large entry that is not submitted yet would be read wrongly across the end in the same way.
#[test]
fn a_mixed_queue_of_entries_shrinks_only_when_it_is_empty() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let Some(mut ring) = mixed::<squeue::EntryMixed, cqueue::Entry>(64, "IORING_SETUP_SQE_MIXED", (6, 19)) else {
        return;
    };
    for id in 0..7 {
        push(&mut ring, nop(id));
    }
    assert_eq!(ring.submit(), Ok(7));
    push(&mut ring, opcode::Nop128::new().build().user_data(7));
    assert_eq!(ring.register_resize_rings(8, Some(64)), Err(Errno::EBUSY));
    assert_eq!(ring.register_resize_rings(32, Some(64)), Ok(()));
    // The kernel counts slots.
    assert_eq!(ring.submit_and_wait(8), Ok(2));
    assert_eq!(ring.completion().map(|cqe| cqe.user_data()).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    assert_eq!(ring.register_resize_rings(8, Some(64)), Ok(()));
    assert_eq!(sizes(&ring), (8, 64));
}

#[test]
fn timed_waits_go_on_after_a_change() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let mut ring: IoUring = deferred().build(4).unwrap();
    assert_eq!(ring.register_resize_rings(64, None), Ok(()));
    let soon = Timespec::new(0, 1_000_000);
    let args = bare_uring::types::SubmitArgs::new().timespec(&soon);
    assert_eq!(ring.submitter().submit_with_args(1, &args), Err(Errno::ETIME));
}
