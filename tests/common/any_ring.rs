//! One test on every kind of ring: all combinations of entry sizes that the kernel has, some modes, and files by
//! descriptor and by registered slot.

use std::os::fd::{AsRawFd, RawFd};

use bare_uring::register::buf_ring::{BufRing, BufRingMemory, BufRingOptions};
use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, Fixed, SubmitArgs, Timespec};
use bare_uring::{Builder, Errno, IoUring, SetupError, cqueue, squeue};

use super::ring_memory::until;

/// A completion, of whatever size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub user_data: u64,
    pub outcome: Result<u32, Errno>,
    pub flags: cqueue::Flags,
    /// The 16 bytes beyond, where the entry has them.
    pub big: Option<[u64; 2]>,
    /// The completion without them.
    pub plain: cqueue::Entry,
}

/// A ring of any kind, as far as tests need it.
pub trait AnyRing {
    /// What kind it is, for messages.
    fn kind(&self) -> &str;
    /// Queues a request.
    fn push(&mut self, entry: Entry);
    /// Submits, and waits for so many completions.
    fn submit_and_wait(&mut self, want: usize) -> Result<usize, Errno>;
    /// Submits, and waits until the kernel has consumed everything: a request that waits for something does so now.
    fn hand_over(&mut self);
    /// Takes what is there.
    fn take(&mut self) -> Vec<Seen>;
    /// Registers files, from slot 0 on; -1 is a hole.
    fn register_files(&mut self, fds: &[RawFd]);
    /// Registers a buffer.
    fn register_buffer(&mut self, start: *mut u8, len: usize);
    /// Registers a ring of provided buffers, each used once.
    fn register_buf_ring(&mut self, group: u16, memory: BufRingMemory) -> BufRing;
    /// The ring's own descriptor.
    fn fd(&self) -> RawFd;
    /// Waits at most a second for one more completion.
    fn wait(&mut self);

    /// Submits, and takes completions until there are `want` (within ten seconds), ordered by user data.
    fn complete(&mut self, want: usize) -> Vec<Seen> {
        self.submit_and_wait(0).expect("submits");
        let mut seen = self.take();
        for _ in 0..10 {
            if seen.len() >= want {
                break;
            }
            self.wait();
            seen.extend(self.take());
        }
        assert_eq!(seen.len(), want, "{}: {seen:?}", self.kind());
        seen.sort_by_key(|seen| seen.user_data);
        seen
    }

    /// Runs one request to its only completion.
    fn run(&mut self, entry: Entry) -> Result<u32, Errno> {
        self.run_seen(entry).outcome
    }

    /// Runs one request to its only completion, and returns the whole completion.
    fn run_seen(&mut self, entry: Entry) -> Seen {
        self.push(entry.user_data(0x5eed));
        let seen = self.complete(1)[0];
        assert_eq!(seen.user_data, 0x5eed, "{}", self.kind());
        seen
    }
}

/// The completions of every size, seen alike.
trait Completed: cqueue::EntryMarker {
    fn seen(&self) -> Seen;
}

fn seen(plain: &cqueue::Entry, big: Option<[u64; 2]>) -> Seen {
    Seen { user_data: plain.user_data(), outcome: plain.outcome(), flags: plain.flags(), big, plain: *plain }
}

impl Completed for cqueue::Entry {
    fn seen(&self) -> Seen {
        seen(self, None)
    }
}

impl Completed for cqueue::Entry32 {
    fn seen(&self) -> Seen {
        seen(self, Some(self.big()))
    }
}

impl Completed for cqueue::EntryMixed {
    fn seen(&self) -> Seen {
        seen(self, self.big())
    }
}

struct Kind<S, C> {
    name: &'static str,
    ring: IoUring<S, C>,
}

impl<S: squeue::EntryMarker, C: Completed> AnyRing for Kind<S, C> {
    fn kind(&self) -> &str {
        self.name
    }

    fn push(&mut self, entry: Entry) {
        super::push(&mut self.ring, entry);
    }

