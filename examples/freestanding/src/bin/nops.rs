//! `nops MODE BATCH ROUNDS`: does many NOPs, so that `ci/exact.sh` can count the instructions of each.
//!
//! | mode | a round |
//! |--|--|
//! | `batch` | pushes BATCH requests with `push_with`, submits and waits, takes all completions with `for_each` |
//! | `loop` | as `batch`, but pushes one by one through one handle, and takes the completions in a `for` loop |
//! | `single` | as `batch`, but pushes each request through a handle of its own |
//! | `empty` | submits BATCH times with nothing queued |
//!
//! The exit status is 0 only if every completion came, and without an error.
#![no_std]
#![no_main]

use bare_uring::{IoUring, cqueue, opcode, squeue};
use freestanding::{Args, number};

freestanding::entry!(main);

fn main(args: Args) -> u8 {
    let mut args = args.skip(1).map(|argument| argument.to_bytes());
    let mode = args.next();
    let mut counts = args.map_while(number::parse);
    let (Some(mode), Some(batch), Some(rounds)) = (mode, counts.next(), counts.next()) else { return 2 };
    let (batch, rounds) = (batch as usize, rounds as usize);
    let mut made = IoUring::new(256);
    let Ok(ring) = &mut made else { return 1 };
    let done = match mode {
        b"batch" => by_batch(ring, batch, rounds),
        b"loop" => in_loops(ring, batch, rounds),
        b"single" => one_by_one(ring, batch, rounds),
        b"empty" => (0..rounds * batch).all(|_| ring.submit() == Ok(0)),
        _ => return 2,
    };
    u8::from(!done)
}

/// Sums over the completions of all rounds. User data counts from 0 in each round.
#[derive(Default)]
struct Seen {
    user_data: u64,
    results: i32,
}

impl Seen {
    fn note(&mut self, cqe: &cqueue::Entry) {
        self.user_data = self.user_data.wrapping_add(cqe.user_data());
        self.results |= cqe.result();
    }

    /// Returns whether each completion came once, and without an error.
    fn all(&self, batch: usize, rounds: usize) -> bool {
        let (batch, rounds) = (batch as u64, rounds as u64);
        self.results == 0 && self.user_data == (batch * batch.wrapping_sub(1) / 2).wrapping_mul(rounds)
    }
}

fn by_batch(ring: &mut IoUring, batch: usize, rounds: usize) -> bool {
    round_trips(ring, batch, rounds, push_all, take_all)
}

fn in_loops(ring: &mut IoUring, batch: usize, rounds: usize) -> bool {
    let push = |ring: &mut IoUring, batch| {
        let mut queue = ring.submission();
        // SAFETY: the request points to nothing.
        (0..batch).all(|number| unsafe { queue.push(nop(number)) }.is_ok())
    };
    round_trips(ring, batch, rounds, push, |ring, seen| {
        for cqe in ring.completion() {
            seen.note(&cqe);
        }
    })
}

fn one_by_one(ring: &mut IoUring, batch: usize, rounds: usize) -> bool {
    let push = |ring: &mut IoUring, batch| {
        // SAFETY: the request points to nothing.
        (0..batch).all(|number| unsafe { ring.submission().push(nop(number)) }.is_ok())
    };
    round_trips(ring, batch, rounds, push, take_all)
}

#[inline(always)]
fn push_all(ring: &mut IoUring, batch: usize) -> bool {
    let mut number = 0;
    let next = || {
        let entry = nop(number);
        number += 1;
        entry
    };
    // SAFETY: the request points to nothing.
    unsafe { ring.submission().push_with(batch, next) == batch }
}

#[inline(always)]
fn take_all(ring: &mut IoUring, seen: &mut Seen) {
    ring.completion().for_each(|cqe| seen.note(&cqe));
}

#[inline(always)]
fn nop(number: usize) -> squeue::Entry {
    opcode::Nop::new().build().user_data(number as u64)
}

/// Runs `rounds` rounds of `batch` requests, which `push` queues and whose completions `take` takes. Returns whether all
/// completions came, without an error.
#[inline(always)]
fn round_trips(
    ring: &mut IoUring,
    batch: usize,
    rounds: usize,
    push: impl Fn(&mut IoUring, usize) -> bool,
    take: impl Fn(&mut IoUring, &mut Seen),
) -> bool {
    let mut seen = Seen::default();
    for _ in 0..rounds {
        if !push(ring, batch) || ring.submit_and_wait(batch) != Ok(batch) {
            return false;
        }
        take(ring, &mut seen);
    }
    seen.all(batch, rounds)
}
