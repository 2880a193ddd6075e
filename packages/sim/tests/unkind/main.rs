//! The simulated kernel is as unkind as its documentation says. The user is not a ring of the crate but the test
//! itself, on the bare memory. So the test can break rules, and can see what the kernel does to the memory.

mod groups;
#[path = "../limit/mod.rs"]
mod limit;
mod memory;
mod messages;
mod others;
mod overflow;
mod provided;
mod raw;
mod requests;
mod thread;
mod timeouts;
mod waits;
