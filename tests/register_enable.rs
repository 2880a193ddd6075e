//! Enabling a ring that was made disabled.

mod common;

use bare_uring::register::{Probe, Restriction};
use bare_uring::types::{CancelBuilder, CloneBuffersFlags, IoVec};
use bare_uring::uapi::io_uring_register_op as Operation;
use bare_uring::{Builder, Errno, IoUring};
use common::kernels::{Call, Trace};
use common::requests::{ring, run};
use common::{needs, nop, push};

fn disabled(builder: &mut Builder) -> IoUring {
    builder.setup_r_disabled().build(8).unwrap()
}

#[test]
fn a_disabled_ring_takes_requests_once_it_is_enabled() {
    let mut ring = disabled(&mut Builder::new());
    push(&mut ring, nop(1));
    assert_eq!(ring.submit(), Err(Errno::EBADFD));
    assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    assert_eq!(ring.completion().map(|cqe| (cqe.user_data(), cqe.outcome())).collect::<Vec<_>>(), [(1, Ok(0))]);
}

#[test]
fn a_ring_that_is_enabled_cannot_be_enabled() {
    assert_eq!(ring().submitter().register_enable_rings(), Err(Errno::EBADFD));
    let ring = disabled(&mut Builder::new());
    assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
    assert_eq!(ring.submitter().register_enable_rings(), Err(Errno::EBADFD));
}

#[test]
fn resources_are_registered_with_a_ring_that_is_still_disabled() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let mut ring = disabled(&mut Builder::new());
    assert_eq!(ring.submitter().register_files_sparse(1), Ok(()));
    let id = ring.submitter().register_personality().unwrap();
    assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
    assert_eq!(ring.submitter().register_files_sparse(1), Err(Errno::EBUSY));
    assert_eq!(run(&mut ring, nop(0).personality(id)), Ok(0));
}

#[test]
fn the_task_that_enables_a_single_issuer_ring_is_its_issuer() {
    needs!(6, 0, "IORING_SETUP_SINGLE_ISSUER");
    let ring = disabled(Builder::new().setup_single_issuer());
    let mut ring = std::thread::spawn(move || {
        let mut ring = ring;
        assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
        assert_eq!(run(&mut ring, nop(0)), Ok(0));
        ring
    })
    .join()
    .unwrap();
    push(&mut ring, nop(1));
    assert_eq!(ring.submit(), Err(Errno::EEXIST));
    assert_eq!(ring.submitter().register_personality(), Err(Errno::EEXIST));
}

/// Enabling, and all that can be registered before it.
#[test]
fn every_registration_goes_by_the_registered_index() {
    needs!(6, 3, "IORING_REGISTER_USE_REGISTERED_RING");
    let kernel = Trace::new();
    let mut builder: Builder = Builder::new();
    let ring = builder.setup_r_disabled().build_with(&kernel, 8).unwrap();
    let ring = ring.register_ring_fd().map_err(|(_, errno)| errno).unwrap();
    let (submitter, index) = (ring.submitter(), ring.registered_index().cast_signed());
    kernel.take();

    let hole = [IoVec::new(std::ptr::null_mut(), 0)];
    let clone = CloneBuffersFlags::DST_REPLACE;
    // SAFETY: a hole names no memory.
    let _ = unsafe { submitter.register_buffers(&hole) };
    // SAFETY: a hole names no memory, here with a tag.
    let _ = unsafe { submitter.register_buffers2(&hole, &[0]) };
    // SAFETY: a hole names no memory, here in an update.
    let _ = unsafe { submitter.register_buffers_update(0, &hole, None) };
    // SAFETY: only holes are cloned, which name no memory.
    let _ = unsafe { submitter.register_buffers_clone_offset(&ring, 0, 0, 1, clone) };
    let _ = submitter.unregister_buffers();
    let _ = submitter.register_files(&[-1]);
    let _ = submitter.register_files_tags(&[-1], &[0]);
    let _ = submitter.register_files_update(0, &[-1]);
    let _ = submitter.register_files_update_tag(0, &[-1], &[0]);
    let _ = submitter.register_file_alloc_range(0, 1);
    let _ = submitter.unregister_files();
    let _ = submitter.register_eventfd(-1);
    let _ = submitter.register_eventfd_async(-1);
    let _ = submitter.unregister_eventfd();
    let _ = submitter.register_probe(&mut Probe::new());
    let _ = submitter.register_personality();
    let _ = submitter.unregister_personality(1);
    let _ = submitter.register_iowq_aff(&[1]);
    let _ = submitter.unregister_iowq_aff();
    let _ = submitter.register_iowq_max_workers(&mut [0; 2]);
    let _ = submitter.register_sync_cancel(None, CancelBuilder::any());
    let _ = submitter.register_restrictions(&[Restriction::register_op(Operation::IORING_UNREGISTER_RING_FDS as u8)]);
    let _ = submitter.register_enable_rings();

    let operations = kernel.take().into_iter().map(|call| {
        let Call::Register { fd, operation, .. } = call else { panic!("{call:?}") };
        assert_eq!(fd, index, "{call:?}");
        operation ^ Operation::IORING_REGISTER_USE_REGISTERED_RING as u32
    });
    let expected = [0, 15, 16, 30, 1, 2, 13, 6, 14, 25, 3, 4, 7, 5, 8, 9, 10, 17, 18, 19, 24, 11, 12];
    assert_eq!(operations.collect::<Vec<_>>(), expected);
}
