//! Topic: provided buffer rings.

use core::mem::MaybeUninit;

use bare_uring::register::buf_ring::{
    BufRing, BufRingEntry, BufRingMemory, BufRingOptions, Buffer, BufferState, MAX_BUFFERS,
};
use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{Fd, RawFd};
use bare_uring::uapi::io_uring_op::IORING_OP_RECV;
use bare_uring::uapi::io_uring_register_op::{IORING_REGISTER_PBUF_RING, IORING_REGISTER_PBUF_STATUS};
use bare_uring::{Errno, Kernel, opcode};
use freestanding::sys;

use crate::outside::{Has, ODD, Outcome, PAGE, Ring, any, check, filled, page, run};

/// Number of buffers of a ring.
const COUNT: usize = 4;
/// Bytes of a buffer.
const SIZE: usize = 8;

/// Returns memory for a ring: this many entries, bytes and states, as far as a page has room for them.
fn memory(entries: usize, bytes: usize, states: usize) -> Result<BufRingMemory, Errno> {
    Ok(BufRingMemory {
        entries: filled(any(entries), MaybeUninit::new(BufRingEntry::EMPTY))?,
        buffers: filled(any(if bytes > PAGE { 0 } else { bytes }), 0)?,
        states: filled(any(states), BufferState::NEW)?,
    })
}

fn usual() -> Result<BufRingMemory, Errno> {
    memory(COUNT, COUNT * SIZE, COUNT)
}

/// Uses a ring in the program's memory, by whole buffers and by pieces, one by one and in bundles.
pub fn buf_rings<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    let pair = sys::socket_pair()?;
    let registered = ring.submitter().register_buf_ring(any(7), usual()?, BufRingOptions::new());
    let Some(mut buffers) = has.or_lacks(IORING_REGISTER_PBUF_RING as u32, registered)? else { return Ok(()) };
    check(buffers.group() == 7 && buffers.buffer_size() == SIZE as u32)?;
    let twice = ring.submitter().register_buf_ring(7, usual()?, BufRingOptions::default());
    check(twice.err() == Some(Errno::EEXIST))?;
    one_by_one(ring, has, &mut buffers, pair)?;
    bundles(ring, has, &mut buffers, pair)?;
    empty(ring, &mut buffers, pair)?;
    lost(ring, has, &mut buffers, pair)?;
    gone(ring, buffers)?;
    check(ring.submitter().unregister_buf_ring(any(7)) == Err(Errno::ENOENT))?;

    pieces(ring, has, pair)?;
    by_address(ring)?;
    nonsense(ring)
}

/// Uses a ring in the kernel's memory, and calls with buffers and groups of another ring.
pub fn mapped(has: &Has) -> Outcome<()> {
    let (mut ring, other) = (crate::ring()?, crate::ring()?);
    let pair = sys::socket_pair()?;
    let mapped = ring.submitter().register_buf_ring_mapped(any(8), usual()?, BufRingOptions::new());
    let Some(mut mapped) = has.or_lacks(u32::MAX, mapped)? else { return Ok(()) };
    let mut buffers = ring.submitter().register_buf_ring(any(7), usual()?, BufRingOptions::new())?;
    one_by_one(&mut ring, has, &mut mapped, pair)?;
    let stranger = filled_buffer(&mut ring, &mut mapped, pair)?;
    let Err(stranger) = buffers.recycle(stranger) else { return Err(Errno::EIO.into()) };
    check(mapped.recycle(stranger).is_ok())?;
    check(mapped.available(&other.submitter()) == Err(Errno::EXDEV))?;
    let Err((mapped, Errno::EXDEV)) = mapped.unregister(&other.submitter()) else { return Err(Errno::EIO.into()) };
    gone(&ring, mapped)?;
    for (bytes, states) in [(0, 0), (24, 3), (64, 8), (3, 4), (PAGE, 2048)] {
        if let Ok(buffers) =
            ring.submitter().register_buf_ring_mapped(13, memory(0, bytes, states)?, any(BufRingOptions::new()))
        {
            gone(&ring, buffers)?;
        }
    }
    gone(&ring, buffers)
}

/// Ignores a completion, and reclaims its buffer.
fn lost<K: Kernel>(ring: &mut Ring<K>, has: &Has, buffers: &mut BufRing<K>, pair: [RawFd; 2]) -> Outcome<()> {
    drop(filled_buffer(ring, buffers, pair)?);
    send(pair[0], b"lost")?;
    // SAFETY: the memory of the group's buffers is static.
    unsafe { run(ring, read(pair[1], buffers.group(), any(SIZE as u32))) }?;
    // SAFETY: nothing is in flight, and the completion above is never passed to `take`.
    let reclaimed = unsafe { buffers.reclaim(&ring.submitter()) };
    if let Some(reclaimed) = has.or_lacks(IORING_REGISTER_PBUF_STATUS as u32, reclaimed)? {
        check(reclaimed == 1)?;
        buffers.publish();
    }
    Ok(())
}

