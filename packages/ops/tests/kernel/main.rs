//! Operations on the real kernel. These tests have no `unsafe`.
#![forbid(unsafe_code)]

mod bytes;
mod closing;
mod cost;
mod driver;
mod endings;
mod files;
mod folder;
mod linked;
mod many;
mod paths;
mod reentry;
mod room;
mod server;
mod setting;
#[path = "../shared/mod.rs"]
mod shared;
mod slow;
mod sockets;
mod sockets_datagrams;
mod sockets_messages;
mod sockets_names;
mod sockets_options;
mod sockets_zero_copy;
mod streams;
mod time;
mod vectored;
mod wakers;
mod whole;
mod xattrs;
