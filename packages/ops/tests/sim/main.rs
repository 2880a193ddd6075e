//! The slab on simulated kernels, with handles dropped, forgotten and cancelled at random.
//!
//! `OPS_SEEDS` is the number of seeds (2,000 if it is not set). `OPS_SEED` is a single seed, which is then run alone. A
//! seed that fails is named, and fails again.

mod books;
mod cancel;
mod ends;
mod entries;
mod files;
mod flow;
mod kernels;
mod late;
mod lies;
mod play;
mod reached;
mod retries;
mod room;
mod setting;
#[path = "../shared/mod.rs"]
mod shared;
mod turns;
#[path = "../shared/watched.rs"]
mod watched;

use std::panic::{AssertUnwindSafe, catch_unwind};

use books::Tally;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn handles_may_be_dropped_and_forgotten_at_any_time() {
    let seeds = match number("OPS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("OPS_SEEDS").unwrap_or(2_000),
    };
    let count = seeds.end - seeds.start;
    let mut tally = Tally::default();
    for seed in seeds {
        if seed % 10_000 == 0 && seed > 0 {
            println!("{seed} seeds so far");
        }
        shared::limit(format!("seed {seed}"));
        match catch_unwind(AssertUnwindSafe(|| play::play(seed))) {
            Ok(one) => tally.add(&one),
            Err(_) => panic!("seed {seed} failed: OPS_SEED={seed} runs it alone"),
        }
    }
    println!("{count} seeds: {tally:?}");
    if count >= 1_000 {
        tally.assert_everything_happened();
        reached::assert_all(&tally.1, count);
    }
}
