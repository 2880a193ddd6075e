//! Topic: zero-copy receive, on Linux without a network card for it, and on a kernel that claims to have one.

use core::ptr::NonNull;

use bare_uring::register::zcrx::{Chunk, Ifq, Instance, RefillRing, ZcrxArea, ZcrxEvent};
use bare_uring::types::Fd;
use bare_uring::uapi::io_uring_zcrx_offsets;
use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, cqueue, squeue};

use crate::card::{Card, OFFSETS, TOKEN};
use crate::outside::{ODD, Outcome, PAGE, any, check, page};

/// A ring with 32-byte completions, which zero-copy receive needs.
type Wide<K> = IoUring<squeue::Entry, cqueue::Entry32, K>;

/// Index that no network interface has.
const NOWHERE: u32 = 0x7fff_0000;

fn wide<K: Kernel>(kernel: K) -> Outcome<Wide<K>> {
    Ok(Builder::new().setup_single_issuer().setup_defer_taskrun().build_with(kernel, crate::ENTRIES)?)
}

fn memory() -> Result<NonNull<[u8]>, Errno> {
    let page = page()?;
    Ok(NonNull::slice_from_raw_parts(NonNull::from(&mut *page).cast(), page.len()))
}

/// Makes a registration with every option set.
fn described(interface: u32, area: ZcrxArea, refill: NonNull<[u8]>) -> Ifq {
    Ifq::new(any(interface), any(0), any(5), area, refill)
        .buffer_length(any(4096))
        .without_device()
        .report(any(ZcrxEvent::ALLOC_FAIL), any(1))
        .report(ZcrxEvent(any(99)), any(2))
        .statistics_at(any(4096))
}

/// Calls everything on Linux, which refuses it, and on the other kernel, which does it.
pub fn zcrx() -> Outcome<()> {
    refused(&wide(Linux)?)?;
    refused(&wide(Linux)?.register_ring_fd().map_err(|(_, errno)| errno)?)?;

    let card = Card::new();
    let ring = wide(&card)?;
    let (area, refill) = (memory()?, memory()?);
    let mut ifq = described(1, ZcrxArea::memory(area), refill);
    // SAFETY: the memory is static, and used by nothing else.
    let instance = unsafe { ring.submitter().register_ifq(&mut ifq) }?;
    check((instance.id, instance.entries, instance.map_offset) == (6, 8, 0x3000_0000))?;
    check(instance.area.token() == TOKEN)?;
    let chunk = chunks(&instance)?;
    refilled(&ring, &instance, refill, chunk)?;
    misplaced(&instance, refill)?;
    unmapped(&instance)?;

    let submitter = ring.submitter();
    check(submitter.zcrx_export(any(6)) == Ok(Fd(1234)) && submitter.zcrx_import(Fd(any(1234))) == Ok(6))?;
    submitter.zcrx_arm_event(any(6), any(ZcrxEvent::COPY))?;
    let mut more = any(ZcrxArea::memory(memory()?));
    // SAFETY: the memory is static, and used by nothing else.
    let added = unsafe { submitter.zcrx_add_area(any(6), &mut more) }?;
    check(added.token() == 2 * TOKEN && added != instance.area)?;
    let mut buffer = Ifq::with_kernel_memory(1, 0, any(8), ZcrxArea::dma_buffer(Fd(any(-1)), any(9)), any(4096));
    // SAFETY: the registration names no memory.
    check(unsafe { submitter.register_ifq(&mut buffer) }?.area.chunk(any(9), any([TOKEN, 0])).is_some())?;
    for odd in ODD {
        check(submitter.zcrx_flush(any(odd)) == Err(Errno::ENXIO) && submitter.zcrx_export(any(odd)).is_err())?;
    }
    Ok(())
}

/// Calls everything on a kernel without such a card.
fn refused<K: Kernel>(ring: &Wide<K>) -> Outcome<()> {
    let submitter = ring.submitter();
    let (area, refill) = (memory()?, memory()?);
    let mut all = [
        described(NOWHERE, ZcrxArea::memory(area), refill),
        Ifq::new(any(NOWHERE), any(0), any(8), ZcrxArea::memory(area), refill),
        Ifq::with_kernel_memory(any(NOWHERE), any(0), any(8), ZcrxArea::memory(area), PAGE as u64),
        Ifq::with_kernel_memory(any(NOWHERE), any(0), any(8), ZcrxArea::dma_buffer(Fd(any(-1)), any(4096)), any(0)),
    ];
    for ifq in &mut all {
        // SAFETY: the memory is static, and used by nothing else.
        check(unsafe { submitter.register_ifq(any(ifq)) }.is_err())?;
    }
    for odd in ODD {
        let id = any(odd);
        check(submitter.zcrx_flush(id).is_err() && submitter.zcrx_export(id).is_err())?;
        check(submitter.zcrx_arm_event(id, ZcrxEvent(any(odd))).is_err())?;
        check(submitter.zcrx_import(Fd(any(odd | 1 << 31).cast_signed())).is_err())?;
        // SAFETY: the memory is static, and used by nothing else.
        check(unsafe { submitter.zcrx_add_area(id, &mut any(ZcrxArea::memory(area))) }.is_err())?;
    }
    Ok(())
}

