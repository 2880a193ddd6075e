//! A ring, used by its bare memory.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use bare_uring::squeue::Entry;
use bare_uring::types::{RawFd, Sigset};
use bare_uring::uapi::{IORING_OFF_SQES, io_uring_getevents_arg, io_uring_params};
use bare_uring::{EnterFlags, Errno, Kernel, SetupFlags, SqFlags, opcode};
use bare_uring_sim::{Chaos, Mark, Profile, Rate, SimKernel};

use crate::limit::Limit;

/// The highest rate.
pub const ALWAYS: Rate = Rate(255);

/// Returns rates with which nothing goes wrong, nothing is delayed, and no SQPOLL thread falls asleep.
pub fn kind() -> Chaos {
    let mut chaos = Chaos::none();
    (chaos.delayed, chaos.sleepy) = (Rate(0), Rate(0));
    chaos
}

/// Returns the rates of [`kind`], with one change.
pub fn with(change: impl FnOnce(&mut Chaos)) -> Chaos {
    let mut chaos = kind();
    change(&mut chaos);
    chaos
}

pub fn linux() -> Profile {
    Profile::linux(6, 18)
}

pub fn nop(user_data: u64) -> Entry {
    opcode::Nop::new().build().user_data(user_data)
}

pub struct Raw {
    _limit: Limit,
    pub kernel: SimKernel,
    pub fd: RawFd,
    pub params: io_uring_params,
    pub rings: NonNull<u8>,
    pub rings_len: usize,
    pub sqes: NonNull<u8>,
    sqes_len: usize,
}

impl Raw {
    /// Makes a ring with four completion queue slots for each submission queue slot.
    pub fn new(profile: Profile, chaos: Chaos, setup: SetupFlags, entries: u32) -> Self {
        Self::of(SimKernel::new(profile, 5), chaos, setup, entries, 4 * entries)
    }

    /// Makes a ring on this kernel.
    pub fn of(kernel: SimKernel, chaos: Chaos, setup: SetupFlags, entries: u32, cq_entries: u32) -> Self {
        kernel.set_chaos(chaos);
        // SAFETY: numbers, for which zero is one.
        let mut params: io_uring_params = unsafe { std::mem::zeroed() };
        // Linux 5.4 and before lack CQSIZE, and make twice as many completion queue slots.
        let setup = if cq_entries == 2 * entries { setup } else { setup | SetupFlags::CQSIZE };
        (params.flags, params.cq_entries) = (setup.bits(), cq_entries);
        // SAFETY: no memory is provided.
        let fd = unsafe { kernel.setup(entries, &mut params) }.expect("as set up").cast_signed();
        let large = |flag: SetupFlags, small: usize| if setup.contains(flag) { 2 * small } else { small };
        let sqes_len = params.sq_entries as usize * large(SetupFlags::SQE128, 64);
        let array_end = params.sq_off.array as usize + params.sq_entries as usize * 4;
        let cqes_end = params.cq_off.cqes as usize + params.cq_entries as usize * large(SetupFlags::CQE32, 16);
        let rings_len = array_end.max(cqes_end);
        let rings = kernel.map(rings_len, fd, 0).expect("the rings");
        let sqes = kernel.map(sqes_len, fd, u64::from(IORING_OFF_SQES)).expect("the entries");
        Self { _limit: Limit::new(), kernel, fd, params, rings, rings_len, sqes, sqes_len }
    }

    /// Returns the word of the header at this offset.
    pub fn word(&self, offset: u32) -> &AtomicU32 {
        // SAFETY: the kernel told the offset, which lies within the mapping.
        let place = unsafe { self.rings.add(offset as usize) };
        // SAFETY: the word is mapped as long as this value lives, and both sides use it as an atomic.
        unsafe { AtomicU32::from_ptr(place.as_ptr().cast()) }
    }

    pub fn load(&self, offset: u32) -> u32 {
        self.word(offset).load(Ordering::SeqCst)
    }

    pub fn store(&self, offset: u32, value: u32) {
        self.word(offset).store(value, Ordering::SeqCst);
    }

    pub fn sq_head(&self) -> u32 {
        self.load(self.params.sq_off.head)
    }

    pub fn sq_tail(&self) -> u32 {
        self.load(self.params.sq_off.tail)
    }

    pub fn flags(&self) -> SqFlags {
        SqFlags::from_bits_retain(self.load(self.params.sq_off.flags))
    }

