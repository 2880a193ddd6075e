//! For each point of the checklist there is a kernel that breaks this point, and the check names it.

use bare_uring::{Features, SetupFlags};
use bare_uring_sim::conformance::check;
use bare_uring_sim::{Profile, SimKernel};

#[path = "conformance_wrong/spoilt.rs"]
mod spoilt;

use spoilt::{Spoilt, Wrong};

/// A kernel that does one thing wrong, and the points that the check must call broken.
type Row = (Wrong, &'static [&'static str]);

const ROWS: &[Row] = &[
    (Wrong::NoRing, &["ring", "refusal"]),
    (Wrong::TouchesRefused, &["refusal"]),
    (Wrong::TakesAnyFlag, &["refusal"]),
    (Wrong::OddSize, &["sizes", "words"]),
    (Wrong::Overlap, &["offsets"]),
    (Wrong::Outside, &["offsets", "words"]),
    (Wrong::OtherMask, &["words"]),
    (Wrong::TailAhead, &["words"]),
    (Wrong::OneRing, &["rings-apart"]),
    (Wrong::Ignores(SetupFlags::NO_MMAP), &["provided"]),
    (Wrong::ReadsArray, &["no-sqarray"]),
    (Wrong::Ignores(SetupFlags::CQSIZE), &["cq-size"]),
    (Wrong::Ignores(SetupFlags::SUBMIT_ALL), &["submit-all"]),
    (Wrong::NeverDefers, &["defer-taskrun"]),
    (Wrong::Greedy, &["count"]),
    (Wrong::Miscounts, &["count", "unknown-request", "submit-and-wait", "completions", "ring-fd"]),
    (Wrong::LateSlot, &["reuse"]),
    (Wrong::EmptyFails, &["empty"]),
    (Wrong::EntersNothing, &["no-ring"]),
    (Wrong::OtherErrno, &["enter-flags"]),
    (Wrong::KnowsAll, &["unknown-request"]),
    (Wrong::OtherTimeout, &["timers"]),
    (Wrong::EarlyTimeout, &["timers", "wait", "submit-and-wait", "timed-wait", "ext-arg", "signal-mask"]),
    (Wrong::WaitsOn, &["wait"]),
    (Wrong::LosesCount, &["submit-and-wait"]),
    (Wrong::IgnoresTime, &["timed-wait", "ext-arg"]),
    (Wrong::AnySize, &["ext-arg"]),
    (Wrong::NoMask, &["signal-mask"]),
    (Wrong::Narrow, &["completions"]),
    (Wrong::WrapsEarly, &["slots"]),
    (Wrong::Overwrites, &["full", "nodrop"]),
    (Wrong::Uncounted, &["overflow-counted"]),
    (Wrong::Claims(Features::NODROP), &["nodrop"]),
    (Wrong::Claims(Features::EXT_ARG), &["timed-wait", "ext-arg"]),
    (Wrong::NeverFlushes, &["overflow-counted", "nodrop", "flush"]),
    (Wrong::HidesOverflow, &["flush"]),
    (Wrong::RegistersAll, &["register-unknown"]),
    (Wrong::RegistersNothing, &["register-no-ring"]),
    (Wrong::DeniesNop, &["probe"]),
    (Wrong::NoIndex, &["ring-fd"]),
    (Wrong::KeepsMapped, &["map"]),
    (Wrong::MapsAll, &["map"]),
    (Wrong::MapsApart, &["words", "single-mmap"]),
    (Wrong::StaysOpen, &["close"]),
    (Wrong::CloseFails, &["close"]),
    (Wrong::WritesLater, &["quiet"]),
];

/// Returns a kernel that has everything but what the fault is about.
fn sound(wrong: Wrong) -> Profile {
    let linux = Profile::linux(7, 0);
    match wrong {
        Wrong::Uncounted => linux.without_features(Features::NODROP),
        Wrong::Claims(features) => linux.without_features(features),
        _ => linux,
    }
}

#[test]
fn each_wrong_kernel_is_named_by_the_point_that_it_breaks() {
    let (mut all, mut told) = (Vec::new(), Vec::new());
    for &(wrong, points) in ROWS {
        let kernel = Spoilt::new(SimKernel::new(sound(wrong), 3), wrong);
        let report = check(&kernel);
        let broken: Vec<&str> = report.broken().map(|finding| finding.point).collect();
        if broken != points {
            told.push(format!("{wrong:?} breaks {broken:?}, listed are {points:?}\n{report}"));
        }
        all.extend_from_slice(points);
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
    let report = check(&SimKernel::new(Profile::linux(7, 0), 3));
    let missing: Vec<&str> =
        report.findings().iter().map(|finding| finding.point).filter(|point| !all.contains(point)).collect();
    assert_eq!(missing, [""; 0], "points that no kernel here breaks");
}
