//! Personalities on the real kernel: requests run with the credentials registered, and numbers are given once.

mod common;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use bare_uring::types::Fd;
use bare_uring::{Errno, opcode};
use common::requests::{Recorder, ring, ring_on, run};
use common::{nop, skip};
use rustix::process::{Uid, geteuid};
use rustix::thread::set_thread_res_uid;

#[test]
fn a_request_runs_with_a_number_that_is_registered_and_no_other() {
    let mut ring = ring();
    let id = ring.submitter().register_personality().unwrap();
    assert_ne!(id, 0);
    assert_eq!(run(&mut ring, nop(0).personality(id)), Ok(0));
    assert_eq!(run(&mut ring, nop(0).personality(id + 1)), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().unregister_personality(id), Ok(()));
    assert_eq!(run(&mut ring, nop(0).personality(id)), Err(Errno::EINVAL));
}

/// Each thread of Linux has its own credentials: the rest of the process keeps its.
#[test]
fn a_request_has_the_rights_of_its_personality() {
    if !geteuid().is_root() {
        return skip("a_request_has_the_rights_of_its_personality", "the rights of root");
    }
    let path = std::env::temp_dir().join(format!("bare-uring-personality-{}", std::process::id()));
    std::fs::write(&path, b"secret").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let c_path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    let open = opcode::OpenAt::new(Fd::CWD, c_path.as_ptr()).build();

    let mut ring = ring();
    let become_user = |uid| set_thread_res_uid(uid, uid, Uid::ROOT).unwrap();
    let nobody = Uid::from_raw(65_534);
    become_user(nobody);
    // All numbers of 8 bits are of no right, and so are those that the last one's halves would be.
    for expected in 1..=299 {
        assert_eq!(ring.submitter().register_personality(), Ok(expected));
    }
    become_user(Uid::ROOT);
    let root = ring.submitter().register_personality().unwrap();
    assert_eq!(root, 300);
    become_user(nobody);
    let as_nobody = run(&mut ring, open);
    let as_root = run(&mut ring, open.personality(root));
    become_user(Uid::ROOT);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(as_nobody, Err(Errno::EACCES));
    let fd = as_root.unwrap().cast_signed();
    assert_eq!(run(&mut ring, opcode::Close::new(Fd(fd)).build()), Ok(0));
}

#[test]
fn a_number_is_unregistered_once() {
    let ring = ring();
    let submitter = ring.submitter();
    assert_eq!(submitter.unregister_personality(0), Err(Errno::EINVAL));
    assert_eq!(submitter.unregister_personality(1), Err(Errno::EINVAL));
    let (first, second) = (submitter.register_personality().unwrap(), submitter.register_personality().unwrap());
    assert_ne!(first, second);
    assert_eq!(submitter.unregister_personality(first), Ok(()));
    assert_eq!(submitter.unregister_personality(first), Err(Errno::EINVAL));
    assert_eq!(submitter.unregister_personality(second), Ok(()));
}

#[test]
fn the_numbers_run_out_at_16_bits() {
    let ring = ring();
    let submitter = ring.submitter();
    let mut given = Vec::new();
    let end = loop {
        match submitter.register_personality() {
            Ok(id) => given.push(id),
            Err(errno) => break errno,
        }
    };
    assert_eq!((end, given.len()), (Errno::EBUSY, 65_535));
    assert_eq!(submitter.unregister_personality(77), Ok(()));
    assert_eq!(submitter.register_personality(), Ok(77));
}

#[test]
fn a_number_that_fits_no_entry_is_an_error() {
    // SAFETY: no registration here has an argument.
    let kernel = unsafe { Recorder::answering(0, Ok(65_536)) };
    assert_eq!(ring_on(&kernel).submitter().register_personality(), Err(Errno::EOVERFLOW));
}
