//! The kernel's side of a ring: what io_uring/io_uring.c and io_uring/sqpoll.c of Linux do with the shared words, in
//! the same sequence and with the same orderings.
//!
//! `READ_ONCE` and the void atomics (`atomic_or`, `atomic_andnot`) are Relaxed here, `smp_load_acquire` is Acquire,
//! `smp_store_release` is Release, and `smp_mb` is a fence. What the kernel orders by a control dependency, which
//! Rust's model of memory does not have, is Acquire.

use core::ffi::c_void;
use core::ptr::NonNull;
use std::boxed::Box;
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec::Vec;

use loom::sync::{Condvar, Mutex, MutexGuard};

use crate::error::Errno;
use crate::flags::{EnterFlags, SetupFlags, SqFlags};
use crate::kernel::Kernel;
use crate::parameters::Parameters;
use crate::sync::{self, AtomicU32, Ordering, fence, shadow};
use crate::types::RawFd;
use crate::uapi::{io_uring_cqe, io_uring_params};
use crate::{IoUring, cqueue, squeue};

/// The properties of a model's ring.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) setup: SetupFlags,
    pub(crate) sq: u32,
    pub(crate) cq: u32,
    /// The first index of both queues.
    pub(crate) start: u32,
    /// Entries that an earlier owner has queued, with user data from 1 on.
    pub(crate) queued: u32,
}

impl Shape {
    /// Two submission and two completion slots; all indices wrap at the second entry.
    pub(crate) const SMALL: Self = Self { setup: SetupFlags::NO_SQARRAY, sq: 2, cq: 2, start: u32::MAX, queued: 0 };

    pub(crate) const fn with(self, setup: SetupFlags) -> Self {
        Self { setup: self.setup.union(setup), ..self }
    }

    pub(crate) const fn with_array(self) -> Self {
        Self { setup: self.setup.difference(SetupFlags::NO_SQARRAY), ..self }
    }

    fn has_array(self) -> bool {
        !self.setup.contains(SetupFlags::NO_SQARRAY)
    }

    /// Returns the offsets of everything, in the layout of kernels since 6.6.
    fn params(self) -> io_uring_params {
        // SAFETY: the structure has only integers, of which any value is valid.
        let mut params: io_uring_params = unsafe { core::mem::zeroed() };
        (params.flags, params.sq_entries, params.cq_entries) = (self.setup.bits(), self.sq, self.cq);
        (params.sq_off.head, params.sq_off.tail, params.cq_off.head, params.cq_off.tail) = (0, 4, 8, 12);
        (params.sq_off.ring_mask, params.cq_off.ring_mask) = (16, 20);
        (params.sq_off.ring_entries, params.cq_off.ring_entries) = (24, 28);
        (params.sq_off.dropped, params.sq_off.flags) = (32, 36);
        (params.cq_off.flags, params.cq_off.overflow) = (40, 44);
        params.cq_off.cqes = 64;
        params.sq_off.array = if self.has_array() { 64 + 16 * self.cq } else { 0 };
        params
    }
}

/// 16 bytes of memory, aligned to 16 bytes.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
struct Grain([u32; 4]);

/// Memory that a model's threads share: zeroes, freed with the value.
pub(crate) struct Area(Box<[Grain]>);

impl Area {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(std::vec![Grain([0; 4]); bytes.div_ceil(16)].into_boxed_slice())
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        NonNull::from(&*self.0).cast()
    }

    pub(crate) fn whole(&self) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(self.start(), self.0.len() * 16)
    }

    fn set(&mut self, offset: u32, value: u32) {
        self.0[offset as usize / 16].0[offset as usize % 16 / 4] = value;
    }
}

/// What the kernel keeps under its locks.
#[derive(Default)]
pub(crate) struct State {
    sq_head: u32,
    cq_tail: u32,
    /// The user data of the entries that were consumed, in order.
    pub(crate) consumed: Vec<u64>,
    /// The number of entries that each look at the queue found.
    pub(crate) batches: Vec<u32>,
    overflown: VecDeque<u64>,
    work: VecDeque<u64>,
    /// Whether the SQPOLL thread runs, or has been told to.
    running: bool,
}

/// A kernel with one ring.
pub(crate) struct Linux {
    shape: Shape,
    rings: Area,
    sqes: Area,
    lock: Mutex<State>,
    /// The SQPOLL thread sleeps here; a wait for room and a wait for completions have the next two.
    asleep: Condvar,
    room: Condvar,
    posted: Condvar,
    /// Called with the user data of each entry as it is consumed, before the queue's head moves.
    at_consumption: Box<dyn Fn(u64)>,
}

