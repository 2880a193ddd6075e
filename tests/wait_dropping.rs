//! Timed waits where a completion without room is dropped, on a kernel without an argument for the time. The kernel is Linux with
//! its features hidden: it keeps such completions in a list, and shows that it had to.

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bare_uring::squeue::Entry;
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Builder, Errno, Features, IoUring, SqFlags, cqueue, opcode};
use common::kernels::Trace;
use common::old_kernel::milliseconds;
use common::push;
use common::ring_memory::bounded;

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Trace>;

/// Linux as it was before 5.5, in what it says of itself.
fn dropping() -> Trace {
    let newer = Features::EXT_ARG.union(Features::MIN_TIMEOUT).union(Features::NO_IOWAIT);
    Trace::without(newer.union(Features::NODROP))
}

/// Takes what has come, into `seen`: each completion once.
fn take(ring: &mut Ring<'_>, seen: &mut BTreeSet<u64>) {
    for cqe in ring.completion() {
        assert!(seen.insert(cqe.user_data()), "{} came twice", cqe.user_data());
    }
    assert_eq!(ring.completion().overflow(), 0);
    assert!(!ring.submission().flags().contains(SqFlags::CQ_OVERFLOW), "a completion had no room");
}

/// Eight timeouts in a queue of eight: a timed wait would have no room for itself until one has come, and says so.
#[test]
fn a_queue_full_of_timeouts_keeps_them_all() {
    bounded(|| {
        let trace = dropping();
        let mut ring: Ring<'_> = Builder::new().setup_cqsize(8).build_with(&trace, 8).unwrap();
        let times: Vec<Timespec> = (1..=8).map(|number| milliseconds(10 * number)).collect();
        for (user_data, time) in (0..).zip(&times) {
            push(&mut ring, opcode::Timeout::new(time).build().user_data(user_data));
        }
        assert_eq!(ring.submit(), Ok(8));
        let (start, mut seen, limit) = (Instant::now(), BTreeSet::new(), milliseconds(50));
        while seen.len() < 8 {
            assert!(start.elapsed() < Duration::from_secs(10), "{seen:?}");
            match ring.submitter().wait_with_args(8, &SubmitArgs::new().timespec(&limit)) {
                Ok(()) | Err(Errno::ETIME) => {}
                Err(Errno::EBUSY) => std::thread::sleep(Duration::from_millis(1)),
                Err(errno) => panic!("{errno}"),
            }
            take(&mut ring, &mut seen);
        }
        assert_eq!(seen, (0..8).collect());
    });
}

/// One is there and seven are to come: the wait is refused, and what comes is all there.
#[test]
fn one_that_is_there_and_seven_that_come_leave_no_room() {
    bounded(|| {
        let trace = dropping();
        let mut ring: Ring<'_> = Builder::new().setup_cqsize(8).build_with(&trace, 8).unwrap();
        let time = milliseconds(20);
        push(&mut ring, opcode::Nop::new().build().user_data(0));
        for user_data in 1..8 {
            push(&mut ring, opcode::Timeout::new(&time).build().user_data(user_data));
        }
        assert_eq!(ring.submit(), Ok(8));
        let limit = Timespec::new(2, 0);
        assert_eq!(ring.submitter().wait_with_args(8, &SubmitArgs::new().timespec(&limit)), Err(Errno::EBUSY));
        assert_eq!(ring.submitter().wait(8), Ok(()));
        let mut seen = BTreeSet::new();
        take(&mut ring, &mut seen);
        assert_eq!(seen, (0..8).collect());
    });
}

/// Every size of queue, and every number of requests that fits: each comes once, and waits of all lengths lose none.
#[test]
fn every_size_and_number_comes_once() {
    bounded(|| {
        for size in [1, 2, 4, 8, 16] {
            for count in 1..=u64::from(size) {
                let trace = dropping();
                let mut ring: Ring<'_> = Builder::new().setup_cqsize(size).build_with(&trace, size).unwrap();
                let times: Vec<Timespec> = (0..count).map(|number| Timespec::new(0, 200_000 * number as u32)).collect();
                for (user_data, time) in (0..).zip(&times) {
                    let entry = match user_data % 3 {
                        0 => opcode::Nop::new().build(),
                        _ => opcode::Timeout::new(time).build(),
                    };
                    push(&mut ring, entry.user_data(user_data));
                }
                let (start, mut seen) = (Instant::now(), BTreeSet::new());
                for round in 0.. {
                    assert!(start.elapsed() < Duration::from_secs(10), "{size}, {count}: {seen:?}");
                    let limit = Timespec::new(0, [50_000, 400_000, 3_000_000][round % 3]);
                    let args = SubmitArgs::new().timespec(&limit);
                    let want = 1 + round % count as usize;
                    let outcome = if round % 2 == 0 {
                        ring.submitter().submit_with_args(want, &args).map(drop)
                    } else {
                        ring.submitter().wait_with_args(want, &args)
                    };
                    match outcome {
                        Ok(()) | Err(Errno::ETIME) => {}
                        // Without room for the crate's own requests nothing was waited for.
                        Err(Errno::EBUSY) => std::thread::sleep(Duration::from_micros(100)),
                        Err(errno) => panic!("{errno}"),
                    }
                    take(&mut ring, &mut seen);
                    if seen.len() as u64 == count {
                        break;
                    }
                }
                assert_eq!(seen, (0..count).collect(), "{size}");
            }
        }
    });
}
