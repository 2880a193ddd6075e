//! What the tests share.
#![allow(dead_code, reason = "each test takes what it needs")]

pub mod answering;
pub mod any_ring;
pub mod files;
pub mod kernels;
pub mod raw;
pub mod requests;
pub mod ring_memory;
pub mod signals;
pub mod sockets;
pub mod sqe;

use std::time::Duration;

use bare_uring::types::Timespec;
use bare_uring::{Builder, Errno, IoUring, Kernel, SetupError, SetupFlags, cqueue, opcode, squeue};

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
        ("plain", Builder::new()),
        ("coop", Builder::new().setup_coop_taskrun().clone()),
        ("defer", Builder::new().setup_single_issuer().setup_defer_taskrun().clone()),
        ("sqpoll", Builder::new().setup_sqpoll(1).clone()),
    ];
    all.into_iter()
        .filter(|(name, builder)| match builder.build(4) {
            Ok(_) => true,
            Err(SetupError::Kernel(_, Errno::EINVAL)) => {
                skip(name, "this kernel lacks such rings");
                false
            }
            Err(error) => panic!("{name}: {error}"),
        })
        .collect()
}

/// Leaves the test, and says so, on a kernel that is older than what the test is about.
///
/// For what has no probe and no feature bit; and a test that fails on a kernel which is new enough has found a fault,
/// either of ours or of what the documentation says.
#[allow(unused_macros, reason = "each test takes what it needs")]
macro_rules! needs {
    ($major:literal, $minor:literal, $what:literal) => {
        if $crate::common::older_than($major, $minor) {
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            return $crate::common::skip(&test, concat!($what, " (Linux ", $major, ".", $minor, ")"));
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

/// Says why a test is not run here.
pub fn skip(test: &str, lacking: &str) {
    println!("skipped: {test}: {lacking}");
}

/// A request that does nothing and carries `user_data`.
pub fn nop(user_data: u64) -> squeue::Entry {
    opcode::Nop::new().build().user_data(user_data)
}