/// What the ring is given.
pub(crate) type Handle = Rc<Linux>;

/// A model's ring.
pub(crate) type Ring = IoUring<squeue::Entry, cqueue::Entry, Seam>;

impl Linux {
    pub(crate) fn new(shape: Shape) -> Handle {
        Self::watched(shape, |_| ())
    }

    pub(crate) fn watched(shape: Shape, at_consumption: impl Fn(u64) + 'static) -> Handle {
        let params = shape.params();
        let mut rings = Area::new(64 + 16 * shape.cq as usize + 4 * shape.sq as usize);
        for (offset, value) in [(16, shape.sq - 1), (20, shape.cq - 1), (24, shape.sq), (28, shape.cq)] {
            rings.set(offset, value);
        }
        for (offset, value) in [(0, 0), (4, shape.queued), (8, 0), (12, 0)] {
            rings.set(offset, shape.start.wrapping_add(value));
        }
        let array = if shape.has_array() { params.sq_off.array as usize } else { 0 };
        let indices = (0..shape.sq as usize).filter(|_| array != 0).map(|slot| array + 4 * slot);
        let words: Vec<usize> = (0..12).map(|word| 4 * word).chain(indices).collect();
        let sqes = Area::new(64 * shape.sq as usize);
        // SAFETY: the memory belongs to this value, is valid, and is aligned to 16 bytes.
        unsafe { shadow::share(rings.whole(), &words, &[]) };
        // SAFETY: the memory of the entries belongs to this value, is valid, and is aligned to 16 bytes.
        unsafe { shadow::share(sqes.whole(), &[], &[]) };
        let state = State { sq_head: shape.start, cq_tail: shape.start, running: true, ..State::default() };
        let kernel = Self {
            shape,
            rings,
            sqes,
            lock: Mutex::new(state),
            asleep: Condvar::new(),
            room: Condvar::new(),
            posted: Condvar::new(),
            at_consumption: Box::new(at_consumption),
        };
        for number in 0..shape.queued {
            let entry = squeue::Entry::new(0).user_data(u64::from(number) + 1);
            // SAFETY: the place is a slot of the queue, which nothing else uses yet.
            unsafe { sync::write(kernel.slot(shape.start.wrapping_add(number) & (shape.sq - 1)), entry) };
        }
        Rc::new(kernel)
    }

    /// Makes the ring, as the crate does over memory that exists already.
    pub(crate) fn ring(self: &Rc<Self>) -> Ring {
        self.ring_of()
    }

    /// Makes a ring with other submission entries, which the shape's flags must allow.
    pub(crate) fn ring_of<S: squeue::EntryMarker>(self: &Rc<Self>) -> IoUring<S, cqueue::Entry, Seam> {
        let params = Parameters::from_raw(self.shape.params());
        let (rings, sqes) = (self.rings.whole(), self.sqes.whole());
        // SAFETY: the kernel that the ring gets keeps the memory, and the queued requests point to nothing.
        unsafe { IoUring::from_raw_parts(Seam(Rc::clone(self)), 3, params, rings, rings, sqes) }.expect("a good ring")
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.lock.lock().expect("no thread panics")
    }

    fn word(&self, offset: u32) -> &AtomicU32 {
        // SAFETY: every caller names a word of the area's head or of the array, which live as long as the value.
        let word = unsafe { self.rings.start().add(offset as usize) }.cast();
        // SAFETY: the word is only used as an atomic.
        unsafe { word.as_ref() }
    }

    fn sq_head(&self) -> &AtomicU32 {
        self.word(0)
    }

    fn sq_tail(&self) -> &AtomicU32 {
        self.word(4)
    }

    fn cq_head(&self) -> &AtomicU32 {
        self.word(8)
    }

    fn cq_tail(&self) -> &AtomicU32 {
        self.word(12)
    }

    fn flags(&self) -> &AtomicU32 {
        self.word(36)
    }

    fn raise(&self, flag: SqFlags) {
        self.flags().fetch_or(flag.bits(), Ordering::Relaxed);
    }

    fn lower(&self, flag: SqFlags) {
        self.flags().fetch_and(!flag.bits(), Ordering::Relaxed);
    }

    fn slot(&self, slot: u32) -> NonNull<squeue::Entry> {
        // SAFETY: every caller names a slot of the queue.
        unsafe { self.sqes.start().cast::<squeue::Entry>().add(slot as usize) }
    }

