//! Registered files on the real kernel: used, tagged, replaced, allocated, and refused.

mod common;

use common::needs;

use std::os::fd::{AsRawFd, OwnedFd};

use bare_uring::register::SKIP_FILE;
use bare_uring::types::{DestinationSlot, Fixed, RawFd};
use bare_uring::uapi::io_uring_register_op::{
    IORING_REGISTER_FILE_ALLOC_RANGE, IORING_REGISTER_FILES_UPDATE, IORING_REGISTER_FILES_UPDATE2,
    IORING_REGISTER_FILES2,
};
use bare_uring::{Errno, IoUring, opcode};
use common::kernels::Trace;
use common::push;
use common::raw::in_child;
use common::requests::{CLOSED, Recorder, fd, file, open_root, read, ring, ring_on, run, tags, take};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const HOLE: RawFd = -1;

/// Files with these contents, and their descriptors.
fn files<const N: usize>(contents: [&[u8]; N]) -> ([OwnedFd; N], [RawFd; N]) {
    let files = contents.map(file);
    let numbers = files.each_ref().map(AsRawFd::as_raw_fd);
    (files, numbers)
}

/// What is read from each of these places, 8 bytes at most.
fn contents<const N: usize>(ring: &mut IoUring, places: [u32; N]) -> [Result<Vec<u8>, Errno>; N] {
    places.map(|place| read::<8, _>(ring, Fixed(place)))
}

fn text(text: &[u8]) -> Result<Vec<u8>, Errno> {
    Ok(text.to_vec())
}

const NO_FILE: Result<Vec<u8>, Errno> = Err(Errno::EBADF);

#[test]
fn registered_files_are_held_when_their_descriptors_are_closed() {
    let mut ring = ring();
    let (files, numbers) = files([b"a", b"b"]);
    assert_eq!(ring.submitter().register_files(&numbers), Ok(()));
    drop(files);
    assert_eq!(contents(&mut ring, [0, 1, 2]), [text(b"a"), text(b"b"), NO_FILE]);
}

#[test]
fn a_hole_is_a_place_without_a_file() {
    let mut ring = ring();
    let (_files, [a]) = files([b"a"]);
    assert_eq!(ring.submitter().register_files(&[HOLE, a, HOLE]), Ok(()));
    assert_eq!(contents(&mut ring, [0, 1, 2]), [NO_FILE, text(b"a"), NO_FILE]);
}

#[test]
fn files_that_cannot_be_registered_leave_nothing_behind() {
    let ring = ring();
    let (_files, [a]) = files([b"a"]);
    for wrong in [CLOSED, ring.fd(), SKIP_FILE] {
        assert_eq!(ring.submitter().register_files(&[a, wrong]), Err(Errno::EBADF), "{wrong}");
        assert_eq!(ring.submitter().unregister_files(), Err(Errno::ENXIO), "{wrong}");
    }
    assert_eq!(ring.submitter().register_files(&[]), Err(Errno::EINVAL));
}

#[test]
fn files_are_registered_once_by_any_form() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let ring = ring();
    let (_files, [a]) = files([b"a"]);
    assert_eq!(ring.submitter().unregister_files(), Err(Errno::ENXIO));
    assert_eq!(ring.submitter().register_files(&[a]), Ok(()));
    assert_eq!(ring.submitter().register_files(&[a]), Err(Errno::EBUSY));
    assert_eq!(ring.submitter().register_files_tags(&[a], &[1]), Err(Errno::EBUSY));
    assert_eq!(ring.submitter().register_files_sparse(1), Err(Errno::EBUSY));
    assert_eq!(ring.submitter().unregister_files(), Ok(()));
    assert_eq!(ring.submitter().unregister_files(), Err(Errno::ENXIO));
}

