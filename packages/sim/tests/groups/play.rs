//! One seed: a kernel, a buffer group, requests on the group, and a user that takes, keeps and gives back buffers.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use bare_uring::register::buf_ring::{BufRing, BufRingOptions};
use bare_uring::{Builder, Errno, IoUring, SetupFlags, cqueue, opcode, squeue};
use bare_uring_sim::{Chaos, Profile, Random, Rate, SimKernel};

use crate::counts::{Counts, Seen};
use crate::memory::{Arena, STALE};
use crate::owners::{Live, check_apart, check_live, check_ring};
use crate::releases;
use crate::requests::{GROUP, Request, Terms};
use crate::streams::{Source, Stream};

/// The releases at which something about buffer groups changed.
const RELEASES: [(u8, u8); 13] =
    [(5, 19), (6, 1), (6, 4), (6, 8), (6, 10), (6, 12), (6, 12), (6, 16), (6, 16), (6, 18), (6, 18), (7, 0), (7, 1)];

/// Picks the release of a seed: mostly one that changed something about groups, else any that there is a profile of.
fn release(random: &mut Random) -> (u8, u8) {
    if random.chance(3, 4) { random.pick(&RELEASES) } else { random.pick(&releases::with_groups()) }
}

/// Returns the release of a seed.
pub fn release_of(seed: u64) -> (u8, u8) {
    release(&mut Random::new(seed))
}

/// What a seed's streams are picked from.
const SOURCES: [Source; 10] = [
    Source::Pipe,
    Source::Pipe,
    Source::Socket,
    Source::Socket,
    Source::Socket,
    Source::Datagrams,
    Source::Content,
    Source::Content,
    Source::Directory,
    Source::Sink,
];

const CANCEL: u64 = u64::MAX;

pub type Ring = IoUring<squeue::Entry, cqueue::Entry, SimKernel>;

/// A completion that has come and is still to be taken.
pub struct Told {
    pub cqe: cqueue::Entry,
    pub request: Request,
    /// The bytes that the completion must have brought.
    pub bytes: Vec<u8>,
    /// Whether the completion's buffer is of the group that is registered now.
    pub ours: bool,
}

/// The state of a seed.
pub struct Play {
    pub random: Random,
    pub kernel: SimKernel,
    pub profile: Profile,
    pub ring: Ring,
    pub number: u32,
    pub arena: Arena,
    stale: &'static [u8],
    pub group: Option<BufRing<SimKernel>>,
    whole: Range<usize>,
    pub size: u32,
    pub count: usize,
    pub incremental: bool,
    min_left: u32,
    pub mapped: bool,
    /// Whether the kernel's completions lie.
    pub lies: bool,
    /// Whether an error that names a buffer has used the buffer up.
    pub errors_consume: bool,
    pub epoch: u32,
    /// The sources that this seed has.
    sources: [Source; 3],
    streams: Vec<Stream>,
    pub requests: BTreeMap<u64, Request>,
    next: u64,
    pub told: VecDeque<Told>,
    pub live: Vec<Live>,
    /// Whether buffers may be missing until they are reclaimed.
    pub may_lose: bool,
    pub reclaimed: bool,
    pub counts: Counts,
    says: bool,
}

/// Picks set-up flags.
fn flags(random: &mut Random, profile: &Profile) -> SetupFlags {
    match random.below(4) {
        0 => SetupFlags::COOP_TASKRUN,
        1 if profile.setup.contains(SetupFlags::DEFER_TASKRUN) => SetupFlags::DEFER_TASKRUN | SetupFlags::SINGLE_ISSUER,
        _ => SetupFlags::empty(),
    }
}

/// Runs a seed. Returns its counts.
pub fn run(seed: u64, says: bool) -> Vec<u64> {
    let mut play = Play::new(seed, says);
    play.register();
    for _ in 0..120 {
        play.step();
        play.check();
    }
    play.end()
}

