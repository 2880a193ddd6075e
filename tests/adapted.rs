//! Kernels with a behaviour of their own, and `Adapted`, which makes up for it.

mod common;

use core::ffi::c_void;
use core::mem::size_of;
use std::cell::Cell;

use bare_uring::types::{RawFd, Sigset, SubmitArgs, Timespec};
use bare_uring::uapi::{io_uring_getevents_arg, io_uring_params};
use bare_uring::{Adapted, Builder, EnterFlags, Errno, Features, IoUring, Kernel, Linux, Quirks, cqueue, squeue};
use common::old_kernel::{milliseconds, takes};
use common::ring_memory::{bounded, nops};
use common::{needs, nop, pass_on};

/// Linux with quirks: it does what the flags of [`Quirks`] say.
#[derive(Debug, Default)]
struct Quirky {
    quirks: Quirks,
    /// The number of calls of `enter`.
    enters: Cell<u32>,
}

impl Quirky {
    fn new(quirks: Quirks) -> Self {
        Self { quirks, enters: Cell::new(0) }
    }
}

// SAFETY: the calls go on to Linux, or are refused, or have a mask of their own with the same signals.
unsafe impl Kernel for Quirky {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        // SAFETY: the caller's contract carries over.
        let fd = unsafe { Linux.setup(entries, params) }?;
        if self.quirks.timed_waits_unsaid {
            params.features &= !(Features::EXT_ARG | Features::MIN_TIMEOUT | Features::NO_IOWAIT).bits();
        }
        Ok(fd)
    }

    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        self.enters.set(self.enters.get() + 1);
        let extended = EnterFlags::from_bits_retain(flags).contains(EnterFlags::EXT_ARG);
        let (mut argument, mut size) = (argument, size);
        let mut structure = None;
        if self.quirks.long_masks && extended {
            // SAFETY: with EXT_ARG the argument is such a structure.
            let mut given = unsafe { argument.cast::<io_uring_getevents_arg>().read() };
            if given.sigmask != 0 && given.sigmask_sz != 128 {
                return Err(Errno::EINVAL);
            }
            given.sigmask_sz = 8;
            argument = std::ptr::from_ref(structure.insert(given)).cast();
            size = size_of::<io_uring_getevents_arg>();
        } else if self.quirks.long_masks && !argument.is_null() {
            if size != 128 {
                return Err(Errno::EINVAL);
            }
            size = 8;
        }
        if self.quirks.empty_enter_fails && to_submit == 0 && min_complete == 0 && !extended && argument.is_null() {
            return Err(Errno::EPERM);
        }
        // SAFETY: the caller's contract carries over; a structure of our own says the same, and lives until the return.
        unsafe { Linux.enter(fd, to_submit, min_complete, flags, argument, size) }
    }

    pass_on! { self => Linux; register map unmap keep_from_fork close }
}

const NONE: Quirks = Quirks { empty_enter_fails: false, timed_waits_unsaid: false, long_masks: false };
const ALL: Quirks = Quirks { empty_enter_fails: true, timed_waits_unsaid: true, long_masks: true };

type Ring<K> = IoUring<squeue::Entry, cqueue::Entry, K>;

fn ring<K: Kernel>(kernel: K) -> Ring<K> {
    Builder::new().build_with(kernel, 8).unwrap()
}

#[test]
fn each_quirk_is_found_by_itself_and_linux_has_none() {
    needs!(5, 11, "IORING_FEAT_EXT_ARG");
    let each = [
        NONE,
        Quirks { empty_enter_fails: true, ..NONE },
        Quirks { timed_waits_unsaid: true, ..NONE },
        Quirks { long_masks: true, ..NONE },
        ALL,
    ];
    for quirks in each {
        assert_eq!(ring(Adapted::new(Quirky::new(quirks))).kernel().quirks(), quirks);
    }
    assert_eq!(ring(Adapted::new(Linux)).kernel().quirks(), NONE);
}

#[test]
fn the_callers_word_costs_no_call() {
    let quirky = Quirky::new(ALL);
    let ring = ring(Adapted::with(&quirky, ALL));
    assert_eq!((ring.kernel().quirks(), quirky.enters.get()), (ALL, 0));
    assert!(ring.params().features().contains(Features::EXT_ARG));
}

#[test]
fn a_ring_that_starts_disabled_is_not_tried() {
    needs!(5, 10, "IORING_SETUP_R_DISABLED");
    let quirky = Quirky::new(ALL);
    let ring: Ring<_> = Builder::new().setup_r_disabled().build_with(Adapted::new(&quirky), 8).unwrap();
    assert_eq!((ring.kernel().quirks(), quirky.enters.get()), (NONE, 0));
}

#[test]
fn an_empty_enter_that_fails_is_no_error() {
    let quirky = Quirky::new(Quirks { empty_enter_fails: true, ..NONE });
    assert_eq!(ring(&quirky).submitter().get_events(), Err(Errno::EPERM));
    assert_eq!(ring(Adapted::new(&quirky)).submitter().get_events(), Ok(()));
}

#[test]
fn timed_waits_take_one_call_where_the_kernel_does_not_say_so() {
    needs!(5, 11, "IORING_FEAT_EXT_ARG");
    bounded(|| {
        let quirky = Quirky::new(ALL);
        let mut ring = ring(Adapted::new(&quirky));
        let before = quirky.enters.get();
        let (long, mask) = (milliseconds(20), Sigset::EMPTY.with(10));
        let args = SubmitArgs::new().timespec(&long).sigmask(&mask);
        assert_eq!(takes(20, || ring.submitter().wait_with_args(1, &args)), Err(Errno::ETIME));
        assert_eq!(quirky.enters.get(), before + 1);
        // SAFETY: a no-op refers to no memory.
        unsafe { ring.submission().push(nop(0)) }.unwrap();
        let far = Timespec::new(20, 0);
        let args = SubmitArgs::new().timespec(&far).sigmask(&mask);
        assert_eq!(ring.submitter().submit_with_args(1, &args), Ok(1));
        let taken: Vec<_> = ring.completion().map(|cqe| (cqe.user_data(), cqe.result())).collect();
        assert_eq!(taken, nops(0..1));
    });
}

#[test]
fn a_mask_alone_has_the_length_that_the_kernel_wants() {
    bounded(|| {
        let quirky = Quirky::new(Quirks { long_masks: true, ..NONE });
        let mask = Sigset::EMPTY.with(10);
        let mut ring = ring(Adapted::with(&quirky, Quirks { long_masks: true, ..NONE }));
        // SAFETY: a no-op refers to no memory.
        unsafe { ring.submission().push(nop(0)) }.unwrap();
        let flags = EnterFlags::GETEVENTS;
        let argument: *const c_void = std::ptr::from_ref(&mask).cast();
        // SAFETY: the argument is a signal mask of 8 bytes, as the flags call for.
        assert_eq!(unsafe { ring.submitter().enter(1, 1, flags, argument, 8) }, Ok(1));
        assert_eq!(ring.completion().count(), 1);
    });
}
