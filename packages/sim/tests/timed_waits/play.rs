//! One seed: a ring on a kernel without `EXT_ARG`, and a caller that waits with time limits.

use std::collections::BTreeMap;
use std::time::Duration;

use bare_uring::types::{Fd, IoVec, RawFd, Sigset, SubmitArgs, Timespec};
use bare_uring::{Builder, Errno, IoUring, SetupFlags, cqueue, opcode, squeue};
use bare_uring_sim::{Chaos, Counting, Leaks, Mask, Overflow, Profile, Random, Rate, SimKernel, Unready};

/// Mask and value of the user data of the crate's own requests.
const OWN: (u64, u64) = (!0xffff, 0xba5e_0b5e_55ed_0000);

/// The most completions of the crate's own that a wait may need room for, with those of the wait before. With more room
/// than that, a wait is not refused.
const OWN_MOST: usize = 2;

/// The time that the calls of a wait may take beyond its limit.
const SLACK: Duration = Duration::from_micros(500);

/// The number of rounds at the end in which everything must complete.
const ROUNDS: u32 = 2000;

/// How often each thing happened.
#[derive(Debug, Default)]
pub struct Counts {
    /// Waits that ended with completions.
    pub brought: u64,
    /// Waits whose time was over.
    pub over: u64,
    /// Waits that were refused.
    pub refused: u64,
}

/// What a request of the caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nop,
    Timeout,
    Read,
}

/// A caller, and its ring.
pub struct Play {
    random: Random,
    profile: Profile,
    kernel: SimKernel,
    ring: IoUring<squeue::Entry, cqueue::Entry, SimKernel>,
    /// The requests that were pushed and whose completions were not taken.
    open: BTreeMap<u64, Kind>,
    next: u64,
    near: RawFd,
    far: RawFd,
    // The kernel is told the addresses of these.
    vector: Box<IoVec>,
    _byte: Box<u8>,
    #[expect(clippy::vec_box, reason = "the kernel is told their addresses")]
    times: Vec<Box<Timespec>>,
    signals: bool,
    says: bool,
}

impl Play {
    pub fn new(profile: Profile, seed: u64, says: bool) -> Self {
        let mut random = Random::new(seed);
        let kernel = SimKernel::new(profile.clone(), random.bits());
        let signals = random.chance(1, 2);
        let mut chaos = Chaos::none();
        chaos.interrupted = Rate(if signals { random.below(64) as u8 } else { 0 });
        chaos.delayed = Rate(random.below(256) as u8);
        chaos.near_the_wrap = Rate(128);
        kernel.set_chaos(chaos);
        let mut builder = Builder::new();
        let mut entries = 1 << random.below(4);
        if profile.setup.contains(SetupFlags::CQSIZE) {
            let most = 1 << random.below(5);
            entries = entries.min(most);
            builder.setup_cqsize(most);
        }
        let ring = builder.build_with(kernel.clone(), entries).expect("as set up");
        kernel.ignore(0, OWN.0, OWN.1);
        let (near, far) = kernel.socket_pair();
        let mut byte = Box::new(0);
        Self {
            random,
            profile,
            kernel,
            ring,
            open: BTreeMap::new(),
            next: 0,
            near,
            far,
            vector: Box::new(IoVec::new(&raw mut *byte, 1)),
            _byte: byte,
            times: Vec::new(),
            signals,
            says,
        }
    }

    fn say(&self, what: impl FnOnce() -> String) {
        if self.says {
            println!("{:?} {}", self.kernel.now(), what());
        }
    }

    /// Plays to the end.
    pub fn run(mut self, counts: &mut Counts) {
        self.say(|| format!("{:?}", self.ring.params()));
        for _ in 0..20 + self.random.below(60) {
            match self.random.below(12) {
                0..4 => self.push(),
                4 => self.submit(),
                5..8 => self.timed_wait(counts),
                8..10 => self.take(),
                10 => self.kernel.run(1 + self.random.below(3)),
                _ => assert!(self.kernel.write(self.far, b"xyz").is_ok(), "open"),
            }
            self.check();
        }
        self.end();
    }

    fn check(&mut self) {
        assert_eq!(self.kernel.faults(), []);
        assert_eq!(self.ring.completion().overflow(), 0, "completions were lost");
    }

    /// Pushes a request, if its completion has room.
    fn push(&mut self) {
        let room = self.ring.params().cq_entries() as usize;
        if self.open.len() >= room || self.ring.submission().is_full() {
            return;
        }
        let blocks = self.profile.unready != Unready::Waits;
        let (kind, entry) = match self.random.below(3) {
            0 if !blocks => (Kind::Read, opcode::Readv::new(Fd(self.near), &raw const *self.vector, 1).build()),
            1 => {
                let span = self.random.pick(&[1_000, 30_000, 3_000_000]);
                self.times.push(Box::new(Timespec::new(0, self.random.below(span))));
                let time = self.times.last().map_or(std::ptr::null(), |time| &raw const **time);
                let count = if self.random.chance(1, 4) { 1 + self.random.below(3) } else { 0 };
                (Kind::Timeout, opcode::Timeout::new(time).count(count).build())
            }
            _ => (Kind::Nop, opcode::Nop::new().build()),
        };
        self.next += 1;
        let user_data = self.next;
        self.say(|| format!("push {user_data}: {kind:?}"));
        // SAFETY: byte, vector and times live until the ring is dropped, and nobody looks at the byte.
        unsafe { self.ring.submission().push(entry.user_data(user_data)) }.expect("not full");
        self.open.insert(user_data, kind);
    }

