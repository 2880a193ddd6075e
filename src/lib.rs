//! io_uring for programs without a C library: no `std`, no libc, no allocator.
//!
//! A ring of requests and one of completions, shared with the kernel, of Linux 5.1 or newer on eight architectures, or of any
//! kernel that implements [`Kernel`]. All requests and registrations of Linux 7.3 are here. On this crate stands
//! [`bare-uring-ops`](https://docs.rs/bare-uring-ops), which needs no `unsafe` of its user.
//!
//! The names are those of the crate `io-uring`; [a guide](guides::moving_from_io_uring) has each beside ours.
//!
//! # A first program
//!
//! ```
//! use std::os::fd::AsRawFd;
//!
//! use bare_uring::{IoUring, opcode, types};
//!
//! # fn first() -> Result<(), Box<dyn std::error::Error>> {
//! let file = std::fs::File::open("Cargo.toml")?;
//! let mut ring = IoUring::new(8)?;
//! let mut buffer = [0_u8; 9];
//! let read = opcode::Read::new(types::Fd(file.as_raw_fd()), buffer.as_mut_ptr(), 9).build().user_data(7);
//! // SAFETY: the buffer lives, and nobody else uses it, until the completion below.
//! unsafe { ring.submission().push(read)? };
//! ring.submit_and_wait(1)?;
//! let cqe = ring.completion().next().expect("waited for one");
//! assert_eq!((cqe.user_data(), cqe.outcome()), (7, Ok(9)));
//! # Ok(())
//! # }
//! # match first() {
//! #     Err(error) if error.is::<bare_uring::SetupError>() => println!("skipped: {error}"),
//! #     outcome => outcome.unwrap(),
//! # }
//! ```
//!
//! # The safety contract
//!
//! Building a request is safe. Pushing it is not: [`SubmissionQueue::push`] has the one contract of the crate's ring
//! path, about the memory that the kernel will read and write, and until when. Everything after it is safe. Each
//! [request](opcode) says what must stay valid until it was submitted, and what until which completion. Registrations
//! that hand memory over, or take it back by address, are unsafe as well, and say why.
//!
//! Nothing that the kernel reports is trusted: offsets, masks and counts are checked once against the length of the
//! memory, when the ring is made. No call panics, allocates, or needs a C library.
//!
//! What is promised beyond that, what is not, and which test shows it: [the guarantees](guides::guarantees).
//!
//! # How to choose set-up flags
//!
//! | the program | [`Builder`] |
//! |--|--|
//! | has one thread per ring, and runs on whatever kernel there is | [`setup_fastest`](Builder::setup_fastest): what of the next two rows the kernel has |
//! | has one thread per ring, and waits for completions | [`setup_single_issuer`](Builder::setup_single_issuer), [`setup_defer_taskrun`](Builder::setup_defer_taskrun): completions are made when it waits, not when they interrupt it |
//! | the same, before Linux 6.1 | [`setup_coop_taskrun`](Builder::setup_coop_taskrun) |
//! | submits without pause, and can spare a processor | [`setup_sqpoll`](Builder::setup_sqpoll): no system call as long as its thread is awake |
//! | reads and writes a fast disk with `O_DIRECT` | [`setup_iopoll`](Builder::setup_iopoll): completions are polled for; such a ring does nothing else |
//! | has bursts of completions | [`setup_cqsize`](Builder::setup_cqsize): what has no room waits in the kernel, which costs an allocation and a call there |
//! | submits in batches that must not stop at a bad entry | [`setup_submit_all`](Builder::setup_submit_all) |
//! | maps nothing | [`build_provided`](Builder::build_provided), in static memory |
//!
//! What makes any ring faster is on already where the kernel has it: `NO_SQARRAY`, and `TASKRUN_FLAG` with the task work
//! flags. A [registered descriptor](IoUring::register_ring_fd) saves each call the look-up of the file.
//! [`SetupError`] tells a kernel without io_uring from one that forbids it, and both from flags that contradict each other;
//! [`is_unavailable`](SetupError::is_unavailable) says when to fall back to another way of I/O.
//!
//! # How to wait
//!
//! - [`submit_and_wait`](IoUring::submit_and_wait) is the usual way: one call for both.
//! - With a time limit, a minimum time, or another signal mask: [`Submitter::submit_with_args`], on every kernel. It ends
//!   with `ETIME`. Since Linux 6.13 the same is free in a [registered region](register::WaitRegion).
//! - A wait may end early: `EINTR` for a signal, `EAGAIN` or `EBUSY` when the kernel wants its completions read first. Look at
//!   the queue, then wait again. What was submitted stays submitted.
//! - [`Submitter::get_events`] has the kernel do what is pending, without waiting.
//! - From another event loop: an [eventfd](Submitter::register_eventfd), or poll on the ring's own descriptor.
//! - Two threads: the [`CompletionHalf`] waits while the [`SubmissionHalf`] submits.
//!
//! # How to stop
//!
//! Dropping a ring closes it; the kernel cancels what is in flight some time later, and may write to buffers until then (or
//! kernels to come wait for it in the close). Whoever must free them calls [`IoUring::cancel_and_drain`] first, which cancels until the caller has seen the last
//! completion. Memory that lives for ever (static, or leaked) needs no such care.
//!
//! # Without Linux beneath
//!
//! A kernel that is entered by a function call implements [`Kernel`]: set-up, enter, register, close. Rings are then made in
//! memory of the caller's, [`Builder::build_provided_with`]. [A guide](guides::unikernel) has a complete program; for a static
//! binary on Linux there is [another](guides::static_binary).
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
//! # Features
//!
//! - `std`: `From<Errno>` and `From<SetupError> for std::io::Error`, and the standard library's file descriptors as
//!   [`types::Fd`].
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
// Its programs are not this crate's to compile: ci/guides.sh and ci/moving.sh do.
#[cfg(all(doc, not(doctest)))]
pub mod guides;
mod halves;
mod index;
mod kernel;
mod memory;
#[cfg(all(test, loom))]
mod models;
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
