//! A ring in memory of the test's own with a kernel just large enough to lead it to places where a real one never
//! stands; and what the tests of submission and waiting share.

use core::ffi::c_void;
use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::kernels::Trace;
use bare_uring::types::{Fd, RawFd};
use bare_uring::uapi::{io_cqring_offsets, io_sqring_offsets, io_uring_params};
use bare_uring::{
    Builder, EnterFlags, Errno, Features, IoUring, Kernel, Parameters, SetupFlags, SqFlags, cqueue, squeue,
};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

/// Byte offsets of the words, in an order that no kernel uses.
const SQ_HEAD: usize = 0;
const SQ_TAIL: usize = 4;
const CQ_HEAD: usize = 8;
const CQ_TAIL: usize = 12;
const SQ_MASK: usize = 16;
const CQ_MASK: usize = 20;
const SQ_ENTRIES: usize = 24;
const CQ_ENTRIES: usize = 28;
const DROPPED: usize = 32;
const SQ_FLAGS: usize = 36;
const CQ_FLAGS: usize = 40;
const OVERFLOW: usize = 44;
const CQES: usize = 64;

/// A completion as it lies in memory, in slots of 16 bytes.
pub type Slot = [u64; 2];

/// The slot of a completion.
pub fn slot(user_data: u64, result: i32, flags: u32) -> Slot {
    let mut second = [0; 8];
    second[..4].copy_from_slice(&result.to_ne_bytes());
    second[4..].copy_from_slice(&flags.to_ne_bytes());
    [user_data, u64::from_ne_bytes(second)]
}

/// Memory of a ring, and a kernel over it that consumes each entry with a completion of result 0 on the spot, and a timeout with
/// `ETIME`. It has no overflow list: what does not fit is dropped and counted.
#[derive(Debug)]
pub struct Fake {
    rings: NonNull<[u8]>,
    sqes: NonNull<[u8]>,
    params: io_uring_params,
    /// The arguments `to_submit`, `min_complete` and `flags` of each enter.
    enters: RefCell<Vec<(u32, u32, u32)>>,
    /// Errors to answer the next enters with.
    pub failures: RefCell<Vec<Errno>>,
    /// What each enter says that it has consumed, where the test plays the kernel.
    pub answer: Cell<Option<u32>>,
    /// Entries consumed by one enter at most.
    pub limit: Cell<u32>,
    /// Waits for room that end before there is any, as those of Linux do when the task has other work.
    pub early: Cell<u32>,
    /// Whether the next call that wakes the SQPOLL thread has it consume everything: every other one does. `None`: the
    /// test plays the thread.
    pub wakes: Cell<Option<bool>>,
    /// The result of timeouts; `None`: their completions are dropped.
    pub timeouts: Cell<Option<i32>>,
}

/// Returns memory of `bytes` bytes with nothing mapped behind it: a read past its end kills the process.
fn fenced(bytes: usize) -> NonNull<[u8]> {
    const PAGE: usize = 65_536;
    let whole = bytes.next_multiple_of(PAGE);
    let (read_write, private) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: a new mapping at an address of the system's choice touches no other memory.
    let start = unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), whole + PAGE, read_write, private) }.unwrap();
    // SAFETY: the offset lies within the mapping just made.
    let fence = unsafe { start.byte_add(whole) };
    // SAFETY: nobody uses the page yet.
    unsafe { rustix::mm::mprotect(fence, PAGE, MprotectFlags::empty()) }.unwrap();
    // SAFETY: `bytes` is at most `whole`.
    let first = unsafe { fence.byte_sub(bytes) };
    NonNull::slice_from_raw_parts(NonNull::new(first).unwrap().cast(), bytes)
}

impl Fake {
    /// A ring of `sq` and `cq` slots, whose heads and tails start at the two numbers `starts`. The memory is never
    /// freed.
    pub fn new(setup: SetupFlags, sq: u32, cq: u32, starts: (u32, u32)) -> Self {
        let sqe_size = if setup.contains(SetupFlags::SQE128) { 128 } else { 64 };
        let cqe_size = if setup.contains(SetupFlags::CQE32) { 32 } else { 16 };
        let params = io_uring_params {
            sq_entries: sq,
            cq_entries: cq,
            flags: setup.union(SetupFlags::NO_SQARRAY).bits(),
            sq_thread_cpu: 0,
            sq_thread_idle: 0,
            features: 0,
            wq_fd: 0,
            resv: [0; 3],
            sq_off: io_sqring_offsets {
                head: SQ_HEAD as u32,
                tail: SQ_TAIL as u32,
                ring_mask: SQ_MASK as u32,
                ring_entries: SQ_ENTRIES as u32,
                flags: SQ_FLAGS as u32,
                dropped: DROPPED as u32,
                array: 0,
                resv1: 0,
                user_addr: 0,
            },
            cq_off: io_cqring_offsets {
                head: CQ_HEAD as u32,
                tail: CQ_TAIL as u32,
                ring_mask: CQ_MASK as u32,
                ring_entries: CQ_ENTRIES as u32,
                overflow: OVERFLOW as u32,
                cqes: CQES as u32,
                flags: CQ_FLAGS as u32,
                resv1: 0,
                user_addr: 0,
            },
        };
        let fake = Self {
            rings: fenced(CQES + cq as usize * cqe_size),
            sqes: fenced(sq as usize * sqe_size),
            params,
            enters: RefCell::default(),
            failures: RefCell::default(),
            answer: Cell::new(None),
            limit: Cell::new(u32::MAX),
            early: Cell::new(0),
            wakes: Cell::new(None),
            timeouts: Cell::new(Some(-62)),
        };
        for (offset, value) in [
            (SQ_HEAD, starts.0),
            (SQ_TAIL, starts.0),
            (CQ_HEAD, starts.1),
            (CQ_TAIL, starts.1),
            (SQ_MASK, sq - 1),
            (CQ_MASK, cq - 1),
            (SQ_ENTRIES, sq),
            (CQ_ENTRIES, cq),
        ] {
            fake.word(offset).store(value, Ordering::Relaxed);
        }
        fake
    }

