//! The argument of a wait has exactly the bytes that the kernel reads, from whichever handle it comes.

mod common;

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Mutex;

use bare_uring::squeue::Entry;
use bare_uring::types::{RawFd, Sigset, SubmitArgs, Timespec};
use bare_uring::uapi::io_uring_params;
use bare_uring::{EnterFlags, Errno, Features, IoUring, Kernel, Linux, cqueue};
use common::pass_on;

/// What a wait was for: flags, the mask, its length, the least time in microseconds, and the limit.
type Wait = (EnterFlags, Option<u64>, u32, u32, Option<(i64, i64)>);

/// Keeps what each call is for, and ends it at once as if its time had passed.
#[derive(Default)]
struct Keeper(Mutex<Vec<Wait>>);

impl Keeper {
    fn take(&self) -> Vec<Wait> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// The value that a number names.
///
/// # Safety
///
/// `address` is 0, or the address of such a value.
unsafe fn named<T: Copy>(address: u64) -> Option<T> {
    let place = NonNull::new(std::ptr::with_exposed_provenance_mut::<T>(address.try_into().unwrap()))?;
    // SAFETY: the caller's contract.
    Some(unsafe { place.read() })
}

// SAFETY: each call is handed on to Linux, or not made at all.
unsafe impl Kernel for Keeper {
    pass_on! { self => Linux; register map unmap close }

    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is the same.
        let fd = unsafe { Linux.setup(entries, params) }?;
        // Nothing of it reaches a kernel that could lack it.
        params.features |= (Features::EXT_ARG | Features::MIN_TIMEOUT).bits();
        Ok(fd)
    }

    unsafe fn enter(
        &self,
        _fd: RawFd,
        _to_submit: u32,
        _min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        assert_eq!(size, 24);
        // SAFETY: the crate's argument has 24 bytes.
        let bytes = unsafe { argument.cast::<[u8; 24]>().read() };
        let word = |at: usize| u64::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
        let half = |at: usize| u32::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
        // SAFETY: the mask lives as long as the call.
        let mask = unsafe { named::<u64>(word(0)) };
        // SAFETY: and so does the limit.
        let limit = unsafe { named::<(i64, i64)>(word(16)) };
        self.0.lock().unwrap().push((EnterFlags::from_bits_retain(flags), mask, half(8), half(12), limit));
        Err(Errno::ETIME)
    }
}

/// What a wait with these arguments is for, by each handle that takes them; the flags without those of the ring.
fn wait(args: &SubmitArgs<'_>) -> Wait {
    let keeper = Keeper::default();
    let mut ring: IoUring<Entry, cqueue::Entry, &Keeper> = IoUring::with_kernel(&keeper, 4).unwrap();
    assert_eq!(ring.submitter().wait_with_args(1, args), Err(Errno::ETIME));
    assert_eq!(ring.submitter().submit_with_args(1, args), Err(Errno::ETIME));
    let (_submission, mut completion) = ring.halves().unwrap();
    assert_eq!(completion.wait_with_args(1, args), Err(Errno::ETIME));
    let [first, second, third] = keeper.take().try_into().unwrap();
    assert_eq!([second, third], [first; 2]);
    let of_the_ring = EnterFlags::GETEVENTS | EnterFlags::NO_IOWAIT;
    (first.0 - of_the_ring, first.1, first.2, first.3, first.4)
}

const ARGUMENT: EnterFlags = EnterFlags::EXT_ARG;
const LIMIT: Timespec = Timespec::new(0x1_2345_6789, 999_999_999);

#[test]
fn nothing_but_what_was_asked_for() {
    assert_eq!(wait(&SubmitArgs::new()), (ARGUMENT, None, 8, 0, None));
    // There is no point of time.
    assert_eq!(wait(&SubmitArgs::new().absolute()), (ARGUMENT, None, 8, 0, None));
}

#[test]
fn a_limit_of_time() {
    let limit = Some((0x1_2345_6789, 999_999_999));
    assert_eq!(wait(&SubmitArgs::new().timespec(&LIMIT)), (ARGUMENT, None, 8, 0, limit));
    let absolute = ARGUMENT | EnterFlags::ABS_TIMER;
    assert_eq!(wait(&SubmitArgs::new().timespec(&LIMIT).absolute()), (absolute, None, 8, 0, limit));
}

/// The kernel looks at the least time only beside a limit: without one there is one that never comes.
#[test]
fn a_least_time() {
    let far = Some((1_000_000_000, 0));
    assert_eq!(wait(&SubmitArgs::new().min_wait_usec(0x8142_2418)), (ARGUMENT, None, 8, 0x8142_2418, far));
    let limit = Some((0x1_2345_6789, 999_999_999));
    let both = SubmitArgs::new().min_wait_usec(1).timespec(&LIMIT);
    assert_eq!(wait(&both), (ARGUMENT, None, 8, 1, limit));
}

#[test]
fn a_mask() {
    let mask = Sigset(0x8142_2418_1248_8421);
    let args = SubmitArgs::new().sigmask(&mask);
    assert_eq!(wait(&args), (ARGUMENT, Some(0x8142_2418_1248_8421), 8, 0, None));
}
