//! Registered buffers, in memory that is never freed.

use bare_uring::types::IoVec;
use bare_uring::{Errno, IoUring, Kernel, Submitter, cqueue, opcode, squeue};

use super::requests::{fd, file, run};

/// Memory that is never freed, so that it outlives every registration.
pub fn buffer(len: usize) -> IoVec {
    let memory: &'static mut [u8] = vec![0; len].leak();
    IoVec::new(memory.as_mut_ptr(), len)
}

pub fn bytes(buffer: IoVec) -> Vec<u8> {
    // SAFETY: the memory is never freed, and no request is in flight when the test looks.
    unsafe { std::slice::from_raw_parts(buffer.base, buffer.len) }.to_vec()
}

/// Reads `abcd` from a file into the registered buffer `index`.
pub fn fill<K: Kernel>(
    ring: &mut IoUring<squeue::Entry, cqueue::Entry, K>,
    buffer: IoVec,
    index: u16,
) -> Result<Vec<u8>, Errno> {
    let file = file(b"abcd");
    // SAFETY: as in `bytes`.
    unsafe { buffer.base.write_bytes(0, buffer.len) };
    let read = opcode::ReadFixed::new(fd(&file), buffer.base, 4, index).build();
    assert_eq!(run(ring, read)?, 4);
    Ok(bytes(buffer))
}

pub fn register<K: Kernel>(ring: Submitter<'_, K>, buffers: &[IoVec]) -> Result<(), Errno> {
    // SAFETY: the memory is never freed.
    unsafe { ring.register_buffers(buffers) }
}

pub fn register2<K: Kernel>(ring: Submitter<'_, K>, buffers: &[IoVec], tags: &[u64]) -> Result<(), Errno> {
    // SAFETY: the memory is never freed.
    unsafe { ring.register_buffers2(buffers, tags) }
}
