//! What the simulated kernels must have done over many seeds.

use bare_uring_sim::{Coverage, Mark};

/// How often each is reached in 1000 seeds, at the least: a third of what was measured over 20,000. No user here waits for
/// room, names a ring by its index, disables one, or has one with completions of two sizes.
const TABLE: [(Mark, u64); Mark::ALL.len()] = [
    (Mark::NearTheWrap, 62),
    (Mark::EntryOverwritten, 8550),
    (Mark::CompletionOverwritten, 7468),
    (Mark::CanariesRead, 968),
    (Mark::ThreadSlept, 73),
    (Mark::ThreadLookedAgain, 0),
    (Mark::ThreadWoken, 67),
    (Mark::ThreadTookPart, 70),
    (Mark::ThreadSleptOver, 67),
    (Mark::WaitedForRoom, 0),
    (Mark::ShortSubmit, 74),
    (Mark::NoMemory, 186),
    (Mark::BatchEnded, 323),
    (Mark::Busy, 40),
    (Mark::ChainRefused, 1379),
    (Mark::Drained, 0),
    (Mark::LinkBroken, 0),
    (Mark::Skipped, 0),
    (Mark::Delayed, 1868),
    (Mark::Reordered, 1332),
    (Mark::Repeated, 182),
    (Mark::Cancelled, 1070),
    (Mark::LimitReached, 42),
    (Mark::WorkDeferred, 367),
    (Mark::Listed, 192),
    (Mark::Flushed, 180),
    (Mark::Dropped, 467),
    (Mark::Lost, 3),
    (Mark::LossTold, 2),
    (Mark::Filler, 0),
    (Mark::Interrupted, 22),
    (Mark::InterruptedWithSome, 0),
    (Mark::EarlyReturn, 23),
    (Mark::EndedByTimeout, 0),
    (Mark::TimeOver, 239),
    (Mark::MinimumOver, 0),
    (Mark::NamedByIndex, 0),
    (Mark::Disabled, 0),
    (Mark::BufferPicked, 152),
    (Mark::NoBuffer, 34),
    (Mark::WordChanged, 3322),
    (Mark::SetupLie, 6),
    (Mark::NumberLie, 106),
    (Mark::ErrorLie, 155),
];

/// Panics if something was reached too seldom.
pub fn assert_all(reached: &Coverage, seeds: u64) {
    let wrong = reached.shortfalls(seeds, &TABLE);
    assert!(wrong.is_empty(), "the simulated kernels did not do what they should:\n{}", wrong.join("\n"));
}
