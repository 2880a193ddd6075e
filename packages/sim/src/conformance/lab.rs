//! [`Lab`]: makes the rings of a check, and hands over and collects requests in a bounded time.

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use bare_uring::types::Timespec;
use bare_uring::uapi::io_uring_params;
use bare_uring::{Builder, Errno, IoUring, Kernel, RingMemory, SetupError, cqueue, opcode, squeue};

use super::report::{Outcome, broken, not_offered};
use super::watch::{Log, Mapping, Watch, words_at};

pub(super) type Plain = Builder<squeue::Entry, cqueue::Entry>;
pub(super) type RingOn<K> = IoUring<squeue::Entry, cqueue::Entry, K>;
pub(super) type Ring<'k, K> = RingOn<Watch<'k, K>>;

/// User data and result of a completion.
pub(super) type Seen = (u64, i32);

/// The result of a timeout whose time is over.
pub(super) const ETIME: i32 = -62;
/// The result of a timeout that was removed.
const ECANCELED: i32 = -125;

/// A time that a check waits for. A simulated clock moves on by a microsecond a call.
pub(super) static SHORT: Timespec = Timespec::new(0, 100_000);
/// A time that no check waits for, unless a kernel is broken: it ends what would otherwise wait for ever.
pub(super) static LONG: Timespec = Timespec::new(1, 0);
/// The user data of the timeout over [`LONG`].
pub(super) const GUARD: u64 = 0x0006_a4d0_0000_0001;
/// The user data of its removal.
const REMOVAL: u64 = GUARD + 1;

/// The least number of looks, and the least time, before a completion counts as lost. A simulated kernel needs calls, a
/// real one time.
const LOOKS: u32 = 3000;
const PATIENCE: Duration = Duration::from_millis(700);

/// The number of calls in which a simulated kernel completes what is left.
pub(super) const MORE_LOOKS: u32 = 50;

/// Alignment that suffices for pages of 4, 16 and 64 KiB.
const PAGE: usize = 65_536;

/// A kernel, and how rings are made on it.
pub(super) struct Lab<'k, K> {
    pub(super) kernel: &'k K,
    pub(super) log: Log,
    /// Whether the kernel maps rings; else they are built over provided memory.
    pub(super) maps: bool,
    /// Whether timeouts take their time, as far as the check knows.
    pub(super) timers: bool,
}

/// What is known of a ring that was made and closed.
pub(super) struct Made {
    pub(super) params: io_uring_params,
    /// The mappings, or the two provided areas at the offsets of the parts.
    pub(super) parts: Vec<Mapping>,
    /// Whether the memory was provided.
    pub(super) provided: bool,
}

