//! Registered buffers on the real kernel: used, tagged, replaced, cloned, and refused.

mod common;

use common::needs;

use std::ptr::null_mut;

use bare_uring::register::BufferSource;
use bare_uring::types::{CloneBuffersFlags, Fd, Fixed, IoVec};
use bare_uring::uapi::io_uring_register_op::{
    IORING_REGISTER_BUFFERS2, IORING_REGISTER_CLONE_BUFFERS, IORING_REGISTER_USE_REGISTERED_RING,
};
use bare_uring::{Errno, IoUring, Kernel, LocalRing, Submitter, cqueue, opcode, squeue};
use common::kernels::{Call, Trace};
use common::push;
use common::requests::{CLOSED, Recorder, fd, file, ring, ring_on, run, tags, take};

const HOLE: IoVec = IoVec::new(null_mut(), 0);
const NOTHING: CloneBuffersFlags = CloneBuffersFlags::empty();
const REPLACE: CloneBuffersFlags = CloneBuffersFlags::DST_REPLACE;

/// Memory that is never freed, so that it outlives every registration.
fn buffer(len: usize) -> IoVec {
    let memory: &'static mut [u8] = vec![0; len].leak();
    IoVec::new(memory.as_mut_ptr(), len)
}

fn bytes(buffer: IoVec) -> Vec<u8> {
    // SAFETY: the memory is never freed, and no request is in flight when the test looks.
    unsafe { std::slice::from_raw_parts(buffer.base, buffer.len) }.to_vec()
}

/// Reads `abcd` from a file into the registered buffer `index`.
fn fill<K: Kernel>(
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

fn register<K: Kernel>(ring: Submitter<'_, K>, buffers: &[IoVec]) -> Result<(), Errno> {
    // SAFETY: the memory is never freed.
    unsafe { ring.register_buffers(buffers) }
}

fn register2<K: Kernel>(ring: Submitter<'_, K>, buffers: &[IoVec], tags: &[u64]) -> Result<(), Errno> {
    // SAFETY: the memory is never freed.
    unsafe { ring.register_buffers2(buffers, tags) }
}

fn update(ring: &IoUring, offset: u32, buffers: &[IoVec], tags: Option<&[u64]>) -> Result<usize, Errno> {
    // SAFETY: the memory is never freed.
    unsafe { ring.submitter().register_buffers_update(offset, buffers, tags) }
}

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
fn a_fixed_read_lands_in_the_registered_buffer() {
    let mut ring = ring();
    let (a, b) = (buffer(4), buffer(4));
    assert_eq!(register(ring.submitter(), &[a, b]), Ok(()));
    assert_eq!(fill(&mut ring, b, 1), Ok(b"abcd".to_vec()));
    assert_eq!(bytes(a), [0; 4]);
    assert_eq!(fill(&mut ring, a, 1), Err(Errno::EFAULT), "the other buffer's memory");
}

#[test]
fn a_hole_is_a_place_without_a_buffer() {
    let mut ring = ring();
    let a = buffer(4);
    assert_eq!(register(ring.submitter(), &[HOLE, a]), Ok(()));
    assert_eq!(fill(&mut ring, a, 0), Err(Errno::EFAULT));
    assert_eq!(fill(&mut ring, a, 1), Ok(b"abcd".to_vec()));
}

#[test]
fn buffers_that_cannot_be_registered_leave_nothing_behind() {
    let ring = ring();
    let nowhere = IoVec::new(std::ptr::without_provenance_mut(4096), 4096);
    let (empty, null) = (IoVec::new(buffer(1).base, 0), IoVec::new(null_mut(), 1));
    let too_large = IoVec::new(buffer(1).base, (1 << 30) + 1);
    let past_the_end = IoVec::new(std::ptr::without_provenance_mut(usize::MAX - 10), 8192);
    for (wrong, errno) in [
        (nowhere, Errno::EFAULT),
        (empty, Errno::EFAULT),
        (null, Errno::EFAULT),
        (too_large, Errno::EFAULT),
        (past_the_end, Errno::EOVERFLOW),
    ] {
        assert_eq!(register(ring.submitter(), &[buffer(4), wrong]), Err(errno), "{wrong:?}");
        assert_eq!(ring.submitter().unregister_buffers(), Err(Errno::ENXIO), "{wrong:?}");
    }
    assert_eq!(register(ring.submitter(), &[]), Err(Errno::EINVAL));
    assert_eq!(register(ring.submitter(), &vec![HOLE; 16_385]), Err(Errno::EINVAL));
    assert_eq!(register(ring.submitter(), &vec![HOLE; 16_384]), Ok(()));
}

#[test]
fn buffers_are_registered_once_by_any_form() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let ring = ring();
    let a = [buffer(4)];
    assert_eq!(register(ring.submitter(), &a), Ok(()));
    assert_eq!(register(ring.submitter(), &a), Err(Errno::EBUSY));
    assert_eq!(register2(ring.submitter(), &a, &[1]), Err(Errno::EBUSY));
    assert_eq!(ring.submitter().register_buffers_sparse(1), Err(Errno::EBUSY));
    assert_eq!(ring.submitter().unregister_buffers(), Ok(()));
    assert_eq!(ring.submitter().unregister_buffers(), Err(Errno::ENXIO));
    assert_eq!(update(&ring, 0, &a, None), Err(Errno::ENXIO));
}

