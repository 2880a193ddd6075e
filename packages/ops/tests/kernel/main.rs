//! Operations on the real kernel. These tests have no `unsafe`.
#![forbid(unsafe_code)]

mod bytes;
mod closing;
mod driver;
mod endings;
mod files;
mod folder;
mod linked;
mod many;
mod paths;
mod reentry;
mod server;
mod setting;
#[path = "../shared/mod.rs"]
mod shared;
mod sockets;
mod streams;
mod vectored;
mod wakers;
mod whole;
mod xattrs;
