//! Topic: resizing a ring that is in use.

use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_RESIZE_RINGS;
use bare_uring::{Builder, Errno, IoUring, Kernel, RingMemory, cqueue, opcode, squeue};

use crate::outside::{Has, ODD, Outcome, any, check, page};

/// Resizes rings with each type of entry.
pub fn resize(has: &Has) -> Outcome<()> {
    each::<squeue::Entry, cqueue::Entry>(has)?;
    each::<squeue::Entry, cqueue::Entry32>(has)?;
    each::<squeue::Entry, cqueue::EntryMixed>(has)?;
    each::<squeue::Entry128, cqueue::Entry>(has)?;
    each::<squeue::Entry128, cqueue::Entry32>(has)?;
    each::<squeue::Entry128, cqueue::EntryMixed>(has)?;
    each::<squeue::EntryMixed, cqueue::Entry>(has)?;
    each::<squeue::EntryMixed, cqueue::Entry32>(has)?;
    each::<squeue::EntryMixed, cqueue::EntryMixed>(has)?;

    let mut ring = crate::ring()?;
    check(ring.register_resize_rings(any(16), None) == Err(Errno::EINVAL))?;
    check(ring.resize_provided(any(16), None, memory(any(1 << 16))?) == Err(Errno::EINVAL))
}

/// Returns memory for a ring: the first `length` bytes of each of two pages.
fn memory(length: usize) -> Result<RingMemory, Errno> {
    let [rings, sqes] = [page()?, page()?].map(|page| page.get_mut(..length).unwrap_or_default());
    Ok(RingMemory { rings, sqes })
}

fn deferred<S: squeue::EntryMarker, C: cqueue::EntryMarker>() -> Builder<S, C> {
    let mut builder = Builder::new();
    builder.setup_single_issuer().setup_defer_taskrun();
    builder
}

/// Resizes a mapped ring, by file descriptor and by registered index, and a ring in provided memory.
fn each<S: squeue::EntryMarker, C: cqueue::EntryMarker>(has: &Has) -> Outcome<()> {
    let mut ring = match deferred::<S, C>().build(any(crate::ENTRIES)) {
        Ok(ring) => ring,
        // The kernel is older than this type of entry.
        Err(_) => {
            has.lacks();
            return Ok(());
        }
    };
    mapped(&mut ring, has)?;
    let mut ring = ring.register_ring_fd().map_err(|(_, errno)| errno)?;
    mapped(&mut ring, has)?;
    if ring.close_ring_fd().is_ok() {
        check(ring.register_resize_rings(any(16), None) == Err(Errno::EBADF))?;
    }

    let Ok(mut ring) = deferred::<S, C>().build_provided(any(crate::ENTRIES), memory(any(1 << 16))?) else {
        has.lacks();
        return Ok(());
    };
    check(ring.register_resize_rings(any(16), None) == Err(Errno::EINVAL))?;
    check(ring.resize_provided(any(16), None, memory(any(64))?) == Err(Errno::EINVAL))?;
    begun(&mut ring)?;
    let resized = ring.resize_provided(any(32), Some(any(64)), memory(any(1 << 16))?);
    has.or_lacks(IORING_REGISTER_RESIZE_RINGS as u32, resized)?;
    ended(&mut ring)?;
    for odd in ODD {
        // Only sizes that are invalid: a valid one would resize the ring.
        if odd == 0 || odd > 0x4000 {
            check(ring.resize_provided(any(odd), None, memory(any(odd as usize & 0xffff))?).is_err())?;
        }
    }
    begun(&mut ring)?;
    ended(&mut ring)
}

fn mapped<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel>(
    ring: &mut IoUring<S, C, K>,
    has: &Has,
) -> Outcome<()> {
    // A queue of mixed entry sizes that is not empty may only grow, so set known sizes first.
    let _ = ring.register_resize_rings(any(8), Some(any(16)));
    begun(ring)?;
    let resized = ring.register_resize_rings(any(16), Some(any(64)));
    if has.or_lacks(IORING_REGISTER_RESIZE_RINGS as u32, resized)?.is_some() {
        check((ring.params().sq_entries(), ring.params().cq_entries()) == (16, 64))?;
    }
    ended(ring)?;
    for odd in ODD {
        let _ = ring.register_resize_rings(any(odd), Some(any(odd)));
        let _ = ring.register_resize_rings(any(odd), None);
    }
    begun(ring)?;
    ended(ring)
}

/// Leaves three completions, and a request that is not submitted.
fn begun<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel>(ring: &mut IoUring<S, C, K>) -> Outcome<()> {
    for _ in 0..3 {
        // SAFETY: the request points to nothing.
        unsafe { ring.submission().push(opcode::Nop::new().build().into()) }.map_err(|_| Errno::EBUSY)?;
        ring.submit_and_wait(1)?;
    }
    // SAFETY: the request points to nothing.
    Ok(unsafe { ring.submission().push(opcode::Nop::new().build().into()) }.map_err(|_| Errno::EBUSY)?)
}

/// Submits that request, and checks that all four completions arrive.
fn ended<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel>(ring: &mut IoUring<S, C, K>) -> Outcome<()> {
    ring.submit_and_wait(4)?;
    check(ring.completion().count() == 4)
}
