//! Property test of provided buffer rings, on every release that changed them. The user takes completions, keeps
//! buffers, gives them back and drops them in any order. No byte is lent that the request did not write. No buffer has
//! two owners, and no buffer is lost. A kernel whose completions lie never makes the crate hand out memory beyond the
//! buffers.
//!
//! From 1000 seeds on, each row of `counts.rs` must have been reached as often as it says, and seeds must have run on each
//! release with groups. Kernels without groups must say so. `seeds/mod.rs` lists the arguments.

use std::process::ExitCode;

mod counts;
mod ending;
mod hoard;
#[path = "../kernels/mod.rs"]
mod kernels;
mod memory;
mod owners;
mod play;
mod releases;
mod requests;
#[path = "../seeds/mod.rs"]
mod seeds;
mod streams;
mod taking;

/// Runs a seed. One of 500 hoards pieces, and one of 500 looks at the kernels that have no groups.
fn run(seed: u64, says: bool) -> Vec<u64> {
    let refused = seed % 500 == 2;
    if refused {
        releases::refuse(seed);
    }
    let counts = if seed % 500 == 1 { hoard::run(seed) } else { play::run(seed, says) };
    counts.into_iter().chain(releases::count(seed, refused)).collect()
}

/// Returns a line for each count that is too low.
fn wrong(counts: &[u64], seeds: u64) -> Vec<String> {
    let (own, on_each) = counts.split_at(counts::names().len());
    let mut wrong = counts::wrong(own, seeds);
    if seeds >= 1000 {
        wrong.extend(releases::wrong(on_each, seeds));
    }
    wrong
}

fn main() -> ExitCode {
    seeds::main(&seeds::Suite {
        name: "groups",
        usual: 4000,
        run,
        counts: || counts::names().into_iter().chain(releases::names()).collect(),
        wrong,
    })
}
