//! One simulated ring: its memory, and what the kernel keeps about it.

use std::collections::{BTreeMap, VecDeque};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::ThreadId;

use bare_uring::{SetupFlags, SqFlags};

use crate::buffers::Group;
use crate::coverage::Coverage;
use crate::cqe::Completion;
use crate::files::Open;
use crate::flight::{Chain, Flight};
use crate::layout::{Layout, Shape, Word};
use crate::ledger::Ledger;
use crate::memory::Area;

mod cq;
mod sq;

/// Work that runs when the task enters the kernel.
#[derive(Debug)]
pub(crate) enum Work {
    /// A request in flight has something to do.
    Flight(u64),
    /// Another ring sent this.
    Message(Completion),
}

/// The thread of an SQPOLL ring.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Thread {
    pub(crate) asleep: bool,
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

    /// User data of everything that is not complete.
    pub(crate) fn in_flight(&self) -> Vec<u64> {
        let flights = self.flights.values().flat_map(|flight| flight.user_data());
        flights.chain(self.deferred.iter().flat_map(|chain| chain.user_data())).collect()
    }

    /// Whether completions wait for the task to enter the kernel.
    pub(crate) fn defers_work(&self) -> bool {
        self.is(SetupFlags::COOP_TASKRUN | SetupFlags::DEFER_TASKRUN)
    }

    /// Shows that work waits for the task, where the ring has a flag for it.
    pub(crate) fn show_work(&self) {
        if self.is(SetupFlags::TASKRUN_FLAG) {
            self.set_flag(SqFlags::TASKRUN, !self.work.is_empty());
        }
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
