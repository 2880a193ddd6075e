//! A model of completion work that only the ring's task can do; the flag TASKRUN says that there is some.

use std::rc::Rc;
use std::vec::Vec;

use super::kernel::{Linux, Shape};
use super::model;
use crate::flags::SetupFlags;

/// A caller that polls with a submit of nothing sees every completion, and nothing is lost between the moment when the
/// flag is lowered and the moment when the work is done.
#[test]
fn polling_brings_what_waits_in_the_task() {
    model(|| {
        let kernel = Linux::new(Shape::SMALL.with(SetupFlags::DEFER_TASKRUN | SetupFlags::TASKRUN_FLAG));
        let mut ring = kernel.ring();
        let other = Rc::clone(&kernel);
        let thread = loom::thread::spawn(move || (1..=2).for_each(|number| other.defer(number)));
        let mut seen = Vec::new();
        while seen.len() < 2 {
            assert_eq!(ring.submit(), Ok(0));
            let before = seen.len();
            seen.extend(ring.completion().map(|cqe| cqe.user_data()));
            if seen.len() == before {
                loom::thread::yield_now();
            }
        }
        thread.join().expect("no panic");
        assert_eq!(seen, [1, 2]);
    });
}
