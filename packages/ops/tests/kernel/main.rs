//! Operations on the real kernel. These tests have no `unsafe`.
#![forbid(unsafe_code)]

mod driver;
mod endings;
mod files;
mod many;
mod reentry;
mod server;
mod setting;
#[path = "../shared/mod.rs"]
mod shared;
mod sockets;
mod streams;
mod wakers;
