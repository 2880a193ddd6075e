//! What the check finds on each simulated kernel, against the lists of `conformance_told/`.
//!
//! After a change of a profile, write the lists again, and read what has changed:
//! `BARE_URING_WRITE=1 cargo test --package bare-uring-sim --test conformance_told`.

use std::fmt::Write as _;

use bare_uring::{Features, SetupFlags};
use bare_uring_sim::conformance::{Outcome, check};
use bare_uring_sim::{Chaos, Fault, Mark, Profile, Rate, SimKernel};

/// What the check found on each profile: all but what has passed.
const TOLD: &str = include_str!("conformance_told/profiles.txt");

/// Returns a name for each profile. Those of Linux are told apart by what they offer.
fn named() -> Vec<(String, Profile)> {
    let all = [(5, 1), (5, 4), (5, 6), (5, 10), (5, 15), (6, 1), (6, 5), (6, 6), (6, 12), (7, 0), (7, 3)];
    let linux = all.map(|(major, minor)| (format!("Linux {major}.{minor}"), Profile::linux(major, minor)));
    let others = [Profile::osv(), Profile::nanos(), Profile::starry(), Profile::gvisor()];
    linux.into_iter().chain(others.map(|profile| (profile.name.to_string(), profile))).collect()
}

#[test]
fn each_profile_falls_short_as_listed() {
    let mut told = String::new();
    for (name, profile) in named() {
        let report = check(&SimKernel::new(profile, 3));
        writeln!(told, "# {name}").expect("room");
        for finding in report.findings().iter().filter(|finding| finding.outcome != Outcome::Passed) {
            writeln!(told, "{finding}").expect("room");
        }
    }
    if std::env::var_os("BARE_URING_WRITE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance_told/profiles.txt");
        std::fs::write(path, &told).expect("the list is written");
        return;
    }
    let lines = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
    assert_eq!(lines(&told), lines(TOLD), "see the head of this file");
}

#[test]
fn no_simulated_linux_is_broken() {
    for profile in Profile::all().into_iter().filter(|profile| profile.name == "Linux") {
        for seed in 0..4 {
            let report = check(&SimKernel::new(profile.clone(), seed));
            assert_eq!(report.broken().count(), 0, "seed {seed} of {profile:?}\n{report}");
        }
    }
}

/// What a kernel may do at any time is no fault of it.
#[test]
fn no_kernel_is_broken_that_only_has_bad_luck() {
    let mut wrapped = 0;
    for seed in 0..60 {
        let profile = if seed % 2 == 0 { Profile::linux(7, 0) } else { Profile::linux(5, 10) };
        let kernel = SimKernel::new(profile, seed);
        let mut chaos = Chaos::none();
        (chaos.interrupted, chaos.short_submits, chaos.early_returns) = (Rate(20), Rate(20), Rate(20));
        (chaos.delayed, chaos.near_the_wrap) = (Rate(60), Rate(200));
        kernel.set_chaos(chaos);
        let report = check(&kernel);
        assert_eq!(report.broken().count(), 0, "seed {seed}\n{report}");
        wrapped += kernel.coverage().count(Mark::NearTheWrap);
    }
    assert!(wrapped > 100, "{wrapped} rings started below the wrap");
}

/// The check is a correct user: it names what is no ring on purpose, and does nothing else that is wrong.
#[test]
fn the_check_does_nothing_wrong_itself() {
    for (name, profile) in named() {
        let kernel = SimKernel::new(profile, 3);
        let _ = check(&kernel);
        let faults = kernel.faults();
        let rest: Vec<_> = faults.iter().filter(|fault| !matches!(fault, Fault::NoRing { .. })).collect();
        assert_eq!(rest, Vec::<&Fault>::new(), "{name}");
        assert_eq!(kernel.leaks(), Default::default(), "{name}");
    }
}

/// Takes one thing away from a kernel, and looks for exactly the points that name it.
#[test]
fn what_is_taken_away_is_what_is_not_offered() {
    let shortfalls = |profile: Profile| {
        let report = check(&SimKernel::new(profile, 3));
        assert_eq!(report.broken().count(), 0, "{report}");
        report.shortfalls().map(|finding| finding.point).collect::<Vec<_>>()
    };
    let linux = || Profile::linux(7, 0);
    assert_eq!(shortfalls(linux()), [""; 0]);
    assert_eq!(shortfalls(linux().without_features(Features::EXT_ARG)), ["ext-arg"]);
    assert_eq!(shortfalls(linux().without_features(Features::NODROP)), ["nodrop"]);
    assert_eq!(shortfalls(linux().without_features(Features::SINGLE_MMAP)), ["single-mmap"]);
    assert_eq!(shortfalls(linux().without_setup(SetupFlags::SUBMIT_ALL)), ["submit-all"]);
    assert_eq!(shortfalls(linux().without_setup(SetupFlags::NO_MMAP)), ["provided"]);
    assert_eq!(shortfalls(linux().without_setup(SetupFlags::NO_SQARRAY)), ["no-sqarray"]);
}

/// The checklist of the trait names each point of the check, and no other.
#[test]
fn the_checklist_has_the_points_of_the_check() {
    let text = include_str!("../../../src/kernel.rs");
    let listed: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("/// - **")?.split_once("**:").map(|line| line.0)).collect();
    let report = check(&SimKernel::new(Profile::linux(7, 0), 3));
    let mut checked: Vec<&str> = report.findings().iter().map(|finding| finding.point).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    checked.sort_unstable();
    assert_eq!(sorted, checked);
}