#[test]
fn a_tag_comes_when_its_buffer_is_unregistered_and_tag_0_never() {
    needs!(6, 13, "tags of what is unregistered");
    let mut ring = ring();
    assert_eq!(register2(ring.submitter(), &[buffer(4), buffer(4), buffer(4)], &[10, 0, 12]), Ok(()));
    assert_eq!(tags(&mut ring), []);
    assert_eq!(ring.submitter().unregister_buffers(), Ok(()));
    assert_eq!(tags(&mut ring), [10, 12]);
}

#[test]
fn a_tag_waits_for_the_request_that_uses_its_buffer() {
    needs!(6, 13, "tags of what is unregistered");
    let mut ring = ring();
    let a = buffer(4);
    assert_eq!(register2(ring.submitter(), &[a], &[10]), Ok(()));
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    push(&mut ring, opcode::ReadFixed::new(fd(&reader), a.base, 4, 0).build().user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(ring.submitter().unregister_buffers(), Ok(()));
    assert_eq!(tags(&mut ring), []);
    rustix::io::write(&writer, b"wxyz").unwrap();
    assert_eq!(take(&mut ring), [(1, Ok(4)), (10, Ok(0))]);
    assert_eq!(bytes(a), b"wxyz");
}

/// Fault 13: neither list is cut to the length of the other, and the kernel is not asked.
#[test]
fn lists_of_different_lengths_are_refused_before_the_kernel_is_asked() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let kernel = Trace::new();
    let ring = ring_on(&kernel);
    let (a, b) = (buffer(4), buffer(4));
    assert_eq!(ring.submitter().register_buffers_sparse(4), Ok(()));
    kernel.take();
    assert_eq!(register2(ring.submitter(), &[a, b], &[1]), Err(Errno::EINVAL));
    assert_eq!(register2(ring.submitter(), &[a], &[1, 2]), Err(Errno::EINVAL));
    let update = |buffers: &[IoVec], tags: &[u64]| {
        // SAFETY: the memory is never freed.
        unsafe { ring.submitter().register_buffers_update(0, buffers, Some(tags)) }
    };
    assert_eq!(update(&[a, b], &[1]), Err(Errno::EINVAL));
    assert_eq!(update(&[a], &[1, 2]), Err(Errno::EINVAL));
    assert_eq!(kernel.take(), []);
}

#[test]
fn a_hole_takes_no_tag() {
    let mut ring = ring();
    assert_eq!(register2(ring.submitter(), &[buffer(4), HOLE], &[1, 2]), Err(Errno::EINVAL));
    assert_eq!(tags(&mut ring), [], "what was not registered sends no tag");
    assert_eq!(register2(ring.submitter(), &[buffer(4), HOLE], &[1, 0]), Ok(()));
    assert_eq!(update(&ring, 0, &[HOLE], Some(&[3])), Err(Errno::EINVAL));
}

#[test]
fn a_sparse_table_has_holes_that_an_update_fills() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let mut ring = ring();
    let (a, b) = (buffer(4), buffer(4));
    assert_eq!(ring.submitter().register_buffers_sparse(4), Ok(()));
    assert_eq!(fill(&mut ring, a, 2), Err(Errno::EFAULT));
    assert_eq!(update(&ring, 2, &[a, b], None), Ok(2));
    assert_eq!(fill(&mut ring, a, 2), Ok(b"abcd".to_vec()));
    assert_eq!(fill(&mut ring, b, 3), Ok(b"abcd".to_vec()));
    assert_eq!(fill(&mut ring, a, 1), Err(Errno::EFAULT));
}

#[test]
fn sparse_tables_have_limits() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let ring = ring();
    assert_eq!(ring.submitter().register_buffers_sparse(0), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_buffers_sparse(16_385), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_buffers_sparse(16_384), Ok(()));
}

