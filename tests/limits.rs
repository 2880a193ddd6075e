//! At the edges of the limits: one descriptor left and none, one page of locked memory left and none.
//!
//! Each test runs in a process of its own, whose limits it can change. The last ones run as an unprivileged user,
//! because the kernel counts the locked memory of such a user.

mod common;

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::ptr::null_mut;

use bare_uring::types::{DestinationSlot, IoVec};
use bare_uring::{Call, Errno, IoUring, SetupError, opcode};
use common::machine::counts_rings;
use common::raw::{THREE, in_child, three_nops};
use common::requests::run;
use common::ring_memory::{fd, until};
use common::{needs, skip};
use rustix::process::{Resource, Rlimit, Uid, geteuid, setrlimit};

fn limit(resource: Resource, to: u64) {
    setrlimit(resource, Rlimit { current: Some(to), maximum: Some(to) }).unwrap();
}

/// Takes all descriptors that there are but so many.
fn all_but(free: usize) -> Vec<File> {
    limit(Resource::Nofile, 64);
    let mut files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    files.truncate(files.len() - free);
    files
}

#[test]
fn the_last_descriptor_is_enough_for_a_ring_and_its_drop_gives_it_back() {
    if !in_child("the_last_descriptor_is_enough_for_a_ring_and_its_drop_gives_it_back") {
        return;
    }
    let _files = all_but(1);
    for _ in 0..50 {
        let mut ring = IoUring::new(8).unwrap();
        assert_eq!(IoUring::new(8).map(drop), Err(SetupError::Kernel(Call::Setup, Errno::EMFILE)));
        assert_eq!(three_nops(&mut ring), THREE);
    }
}

#[test]
fn requests_that_need_a_descriptor_say_that_there_is_none_and_slots_need_none() {
    needs!(5, 15, "direct descriptors");
    if !in_child("requests_that_need_a_descriptor_say_that_there_is_none_and_slots_need_none") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut ring = IoUring::new(8).unwrap();
    ring.submitter().register_files(&[-1, -1]).unwrap();
    let files = all_but(0);
    let open = || opcode::OpenAt::new(bare_uring::types::Fd::CWD, c"/dev/null".as_ptr());
    let accept = || opcode::Accept::new(fd(&listener), null_mut(), null_mut());
    assert_eq!(run(&mut ring, open().build()), Err(Errno::EMFILE));
    assert_eq!(run(&mut ring, accept().build()), Err(Errno::EMFILE));
    // The connection is not lost by that: it waits to be accepted.
    assert_eq!(run(&mut ring, accept().file_index(DestinationSlot::at(0).unwrap()).build()), Ok(0));
    assert_eq!(run(&mut ring, open().file_index(DestinationSlot::at(1).unwrap()).build()), Ok(0));
    drop(files);
    assert!(run(&mut ring, open().build()).is_ok());
}

/// Makes the process run as a user of its own, with so many bytes of locked memory. Returns whether that is possible.
fn as_user(uid: u32, locked: u64) -> bool {
    if !geteuid().is_root() {
        return false;
    }
    limit(Resource::Memlock, locked);
    let uid = Uid::from_raw(uid);
    rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
    true
}

/// How many entries fill so many pages, as far as a ring can have them.
fn entries_of(pages: usize) -> u32 {
    (pages * rustix::param::page_size() / 64).min(32_768) as u32
}

/// Pages of whatever size the machine has.
fn pages(count: usize) -> &'static mut [u8] {
    let memory = common::memory(count * rustix::param::page_size());
    // SAFETY: the memory was zeroed when it was made.
    unsafe { &mut *(std::ptr::from_mut(memory) as *mut [u8]) }
}

#[test]
fn without_locked_memory_a_ring_is_refused_with_enomem_where_it_counts() {
    const TEST: &str = "without_locked_memory_a_ring_is_refused_with_enomem_where_it_counts";
    if !in_child(TEST) {
        return;
    }
    if !as_user(54_321, 0) {
        return skip(TEST, "the rights of root");
    }
    let before = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let made = IoUring::new(8);
    if counts_rings(8) {
        assert_eq!(made.map(drop), Err(SetupError::Kernel(Call::Setup, Errno::ENOMEM)));
    } else {
        assert_eq!(three_nops(&mut made.unwrap()), THREE);
    }
    assert_eq!(std::fs::read_dir("/proc/self/fd").unwrap().count(), before);
}

/// The limit is exact: as many pages as it allows and not one more, and all of it is there again afterwards.
#[test]
fn buffers_are_registered_up_to_the_last_page_of_locked_memory() {
    const TEST: &str = "buffers_are_registered_up_to_the_last_page_of_locked_memory";
    if !in_child(TEST) {
        return;
    }
    let page = rustix::param::page_size();
    let limit = 24;
    if !as_user(54_322, (limit * page) as u64) {
        return skip(TEST, "the rights of root");
    }
    // A ring of 8 entries has one page for both heads and one for the entries.
    let own = if counts_rings(entries_of(32)) { 2 } else { 0 };
    let memory = pages(limit + 1);
    let buffer = |count: usize| [IoVec::new(memory.as_ptr().cast_mut(), count * page)];
    let ring = IoUring::new(8).unwrap();
    // SAFETY: the memory lives for ever, and nobody uses it.
    let register = |count| unsafe { ring.submitter().register_buffers(&buffer(count)) };
    // All that the ring leaves of the limit goes to the buffers, to the last page.
    let most = limit - own;
    for count in (most + 1..=limit + 1).rev() {
        assert_eq!(register(count), Err(Errno::ENOMEM), "{count}");
    }
    assert_eq!(register(most), Ok(()));
    for _ in 0..20 {
        ring.submitter().unregister_buffers().unwrap();
        // What was counted is given back some time after the buffers were.
        until("the pages are free again", || match register(most) {
            Ok(()) => true,
            Err(errno) => {
                assert_eq!(errno, Errno::ENOMEM);
                false
            }
        });
        ring.submitter().unregister_buffers().unwrap();
        assert_eq!(register(most + 1), Err(Errno::ENOMEM));
        until("the pages are free again", || register(most).is_ok());
    }
    drop(ring);
    // And the ring's own, when it is gone.
    until("another ring has as much", || {
        let Ok(ring) = IoUring::new(8) else { return false };
        // SAFETY: the memory lives for ever, and nothing else uses it.
        unsafe { ring.submitter().register_buffers(&buffer(most)) }.is_ok()
    });
}

/// Half of what a set-up needs is not kept when the other half is refused: afterwards there is room for a ring.
#[test]
fn a_set_up_refused_for_locked_memory_takes_none() {
    const TEST: &str = "a_set_up_refused_for_locked_memory_takes_none";
    if !in_child(TEST) {
        return;
    }
    if !as_user(54_323, (64 * rustix::param::page_size()) as u64) {
        return skip(TEST, "the rights of root");
    }
    let entries = entries_of(128);
    if !counts_rings(entries) {
        return skip(TEST, "a kernel that counts the memory of rings");
    }
    for _ in 0..100 {
        assert_eq!(IoUring::new(entries).map(drop), Err(SetupError::Kernel(Call::Setup, Errno::ENOMEM)));
    }
    assert_eq!(three_nops(&mut IoUring::new(8).unwrap()), THREE);
}