    /// Counts the entries to consume, as `io_sqring_entries()`.
    fn entries(&self, state: &State) -> u32 {
        // kernel: io_uring/io_uring.h io_sqring_entries (6.12.117): the tail is loaded with acquire, and the number is
        // at most that of the slots.
        self.sq_tail().load(Ordering::Acquire).wrapping_sub(state.sq_head).min(self.shape.sq)
    }

    /// Takes up to `most` entries and completes each at once, then moves the head, as `io_submit_sqes()`.
    fn consume(&self, state: &mut State, most: u32) -> u32 {
        let found = self.entries(state).min(most);
        for _ in 0..found {
            let mut index = state.sq_head & (self.shape.sq - 1);
            if self.shape.has_array() {
                index = self.word(self.shape.params().sq_off.array + 4 * index).load(Ordering::Relaxed);
                assert!(index < self.shape.sq, "the array is an identity map");
            }
            // SAFETY: the slot is one of the queue's. Loom checks that nothing writes to it meanwhile.
            let entry = unsafe { sync::read(self.slot(index)) };
            state.sq_head = state.sq_head.wrapping_add(1);
            state.consumed.push(entry.get_user_data());
            (self.at_consumption)(entry.get_user_data());
            self.post(state, entry.get_user_data());
        }
        if found != 0 {
            state.batches.push(found);
            // kernel: io_uring/io_uring.c io_commit_sqring (6.12.117): the head is stored with release, once after all
            // entries of a submission.
            self.sq_head().store(state.sq_head, Ordering::Release);
        }
        found
    }

    /// Returns whether there is room for one more completion, as `io_cqe_cache_refill()`.
    fn room_for_one(&self, state: &State) -> bool {
        // In the kernel a control dependency orders the writes to the entry after this load.
        state.cq_tail.wrapping_sub(self.cq_head().load(Ordering::Acquire)) < self.shape.cq
    }

    fn fill(&self, state: &mut State, user_data: u64) {
        let slot = state.cq_tail & (self.shape.cq - 1);
        // SAFETY: the slot is one of the queue's, whose entries start at byte 64.
        let place = unsafe { self.rings.start().add(64 + 16 * slot as usize) }.cast::<[u64; 2]>();
        const { assert!(size_of::<io_uring_cqe>() == 16) };
        // SAFETY: the place is one of the queue's slots, which hold 16 bytes. Loom checks that nothing reads it
        // meanwhile.
        unsafe { sync::write(place, [user_data, 0]) };
        state.cq_tail = state.cq_tail.wrapping_add(1);
    }

    /// Posts a completion, or puts it into the overflow list, as `io_req_complete_post()`.
    fn post(&self, state: &mut State, user_data: u64) {
        if state.overflown.is_empty() && self.room_for_one(state) {
            self.fill(state, user_data);
        } else {
            if state.overflown.is_empty() {
                // kernel: io_uring/io_uring.c io_cqring_event_overflow (6.12.117): the flag is set, without a barrier,
                // before the first completion goes into an empty overflow list.
                self.raise(SqFlags::CQ_OVERFLOW);
            }
            state.overflown.push_back(user_data);
        }
        self.cq_tail().store(state.cq_tail, Ordering::Release);
        self.posted.notify_all();
    }

    /// Posts a completion from a worker thread of the kernel's.
    pub(crate) fn complete(&self, user_data: u64) {
        self.post(&mut self.state(), user_data);
    }

    /// Adds completion work that only the ring's task may do, as `io_req_local_work_add()`.
    pub(crate) fn defer(&self, user_data: u64) {
        self.state().work.push_back(user_data);
        self.raise(SqFlags::TASKRUN);
    }

    /// Runs that work, as `io_run_local_work()`.
    fn run_work(&self, state: &mut State) {
        // kernel: io_uring/io_uring.c __io_run_local_work (6.12.117): the flag is cleared before the list of work is
        // taken.
        self.lower(SqFlags::TASKRUN);
        while let Some(user_data) = state.work.pop_front() {
            self.post(state, user_data);
        }
    }

    /// Moves completions from the overflow list to the queue, as `__io_cqring_overflow_flush()`.
    fn flush(&self, state: &mut State) {
        if state.overflown.is_empty() || !self.room_for_one(state) {
            return;
        }
        while !state.overflown.is_empty() && self.room_for_one(state) {
            if let Some(user_data) = state.overflown.pop_front() {
                self.fill(state, user_data);
            }
        }
        if state.overflown.is_empty() {
            // kernel: io_uring/io_uring.c __io_cqring_overflow_flush (6.12.117): the flag is cleared once the list is
            // empty, before the tail is stored.
            self.lower(SqFlags::CQ_OVERFLOW);
        }
        self.cq_tail().store(state.cq_tail, Ordering::Release);
    }

