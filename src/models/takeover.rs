//! A model of taking a ring over while the SQPOLL thread consumes what the previous owner queued.

use std::rc::Rc;

use super::kernel::{Linux, Shape, push};
use super::model;
use crate::flags::SetupFlags;

#[test]
fn a_slot_that_the_former_owner_filled_is_read_before_it_is_used_anew() {
    model(|| {
        let kernel = Linux::new(Shape { queued: 2, ..Shape::SMALL.with(SetupFlags::SQPOLL) });
        let other = Rc::clone(&kernel);
        let thread = loom::thread::spawn(move || other.sq_thread(3));
        let mut ring = kernel.ring();
        if !push(&mut ring.submission(), 3) {
            ring.submitter().squeue_wait().expect("a wait for room");
            assert!(push(&mut ring.submission(), 3), "there is room after waiting for it");
        }
        assert_eq!(ring.submit(), Ok(1));
        thread.join().expect("no panic");
        assert_eq!(kernel.state().consumed, [1, 2, 3]);
    });
}
