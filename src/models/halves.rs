//! A model of one ring in two threads.

use std::boxed::Box;
use std::vec::Vec;

use super::kernel::{Linux, Ring, Shape, push};
use super::model;
use crate::cqueue::CompletionQueue;

/// One thread submits three entries through a queue of two, and the kernel completes them there. The other waits,
/// reads, and gives the slots back, so that the kernel writes over them.
fn once_and_in_order(reap: fn(CompletionQueue<'_>, &mut Vec<u64>)) {
    model(move || {
        let kernel = Linux::new(Shape::SMALL);
        let ring: *mut Ring = Box::into_raw(Box::new(kernel.ring()));
        // SAFETY: the ring is used by its halves only until both threads have ended.
        let (mut submission, mut completion) = unsafe { (*ring).halves() }.expect("a ring that can be halved");
        let thread = loom::thread::spawn(move || {
            for number in 1..=3 {
                assert!(push(&mut submission.queue(), number));
                assert_eq!(submission.submit(), Ok(1));
            }
        });
        let mut seen = Vec::new();
        while seen.len() < 3 {
            completion.wait(1).expect("a wait");
            reap(completion.queue(), &mut seen);
        }
        thread.join().expect("no panic");
        assert_eq!(seen, [1, 2, 3]);
        // SAFETY: the ring came from a box, and both halves have been dropped or are no longer used.
        drop(unsafe { Box::from_raw(ring) });
    });
}

#[test]
fn what_one_half_submits_the_other_reads_once_and_in_order() {
    once_and_in_order(|queue, seen| seen.extend(queue.map(|cqe| cqe.user_data())));
}

#[test]
fn what_one_half_submits_the_other_folds_once_and_in_order() {
    once_and_in_order(|mut queue, seen| {
        // The first look bounds the tail in any case; what comes after it is folded.
        seen.extend(queue.next().map(|cqe| cqe.user_data()));
        queue.for_each(|cqe| seen.push(cqe.user_data()));
    });
}