/// Makes memory for a ring, which is never freed: a kernel may write to it for a while after the ring was closed.
pub(super) fn memory_for(builder: &Plain, entries: u32) -> Result<RingMemory, SetupError> {
    let size = builder.memory_size(entries)?;
    // The header of some kernels is longer than the usual one.
    let area = |len: usize| {
        let len = (len + 512).next_multiple_of(4096);
        let layout = Layout::from_size_align(len, PAGE).unwrap_or(Layout::new::<[u64; 512]>());
        // SAFETY: the layout's size is not 0.
        let Some(start) = NonNull::new(unsafe { alloc_zeroed(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: the memory was made just now, has as many bytes, and is never freed.
        unsafe { NonNull::slice_from_raw_parts(start.cast::<MaybeUninit<u8>>(), layout.size()).as_mut() }
    };
    Ok(RingMemory { rings: area(size.rings), sqes: area(size.sqes) })
}

/// Returns a nop.
pub(super) fn nop(user_data: u64) -> squeue::Entry {
    opcode::Nop::new().build().user_data(user_data)
}

/// Returns a request that no kernel knows.
pub(super) fn unknown(user_data: u64) -> squeue::Entry {
    let mut bytes = [0; 64];
    bytes[0] = 0xfe;
    squeue::Entry::from_bytes(bytes).user_data(user_data)
}

/// Returns a timeout.
pub(super) fn timeout(time: &'static Timespec, user_data: u64) -> squeue::Entry {
    opcode::Timeout::new(time).build().user_data(user_data)
}

/// Returns the completions of nops with these user data, sorted.
pub(super) fn done(user_data: impl IntoIterator<Item = u64>) -> Vec<Seen> {
    let mut all: Vec<Seen> = user_data.into_iter().map(|user_data| (user_data, 0)).collect();
    all.sort_unstable();
    all
}

/// Queues an entry.
pub(super) fn push<K: Kernel>(ring: &mut RingOn<K>, entry: squeue::Entry) -> Result<(), Outcome> {
    // SAFETY: a nop and an unknown request point to nothing, and the timespec of a timeout is static.
    let pushed = unsafe { ring.submission().push(entry) };
    pushed.map_err(|_| broken("room in the submission queue: consumed entries are free", "a full queue"))
}

/// Takes what is in the completion queue.
pub(super) fn take<K: Kernel>(ring: &mut RingOn<K>) -> Vec<Seen> {
    ring.completion().map(|cqe| (cqe.user_data(), cqe.result())).collect()
}

/// Submits once, and again after an error that asks for it.
pub(super) fn submit_once<K: Kernel>(ring: &mut RingOn<K>) -> Result<usize, Outcome> {
    for _ in 0..20 {
        match ring.submit() {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(broken("a submit that succeeds", format!("{errno:?}"))),
            Ok(consumed) => return Ok(consumed),
        }
    }
    Err(broken("a submit that succeeds", "EAGAIN or EINTR, 20 times"))
}

/// Submits until nothing is queued. Returns the number of consumed entries.
pub(super) fn submit_all<K: Kernel>(ring: &mut RingOn<K>) -> Result<usize, Outcome> {
    let (mut all, mut idle) = (0, 0);
    while !ring.submission().is_empty() {
        let consumed = submit_once(ring)?;
        all += consumed;
        idle = if consumed == 0 { idle + 1 } else { 0 };
        if idle == 20 || all > 1000 {
            let left = ring.submission().len();
            return Err(broken("submits that consume what is queued", format!("{left} entries left, {all} counted")));
        }
    }
    Ok(all)
}

/// Looks until `is_enough` says so, or long enough. Moves what waits outside the queue into it.
pub(super) fn look<K: Kernel>(ring: &mut RingOn<K>, mut is_enough: impl FnMut(&mut RingOn<K>) -> bool) {
    let start = Instant::now();
    let mut looks = 0;
    while !is_enough(ring) && (looks < LOOKS || start.elapsed() < PATIENCE) {
        // An error shows itself in what is missing in the end.
        let _ = ring.submitter().get_events();
        looks += 1;
        if looks > 500 {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

/// Takes completions until there are `want`, and any that come with them. Returns them sorted.
pub(super) fn settle<K: Kernel>(ring: &mut RingOn<K>, want: usize) -> Vec<Seen> {
    let mut all = Vec::new();
    look(ring, |ring| {
        all.extend(take(ring));
        all.len() >= want
    });
    // A completion too many is seen too.
    let _ = ring.submitter().get_events();
    all.extend(take(ring));
    all.sort_unstable();
    all
}

/// Starts the timeout that ends any wait.
pub(super) fn start_guard<K: Kernel>(ring: &mut RingOn<K>) -> Result<(), Outcome> {
    push(ring, timeout(&LONG, GUARD))?;
    submit_all(ring).map(drop)
}

/// Removes the guard, and takes all completions. Returns those that are neither the guard's nor the removal's; a guard
/// that had ended before the removal is among them.
pub(super) fn end_guard<K: Kernel>(ring: &mut RingOn<K>, mut seen: Vec<Seen>) -> Result<Vec<Seen>, Outcome> {
    let result = |seen: &[Seen], user_data| seen.iter().find(|seen| seen.0 == user_data).map(|seen| seen.1);
    seen.extend(take(ring));
    if result(&seen, GUARD).is_none() {
        push(ring, opcode::TimeoutRemove::new(GUARD).build().user_data(REMOVAL))?;
        submit_all(ring)?;
        look(ring, |ring| {
            seen.extend(take(ring));
            match result(&seen, REMOVAL) {
                Some(0) => result(&seen, GUARD).is_some(),
                removed => removed.is_some(),
            }
        });
        if result(&seen, REMOVAL).is_some_and(|result| result != 0) {
            // Linux before 5.5 removes no timeout. If the guard has not ended either, it ends these waits in its time.
            for _ in 0..MORE_LOOKS {
                let _ = ring.submitter().get_events();
                seen.extend(take(ring));
            }
            for _ in 0..5 {
                if result(&seen, GUARD).is_none() {
                    let _ = ring.submitter().wait(1);
                    seen.extend(take(ring));
                }
            }
            // Here its end is no news.
            seen.retain(|seen| *seen != (GUARD, ETIME));
        }
    }
    seen.retain(|seen| seen.0 != REMOVAL && *seen != (GUARD, ECANCELED));
    seen.sort_unstable();
    Ok(seen)
}

impl<'k, K: Kernel> Lab<'k, K> {
    pub(super) fn new(kernel: &'k K) -> Self {
        Self { kernel, log: Log::default(), maps: true, timers: false }
    }

    /// Returns the kernel as rings get it.
    pub(super) fn watch(&self) -> Watch<'_, K> {
        Watch { kernel: self.kernel, log: &self.log }
    }

    /// Makes a ring as the kernel allows.
    pub(super) fn make(&self, builder: &Plain, entries: u32) -> Result<Ring<'_, K>, SetupError> {
        self.log.mappings.borrow_mut().clear();
        self.log.params.set(None);
        if self.maps {
            builder.build_with(self.watch(), entries)
        } else {
            builder.build_provided_with(self.watch(), entries, memory_for(builder, entries)?)
        }
    }

    /// Makes a plain ring, which other points than that of set-up need.
    pub(super) fn ring(&self, entries: u32) -> Result<Ring<'_, K>, Outcome> {
        self.make(&Plain::new(), entries).map_err(|error| Outcome::NotReached { needs: format!("a ring ({error})") })
    }

    /// Makes a ring with flags. `EINVAL` means that the kernel does not offer them.
    pub(super) fn ring_with(&self, builder: &Plain, flag: &str, instead: &'static str) -> Result<Ring<'_, K>, Outcome> {
        self.make(builder, 8).map_err(|error| match error.errno() {
            Errno::EINVAL => not_offered(flag, instead),
            // A kernel that makes no ring at all is told by the first point.
            _ => self
                .ring(8)
                .err()
                .unwrap_or_else(|| broken(format!("a ring with {flag}, or EINVAL"), error.to_string())),
        })
    }

    /// Makes a ring, closes it, and returns what the kernel has reported and left in the memory.
    pub(super) fn made(&self, entries: u32) -> Result<Made, Outcome> {
        let builder = Plain::new();
        if self.maps {
            drop(self.make(&builder, entries));
        } else {
            self.log.params.set(None);
            self.log.mappings.borrow_mut().clear();
            let unreached = |error: SetupError| Outcome::NotReached { needs: format!("a ring ({error})") };
            let memory = memory_for(&builder, entries).map_err(unreached)?;
            let areas = [(0, &*memory.rings), (0x1000_0000, &*memory.sqes)];
            let areas = areas.map(|(offset, area)| (offset, NonNull::from(area).cast::<u8>(), area.len()));
            drop(builder.build_provided_with(self.watch(), entries, memory));
            let mut mappings = self.log.mappings.borrow_mut();
            for (offset, address, len) in areas {
                // SAFETY: the memory is never freed, and its ring is at rest.
                let words = unsafe { words_at(address, len) };
                mappings.push(Mapping { offset, address: address.addr().get(), len, words, unmapped: None });
            }
        }
        let parts = self.log.mappings.borrow().clone();
        match self.log.params.get() {
            Some(params) if !parts.is_empty() => Ok(Made { params, parts, provided: !self.maps }),
            _ => Err(Outcome::NotReached { needs: "a ring and its memory".into() }),
        }
    }

    /// Fails a point that needs a timeout to end a wait that would be without end.
    pub(super) fn need_timers(&self) -> Result<(), Outcome> {
        if self.timers { Ok(()) } else { Err(Outcome::NotReached { needs: "a timeout that ends its waits".into() }) }
    }
}
