//! Which calls the halves of a ring make.

mod common;

use bare_uring::squeue::Entry;
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Builder, EnterFlags, Errno, IoUring, SetupFlags, SqFlags, cqueue};
use common::kernels::{Call, Trace};
use common::nop;
use common::ring_memory::{Fake, bounded, slot};

const FAR: Timespec = Timespec::new(20, 0);
const SOON: Timespec = Timespec::new(0, 5_000_000);

/// What was submitted and waited for by each call since the last look.
fn counts(trace: &Trace) -> Vec<(u32, u32)> {
    let counts = trace.enters().into_iter().map(|call| match call {
        Call::Enter { to_submit, min_complete, .. } => (to_submit, min_complete),
        other => panic!("{other:?}"),
    });
    counts.collect()
}

#[test]
fn a_submit_waits_for_nothing_and_a_wait_submits_nothing_and_asks_for_what_the_queue_holds() {
    bounded(|| {
        let trace = Trace::new();
        let builder = Builder::<Entry>::new().setup_cqsize(4).clone();
        let mut ring: IoUring<Entry, cqueue::Entry, &Trace> = builder.build_with(&trace, 4).unwrap();
        trace.take();
        let (mut submission, mut completion) = ring.halves().unwrap();
        for user_data in 0..4 {
            // SAFETY: a nop points to nothing.
            unsafe { submission.queue().push(nop(user_data)) }.unwrap();
        }
        assert_eq!((submission.submit(), counts(&trace)), (Ok(4), vec![(4, 0)]));
        for (want, asked) in [(0, 0), (3, 3), (4, 4), (5, 4), (usize::MAX, 4), (usize::MAX << (usize::BITS / 2), 4)] {
            assert_eq!((completion.wait(want), counts(&trace)), (Ok(()), vec![(0, asked)]), "{want}");
            let args = SubmitArgs::new().timespec(&FAR);
            assert_eq!((completion.wait_with_args(want, &args), counts(&trace)), (Ok(()), vec![(0, asked)]), "{want}");
        }
    });
}

/// A handle that is forgotten tells the kernel nothing: the wait itself says what was taken.
#[test]
fn a_wait_counts_only_what_was_not_taken() {
    bounded(|| {
        let mut ring = IoUring::new(4).unwrap();
        let (mut submission, mut completion) = ring.halves().unwrap();
        let mut take = |completion: &mut bare_uring::CompletionHalf<'_>, user_data| {
            // SAFETY: a nop points to nothing.
            unsafe { submission.queue().push(nop(user_data)) }.unwrap();
            assert_eq!(submission.submit(), Ok(1));
            let mut queue = completion.queue();
            assert_eq!(queue.next().map(|cqe| cqe.user_data()), Some(user_data));
            std::mem::forget(queue);
        };
        take(&mut completion, 1);
        let args = SubmitArgs::new().timespec(&SOON);
        assert_eq!(completion.wait_with_args(1, &args), Err(Errno::ETIME));
    });
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let mut ring: IoUring<Entry, cqueue::Entry, &Fake> = fake.ring();
    fake.post(slot(1, 0, 0));
    let (_submission, mut completion) = ring.halves().unwrap();
    let mut queue = completion.queue();
    assert_eq!(queue.next().map(|cqe| cqe.user_data()), Some(1));
    std::mem::forget(queue);
    assert_eq!(fake.cq(), (0, 1));
    assert_eq!((completion.wait(0), fake.cq()), (Ok(()), (1, 1)));
}

/// Room in the queue of a thread is waited for by the call that is for it.
#[test]
fn the_submitting_half_waits_for_room() {
    let fake = Fake::new(SetupFlags::SQPOLL, 2, 8, (0, 0));
    let mut ring: IoUring<Entry, cqueue::Entry, &Fake> = fake.ring();
    fake.set_sq_flags(SqFlags::NEED_WAKEUP);
    let (mut submission, _completion) = ring.halves().unwrap();
    for user_data in 0..2 {
        // SAFETY: a nop points to nothing.
        unsafe { submission.queue().push(nop(user_data)) }.unwrap();
    }
    submission.squeue_wait().unwrap();
    let first = fake.enters()[0];
    assert_eq!(first, (0, 0, (EnterFlags::SQ_WAKEUP | EnterFlags::SQ_WAIT).bits()));
}
