//! Property test of a ring on seeded kernels. Every entry that was pushed is submitted once and in order. Every
//! completion is seen once. Nothing hangs, and nothing panics. A kernel that lies leads to errors, never out of the
//! ring's memory.
//!
//! From 1000 seeds on, the simulated kernel must have done everything that it can do, as often per 1000 seeds as
//! `reached.rs` says, and some seeds must have run on each kernel that there is a profile of.
//!
//! `seeds/mod.rs` lists the arguments.

use std::process::ExitCode;

use bare_uring_sim::{Coverage, Mark};

mod books;
mod drive;
mod hostile;
#[path = "../kernels/mod.rs"]
mod kernels;
mod reached;
mod requests;
mod scenario;
#[path = "../seeds/mod.rs"]
mod seeds;

/// Runs a seed. Every eighth seed meets a kernel that lies. Returns how often each mark was reached, and which kernel the
/// seed ran on.
fn run(seed: u64, says: bool) -> Vec<u64> {
    let mut on_each = vec![0; kernels::all().len()];
    let coverage = if seed % 8 == 7 {
        hostile::run(seed, says)
    } else {
        let (coverage, kernel) = scenario::run(seed, says);
        on_each[kernel] = 1;
        coverage
    };
    Mark::ALL.iter().map(|&mark| coverage.count(mark)).chain(on_each).collect()
}

/// Returns the names of all counts.
fn names() -> Vec<String> {
    let kernels = kernels::all().into_iter().map(|kernel| format!("seeds on {}", kernel.0));
    Mark::ALL.iter().map(|mark| format!("{mark:?}")).chain(kernels).collect()
}

/// Returns a line for each count that is too low.
fn wrong(counts: &[u64], seeds: u64) -> Vec<String> {
    let mut reached = Coverage::default();
    Mark::ALL.iter().zip(counts).for_each(|(&mark, &count)| reached.add(mark, count));
    let on_each = kernels::all().into_iter().zip(&counts[Mark::ALL.len()..]).map(|(kernel, &ran)| (kernel.0, ran));
    reached::wrong(&reached, &on_each.collect::<Vec<_>>(), seeds)
}

fn main() -> ExitCode {
    seeds::main(&seeds::Suite { name: "property", usual: 4000, run, counts: names, wrong })
}
