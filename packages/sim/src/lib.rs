//! A simulated io_uring kernel behind [`bare_uring::Kernel`], to test [`bare_uring`] and what is built on it.
//!
//! [`SimKernel`] maps ring memory, consumes entries, completes them in an order that follows from a seed, overflows,
//! falls asleep, defers work, and is interrupted. It also checks its user: each [`Fault`] is something that a real
//! kernel would take in silence. Nothing in it depends on time or on other threads. A test that fails with a seed fails
//! with it again.
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
//! // SAFETY: the buffer lives, and only the request uses it, until the completion below.
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
//! - Memory: mapped in one piece, in two, or provided. Each mapping lies between inaccessible pages, with canaries.
//!   Slots of both queues are overwritten as soon as they are the kernel's again.
//! - Entries of every size, mixed sizes too; with and without an index array; heads and tails that start just below the
//!   wrap.
//! - Links, hard links, drains, linked timeouts, skipped completions; short submits; `EAGAIN`, `EBUSY`, `EINTR`,
//!   `EBADR`, `ETIME`, `EBADFD`, `EEXIST`, early returns.
//! - The overflow list, which only waits flush into the queue; kernels that drop instead.
//! - The kernel-side SQPOLL thread, which consumes, sleeps and wakes; COOP_TASKRUN, DEFER_TASKRUN and TASKRUN_FLAG.
//! - Nop, read, write (vectored and fixed too), receive and send with multishot, messages, zero-copy sends, accept, poll
//!   (one shot), timeouts, linked timeouts, cancellation, close, shutdown, fsync, ftruncate, pipe, messages to other rings.
//!   Files, pipes and sockets are simulated; the user's memory is real.
//! - Provided buffer rings, with the [`GroupRules`] of each release: when a buffer is committed and how much of it,
//!   which completions name it, incremental use, bundles, messages, groups whose memory the kernel provides.
//! - Timeouts with the [`TimeoutRules`] of each release: what their number of completions counts, when their time is
//!   read, what becomes of a timeout that is removed or gets another time.
//! - Registered files and buffers, buffer rings, probe, enabling, registered rings, synchronous cancellation, query.
//! - [`Profile`]s of Linux from 5.1 to 7.3, OSv, Nanos, StarryOS and gVisor. A test can take features away from each.
//! - [`SimKernel::fail_call`] fails the n-th call. [`SimKernel::hostile`] is a kernel that lies in everything.
//! - [`conformance::check`] puts any kernel, simulated or not, through what [`bare_uring`] relies on.
//! - [`SimKernel::coverage`] counts how often each behaviour was reached, so that a test can assert that it was.
//!
//! # What it does not
//!
//! Threads do not run at the same time: a call locks the whole simulation. Between two calls only [`SimKernel::run`]
//! lets anything happen. A loop that waits for the kernel without calling it must call `run`. Memory orderings are for
//! other tools. IOPOLL, eventfd, registered waits, resizing, and requests not named above are unknown to the simulated
//! kernel.
//!
//! # The layers
//!
//! Read them from the bottom up; each module uses only those before it.
//!
//! | module | its one job |
//! |--|--|
//! | `errno` | the negative numbers that a result has for an error |
//! | `random` | [`Random`]: numbers that follow from a seed |
//! | `chaos` | [`Chaos`]: how often what may go wrong goes wrong |
//! | `coverage` | [`Coverage`]: counts of what the kernel did |
//! | `fault` | [`Fault`]: what the user did wrong |
//! | `memory` | ring memory between inaccessible pages, with canaries |
//! | `user` | copies from and to the user's memory |
//! | `profile` | [`Profile`]: what each kernel offers |
//! | `sqe` | submission queue entries, as the kernel reads them |
//! | `cqe` | [`Completion`]: completion queue entries, as the kernel writes them |
//! | `ledger` | [`Event`]: what became of each request, for the test |
//! | `files` | pipes, sockets, files with content, and the table of descriptors |
//! | `layout` | the offsets of a ring's words and arrays |
//! | `hostile` | a kernel that lies; it uses nothing of the simulation proper |
//! | `buffers` | provided buffer rings, and what a request has picked of one |
//! | `flight` | requests between their consumption and their last completion |
//! | `ring` | one ring: its queues, its overflow list, and what the kernel keeps about it |
//! | `world` | all rings, files and clocks of a kernel: data |
//! | `complete` | posts completions |
//! | `requests` | the table of requests; each is started, attempted, woken, cancelled and finished |
//! | `consume` | takes entries out of the submission queue, and makes chains of them |
//! | `sqpoll` | the kernel-side thread of an SQPOLL ring |
//! | `step` | picks what happens next, by the seed |
//! | `wait` | waits for completions, and moves the clock |
//! | `enter` | `io_uring_enter` |
//! | `ring_fds` | descriptors and registered indices of rings, and the end of a ring |
//! | `mmap` | maps and unmaps ring memory |
//! | `setup` | `io_uring_setup` |
//! | `register` | `io_uring_register` |
//! | `kernel` | [`SimKernel`]: the seam to the ring, and the test's side of it |
//! | [`conformance`] | checks any kernel; it uses nothing of the simulation |

mod buffers;
mod chaos;
mod complete;
pub mod conformance;
mod consume;
mod coverage;
mod cqe;
mod enter;
mod errno;
mod fault;
mod files;
mod flight;
mod hostile;
mod kernel;
mod layout;
mod ledger;
mod memory;
mod mmap;
mod profile;
mod random;
mod register;
mod requests;
mod ring;
mod ring_fds;
mod setup;
mod sqe;
mod sqpoll;
mod step;
mod user;
mod wait;
mod world;

pub use chaos::{Chaos, Rate};
pub use coverage::{Coverage, Mark};
pub use cqe::Completion;
pub use fault::Fault;
pub use kernel::{CAPACITY, Leaks, SimKernel};
pub use ledger::Event;
pub use profile::{
    Counting, CqSize, GroupRules, Header, Mask, Overflow, Profile, ReadError, ReadsTime, TimeoutRules, Unready, Waits,
};
pub use random::Random;
