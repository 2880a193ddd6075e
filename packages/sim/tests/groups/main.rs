//! Property test of provided buffer rings, on every release that changed them. The user takes completions, keeps
//! buffers, gives them back and drops them in any order. No byte is lent that the request did not write. No buffer has
//! two owners, and no buffer is lost. A kernel whose completions lie never makes the crate hand out memory beyond the
//! buffers.
//!
//! From 1000 seeds on, each row of `counts.rs` must have been reached as often as it says. `seeds/mod.rs` lists the
//! arguments.

use std::process::ExitCode;

mod counts;
mod ending;
mod hoard;
mod memory;
mod owners;
mod play;
mod requests;
#[path = "../seeds/mod.rs"]
mod seeds;
mod streams;
mod taking;

fn main() -> ExitCode {
    seeds::main(&seeds::Suite {
        name: "groups",
        usual: 4000,
        // One seed of 500 hoards pieces.
        run: |seed, says| if seed % 500 == 1 { hoard::run(seed) } else { play::run(seed, says) },
        counts: counts::names,
        wrong: counts::wrong,
    })
}
