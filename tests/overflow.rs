//! More completions than the queue holds: all come out, once and in order.

mod common;

use bare_uring::{Builder, IoUring, SqFlags};
use common::ring_memory::{bounded, nops, taken, until};
use common::{builders, needs, nop, push};

const CQ: usize = 4;
const ALL: u64 = 40;

/// A ring whose 40 completions have found 4 places.
fn overflown(builder: &Builder) -> IoUring {
    let mut ring = builder.clone().setup_cqsize(CQ as u32).build(4).unwrap();
    for user_data in 0..ALL {
        if ring.submission().is_full() {
            ring.submit().unwrap();
            until("there is room", || !ring.submission().is_full());
        }
        push(&mut ring, nop(user_data));
    }
    ring.submit().unwrap();
    until("everything was consumed", || ring.submission().is_empty());
    until("the rest is outside the queue", || ring.submission().flags().contains(SqFlags::CQ_OVERFLOW));
    ring
}

#[test]
fn plain_submits_bring_all_of_them() {
    bounded(|| {
        for (name, builder) in builders() {
            let mut ring = overflown(&builder);
            let mut all = Vec::new();
            let mut rounds = 0;
            until(name, || {
                let some = taken(&mut ring);
                assert!(some.len() <= CQ);
                all.extend(some);
                rounds += 1;
                assert_eq!(ring.submit(), Ok(0));
                all.len() as u64 >= ALL
            });
            assert_eq!(all, nops(0..ALL), "{name}");
            assert_eq!(rounds, ALL as usize / CQ, "{name}: each round brings a full queue");
            assert_eq!((taken(&mut ring), ring.completion().overflow()), (vec![], 0), "{name}");
            assert_eq!(ring.submission().flags() & SqFlags::CQ_OVERFLOW, SqFlags::empty(), "{name}");
        }
    });
}

#[test]
fn getting_events_moves_them_into_the_queue() {
    bounded(|| {
        for (name, builder) in builders() {
            let mut ring = overflown(&builder);
            assert_eq!(taken(&mut ring), nops(0..4), "{name}");
            assert!(ring.completion().is_empty(), "{name}");
            assert_eq!(ring.submitter().get_events(), Ok(()), "{name}");
            assert_eq!(taken(&mut ring), nops(4..8), "{name}");
        }
    });
}

#[test]
fn a_wait_finds_those_outside_the_queue() {
    bounded(|| {
        for (name, builder) in builders() {
            let mut ring = overflown(&builder);
            for round in 0..10 {
                assert_eq!(ring.submitter().wait(CQ), Ok(()), "{name}");
                assert_eq!(taken(&mut ring), nops(round * 4..round * 4 + 4), "{name}");
            }
            assert_eq!(ring.completion().overflow(), 0, "{name}");
        }
    });
}

#[test]
fn new_completions_queue_up_behind_those_outside() {
    needs!(6, 0, "completions in order though the queue overflowed");
    bounded(|| {
        for (name, builder) in builders() {
            let mut ring = overflown(&builder);
            let mut all = Vec::new();
            for user_data in ALL..2 * ALL {
                all.extend(taken(&mut ring));
                push(&mut ring, nop(user_data));
                assert_eq!(ring.submit(), Ok(1), "{name}");
                until("there is room", || !ring.submission().is_full());
            }
            until(name, || {
                all.extend(taken(&mut ring));
                ring.submit().unwrap();
                all.len() as u64 >= 2 * ALL
            });
            assert_eq!((all, taken(&mut ring)), (nops(0..2 * ALL), vec![]), "{name}");
        }
    });
}