    fn submit(&mut self) {
        let outcome = self.ring.submit();
        self.say(|| format!("submit: {outcome:?}"));
        // Completions of the crate's own may fill the overflow list, which the caller empties by taking some.
        assert!(matches!(outcome, Ok(_) | Err(Errno::EBUSY)), "submit: {outcome:?}");
    }

    /// Takes all completions. Each must be of a request that is open.
    fn take(&mut self) {
        for cqe in self.ring.completion() {
            let kind = self.open.remove(&cqe.user_data());
            let fits = match kind {
                Some(Kind::Nop) => cqe.outcome() == Ok(0),
                Some(Kind::Read) => cqe.outcome() == Ok(1),
                Some(Kind::Timeout) => matches!(cqe.outcome(), Ok(0) | Err(Errno::ETIME)),
                None => false,
            };
            assert!(fits, "{cqe:?} of {kind:?}");
            if self.says {
                println!("  took {}", cqe.user_data());
            }
        }
    }

    /// Waits with a time limit, and looks at what the wait did.
    fn timed_wait(&mut self, counts: &mut Counts) {
        let room = self.ring.params().cq_entries();
        let (want, submits) = (self.random.below(room + 2) as usize, self.random.chance(1, 2));
        let limit = self.random.pick(&[0, 1, 40, 40, 50_000, 2_000_000]);
        let time = Timespec::from(Duration::from_micros(limit));
        let mut args = SubmitArgs::new().timespec(&time);
        let masked = self.random.chance(1, 4);
        let mask = Sigset::EMPTY.with(2);
        if masked {
            args = args.sigmask(&mask);
        }
        let (queued, open) = (self.ring.submission().len(), self.open.len());
        let before = self.kernel.now();
        let outcome = if submits {
            self.ring.submitter().submit_with_args(want, &args)
        } else {
            self.ring.submitter().wait_with_args(want, &args).map(|()| 0)
        };
        let took = self.kernel.now().saturating_sub(before);
        let there = self.ring.completion().len();
        self.say(|| {
            format!("wait for {want}, {limit} us, submits {submits}, masked {masked}: {outcome:?}, {there} there")
        });
        let limit = Duration::from_micros(limit);
        assert!(took <= limit + SLACK, "a wait of {limit:?} took {took:?}");
        match outcome {
            Ok(_) => counts.brought += u64::from(there != 0),
            Err(Errno::ETIME) => {
                assert!(want != 0, "nothing was waited for");
                assert!(took >= limit || !self.profile.timeouts.timers, "a wait of {limit:?} was over after {took:?}");
                counts.over += 1;
            }
            Err(Errno::EBUSY) => {
                counts.refused += 1;
                let (entries, left) = (self.ring.params().sq_entries(), self.ring.submission().len());
                assert!(entries < 2 || open + OWN_MOST > room as usize, "refused, with {open} of {room} in use");
                // A kernel with a list refuses a submit by itself, perhaps after it has taken what the caller had queued.
                let kept = self.profile.overflow != Overflow::Drop || left == queued;
                assert!(kept, "a wait that is refused changes nothing: {left} of {queued} are queued");
                assert_eq!(self.ring.completion().overflow(), 0, "a wait that is refused changes nothing");
            }
            Err(Errno::EINTR) => assert!(self.signals, "no signal came"),
            // The mask of a wait without EXT_ARG has 8 bytes.
            Err(Errno::EINVAL) => assert!(masked && self.profile.mask == Mask::Bytes(128), "EINVAL"),
            Err(errno) => panic!("{errno}"),
        }
    }

    /// Has everything complete, takes it, and drops the ring.
    fn end(mut self) {
        for _ in 0..ROUNDS {
            if self.open.is_empty() {
                break;
            }
            let reads = self.open.values().filter(|&&kind| kind == Kind::Read).count();
            assert!(self.kernel.write(self.far, &vec![1; reads]).is_ok(), "open");
            self.submit();
            self.kernel.run(1);
            self.take();
            self.check();
        }
        assert_eq!(self.open, BTreeMap::new(), "never completed");
        self.submit();
        self.kernel.settle();
        self.take();
        // A timer that OSv has started can't be taken back. A kernel with a list may refuse the removal (EBUSY); then the timer
        // ends at its time, and displaces nothing.
        let left = self.kernel.ignored_in_flight(0);
        if self.profile.overflow == Overflow::Drop {
            assert_eq!(left, [], "requests of the crate's own");
        } else if self.profile.timeouts.counting != Counting::Len {
            assert!(left.len() <= 1, "requests of the crate's own: {left:?}");
        }
        self.check();
        drop(self.ring);
        assert_eq!((self.kernel.faults(), self.kernel.leaks()), (vec![], Leaks::default()));
    }
}
