//! io_uring for programs without a C library: no `std`, no libc, no allocator.
//!
//! A submission queue and a completion queue, shared with the kernel: Linux 5.1 or newer on eight architectures, or any kernel
//! that implements [`Kernel`]. All requests and registrations of Linux 7.3 are here. For a safe interface, take
//! [`bare-uring-ops`](https://docs.rs/bare-uring-ops), which is built on this crate.
//!
//! The names are those of the crate `io-uring`; [a guide](guides::moving_from_io_uring) lists both side by side.
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
//! Building a request is safe. Pushing it is not: [`SubmissionQueue::push`] has the only contract of the ring path. The contract
//! says which memory the kernel will read and write, and until when. Everything after the push is safe. The documentation
//! of each [request](opcode) says which memory must stay valid until the request was submitted, and which memory until
//! which completion. Registrations that hand memory over, or take it back by address, are unsafe as well, and say why.
//!
//! Nothing that the kernel reports is trusted: offsets, masks and counts are checked once against the length of the
//! memory, when the ring is made. No call panics, allocates, or needs a C library.
//!
//! [The guarantees](guides::guarantees) list what is promised beyond that, what is not, and which test shows each promise.
//!
//! # How to choose set-up flags
//!
//! | the program | [`Builder`] |
//! |--|--|
//! | has one thread per ring, and must run on any kernel | [`setup_fastest`](Builder::setup_fastest): the flags of the next two rows, as far as the kernel has them |
//! | has one thread per ring, and waits for completions | [`setup_single_issuer`](Builder::setup_single_issuer), [`setup_defer_taskrun`](Builder::setup_defer_taskrun): completion work runs when the thread waits, and does not interrupt it |
//! | has one thread per ring, on Linux 5.19 or 6.0 | [`setup_coop_taskrun`](Builder::setup_coop_taskrun) |
//! | submits without pause, and can spare a processor | [`setup_sqpoll`](Builder::setup_sqpoll): no system call as long as the kernel-side SQPOLL thread is awake |
//! | reads and writes a fast disk with `O_DIRECT` | [`setup_iopoll`](Builder::setup_iopoll): the kernel polls the device for completions; such a ring does nothing else |
//! | has bursts of completions | [`setup_cqsize`](Builder::setup_cqsize): a CQE that finds no room waits in the kernel, which costs an allocation there, and a system call to fetch the CQE |
//! | submits in batches that must not stop at a bad SQE | [`setup_submit_all`](Builder::setup_submit_all) |
//! | maps nothing | [`build_provided`](Builder::build_provided), in static memory |
//!
//! The builder itself adds two flags that make any ring faster, if the kernel has them: `NO_SQARRAY`, and `TASKRUN_FLAG` with
//! the task work flags. A [registered descriptor](IoUring::register_ring_fd) saves the look-up of the file in each call.
//! [`SetupError`] tells a kernel without io_uring from one that forbids it, and both from flags that contradict each other.
//! [`is_unavailable`](SetupError::is_unavailable) says when to fall back to another way of I/O.
//!
//! # How to wait
//!
//! - [`submit_and_wait`](IoUring::submit_and_wait) is the usual way: one call for both.
//! - [`Submitter::submit_with_args`] has a time limit (where the kernel has no argument for one, by a timeout request), a
//!   minimum time since Linux 6.12, or another signal mask. The time limit ends the wait with `ETIME`. Since Linux 6.13,
//!   arguments in a [registered region](register::WaitRegion) cost no copy.
//! - A wait may end early: with `EINTR` for a signal, with `EAGAIN` or `EBUSY` when the kernel wants its CQEs read first. Look at
//!   the queue, then wait again. SQEs that were submitted stay submitted.
//! - [`Submitter::get_events`] makes the kernel do its pending work, without waiting.
//! - Another event loop can wait for the ring by an [eventfd](Submitter::register_eventfd), or by polling the ring's own
//!   descriptor.
//! - With two threads, the [`CompletionHalf`] waits while the [`SubmissionHalf`] submits.
//!
//! # How to stop
//!
//! Dropping a ring closes it. The kernel cancels requests in flight some time later, and may write to their buffers until then.
//! (Linux after 7.3 may wait for the requests in the close.) If you must free the buffers, call [`IoUring::cancel_and_drain`] first,
//! which cancels until you have seen the last completion. Memory that lives for ever (static, or leaked) needs no such care.
//!
//! # Without Linux beneath
//!
//! A kernel that is entered by a function call implements [`Kernel`]: set-up, enter, register, close. Then
//! [`Builder::build_provided_with`] makes rings in the caller's memory. [The guide for unikernels](guides::unikernel) has a
//! complete program; so has [the guide for static binaries on Linux](guides::static_binary).
//!
//! # The layers
//!
//! Each module uses only modules of the rows before its own (`ci/layers.sh` checks that), so a reader can start at the top.
//!
//! | module | its one job |
//! |--|--|
//! | `arch` | one system call instruction for each architecture |
//! | `sync` | the atomics of shared memory; under loom, those of its models |
//! | [`uapi`] | the kernel's structures and numbers |
//! | `index` | heads, tails and wrap as plain integers |
//! | `flags` | the kernel's flag words, as types |
//! | `error` | [`Errno`], [`SetupError`] |
//! | [`types`] | the small types of requests, waits and registrations |
//! | `parameters` | [`Parameters`]: what the kernel said of a ring that it made |
//! | `kernel` | [`Kernel`], the seam to whatever answers system calls, and [`Linux`] behind it |
//! | `memory` | ring memory, mapped or provided: offsets become references here alone |
//! | `query` | asks a kernel about itself, before there is a ring |
//! | [`cqueue`] | the completion queue; it knows no kernel |
//! | [`squeue`] | the submission queue; it knows no kernel |
//! | [`opcode`] | the requests |
//! | `submitter` | when to enter the kernel, and with what; it knows no entry type |
//! | `ring` | [`IoUring`], which has it all: memory, queues and descriptor |
//! | `builder` | all ways to make a ring: what is asked, what may be combined, how it is tried, what it falls back to |
//! | `halves` | one ring in two threads |
//! | [`register`] | the registrations, methods of [`Submitter`] and of rings |
//! | `convert` | conversions from and to rustix's types (feature `rustix`) |
//!
//! # Features
//!
//! - `std`: `From<Errno>` and `From<SetupError> for std::io::Error`, and the standard library's file descriptors as
//!   [`types::Fd`].
//! - `rustix`: conversions from and to rustix's types, on the targets where rustix needs no libc.
//!
//! Neither feature changes a type or a system call.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(test, feature = "std"))]
extern crate std;

mod arch;
mod builder;
pub mod cqueue;
mod error;
mod flags;
// Not for doctests: ci/guides.sh and ci/moving.sh compile the programs of the guides.
#[cfg(all(doc, not(doctest)))]
pub mod guides;
mod halves;
mod index;
mod kernel;
mod memory;
#[cfg(all(test, loom))]
mod models;
pub mod opcode;
mod parameters;
mod query;
pub mod register;
mod ring;
pub mod squeue;
mod submitter;
mod sync;
pub mod types;
pub mod uapi;

pub use builder::{Builder, MAX_CQ_ENTRIES, MAX_ENTRIES, RingMemory};
pub use cqueue::CompletionQueue;
pub use error::{Area, Call, Errno, SetupError};
pub use flags::{EnterFlags, Features, SetupFlags, SqFlags};
pub use halves::{CompletionHalf, SubmissionHalf};
pub use kernel::{Adapted, Kernel, Quirks};
pub use memory::MemorySize;
pub use parameters::Parameters;
pub use ring::IoUring;
pub use ring::ring_fd::{LocalRing, Registered};
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