impl Play {
    fn new(seed: u64, says: bool) -> Self {
        let mut random = Random::new(seed);
        let release = release(&mut random);
        let profile = Profile::linux(release.0, release.1);
        let kernel = SimKernel::new(profile.clone(), seed);
        let lies = random.chance(1, 6);
        let mut chaos = Chaos::none();
        chaos.forged = Rate(if lies { 96 } else { 0 });
        kernel.set_chaos(chaos);
        let mut builder = Builder::new();
        builder.setup_flags(flags(&mut random, &profile)).setup_cqsize(512);
        let ring = builder.build_with(kernel.clone(), 32).expect("as set up");
        let rules = profile.groups;
        let incremental = rules.incremental && random.chance(2, 3);
        let mut arena = Arena::default();
        let stale = arena.stale(STALE);
        let sources = [0; 3].map(|_| random.pick(&SOURCES));
        let mut counts = Counts::default();
        counts.note(if incremental { Seen::Incremental } else { Seen::Plain });
        if lies {
            counts.note(Seen::Lies);
        }
        if says {
            println!("Linux {}.{}, incremental {incremental}, lies {lies}", release.0, release.1);
        }
        Self {
            number: kernel.last_ring().expect("just made"),
            mapped: rules.mapped && random.chance(1, 3),
            min_left: if incremental && rules.min_left { random.below(5) } else { 0 },
            errors_consume: !rules.bundles || release >= (6, 18),
            random,
            kernel,
            profile,
            ring,
            arena,
            stale,
            group: None,
            whole: 0..0,
            size: 0,
            count: 0,
            incremental,
            lies,
            epoch: 0,
            sources,
            streams: Vec::new(),
            requests: BTreeMap::new(),
            next: 0,
            told: VecDeque::new(),
            live: Vec::new(),
            may_lose: false,
            reclaimed: false,
            counts,
            says,
        }
    }

    /// Prints what happens, if only one seed runs.
    pub fn say(&self, what: impl FnOnce() -> String) {
        if self.says {
            println!("{}", what());
        }
    }

    /// Returns the addresses of all buffers.
    pub fn whole(&self) -> Range<usize> {
        self.whole.clone()
    }

    /// Registers a new group.
    pub fn register(&mut self) {
        self.count = 1 << self.random.below(4);
        self.size = 1 + self.random.below(32);
        let (mut memory, start) = self.arena.group(self.count, self.size as usize, self.stale.as_ptr().addr());
        self.whole = start..start + self.count * self.size as usize;
        let mut options = BufRingOptions::new().min_left(self.min_left);
        if self.incremental {
            options = options.incremental();
        }
        self.epoch += 1;
        let group = if self.mapped {
            self.counts.note(Seen::Mapped);
            memory.entries = &mut [];
            self.ring.submitter().register_buf_ring_mapped(GROUP, memory, options)
        } else {
            self.ring.submitter().register_buf_ring(GROUP, memory, options)
        };
        self.group = Some(group.expect("a new group"));
        (self.may_lose, self.reclaimed) = (false, false);
        self.say(|| format!("{} buffers of {} are group {}", self.count, self.size, self.epoch));
    }

    /// Does one of the things that users do.
    fn step(&mut self) {
        match self.random.below(28) {
            0..5 => self.feed(),
            5..9 => self.push(),
            9..11 => self.kernel.run(self.random.below(6)),
            11..14 => self.reap(),
            14..18 => self.take_some(),
            18..22 => self.recycle_some(),
            22..26 => self.publish(),
            26 => self.rare(),
            _ => {
                if let Some(at) = self.some_live() {
                    let byte = self.random.bits() as u8;
                    self.live[at].scribble(byte);
                }
            }
        }
    }

    /// Does one of the things that users do seldom.
    fn rare(&mut self) {
        match self.random.below(8) {
            0 if self.group.is_some() => self.unregister(),
            1 | 2 if !self.streams.is_empty() => {
                let (at, resets) = (self.random.below(self.streams.len() as u32) as usize, self.random.chance(1, 2));
                self.streams[at].end(&self.kernel, resets);
            }
            3 => self.cancel_all(),
            4 => self.reclaim_between(),
            5 if self.group.is_none() => self.register(),
            _ => {
                let source = self.random.pick(&self.sources);
                self.streams.push(Stream::new(&self.kernel, &mut self.random, source));
            }
        }
    }

    /// Sends bytes from a far end.
    fn feed(&mut self) {
        if !self.streams.is_empty() {
            let at = self.random.below(self.streams.len() as u32) as usize;
            let most = if self.random.chance(1, 2) { 50 } else { 6 };
            let count = 1 + self.random.below(most);
            self.streams[at].feed(&self.kernel, count as usize);
        }
        if self.streams.len() < 3 {
            self.rare();
        }
    }

    /// Pushes and submits a request.
    fn push(&mut self) {
        if self.streams.is_empty() {
            return;
        }
        let at = self.random.below(self.streams.len() as u32) as usize;
        let stream = &self.streams[at];
        let many = matches!(stream.source, Source::Content | Source::Directory);
        if !many && stream.busy || stream.source == Source::Sink && !self.profile.groups.bundles {
            return;
        }
        let terms = Terms {
            profile: &self.profile,
            incremental: self.incremental,
            min_left: self.min_left != 0,
            size: self.size,
            lies: self.lies,
        };
        let (entry, request, message) = terms.request(&mut self.random, (at, stream), self.epoch);
        self.say(|| format!("{} on {:?}: {request:?}", self.next, stream.source));
        // SAFETY: the entry names no memory but that of the group, and a message that outlives its submission.
        unsafe { self.ring.submission().push(entry.user_data(self.next)) }.expect("room");
        self.streams[at].busy = true;
        self.requests.insert(self.next, request);
        self.next += 1;
        assert_eq!(self.ring.submit(), Ok(1));
        drop(message);
    }

