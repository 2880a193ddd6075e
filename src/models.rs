//! Models of the ring protocol. Loom runs each model under every interleaving of its threads that a few preemptions
//! allow, and with every value that the orderings let a load return.
//!
//! The crate's side is the crate's own code, on ring memory of the usual layout. The kernel's side is [`kernel`], with
//! the orderings of Linux. Indices start just below the wrap. `ci/loom.sh` runs the models. `ci/weaken.sh` weakens each
//! ordering of the crate, and expects one of the models to fail.

pub(crate) mod kernel;

mod completions;
mod halves;
mod submissions;
mod takeover;
mod task_work;

use std::panic::AssertUnwindSafe;
use std::string::String;

use crate::sync::shadow;

/// Checks one model in all of its runs.
pub(crate) fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    let check = move || {
        builder.check(move || {
            shadow::clear();
            run();
            shadow::clear();
        });
    };
    if shadow::weakened().is_none() {
        return check();
    }
    if let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(check)) {
        // The first model that fails has noticed the weakened ordering; the thread has the model's name.
        let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let thread = std::thread::current();
        std::println!("noticed by {}: {}", thread.name().unwrap_or("?"), said.unwrap_or("?"));
        std::process::exit(101);
    }
}
