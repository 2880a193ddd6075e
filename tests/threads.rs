//! Two halves of a ring on two threads, and what may be sent where.

mod common;

use std::io::Write;
use std::thread;

use bare_uring::squeue::Entry;
use bare_uring::{Builder, CompletionHalf, Errno, IoUring, LocalRing, SubmissionHalf, opcode};
use common::ring_memory::{bounded, fd, nops, taken};
use common::{needs, nop, older_than, push};

const MANY: u64 = 200_000;

/// The compiler's word for `T` being, or not being, of a marker trait: where it is, the call is ambiguous.
macro_rules! never {
    ($type:ty: $marker:ident) => {
        const _: fn() = || {
            trait Ambiguous<Which> {
                fn pick() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $marker> Ambiguous<u8> for T {}
            let _ = <$type as Ambiguous<_>>::pick;
        };
    };
}

const fn send<T: Send>() {}

const _: () = {
    send::<IoUring>();
    send::<SubmissionHalf<'_>>();
    send::<CompletionHalf<'_>>();
};
never!(IoUring: Sync);
never!(LocalRing: Send);
never!(LocalRing: Sync);

/// Submits many on one thread and takes them on another; the user data in the order of their coming.
fn through_both_halves(ring: &mut IoUring) -> Vec<u64> {
    let (mut submission, mut completion) = ring.halves().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let (mut next, mut told) = (0, 0);
            while next < MANY {
                let batch: Vec<Entry> = (next..MANY.min(next + 1 + next % 64)).map(nop).collect();
                submission.squeue_wait().unwrap();
                let mut queue = submission.queue();
                if batch.len() > queue.capacity() - queue.len() {
                    told += submission.submit().unwrap() as u64;
                    continue;
                }
                // SAFETY: nops point to nothing.
                unsafe { queue.push_multiple(&batch) }.unwrap();
                next += batch.len() as u64;
                if next % 3 == 0 {
                    told += submission.submit().unwrap() as u64;
                }
            }
            told += submission.submit().unwrap() as u64;
            assert_eq!(told, MANY);
        });
        let taking = scope.spawn(move || {
            let mut all = Vec::new();
            while (all.len() as u64) < MANY {
                all.extend(completion.queue().map(|cqe| cqe.user_data()));
                if (all.len() as u64) < MANY {
                    completion.wait(1).unwrap();
                }
            }
            all
        });
        taking.join().unwrap()
    })
}

/// All of them, each once. When the queue overflows, older kernels let new completions overtake those outside it.
fn in_order(mut all: Vec<u64>) {
    if older_than(5, 19) {
        all.sort_unstable();
    }
    assert!(all.into_iter().eq(0..MANY));
}

#[test]
fn each_request_comes_back_once_and_in_order() {
    bounded(|| {
        let mut ring = IoUring::new(64).unwrap();
        in_order(through_both_halves(&mut ring));
        assert_eq!((taken(&mut ring), ring.completion().overflow()), (vec![], 0));
        push(&mut ring, nop(7));
        assert_eq!((ring.submit_and_wait(1), taken(&mut ring)), (Ok(1), vec![(7, 0)]));
    });
}

#[test]
fn each_request_comes_back_once_and_in_order_under_sqpoll() {
    bounded(|| {
        let mut ring = Builder::new().setup_sqpoll(10).build(64).unwrap();
        in_order(through_both_halves(&mut ring));
        assert_eq!((taken(&mut ring), ring.completion().overflow()), (vec![], 0));
    });
}

#[test]
fn the_halves_begin_where_the_ring_stands() {
    bounded(|| {
        let mut ring = IoUring::new(8).unwrap();
        push(&mut ring, nop(0));
        assert_eq!(ring.submit(), Ok(1));
        push(&mut ring, nop(1));
        let (mut submission, mut completion) = ring.halves().unwrap();
        assert_eq!(completion.queue().next().map(|cqe| cqe.user_data()), Some(0));
        assert_eq!(submission.submit(), Ok(1));
        assert_eq!(completion.wait(1), Ok(()));
        assert_eq!(completion.queue().next().map(|cqe| cqe.user_data()), Some(1));
        assert_eq!(submission.submit(), Ok(0));
    });
}

/// The halves only borrow: what they have in flight and queued is the ring's when they are gone.
#[test]
fn halves_that_are_dropped_leave_their_work_to_the_ring() {
    bounded(|| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut ring = IoUring::new(8).unwrap();
        let mut buffer = [0; 8];
        let read = opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 8).build().user_data(1);
        {
            let (mut submission, _completion) = ring.halves().unwrap();
            // SAFETY: the buffer lives until the read's completion below.
            unsafe { submission.queue().push(read) }.unwrap();
            assert_eq!(submission.submit(), Ok(1));
            // SAFETY: a nop points to nothing.
            unsafe { submission.queue().push(nop(2)) }.unwrap();
        }
        writer.write_all(b"data").unwrap();
        assert_eq!(ring.submit_and_wait(2), Ok(1));
        let mut come = taken(&mut ring);
        come.sort_unstable();
        assert_eq!((come, &buffer[..4]), (vec![(1, 4), (2, 0)], &b"data"[..]));
    });
}

#[test]
fn a_ring_whose_completions_are_its_tasks_alone_has_no_halves() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let mut ring = Builder::<Entry>::new().setup_single_issuer().setup_defer_taskrun().build(8).unwrap();
    assert_eq!(ring.halves().err(), Some(Errno::EEXIST));
    push(&mut ring, nop(0));
    assert_eq!((ring.submit(), taken(&mut ring)), (Ok(1), nops(0..1)));
}

#[test]
fn a_ring_that_is_polled_by_its_waiter_has_no_halves() {
    let mut ring = Builder::<Entry>::new().setup_iopoll().build(8).unwrap();
    assert_eq!(ring.halves().err(), Some(Errno::EOPNOTSUPP));
    let mut ring = Builder::<Entry>::new().setup_iopoll().setup_sqpoll(1).build(8).unwrap();
    assert!(ring.halves().is_ok());
}

#[test]
fn on_a_single_issuer_ring_the_submitting_half_stays_with_its_task() {
    needs!(6, 0, "IORING_SETUP_SINGLE_ISSUER");
    bounded(|| {
        let mut ring = Builder::<Entry>::new().setup_single_issuer().build(8).unwrap();
        push(&mut ring, nop(0));
        let (mut submission, mut completion) = ring.halves().unwrap();
        let refused = thread::scope(|scope| scope.spawn(|| submission.submit()).join().unwrap());
        assert_eq!((refused, submission.submit()), (Err(Errno::EEXIST), Ok(1)));
        thread::scope(|scope| scope.spawn(|| completion.wait(1)).join().unwrap()).unwrap();
        assert_eq!(completion.queue().next().map(|cqe| cqe.user_data()), Some(0));
    });
}

#[test]
fn a_ring_can_be_sent_with_what_is_queued_and_in_flight() {
    let mut ring = IoUring::new(8).unwrap();
    push(&mut ring, nop(0));
    assert_eq!(ring.submit(), Ok(1));
    push(&mut ring, nop(1));
    let ring = bounded(move || {
        let mut ring = ring;
        assert_eq!((taken(&mut ring), ring.submit()), (nops(0..1), Ok(1)));
        push(&mut ring, nop(2));
        ring
    });
    let mut ring = ring;
    assert_eq!((ring.submit_and_wait(2), taken(&mut ring)), (Ok(1), nops(1..3)));
}
