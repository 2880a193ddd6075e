//! The kernels that the seeds run on: the releases of Linux with buffer rings, and the kernels without.

use bare_uring::register::buf_ring::BufRingOptions;
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_PBUF_RING;
use bare_uring::{Builder, Errno, IoUring, cqueue, squeue};
use bare_uring_sim::{Leaks, Profile, SimKernel};

use crate::kernels;
use crate::memory::{Arena, STALE};
use crate::play::release_of;
use crate::requests::GROUP;

/// The kernels that have buffer rings, but whose use of them is not simulated.
const NOT_SIMULATED: [&str; 1] = ["OSv"];

/// The least number of seeds on each release in 1000 seeds.
const ON_EACH: u64 = 4;

fn has_groups(profile: &Profile) -> bool {
    profile.registers(IORING_REGISTER_PBUF_RING as u32)
}

/// Returns the release of a kernel's name, if it is Linux.
fn release_named(name: &str) -> Option<(u8, u8)> {
    let (major, minor) = name.strip_prefix("Linux ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Returns the releases of Linux that have buffer rings and a profile.
pub fn with_groups() -> Vec<(u8, u8)> {
    let all = kernels::all().into_iter().filter(|kernel| has_groups(&kernel.1));
    all.filter_map(|kernel| release_named(&kernel.0)).collect()
}

/// Counts a seed for the kernel whose profile it ran with.
pub fn count(seed: u64, refused: bool) -> Vec<u64> {
    let all = kernels::all();
    if refused {
        return all.iter().map(|(_, profile)| u64::from(!has_groups(profile))).collect();
    }
    let release = release_of(seed);
    let last = all.iter().rposition(|(name, _)| release_named(name).is_some_and(|named| named <= release));
    (0..all.len()).map(|at| u64::from(Some(at) == last)).collect()
}

/// Checks that each kernel without buffer rings says so, and keeps nothing.
pub fn refuse(seed: u64) {
    for (name, profile) in kernels::all().into_iter().filter(|kernel| !has_groups(&kernel.1)) {
        let error = if profile.has_register { profile.unknown_registration } else { Errno::ENOSYS };
        let kernel = SimKernel::new(profile, seed);
        let ring: IoUring<squeue::Entry, cqueue::Entry, SimKernel> =
            Builder::new().build_with(kernel.clone(), 8).expect("as set up");
        let mut arena = Arena::default();
        let stale = arena.stale(STALE).as_ptr().addr();
        let (memory, _) = arena.group(4, 8, stale);
        let refused = ring.submitter().register_buf_ring(GROUP, memory, BufRingOptions::new());
        assert_eq!(refused.err(), Some(error), "{name}");
        drop(ring);
        assert_eq!((kernel.faults(), kernel.leaks()), (vec![], Leaks::default()), "{name}");
        // SAFETY: the ring is gone, and there never was a group.
        unsafe { arena.free() };
    }
}

/// Returns the names of the counts.
pub fn names() -> Vec<String> {
    kernels::all().into_iter().map(|kernel| format!("seeds on {}", kernel.0)).collect()
}

/// Returns a line for each kernel that too few seeds ran on.
pub fn wrong(counts: &[u64], seeds: u64) -> Vec<String> {
    let all = kernels::all();
    let simulated = all.iter().zip(counts).filter(|(kernel, _)| !NOT_SIMULATED.contains(&kernel.0.as_str()));
    // One seed of 500 looks at all kernels without buffer rings.
    let least = |profile: &Profile| if has_groups(profile) { ON_EACH } else { 1 };
    let few = simulated.filter(|((_, profile), count)| **count * 1000 < least(profile) * seeds);
    few.map(|((name, _), count)| format!("{count} of {seeds} seeds ran on {name}")).collect()
}
