//! What the simulated kernels must have done over many seeds.

use bare_uring_sim::{Coverage, Mark};

/// The number of seeds from which on the counts are checked.
const ENOUGH: u64 = 1000;

/// The least count of each mark in 1000 seeds: a third of what was measured over 20,000. The users of this test provide
/// no buffers.
const TABLE: [(Mark, u64); Mark::ALL.len()] = [
    (Mark::NearTheWrap, 105),
    (Mark::EntryOverwritten, 10392),
    (Mark::CompletionOverwritten, 9640),
    (Mark::CanariesRead, 51625),
    (Mark::ThreadSlept, 112),
    (Mark::ThreadLookedAgain, 2),
    (Mark::ThreadWoken, 94),
    (Mark::ThreadTookPart, 556),
    (Mark::ThreadSleptOver, 95),
    (Mark::WaitedForRoom, 16),
    (Mark::ShortSubmit, 396),
    (Mark::NoMemory, 300),
    (Mark::EmptyEnter, 86),
    (Mark::WaitedAfterShort, 36),
    (Mark::BadFlags, 0),
    (Mark::BatchEnded, 517),
    (Mark::Busy, 28),
    (Mark::ChainRefused, 1260),
    (Mark::Drained, 271),
    (Mark::LinkBroken, 142),
    (Mark::Skipped, 290),
    (Mark::Delayed, 1656),
    (Mark::Reordered, 1470),
    (Mark::Repeated, 298),
    (Mark::Cancelled, 1010),
    (Mark::LimitReached, 19),
    (Mark::WorkDeferred, 1061),
    (Mark::Listed, 543),
    (Mark::Flushed, 543),
    (Mark::Dropped, 60),
    (Mark::Lost, 17),
    (Mark::LossTold, 4),
    (Mark::Filler, 2),
    (Mark::Interrupted, 27),
    (Mark::InterruptedWithSome, 17),
    (Mark::EarlyReturn, 40),
    (Mark::EndedByOverflow, 0),
    (Mark::CountReached, 256),
    (Mark::TimeoutChanged, 40),
    (Mark::HungUp, 1),
    (Mark::CloseWaited, 0),
    (Mark::EndedByTimeout, 39),
    (Mark::TimeOver, 209),
    (Mark::MinimumOver, 24),
    (Mark::NamedByIndex, 1883),
    (Mark::Disabled, 33),
    (Mark::BufferPicked, 0),
    (Mark::NoBuffer, 0),
    (Mark::NoGroup, 0),
    (Mark::BufferHeld, 0),
    (Mark::BufferKept, 0),
    (Mark::BufferUsedUp, 0),
    (Mark::RestTooShort, 0),
    (Mark::MoreLeftOut, 0),
    (Mark::ErrorUsesBuffer, 0),
    (Mark::ErrorOnlyNames, 0),
    (Mark::EndNamesBuffer, 0),
    (Mark::Lent, 0),
    (Mark::DatagramCut, 0),
    (Mark::PassedOver, 0),
    (Mark::Bundled, 0),
    (Mark::BundleAppended, 0),
    (Mark::BundleOutOfOrder, 0),
    (Mark::GapCounted, 0),
    (Mark::SentFromGroup, 0),
    (Mark::HeldBeyondGroup, 0),
    (Mark::RingPinned, 0),
    (Mark::Forged, 0),
    (Mark::WordChanged, 2091),
    (Mark::SetupLie, 14),
    (Mark::NumberLie, 64),
    (Mark::ErrorLie, 131),
];

/// A row counts from as many seeds as make its least count this: a count of fewer says nothing, since it is a matter of chance.
const TOLD_FROM: u64 = 16;

/// The least number of seeds on each kernel in 1000 seeds.
const ON_EACH: u64 = 7;

/// Returns a line for each mark that was reached too seldom or has no row in the table, and for each kernel that too few
/// seeds ran on.
pub fn wrong(reached: &Coverage, on_each: &[(String, u64)], seeds: u64) -> Vec<String> {
    if seeds < ENOUGH {
        return Vec::new();
    }
    let few = on_each.iter().filter(|row| row.1 * 1000 < ON_EACH * seeds);
    let few = few.map(|(kernel, ran)| format!("{ran} of {seeds} seeds ran on {kernel}, fewer than {ON_EACH} per 1000"));
    let table = TABLE.map(|(mark, least)| (mark, if least * seeds < 1000 * TOLD_FROM { 0 } else { least }));
    reached.shortfalls(seeds, &table).into_iter().chain(few).collect()
}