/// The table counts by itself: how many descriptors are open makes no difference.
#[test]
fn more_files_than_the_soft_limit_of_descriptors_are_refused() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    if !in_child("more_files_than_the_soft_limit_of_descriptors_are_refused") {
        return;
    }
    let ring = ring();
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(16), maximum: hard }).unwrap();
    assert_eq!(ring.submitter().register_files(&[HOLE; 17]), Err(Errno::EMFILE));
    assert_eq!(ring.submitter().register_files_sparse(17), Err(Errno::EMFILE));
    assert_eq!(ring.submitter().register_files_tags(&[HOLE; 17], &[0; 17]), Err(Errno::EMFILE));
    assert_eq!(ring.submitter().register_files(&[HOLE; 16]), Ok(()));
}

#[test]
fn a_table_has_at_least_one_place_and_at_most_a_million() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let ring = ring();
    assert_eq!(ring.submitter().register_files_sparse(0), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_files_sparse((1 << 20) + 1), Err(Errno::EMFILE));
    assert_eq!(ring.submitter().register_files_sparse(64), Ok(()));
}

#[test]
fn a_tag_comes_when_its_file_is_unregistered_and_tag_0_never() {
    needs!(6, 13, "tags of what is unregistered");
    let mut ring = ring();
    let (_files, [a, b]) = files([b"a", b"b"]);
    assert_eq!(ring.submitter().register_files_tags(&[a, b, HOLE, a], &[10, 0, 0, 13]), Ok(()));
    assert_eq!(contents(&mut ring, [0, 1, 2]), [text(b"a"), text(b"b"), NO_FILE]);
    assert_eq!(tags(&mut ring), []);
    assert_eq!(ring.submitter().unregister_files(), Ok(()));
    assert_eq!(tags(&mut ring), [10, 13]);
}

