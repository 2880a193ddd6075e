//! Clones of registered buffers on the real kernel: whole, by range, from a registered ring, and refused.

mod common;

use common::needs;

use bare_uring::register::BufferSource;
use bare_uring::types::CloneBuffersFlags;
use bare_uring::uapi::io_uring_register_op::{IORING_REGISTER_CLONE_BUFFERS, IORING_REGISTER_USE_REGISTERED_RING};
use bare_uring::{Errno, IoUring, Kernel, LocalRing, Submitter, cqueue, squeue};
use common::buffers::{buffer, fill, register, register2};
use common::kernels::{Call, Trace};
use common::requests::{CLOSED, file, ring, ring_on, tags};

const NOTHING: CloneBuffersFlags = CloneBuffersFlags::empty();
const REPLACE: CloneBuffersFlags = CloneBuffersFlags::DST_REPLACE;

fn clone<K: Kernel>(ring: Submitter<'_, K>, source: impl Into<BufferSource>) -> Result<(), Errno> {
    // SAFETY: the memory is never freed.
    unsafe { ring.register_buffers_clone(source) }
}

fn clone_range(
    ring: &IoUring,
    source: impl Into<BufferSource>,
    (source_offset, offset, count): (u32, u32, u32),
    flags: CloneBuffersFlags,
) -> Result<(), Errno> {
    // SAFETY: the memory is never freed.
    unsafe { ring.submitter().register_buffers_clone_offset(source, source_offset, offset, count, flags) }
}

fn local<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel>(ring: IoUring<S, C, K>) -> LocalRing<S, C, K> {
    ring.register_ring_fd().map_err(|(_, errno)| errno).expect("a free place")
}

#[test]
fn a_clone_has_the_buffers_and_outlives_the_ring_they_came_from() {
    needs!(6, 12, "IORING_REGISTER_CLONE_BUFFERS");
    let (first, mut second) = (ring(), ring());
    let (a, b) = (buffer(4), buffer(4));
    assert_eq!(register(first.submitter(), &[a, b]), Ok(()));
    assert_eq!(clone(second.submitter(), &first), Ok(()));
    drop(first);
    assert_eq!(fill(&mut second, a, 0), Ok(b"abcd".to_vec()));
    assert_eq!(fill(&mut second, b, 1), Ok(b"abcd".to_vec()));
}

#[test]
fn a_clone_carries_no_tags() {
    needs!(6, 13, "tags of what is unregistered");
    let (mut first, mut second) = (ring(), ring());
    assert_eq!(register2(first.submitter(), &[buffer(4)], &[10]), Ok(()));
    assert_eq!(clone(second.submitter(), first.fd()), Ok(()));
    assert_eq!(second.submitter().unregister_buffers(), Ok(()));
    assert_eq!((tags(&mut first), tags(&mut second)), (vec![], vec![]));
    assert_eq!(first.submitter().unregister_buffers(), Ok(()));
    assert_eq!((tags(&mut first), tags(&mut second)), (vec![10], vec![]));
}

#[test]
fn a_range_is_cloned_to_where_it_is_wanted() {
    needs!(6, 13, "ranges of IORING_REGISTER_CLONE_BUFFERS");
    let (first, mut second) = (ring(), ring());
    let (a, b, c) = (buffer(4), buffer(4), buffer(4));
    assert_eq!(register(first.submitter(), &[a, b, c]), Ok(()));
    assert_eq!(clone_range(&second, &first, (1, 4, 2), NOTHING), Ok(()));
    for (index, expected) in [(0, None), (3, None), (4, Some(b)), (5, Some(c)), (6, None)] {
        let read = fill(&mut second, expected.unwrap_or(a), index);
        assert_eq!(read, expected.map_or(Err(Errno::EFAULT), |_| Ok(b"abcd".to_vec())), "{index}");
    }
}

#[test]
fn a_clone_replaces_what_stands_there_and_leaves_the_rest() {
    needs!(6, 13, "ranges of IORING_REGISTER_CLONE_BUFFERS");
    let (first, mut second) = (ring(), ring());
    let (a, b, c) = (buffer(4), buffer(4), buffer(4));
    assert_eq!(register(first.submitter(), &[a, a]), Ok(()));
    assert_eq!(register2(second.submitter(), &[b, b, c], &[20, 21, 22]), Ok(()));
    assert_eq!(clone_range(&second, &first, (0, 1, 1), NOTHING), Err(Errno::EBUSY));
    assert_eq!(clone_range(&second, &first, (0, 1, 1), REPLACE), Ok(()));
    assert_eq!(tags(&mut second), [21]);
    for (index, buffer) in [(0, b), (1, a), (2, c)] {
        assert_eq!(fill(&mut second, buffer, index), Ok(b"abcd".to_vec()), "{index}");
    }
    assert_eq!(clone_range(&second, &first, (0, 3, 2), REPLACE), Ok(()), "the table grows");
    assert_eq!(fill(&mut second, a, 4), Ok(b"abcd".to_vec()));
}

#[test]
fn a_ring_clones_from_itself() {
    needs!(6, 13, "ranges of IORING_REGISTER_CLONE_BUFFERS");
    let mut ring = ring();
    let (a, b) = (buffer(4), buffer(4));
    assert_eq!(register(ring.submitter(), &[a, b]), Ok(()));
    assert_eq!(clone_range(&ring, &ring, (1, 2, 1), REPLACE), Ok(()));
    assert_eq!(fill(&mut ring, b, 2), Ok(b"abcd".to_vec()));
}

