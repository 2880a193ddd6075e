//! A simulated io_uring kernel behind [`bare_uring::Kernel`], to test [`bare_uring`] and what is built on it.
//!
//! [`SimKernel`] maps ring memory, consumes submissions, completes them in an order that follows from a seed, overflows,
//! falls asleep, defers work, is interrupted, and looks at what its user does: each [`Fault`] is something that a real
//! kernel would take in silence. Nothing in it depends on time or on other threads, so that a test that fails with a seed
//! fails with it again.
//!
//! ```
//! use bare_uring::{Builder, cqueue, opcode, squeue, types};
//! use bare_uring_sim::{Chaos, Profile, SimKernel};
//!
//! let kernel = SimKernel::new(Profile::linux(6, 1), 42);
//! let builder = Builder::<squeue::Entry, cqueue::Entry>::new();
//! let mut ring = builder.build_with(kernel.clone(), 8).expect("a sound kernel");
//! let (reader, writer) = kernel.pipe();
//!
//! let mut buffer = [0; 16];
//! let read = opcode::Read::new(types::Fd(reader), buffer.as_mut_ptr(), 16).build().user_data(7);
//! // SAFETY: the buffer lives, and nobody else uses it, until the completion below.
//! unsafe { ring.submission().push(read) }.expect("room");
//! ring.submit().expect("submitted");
//! kernel.write(writer, b"hello").expect("open");
//! ring.submitter().wait(1).expect("nothing interrupts here");
//! let cqe = ring.completion().next().expect("waited for one");
//! assert_eq!((cqe.user_data(), cqe.outcome()), (7, Ok(5)));
//! assert_eq!(&buffer[..5], b"hello");
//! drop(ring);
//! assert_eq!(kernel.faults(), []);
//! assert_eq!(kernel.leaks(), Default::default());
//! ```
//!
//! # What it simulates
//!
//! - Memory: mapped in one piece, in two, or provided; each mapping between inaccessible pages, with canaries. Slots are
//!   overwritten as soon as they are the kernel's again, on both queues.
//! - Entries of every size, mixed ones too; with and without an index array; heads and tails that start just below the
//!   wrap.
//! - Links, hard links, drains, linked timeouts, skipped completions; short submits; `EAGAIN`, `EBUSY`, `EINTR`, `EBADR`,
//!   `ETIME`, `EBADFD`, `EEXIST`, early returns.
//! - The overflow list, which is moved into the queue by waits only; kernels that drop instead.
//! - The thread of an SQPOLL ring, which consumes, sleeps and wakes; COOP_TASKRUN, DEFER_TASKRUN and TASKRUN_FLAG.
//! - Nop, read, write (vectored and fixed too), receive and send with multishot, accept, poll (one shot), timeouts, linked
//!   timeouts, cancellation, close, shutdown, fsync, messages to other rings; on pipes, sockets and files of its own, with
//!   the caller's real memory.
//! - Rings of provided buffers, as [`GroupRules`] say for each release: when a buffer is committed and what of it, which
//!   completions name it, incremental use, bundles, messages, groups whose memory the kernel provides.
//! - Registered files and buffers, rings of buffers, probe, enabling, registered rings, synchronous cancellation, query.
//! - [`Profile`]s of Linux from 5.1 to 7.3, OSv, Nanos, StarryOS and gVisor, each of which a test can take parts from.
//! - [`SimKernel::fail_call`] fails the n-th call; [`SimKernel::hostile`] is a kernel that lies in everything.
//! - [`SimKernel::coverage`] counts how often each of this was reached, so that a test can assert that it was.
//!
//! # What it does not
//!
//! Threads that run at the same time: a call holds the whole simulation. Between two calls nothing happens but what
//! [`SimKernel::run`] asks for, so that a loop that waits for the kernel without calling it must call that. Memory orderings
//! are for other tools. IOPOLL, eventfd, registered waits, resizing, and requests not named above are unknown to it.

mod buffers;
mod chaos;
mod complete;
mod consume;
mod coverage;
mod fault;
mod files;
mod flight;
mod hostile;
mod kernel;
mod layout;
mod ledger;
mod memory;
mod opcodes;
mod profile;
mod random;
mod register;
mod ring;
mod setup;
mod sqe;
mod sqpoll;
mod wait;
mod world;

pub use chaos::{Chaos, Rate};
pub use coverage::{Coverage, Mark};
pub use fault::Fault;
pub use kernel::{CAPACITY, Leaks, SimKernel};
pub use ledger::Event;
pub use profile::{GroupRules, Head, Overflow, Profile, ReadError, Waits};
pub use random::Random;
pub use ring::Completion;
