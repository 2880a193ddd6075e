//! What becomes of provided buffers, seen in their memory.

use bare_uring::squeue::Entry;
use bare_uring::types::Fd;
use bare_uring::uapi::{IOSQE_BUFFER_SELECT, io_uring_buf_reg, io_uring_register_op};
use bare_uring::{Kernel, opcode};
use bare_uring_sim::Mark;

use crate::raw::Raw;
use crate::requests::{ring, submit};

const MORE: u32 = 1 << 1;

/// Registers a buffer ring of two entries. They name eight bytes, of which the kernel is given three and two.
fn provide(ring: &Raw, flags: u16) -> (*mut u64, *mut u8) {
    #[repr(align(4096))]
    struct Bufs([u64; 512]);

    let buffers = Box::leak(Box::new([0xee_u8; 8])).as_mut_ptr();
    let base = buffers.expose_provenance() as u64;
    let bufs = Box::leak(Box::new(Bufs([0; 512]))).0.as_mut_ptr();
    // The last two bytes of the first entry are the tail, which is 2.
    for (at, value) in [base, word(3, 300, 2), base + 4, word(2, 301, 0)].into_iter().enumerate() {
        // SAFETY: the page has at least four words.
        let place = unsafe { bufs.add(at) };
        // SAFETY: the page is this test's.
        unsafe { place.write(value) };
    }
    let address = bufs.expose_provenance() as u64;
    let mut register = io_uring_buf_reg { ring_addr: address, ring_entries: 2, bgid: 700, flags, resv: [0; 3] };
    let operation = io_uring_register_op::IORING_REGISTER_PBUF_RING as u32;
    // SAFETY: the entries and the buffers are leaked, and the argument is a registration.
    let registered = unsafe { ring.kernel.register(ring.fd, operation, (&raw mut register).cast(), 1) };
    assert_eq!(registered, Ok(0));
    (bufs, buffers)
}

/// Makes the second word of a buffer ring's entry: length, id, and in the first entry the tail.
fn word(len: u32, id: u16, tail: u16) -> u64 {
    let (len, id, tail) = (len.to_ne_bytes(), id.to_ne_bytes(), tail.to_ne_bytes());
    u64::from_ne_bytes([len[0], len[1], len[2], len[3], id[0], id[1], tail[0], tail[1]])
}

fn look(buffers: *mut u8) -> [u8; 8] {
    // SAFETY: there are eight bytes, and the kernel writes in calls only.
    unsafe { buffers.cast::<[u8; 8]>().read() }
}

const BUFFER: u32 = 1;
const NONEMPTY: u32 = 1 << 2;

#[test]
fn each_provided_buffer_is_filled_once_and_no_further() {
    let ring = ring();
    let (near, far) = ring.kernel.socket_pair();
    let (bufs, buffers) = provide(&ring, 0);
    assert_eq!(ring.kernel.write(far, b"abcdefgh"), Ok(8));
    submit(&ring, [opcode::Recv::multi(Fd(near), 700).build().user_data(1)]);
    let first = MORE | BUFFER | NONEMPTY | 300 << 16;
    let second = MORE | BUFFER | NONEMPTY | 301 << 16;
    assert_eq!(ring.take(), [(1, 3, first), (1, 2, second), (1, -105, 0)]);
    assert_eq!(&look(buffers), b"abc\xeede\xee\xee");
    assert_eq!((ring.count(Mark::BufferPicked), ring.count(Mark::NoBuffer)), (2, 1));
    // The buffer ring wraps: the tail is 3, and the first entry names another buffer.
    // SAFETY: the first entry has a second word.
    let place = unsafe { bufs.add(1) };
    // SAFETY: the kernel reads the entry in calls only.
    unsafe { place.write(word(1, 302, 3)) };
    // This receive wants more than the buffer holds.
    let mut bytes = opcode::Recv::new(Fd(near), std::ptr::null_mut(), 10).build().user_data(2).to_bytes();
    bytes[1] = IOSQE_BUFFER_SELECT;
    bytes[40..42].copy_from_slice(&700_u16.to_ne_bytes());
    submit(&ring, [Entry::from_bytes(bytes)]);
    assert_eq!(ring.take(), [(2, 1, BUFFER | NONEMPTY | 302 << 16)]);
    assert_eq!(&look(buffers), b"fbc\xeede\xee\xee");
}

#[test]
fn a_buffer_may_be_used_up_in_parts() {
    const INCREMENTAL: u16 = 2;
    const BUF_MORE: u32 = 1 << 4;

    let ring = ring();
    let (near, far) = ring.kernel.socket_pair();
    let (_, buffers) = provide(&ring, INCREMENTAL);
    submit(&ring, [opcode::Recv::multi(Fd(near), 700).build().user_data(1)]);
    let parts = [(&b"ab"[..], BUF_MORE | 300 << 16), (b"c", 300 << 16), (b"d", BUF_MORE | 301 << 16)];
    for (bytes, flags) in parts {
        assert_eq!((ring.kernel.write(far, bytes), ring.wait(1)), (Ok(bytes.len()), Ok(0)));
        assert_eq!(ring.take(), [(1, bytes.len() as i32, MORE | BUFFER | flags)]);
    }
    assert_eq!(&look(buffers), b"abc\xeed\xee\xee\xee");
}
