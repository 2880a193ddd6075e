//! Topic: memory regions that are registered with a ring, and arguments of waits in them.

use core::mem::MaybeUninit;

use bare_uring::register::{WaitArgument, WaitRegion};
use bare_uring::types::{Sigset, Timespec};
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_MEM_REGION;
use bare_uring::{Builder, Errno, IoUring, Kernel};

use crate::outside::{Has, ODD, Outcome, PAGE, Ring, any, check, page};

const OPERATION: u32 = IORING_REGISTER_MEM_REGION as u32;

/// Returns a part of a page: from `start` on, `length` bytes or as many as there are.
fn stretch(start: usize, length: usize) -> Result<&'static mut [MaybeUninit<u8>], Errno> {
    let rest = page()?.get_mut(any(start)..).unwrap_or_default();
    let length = any(length).min(rest.len());
    Ok(rest.get_mut(..length).unwrap_or_default())
}

/// Registers regions in the program's memory.
pub fn given<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    let submitter = ring.submitter();
    for (start, length) in [(0, 0), (1, 4096), (64, 4096), (0, 4095), (0, 1), (usize::MAX, 1)] {
        check(submitter.register_mem_region(stretch(start, length)?).err() == Some(Errno::EINVAL))?;
        check(submitter.register_wait_region(stretch(start, length)?).err() == Some(Errno::EINVAL))?;
    }
    let registered = submitter.register_mem_region(stretch(0, PAGE)?);
    let Some(region) = has.or_lacks(OPERATION, registered)? else { return Ok(()) };
    check(region.memory().len() == PAGE)?;
    check(submitter.register_mem_region(stretch(0, PAGE)?).err() == Some(Errno::EBUSY))?;
    check(submitter.register_wait_region(stretch(0, PAGE)?).is_err())
}

/// Maps regions in the kernel's memory.
pub fn mapped(has: &Has) -> Outcome<()> {
    let ring = crate::ring()?;
    let submitter = ring.submitter();
    for odd in ODD {
        let size = any(odd as usize | 1);
        check(submitter.map_mem_region(size).err() == Some(Errno::EINVAL))?;
        check(submitter.map_wait_region(size).err() == Some(Errno::EINVAL))?;
    }
    check(submitter.map_mem_region(any(usize::MAX - 4095)).is_err())?;
    let Some(region) = has.or_lacks(OPERATION, submitter.map_mem_region(any(PAGE)))? else { return Ok(()) };
    let first = region.memory().cast::<u64>();
    // SAFETY: the region is a mapping of that length, which nothing else writes to.
    unsafe { first.write_volatile(any(5)) };
    // SAFETY: the region is a mapping of that length, which nothing else writes to.
    check(region.memory().len() == PAGE && unsafe { first.read_volatile() } == 5)?;
    check(submitter.map_mem_region(any(PAGE)).err() == Some(Errno::EBUSY))?;
    drop(region);
    Ok(())
}

/// Waits with arguments in both kinds of region.
pub fn waits(has: &Has) -> Outcome<()> {
    let ring = disabled()?;
    let mapped = ring.submitter().map_wait_region(any(PAGE));
    if let Some(mut region) = has.or_lacks(OPERATION, mapped)? {
        wait(&ring, &mut region)?;
    }
    let ring = disabled()?;
    let given = ring.submitter().register_wait_region(stretch(0, PAGE)?);
    if let Some(mut region) = has.or_lacks(OPERATION, given)? {
        wait(&ring, &mut region)?;
    }
    Ok(())
}

fn disabled() -> Outcome<IoUring> {
    Ok(Builder::new().setup_r_disabled().build(crate::ENTRIES)?)
}

fn wait<K: Kernel>(ring: &IoUring, region: &mut WaitRegion<K>) -> Outcome<()> {
    static MASK: Sigset = Sigset::EMPTY.with(10);
    let capacity = region.capacity();
    check(capacity == region.region().memory().len() / 64 - 1)?;
    let brief = WaitArgument::new().timespec(Timespec::new(0, any(2_000)));
    let whole = WaitArgument::default().timespec(Timespec::new(0, any(1_000))).min_wait_usec(any(1)).sigmask(&MASK);
    ring.submitter().register_enable_rings()?;
    for (index, argument) in [(0, brief), (3, whole), (capacity.wrapping_sub(1), brief)] {
        let offset = region.set(any(index), any(argument)).ok_or(Errno::EIO)?;
        check(region.offset(any(index)) == Some(offset) && offset == index * 64)?;
        check(ring.submitter().submit_and_wait_reg(1, offset) == Err(Errno::ETIME))?;
    }
    for index in [capacity, capacity.wrapping_add(1), usize::MAX / 64, usize::MAX / 64 + 1, usize::MAX] {
        check(region.offset(any(index)).is_none() && region.set(any(index), brief).is_none())?;
    }
    Ok(())
}
