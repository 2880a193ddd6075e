//! [`Ring`]: one ring (`struct io_ring_ctx`): its queues, and what the kernel keeps about it.

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

/// Task work, which runs when the task enters the kernel.
#[derive(Debug)]
pub(crate) enum Work {
    /// A request in flight goes on.
    Flight(u64),
    /// Another ring sent this completion.
    Message(Completion),
}

/// The kernel-side SQPOLL thread.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Thread {
    pub(crate) asleep: bool,
}

/// One area of a ring's memory.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// The offset by which the area is mapped.
    pub(crate) offset: u64,
    pub(crate) area: Area,
}

/// The memory of a ring.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) sq: NonNull<u8>,
    pub(crate) cq: NonNull<u8>,
    pub(crate) sqes: NonNull<u8>,
    /// The areas that these addresses lie in; empty if the user provided the memory.
    pub(crate) areas: Vec<Mapping>,
}

// SAFETY: addresses of memory that belongs to the process; it is used under the lock of the whole simulation.
unsafe impl Send for Memory {}

/// A ring.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) shape: Shape,
    pub(crate) layout: Layout,
    pub(crate) memory: Memory,
    /// Whether a part of the memory was unmapped. The kernel's side then leaves the whole ring alone.
    pub(crate) detached: bool,
    // The kernel's own indices: the words in memory are the user's to change.
    pub(crate) sq_head: u32,
    pub(crate) sq_tail_seen: u32,
    pub(crate) cq_tail: u32,
    pub(crate) cq_head_seen: u32,
    /// The overflow list (`cq_overflow_list`).
    pub(crate) overflow: VecDeque<Completion>,
    /// Whether completions were lost since the last `EBADR`.
    pub(crate) lost: bool,
    /// How many timeouts have ended so far (`cq_timeouts`). Each also ends a wait on most kernels.
    pub(crate) timeouts: u32,
    pub(crate) flights: BTreeMap<u64, Flight>,
    /// The chains that wait for a drain (`defer_list`).
    pub(crate) deferred: VecDeque<Chain>,
    pub(crate) drain_disabled: bool,
    pub(crate) work: VecDeque<Work>,
    pub(crate) thread: Option<Thread>,
    /// Whether the ring waits to be enabled (`IORING_SETUP_R_DISABLED`).
    pub(crate) disabled: bool,
    /// The one thread that may enter the ring (`submitter_task`).
    pub(crate) issuer: Option<ThreadId>,
    /// The registered files.
    pub(crate) files: Vec<Option<Arc<Open>>>,
    /// The registered buffers: address and length.
    pub(crate) buffers: Vec<Option<(u64, u64)>>,
    /// The registered buffer rings, by buffer group.
    pub(crate) groups: BTreeMap<u16, Group>,
    /// The memory of buffer rings that were unregistered and are still mapped.
    pub(crate) old_groups: Vec<Area>,
    pub(crate) ledger: Ledger,
    pub(crate) coverage: Coverage,
}

impl Ring {
    /// Makes a ring, and writes the words of its header. `start` is where the queues' indices start.
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

    /// Returns whether the ring was set up with one of these flags.
    pub(crate) fn is(&self, flags: SetupFlags) -> bool {
        self.shape.setup.intersects(flags)
    }

    /// Returns a word of the header.
    fn word(&self, word: Word) -> &AtomicU32 {
        let base = if Layout::in_cq(word) { self.memory.cq } else { self.memory.sq };
        // SAFETY: the layout was made together with the memory, and puts every word into it, at a multiple of 4.
        let place = unsafe { base.add(self.layout.word(word) as usize) };
        // SAFETY: the memory lives as long as the ring is not detached, and both sides use its words as atomics only.
        unsafe { AtomicU32::from_ptr(place.as_ptr().cast()) }
    }

    /// Loads a word of the header.
    pub(crate) fn load(&self, word: Word) -> u32 {
        self.word(word).load(Ordering::SeqCst)
    }

    /// Stores a word of the header.
    pub(crate) fn store(&self, word: Word, value: u32) {
        self.word(word).store(value, Ordering::SeqCst);
    }

    /// Loads the flags of the submission queue.
    pub(crate) fn flags(&self) -> SqFlags {
        SqFlags::from_bits_retain(self.load(Word::SqFlags))
    }

    /// Sets or clears a flag of the submission queue.
    pub(crate) fn set_flag(&self, flag: SqFlags, on: bool) {
        if self.detached {
            return;
        }
        let mut flags = self.flags();
        flags.set(flag, on);
        self.store(Word::SqFlags, flags.bits());
    }

    /// Returns the user data of all requests that are not complete.
    pub(crate) fn in_flight(&self) -> Vec<u64> {
        let flights = self.flights.values().flat_map(|flight| flight.user_data());
        flights.chain(self.deferred.iter().flat_map(|chain| chain.user_data())).collect()
    }

    /// Returns whether requests go on only when the task enters the kernel.
    pub(crate) fn defers_work(&self) -> bool {
        self.is(SetupFlags::COOP_TASKRUN | SetupFlags::DEFER_TASKRUN)
    }

    /// Sets or clears `IORING_SQ_TASKRUN`, on a ring with TASKRUN_FLAG.
    // kernel: io_uring/tw.c io_req_local_work_add (7.2): new task work sets the flag.
    // kernel: io_uring/tw.c __io_run_local_work (7.2): a run of task work clears the flag.
    pub(crate) fn show_work(&self) {
        if self.is(SetupFlags::TASKRUN_FLAG) {
            self.set_flag(SqFlags::TASKRUN, !self.work.is_empty());
        }
    }

    /// Returns how many mappings of buffer rings there are. Each mapping is one of the ring's file, and so has a
    /// reference to the ring.
    pub(crate) fn mapped_groups(&self) -> usize {
        let areas = self.groups.values().filter_map(|group| group.area.as_ref()).chain(&self.old_groups);
        areas.filter(|area| area.mapped.is_some()).count()
    }

    /// Returns whether the bytes around all memory of the ring are as they were made.
    pub(crate) fn intact(&self) -> bool {
        let of_groups = self.groups.values().filter_map(|group| group.area.as_ref()).chain(&self.old_groups);
        self.memory.areas.iter().map(|piece| &piece.area).chain(of_groups).all(Area::intact)
    }
}
