//! The worker threads that run what would block: on which CPUs, and how many.

use core::mem::size_of_val;
use core::ptr::null_mut;

use super::resource;
use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_register_op::{
    IORING_REGISTER_IOWQ_AFF, IORING_REGISTER_IOWQ_MAX_WORKERS, IORING_UNREGISTER_IOWQ_AFF,
};

/// A set of CPUs, of as many words as the caller wants to give it: 64 CPUs in each, or 32 on a 32-bit machine.
///
/// The kernel's CPU mask is an array of `unsigned long`, which on every target of this crate is a `usize`. CPU n is
/// the bit that many places above the lowest bit of the first word, whatever the order of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "cpu_set_t")]
#[repr(transparent)]
pub struct CpuMask<const WORDS: usize>([usize; WORDS]);

impl<const WORDS: usize> CpuMask<WORDS> {
    /// The number of CPUs that have a place in it.
    pub const CPUS: usize = WORDS * usize::BITS as usize;

    /// No CPU.
    #[must_use]
    pub const fn new() -> Self {
        Self([0; WORDS])
    }

    /// The set with this CPU added; `None` if that has no place in it.
    #[must_use]
    pub const fn with(mut self, cpu: usize) -> Option<Self> {
        let bits = usize::BITS as usize;
        if cpu / bits >= WORDS {
            return None;
        }
        self.0[cpu / bits] |= 1 << (cpu % bits);
        Some(self)
    }

    /// The words, as [`Submitter::register_iowq_aff`] takes them.
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
    /// Keeps worker threads that start from now on to the CPUs in `mask`, the words of a [`CpuMask`] (or of any
    /// `cpu_set_t`), of whatever length. Since 5.14.
    ///
    /// The workers are those of the calling task, for all its rings; on an SQPOLL ring, those of its thread. CPUs that
    /// the machine can't have are passed over.
    ///
    /// # Errors
    ///
    /// `EINVAL`: no words, or a CPU that the task's cpuset does not allow. `ENOMEM`: no memory.
    #[doc(alias = "IORING_REGISTER_IOWQ_AFF")]
    #[doc(alias = "io_uring_register_iowq_aff")]
    pub fn register_iowq_aff(&self, mask: &[usize]) -> Result<(), Errno> {
        let bytes = resource::count(size_of_val(mask))?;
        let first = mask.as_ptr().cast_mut().cast();
        // SAFETY: `first` and `bytes` describe the slice, which the kernel reads during the call only.
        unsafe { self.register(IORING_REGISTER_IOWQ_AFF as u32, first, bytes) }.map(drop)
    }

    /// Lets them run on all CPUs that the task's cpuset allows again. Since 5.14.
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

    /// Limits the numbers of worker threads, for each NUMA node: of those for work that ends by itself (regular files,
    /// block devices), and of the others. 0 leaves a limit as it is. The former limits come back. Since 5.15.
    ///
    /// They hold for the calling task, in all its rings, and for the tasks that use this ring later; on an SQPOLL ring,
    /// for its thread. More than RLIMIT_NPROC means that.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a limit above `i32::MAX`, or a kernel before 5.15.
    #[doc(alias = "IORING_REGISTER_IOWQ_MAX_WORKERS")]
    #[doc(alias = "io_uring_register_iowq_max_workers")]
    pub fn register_iowq_max_workers(&self, max: &mut [u32; 2]) -> Result<(), Errno> {
        let first = max.as_mut_ptr().cast();
        // SAFETY: the argument is two words, which the kernel reads and writes during the call only.
        unsafe { self.register(IORING_REGISTER_IOWQ_MAX_WORKERS as u32, first, 2) }.map(drop)
    }
}
