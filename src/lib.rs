//! io_uring for programs without a C library: no `std`, no libc, no allocator.
//!
//! # The layers
//!
//! A reader may take them from the bottom up; each knows only those before it.
//!
//! | module | its one job |
//! |--|--|
//! | `arch` | one system call instruction for each architecture |
//! | `kernel` | [`Kernel`], the seam to whoever answers system calls, and [`Linux`] behind it |
//! | [`uapi`], [`types`], `flags`, `error` | the kernel's names, numbers and small types |
//! | `index` | heads, tails and wrap as plain integers |
//! | `memory` | ring memory, mapped or provided: offsets become references here alone |
//! | [`squeue`], [`cqueue`] | the queues; they know no kernel |
//! | `submitter`, `wait` | when to enter the kernel, and with what; they know no entry type |
//! | `builder` | what set-up may combine, and what it falls back to |
//! | `ring`, `setup`, `halves` | [`IoUring`], which has it all; how it is made; how two threads share it |
//! | [`opcode`] | the requests |
//! | [`register`] | the registrations, methods of [`Submitter`] |
//!
//! # A first program
//!
//! ```
//! use bare_uring::{IoUring, opcode, types};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut ring = match IoUring::new(8) { Ok(ring) => ring, Err(error) => { println!("skipped: {error}"); return Ok(()) } };
//! # let file = std::fs::File::open("Cargo.toml")?;
//! # let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
//! // let mut ring = IoUring::new(8)?;
//! let mut buffer = [0_u8; 64];
//! let read = opcode::Read::new(types::Fd(fd), buffer.as_mut_ptr(), 64).build().user_data(7);
//! // SAFETY: the buffer lives, and nobody else uses it, until the completion below.
//! unsafe { ring.submission().push(read)? };
//! ring.submit_and_wait(1)?;
//! let cqe = ring.completion().next().expect("waited for one");
//! assert_eq!((cqe.user_data(), cqe.outcome()), (7, Ok(64)));
//! # Ok(())
//! # }
//! ```
//!
//! # The safety contract
//!
//! Building a request is safe. Pushing it is not: [`SubmissionQueue::push`] has the one contract of the crate's ring
//! path, about the memory that the kernel will read and write, and until when. Everything after it is safe.
//!
//! # Features
//!
//! - `std`: `From<Errno> for std::io::Error`, and the standard library's file descriptors as [`types::Fd`].
//! - `rustix`: conversions from and to rustix's types, on the targets where rustix needs no libc.
//!
//! Neither changes a type or a system call.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(test, feature = "std"))]
extern crate std;

mod arch;
mod builder;
pub mod cqueue;
mod error;
mod flags;
mod halves;
mod index;
mod kernel;
mod memory;
pub mod opcode;
pub mod register;
mod ring;
mod setup;
pub mod squeue;
mod submitter;
mod sync;
pub mod types;
pub mod uapi;
mod wait;

pub use builder::{Builder, MAX_CQ_ENTRIES, MAX_ENTRIES, Parameters};
pub use cqueue::CompletionQueue;
pub use error::{Area, Call, Errno, SetupError};
pub use flags::{EnterFlags, Features, SetupFlags, SqFlags};
pub use halves::{CompletionHalf, SubmissionHalf};
pub use kernel::Kernel;
pub use memory::MemorySize;
pub use register::ring_fd::{LocalRing, Registered};
pub use ring::IoUring;
pub use setup::RingMemory;
pub use squeue::SubmissionQueue;
pub use submitter::Submitter;

arch::linux! {
    {
        pub use kernel::Linux;
    } else {
        pub use kernel::NoKernel;
    }
}

#[cfg(feature = "rustix")]
arch::where_rustix! {
    mod convert;
}
