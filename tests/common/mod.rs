//! What the tests share.
#![allow(dead_code, reason = "each test takes what it needs")]

pub mod answering;
pub mod any_ring;
pub mod areas;
pub mod buffers;
pub mod files;
pub mod kernels;
pub mod limit;
pub mod machine;
pub mod old_kernel;
mod pass_on;
pub mod raw;
pub mod requests;
pub mod ring_memory;
pub mod signals;
pub mod sockets;
pub mod sqe;

use std::time::Duration;

use bare_uring::types::Timespec;
use bare_uring::{Builder, Errno, IoUring, Kernel, SetupError, SetupFlags, cqueue, opcode, squeue};

#[allow(unused_imports, reason = "each test takes what it needs")]
pub(crate) use pass_on::pass_on;

/// The user data of the crate's own requests, whose completions never surface: these 48 bits, and a number in the 16 below.
/// The crate does not export it. `src/cqueue.rs` says what it is for.
pub const HIDDEN: u64 = 0xba5e_0b5e_55ed_0000;

/// Pushes a request whose memory the test keeps until its completion.
pub fn push<S, C, K>(ring: &mut IoUring<S, C, K>, entry: impl Into<S>)
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker,
    K: Kernel,
{
    // SAFETY: each test keeps what its requests point to until their completions.
    unsafe { ring.submission().push(entry.into()) }.expect("there is room");
}

/// A piece of memory for a ring, aligned to a page of any size, that is never freed.
pub fn memory(bytes: usize) -> &'static mut [std::mem::MaybeUninit<u8>] {
    let layout = std::alloc::Layout::from_size_align(bytes.max(1), 65_536).expect("a sensible size");
    // SAFETY: the size is not zero.
    let start = unsafe { std::alloc::alloc_zeroed(layout) };
    assert!(!start.is_null());
    // SAFETY: the allocation has that many bytes, and is this slice's alone and for ever.
    unsafe { std::slice::from_raw_parts_mut(start.cast(), bytes) }
}

/// Whether the kernel is older than this release.
pub fn older_than(major: u32, minor: u32) -> bool {
    let release = rustix::system::uname();
    let mut numbers = release.release().to_str().unwrap().split(['.', '-', '+']).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap()) < (major, minor)
}

/// What set-up adds where the kernel has it.
pub fn added() -> SetupFlags {
    if older_than(6, 6) { SetupFlags::empty() } else { SetupFlags::NO_SQARRAY }
}

/// Rings whose work gets done in different ways, as far as the kernel has them.
pub fn builders() -> Vec<(&'static str, Builder)> {
    let all = [
        ("plain", (5, 1), Builder::new()),
        ("coop", (5, 19), Builder::new().setup_coop_taskrun().clone()),
        ("defer", (6, 1), Builder::new().setup_single_issuer().setup_defer_taskrun().clone()),
        ("sqpoll", (5, 1), Builder::new().setup_sqpoll(1).clone()),
    ];
    all.into_iter()
        .filter(|(name, since, builder)| match builder.build(4) {
            Ok(_) => true,
            Err(SetupError::Kernel(_, Errno::EINVAL)) => {
                refused(&test(), &format!("rings of the kind {name}"), *since);
                false
            }
            Err(error) => panic!("{name}: {error}"),
        })
        .map(|(name, _, builder)| (name, builder))
        .collect()
}

/// Leaves the test, and says so, on a kernel that is older than what the test is about.
///
/// For what has no probe and no feature bit; and a test that fails on a kernel which is new enough has found a fault,
/// either of ours or of what the documentation says.
#[allow(unused_macros, reason = "each test takes what it needs")]
macro_rules! needs {
    ($major:literal, $minor:literal, $what:literal) => {
        if !$crate::common::has(&$crate::common::test(), $what, ($major, $minor)) {
            return;
        }
    };
}
#[allow(unused_imports, reason = "each test takes what it needs")]
pub(crate) use needs;

/// The time by the kernel's clock, so many milliseconds from now.
pub fn from_now(count: u64) -> Timespec {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now = Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec as u32);
    Timespec::from(now + Duration::from_millis(count))
}

/// The name of the test that calls: the harness and [`bounded`](ring_memory::bounded) name their threads by it.
pub fn test() -> String {
    std::thread::current().name().unwrap_or("a test").to_owned()
}

/// Says why a test is not run here, in one line of a fixed form: `ci/skips.sh` counts them by what is lacking.
///
/// What is lacking is decided by the kernel's release, or by a look at the machine that the crate has no part in: never
/// by what the crate made of the call under test, or a fault of it would read as a kernel that is too old.
pub fn skip(test: &str, lacking: &str) {
    assert!(!test.contains(": ") && !lacking.contains('\n'), "{test}, {lacking}");
    println!("skipped: {test}: {lacking}");
}

/// Whether the kernel is as new as what came with this release; says that the test is skipped where it is not.
pub fn has(test: &str, what: &str, (major, minor): (u32, u32)) -> bool {
    let old = older_than(major, minor);
    if old {
        skip(test, &format!("{what} (Linux {major}.{minor})"));
    }
    !old
}

/// Skips what the kernel refused. That is a failure on a kernel that is as new as what it was asked for.
#[track_caller]
pub fn refused(test: &str, what: &str, since: (u32, u32)) {
    assert!(!has(test, what, since), "{test}: this kernel has {what}, and refused it");
}

/// A request that does nothing and carries `user_data`.
pub fn nop(user_data: u64) -> squeue::Entry {
    opcode::Nop::new().build().user_data(user_data)
}
