//! A ring is what was asked for, whatever the kernel says that it was.

mod common;

use bare_uring::{Builder, Features, IoUring, SetupFlags, cqueue, squeue};
use common::raw::{Meddler, THREE, three_nops};

fn asked<S: squeue::EntryMarker, C: cqueue::EntryMarker>(
    garble: fn(&mut bare_uring::uapi::io_uring_params),
) -> IoUring<S, C, Meddler> {
    Builder::new().build_with(Meddler::garbling(garble), 8).unwrap()
}

/// With entries of 64 bytes in the kernel's word and of 128 in its queue, every second one would be written past the end.
#[test]
fn flags_that_the_kernel_clears_or_sets_change_nothing() {
    let entries = SetupFlags::SQE128 | SetupFlags::CQE32;
    let cleared: IoUring<squeue::Entry128, cqueue::Entry32, _> = asked(|params| params.flags = 0);
    assert!(cleared.params().setup().contains(entries));
    let mut set: IoUring<squeue::Entry, cqueue::Entry, _> =
        asked(|params| params.flags |= (SetupFlags::SQE128 | SetupFlags::SQPOLL | SetupFlags::SQ_REWIND).bits());
    assert!(!set.params().setup().intersects(entries | SetupFlags::SQPOLL | SetupFlags::SQ_REWIND));
    assert!(set.params().features().contains(Features::NODROP));
    assert_eq!(three_nops(&mut set), THREE);
}
