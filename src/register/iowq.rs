//! The worker threads (io-wq), which run requests that would block: their CPUs and their number.

use core::mem::size_of_val;
use core::ptr::null_mut;

use super::resource;
use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_register_op::{
    IORING_REGISTER_IOWQ_AFF, IORING_REGISTER_IOWQ_MAX_WORKERS, IORING_UNREGISTER_IOWQ_AFF,
};

/// A set of CPUs in `WORDS` words, each of 64 CPUs, or 32 on a 32-bit machine.
///
/// The kernel's CPU mask is an array of `unsigned long`, which on every target of this crate is a `usize`. CPU n is bit
/// n, counted from the lowest bit of the first word, in either byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "cpu_set_t")]
#[repr(transparent)]
pub struct CpuMask<const WORDS: usize>([usize; WORDS]);

impl<const WORDS: usize> CpuMask<WORDS> {
    /// The number of CPUs that have a place in the set.
    pub const CPUS: usize = WORDS * usize::BITS as usize;

    /// Makes an empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self([0; WORDS])
    }

    /// Adds a CPU. Returns `None` if the CPU has no place in the set.
    #[must_use]
    pub const fn with(mut self, cpu: usize) -> Option<Self> {
        let bits = usize::BITS as usize;
        if cpu / bits >= WORDS {
            return None;
        }
        self.0[cpu / bits] |= 1 << (cpu % bits);
        Some(self)
    }

    /// Returns the words, as [`Submitter::register_iowq_aff`] takes them.
    #[must_use]
    pub const fn words(&self) -> &[usize] {
        &self.0
    }
}

impl<const WORDS: usize> Default for CpuMask<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Binds worker threads that start from now on to the CPUs in `mask`: the words of a [`CpuMask`] or of a
    /// `cpu_set_t`, of any length. Since 5.14.
    ///
    /// The workers are those of the calling task, for all its rings. On an SQPOLL ring they are those of the
    /// kernel-side thread. The kernel ignores CPUs beyond its own mask.
    ///
    /// # Errors
    ///
    /// `EINVAL`: no words, or a CPU that the task's cpuset does not allow. `ENOMEM`: no memory.
    #[doc(alias = "IORING_REGISTER_IOWQ_AFF")]
    #[doc(alias = "io_uring_register_iowq_aff")]
    pub fn register_iowq_aff(&self, mask: &[usize]) -> Result<(), Errno> {
        let bytes = resource::count(size_of_val(mask))?;
        let first = mask.as_ptr().cast_mut().cast();
        // kernel: io_uring/register.c io_register_iowq_aff (7.3): reads no more bytes than its own CPU mask has.
        // kernel: io_uring/io-wq.c io_wq_cpu_affinity (7.3): a mask that is no subset of the task's cpuset is EINVAL.
        // SAFETY: `first` and `bytes` describe the slice, which the kernel reads during the call only.
        unsafe { self.register(IORING_REGISTER_IOWQ_AFF as u32, first, bytes) }.map(drop)
    }

    /// Lets worker threads run on all CPUs of the task's cpuset again. Since 5.14.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: no memory.
    #[doc(alias = "IORING_UNREGISTER_IOWQ_AFF")]
    #[doc(alias = "io_uring_unregister_iowq_aff")]
    pub fn unregister_iowq_aff(&self) -> Result<(), Errno> {
        // SAFETY: the operation takes no argument and touches no memory.
        unsafe { self.register(IORING_UNREGISTER_IOWQ_AFF as u32, null_mut(), 0) }.map(drop)
    }

    /// Limits the numbers of worker threads (before 6.4 for each NUMA node): first of bounded workers (regular files,
    /// block devices), then of unbounded ones (everything else). 0 leaves a limit as it is. `max` holds the previous
    /// limits afterwards. Since 5.15.
    ///
    /// The limits apply to the calling task, in all its rings, and to tasks that use this ring later. On an SQPOLL ring
    /// they apply to the kernel-side thread. The kernel cuts a limit to RLIMIT_NPROC.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a limit above `i32::MAX`, or a kernel before 5.15.
    #[doc(alias = "IORING_REGISTER_IOWQ_MAX_WORKERS")]
    #[doc(alias = "io_uring_register_iowq_max_workers")]
    pub fn register_iowq_max_workers(&self, max: &mut [u32; 2]) -> Result<(), Errno> {
        let first = max.as_mut_ptr().cast();
        // kernel: io_uring/io-wq.c io_wq_max_workers (7.3): 0 changes nothing, more than RLIMIT_NPROC is cut to that,
        // and the previous limits are written back.
        // SAFETY: the argument is two words, which the kernel reads and writes during the call only.
        unsafe { self.register(IORING_REGISTER_IOWQ_MAX_WORKERS as u32, first, 2) }.map(drop)
    }
}
