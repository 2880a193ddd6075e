//! `Adapted` finds the quirks of the simulated kernels, and makes up for them.

use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Adapted, Errno, IoUring, Quirks, cqueue, squeue};
use bare_uring_sim::{Profile, SimKernel};

type Ring = IoUring<squeue::Entry, cqueue::Entry, Adapted<SimKernel>>;

const NONE: Quirks = Quirks { empty_enter_fails: false, timed_waits_unsaid: false, long_masks: false };

fn ring(profile: Profile) -> Ring {
    IoUring::with_kernel(Adapted::new(SimKernel::new(profile, 1)), 8).expect("plain rings are made everywhere")
}

#[test]
fn the_quirks_of_each_kernel_are_found() {
    let osv = Quirks { timed_waits_unsaid: true, long_masks: true, ..NONE };
    for (profile, quirks) in [
        (Profile::gvisor(), Quirks { empty_enter_fails: true, ..NONE }),
        (Profile::osv(), osv),
        (Profile::nanos(), NONE),
        (Profile::starry(), NONE),
        (Profile::linux(5, 4), NONE),
        (Profile::linux(5, 10), NONE),
        (Profile::linux(7, 3), NONE),
    ] {
        let name = profile.name;
        assert_eq!(ring(profile).kernel().quirks(), quirks, "{name}");
    }
}

#[test]
fn gvisor_waits_for_nothing_without_an_error() {
    assert_eq!(ring(Profile::gvisor()).submitter().get_events(), Ok(()));
}

#[test]
fn osv_waits_for_a_time_in_one_call() {
    let ring = ring(Profile::osv());
    let time = Timespec::new(0, 1_000_000);
    assert_eq!(ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&time)), Err(Errno::ETIME));
    assert_eq!(ring.params().sq_entries(), 8);
}
