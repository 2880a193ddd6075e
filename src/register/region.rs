//! Memory regions that are registered with a ring, and arguments of waits in them.
//!
//! A ring has at most one region, and keeps it: there is no way to unregister it. The kernel releases the memory some
//! time after the ring was closed. So memory of the caller's is borrowed for ever, and memory of the kernel's is mapped
//! until the value is dropped. Dropping the value early changes nothing for the kernel: its waits keep using the
//! arguments that were set last.

use core::mem::{MaybeUninit, offset_of, size_of};
use core::ptr::{NonNull, from_mut, from_ref};

use crate::error::Errno;
use crate::kernel::{DefaultKernel, Kernel};
use crate::submitter::Submitter;
use crate::types::{Sigset, Timespec};
use crate::uapi::io_uring_register_op::IORING_REGISTER_MEM_REGION;
use crate::uapi::{
    __kernel_timespec, IORING_MEM_REGION_REG_WAIT_ARG, IORING_MEM_REGION_TYPE_USER, IORING_REG_WAIT_TS,
    io_uring_mem_region_reg, io_uring_reg_wait, io_uring_region_desc,
};

/// The smallest page that a kernel has. A kernel with larger pages checks the alignment to them itself.
// kernel: io_uring/memmap.c io_create_region (7.3): an address or a size that is not a multiple of the kernel's page is
// EINVAL.
const PAGE: usize = 4096;

const fn whole_pages(size: usize) -> bool {
    size != 0 && size.is_multiple_of(PAGE)
}

/// Bytes of one argument.
const ARGUMENT: usize = size_of::<io_uring_reg_wait>();

/// A region registered with a ring.
///
/// A region in the kernel's own memory is a mapping of the ring: while the value lives, the kernel keeps the ring, even
/// after its descriptor was closed. Drop the value before the ring, or soon after.
///
/// # Invariants
///
/// - `memory` is valid for reads and writes for the life of the value, aligned to 64, and used by this value and the
///   kernel only. The kernel reads it while a wait begins.
/// - If there is a `mapper`, it has mapped the memory, and only this value unmaps it.
#[derive(Debug)]
pub struct MemoryRegion<K: Kernel = DefaultKernel> {
    memory: NonNull<[u8]>,
    mapper: Option<K>,
}

// SAFETY: the memory belongs to the value, in whichever thread that is. Only the mapper may be bound to a thread.
unsafe impl<K: Kernel + Send> Send for MemoryRegion<K> {}

impl<K: Kernel> MemoryRegion<K> {
    /// Returns the memory, which is valid as long as the value lives.
    #[must_use]
    pub const fn memory(&self) -> NonNull<[u8]> {
        self.memory
    }
}

impl<K: Kernel> Drop for MemoryRegion<K> {
    fn drop(&mut self) {
        if let Some(kernel) = &self.mapper {
            // SAFETY: this value owns the mapping (invariant), the same kernel made it, and nothing uses it after the
            // value. A failure leaves nothing to do.
            let _ = unsafe { kernel.unmap(self.memory.cast(), self.memory.len()) };
        }
    }
}

/// The argument of one wait (`struct io_uring_reg_wait`): a timeout, a minimum time and a signal mask, each optional.
#[derive(Debug, Clone, Copy)]
#[doc(alias = "io_uring_reg_wait")]
pub struct WaitArgument(io_uring_reg_wait);

impl WaitArgument {
    /// Makes an argument without limits.
    #[must_use]
    pub const fn new() -> Self {
        Self(io_uring_reg_wait {
            ts: __kernel_timespec { tv_sec: 0, tv_nsec: 0 },
            min_wait_usec: 0,
            flags: 0,
            sigmask: 0,
            sigmask_sz: 0,
            pad: [0; 3],
            pad2: [0; 2],
        })
    }

    /// Limits the wait to this time.
    #[must_use]
    #[doc(alias = "IORING_REG_WAIT_TS")]
    pub const fn timespec(mut self, timespec: Timespec) -> Self {
        self.0.ts = __kernel_timespec { tv_sec: timespec.seconds(), tv_nsec: timespec.nanoseconds() };
        self.0.flags |= IORING_REG_WAIT_TS as u32;
        self
    }

    /// Sets a minimum time in microseconds. During that time the wait ends only when all the requested completions are
    /// there; after it the first completion ends the wait.
    #[must_use]
    pub const fn min_wait_usec(mut self, microseconds: u32) -> Self {
        self.0.min_wait_usec = microseconds;
        self
    }

    /// Sets the signals that are blocked while waiting. The mask is borrowed for ever, because the kernel reads it
    /// again at each wait.
    #[must_use]
    pub fn sigmask(mut self, sigmask: &'static Sigset) -> Self {
        self.0.sigmask = from_ref(sigmask).expose_provenance() as u64;
        self.0.sigmask_sz = Sigset::SIZE;
        self
    }
}