/// Finds a piece of the area, and checks that places outside the area give no piece.
fn chunks(instance: &Instance) -> Outcome<Chunk> {
    let area = any(instance.area);
    let chunk = area.chunk(any(100), any([TOKEN | 4096, 0])).ok_or(Errno::EIO)?;
    check((chunk.offset(), chunk.length()) == (4096, 100))?;
    for (received, place) in [
        (0, TOKEN),
        (1, 0),
        (1, TOKEN | PAGE as u64),
        (u32::MAX, TOKEN),
        (u32::MAX, u64::MAX),
        (1, TOKEN | ((1 << 48) - 1)),
    ] {
        check(area.chunk(any(received), any([place, u64::MAX])).is_none())?;
    }
    Ok(chunk)
}

/// Gives pieces back until the refill ring is full, and again after the kernel has taken them.
fn refilled<K: Kernel>(ring: &Wide<K>, instance: &Instance, memory: NonNull<[u8]>, chunk: Chunk) -> Outcome<()> {
    for header in [None, Some(128), Some(usize::MAX)] {
        let size = RefillRing::memory_size(any(instance.entries), any(header));
        check(size.is_some_and(|size| size <= PAGE) == (header != Some(usize::MAX)))?;
    }
    for odd in ODD {
        let _ = any(RefillRing::memory_size(any(odd), any(Some(odd as usize))));
    }
    // SAFETY: the memory is the instance's, and no other refill ring uses it.
    let mut refill = unsafe { RefillRing::new(any(instance), any(memory)) }?;
    let many = any([chunk; 12]);
    for _ in 0..3 {
        check(refill.free() == 8)?;
        check(refill.refill(many.get(..any(0)).unwrap_or_default()) == 0)?;
        check(refill.refill(many.get(..any(5)).unwrap_or_default()) == 5 && refill.free() == 3)?;
        check(refill.refill(&many) == 3 && refill.refill(&many) == 0)?;
        ring.submitter().zcrx_flush(any(instance.id))?;
    }
    Ok(())
}

/// Maps refill rings at offsets at which the kernel has none.
fn unmapped(instance: &Instance) -> Outcome<()> {
    let ring = wide(Linux)?;
    for (size, map_offset) in [(4096, 0), (u64::MAX, 1), (0, 1), (4096, u64::MAX), (4096, 0x3000_0000)] {
        let nowhere = any(Instance { size, map_offset, ..*instance });
        // SAFETY: at these offsets the kernel has nothing but the ring itself, so no refill ring is mapped.
        check(unsafe { ring.submitter().map_refill_ring(&nowhere) }.is_err())?;
    }
    Ok(())
}

/// Checks that layouts that no kernel may report are refused.
fn misplaced(instance: &Instance, memory: NonNull<[u8]>) -> Outcome<()> {
    let at = |head, tail, rqes| io_uring_zcrx_offsets { head, tail, rqes, ..OFFSETS };
    for (entries, offsets) in [
        (0, OFFSETS),
        (5, OFFSETS),
        (u32::MAX, OFFSETS),
        (1 << 31, OFFSETS),
        (8, at(0, 0, 128)),
        (8, at(2, 64, 128)),
        (8, at(0, u32::MAX, 128)),
        (8, at(u32::MAX - 3, 64, 128)),
        (8, at(0, 64, u32::MAX - 7)),
        (8, at(0, 64, 132)),
        (8, at(0, 128, 64)),
        (8, at(96, 0, 64)),
        (4096, at(0, 64, 128)),
    ] {
        let garbled = any(Instance { entries, offsets, ..*instance });
        // SAFETY: the memory is the instance's, and no other refill ring uses it any more.
        check(unsafe { RefillRing::new(&garbled, any(memory)) }.is_err())?;
    }
    let short = NonNull::slice_from_raw_parts(memory.cast(), any(130));
    // SAFETY: the memory is the instance's, and no other refill ring uses it any more.
    check(unsafe { RefillRing::new(instance, short) }.is_err())
}