    fn submit_and_wait(&mut self, want: usize) -> Result<usize, Errno> {
        self.ring.submit_and_wait(want)
    }

    fn hand_over(&mut self) {
        self.ring.submit().expect("submits");
        until("all is consumed", || self.ring.submission().is_empty());
    }

    fn take(&mut self) -> Vec<Seen> {
        self.ring.completion().map(|cqe| cqe.seen()).collect()
    }

    fn register_files(&mut self, fds: &[RawFd]) {
        self.ring.submitter().register_files(fds).expect("files are registered");
    }

    fn register_buffer(&mut self, start: *mut u8, len: usize) {
        let buffers = [bare_uring::types::IoVec::new(start, len)];
        // SAFETY: each test keeps its buffer until the ring is gone.
        unsafe { self.ring.submitter().register_buffers(&buffers) }.expect("the buffer is registered");
    }

    fn register_buf_ring(&mut self, group: u16, memory: BufRingMemory) -> BufRing {
        let options = BufRingOptions::new();
        self.ring.submitter().register_buf_ring(group, memory, options).expect("the buffers are registered")
    }

    fn fd(&self) -> RawFd {
        self.ring.fd()
    }

    fn wait(&mut self) {
        let second = Timespec::new(1, 0);
        let _ = self.ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&second));
    }
}

/// Runs a test on every kind of ring that this kernel has, each of 32 entries.
pub fn on_each(test: impl Fn(&mut dyn AnyRing)) {
    fn one<S: squeue::EntryMarker, C: Completed>(
        name: &'static str,
        since: (u32, u32),
        builder: &Builder<S, C>,
        test: &impl Fn(&mut dyn AnyRing),
    ) {
        match builder.build(32) {
            Ok(ring) => test(&mut Kind { name, ring }),
            Err(SetupError::Kernel(_, Errno::EINVAL)) => {
                super::refused(&super::test(), &format!("rings of the kind {name}"), since);
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    one::<Entry, cqueue::Entry>("plain", (5, 1), &Builder::new(), &test);
    one::<Entry, cqueue::Entry>("deferred", (6, 1), Builder::new().setup_single_issuer().setup_defer_taskrun(), &test);
    one::<Entry, cqueue::Entry>("sqpoll", (5, 1), Builder::new().setup_sqpoll(100), &test);
    one::<squeue::Entry128, cqueue::Entry>("128/16", (5, 19), &Builder::new(), &test);
    one::<Entry, cqueue::Entry32>("64/32", (5, 19), &Builder::new(), &test);
    one::<squeue::Entry128, cqueue::Entry32>("128/32", (5, 19), &Builder::new(), &test);
    one::<Entry, cqueue::EntryMixed>("64/mixed", (6, 18), &Builder::new(), &test);
    one::<squeue::EntryMixed, cqueue::EntryMixed>("mixed/mixed", (6, 19), &Builder::new(), &test);
}

/// A file for a request, by descriptor or by registered slot.
#[derive(Debug, Clone, Copy)]
pub enum File {
    Fd(Fd),
    Fixed(Fixed),
}

/// Runs a test on every kind of ring, each with `file` by its descriptor and by its slot (0, which it is registered
/// in).
pub fn on_each_with_file(file: &impl AsRawFd, test: impl Fn(&mut dyn AnyRing, File)) {
    on_each(|ring| {
        ring.register_files(&[file.as_raw_fd()]);
        test(ring, File::Fd(Fd(file.as_raw_fd())));
        test(ring, File::Fixed(Fixed(0)));
    });
}

/// Builds a request for either kind of file: `$make` is used once with an `Fd`, once with a `Fixed`.
#[macro_export]
macro_rules! for_file {
    ($file:expr, |$fd:ident| $make:expr) => {
        match $file {
            $crate::common::any_ring::File::Fd($fd) => $make,
            $crate::common::any_ring::File::Fixed($fd) => $make,
        }
    };
}
