//! Counts of what the seeds have reached.

use bare_uring_sim::{Coverage, Mark};

/// What the test itself does or sees.
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
    /// A buffer without bytes was taken, at the end of a file or for an error.
    TookNothing,
    /// A completion named a buffer that was not handed out.
    NotHandedOut,
    /// A group was unregistered with requests in flight.
    UnregisteredBusy,
    UnregisteredQuiet,
    /// A request was armed before its group was registered, and got a buffer of it.
    ArmedBefore,
    /// A completion that may be of an older group was left alone.
    LeftAlone,
    /// A buffer of an older group came back.
    OldRefused,
    ReclaimedBetween,
    ReclaimNeeded,
    /// At the end all buffers were there, and none was reclaimed.
    AllThere,
    /// A ring was dropped before its mapped group.
    DroppedRingFirst,
    /// More pieces of one buffer were out than 16 bits can count.
    Hoarded,
}

/// The least count of each in 1000 seeds: a third of what was measured over 30,000.
const SEEN: [(Seen, u64); 19] = [
    (Seen::Plain, 197),
    (Seen::Incremental, 136),
    (Seen::Mapped, 197),
    (Seen::Lies, 55),
    (Seen::TakenEarly, 219),
    (Seen::HalfBundle, 121),
    (Seen::WholeBundle, 36),
    (Seen::TookNothing, 373),
    (Seen::NotHandedOut, 73),
    (Seen::UnregisteredBusy, 49),
    (Seen::UnregisteredQuiet, 314),
    (Seen::ArmedBefore, 20),
    (Seen::LeftAlone, 80),
    (Seen::OldRefused, 171),
    (Seen::ReclaimedBetween, 112),
    (Seen::ReclaimNeeded, 79),
    (Seen::AllThere, 228),
    (Seen::DroppedRingFirst, 31),
    // Only one seed of 500 hoards, because that takes long.
    (Seen::Hoarded, 1),
];

/// The least count of each mark about buffers in 1000 seeds.
const MARKS: [(Mark, u64); 21] = [
    (Mark::BufferPicked, 2412),
    (Mark::NoBuffer, 1510),
    (Mark::NoGroup, 653),
    (Mark::BufferHeld, 926),
    (Mark::BufferKept, 205),
    (Mark::BufferUsedUp, 614),
    (Mark::RestTooShort, 1),
    (Mark::MoreLeftOut, 13),
    (Mark::ErrorUsesBuffer, 227),
    (Mark::ErrorOnlyNames, 5),
    (Mark::EndNamesBuffer, 299),
    (Mark::DatagramCut, 94),
    (Mark::PassedOver, 2),
    (Mark::Bundled, 20),
    (Mark::BundleAppended, 42),
    (Mark::BundleOutOfOrder, 1),
    (Mark::GapCounted, 29),
    (Mark::SentFromGroup, 106),
    (Mark::HeldBeyondGroup, 5),
    (Mark::RingPinned, 31),
    (Mark::Forged, 111),
];

/// The number of seeds from which on the counts are checked.
const ENOUGH: u64 = 1000;

#[derive(Debug, Default)]
pub struct Counts([u64; SEEN.len()]);

impl Counts {
    /// Counts one more.
    pub fn note(&mut self, seen: Seen) {
        self.0[seen as usize] += 1;
    }

    /// Returns these counts, and those of the kernel behind them.
    pub fn with(&self, coverage: &Coverage) -> Vec<u64> {
        self.0.iter().copied().chain(MARKS.iter().map(|row| coverage.count(row.0))).collect()
    }
}

/// Returns the names of all counts.
pub fn names() -> Vec<String> {
    SEEN.iter().map(|row| format!("{:?}", row.0)).chain(MARKS.iter().map(|row| format!("{:?}", row.0))).collect()
}

/// Returns a line for each count that was reached too seldom.
pub fn wrong(counts: &[u64], seeds: u64) -> Vec<String> {
    if seeds < ENOUGH {
        return Vec::new();
    }
    let least = SEEN.iter().map(|row| row.1).chain(MARKS.iter().map(|row| row.1));
    let rows = counts.iter().zip(least).zip(names());
    let short = rows.filter(|((count, least), _)| **count * 1000 < least * seeds);
    short
        .map(|((count, least), name)| format!("{name}: {count} times in {seeds} seeds, fewer than {least} per 1000"))
        .collect()
}