    /// Returns how many completions are in the queue.
    pub fn ready(&self) -> u32 {
        self.load(self.params.cq_off.tail).wrapping_sub(self.load(self.params.cq_off.head))
    }

    /// Puts an entry into the next slot, and publishes the tail.
    pub fn push(&self, entry: Entry) {
        let tail = self.sq_tail();
        let slot = tail & (self.params.sq_entries - 1);
        self.store(self.params.sq_off.array + 4 * slot, slot);
        // SAFETY: the slot lies within the queue.
        let place = unsafe { self.sqes.cast::<Entry>().add(slot as usize) };
        // SAFETY: the slot is the user's until the tail is published.
        unsafe { place.write(entry) };
        self.store(self.params.sq_off.tail, tail.wrapping_add(1));
    }

    pub fn push_all(&self, entries: impl IntoIterator<Item = Entry>) {
        entries.into_iter().for_each(|entry| self.push(entry));
    }

    pub fn enter(&self, to_submit: u32, want: u32, flags: EnterFlags) -> Result<u32, Errno> {
        // SAFETY: what the tests push points to memory that outlives the ring; no argument is called for.
        unsafe { self.kernel.enter(self.fd, to_submit, want, flags.bits(), std::ptr::null(), 0) }
    }

    pub fn submit(&self, count: u32) -> Result<u32, Errno> {
        self.enter(count, 0, EnterFlags::empty())
    }

    pub fn wait(&self, want: u32) -> Result<u32, Errno> {
        self.enter(0, want, EnterFlags::GETEVENTS)
    }

    /// Waits with an argument.
    pub fn wait_with(&self, want: u32, argument: &io_uring_getevents_arg) -> Result<u32, Errno> {
        let flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
        let size = size_of_val(argument);
        // SAFETY: the argument is one, and what it points to lives.
        unsafe { self.kernel.enter(self.fd, 0, want, flags.bits(), std::ptr::from_ref(argument).cast(), size) }
    }

    /// Returns the bytes of a completion queue slot.
    pub fn completion(&self, at: u32) -> [u8; 16] {
        let slot = (at & (self.params.cq_entries - 1)) as usize;
        // SAFETY: the slot lies within the mapping.
        let place = unsafe { self.rings.add(self.params.cq_off.cqes as usize + slot * 16) };
        // SAFETY: the kernel writes in calls only.
        unsafe { place.cast::<[u8; 16]>().read() }
    }

    /// Takes all completions: user data, result, flags.
    pub fn take(&self) -> Vec<(u64, i32, u32)> {
        let (head, tail) = (self.load(self.params.cq_off.head), self.load(self.params.cq_off.tail));
        let all = (0..tail.wrapping_sub(head)).map(|at| {
            let bytes = self.completion(head.wrapping_add(at));
            let half = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            let [user_data @ .., _, _, _, _, _, _, _, _] = bytes;
            (u64::from_ne_bytes(user_data), half(8).cast_signed(), half(12))
        });
        let all = all.collect();
        self.store(self.params.cq_off.head, tail);
        all
    }

    /// Takes all completions: user data and results, sorted.
    pub fn results(&self) -> Vec<(u64, i32)> {
        let mut results: Vec<_> = self.take().into_iter().map(|(user_data, result, _)| (user_data, result)).collect();
        results.sort_unstable();
        results
    }

    /// Returns the first 64 bytes of a submission queue slot.
    pub fn entry(&self, slot: usize) -> [u8; 64] {
        // SAFETY: the slot lies within the mapping.
        let place = unsafe { self.sqes.cast::<[u8; 64]>().add(slot) };
        // SAFETY: the kernel writes in calls only.
        unsafe { place.read() }
    }

    pub fn count(&self, mark: Mark) -> u64 {
        self.kernel.coverage().count(mark)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        for (base, len) in [(self.rings, self.rings_len), (self.sqes, self.sqes_len)] {
            // SAFETY: both mappings are this value's own.
            let _ = unsafe { self.kernel.unmap(base, len) };
        }
        // SAFETY: the descriptor is this value's own.
        let _ = unsafe { self.kernel.close(self.fd) };
    }
}

/// Returns the argument of a wait: its time limit and its minimum time.
pub fn limits(time: Option<&bare_uring::types::Timespec>, min_wait_usec: u32) -> io_uring_getevents_arg {
    let ts = time.map_or(0, |time| std::ptr::from_ref(time).expose_provenance() as u64);
    io_uring_getevents_arg { sigmask: 0, sigmask_sz: Sigset::SIZE, min_wait_usec, ts }
}
