//! Timed waits of a caller whose completions fill the queue, on kernels without `EXT_ARG`. `timed_waits` plays more of
//! this by seed.

use std::panic::catch_unwind;
use std::time::Duration;

use bare_uring::squeue::Entry;
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Builder, Errno, IoUring, SetupFlags, cqueue, opcode};
use bare_uring_sim::{Leaks, Overflow, Profile, SimKernel};

mod limit;
#[path = "timed_waits/today.rs"]
mod today;

use today::{FAILS_TODAY, kernels};

type Ring = IoUring<Entry, cqueue::Entry, SimKernel>;

/// The number of completions that fill the queue.
const FULL: u64 = 8;

/// Makes a ring with four entries and eight completions.
fn ring(profile: &Profile) -> (SimKernel, Ring) {
    let kernel = SimKernel::new(profile.clone(), 5);
    let mut builder = Builder::new();
    if profile.setup.contains(SetupFlags::CQSIZE) {
        builder.setup_cqsize(8);
    }
    let ring = builder.build_with(kernel.clone(), 4).expect("as set up");
    assert_eq!(ring.params().cq_entries(), 8);
    kernel.ignore(0, !0xffff, 0xba5e_0b5e_55ed_0000);
    (kernel, ring)
}

/// Submits these requests.
fn submit(ring: &mut Ring, entries: Vec<Entry>) {
    for (entry, user_data) in entries.into_iter().zip(1..) {
        // SAFETY: what the tests push points to memory that outlives the ring.
        unsafe { ring.submission().push(entry.user_data(user_data)) }.expect("room");
        assert_eq!(ring.submit(), Ok(1));
    }
}

/// Waits for all completions, up to a limit. A wait may be refused; then time passes by itself.
fn wait(kernel: &SimKernel, ring: &Ring, limit: Duration) {
    let time = Timespec::from(limit);
    match ring.submitter().wait_with_args(8, &SubmitArgs::new().timespec(&time)) {
        Ok(()) | Err(Errno::ETIME) => {}
        Err(Errno::EBUSY) => kernel.run(1),
        Err(errno) => panic!("{errno}"),
    }
}

/// Takes what is there.
fn take(ring: &mut Ring, taken: &mut Vec<u64>) {
    taken.extend(ring.completion().map(|cqe| cqe.user_data()));
    assert_eq!(ring.completion().overflow(), 0, "completions were lost");
}

/// Checks that each completion came once, and that nothing is left.
fn see_out(kernel: &SimKernel, mut ring: Ring) {
    let mut taken = Vec::new();
    for _ in 0..100 {
        take(&mut ring, &mut taken);
        // Brings what waits outside the queue.
        ring.submit().expect("nothing is queued");
        kernel.run(1);
    }
    taken.sort_unstable();
    assert_eq!(taken, (1..=FULL).collect::<Vec<_>>());
    kernel.settle();
    take(&mut ring, &mut taken);
    assert_eq!((kernel.in_flight(0), kernel.ignored_in_flight(0)), (vec![], vec![]));
    drop(ring);
    assert_eq!((kernel.faults(), kernel.leaks()), (vec![], Leaks::default()));
}

/// Runs a case on each kernel. Kernels that drop completions may fail as long as they fail today; one of them must.
fn on_each(case: fn(&Profile)) {
    let _limit = limit::Limit::new();
    let (mut expected, mut failed) = (0, 0);
    for (name, profile) in kernels() {
        println!("{name}");
        if FAILS_TODAY.contains(&name) && profile.overflow == Overflow::Drop {
            expected += 1;
            failed += usize::from(catch_unwind(|| case(&profile)).is_err());
        } else {
            case(&profile);
        }
    }
    assert!(failed != 0 || expected == 0, "nothing fails any more: take these kernels out of FAILS_TODAY");
}

#[test]
fn eight_timeouts_are_waited_for_in_a_loop() {
    on_each(|profile| {
        let (kernel, mut ring) = ring(profile);
        let time = Timespec::from(Duration::from_millis(120));
        submit(&mut ring, (0..FULL).map(|_| opcode::Timeout::new(&time).build()).collect());
        for _ in 0..20 {
            if ring.completion().len() as u64 == FULL {
                break;
            }
            wait(&kernel, &ring, Duration::from_millis(50));
        }
        see_out(&kernel, ring);
    });
}

#[test]
fn one_is_done_and_seven_are_to_come() {
    on_each(|profile| {
        let (kernel, mut ring) = ring(profile);
        let time = Timespec::from(Duration::from_millis(300));
        let later = (1..FULL).map(|_| opcode::Timeout::new(&time).build());
        submit(&mut ring, std::iter::once(opcode::Nop::new().build()).chain(later).collect());
        kernel.settle();
        assert!(!ring.completion().is_empty());
        wait(&kernel, &ring, Duration::from_secs(2));
        see_out(&kernel, ring);
    });
}