/// A ring in the task's table is a source by its index, whether or not it has a descriptor.
#[test]
fn a_registered_ring_is_a_source_by_its_index() {
    needs!(6, 13, "ranges of IORING_REGISTER_CLONE_BUFFERS");
    let (mut first, mut second) = (local(ring()), ring());
    let a = buffer(4);
    assert_eq!(register(first.submitter(), &[a]), Ok(()));
    assert_eq!(first.close_ring_fd(), Ok(()));
    assert_eq!(clone(second.submitter(), &first), Ok(()));
    assert_eq!(fill(&mut second, a, 0), Ok(b"abcd".to_vec()));

    let index = first.registered_index();
    assert_eq!(BufferSource::from(&first), BufferSource::registered(index));
    let by_flag = clone_range(&second, index.cast_signed(), (0, 1, 1), REPLACE | CloneBuffersFlags::SRC_REGISTERED);
    assert_eq!(by_flag, Ok(()));
    assert_eq!(fill(&mut second, a, 1), Ok(b"abcd".to_vec()));
}

/// Fault 14: the clone goes by the registered index of the ring that it is for.
#[test]
fn a_clone_uses_the_registered_ring_fd() {
    needs!(6, 12, "IORING_REGISTER_CLONE_BUFFERS");
    let kernel = Trace::new();
    let (first, mut second) = (ring(), local(ring_on(&kernel)));
    let a = buffer(4);
    assert_eq!(register(first.submitter(), &[a]), Ok(()));
    kernel.take();
    assert_eq!(clone(second.submitter(), &first), Ok(()));
    let operation = IORING_REGISTER_CLONE_BUFFERS as u32 | IORING_REGISTER_USE_REGISTERED_RING as u32;
    let index = second.registered_index().cast_signed();
    assert_eq!(kernel.take(), [Call::Register { fd: index, operation, count: 1 }]);
    assert_eq!(second.close_ring_fd(), Ok(()));
    assert_eq!(fill(&mut second, a, 0), Ok(b"abcd".to_vec()));
}

#[test]
fn clones_refuse_what_is_wrong() {
    needs!(6, 13, "ranges of IORING_REGISTER_CLONE_BUFFERS");
    let (first, second) = (ring(), ring());
    assert_eq!(clone(second.submitter(), &first), Err(Errno::ENXIO), "no buffers");
    assert_eq!(clone(second.submitter(), CLOSED), Err(Errno::EBADF));
    assert_eq!(clone(second.submitter(), std::os::fd::AsRawFd::as_raw_fd(&file(b""))), Err(Errno::EOPNOTSUPP));
    assert_eq!(clone(second.submitter(), BufferSource::registered(16)), Err(Errno::EINVAL));
    assert_eq!(clone(second.submitter(), BufferSource::registered(15)), Err(Errno::EBADF));
    assert_eq!(register(first.submitter(), &[buffer(4), buffer(4)]), Ok(()));
    assert_eq!(clone_range(&second, &first, (1, 0, 0), NOTHING), Err(Errno::EINVAL), "an offset without a count");
    assert_eq!(clone_range(&second, &first, (0, 0, 3), NOTHING), Err(Errno::EINVAL), "more than there are");
    assert_eq!(clone_range(&second, &first, (1, 0, 2), NOTHING), Err(Errno::EOVERFLOW), "past the source's end");
    assert_eq!(clone_range(&second, &first, (0, 16_384, 1), NOTHING), Err(Errno::EINVAL), "past the largest table");
    assert_eq!(clone_range(&second, &first, (0, u32::MAX, 1), NOTHING), Err(Errno::EOVERFLOW));
    let unknown = CloneBuffersFlags::from_bits_retain(4);
    assert_eq!(clone_range(&second, &first, (0, 0, 1), unknown), Err(Errno::EINVAL));
    assert_eq!(second.submitter().unregister_buffers(), Err(Errno::ENXIO), "nothing came of it");
}

#[test]
fn the_source_of_a_clone_must_be_this_tasks() {
    needs!(6, 13, "a look at the task of a clone's source");
    let second = ring();
    let (fd, ready) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        let first = IoUring::builder().setup_single_issuer().build(8).unwrap();
        let first: IoUring = first;
        register(first.submitter(), &[buffer(4)]).unwrap();
        fd.send(first.fd()).unwrap();
        let _ = ended.recv();
    });
    assert_eq!(clone(second.submitter(), ready.recv().unwrap()), Err(Errno::EEXIST));
    drop(end);
    other.join().unwrap();
}

/// The first place of the table is another ring's.
#[test]
fn a_registered_ring_is_a_source_by_its_own_index() {
    needs!(6, 12, "IORING_REGISTER_CLONE_BUFFERS");
    let (first, third) = (local(ring()), local(ring()));
    let mut second = ring();
    let [a, b] = [buffer(4), buffer(4)];
    assert_eq!((register(first.submitter(), &[a]), register(third.submitter(), &[b])), (Ok(()), Ok(())));
    assert_ne!(first.registered_index(), third.registered_index());
    assert_eq!(BufferSource::from(&third), BufferSource::registered(third.registered_index()));
    assert_eq!(clone(second.submitter(), &third), Ok(()));
    assert_eq!(fill(&mut second, b, 0), Ok(b"abcd".to_vec()));
}
