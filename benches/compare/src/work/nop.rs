//! Requests that do nothing: their cost is that of the way through the ring.

use std::hint::{black_box, spin_loop};
use std::time::{Duration, Instant};

use crate::measure::{Column, Lack, Opened, Row};
use crate::setup::Setup;

/// Numbers of requests in a batch, one column each.
pub const BATCHES: [u32; 4] = [1, 8, 32, 128];
/// Entries of every ring here.
pub const ENTRIES: u32 = 128;

/// Sums over the completions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub count: u64,
    /// The sum of the user data.
    pub tags: u64,
    /// The results, combined with OR: 0 if each was 0.
    pub results: i32,
}

impl Seen {
    #[inline(always)]
    pub fn add(&mut self, tag: u64, result: i32) {
        self.count += 1;
        self.tags = self.tags.wrapping_add(tag);
        self.results |= result;
    }

    /// Checks the sums of requests numbered from 0. Takes `self` by value: if its address were passed, the loops could
    /// not keep it in registers across a contender's function calls.
    pub fn check(self, requests: u64) {
        let expected = Self { count: requests, tags: (0..requests).fold(0, u64::wrapping_add), results: 0 };
        assert_eq!(self, expected, "completions are missing, or wrong");
    }
}

/// The operations of a ring that the loops below use. They are inlined there, as they would be in a user's program:
/// nothing is called through a pointer.
pub trait NopRing {
    /// Queues `batch` requests with the user data `first..`, through one handle of the queue if the library has
    /// handles.
    fn push(&mut self, batch: u32, first: u64);
    /// Queues such requests, each through a handle of its own.
    fn push_singly(&mut self, batch: u32, first: u64);
    fn submit(&mut self);
    fn submit_and_wait(&mut self, want: u32);
    /// Takes the completions that have arrived.
    fn reap(&mut self, seen: &mut Seen);
    /// Returns whether the kernel thread sleeps.
    fn asleep(&mut self) -> bool;
}

/// Reaps until `want` completions were seen in all. The first call usually finds all of them.
#[inline(always)]
fn reap_all<R: NopRing>(ring: &mut R, seen: &mut Seen, want: u64) {
    ring.reap(seen);
    while seen.count < want {
        ring.submit_and_wait((want - seen.count) as u32);
        ring.reap(seen);
    }
}

/// Times rounds of a batch each: `push` queues it, and `finish` submits it and takes completions until `want` were
/// seen.
#[inline(always)]
pub(super) fn timed<R>(
    ring: &mut R,
    batch: u32,
    rounds: u32,
    push: impl Fn(&mut R, u32, u64),
    finish: impl Fn(&mut R, &mut Seen, u64),
) -> Duration {
    let (mut seen, mut pushed) = (Seen::default(), 0);
    let start = Instant::now();
    for _ in 0..rounds {
        push(ring, batch, pushed);
        pushed += u64::from(batch);
        finish(ring, &mut seen, pushed);
    }
    let took = start.elapsed();
    seen.check(pushed);
    took
}

#[inline(never)]
fn in_batches<R: NopRing>(ring: &mut R, batch: u32, rounds: u32) -> Duration {
    timed(ring, batch, rounds, R::push, |ring, seen, want| {
        ring.submit_and_wait(batch);
        reap_all(ring, seen, want);
    })
}

#[inline(never)]
fn singly<R: NopRing>(ring: &mut R, batch: u32, rounds: u32) -> Duration {
    timed(ring, batch, rounds, R::push_singly, |ring, seen, want| {
        ring.submit_and_wait(batch);
        reap_all(ring, seen, want);
    })
}

/// Submits to a kernel thread, and polls for the completions without entering the kernel.
#[inline(never)]
fn polled<R: NopRing>(ring: &mut R, batch: u32, rounds: u32) -> Duration {
    timed(ring, batch, rounds, R::push, |ring, seen, want| {
        ring.submit();
        while seen.count < want {
            ring.reap(seen);
            spin_loop();
        }
    })
}

/// Times rounds that begin while the kernel thread sleeps, without the wait until it does.
fn woken<R: NopRing>(ring: &mut R, batch: u32, rounds: u32) -> Duration {
    let (mut seen, mut pushed, mut took) = (Seen::default(), 0, Duration::ZERO);
    for _ in 0..rounds {
        let limit = Instant::now() + Duration::from_secs(5);
        while !ring.asleep() {
            assert!(Instant::now() < limit, "the kernel thread never sleeps");
            std::thread::sleep(Duration::from_millis(1));
        }
        let start = Instant::now();
        ring.push(batch, pushed);
        pushed += u64::from(batch);
        ring.submit();
        while seen.count < pushed {
            ring.submit_and_wait((pushed - seen.count) as u32);
            ring.reap(&mut seen);
        }
        took += start.elapsed();
    }
    seen.check(pushed);
    took
}

struct Kept<R>(R);

impl<R: NopRing> Row for Kept<R> {
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack> {
        Ok(in_batches(&mut self.0, BATCHES[column], rounds))
    }
}

struct Woken<R>(R);

impl<R: NopRing> Row for Woken<R> {
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack> {
        Ok(woken(&mut self.0, BATCHES[column], rounds))
    }
}

/// Makes a ring for each slice, because a kernel thread that spins keeps a processor from the other contenders.
struct Reopened<F>(F);

impl<R: NopRing, F: FnMut() -> Result<R, Lack>> Row for Reopened<F> {
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack> {
        let mut ring = (self.0)()?;
        polled(&mut ring, 1, 8);
        Ok(polled(&mut ring, BATCHES[column], rounds))
    }
}

/// Makes a row of the table of `setup`.
pub fn row<R: NopRing + 'static>(setup: Setup, mut open: impl FnMut() -> Result<R, Lack> + 'static) -> Opened {
    Ok(match setup {
        Setup::SqpollSpinning => Box::new(Reopened(open)),
        Setup::SqpollAsleep => Box::new(Woken(open()?)),
        _ => Box::new(Kept(open()?)),
    })
}

struct Singly<R>(R);

impl<R: NopRing> Row for Singly<R> {
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack> {
        Ok(singly(&mut self.0, BATCHES[column], rounds))
    }
}

/// Makes a row of the table of single pushes.
pub fn singly_row<R: NopRing + 'static>(ring: R) -> Opened {
    Ok(Box::new(Singly(ring)))
}

struct Idle<R>(R);

impl<R: NopRing> Row for Idle<R> {
    fn run(&mut self, _: usize, rounds: u32) -> Result<Duration, Lack> {
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(&mut self.0).submit();
        }
        let took = start.elapsed();
        let mut seen = Seen::default();
        self.0.reap(&mut seen);
        seen.check(0);
        Ok(took)
    }
}

/// Makes a row of the table of submits that have nothing to submit.
pub fn idle_row<R: NopRing + 'static>(ring: R) -> Opened {
    Ok(Box::new(Idle(ring)))
}

pub fn columns() -> Vec<Column> {
    BATCHES.iter().map(|batch| Column::new(format!("batch {batch}"), *batch)).collect()
}