    /// A kernel that reports these features. (It does not have them.)
    pub fn reporting(mut self, features: Features) -> Self {
        self.params.features = features.bits();
        self
    }

    /// The ring over this memory; take one only.
    pub fn ring<S: squeue::EntryMarker, C: cqueue::EntryMarker>(&self) -> IoUring<S, C, &Self> {
        let params = Parameters::from_raw(self.params);
        // SAFETY: the memory is never freed and shared with this kernel only; no entry is queued in it.
        unsafe { IoUring::from_raw_parts(self, 77, params, self.rings, self.rings, self.sqes) }.unwrap()
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: all offsets used are below `CQES`, where the memory goes on.
        let word = unsafe { self.rings.cast::<u8>().add(offset) };
        // SAFETY: the word is aligned, valid for ever, and used as an atomic only.
        unsafe { AtomicU32::from_ptr(word.as_ptr().cast()) }
    }

    /// Head and tail of the submission queue, as the two sides show them to each other.
    pub fn sq(&self) -> (u32, u32) {
        (self.word(SQ_HEAD).load(Ordering::Acquire), self.word(SQ_TAIL).load(Ordering::Acquire))
    }

    /// Head and tail of the completion queue.
    pub fn cq(&self) -> (u32, u32) {
        (self.word(CQ_HEAD).load(Ordering::Acquire), self.word(CQ_TAIL).load(Ordering::Acquire))
    }

    pub fn set_sq_head(&self, head: u32) {
        self.word(SQ_HEAD).store(head, Ordering::Release);
    }

    /// The two words of the submission queue, for a thread that plays the kernel's.
    pub fn sq_words(&self) -> (&AtomicU32, &AtomicU32) {
        (self.word(SQ_HEAD), self.word(SQ_TAIL))
    }

    pub fn set_cq_tail(&self, tail: u32) {
        self.word(CQ_TAIL).store(tail, Ordering::Release);
    }

    /// The flags of the completion queue, which the program writes.
    pub fn cq_flags(&self) -> &AtomicU32 {
        self.word(CQ_FLAGS)
    }

    pub fn set_sq_dropped(&self, count: u32) {
        self.word(DROPPED).store(count, Ordering::Relaxed);
    }

    /// Overwrites masks and numbers of entries, as no kernel does once the ring is made.
    pub fn garble_sizes(&self, value: u32) {
        for offset in [SQ_MASK, CQ_MASK, SQ_ENTRIES, CQ_ENTRIES] {
            self.word(offset).store(value, Ordering::Relaxed);
        }
    }

    pub fn set_sq_flags(&self, flags: SqFlags) {
        self.word(SQ_FLAGS).store(flags.bits(), Ordering::Release);
    }

    /// The 64 bytes at this slot of the submission entries.
    pub fn sqe(&self, slot: u32) -> [u8; 64] {
        let offset = slot as usize * 64;
        assert!(offset + 64 <= self.sqes.len());
        // SAFETY: the slot lies within the memory, as just checked.
        let first = unsafe { self.sqes.cast::<[u8; 64]>().byte_add(offset) };
        // SAFETY: the slot lies within the memory. Nothing writes to it meanwhile, since the test has one thread.
        unsafe { first.read() }
    }

    /// Writes the 16 bytes of this slot of the completion entries, whatever the tail.
    pub fn write_cqe(&self, at: u32, value: Slot) {
        let offset = CQES + at as usize * 16;
        assert!(offset + 16 <= self.rings.len());
        // SAFETY: the slot lies within the memory, as just checked.
        let first = unsafe { self.rings.cast::<Slot>().byte_add(offset) };
        // SAFETY: the slot lies within the memory. Nothing reads it meanwhile, since the test has one thread.
        unsafe { first.write(value) };
    }