fn send(writer: RawFd, bytes: &[u8]) -> Outcome<()> {
    check(sys::write(writer, bytes)? == bytes.len())
}

/// Makes a read of `length` bytes; 0 stands for what is left of the buffer.
fn read(reader: RawFd, group: u16, length: u32) -> Entry {
    opcode::Read::new(Fd(reader), core::ptr::null_mut(), length).buf_group(group).build()
}

/// Receives two bytes into a buffer and takes it.
fn filled_buffer<K: Kernel>(ring: &mut Ring<K>, buffers: &mut BufRing<K>, [w, r]: [RawFd; 2]) -> Outcome<Buffer> {
    send(w, b"in")?;
    // SAFETY: the memory of the group's buffers is static.
    let cqe = unsafe { run(ring, read(r, buffers.group(), any(0))) }?;
    // SAFETY: the completion is of this group, and is taken once.
    Ok(unsafe { buffers.take(&cqe) }.ok_or(Errno::EIO)?)
}

/// Takes more buffers than the ring has, and recycles each at once.
fn one_by_one<K: Kernel>(ring: &mut Ring<K>, has: &Has, buffers: &mut BufRing<K>, pair: [RawFd; 2]) -> Outcome<()> {
    for round in 0..3 * COUNT {
        let mut buffer = filled_buffer(ring, buffers, pair)?;
        check(*buffer == *b"in" && usize::from(buffer.id()) == round % COUNT)?;
        for byte in &mut *buffer {
            *byte = any(b'x');
        }
        let left = buffers.available(&ring.submitter());
        if let Some(left) = has.or_lacks(IORING_REGISTER_PBUF_STATUS as u32, left)? {
            check(usize::from(left) == COUNT - 1)?;
            let head = ring.submitter().buf_ring_head(buffers.group())?;
            check(usize::from(head) % COUNT == (usize::from(buffer.id()) + 1) % COUNT)?;
        }
        check(buffers.recycle(buffer).is_ok())?;
        buffers.publish();
    }
    Ok(())
}

/// Makes a receive of a bundle out of bytes, because the library has no builder for it.
fn receive_bundle(fd: RawFd, group: u16) -> Entry {
    let [a, b, c, d] = fd.to_ne_bytes();
    let ([e, f], [g, h]) = ((1_u16 << 4).to_ne_bytes(), group.to_ne_bytes());
    let mut bytes = [0; 64];
    [bytes[0], bytes[1]] = [IORING_OP_RECV as u8, Flags::BUFFER_SELECT.bits()];
    [bytes[2], bytes[3]] = [e, f];
    [bytes[4], bytes[5], bytes[6], bytes[7]] = [a, b, c, d];
    [bytes[40], bytes[41]] = [g, h];
    Entry::from_bytes(bytes)
}

fn bundles<K: Kernel>(ring: &mut Ring<K>, has: &Has, buffers: &mut BufRing<K>, [w, r]: [RawFd; 2]) -> Outcome<()> {
    const BYTES: &[u8; 2 * SIZE + 3] = b"0123456789abcdefghi";
    send(w, BYTES)?;
    let mut expected = BYTES.iter();
    while !expected.as_slice().is_empty() {
        // SAFETY: the memory of the group's buffers is static.
        let cqe = unsafe { run(ring, receive_bundle(r, buffers.group())) }?;
        if cqe.outcome() == Err(Errno::EINVAL) {
            has.lacks();
            // SAFETY: the page is static.
            let cqe = unsafe { run(ring, opcode::Read::new(Fd(r), page()?.as_mut_ptr().cast(), 64).build()) }?;
            return check(cqe.outcome() == Ok(BYTES.len() as u32));
        }
        cqe.outcome()?;
        let mut taken = [const { None::<Buffer> }; COUNT];
        // SAFETY: the completion is of this group, and is taken once.
        for (place, buffer) in taken.iter_mut().zip(unsafe { buffers.take_bundle(&cqe) }) {
            for byte in &*buffer {
                check(expected.next() == Some(byte))?;
            }
            *place = Some(buffer);
        }
        for buffer in taken.into_iter().rev().flatten() {
            check(buffers.recycle(buffer).is_ok())?;
        }
        buffers.publish();
    }
    Ok(())
}

