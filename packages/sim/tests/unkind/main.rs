//! The simulated kernel is as unkind as it says. Its user here is no ring of the crate's, but this test with the memory in
//! its hands, so that each may do what the other must not.

mod groups;
#[path = "../limit/mod.rs"]
mod limit;
mod memory;
mod overflow;
mod raw;
mod requests;
mod thread;
mod waits;
