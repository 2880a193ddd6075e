//! What a program without std and without a C library needs, and the programs of this package share.
//!
//! | module | what it is in place of |
//! |--|--|
//! | [`start`] | the C start files: `_start`, and the way from there to a program's own function |
//! | [`mem`] | the C library's `memcpy` and its kin, to which compiled code calls |
//! | [`mod@panic`] | std's panic handler; in a release build, the proof that no panic is left |
//! | [`sys`] | the C library's system calls, for the few that io_uring has no request for |
//! | [`print`] | `println!`, without `core::fmt`, which would be most of such a program |
//! | [`request`] | one request after the other, for what needs no more |
//! | [`path`] | paths in fixed memory |
//!
//! A program is then this, and the build script's arguments for the linker:
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//!
//! freestanding::entry!(main);
//!
//! fn main(_args: freestanding::Args) -> u8 {
//!     0
//! }
//! ```
//!
//! Build them by themselves (`cargo build --release -p freestanding`): together with a package that turns on a `std`
//! feature of a crate used here, cargo turns it on for both, and std's panic handler meets the one here.
#![no_std]

#[allow(unused, unexpected_cfgs, reason = "the library's own file, of which this package needs one function")]
#[path = "../../../src/arch/mod.rs"]
mod arch;
pub mod mem;
pub mod panic;
pub mod path;
pub mod print;
pub mod request;
pub mod start;
pub mod sys;

pub use start::Args;