#[test]
fn a_tag_comes_when_its_buffer_is_replaced_and_the_new_one_has_its_own() {
    needs!(6, 13, "tags of what is unregistered");
    let mut ring = ring();
    let (a, b) = (buffer(4), buffer(4));
    assert_eq!(register2(ring.submitter(), &[a, a], &[10, 11]), Ok(()));
    assert_eq!(update(&ring, 1, &[b], Some(&[21])), Ok(1));
    assert_eq!(tags(&mut ring), [11]);
    assert_eq!(fill(&mut ring, b, 1), Ok(b"abcd".to_vec()));
    assert_eq!(update(&ring, 1, &[HOLE], None), Ok(1));
    assert_eq!(tags(&mut ring), [21]);
    assert_eq!(fill(&mut ring, b, 1), Err(Errno::EFAULT));
    assert_eq!(ring.submitter().unregister_buffers(), Ok(()));
    assert_eq!(tags(&mut ring), [10]);
}

#[test]
fn an_update_that_stops_half_way_says_how_far_it_came() {
    needs!(6, 13, "the tag of an update that stops half way");
    let mut ring = ring();
    let (a, b) = (buffer(4), buffer(4));
    let nowhere = IoVec::new(std::ptr::without_provenance_mut(4096), 4096);
    assert_eq!(register2(ring.submitter(), &[a, a], &[10, 11]), Ok(()));
    assert_eq!(update(&ring, 0, &[b, nowhere], None), Ok(1));
    assert_eq!(tags(&mut ring), [10]);
    assert_eq!(update(&ring, 1, &[nowhere], None), Err(Errno::EFAULT));
    assert_eq!(fill(&mut ring, b, 0), Ok(b"abcd".to_vec()));
    assert_eq!(fill(&mut ring, a, 1), Ok(b"abcd".to_vec()), "still the former buffer");
}

#[test]
fn updates_stay_inside_the_table() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let ring = ring();
    let a = [buffer(4), buffer(4)];
    assert_eq!(ring.submitter().register_buffers_sparse(2), Ok(()));
    assert_eq!(update(&ring, 0, &[], None), Err(Errno::EINVAL));
    assert_eq!(update(&ring, 1, &a, None), Err(Errno::EINVAL));
    assert_eq!(update(&ring, u32::MAX, &a, None), Err(Errno::EOVERFLOW));
    assert_eq!(update(&ring, 0, &a, None), Ok(2));
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

#[test]
fn a_sparse_registration_names_no_memory() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    // SAFETY: the only registration here has an argument of 32 bytes.
    let kernel = unsafe { Recorder::new(32) };
    let ring = ring_on(&kernel);
    assert_eq!(ring.submitter().register_buffers_sparse(0x1005), Ok(()));
    let told = kernel.told();
    assert_eq!((told[0].operation, told[0].count), (IORING_REGISTER_BUFFERS2 as u32, 32));
    let mut expected = [0; 32];
    expected[..4].copy_from_slice(&0x1005_u32.to_ne_bytes());
    expected[4..8].copy_from_slice(&1_u32.to_ne_bytes());
    assert_eq!(told[0].bytes, expected);
}

#[test]
fn a_fixed_file_and_a_fixed_buffer_go_together() {
    let mut ring = ring();
    let (a, file) = (buffer(4), file(b"abcd"));
    assert_eq!(register(ring.submitter(), &[a]), Ok(()));
    let Fd(number) = fd(&file);
    assert_eq!(ring.submitter().register_files(&[number]), Ok(()));
    assert_eq!(run(&mut ring, opcode::ReadFixed::new(Fixed(0), a.base, 4, 0).build()), Ok(4));
    assert_eq!(bytes(a), b"abcd");
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

/// Of numbers that fill their fields, and no two of which are alike.
#[test]
fn updates_and_clones_say_each_number_in_its_place() {
    // SAFETY: the registrations here have arguments of 32 bytes.
    let kernel = unsafe { Recorder::answering(32, Ok(2)) };
    let ring = ring_on(&kernel);
    let (buffers, tags) = ([buffer(4), buffer(4)], [u64::MAX - 1, 1 << 63]);
    let submitter = ring.submitter();
    // SAFETY: the memory is never freed.
    assert_eq!(unsafe { submitter.register_buffers_update(0x1_0001, &buffers, Some(&tags)) }, Ok(2));
    let source = Fd(0x2_0002);
    // SAFETY: there is no kernel to clone anything.
    let cloned = unsafe { submitter.register_buffers_clone_offset(source.0, 0x3_0003, 0x4_0004, 0x5_0005, REPLACE) };
    assert_eq!(cloned, Ok(()));
    let address = |start: usize| (start as u64).to_ne_bytes();
    let word = u32::to_ne_bytes;
    let update = [
        &word(0x1_0001)[..],
        &word(0),
        &address(buffers.as_ptr().addr()),
        &address(tags.as_ptr().addr()),
        &word(2),
        &word(0),
    ];
    let clone = [0x2_0002, 2, 0x3_0003, 0x4_0004, 0x5_0005, 0, 0, 0].map(word);
    let told: Vec<_> = kernel.told().into_iter().map(|told| told.bytes).collect();
    assert_eq!(told, [update.concat(), clone.concat()]);
}