    /// Cancels all requests.
    fn cancel_all(&mut self) {
        let cancel = opcode::AsyncCancel::any().build().user_data(CANCEL);
        // SAFETY: the entry names no memory.
        unsafe { self.ring.submission().push(cancel) }.expect("room");
        assert_eq!(self.ring.submit(), Ok(1));
    }

    /// Collects the completions that have come, without taking their buffers.
    pub fn reap(&mut self) {
        self.ring.submit().expect("nothing goes wrong");
        let completions: Vec<cqueue::Entry> = self.ring.completion().collect();
        for cqe in completions {
            if cqe.user_data() != CANCEL {
                self.came(cqe);
            }
        }
    }

    /// Notes a completion that has come.
    fn came(&mut self, cqe: cqueue::Entry) {
        let request = *self.requests.get(&cqe.user_data()).expect("a request in flight");
        let stream = &mut self.streams[request.stream];
        if !cqe.more() {
            self.requests.remove(&cqe.user_data());
            stream.busy = false;
        }
        let bytes = match usize::try_from(cqe.result()) {
            // The names and gaps before a message hold nothing that is expected.
            Ok(count) if count != 0 && !self.lies => stream.expect(&self.kernel, count, request.offset),
            _ => Vec::new(),
        };
        self.say(|| format!("{cqe:?}"));
        // A request that holds its buffer has picked it when it was pushed; others may have picked it at any time
        // since.
        let ours = self.group.is_some() && (!request.holds || request.epoch == self.epoch);
        if ours && request.epoch != self.epoch && cqe.buffer_id().is_some() {
            self.counts.note(Seen::ArmedBefore);
        }
        self.told.push_back(Told { cqe, request, bytes, ours });
    }

    /// Unregisters the group, and in most cases registers another one.
    fn unregister(&mut self) {
        if self.random.chance(1, 2) {
            self.drain();
            self.take_all();
        }
        self.reap();
        if self.random.chance(1, 2) {
            self.take_all();
        }
        let Some(group) = self.group.take() else { return };
        self.say(|| "unregisters".to_string());
        let busy = !self.requests.is_empty();
        self.counts.note(if busy { Seen::UnregisteredBusy } else { Seen::UnregisteredQuiet });
        group.unregister(&self.ring.submitter()).map_err(|(_, errno)| errno).expect("it was registered");
        // Completions that came until here are of the old group, which is gone.
        self.told.iter_mut().for_each(|told| told.ours = false);
        self.reap();
        self.take_all();
        if self.random.chance(2, 3) {
            self.arm();
            self.register();
        }
    }

    /// Pushes requests that wait for their files before they look for a buffer, and feeds the files.
    fn arm(&mut self) {
        for _ in 0..self.random.below(4) {
            self.push();
        }
        if self.random.chance(1, 2) {
            self.streams.iter_mut().for_each(|stream| stream.feed(&self.kernel, 60));
        }
    }

    /// Cancels requests until all have ended.
    pub fn drain(&mut self) {
        while !self.kernel.in_flight(self.number).is_empty() || !self.requests.is_empty() {
            self.cancel_all();
            self.kernel.run(2);
            self.reap();
        }
    }

    /// Reclaims lost buffers, if no request is in flight.
    fn reclaim_between(&mut self) {
        if !self.requests.is_empty() || !self.told.is_empty() {
            return;
        }
        let Some(group) = &mut self.group else { return };
        // SAFETY: no request is in flight, and all completions were taken.
        match unsafe { group.reclaim(&self.ring.submitter()) } {
            Ok(count) => {
                assert!(count == 0 || self.may_lose, "{count} buffers were lost");
                self.reclaimed = true;
                self.counts.note(Seen::ReclaimedBetween);
                if self.passes_over() {
                    self.publish();
                }
            }
            Err(errno) => assert_eq!((errno, self.profile.registers(26)), (Errno::EINVAL, false)),
        }
    }

    /// Checks that each byte has one owner, and that none was changed by another.
    pub fn check(&self) {
        check_live(&self.live, self.lies);
        assert!(self.stale.iter().all(|&byte| byte == 0), "the kernel took what stood in the memory before");
        if self.group.is_none() {
            return;
        }
        let pieces = self.kernel.provided(self.number, GROUP).expect("registered");
        check_ring(&pieces, &self.whole, self.size as usize);
        if !self.lies {
            let ready = pieces.iter().map(|&(address, len, _)| address..address + len as usize);
            let held = self.kernel.held(self.number).into_iter().map(|(address, len)| address..address + len as usize);
            check_apart(&self.live, &ready.chain(held).collect::<Vec<_>>());
        }
    }
}
