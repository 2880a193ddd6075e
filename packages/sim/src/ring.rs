//! One simulated ring: its memory, and what the kernel keeps about it.

use std::collections::{BTreeMap, VecDeque};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::ThreadId;

use bare_uring::{SetupFlags, SqFlags};

use crate::buffers::Group;
use crate::coverage::Coverage;
use crate::files::Open;
use crate::flight::{Chain, Flight};
use crate::layout::{Layout, Shape, Word};
use crate::ledger::Ledger;
use crate::memory::Area;
use crate::sqpoll::Thread;

/// A completion on its way into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// The request's.
    pub user_data: u64,
    /// The result.
    pub result: i32,
    /// The flags, without those that tell its size.
    pub flags: u32,
    /// The upper 16 bytes, if it has them.
    pub big: Option<[u64; 2]>,
}

/// Work that runs when the task enters the kernel.
#[derive(Debug)]
pub(crate) enum Work {
    /// A request in flight has something to do.
    Flight(u64),
    /// Another ring sent this.
    Message(Completion),
}

/// One area of a ring's memory.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The offset by which it is mapped.
    pub(crate) offset: u64,
    pub(crate) area: Area,
}

/// The memory of a ring.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) sq: NonNull<u8>,
    pub(crate) cq: NonNull<u8>,
    pub(crate) sqes: NonNull<u8>,
    /// The areas behind the three; empty if the caller provided the memory.
    pub(crate) areas: Vec<Piece>,
}

// SAFETY: addresses of memory that belongs to the process; it is used under the lock of the whole simulation.
unsafe impl Send for Memory {}

#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) shape: Shape,
    pub(crate) layout: Layout,
    pub(crate) memory: Memory,
    /// Part of the memory was unmapped: the kernel's side goes on without it.
    pub(crate) detached: bool,
    /// The kernel's own indices; what stands in the memory is not believed.
    pub(crate) sq_head: u32,
    pub(crate) sq_tail_seen: u32,
    pub(crate) cq_tail: u32,
    pub(crate) cq_head_seen: u32,
    pub(crate) overflow: VecDeque<Completion>,
    /// Completions were lost since the last `EBADR`.
    pub(crate) lost: bool,
    /// Completions put into the queue or the list so far.
    pub(crate) completed: u32,
    /// Timeouts that have ended so far: each also ends a wait.
    pub(crate) timeouts: u32,
    pub(crate) flights: BTreeMap<u64, Flight>,
    pub(crate) deferred: VecDeque<Chain>,
    pub(crate) drain_disabled: bool,
    pub(crate) work: VecDeque<Work>,
    pub(crate) thread: Option<Thread>,
    pub(crate) disabled: bool,
    pub(crate) issuer: Option<ThreadId>,
    pub(crate) files: Vec<Option<Arc<Open>>>,
    pub(crate) buffers: Vec<Option<(u64, u64)>>,
    pub(crate) groups: BTreeMap<u16, Group>,
    /// Memory of groups that were unregistered and are mapped still.
    pub(crate) old_groups: Vec<Area>,
    pub(crate) ledger: Ledger,
    pub(crate) coverage: Coverage,
}

impl Ring {
    pub(crate) fn new(shape: Shape, layout: Layout, memory: Memory, start: (u32, u32)) -> Self {
        let ring = Self {
            shape,
            layout,
            memory,
            detached: false,
            sq_head: start.0,
            sq_tail_seen: start.0,
            cq_tail: start.1,
            cq_head_seen: start.1,
            overflow: VecDeque::new(),
            lost: false,
            completed: 0,
            timeouts: 0,
            flights: BTreeMap::new(),
            deferred: VecDeque::new(),
            drain_disabled: false,
            work: VecDeque::new(),
            thread: None,
            disabled: shape.setup.contains(SetupFlags::R_DISABLED),
            issuer: None,
            files: Vec::new(),
            buffers: Vec::new(),
            groups: BTreeMap::new(),
            old_groups: Vec::new(),
            ledger: Ledger::default(),
            coverage: Coverage::default(),
        };
        for (word, value) in [
            (Word::SqHead, start.0),
            (Word::SqTail, start.0),
            (Word::SqMask, shape.sq_entries - 1),
            (Word::SqEntries, shape.sq_entries),
            (Word::SqFlags, 0),
            (Word::SqDropped, 0),
            (Word::CqHead, start.1),
            (Word::CqTail, start.1),
            (Word::CqMask, shape.cq_entries - 1),
            (Word::CqEntries, shape.cq_entries),
            (Word::CqOverflow, 0),
            (Word::CqFlags, 0),
        ] {
            if ring.layout.has(word) {
                ring.store(word, value);
            }
        }
        ring
    }