impl Default for WaitArgument {
    fn default() -> Self {
        Self::new()
    }
}

/// A region of wait arguments of 64 bytes each, named by index.
///
/// ```no_run
/// use bare_uring::register::WaitArgument;
/// use bare_uring::{Builder, Errno, IoUring, types::Timespec};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring: IoUring = Builder::new().setup_r_disabled().build(8)?;
/// let mut waits = ring.submitter().map_wait_region(4096)?;
/// ring.submitter().register_enable_rings()?;
/// let brief = waits.set(3, WaitArgument::new().timespec(Timespec::new(0, 1000))).expect("there are 63");
/// assert_eq!(ring.submitter().submit_and_wait_reg(1, brief), Err(Errno::ETIME));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WaitRegion<K: Kernel = DefaultKernel>(MemoryRegion<K>);

impl<K: Kernel> WaitRegion<K> {
    /// Returns the number of arguments: 63 in a region of 4096 bytes.
    ///
    /// The last 64 bytes are not used. Kernels accept their offset, but (up to 7.3 at least) read the argument at
    /// offset 0 then.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        // kernel: io_uring/io_uring.c io_get_ext_arg_reg (7.3): takes an offset up to the last 64 bytes, but the
        // speculation guard, whose bound is that offset, turns the last one into 0.
        (self.0.memory.len() / ARGUMENT).saturating_sub(1)
    }

    /// Returns the offset of an argument, as [`submit_and_wait_reg`](Submitter::submit_and_wait_reg) takes it. `None` if
    /// there is no such index.
    #[must_use]
    pub const fn offset(&self, index: usize) -> Option<usize> {
        if index < self.capacity() { Some(index * ARGUMENT) } else { None }
    }

    /// Writes the argument at an index, and returns its [`offset`](Self::offset). `None` if there is no such index.
    /// At first each argument is one without limits.
    ///
    /// A wait reads its argument when it begins, so that a wait under way in another thread is not affected. A wait that
    /// begins during the call may read a part of the old argument and a part of the new one.
    pub fn set(&mut self, index: usize, argument: WaitArgument) -> Option<usize> {
        let offset = self.offset(index)?;
        // SAFETY: the argument lies within the memory, as `offset` has checked.
        let place = unsafe { self.0.memory.cast::<u8>().add(offset) }.cast::<io_uring_reg_wait>();
        // SAFETY: the place lies within the region, which is valid. The region and the offset are aligned. `&mut self`
        // excludes other writers, the kernel only reads, and no reference to the memory exists.
        unsafe { place.write_volatile(argument.0) };
        Some(offset)
    }

    /// Returns the region itself.
    #[must_use]
    pub const fn region(&self) -> &MemoryRegion<K> {
        &self.0
    }
}

/// The flags of a region without a purpose known to the kernel.
const PLAIN: u64 = 0;
/// The flags of a region for arguments of waits.
const WAITS: u64 = IORING_MEM_REGION_REG_WAIT_ARG as u64;

