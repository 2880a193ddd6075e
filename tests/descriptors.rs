//! Descriptors whose number is closed, or given to another file, between push, submit and completion.

mod common;

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use bare_uring::types::{Fixed, PollEvents};
use bare_uring::{Errno, IoUring, opcode};
use common::requests::{fd, file};
use common::ring_memory::{taken, until};
use common::{builders, push};

/// Gives `target`'s number to what `source` leads to.
fn reuse(target: &mut OwnedFd, source: BorrowedFd<'_>) {
    rustix::io::dup2(source, target).unwrap();
}

/// The number is looked up at the submit, so that it must be the file's until then: one that is reused leads elsewhere.
#[test]
fn a_number_reused_between_push_and_submit_is_the_other_file() {
    let (mut first, second) = (file(b"first"), file(b"second"));
    let mut ring = IoUring::new(8).unwrap();
    let mut buffer = [0_u8; 8];
    push(&mut ring, opcode::Read::new(fd(&first), buffer.as_mut_ptr(), 8).build().user_data(1));
    reuse(&mut first, rustix::fd::AsFd::as_fd(&second));
    assert_eq!((ring.submit_and_wait(1), taken(&mut ring)), (Ok(1), vec![(1, 6)]));
    assert_eq!(&buffer[..6], b"second");
}

#[test]
fn a_number_closed_between_push_and_submit_is_ebadf() {
    for (name, builder) in builders() {
        let mut ring = builder.build(8).unwrap();
        let mut buffer = [0_u8; 8];
        // High up, where no other test makes files meanwhile.
        let high = rustix::io::fcntl_dupfd_cloexec(file(b"first"), 900).unwrap();
        push(&mut ring, opcode::Read::new(fd(&high), buffer.as_mut_ptr(), 8).build().user_data(1));
        drop(high);
        assert_eq!(ring.submit_and_wait(1), Ok(1), "{name}");
        assert_eq!((taken(&mut ring), buffer), (vec![(1, -i32::from(Errno::EBADF.raw()))], [0; 8]), "{name}");
    }
}

/// From the submit on (where a thread of the kernel's submits: from its look at the entry on) the request has the file,
/// whatever becomes of the number.
#[test]
fn a_number_reused_after_the_submit_is_still_the_first_file() {
    for (name, builder) in builders() {
        let mut ring = builder.build(8).unwrap();
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let (other, other_writer) = rustix::pipe::pipe().unwrap();
        let mut reader = reader;
        let mut buffer = [0_u8; 8];
        push(&mut ring, opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 8).build().user_data(1));
        push(&mut ring, opcode::PollAdd::new(fd(&other_writer), PollEvents(4)).build().user_data(2));
        assert_eq!(ring.submit(), Ok(2), "{name}");
        ring.submitter().wait(1).unwrap();
        until("everything was consumed", || ring.submission().is_empty());
        assert_eq!(taken(&mut ring), [(2, 4)], "{name}");
        reuse(&mut reader, rustix::fd::AsFd::as_fd(&other));
        rustix::io::write(&other_writer, b"other").unwrap();
        rustix::io::write(&writer, b"first").unwrap();
        ring.submitter().wait(1).unwrap();
        assert_eq!((taken(&mut ring), &buffer[..5]), (vec![(1, 5)], &b"first"[..]), "{name}");
    }
}

/// A registered file is no number that can be reused.
#[test]
fn a_registered_file_stays_what_it_is_though_its_number_is_reused() {
    let (mut first, second) = (file(b"first"), file(b"second"));
    let mut ring = IoUring::new(8).unwrap();
    ring.submitter().register_files(&[first.as_raw_fd()]).unwrap();
    let mut buffer = [0_u8; 8];
    push(&mut ring, opcode::Read::new(Fixed(0), buffer.as_mut_ptr(), 8).build().user_data(1));
    reuse(&mut first, rustix::fd::AsFd::as_fd(&second));
    assert_eq!((ring.submit_and_wait(1), taken(&mut ring)), (Ok(1), vec![(1, 5)]));
    assert_eq!(&buffer[..5], b"first");
}

/// A slot is looked up at the submit too: what was put there in between is what is used.
#[test]
fn a_slot_replaced_between_push_and_submit_is_the_other_file_and_in_flight_the_first() {
    let (first, second) = (file(b"first"), file(b"second"));
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let mut ring = IoUring::new(8).unwrap();
    ring.submitter().register_files(&[first.as_raw_fd(), reader.as_raw_fd()]).unwrap();
    let mut buffers = [[0_u8; 8]; 2];
    push(&mut ring, opcode::Read::new(Fixed(1), buffers[1].as_mut_ptr(), 8).build().user_data(2));
    assert_eq!(ring.submit(), Ok(1));
    push(&mut ring, opcode::Read::new(Fixed(0), buffers[0].as_mut_ptr(), 8).build().user_data(1));
    assert_eq!(ring.submitter().register_files_update(0, &[second.as_raw_fd(), -1]), Ok(2));
    assert_eq!((ring.submit_and_wait(1), taken(&mut ring)), (Ok(1), vec![(1, 6)]));
    rustix::io::write(&writer, b"first").unwrap();
    ring.submitter().wait(1).unwrap();
    assert_eq!(taken(&mut ring), [(2, 5)]);
    assert_eq!((&buffers[0][..6], &buffers[1][..5]), (&b"second"[..], &b"first"[..]));
}
