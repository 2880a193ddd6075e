//! What a seed has reached.

use bare_uring_sim::{Coverage, Mark};

/// Something that the test itself does or sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Plain,
    Incremental,
    Mapped,
    Lies,
    /// A completion was taken before one that came earlier.
    TakenEarly,
    /// A bundle was dropped half read.
    HalfBundle,
    /// Several buffers came out of one bundle.
    WholeBundle,
    /// Bytes of a file's end, or of an error, were taken: none.
    TookNothing,
    /// A completion named a buffer that was not handed out.
    NotHandedOut,
    /// A group was unregistered with requests in flight.
    UnregisteredBusy,
    UnregisteredQuiet,
    /// A request was armed before its group was registered, and got a buffer of it.
    ArmedBefore,
    /// A completion that may be of an older group was left.
    LeftAlone,
    /// A buffer of an older group came back.
    OldRefused,
    ReclaimedBetween,
    ReclaimNeeded,
    /// At the end all buffers were there, and none was reclaimed.
    AllThere,
    /// A ring was dropped before its mapped group.
    DroppedRingFirst,
}

const SEEN: [Seen; 18] = [
    Seen::Plain,
    Seen::Incremental,
    Seen::Mapped,
    Seen::Lies,
    Seen::TakenEarly,
    Seen::HalfBundle,
    Seen::WholeBundle,
    Seen::TookNothing,
    Seen::NotHandedOut,
    Seen::UnregisteredBusy,
    Seen::UnregisteredQuiet,
    Seen::ArmedBefore,
    Seen::LeftAlone,
    Seen::OldRefused,
    Seen::ReclaimedBetween,
    Seen::ReclaimNeeded,
    Seen::AllThere,
    Seen::DroppedRingFirst,
];

/// What the simulated kernel must have done to buffers.
const MARKS: [Mark; 21] = [
    Mark::BufferPicked,
    Mark::NoBuffer,
    Mark::NoGroup,
    Mark::BufferHeld,
    Mark::BufferKept,
    Mark::BufferUsedUp,
    Mark::RestTooShort,
    Mark::MoreLeftOut,
    Mark::ErrorUsesBuffer,
    Mark::ErrorOnlyNames,
    Mark::EndNamesBuffer,
    Mark::DatagramCut,
    Mark::PassedOver,
    Mark::Bundled,
    Mark::BundleAppended,
    Mark::BundleOutOfOrder,
    Mark::GapCounted,
    Mark::SentFromGroup,
    Mark::HeldBeyondGroup,
    Mark::RingPinned,
    Mark::Forged,
];

/// Enough seeds that the counts say something.
const ENOUGH: u64 = 1000;

#[derive(Debug, Default)]
pub struct Counts([u64; SEEN.len()]);

impl Counts {
    pub fn note(&mut self, seen: Seen) {
        self.0[seen as usize] += 1;
    }

    pub fn with(&self, coverage: &Coverage) -> Vec<u64> {
        self.0.iter().copied().chain(MARKS.iter().map(|&mark| coverage.count(mark))).collect()
    }
}

pub fn names() -> Vec<String> {
    SEEN.iter().map(|seen| format!("{seen:?}")).chain(MARKS.iter().map(|mark| format!("{mark:?}"))).collect()
}

/// So often in 1000 seeds, at the least: a third of what was measured.
const LEAST: [u64; SEEN.len() + MARKS.len()] = [1; SEEN.len() + MARKS.len()];

/// What was reached too seldom.
pub fn wrong(counts: &[u64], seeds: u64) -> Vec<String> {
    if seeds < ENOUGH {
        return Vec::new();
    }
    let rows = counts.iter().zip(LEAST).zip(names());
    let short = rows.filter(|((count, least), _)| **count * 1000 < least * seeds);
    short.map(|((count, least), name)| format!("{name}: {count} times in {seeds} seeds, fewer than {least} per 1000")).collect()
}
