//! The last two arguments of `io_uring_enter(2)`, and which of them a kernel takes.

use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::size_of;
use core::ptr::{from_ref, null};

use super::Core;
use crate::error::Errno;
use crate::flags::{EnterFlags, Features, SetupFlags};
use crate::kernel::Kernel;
use crate::parameters::Parameters;
use crate::types::{Sigset, SubmitArgs, Timespec};
use crate::uapi::{io_uring_getevents_arg, io_uring_reg_wait};

/// The last two arguments of `io_uring_enter(2)`, with the flags that say how the kernel reads them.
#[derive(Clone, Copy)]
pub(crate) struct EnterArgument<'a> {
    pub(crate) flags: EnterFlags,
    pub(crate) address: *const c_void,
    pub(crate) size: usize,
    lives: PhantomData<&'a ()>,
}

impl<'a> EnterArgument<'a> {
    pub(crate) const NONE: Self = Self { flags: EnterFlags::empty(), address: null(), size: 0, lives: PhantomData };

    /// Makes a copy for a call through a pointer, which takes its argument in memory. If the value itself were passed, it would
    /// be in memory from the start, on the fast path too. The copy is put in memory here, from the fields.
    #[inline(always)]
    pub(crate) const fn copied(&self) -> Self {
        Self { flags: self.flags, address: self.address, size: self.size, lives: PhantomData }
    }

    /// Returns the plain argument, which every kernel takes: a signal mask, or nothing.
    // kernel: io_uring/io_uring.c io_get_ext_arg (7.3): without EXT_ARG the two arguments are the mask and its size.
    #[inline]
    pub(super) fn mask(sigmask: Option<&'a Sigset>) -> Self {
        Self {
            address: sigmask.map_or(null(), |mask| from_ref(mask).cast()),
            size: sigmask.map_or(0, |_| Sigset::SIZE as usize),
            ..Self::NONE
        }
    }

    /// Returns the argument of a registered wait, which stands `offset` bytes into the region.
    // kernel: io_uring/io_uring.c io_get_ext_arg (7.3): the address is that offset, and any size but that of the structure is
    // EINVAL.
    pub(crate) const fn registered(offset: usize) -> Self {
        Self {
            flags: EnterFlags::EXT_ARG.union(EnterFlags::EXT_ARG_REG),
            address: core::ptr::without_provenance(offset),
            size: size_of::<io_uring_reg_wait>(),
            lives: PhantomData,
        }
    }
}

/// `struct io_uring_getevents_arg`, and what it points to.
pub(crate) struct Extended<'a> {
    raw: io_uring_getevents_arg,
    flags: EnterFlags,
    lives: PhantomData<&'a ()>,
}

impl<'a> Extended<'a> {
    #[inline]
    pub(crate) fn new(args: &SubmitArgs<'a>) -> Self {
        /// The timeout of a wait with a minimum time only. Without a timeout the wait would end when the minimum is over, even
        /// with no CQE there.
        // kernel: io_uring/wait.c io_cqring_min_timer_wakeup (7.3): only with a timeout is the wait continued until the first
        // CQE; without a timeout the end of the minimum time is the end of the wait.
        static FOR_EVER: Timespec = Timespec::new(1_000_000_000, 0);

        let flags = if args.absolute && args.timespec.is_some() { EnterFlags::ABS_TIMER } else { EnterFlags::empty() };
        let timespec = args.timespec.or((args.min_wait_usec != 0).then_some(&FOR_EVER));
        // kernel: io_uring/io_uring.c io_get_ext_arg (7.3): address 0 means no time or no mask; the minimum is in microseconds.
        // kernel: kernel/signal.c set_user_sigmask (6.12.117): without a mask the size of the mask is not looked at.
        let raw = io_uring_getevents_arg {
            sigmask: args.sigmask.map_or(0, |mask| from_ref(mask).expose_provenance() as u64),
            sigmask_sz: Sigset::SIZE,
            min_wait_usec: args.min_wait_usec,
            ts: timespec.map_or(0, |timespec| from_ref(timespec).expose_provenance() as u64),
        };
        Self { raw, flags: EnterFlags::EXT_ARG.union(flags), lives: PhantomData }
    }

    #[inline]
    pub(crate) fn argument(&self) -> EnterArgument<'_> {
        EnterArgument {
            flags: self.flags,
            address: from_ref(&self.raw).cast(),
            size: size_of::<io_uring_getevents_arg>(),
            lives: PhantomData,
        }
    }
}

/// How a wait with arguments can be done on this kernel.
pub(crate) enum Way {
    /// Waits in one call, with `EXT_ARG`.
    Extended,
    /// Waits with a timeout request of our own, and passes the signal mask as the call's plain argument.
    Timer,
}

impl SubmitArgs<'_> {
    /// Chooses how this kernel can wait with these arguments.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: a minimum time on a kernel without it; or any argument on a ring whose device is polled, where the kernel
    /// would ignore the argument and wait on.
    pub(crate) fn way(&self, params: &Parameters) -> Result<Way, Errno> {
        let features = params.features();
        let ignored = polls_in_wait(params.setup());
        if ignored && (self.timespec.is_some() || self.sigmask.is_some() || self.min_wait_usec != 0) {
            return Err(Errno::EOPNOTSUPP);
        }
        if self.min_wait_usec != 0 && !features.contains(Features::MIN_TIMEOUT) {
            return Err(Errno::EOPNOTSUPP);
        }
        // ABS_TIMER has no feature bit of its own; it came in the same release as MIN_TIMEOUT.
        let absolute_only_by_timer =
            self.absolute && self.timespec.is_some() && !features.contains(Features::MIN_TIMEOUT);
        if features.contains(Features::EXT_ARG) && !absolute_only_by_timer { Ok(Way::Extended) } else { Ok(Way::Timer) }
    }
}

/// Tells whether a wait on such a ring polls the device, and so takes no time and no mask.
// kernel: io_uring/io_uring.c io_uring_enter, io_validate_ext_arg (7.3): with IOPOLL and without SQPOLL, size and address of
// the argument are checked, and its content is not used.
pub(crate) const fn polls_in_wait(setup: SetupFlags) -> bool {
    setup.contains(SetupFlags::IOPOLL) && !setup.contains(SetupFlags::SQPOLL)
}

impl<K: Kernel> Core<K> {
    /// Waits in one call, if this kernel can. Returns `EOPNOTSUPP` if the wait would take a timeout request.
    pub(crate) fn wait_extended(&self, want: u32, args: &SubmitArgs<'_>) -> Result<(), Errno> {
        match args.way(&self.params)? {
            Way::Extended => self.wait(want, Extended::new(args).argument()),
            Way::Timer => Err(Errno::EOPNOTSUPP),
        }
    }
}