    pub(crate) fn is(&self, flags: SetupFlags) -> bool {
        self.shape.setup.intersects(flags)
    }

    fn word(&self, word: Word) -> &AtomicU32 {
        let base = if Layout::in_cq(word) { self.memory.cq } else { self.memory.sq };
        // SAFETY: the layout was made together with the memory, and puts every word into it, at a multiple of 4.
        let place = unsafe { base.add(self.layout.word(word) as usize) };
        // SAFETY: the memory lives as long as the ring is not detached, and both sides use its words as atomics only.
        unsafe { AtomicU32::from_ptr(place.as_ptr().cast()) }
    }

    pub(crate) fn load(&self, word: Word) -> u32 {
        self.word(word).load(Ordering::SeqCst)
    }

    pub(crate) fn store(&self, word: Word, value: u32) {
        self.word(word).store(value, Ordering::SeqCst);
    }

    pub(crate) fn flags(&self) -> SqFlags {
        SqFlags::from_bits_retain(self.load(Word::SqFlags))
    }

    pub(crate) fn set_flag(&self, flag: SqFlags, on: bool) {
        if self.detached {
            return;
        }
        let mut flags = self.flags();
        flags.set(flag, on);
        self.store(Word::SqFlags, flags.bits());
    }

    /// The slot that the index array names at `at`; that of `at` itself where there is no array, or it is not read.
    pub(crate) fn slot(&self, at: u32, reads_array: bool) -> u32 {
        let slot = at & (self.shape.sq_entries - 1);
        match self.layout.array {
            Some(array) if reads_array => {
                // SAFETY: the array has a word for each slot, and lies within the memory.
                let place = unsafe { self.memory.sq.add(array as usize + slot as usize * 4) };
                // SAFETY: as in `word`.
                unsafe { AtomicU32::from_ptr(place.as_ptr().cast()) }.load(Ordering::SeqCst)
            }
            _ => slot,
        }
    }

    /// The first 64 bytes of a submission slot.
    pub(crate) fn read_sqe(&self, slot: u32) -> [u8; 64] {
        assert!(slot < self.shape.sq_entries, "a slot beyond the queue");
        // SAFETY: the slot lies within the entries, as just checked.
        let place = unsafe { self.memory.sqes.add(slot as usize * self.shape.sqe_size()) };
        // SAFETY: the slot is published, so that its owner does not write to it now.
        unsafe { place.cast::<[u8; 64]>().read() }
    }

    /// Makes a slot that was consumed unreadable as what it was: who reads it again, finds that out.
    pub(crate) fn scribble_sqe(&self, slot: u32) {
        let size = self.shape.sqe_size();
        // SAFETY: the slot lies within the entries, as `read_sqe` has checked.
        let place = unsafe { self.memory.sqes.add(slot as usize * size) };
        // SAFETY: consumed, it belongs to nobody until the head that says so is stored.
        unsafe { place.write_bytes(0xa5, size) };
    }

    /// Writes `bytes` at a completion slot.
    pub(crate) fn write_cqe(&self, at: u32, bytes: &[u8]) {
        let slot = (at & (self.shape.cq_entries - 1)) as usize;
        let offset = slot * self.shape.cqe_size();
        assert!(offset + bytes.len() <= self.shape.cq_entries as usize * self.shape.cqe_size(), "past the queue");
        // SAFETY: as just checked, the piece lies within the entries.
        let place = unsafe { self.memory.cq.add(self.layout.cqes as usize + offset) };
        // SAFETY: the slot is free, so that its owner does not read it now.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
    }

    /// User data of everything that is not complete.
    pub(crate) fn in_flight(&self) -> Vec<u64> {
        let flights = self.flights.values().flat_map(|flight| flight.user_data());
        flights.chain(self.deferred.iter().flat_map(|chain| chain.user_data())).collect()
    }

    /// Whether completions wait for the task to enter the kernel.
    pub(crate) fn defers_work(&self) -> bool {
        self.is(SetupFlags::COOP_TASKRUN | SetupFlags::DEFER_TASKRUN)
    }

    /// Mappings of groups, each of which has a reference to the ring (`io_uring_mmap()`).
    pub(crate) fn mapped_groups(&self) -> usize {
        let areas = self.groups.values().filter_map(|group| group.area.as_ref()).chain(&self.old_groups);
        areas.filter(|area| area.mapped.is_some()).count()
    }

    /// Whether nobody has written around the memory.
    pub(crate) fn intact(&self) -> bool {
        let of_groups = self.groups.values().filter_map(|group| group.area.as_ref()).chain(&self.old_groups);
        self.memory.areas.iter().map(|piece| &piece.area).chain(of_groups).all(Area::intact)
    }
}