impl<K: Kernel> Submitter<'_, K> {
    /// Registers memory of the caller's. Since 6.13.
    ///
    /// The memory must start at a page, and be one or more whole pages long. The call fills it with zeroes. The borrow
    /// never ends, even if the call fails.
    ///
    /// # Errors
    ///
    /// `EBUSY`: the ring has a region already. `EINVAL`: no memory, memory that is not made of whole pages, or the
    /// kernel is older. `EFAULT`: memory that can't be written. `ENOMEM`: above RLIMIT_MEMLOCK, or no memory.
    #[doc(alias = "IORING_REGISTER_MEM_REGION")]
    #[doc(alias = "IORING_MEM_REGION_TYPE_USER")]
    #[doc(alias = "io_uring_register_region")]
    pub fn register_mem_region(&self, memory: &'static mut [MaybeUninit<u8>]) -> Result<MemoryRegion<K>, Errno> {
        self.provide(memory, PLAIN)
    }

    /// Has the kernel make a region of `size` bytes, and maps it. Since 6.13.
    ///
    /// # Errors
    ///
    /// `EBUSY`: the ring has a region already. `EINVAL`: a size that is not made of whole pages, or the kernel is
    /// older. `ENOMEM`: above RLIMIT_MEMLOCK, or no memory. `E2BIG`: more pages than fit into 31 bits. If the mapping
    /// fails (`ENOSYS`, `EBADF`, `ENOMEM`), the region stays registered, but can't be reached, and this ring can have
    /// no other.
    #[doc(alias = "IORING_REGISTER_MEM_REGION")]
    pub fn map_mem_region(&self, size: usize) -> Result<MemoryRegion<K>, Errno>
    where
        K: Clone,
    {
        self.map_region(size, PLAIN)
    }

    /// Registers memory of the caller's for arguments of waits, 64 bytes for each. The ring must have been made
    /// [disabled](crate::Builder::setup_r_disabled), and not been enabled yet. Since 6.13.
    ///
    /// # Errors
    ///
    /// The errors of [`register_mem_region`](Self::register_mem_region). `EINVAL` also if the ring is enabled.
    #[doc(alias = "IORING_REGISTER_MEM_REGION")]
    #[doc(alias = "IORING_MEM_REGION_REG_WAIT_ARG")]
    #[doc(alias = "io_uring_register_wait_reg")]
    pub fn register_wait_region(&self, memory: &'static mut [MaybeUninit<u8>]) -> Result<WaitRegion<K>, Errno> {
        self.provide(memory, WAITS).map(WaitRegion)
    }

    /// Has the kernel make a region for arguments of waits, and maps it. The ring must have been made
    /// [disabled](crate::Builder::setup_r_disabled), and not been enabled yet. Since 6.13.
    ///
    /// A ring with a registered index can't map the region: call this method first, and register the descriptor then.
    ///
    /// # Errors
    ///
    /// The errors of [`map_mem_region`](Self::map_mem_region). `EINVAL` also if the ring is enabled.
    #[doc(alias = "IORING_REGISTER_MEM_REGION")]
    #[doc(alias = "IORING_MEM_REGION_REG_WAIT_ARG")]
    pub fn map_wait_region(&self, size: usize) -> Result<WaitRegion<K>, Errno>
    where
        K: Clone,
    {
        self.map_region(size, WAITS).map(WaitRegion)
    }

    fn provide(&self, memory: &'static mut [MaybeUninit<u8>], flags: u64) -> Result<MemoryRegion<K>, Errno> {
        let size = memory.len();
        if !memory.as_ptr().addr().is_multiple_of(PAGE) || !whole_pages(size) {
            return Err(Errno::EINVAL);
        }
        memory.fill(MaybeUninit::new(0));
        let start = NonNull::from(memory).cast::<u8>();
        self.describe(start.as_ptr().expose_provenance() as u64, size, flags)?;
        Ok(MemoryRegion { memory: NonNull::slice_from_raw_parts(start, size), mapper: None })
    }

    fn map_region(&self, size: usize, flags: u64) -> Result<MemoryRegion<K>, Errno>
    where
        K: Clone,
    {
        if !whole_pages(size) {
            return Err(Errno::EINVAL);
        }
        // The clone maps the memory, and becomes the mapper that unmaps it.
        let kernel = self.core.kernel.clone();
        let offset = self.describe(0, size, flags)?;
        let start = kernel.map(size, self.core.fd, offset)?;
        Ok(MemoryRegion { memory: NonNull::slice_from_raw_parts(start, size), mapper: Some(kernel) })
    }

    /// Registers the memory at `address`, or new memory of the kernel's if `address` is 0. Returns the offset from
    /// which the kernel's memory is mapped.
    fn describe(&self, address: u64, size: usize, flags: u64) -> Result<u64, Errno> {
        // kernel: io_uring/memmap.c io_create_region (7.3): an address needs IORING_MEM_REGION_TYPE_USER, and no
        // address must not have it; a non-zero offset or id is EINVAL.
        // kernel: io_uring/register.c io_register_mem_region (7.3): a second region is EBUSY; one for arguments of
        // waits needs a disabled ring, on which nothing waits.
        let mut region = io_uring_region_desc {
            user_addr: address,
            size: size as u64,
            flags: if address == 0 { 0 } else { IORING_MEM_REGION_TYPE_USER as u32 },
            id: 0,
            mmap_offset: 0,
            __resv: [0; 4],
        };
        let region_at = &raw mut region;
        let mut argument =
            io_uring_mem_region_reg { region_uptr: region_at.expose_provenance() as u64, flags, __resv: [0; 2] };
        let operation = IORING_REGISTER_MEM_REGION as u32;
        // SAFETY: the argument, and the description that it names, are the operation's own structures and used during
        // the call only. Memory of the caller's is borrowed for ever.
        unsafe { self.register(operation, from_mut(&mut argument).cast(), 1) }?;
        // SAFETY: the description is alive, and only the call has written to it.
        Ok(unsafe { region_at.read() }.mmap_offset)
    }
}

const _: () = {
    assert!(ARGUMENT == 64);
    assert!(offset_of!(io_uring_reg_wait, min_wait_usec) == 16);
    assert!(offset_of!(io_uring_reg_wait, flags) == 20);
    assert!(offset_of!(io_uring_reg_wait, sigmask) == 24);
    assert!(offset_of!(io_uring_reg_wait, sigmask_sz) == 32);
    assert!(size_of::<io_uring_mem_region_reg>() == 32);
    assert!(size_of::<io_uring_region_desc>() == 64);
    assert!(offset_of!(io_uring_region_desc, mmap_offset) == 24);
};
