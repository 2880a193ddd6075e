//! Shared parts of the programs in this package, which have no std and no C library.
//!
//! | module | replaces |
//! |--|--|
//! | [`start`] | the C start files: `_start`, which calls the program's own function |
//! | [`mem`] | the C library's `memcpy`, `memset` and so on, which compiled code calls |
//! | [`mod@panic`] | std's panic handler; a release build links only if no panic is reachable |
//! | [`sys`] | the C library's wrappers of the few system calls that io_uring has no request for |
//! | [`print`] | `println!`, without `core::fmt`, which would be the largest part of a small program |
//! | [`missing`] | a manual: it says which request the kernel lacks |
//! | [`request`] | blocking calls: each submits one request and waits for it |
//! | [`path`] | `std::path`, in fixed memory |
//! | [`pages`] | an allocator of pages, in static memory |
//! | [`number`] | `str::parse` for decimal numbers |
//! | `checks` | nothing: what `every_kernel` and `init` check (feature `report-panics`) |
//!
//! A program looks like this; the build script adds the arguments for the linker:
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
//! Build this package by itself (`cargo build --release -p freestanding`). Built together with a package that enables
//! the `std` feature of a shared dependency, it would get that feature too, and with it a second panic handler.
#![no_std]

#[allow(unused, unexpected_cfgs, reason = "the library's own file; this package needs one function of it")]
#[path = "../../../src/arch/mod.rs"]
mod arch;
#[cfg(feature = "report-panics")]
pub mod checks;
pub mod mem;
pub mod missing;
pub mod number;
pub mod pages;
pub mod panic;
pub mod path;
pub mod print;
pub mod request;
pub mod start;
pub mod sys;

pub use start::Args;
