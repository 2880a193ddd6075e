//! Registered buffers.

use bare_uring::register::BufferSource;
use bare_uring::types::{CloneBuffersFlags, Fd, IoVec};
use bare_uring::uapi::io_uring_register_op::{
    IORING_REGISTER_BUFFERS_UPDATE, IORING_REGISTER_BUFFERS2, IORING_REGISTER_CLONE_BUFFERS,
};
use bare_uring::{Errno, Kernel, opcode};
use freestanding::sys;

use crate::outside::{Has, ODD, Outcome, PAGE, Ring, any, check, filled, next, part, run};

const TEXT: [u8; 16] = *b"registered bytes";
const TAGS: [u64; 2] = [71, 72];
const HOLE: IoVec = IoVec::new(core::ptr::null_mut(), 0);

/// Plain, tagged, sparse, updated, cloned, and gone.
pub fn buffers<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    let [one, two] = [filled(PAGE, 0_u8)?, filled(PAGE, 0_u8)?];
    one.iter_mut().zip(&TEXT).for_each(|(to, from)| *to = *from);
    let pair = [IoVec::new(one.as_mut_ptr(), PAGE), IoVec::new(two.as_mut_ptr(), PAGE)];
    // SAFETY: the pages are never given back.
    unsafe { ring.submitter().register_buffers(part(&pair, 2)) }?;
    // SAFETY: the same.
    check(unsafe { ring.submitter().register_buffers(part(&pair, 1)) } == Err(Errno::EBUSY))?;
    through_sockets(ring, pair)?;
    // SAFETY: `through_sockets` has returned: no request uses the memory any more.
    let arrived = unsafe { core::slice::from_raw_parts(pair[1].base, TEXT.len()) };
    check(arrived == TEXT)?;
    ring.submitter().unregister_buffers()?;
    check(ring.submitter().unregister_buffers() == Err(Errno::ENXIO))?;

    tags(ring, has, &pair)?;
    clones(ring, has, &pair)?;
    nonsense(ring, &pair);
    Ok(())
}

/// From the first buffer to one socket, and from the other socket to the second buffer.
fn through_sockets<K: Kernel>(ring: &mut Ring<K>, [from, to]: [IoVec; 2]) -> Outcome<()> {
    let [writer, reader] = sys::socket_pair()?;
    let length = TEXT.len() as u32;
    let write = opcode::WriteFixed::new(Fd(writer), from.base, length, any(0)).build();
    // SAFETY: the memory is registered, and never given back.
    check(unsafe { run(ring, write) }?.outcome() == Ok(length))?;
    let read = opcode::ReadFixed::new(Fd(reader), to.base, length, any(1)).build();
    // SAFETY: the same.
    check(unsafe { run(ring, read) }?.outcome() == Ok(length))
}

fn tags<K: Kernel>(ring: &mut Ring<K>, has: &Has, pair: &[IoVec; 2]) -> Outcome<()> {
    // SAFETY: the pages are never given back.
    let uneven = unsafe { ring.submitter().register_buffers2(part(pair, 2), part(&TAGS, 1)) };
    check(uneven == Err(Errno::EINVAL))?;
    // SAFETY: the same.
    let tagged = unsafe { ring.submitter().register_buffers2(part(pair, 2), part(&TAGS, 2)) };
    if has.or_lacks(IORING_REGISTER_BUFFERS2 as u32, tagged)?.is_none() {
        return Ok(());
    }
    // SAFETY: the same; a hole is no memory.
    let replaced = unsafe { ring.submitter().register_buffers_update(any(1), &[any(HOLE)], None) };
    check(has.or_lacks(IORING_REGISTER_BUFFERS_UPDATE as u32, replaced)? == Some(1))?;
    check(next(ring)?.user_data() == TAGS[1])?;
    // SAFETY: the same.
    let uneven = unsafe { ring.submitter().register_buffers_update(0, pair, Some(part(&TAGS, 1))) };
    check(uneven == Err(Errno::EINVAL))?;
    // SAFETY: the same.
    let replaced = unsafe { ring.submitter().register_buffers_update(0, part(pair, 1), Some(part(&TAGS, 1))) };
    check(replaced == Ok(1) && next(ring)?.user_data() == TAGS[0])?;
    ring.submitter().unregister_buffers()?;
    check(next(ring)?.user_data() == TAGS[0])?;

    let sparse = ring.submitter().register_buffers_sparse(any(4));
    if has.or_lacks(IORING_REGISTER_BUFFERS2 as u32, sparse)?.is_some() {
        // SAFETY: the pages are never given back.
        check(unsafe { ring.submitter().register_buffers_update(any(2), pair, None) } == Ok(2))?;
        ring.submitter().unregister_buffers()?;
    }
    Ok(())
}

/// From another ring in every way that it can be named, whole and in part.
fn clones<K: Kernel>(ring: &mut Ring<K>, has: &Has, pair: &[IoVec; 2]) -> Outcome<()> {
    let (plain, local) = (crate::ring()?, crate::local()?);
    // SAFETY: the pages are never given back.
    unsafe { plain.submitter().register_buffers(pair) }?;
    // SAFETY: the same.
    unsafe { local.submitter().register_buffers(pair) }?;
    let sources = [
        BufferSource::from(&plain),
        BufferSource::from(&local),
        BufferSource::from(plain.fd()),
        BufferSource::fd(any(plain.fd())),
        BufferSource::registered(any(local.registered_index())),
    ];
    for source in sources {
        // SAFETY: the same.
        let cloned = unsafe { ring.submitter().register_buffers_clone(source) };
        if has.or_lacks(IORING_REGISTER_CLONE_BUFFERS as u32, cloned)?.is_none() {
            return Ok(());
        }
        // SAFETY: the same.
        let again = unsafe { ring.submitter().register_buffers_clone(source) };
        check(again == Err(Errno::EBUSY))?;
        let replace = any(CloneBuffersFlags::DST_REPLACE);
        // SAFETY: the same.
        let more = unsafe { ring.submitter().register_buffers_clone_offset(source, any(1), any(6), any(1), replace) };
        match more {
            Err(Errno::EINVAL) => has.lacks(), // ranges are younger
            outcome => outcome?,
        }
        through_sockets(ring, *pair)?;
        ring.submitter().unregister_buffers()?;
    }
    Ok(())
}

/// Whatever comes of it: no memory but the two pages is ever named.
fn nonsense<K: Kernel>(ring: &Ring<K>, pair: &[IoVec; 2]) {
    let submitter = ring.submitter();
    for odd in ODD {
        let list = part(pair, odd as usize);
        let _ = submitter.register_buffers_sparse(any(odd & 0x7fff));
        // SAFETY: the pages are never given back.
        let _ = unsafe { submitter.register_buffers_update(any(odd), list, None) };
        // SAFETY: the same.
        let _ = unsafe { submitter.register_buffers_update(any(odd), pair, Some(part(&TAGS, odd as usize))) };
        // SAFETY: the same.
        let _ = unsafe { submitter.register_buffers(list) };
        // SAFETY: the same.
        let _ = unsafe { submitter.register_buffers2(list, part(&TAGS, 2)) };
        let flags = CloneBuffersFlags::from_bits_retain(any(odd & !1));
        // SAFETY: there is no such ring.
        let _ = unsafe { submitter.register_buffers_clone_offset(any(-1), any(odd), any(odd), any(odd), flags) };
        let _ = submitter.unregister_buffers();
    }
}