#[test]
fn a_tag_waits_for_the_request_that_uses_its_file() {
    needs!(6, 13, "tags of what is unregistered");
    let mut ring = ring();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    assert_eq!(ring.submitter().register_files_tags(&[reader.as_raw_fd()], &[10]), Ok(()));
    let mut buffer = [0_u8; 1];
    push(&mut ring, opcode::Read::new(Fixed(0), buffer.as_mut_ptr(), 1).build().user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(ring.submitter().unregister_files(), Ok(()));
    assert_eq!(tags(&mut ring), []);
    rustix::io::write(&writer, b"x").unwrap();
    assert_eq!(take(&mut ring), [(1, Ok(1)), (10, Ok(0))]);
}

#[test]
fn a_hole_takes_no_tag() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let mut ring = ring();
    let (_files, [a]) = files([b"a"]);
    assert_eq!(ring.submitter().register_files_tags(&[a, HOLE], &[1, 2]), Err(Errno::EINVAL));
    assert_eq!(tags(&mut ring), [], "what was not registered sends no tag");
    assert_eq!(ring.submitter().register_files_sparse(2), Ok(()));
    assert_eq!(ring.submitter().register_files_update_tag(0, &[HOLE], &[1]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_files_update_tag(0, &[SKIP_FILE], &[1]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_files_update_tag(0, &[SKIP_FILE, HOLE], &[0, 0]), Ok(2));
}

/// Neither the list of files nor that of tags is cut, and the kernel is not asked.
#[test]
fn lists_of_different_lengths_are_refused_before_the_kernel_is_asked() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let kernel = Trace::new();
    let ring = ring_on(&kernel);
    let (_files, [a, b]) = files([b"a", b"b"]);
    assert_eq!(ring.submitter().register_files_sparse(4), Ok(()));
    kernel.take();
    assert_eq!(ring.submitter().register_files_tags(&[a, b], &[1]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_files_tags(&[a], &[1, 2]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_files_update_tag(0, &[a, b], &[1]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_files_update_tag(0, &[a], &[1, 2]), Err(Errno::EINVAL));
    assert_eq!(kernel.take(), []);
}

#[test]
fn an_update_fills_empties_and_skips_places() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let mut ring = ring();
    let (_files, [a, b, c]) = files([b"a", b"b", b"c"]);
    assert_eq!(ring.submitter().register_files_sparse(4), Ok(()));
    assert_eq!(ring.submitter().register_files_update(0, &[a, a, a]), Ok(3));
    assert_eq!(ring.submitter().register_files_update(0, &[b, SKIP_FILE, HOLE, c]), Ok(4));
    assert_eq!(contents(&mut ring, [0, 1, 2, 3]), [text(b"b"), text(b"a"), NO_FILE, text(b"c")]);
}

#[test]
fn a_tag_comes_when_its_file_is_replaced_and_the_new_one_has_its_own() {
    needs!(6, 13, "tags of what is unregistered");
    let mut ring = ring();
    let (_files, [a, b]) = files([b"a", b"b"]);
    assert_eq!(ring.submitter().register_files_tags(&[a, a, a], &[10, 11, 12]), Ok(()));
    assert_eq!(ring.submitter().register_files_update_tag(0, &[b, SKIP_FILE, b], &[20, 0, 22]), Ok(3));
    assert_eq!(tags(&mut ring), [10, 12]);
    assert_eq!(contents(&mut ring, [0, 1, 2]), [text(b"b"), text(b"a"), text(b"b")]);
    assert_eq!(ring.submitter().register_files_update(2, &[HOLE]), Ok(1));
    assert_eq!(tags(&mut ring), [22]);
    assert_eq!(ring.submitter().unregister_files(), Ok(()));
    assert_eq!(tags(&mut ring), [11, 20]);
}

#[test]
fn an_update_that_stops_half_way_says_how_far_it_came() {
    let mut ring = ring();
    let (_files, [a, b]) = files([b"a", b"b"]);
    assert_eq!(ring.submitter().register_files(&[a, a, a]), Ok(()));
    assert_eq!(ring.submitter().register_files_update(0, &[b, CLOSED, b]), Ok(1));
    assert_eq!(contents(&mut ring, [0, 1, 2]), [text(b"b"), NO_FILE, text(b"a")]);
    assert_eq!(ring.submitter().register_files_update(1, &[CLOSED, b]), Err(Errno::EBADF));
    assert_eq!(ring.submitter().register_files_update(1, &[ring.fd()]), Err(Errno::EBADF));
}

#[test]
fn updates_stay_inside_the_table() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let ring = ring();
    let (_files, [a]) = files([b"a"]);
    assert_eq!(ring.submitter().register_files_update(0, &[a]), Err(Errno::ENXIO));
    assert_eq!(ring.submitter().register_files_update_tag(0, &[a], &[1]), Err(Errno::ENXIO));
    assert_eq!(ring.submitter().register_files_sparse(2), Ok(()));
    assert_eq!(ring.submitter().register_files_update(0, &[]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_files_update_tag(0, &[], &[]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_files_update(1, &[a, a]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_files_update_tag(1, &[a, a], &[1, 2]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_files_update(u32::MAX, &[a]), Err(Errno::EOVERFLOW));
    assert_eq!(ring.submitter().register_files_update(0, &[a, a]), Ok(2));
}

#[test]
fn a_free_place_is_taken_from_the_range_for_it() {
    needs!(6, 0, "IORING_REGISTER_FILE_ALLOC_RANGE");
    let mut ring = ring();
    assert_eq!(ring.submitter().register_files_sparse(8), Ok(()));
    assert_eq!(ring.submitter().register_file_alloc_range(5, 2), Ok(()));
    let free = open_root(DestinationSlot::ALLOCATE);
    assert_eq!(run(&mut ring, free), Ok(5));
    assert_eq!(run(&mut ring, free), Ok(6));
    assert_eq!(run(&mut ring, free), Err(Errno::ENFILE));
    assert_eq!(run(&mut ring, open_root(DestinationSlot::at(1).unwrap())), Ok(0), "outside, by number");
    assert_eq!(ring.submitter().register_file_alloc_range(0, 8), Ok(()));
    assert_eq!(run(&mut ring, free), Ok(0));
    assert_eq!(run(&mut ring, free), Ok(2));
}

#[test]
fn the_range_stays_inside_the_table() {
    needs!(6, 0, "IORING_REGISTER_FILE_ALLOC_RANGE");
    let mut ring = ring();
    assert_eq!(ring.submitter().register_file_alloc_range(0, 1), Err(Errno::EINVAL), "no table");
    assert_eq!(ring.submitter().register_files_sparse(8), Ok(()));
    assert_eq!(ring.submitter().register_file_alloc_range(5, 4), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_file_alloc_range(u32::MAX, 1), Err(Errno::EOVERFLOW));
    assert_eq!(ring.submitter().register_file_alloc_range(8, 0), Ok(()));
    assert_eq!(run(&mut ring, open_root(DestinationSlot::ALLOCATE)), Err(Errno::ENFILE));
}

/// No number of a registered file becomes the number of a descriptor on the way.
#[test]
fn closing_a_place_past_the_table_leaves_descriptor_0_alone() {
    let mut ring = ring();
    let (_files, [a]) = files([b"a"]);
    assert_eq!(ring.submitter().register_files(&[a, a]), Ok(()));
    let standard_input = || rustix::fs::fstat(rustix::stdio::stdin()).map(|stat| (stat.st_dev, stat.st_ino));
    let before = standard_input();
    for place in [u32::MAX, u32::MAX - 1, 2] {
        assert_eq!(run(&mut ring, opcode::Close::new(Fixed(place)).build()), Err(Errno::EINVAL), "{place}");
    }
    assert_eq!(standard_input(), before);
    assert_eq!(run(&mut ring, opcode::Close::new(Fixed(1)).build()), Ok(0));
    assert_eq!(contents(&mut ring, [0, 1]), [text(b"a"), NO_FILE]);
}

/// The numbers of arguments, which are sizes here, counts there, and 0 for a range, whatever its manual page says.
#[test]
fn each_operation_says_its_own_kind_of_count() {
    // SAFETY: the shortest argument here has 16 bytes.
    let kernel = unsafe { Recorder::answering(16, Ok(2)) };
    let ring = ring_on(&kernel);
    let submitter = ring.submitter();
    assert_eq!(submitter.register_files_tags(&[7, 8], &[1, 2]), Ok(()));
    assert_eq!(submitter.register_files_update(0x3_0003, &[7, 8]), Ok(2));
    assert_eq!(submitter.register_files_update_tag(0x4_0004, &[7, 8], &[1, 2]), Ok(2));
    assert_eq!(submitter.register_file_alloc_range(0x3_0003, 0x4_0004), Ok(()));
    let told = kernel.told();
    let counts: Vec<_> = told.iter().map(|told| (told.operation, told.count)).collect();
    assert_eq!(
        counts,
        [
            (IORING_REGISTER_FILES2 as u32, 32),
            (IORING_REGISTER_FILES_UPDATE as u32, 2),
            (IORING_REGISTER_FILES_UPDATE2 as u32, 32),
            (IORING_REGISTER_FILE_ALLOC_RANGE as u32, 0),
        ]
    );
    let firsts: Vec<_> = told.iter().map(|told| u32::from_ne_bytes(told.bytes[..4].try_into().unwrap())).collect();
    assert_eq!(firsts, [2, 0x3_0003, 0x4_0004, 0x3_0003], "how many, from where on");
    let range: [u32; 4] = [0x3_0003, 0x4_0004, 0, 0];
    assert_eq!(told[3].bytes, range.map(u32::to_ne_bytes).concat());
}

#[test]
fn a_request_on_a_descriptor_is_not_one_on_a_place() {
    let mut ring = ring();
    let (files, numbers) = files([b"a"]);
    assert_eq!(ring.submitter().register_files(&numbers), Ok(()));
    let mut buffer = [0_u8; 4];
    assert_eq!(run(&mut ring, opcode::Read::new(fd(&files[0]), buffer.as_mut_ptr(), 4).build()), Ok(1));
    assert_eq!(ring.submitter().unregister_files(), Ok(()));
    assert_eq!(contents(&mut ring, [0]), [NO_FILE]);
    assert_eq!(run(&mut ring, opcode::Read::new(fd(&files[0]), buffer.as_mut_ptr(), 4).build()), Ok(1));
}
