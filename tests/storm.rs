//! Storms: completions by the hundred thousand through a queue of 8, most of which find no room in it, each counted
//! once.
//!
//! With `BARE_URING_STORM=10000000` as many go through as it says: `ci/endure.sh` runs that.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use bare_uring::squeue::Entry;
use bare_uring::{Builder, Errno, IoUring, SqFlags, cqueue, opcode, squeue};
use common::ring_memory::{Random, bounded, until};
use common::{builders, nop, older_than};

/// Slots of both queues.
const SLOTS: u32 = 8;

/// Requests that are out at the same time: the kernel holds what has no room in memory of its own, of which it has an
/// end.
const OUT: u64 = 8 * SLOTS as u64;

/// How many there are: what was asked for, or as many as take a second or two.
fn many() -> u64 {
    std::env::var("BARE_URING_STORM").map_or(100_000, |count| count.parse().expect("a number"))
}

/// Runs a storm on each kind of ring that there is and that it says it ran on; a long one takes the time that it needs.
fn on_each(storm: impl Fn(&'static str, IoUring, u64) -> bool + Send + 'static) {
    let all = move || {
        for (name, mut builder) in builders() {
            let ring = builder.setup_cqsize(SLOTS).build(SLOTS).unwrap();
            let start = std::time::Instant::now();
            if storm(name, ring, many()) {
                println!("{name}: {} completions in {:.1} s", many(), start.elapsed().as_secs_f64());
            }
        }
    };
    if std::env::var_os("BARE_URING_STORM").is_some() { all() } else { bounded(all) }
}

/// Which of the requests have come back: one bit for each.
struct Seen {
    bits: Vec<u64>,
    count: u64,
}

impl Seen {
    fn new(all: u64) -> Self {
        Self { bits: vec![0; all.div_ceil(64) as usize], count: 0 }
    }

    fn note(&mut self, cqe: &cqueue::Entry) {
        let (word, bit) = (&mut self.bits[cqe.user_data() as usize / 64], 1 << (cqe.user_data() % 64));
        assert_eq!((cqe.result(), *word & bit), (0, 0), "{cqe:?} came twice, or failed");
        *word |= bit;
        self.count += 1;
    }
}

/// A request that does nothing. Now and then its completion comes from a worker or by task work, where the kernel has
/// that.
fn request(user_data: u64) -> Entry {
    match user_data % 1024 {
        0 => nop(user_data).flags(squeue::Flags::ASYNC),
        8..16 | 700..709 if !older_than(6, 13) => opcode::Nop::new().task_work().build().user_data(user_data),
        _ => nop(user_data),
    }
}

/// The count that a submit told. Older kernels take nothing while too much waits outside the queue.
fn told(outcome: Result<usize, Errno>) -> u64 {
    match outcome {
        Ok(count) => count as u64,
        Err(Errno::EBUSY) if older_than(5, 19) => 0,
        Err(errno) => panic!("{errno}"),
    }
}

#[test]
fn each_of_them_comes_back_once_through_a_queue_of_eight() {
    on_each(|name, mut ring, all| {
        let (mut random, mut seen) = (Random(0x5eed), Seen::new(all));
        let (mut pushed, mut submitted, mut bursts, mut overflown) = (0, 0, 1, 0);
        while seen.count < all {
            // Now and then nothing is taken before the queue overflows. Otherwise that would depend on which side is
            // faster.
            let burst = pushed >= bursts * 10_000 && pushed + OUT <= all;
            bursts += u64::from(burst);
            loop {
                let room = all.min(seen.count + OUT) - pushed;
                if burst && room == 0 {
                    break until("it overflows", || ring.submission().flags().contains(SqFlags::CQ_OVERFLOW));
                }
                if room == 0 || !burst && pushed != seen.count && random.below(8) == 0 {
                    submitted += told(ring.submit_and_wait(1));
                    break;
                }
                for _ in 0..room.min(1 + random.below(u64::from(SLOTS))) {
                    // SAFETY: such a request points to nothing.
                    if unsafe { ring.submission().push(request(pushed)) }.is_err() {
                        break;
                    }
                    pushed += 1;
                }
                submitted += told(ring.submit());
                let outside = ring.submission().flags().contains(SqFlags::CQ_OVERFLOW);
                if !burst || outside {
                    break;
                }
                until("entries are consumed", || {
                    ring.submission().is_empty() || ring.submission().flags().contains(SqFlags::CQ_OVERFLOW)
                });
            }
            overflown += u64::from(ring.submission().flags().contains(SqFlags::CQ_OVERFLOW));
            // Not always all that is there: heads and tails meet in every way.
            let most = random.below(2 * u64::from(SLOTS)) as usize;
            ring.completion().take(most).for_each(|cqe| seen.note(&cqe));
        }
        assert_eq!((pushed, submitted, seen.count), (all, all, all), "{name}");
        assert_eq!((ring.submit(), ring.completion().next().is_none()), (Ok(0), true), "{name}");
        assert_eq!(ring.completion().overflow(), 0, "{name}");
        assert!(bursts > all / 20_000 && overflown >= bursts - 1, "{name}: overflowed {overflown} times only");
        true
    });
}

#[test]
fn each_of_them_comes_back_once_through_two_halves() {
    on_each(|name, mut ring, all| {
        let Ok((mut submission, mut completion)) = ring.halves() else {
            assert_eq!(name, "defer", "completions that are one task's alone have no second half");
            return false;
        };
        let count = &AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(move || {
                let (mut random, mut pushed, mut submitted) = (Random(0x5eed), 0, 0);
                while submitted < all {
                    let room = all.min(count.load(Ordering::Relaxed) + OUT) - pushed;
                    for _ in 0..room.min(1 + random.below(u64::from(SLOTS))) {
                        // SAFETY: such a request points to nothing.
                        if unsafe { submission.queue().push(request(pushed)) }.is_err() {
                            submission.squeue_wait().unwrap();
                            break;
                        }
                        pushed += 1;
                    }
                    submitted += told(submission.submit());
                    if room == 0 {
                        thread::yield_now();
                    }
                }
                assert_eq!((pushed, submitted), (all, all), "{name}");
            });
            scope.spawn(move || {
                let mut seen = Seen::new(all);
                while seen.count < all {
                    completion.queue().for_each(|cqe| seen.note(&cqe));
                    count.store(seen.count, Ordering::Relaxed);
                    if seen.count < all {
                        completion.wait(1).unwrap();
                    }
                }
                assert!(completion.queue().next().is_none(), "{name}");
            });
        });
        assert_eq!((ring.submit(), ring.completion().next().is_none()), (Ok(0), true), "{name}");
        assert_eq!(ring.completion().overflow(), 0, "{name}");
        true
    });
}

/// Requests of several storms at once, each with a ring of its own, do not mix.
#[test]
fn storms_side_by_side_keep_to_their_rings() {
    bounded(|| {
        let all = 20_000;
        let storm = |mark: u64| {
            let mut ring: IoUring = Builder::new().setup_cqsize(SLOTS).build(SLOTS).unwrap();
            let (mut next, mut come) = (0, 0);
            while come < all {
                while next < all && next - come < OUT && !ring.submission().is_full() {
                    // SAFETY: such a request points to nothing.
                    unsafe { ring.submission().push(nop(mark << 32 | next)) }.unwrap();
                    next += 1;
                }
                told(ring.submit_and_wait(1));
                ring.completion().for_each(|cqe| {
                    assert_eq!(cqe.user_data() >> 32, mark);
                    come += 1;
                });
            }
        };
        thread::scope(|scope| (0..4).for_each(|mark| drop(scope.spawn(move || storm(mark)))));
    });
}
