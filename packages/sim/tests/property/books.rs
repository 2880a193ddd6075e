//! What was pushed, what the kernel says became of it, and what the ring handed out.

use std::collections::{BTreeMap, VecDeque};

use bare_uring::cqueue;
use bare_uring_sim::{Completion, Event, SimKernel};

/// `IORING_CQE_F_MORE`.
const MORE: u32 = 1 << 1;
/// `IORING_CQE_F_32`, which marks a large completion on a mixed ring.
const LARGE: u32 = 1 << 15;

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Pushed,
    Consumed,
    /// The last completion was posted, dropped or skipped.
    Done,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub stage: Stage,
    /// Whether a completion is sure to come without help, and to be visible.
    pub certain: bool,
}

/// What the test knows about all requests and completions of a ring.
#[derive(Debug, Default)]
pub struct Books {
    pub entries: BTreeMap<u64, Entry>,
    next: u64,
    /// The completions that were posted and not handed out.
    posted: VecDeque<Completion>,
    pub dropped: u32,
    /// The number of slots that were pushed, and of those that submits have counted.
    pub slots: u64,
    pub told: u64,
}

/// The lowest user data of completions that are messages of another ring.
pub const MESSAGES: u64 = 1 << 40;

/// Any kind of completion.
pub trait Seen: cqueue::EntryMarker {
    /// Returns the completion as the kernel's events have it.
    fn seen(&self) -> Completion;
}

/// Returns a completion queue entry as the kernel's events have it.
fn small(entry: &cqueue::Entry, big: Option<[u64; 2]>) -> Completion {
    let flags = entry.flags().bits() & !LARGE;
    Completion { user_data: entry.user_data(), result: entry.result(), flags, big }
}

impl Seen for cqueue::Entry {
    fn seen(&self) -> Completion {
        small(self, None)
    }
}

impl Seen for cqueue::Entry32 {
    fn seen(&self) -> Completion {
        small(self, Some(self.big()))
    }
}

impl Seen for cqueue::EntryMixed {
    fn seen(&self) -> Completion {
        small(self, self.big())
    }
}

impl Books {
    /// Returns the user data of the next request.
    pub fn user_data(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Notes that a request was pushed.
    pub fn push(&mut self, user_data: u64, certain: bool) {
        let before = self.entries.insert(user_data, Entry { stage: Stage::Pushed, certain });
        assert!(before.is_none(), "{user_data} was pushed twice");
    }

    /// Takes over the kernel's events.
    pub fn update(&mut self, kernel: &SimKernel, ring: u32) {
        for event in kernel.events(ring) {
            match event {
                Event::Consumed { user_data } => self.advance(user_data, Stage::Pushed, Stage::Consumed),
                Event::Skipped { user_data } => self.advance(user_data, Stage::Consumed, Stage::Done),
                Event::Completed(completion) => {
                    self.posted.push_back(completion);
                    self.completed(completion);
                }
                Event::Dropped(completion) => {
                    self.dropped += 1;
                    self.completed(completion);
                }
                _ => panic!("an event that the test does not know"),
            }
        }
    }

    /// Notes a completion.
    fn completed(&mut self, completion: Completion) {
        if completion.flags & MORE == 0 && completion.user_data < MESSAGES {
            self.advance(completion.user_data, Stage::Consumed, Stage::Done);
        }
    }

    /// Moves a request on to another stage.
    fn advance(&mut self, user_data: u64, from: Stage, to: Stage) {
        let entry = self.entries.get_mut(&user_data).unwrap_or_else(|| panic!("{user_data:#x} was never pushed"));
        assert_eq!(entry.stage, from, "{user_data} goes to {to:?}");
        entry.stage = to;
    }

    /// Notes a completion that the ring handed out. It must be the next that was posted.
    pub fn saw<C: Seen>(&mut self, completion: &C) {
        let seen = completion.seen();
        let posted = self.posted.pop_front().unwrap_or_else(|| panic!("{seen:?} was never posted"));
        let big = if seen.big.is_some() { Some(posted.big.unwrap_or_default()) } else { None };
        assert_eq!(seen, Completion { big, ..posted }, "seen, and posted");
    }

    /// Returns how many completions wait to be handed out.
    pub fn unseen(&self) -> usize {
        self.posted.len()
    }

    /// Returns how many requests are not complete.
    pub fn outstanding(&self) -> usize {
        self.entries.values().filter(|entry| entry.stage != Stage::Done).count()
    }

    /// Returns how many completions are there or sure to come, without a submit or with one.
    pub fn certain(&self, with_submit: bool) -> usize {
        let mut count = self.unseen();
        for entry in self.entries.values() {
            match entry.stage {
                Stage::Done => {}
                _ if !entry.certain => return 0,
                Stage::Consumed => count += 1,
                Stage::Pushed => count += usize::from(with_submit),
            }
        }
        count
    }
}
