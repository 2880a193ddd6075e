//! The contenders: one file for each, with its part of every table.

use crate::measure::{Lack, Opened};
use crate::setup::Setup;
use crate::work::alone::RawParams;
use crate::work::echo::ReceiveMode;
use crate::work::read::Plan;

mod bare_uring;
mod by_hand;
mod io_uring;
mod liburing;
mod ququmatz;
mod rustix_uring;

/// A contender: its name, and a function for each table that makes it ready.
pub struct Contender {
    pub name: &'static str,
    pub nop: fn(Setup) -> Opened,
    pub singly: fn() -> Opened,
    pub idle: fn() -> Opened,
    pub alone: fn() -> Opened,
    pub reads: fn(Plan) -> Opened,
    pub waits: fn() -> Opened,
    pub echo: fn(ReceiveMode) -> Opened,
    pub create: fn() -> Opened,
}

pub const OURS: &str = "bare-uring";
pub const BY_HAND: &str = "by hand";

pub const ALL: [Contender; 6] = [
    bare_uring::CONTENDER,
    io_uring::CONTENDER,
    rustix_uring::CONTENDER,
    ququmatz::CONTENDER,
    liburing::CONTENDER,
    by_hand::CONTENDER,
];

/// The libraries that bare-uring is compared with.
pub const PEERS: [&str; 4] = ["io-uring", "rustix-uring", "ququmatz", "liburing"];

/// Returns the reason why a contender has no figure in a table.
fn lack<T>(reason: &str) -> Result<T, Lack> {
    Err(reason.into())
}

/// Converts a ring's parameters to another crate's type, which has the same 120 bytes.
///
/// # Safety
///
/// `T` must be `struct io_uring_params`, or transparent over it.
unsafe fn foreign_params<T>(raw: RawParams) -> T {
    const { assert!(size_of::<T>() == size_of::<RawParams>()) };
    // SAFETY: the sizes are equal, and by the caller's contract any bytes are a valid `T`.
    unsafe { std::mem::transmute_copy(&raw) }
}
