//! Models of the completion queue: reading, giving slots back, and completions that overflow meanwhile.

use std::rc::Rc;
use std::vec::Vec;

use super::kernel::{Linux, Named, Ring, Shape};
use super::model;
use crate::flags::SetupFlags;
use crate::squeue;

/// Takes what is there by `next`, which looks until the queue is empty.
fn one_by_one(ring: &mut Ring, seen: &mut Vec<u64>) {
    seen.extend(ring.completion().map(|cqe| cqe.user_data()));
}

/// Takes what is there by `fold`, which looks once, and keeps the head in a register.
fn all_at_once(ring: &mut Ring, seen: &mut Vec<u64>) {
    ring.completion().for_each(|cqe| seen.push(cqe.user_data()));
}

/// A worker of the kernel's posts more completions than the queue has slots: each comes out once and in order. The
/// third is written over the first one's slot, or waits outside until a submit of nothing sees the overflow flag.
fn once_and_in_order(reap: fn(&mut Ring, &mut Vec<u64>)) {
    model(move || {
        let kernel = Linux::new(Shape::SMALL);
        let mut ring = kernel.ring();
        let other = Rc::clone(&kernel);
        let thread = loom::thread::spawn(move || (1..=3).for_each(|number| other.complete(number)));
        let mut seen = Vec::new();
        while seen.len() < 3 {
            let before = seen.len();
            reap(&mut ring, &mut seen);
            if seen.len() == before {
                assert_eq!(ring.submit(), Ok(0));
                loom::thread::yield_now();
            }
        }
        thread.join().expect("no panic");
        assert_eq!(seen, [1, 2, 3]);
    });
}

#[test]
fn completions_come_out_once_and_in_order_through_overflow_and_wrap() {
    once_and_in_order(one_by_one);
}

#[test]
fn completions_that_are_folded_come_out_once_and_in_order_through_overflow_and_wrap() {
    once_and_in_order(all_at_once);
}

/// A caller that waits gets the completions once and in order too.
fn one_was_waited_for(reap: fn(&mut Ring, &mut Vec<u64>)) {
    model(move || {
        let kernel = Linux::new(Shape::SMALL);
        let mut ring = kernel.ring();
        let other = Rc::clone(&kernel);
        let thread = loom::thread::spawn(move || (1..=3).for_each(|number| other.complete(number)));
        let mut seen = Vec::new();
        while seen.len() < 3 {
            ring.submit_and_wait(1).expect("a wait");
            let before = seen.len();
            reap(&mut ring, &mut seen);
            assert!(seen.len() > before, "one was waited for");
        }
        thread.join().expect("no panic");
        assert_eq!(seen, [1, 2, 3]);
    });
}

#[test]
fn a_wait_ends_with_what_it_waited_for() {
    one_was_waited_for(one_by_one);
}

#[test]
fn a_wait_ends_with_what_is_then_folded() {
    one_was_waited_for(all_at_once);
}

/// Checks that with one request in flight, a queue that is not empty means that the request's buffer is filled.
fn filled_when_there<S: squeue::EntryMarker>(shape: Shape) {
    model(move || {
        let buffer = Named::new();
        let written = Rc::clone(&buffer);
        let kernel = Linux::new(shape);
        let mut ring = kernel.ring_of::<S>();
        let other = Rc::clone(&kernel);
        let thread = loom::thread::spawn(move || {
            written.write(7);
            other.complete(1);
        });
        while ring.completion().is_empty() {
            loom::thread::yield_now();
        }
        assert_eq!(buffer.read(), 7);
        thread.join().expect("no panic");
    });
}

#[test]
fn a_queue_with_a_completion_has_its_buffer_filled() {
    filled_when_there::<squeue::Entry>(Shape::SMALL);
}

/// In a ring with mixed entries the completions are counted one by one, because some of them never surface.
#[test]
fn a_queue_that_is_counted_has_its_buffer_filled() {
    filled_when_there::<squeue::EntryMixed>(Shape { sq: 4, ..Shape::SMALL.with(SetupFlags::SQE_MIXED) });
}