    /// Posts a completion of 16 bytes, or counts it as dropped if there is no room.
    pub fn post(&self, value: Slot) {
        let (head, tail) = self.cq();
        if tail.wrapping_sub(head) >= self.params.cq_entries {
            self.word(OVERFLOW).fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.write_cqe(tail & (self.params.cq_entries - 1), value);
        self.set_cq_tail(tail.wrapping_add(1));
    }

    /// Consumes entries, as an SQPOLL thread would; their number.
    pub fn consume(&self, most: u32) -> u32 {
        let (head, tail) = self.sq();
        let count = most.min(tail.wrapping_sub(head)).min(self.limit.get());
        for i in 0..count {
            let sqe = self.sqe(head.wrapping_add(i) & (self.params.sq_entries - 1));
            let entry = squeue::Entry::from_bytes(sqe);
            let result = if sqe[0] == 11 { self.timeouts.get() } else { Some(0) };
            match result {
                Some(result) => self.post(slot(entry.get_user_data(), result, 0)),
                None => drop(self.word(OVERFLOW).fetch_add(1, Ordering::Relaxed)),
            }
        }
        self.set_sq_head(head.wrapping_add(count));
        count
    }

    /// `to_submit`, `min_complete` and `flags` of the enters since the last look.
    pub fn enters(&self) -> Vec<(u32, u32, u32)> {
        self.enters.take()
    }
}

// SAFETY: it touches no memory but its own ring's.
unsafe impl Kernel for Fake {
    unsafe fn setup(&self, _: u32, _: &mut io_uring_params) -> Result<u32, Errno> {
        Err(Errno::ENOSYS)
    }

    unsafe fn enter(
        &self,
        _: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        _: *const c_void,
        _: usize,
    ) -> Result<u32, Errno> {
        self.enters.borrow_mut().push((to_submit, min_complete, flags));
        // A caller that calls without end fails here instead of hanging.
        assert!(self.enters.borrow().len() < 100_000, "calls without end");
        if let Some(errno) = self.failures.borrow_mut().pop() {
            return Err(errno);
        }
        if let Some(done) = self.answer.get() {
            return Ok(done);
        }
        if self.params.flags & SetupFlags::SQPOLL.bits() == 0 {
            return Ok(self.consume(to_submit));
        }
        if flags & EnterFlags::SQ_WAIT.bits() != 0 {
            match self.early.get() {
                0 => drop(self.consume(1)),
                more => self.early.set(more - 1),
            }
        }
        if flags & EnterFlags::SQ_WAKEUP.bits() != 0
            && let Some(works) = self.wakes.get()
        {
            self.wakes.set(Some(!works));
            if works {
                self.consume(u32::MAX);
            }
        }
        Ok(to_submit)
    }

    unsafe fn register(&self, _: RawFd, _: u32, _: *mut c_void, _: u32) -> Result<u32, Errno> {
        Err(Errno::ENOSYS)
    }

    unsafe fn close(&self, _: RawFd) -> Result<(), Errno> {
        Ok(())
    }
}

/// Runs a test on a thread of its own, so that one that hangs fails.
pub fn bounded<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (ends, ended) = mpsc::channel::<()>();
    // Skips bear the name of the thread.
    let builder = std::thread::Builder::new().name(super::test());
    let started = builder.spawn(move || {
        // Dropped at the end, by a panic too: that is the sign.
        let _ends = ends;
        body()
    });
    let thread = started.unwrap();
    // An emulated machine takes its time.
    match ended.recv_timeout(Duration::from_secs(120)) {
        Err(RecvTimeoutError::Timeout) => panic!("the test hangs"),
        _ => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
    }
}

/// Asks again and again until it holds; after 10 seconds the test has failed.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "never came true: {what}");
        std::thread::yield_now();
    }
}

/// How many calls it takes to make a ring: the number of the first call after them.
pub fn calls_of_set_up() -> usize {
    let trace = Trace::new();
    let ring = Builder::<squeue::Entry>::new().build_with(&trace, 8).unwrap();
    let calls = trace.take().len();
    drop(ring);
    calls
}

/// Takes the completions that are there: user data and result of each.
pub fn reap<S, C, K>(ring: &mut IoUring<S, C, K>) -> Vec<(u64, i32)>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + std::ops::Deref<Target = cqueue::Entry>,
    K: Kernel,
{
    ring.completion().map(|cqe| (cqe.user_data(), cqe.result())).collect()
}

/// [`reap`] for rings of plain completions.
pub fn taken<S: squeue::EntryMarker, K: Kernel>(ring: &mut IoUring<S, cqueue::Entry, K>) -> Vec<(u64, i32)> {
    ring.completion().map(|cqe| (cqe.user_data(), cqe.result())).collect()
}

/// What [`taken`] gives for nops with these user data.
pub fn nops(user_data: std::ops::Range<u64>) -> Vec<(u64, i32)> {
    user_data.map(|user_data| (user_data, 0)).collect()
}

/// The descriptor of a file that the test keeps open.
pub fn fd(file: &impl std::os::fd::AsRawFd) -> Fd {
    Fd(file.as_raw_fd())
}

/// Random numbers: the same ones each time (xorshift).
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
