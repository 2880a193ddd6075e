//! Whatever the kernel does with a group of buffers, on every release, and in whatever order its user takes completions,
//! keeps buffers, gives them back and drops them: no byte is lent that the request did not write, no buffer has two owners,
//! and none is lost. And a kernel whose completions claim nonsense never makes the crate hand out what is not there.
//!
//! After 1000 seeds and more, each of `counts.rs` must have been reached so many times. `seeds/mod.rs` says what the
//! arguments are.

use std::process::ExitCode;

mod counts;
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
        // A few of them hoard.
        run: |seed, says| if seed % 500 == 1 { hoard::run(seed) } else { play::run(seed, says) },
        counts: counts::names,
        wrong: counts::wrong,
    })
}
