//! Topic: registered files.

use bare_uring::register::SKIP_FILE;
use bare_uring::types::{Fixed, RawFd};
use bare_uring::uapi::io_uring_register_op::{
    IORING_REGISTER_FILE_ALLOC_RANGE, IORING_REGISTER_FILES_UPDATE, IORING_REGISTER_FILES_UPDATE2,
    IORING_REGISTER_FILES2,
};
use bare_uring::{Errno, Kernel, opcode};
use freestanding::sys;

use crate::outside::{Has, ODD, Outcome, Ring, any, check, filled, next, part, run};

const TAGS: [u64; 2] = [81, 82];

/// Registers files in every way, uses them, updates them, and unregisters them.
pub fn files<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    let pair = sys::socket_pair()?;
    ring.submitter().register_files(part(&pair, 2))?;
    check(ring.submitter().register_files(part(&pair, 1)) == Err(Errno::EBUSY))?;
    through(ring, [Fixed(any(0)), Fixed(any(1))])?;
    ring.submitter().unregister_files()?;
    check(ring.submitter().unregister_files() == Err(Errno::ENXIO))?;

    tags(ring, has, &pair)?;
    let sparse = ring.submitter().register_files_sparse(any(8));
    if has.or_lacks(IORING_REGISTER_FILES2 as u32, sparse)?.is_some() {
        let update = ring.submitter().register_files_update(any(6), &[any(pair[0]), SKIP_FILE]);
        if has.or_lacks(IORING_REGISTER_FILES_UPDATE as u32, update)?.is_some() {
            check(update == Ok(2) && ring.submitter().register_files_update(any(3), part(&pair, 2)) == Ok(2))?;
            through(ring, [Fixed(6), Fixed(4)])?;
        }
        let range = ring.submitter().register_file_alloc_range(any(2), any(3));
        if has.or_lacks(IORING_REGISTER_FILE_ALLOC_RANGE as u32, range)?.is_some() {
            let past = ring.submitter().register_file_alloc_range(any(u32::MAX), any(2));
            check(past == Err(Errno::EOVERFLOW))?;
        }
        ring.submitter().unregister_files()?;
    }
    nonsense(ring, &pair);
    Ok(())
}

/// Sends bytes from one registered socket to the other.
fn through<K: Kernel>(ring: &mut Ring<K>, [writer, reader]: [Fixed; 2]) -> Outcome<()> {
    let bytes = filled(8, 0_u8)?;
    bytes.iter_mut().zip(b"by index").for_each(|(to, from)| *to = *from);
    // SAFETY: the page is static.
    check(unsafe { run(ring, opcode::Write::new(writer, bytes.as_ptr(), 8).build()) }?.outcome() == Ok(8))?;
    bytes.fill(0);
    // SAFETY: the page is static.
    check(unsafe { run(ring, opcode::Read::new(reader, bytes.as_mut_ptr(), 8).build()) }?.outcome() == Ok(8))?;
    check(*bytes == *b"by index")
}

fn tags<K: Kernel>(ring: &mut Ring<K>, has: &Has, pair: &[RawFd; 2]) -> Outcome<()> {
    check(ring.submitter().register_files_tags(part(pair, 2), part(&TAGS, 1)) == Err(Errno::EINVAL))?;
    let tagged = ring.submitter().register_files_tags(part(pair, 2), part(&TAGS, 2));
    if has.or_lacks(IORING_REGISTER_FILES2 as u32, tagged)?.is_none() {
        return Ok(());
    }
    let uneven = ring.submitter().register_files_update_tag(any(0), part(pair, 1), part(&TAGS, 2));
    check(uneven == Err(Errno::EINVAL))?;
    let replaced = ring.submitter().register_files_update_tag(any(1), part(pair, 1), &[any(0)]);
    check(has.or_lacks(IORING_REGISTER_FILES_UPDATE2 as u32, replaced)? == Some(1))?;
    check(next(ring)?.user_data() == TAGS[1])?;
    ring.submitter().unregister_files()?;
    check(next(ring)?.user_data() == TAGS[0])
}

fn nonsense<K: Kernel>(ring: &Ring<K>, pair: &[RawFd; 2]) {
    let submitter = ring.submitter();
    for odd in ODD {
        let list = part(pair, odd as usize);
        let _ = submitter.register_files_sparse(any(odd & 0x7fff));
        let _ = submitter.register_files_update(any(odd), list);
        let _ = submitter.register_files_update(any(odd), &[any(odd.cast_signed())]);
        let _ = submitter.register_files_update_tag(any(odd), list, part(&TAGS, odd as usize));
        let _ = submitter.register_file_alloc_range(any(odd), any(odd));
        let _ = submitter.register_files(list);
        let _ = submitter.register_files_tags(list, part(&TAGS, 2));
        let _ = submitter.unregister_files();
    }
}
