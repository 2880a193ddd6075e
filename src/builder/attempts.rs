//! The attempts of set-up: the flags to ask for first, and the flags to leave out if the kernel does not know them.

use super::Builder;
use crate::error::{Area, Call, Errno, SetupError};
use crate::flags::SetupFlags;
use crate::kernel::Kernel;
use crate::memory::{Header, Region};
use crate::parameters::Parameters;
use crate::uapi::io_uring_params;
use crate::{cqueue, squeue};

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> Builder<S, C> {
    /// Asks the kernel for the ring: first with the flags that the builder adds, then without those that it does not know.
    /// `params` are those of [`parameters`](Self::parameters).
    pub(super) fn set_up<K: Kernel>(
        &self,
        kernel: &K,
        entries: u32,
        provided: Option<(SetupFlags, Region, Region)>,
        params: &mut io_uring_params,
    ) -> Result<u32, SetupError> {
        // Linux 6.5 is the only kernel that takes provided memory and does not know NO_SQARRAY. The header of its rings is longer.
        // So without the flag only memory that is long enough for 6.5 may be used.
        let long_enough = |rings: Region| {
            let need = self.memory_size_with(entries, Header::LINUX_6_5);
            need.and_then(|need| rings.fits(Area::Rings, need.rings)).is_ok()
        };
        let may_go_on = provided.is_none_or(|(_, rings, _)| long_enough(rings));
        let mut flags = self.best();
        // A kernel that refuses an attempt leaves the structure as it is, so only the flags change between attempts.
        // kernel: io_uring/io_uring.c io_uring_setup, io_uring_create (6.12.117): a flag that the kernel does not know is
        // EINVAL before anything is made, and the structure is written once, after the last check that gives EINVAL.
        // kernel: io_uring/io_uring.c io_uring_sanitise_params, io_uring_create (7.3): the order of 6.12.117 still holds.
        loop {
            params.flags = flags.bits();
            if let Some((more, rings, sqes)) = provided {
                params.flags |= more.bits();
                params.cq_off.user_addr = rings.address();
                params.sq_off.user_addr = sqes.address();
            }
            let asked = params.flags;
            // SAFETY: memory that `params` name is the caller's, borrowed for ever, and as long as the ring needs. No earlier
            // attempt has changed the sizes in `params` (contract of `Kernel`).
            match unsafe { kernel.setup(entries, params) } {
                Ok(fd) => {
                    // The flags that were asked for decide the layout of the entries, whatever the kernel left there.
                    params.flags = asked;
                    return Ok(fd);
                }
                Err(errno) => match self.after(flags) {
                    Some(next) if errno == Errno::EINVAL && may_go_on => flags = next,
                    _ => return Err(SetupError::Kernel(Call::Setup, errno)),
                },
            }
        }
    }

    /// Returns the flags to try first.
    pub(super) const fn best(&self) -> SetupFlags {
        let mut flags = self.flags.union(SetupFlags::NO_SQARRAY);
        if flags.intersects(SetupFlags::COOP_TASKRUN.union(SetupFlags::DEFER_TASKRUN)) {
            flags = flags.union(SetupFlags::TASKRUN_FLAG);
        }
        flags
    }

    /// Returns what to try after `flags`, which the kernel refused; `None` if the caller asked for all that is left.
    pub(super) const fn after(&self, flags: SetupFlags) -> Option<SetupFlags> {
        use SetupFlags as F;

        if flags.difference(self.flags).contains(F::NO_SQARRAY) {
            Some(flags.difference(F::NO_SQARRAY))
        } else if self.fastest && flags.contains(F::DEFER_TASKRUN) {
            Some(flags.difference(F::DEFER_TASKRUN.union(F::SINGLE_ISSUER)).union(F::COOP_TASKRUN))
        } else if self.fastest && flags.contains(F::COOP_TASKRUN) {
            Some(flags.difference(F::COOP_TASKRUN.union(F::TASKRUN_FLAG)))
        } else {
            None
        }
    }

    /// Returns the parameters that ask for this ring, without the flags.
    pub(super) const fn parameters(&self) -> Parameters {
        let mut params = Parameters::NOTHING;
        params.0.cq_entries = self.cq_entries;
        params.0.sq_thread_cpu = self.sq_thread_cpu;
        params.0.sq_thread_idle = self.sq_thread_idle;
        params.0.wq_fd = self.wq_fd.cast_unsigned();
        params
    }
}
