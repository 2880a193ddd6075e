//! Models of the submission queue: publishing and consuming, with the kernel's SQPOLL thread on the other side, and how
//! that thread sleeps and is woken.

use std::rc::Rc;

use super::kernel::{Linux, Named, Shape, push};
use super::model;
use crate::flags::SetupFlags;

const SQPOLL: Shape = Shape::SMALL.with(SetupFlags::SQPOLL);

/// Submits three entries through a queue of two, one at a time: each is consumed once and in order, whatever the thread
/// does. A missed wake-up would leave the thread asleep for ever, which loom reports as a deadlock.
fn one_by_one(shape: Shape) {
    model(move || {
        let kernel = Linux::new(shape);
        let mut ring = kernel.ring();
        let other = Rc::clone(&kernel);
        let thread = loom::thread::spawn(move || other.sq_thread(3));
        for number in 1..=3 {
            if !push(&mut ring.submission(), number) {
                ring.submitter().squeue_wait().expect("a wait for room");
                assert!(push(&mut ring.submission(), number), "there is room after waiting for it");
            }
            assert_eq!(ring.submit(), Ok(1));
        }
        thread.join().expect("no panic");
        assert_eq!(kernel.state().consumed, [1, 2, 3]);
    });
}

#[test]
fn entries_are_consumed_once_and_in_order_directly() {
    one_by_one(SQPOLL);
}

#[test]
fn entries_are_consumed_once_and_in_order_by_an_index_array() {
    one_by_one(SQPOLL.with_array());
}

#[test]
fn what_one_submit_publishes_becomes_visible_at_once() {
    model(|| {
        let kernel = Linux::new(SQPOLL);
        let mut ring = kernel.ring();
        let other = Rc::clone(&kernel);
        let thread = loom::thread::spawn(move || other.sq_thread(2));
        assert!(push(&mut ring.submission(), 1) && push(&mut ring.submission(), 2));
        assert_eq!(ring.submit(), Ok(2));
        thread.join().expect("no panic");
        assert_eq!(kernel.state().batches, [2]);
    });
}

/// Memory that a request names for the time of its submission is the caller's again when the queue is empty.
#[test]
fn an_empty_queue_has_been_read() {
    model(|| {
        let argument = Named::new();
        let read = Rc::clone(&argument);
        let kernel = Linux::watched(SQPOLL, move |_| assert_eq!(read.read(), 7));
        let mut ring = kernel.ring();
        argument.write(7);
        assert!(push(&mut ring.submission(), 1));
        assert_eq!(ring.submit(), Ok(1));
        let other = Rc::clone(&kernel);
        let thread = loom::thread::spawn(move || other.sq_thread(1));
        while !ring.submission().is_empty() {
            loom::thread::yield_now();
        }
        argument.write(8);
        thread.join().expect("no panic");
    });
}

/// Memory that the first entry of a full queue names is the caller's again when there is room.
#[test]
fn room_means_that_the_first_entry_has_been_read() {
    model(|| {
        let argument = Named::new();
        let read = Rc::clone(&argument);
        let kernel = Linux::watched(Shape { sq: 1, ..SQPOLL }, move |_| assert_eq!(read.read(), 7));
        let mut ring = kernel.ring();
        argument.write(7);
        assert!(push(&mut ring.submission(), 1));
        assert_eq!(ring.submit(), Ok(1));
        let other = Rc::clone(&kernel);
        let thread = loom::thread::spawn(move || other.sq_thread(1));
        ring.submitter().squeue_wait().expect("a wait for room");
        argument.write(8);
        thread.join().expect("no panic");
    });
}
