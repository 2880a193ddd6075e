//! Timed waits on kernels without `EXT_ARG`, where the time limit is a request of the crate's own. The caller never has
//! more completions to come and to take than the queue holds. Each of them comes exactly once, nothing overflows, time
//! limits hold, a wait that is refused changes nothing, and in the end no request of the crate's own is left.
//!
//! From 1000 seeds on, each kernel must have been run on, and must have done what is counted. `today.rs` lists the
//! kernels on which seeds may fail for now. `seeds/mod.rs` lists the arguments.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use bare_uring_sim::Overflow;

mod play;
#[path = "../seeds/mod.rs"]
mod seeds;
mod today;

use play::{Counts, Play};
use today::{FAILS_TODAY, kernels};

/// Names of counts.
const REFUSED: &str = "waits refused";
const OVER: &str = "waits over";

/// What is counted on each kernel, and the least count of it in 1000 seeds on any of them.
const COUNTED: [(&str, u64); 5] =
    [("seeds", 100), ("waits that brought something", 100), (OVER, 50), (REFUSED, 5), ("seeds failed", 0)];

/// Runs a seed on one of the kernels. Returns the counts of all of them.
fn run(seed: u64, says: bool) -> Vec<u64> {
    let kernels = kernels();
    let kernel = (seed % kernels.len() as u64) as usize;
    let (name, profile) = kernels[kernel].clone();
    if says {
        println!("{name}");
    }
    let mut counts = Counts::default();
    let mut play = || Play::new(profile.clone(), seed, says).run(&mut counts);
    let failed = if says || !FAILS_TODAY.contains(&name) {
        play();
        false
    } else {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let outcome = catch_unwind(AssertUnwindSafe(play));
        std::panic::set_hook(hook);
        outcome.is_err()
    };
    let mut all = vec![0; kernels.len() * COUNTED.len()];
    let own = [1, counts.brought, counts.over, counts.refused, u64::from(failed)];
    all[kernel * own.len()..][..own.len()].copy_from_slice(&own);
    all
}

/// Returns the names of all counts.
fn names() -> Vec<String> {
    let of = |name: &str| COUNTED.map(|counted| format!("{} on {name}", counted.0));
    kernels().iter().flat_map(|kernel| of(kernel.0)).collect()
}

/// Returns a line for each count that is too low, and for each kernel that no longer fails.
fn wrong(counts: &[u64], seeds: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    if seeds < 1000 {
        return wrong;
    }
    for ((name, profile), counts) in kernels().iter().zip(counts.chunks_exact(COUNTED.len())) {
        let fails = FAILS_TODAY.contains(name);
        for ((what, least), count) in COUNTED.iter().zip(counts) {
            // Only where completions are dropped must some waits be refused. A seed that fails ends early.
            // A timeout that completes at once by its count says nothing of the time.
            let need_not =
                *what == REFUSED && profile.overflow != Overflow::Drop || *what == OVER && !profile.timeouts.timers;
            if !fails && !need_not && count * 1000 < least * seeds {
                wrong.push(format!("{what} on {name}: {count} in {seeds} seeds, fewer than {least} per 1000"));
            }
        }
        if fails && counts[COUNTED.len() - 1] == 0 {
            wrong.push(format!("nothing fails on {name} any more: take it out of FAILS_TODAY"));
        }
    }
    wrong
}

fn main() -> ExitCode {
    seeds::main(&seeds::Suite { name: "timed_waits", usual: 4000, run, counts: names, wrong })
}