    /// Runs as `io_sq_thread()`, but sleeps as soon as it finds nothing, and ends when it has consumed `total` entries.
    pub(crate) fn sq_thread(&self, total: usize) {
        loop {
            let mut state = self.state();
            if self.consume(&mut state, u32::MAX) != 0 {
                self.room.notify_all();
            }
            if state.consumed.len() >= total {
                return;
            }
            // This is `prepare_to_wait()`: from here on a wake-up ends the sleep, even before the sleep begins.
            state.running = false;
            drop(state);
            // kernel: io_uring/sqpoll.c io_sq_thread (6.12.117): the flag is set, a full barrier follows, and then the
            // tail is read again.
            self.raise(SqFlags::NEED_WAKEUP);
            fence(Ordering::SeqCst);
            let mut state = self.state();
            if self.entries(&state) == 0 {
                while !state.running {
                    state = self.asleep.wait(state).expect("no thread panics");
                }
            }
            state.running = true;
            drop(state);
            self.lower(SqFlags::NEED_WAKEUP);
        }
    }

    /// Runs the system call `io_uring_enter(2)`.
    fn enter(&self, to_submit: u32, want: u32, flags: EnterFlags) -> u32 {
        let mut state = self.state();
        let mut submitted = to_submit;
        if self.shape.setup.contains(SetupFlags::SQPOLL) {
            if flags.contains(EnterFlags::SQ_WAKEUP) {
                state.running = true;
                self.asleep.notify_all();
            }
            if flags.contains(EnterFlags::SQ_WAIT) {
                // This is `io_sqpoll_wait_sq()`, which waits only while the queue is full.
                while self.full() {
                    state = self.room.wait(state).expect("no thread panics");
                }
            }
        } else {
            submitted = self.consume(&mut state, to_submit);
        }
        if flags.contains(EnterFlags::GETEVENTS) {
            let until = self.cq_head().load(Ordering::Relaxed).wrapping_add(want);
            loop {
                self.run_work(&mut state);
                self.flush(&mut state);
                if state.cq_tail.wrapping_sub(until).cast_signed() >= 0 {
                    break;
                }
                state = self.posted.wait(state).expect("no thread panics");
            }
        }
        submitted
    }

    /// Returns whether the queue is full, as `io_sqring_full()`.
    fn full(&self) -> bool {
        let (tail, head) = (self.sq_tail().load(Ordering::Relaxed), self.sq_head().load(Ordering::Relaxed));
        tail.wrapping_sub(head) == self.shape.sq
    }
}

/// The kernel as the ring calls it.
pub(crate) struct Seam(Handle);

// SAFETY: `enter` accesses only the ring's memory; the other methods access nothing.
unsafe impl Kernel for Seam {
    unsafe fn setup(&self, _: u32, _: &mut io_uring_params) -> Result<u32, Errno> {
        Err(Errno::ENOSYS)
    }

    unsafe fn enter(&self, _: RawFd, n: u32, want: u32, flags: u32, _: *const c_void, _: usize) -> Result<u32, Errno> {
        Ok(self.0.enter(n, want, EnterFlags::from_bits_retain(flags)))
    }

    unsafe fn register(&self, _: RawFd, _: u32, _: *mut c_void, _: u32) -> Result<u32, Errno> {
        Ok(0)
    }

    unsafe fn close(&self, _: RawFd) -> Result<(), Errno> {
        Ok(())
    }
}

/// Pushes a request that points to nothing. Returns whether there was room.
pub(crate) fn push(queue: &mut squeue::SubmissionQueue<'_>, user_data: u64) -> bool {
    // SAFETY: the request points to nothing.
    unsafe { queue.push(squeue::Entry::new(0).user_data(user_data)) }.is_ok()
}

/// Memory that one request names: 16 bytes, each of whose accesses loom sees.
pub(crate) struct Named(Area);

impl Named {
    pub(crate) fn new() -> Rc<Self> {
        let area = Area::new(16);
        // SAFETY: the memory belongs to this value.
        unsafe { shadow::share(area.whole(), &[], &[]) };
        Rc::new(Self(area))
    }

    pub(crate) fn write(&self, value: u64) {
        // SAFETY: the memory belongs to the value. Loom checks that no two accesses conflict.
        unsafe { sync::write(self.0.start().cast(), value) };
    }

    pub(crate) fn read(&self) -> u64 {
        // SAFETY: the memory belongs to the value, and any value is valid. Loom checks that no two accesses conflict.
        unsafe { sync::read(self.0.start().cast()) }
    }
}
