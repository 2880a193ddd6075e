//! Property test of a ring on seeded kernels. Every entry that was pushed is submitted once and in order. Every
//! completion is seen once. Nothing hangs, and nothing panics. A kernel that lies leads to errors, never out of the
//! ring's memory.
//!
//! From 1000 seeds on, the simulated kernel must have done everything that it can do, as often per 1000 seeds as
//! `reached.rs` says.
//!
//! `seeds/mod.rs` lists the arguments.

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

/// Runs a seed. Every eighth seed meets a kernel that lies.
fn run(seed: u64, says: bool) -> Vec<u64> {
    let coverage = if seed % 8 == 7 { hostile::run(seed, says) } else { scenario::run(seed, says) };
    Mark::ALL.iter().map(|&mark| coverage.count(mark)).collect()
}

/// Returns a line for each mark that was reached too seldom.
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