/// Takes a completion that has no buffer, because no buffer was left.
fn empty<K: Kernel>(ring: &mut Ring<K>, buffers: &mut BufRing<K>, pair: [RawFd; 2]) -> Outcome<()> {
    let mut taken = [const { None::<Buffer> }; COUNT];
    for place in &mut taken {
        *place = Some(filled_buffer(ring, buffers, pair)?);
    }
    let [w, r] = pair;
    send(w, b"left")?;
    // SAFETY: the memory of the group's buffers is static.
    let cqe = unsafe { run(ring, read(r, buffers.group(), any(0))) }?;
    check(cqe.outcome() == Err(Errno::ENOBUFS))?;
    // SAFETY: the completion is of this group, and is taken once.
    check(unsafe { buffers.take(&cqe) }.is_none())?;
    // SAFETY: the completion is of this group, and had no buffer to take.
    check(unsafe { buffers.take_bundle(&cqe) }.next().is_none())?;
    for buffer in taken.into_iter().flatten() {
        check(buffers.recycle(buffer).is_ok())?;
    }
    buffers.publish();
    // SAFETY: the memory of the group's buffers is static.
    let cqe = unsafe { run(ring, read(r, buffers.group(), any(0))) }?;
    // SAFETY: the completion is of this group, and is taken once.
    let left = unsafe { buffers.take(&cqe) }.ok_or(Errno::EIO)?;
    check(*left == *b"left" && buffers.recycle(left).is_ok())?;
    buffers.publish();
    Ok(())
}

fn gone<K: Kernel>(ring: &Ring<K>, buffers: BufRing<K>) -> Outcome<()> {
    Ok(buffers.unregister(&ring.submitter()).map_err(|(_, errno)| errno)?)
}

/// Uses a ring in which several completions share a buffer.
fn pieces<K: Kernel>(ring: &mut Ring<K>, has: &Has, pair: [RawFd; 2]) -> Outcome<()> {
    let options = any(BufRingOptions::new().incremental());
    let registered = ring.submitter().register_buf_ring(9, usual()?, options);
    let Some(mut buffers) = has.or_lacks(u32::MAX, registered)? else { return Ok(()) };
    for round in 0..2 * COUNT {
        let [first, second] = [filled_buffer(ring, &mut buffers, pair)?, filled_buffer(ring, &mut buffers, pair)?];
        check(first.id() == second.id() && usize::from(first.id()) == (round / 2) % COUNT)?;
        check(buffers.recycle(second).is_ok() && buffers.recycle(first).is_ok())?;
        buffers.publish();
    }
    gone(ring, buffers)?;
    // The kernel may be older than this option.
    let options = any(options.min_left(any(2)));
    match ring.submitter().register_buf_ring(9, usual()?, options) {
        Ok(buffers) => gone(ring, buffers),
        Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Registers a ring by its address, as the kernel's interface has it.
fn by_address<K: Kernel>(ring: &Ring<K>) -> Outcome<()> {
    let address = page()?.as_ptr().expose_provenance() as u64;
    let submitter = ring.submitter();
    // SAFETY: the page is static, and has room for 16 entries; none of them is published.
    unsafe { submitter.register_buf_ring_with_flags(any(address), any(16), any(11), any(0), any(0)) }?;
    Ok(submitter.unregister_buf_ring(any(11))?)
}

fn nonsense<K: Kernel>(ring: &Ring<K>) -> Outcome<()> {
    let submitter = ring.submitter();
    for (entries, bytes, states) in
        [(0, 0, 0), (3, 24, 3), (4, 64, 8), (8, 64, 4), (4, 3, 4), (4, usize::MAX, 4), (2048, PAGE, 2048)]
    {
        let options = any(BufRingOptions::new().incremental().min_left(u32::MAX));
        for options in [options, any(BufRingOptions::new())] {
            if let Ok(buffers) = submitter.register_buf_ring(12, memory(entries, bytes, states)?, options) {
                gone(ring, buffers)?;
            }
        }
    }
    for odd in ODD {
        // SAFETY: the address is 0, so the kernel refuses the call or allocates the memory itself.
        let made =
            unsafe { submitter.register_buf_ring_with_flags(0, any(odd), any(odd as u16), any(!odd as u16), any(odd)) };
        check(made.is_err() || odd <= u32::from(MAX_BUFFERS))?;
        let _ = submitter.buf_ring_head(any(odd as u16));
        let _ = submitter.unregister_buf_ring(any(odd as u16));
    }
    Ok(())
}
