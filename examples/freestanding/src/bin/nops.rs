//! `nops MODE BATCH ROUNDS`: no-ops, for counting the instructions that each takes. See `ci/exact.sh`.
//!
//! | mode | what a round is |
//! |--|--|
//! | `batch` | pushes BATCH through one handle, submits and waits, takes all |
//! | `single` | the same, but pushes each through a handle of its own |
//! | `empty` | BATCH submits of nothing |
//!
//! The exit status is 0 only if every completion came, and none with an error.
#![no_std]
#![no_main]

use bare_uring::{IoUring, cqueue, opcode};
use freestanding::Args;

freestanding::entry!(main);

fn main(args: Args) -> u8 {
    let mut args = args.skip(1).map(|argument| argument.to_bytes());
    let (Some(mode), Some(batch), Some(rounds)) = (args.next(), args.next().map(number), args.next().map(number))
    else {
        return 2;
    };
    let mut made = IoUring::new(256);
    let Ok(ring) = &mut made else { return 1 };
    let done = match mode {
        b"batch" => by_batch(ring, batch, rounds),
        b"single" => one_by_one(ring, batch, rounds),
        b"empty" => (0..rounds * batch).all(|_| ring.submit() == Ok(0)),
        _ => return 2,
    };
    u8::from(!done)
}

/// The number that these digits are.
fn number(digits: &[u8]) -> usize {
    digits.iter().fold(0, |sum: usize, digit| sum.wrapping_mul(10).wrapping_add(usize::from(digit.wrapping_sub(b'0'))))
}

/// What the completions of all rounds said. User data counts from 0 in each round.
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

    /// Whether each came once, and none with an error.
    fn all(&self, batch: usize, rounds: usize) -> bool {
        let (batch, rounds) = (batch as u64, rounds as u64);
        self.results == 0 && self.user_data == (batch * batch.wrapping_sub(1) / 2).wrapping_mul(rounds)
    }
}

fn by_batch(ring: &mut IoUring, batch: usize, rounds: usize) -> bool {
    let mut seen = Seen::default();
    for _ in 0..rounds {
        let mut queue = ring.submission();
        for user_data in 0..batch {
            // SAFETY: the request points to nothing.
            if unsafe { queue.push(opcode::Nop::new().build().user_data(user_data as u64)) }.is_err() {
                return false;
            }
        }
        if ring.submit_and_wait(batch) != Ok(batch) {
            return false;
        }
        for cqe in ring.completion() {
            seen.note(&cqe);
        }
    }
    seen.all(batch, rounds)
}

fn one_by_one(ring: &mut IoUring, batch: usize, rounds: usize) -> bool {
    let mut seen = Seen::default();
    for _ in 0..rounds {
        for user_data in 0..batch {
            // SAFETY: the request points to nothing.
            if unsafe { ring.submission().push(opcode::Nop::new().build().user_data(user_data as u64)) }.is_err() {
                return false;
            }
        }
        if ring.submit_and_wait(batch) != Ok(batch) {
            return false;
        }
        for cqe in ring.completion() {
            seen.note(&cqe);
        }
    }
    seen.all(batch, rounds)
}
