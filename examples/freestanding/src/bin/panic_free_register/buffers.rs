//! Topic: registered buffers.

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

/// Registers buffers in every way, uses them, updates and clones them, and unregisters them.
pub fn buffers<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    let [one, two] = [filled(PAGE, 0_u8)?, filled(PAGE, 0_u8)?];
    one.iter_mut().zip(&TEXT).for_each(|(to, from)| *to = *from);
    let pair = [IoVec::new(one.as_mut_ptr(), PAGE), IoVec::new(two.as_mut_ptr(), PAGE)];
    // SAFETY: the pages are static.
    unsafe { ring.submitter().register_buffers(part(&pair, 2)) }?;
    // SAFETY: the pages are static.
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

/// Writes the first buffer to one socket, and reads from the other socket into the second buffer.
fn through_sockets<K: Kernel>(ring: &mut Ring<K>, [from, to]: [IoVec; 2]) -> Outcome<()> {
    let [writer, reader] = sys::socket_pair()?;
    let length = TEXT.len() as u32;
    let write = opcode::WriteFixed::new(Fd(writer), from.base, length, any(0)).build();
    // SAFETY: the memory is registered and static.
    check(unsafe { run(ring, write) }?.outcome() == Ok(length))?;
    let read = opcode::ReadFixed::new(Fd(reader), to.base, length, any(1)).build();
    // SAFETY: the memory is registered and static.
    check(unsafe { run(ring, read) }?.outcome() == Ok(length))
}

fn tags<K: Kernel>(ring: &mut Ring<K>, has: &Has, pair: &[IoVec; 2]) -> Outcome<()> {
    // SAFETY: the pages are static.
    let uneven = unsafe { ring.submitter().register_buffers2(part(pair, 2), part(&TAGS, 1)) };
    check(uneven == Err(Errno::EINVAL))?;
    // SAFETY: the pages are static.
    let tagged = unsafe { ring.submitter().register_buffers2(part(pair, 2), part(&TAGS, 2)) };
    if has.or_lacks(IORING_REGISTER_BUFFERS2 as u32, tagged)?.is_none() {
        return Ok(());
    }
    // SAFETY: the pages are static, and a hole names no memory.
    let replaced = unsafe { ring.submitter().register_buffers_update(any(1), &[any(HOLE)], None) };
    check(has.or_lacks(IORING_REGISTER_BUFFERS_UPDATE as u32, replaced)? == Some(1))?;
    check(next(ring)?.user_data() == TAGS[1])?;
    // SAFETY: the pages are static.
    let uneven = unsafe { ring.submitter().register_buffers_update(0, pair, Some(part(&TAGS, 1))) };
    check(uneven == Err(Errno::EINVAL))?;
    // SAFETY: the pages are static.
    let replaced = unsafe { ring.submitter().register_buffers_update(0, part(pair, 1), Some(part(&TAGS, 1))) };
    check(replaced == Ok(1) && next(ring)?.user_data() == TAGS[0])?;
    ring.submitter().unregister_buffers()?;
    check(next(ring)?.user_data() == TAGS[0])?;

    let sparse = ring.submitter().register_buffers_sparse(any(4));
    if has.or_lacks(IORING_REGISTER_BUFFERS2 as u32, sparse)?.is_some() {
        // SAFETY: the pages are static.
        check(unsafe { ring.submitter().register_buffers_update(any(2), pair, None) } == Ok(2))?;
        ring.submitter().unregister_buffers()?;
    }
    Ok(())
}

/// Clones the buffers of another ring, which is named in every way, in whole and in part.
fn clones<K: Kernel>(ring: &mut Ring<K>, has: &Has, pair: &[IoVec; 2]) -> Outcome<()> {
    let (plain, local) = (crate::ring()?, crate::local()?);
    // SAFETY: the pages are static.
    unsafe { plain.submitter().register_buffers(pair) }?;
    // SAFETY: the pages are static.
    unsafe { local.submitter().register_buffers(pair) }?;
    let sources = [
        BufferSource::from(&plain),
        BufferSource::from(&local),
        BufferSource::from(plain.fd()),
        BufferSource::fd(any(plain.fd())),
        BufferSource::registered(any(local.registered_index())),
    ];
    for source in sources {
        // SAFETY: the pages of the source's buffers are static.
        let cloned = unsafe { ring.submitter().register_buffers_clone(source) };
        if has.or_lacks(IORING_REGISTER_CLONE_BUFFERS as u32, cloned)?.is_none() {
            return Ok(());
        }
        // SAFETY: the pages of the source's buffers are static.
        let again = unsafe { ring.submitter().register_buffers_clone(source) };
        check(again == Err(Errno::EBUSY))?;
        let replace = any(CloneBuffersFlags::DST_REPLACE);
        // SAFETY: the pages of the source's buffers are static.
        let more = unsafe { ring.submitter().register_buffers_clone_offset(source, any(1), any(6), any(1), replace) };
        match more {
            Err(Errno::EINVAL) => has.lacks(), // ranges are newer than clones
            outcome => outcome?,
        }
        through_sockets(ring, *pair)?;
        ring.submitter().unregister_buffers()?;
    }
    Ok(())
}

/// Makes invalid calls, and ignores their outcome. They name no memory but the two pages.
fn nonsense<K: Kernel>(ring: &Ring<K>, pair: &[IoVec; 2]) {
    let submitter = ring.submitter();
    for odd in ODD {
        let list = part(pair, odd as usize);
        let _ = submitter.register_buffers_sparse(any(odd & 0x7fff));
        // SAFETY: the pages are static.
        let _ = unsafe { submitter.register_buffers_update(any(odd), list, None) };
        // SAFETY: the pages are static.
        let _ = unsafe { submitter.register_buffers_update(any(odd), pair, Some(part(&TAGS, odd as usize))) };
        // SAFETY: the pages are static.
        let _ = unsafe { submitter.register_buffers(list) };
        // SAFETY: the pages are static.
        let _ = unsafe { submitter.register_buffers2(list, part(&TAGS, 2)) };
        let flags = CloneBuffersFlags::from_bits_retain(any(odd & !1));
        // SAFETY: no ring has this file descriptor.
        let _ = unsafe { submitter.register_buffers_clone_offset(any(-1), any(odd), any(odd), any(odd), flags) };
        let _ = submitter.unregister_buffers();
    }
}
