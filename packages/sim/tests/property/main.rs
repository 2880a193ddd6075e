//! Whatever the kernel does, and whatever the seed: every entry that was pushed is submitted once and in order, every
//! completion is seen once, nothing hangs, and nothing panics. And a kernel that lies leads to errors, never out of the
//! ring's memory.
//!
//! After 1000 seeds and more, the simulated kernel must have done everything that it can do, so many times per 1000 seeds
//! as `reached.rs` says.
//!
//! `seeds/mod.rs` says what the arguments are.

use std::process::ExitCode;

use bare_uring_sim::{Coverage, Mark};

mod books;
mod drive;
mod hostile;
mod reached;
mod requests;
mod scenario;
#[path = "../seeds/mod.rs"]
mod seeds;

/// One seed: every eighth meets a kernel that lies.
fn run(seed: u64, says: bool) -> Vec<u64> {
    let coverage = if seed % 8 == 7 { hostile::run(seed, says) } else { scenario::run(seed, says) };
    Mark::ALL.iter().map(|&mark| coverage.count(mark)).collect()
}

fn wrong(counts: &[u64], seeds: u64) -> Vec<String> {
    let mut reached = Coverage::default();
    Mark::ALL.iter().zip(counts).for_each(|(&mark, &count)| reached.add(mark, count));
    reached::wrong(&reached, seeds)
}

fn main() -> ExitCode {
    seeds::main(&seeds::Suite {
        name: "property",
        usual: 4000,
        run,
        counts: || Mark::ALL.iter().map(|mark| format!("{mark:?}")).collect(),
        wrong,
    })
}
