//! Buffers handed over by request, on the real kernel, on every kind of ring.

mod common;

use bare_uring::register::buf_ring::BufRingOptions;
use bare_uring::{Errno, IoUring, opcode};
use common::any_ring::{AnyRing, on_each};
use common::files::nowhere;
use common::requests::{fd, file, run};
use common::{needs, older_than, skip, sockets};

fn provide(ring: &mut dyn AnyRing, memory: &mut [[u8; 4]], group: u16, first: u16) -> Result<u32, Errno> {
    ring.run(opcode::ProvideBuffers::new(memory.as_mut_ptr().cast(), 4, memory.len() as u16, group, first).build())
}

fn remove(ring: &mut dyn AnyRing, count: u16, group: u16) -> Result<u32, Errno> {
    ring.run(opcode::RemoveBuffers::new(count, group).build())
}

#[test]
fn each_buffer_given_is_used_once() {
    let source = file(b"abcd");
    on_each(|ring| {
        let mut memory = [[0_u8; 4]; 3];
        assert_eq!(provide(ring, &mut memory, 7, 100), Ok(0), "{}", ring.kind());
        let mut used: heapless::Vec<u16, 3> = heapless::Vec::new();
        for _ in 0..3 {
            let seen = ring.run_seen(opcode::Read::new(fd(&source), nowhere(), 4).buf_group(7).build());
            assert_eq!(seen.outcome, Ok(4), "{}", ring.kind());
            used.push(seen.plain.buffer_id().expect("a buffer was picked")).unwrap();
        }
        used.sort_unstable();
        assert_eq!((used.as_slice(), memory), (&[100, 101, 102][..], [*b"abcd"; 3]), "{}", ring.kind());
        let read = opcode::Read::new(fd(&source), nowhere(), 4).buf_group(7).build();
        assert_eq!(ring.run(read), Err(Errno::ENOBUFS), "{}", ring.kind());
    });
}

#[test]
fn buffers_are_taken_back() {
    on_each(|ring| {
        let mut memory = [[0_u8; 4]; 5];
        assert_eq!(remove(ring, 1, 3), Err(Errno::ENOENT), "{}: no such group", ring.kind());
        assert_eq!(provide(ring, &mut memory, 3, 0), Ok(0), "{}", ring.kind());
        assert_eq!([2, 65_535].map(|count| remove(ring, count, 3)), [Ok(2), Ok(3)], "{}", ring.kind());
        assert_eq!(remove(ring, 0, 3), Err(Errno::EINVAL), "{}", ring.kind());
    });
}

#[test]
fn buffers_that_make_no_sense_are_refused() {
    needs!(6, 1, "the last buffer's id checked");
    on_each(|ring| {
        let mut memory = [[0_u8; 4]; 2];
        let at = memory.as_mut_ptr().cast::<u8>();
        let refused = [
            (opcode::ProvideBuffers::new(at, 4, 0, 1, 0), Errno::E2BIG),
            (opcode::ProvideBuffers::new(at, 4, 2, 1, 65_535), Errno::EINVAL),
            (opcode::ProvideBuffers::new(core::ptr::without_provenance_mut(usize::MAX), 4, 2, 1, 0), Errno::EOVERFLOW),
        ];
        for (request, errno) in refused {
            assert_eq!(ring.run(request.build()), Err(errno), "{}", ring.kind());
        }
        // The last id that there is. (Kernels from 6.2 on took it for one too many, until 6.7.)
        if !older_than(6, 2) && older_than(6, 7) {
            return skip("buffers_that_make_no_sense_are_refused", "the last of 65,536 buffers (Linux 6.7)");
        }
        let last = opcode::ProvideBuffers::new(at, 4, 1, 1, 65_535).build();
        assert_eq!((ring.run(last), remove(ring, 1, 1)), (Ok(0), Ok(1)), "{}", ring.kind());
    });
}

#[test]
fn a_registered_ring_of_buffers_takes_none_by_request() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let mut ring = IoUring::new(4).unwrap();
    let _buffers = ring.submitter().register_buf_ring(5, sockets::provide(1, 16), BufRingOptions::new()).unwrap();
    let mut memory = [0_u8; 4];
    let provide = opcode::ProvideBuffers::new(memory.as_mut_ptr(), 4, 1, 5, 0).build();
    let remove = opcode::RemoveBuffers::new(1, 5).build();
    assert_eq!([run(&mut ring, provide), run(&mut ring, remove)], [Err(Errno::EINVAL); 2]);
}
