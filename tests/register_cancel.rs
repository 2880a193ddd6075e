//! Cancelling from outside the queue, on the real kernel: by each key, by several, in time and not.

mod common;

use std::ffi::c_void;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::null_mut;

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{CancelBuilder, Fd, Fixed, PollEvents, Timespec};
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_SYNC_CANCEL;
use bare_uring::{Builder, Errno, IoUring, cqueue, opcode};
use common::answering::Answering;
use common::raw::eventually;
use common::requests::{CLOSED, Fifo, Recorder, fd, ring, ring_on, take, was_cancelled};
use common::{needs, push, skip};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno as SystemErrno;
use rustix::mm::{MapFlags, ProtFlags, UserfaultfdFlags};

const POLLIN: PollEvents = PollEvents(1);
const CANCELLED: Result<u32, Errno> = Err(Errno::ECANCELED);
const AT_ONCE: Option<Timespec> = Some(Timespec::ZERO);

/// A ring on which polls of two pipes wait, both registered as files 0 and 1.
///
/// | user data | request |
/// |--|--|
/// | 1 | poll of the first pipe |
/// | 2 | poll of the second |
/// | 3 | read from the second |
/// | 3 | poll of the second, as a registered file |
struct Waiting {
    ring: IoUring,
    pipes: [(OwnedFd, OwnedFd); 2],
    buffer: &'static mut [u8; 1],
}

impl Waiting {
    fn new() -> Self {
        let pipes = [rustix::pipe::pipe().unwrap(), rustix::pipe::pipe().unwrap()];
        let mut this = Self { ring: ring(), pipes, buffer: Box::leak(Box::new([0])) };
        let [first, second] = this.pipes.each_ref().map(|(reader, _)| fd(reader));
        this.ring.submitter().register_files(&[first.0, second.0]).unwrap();
        for (user_data, entry) in [
            (1, opcode::PollAdd::new(first, POLLIN).build()),
            (2, opcode::PollAdd::new(second, POLLIN).build()),
            (3, opcode::Read::new(second, this.buffer.as_mut_ptr(), 1).build()),
            (3, opcode::PollAdd::new(Fixed(1), POLLIN).build()),
        ] {
            push(&mut this.ring, entry.user_data(user_data));
        }
        assert_eq!(this.ring.submit(), Ok(4));
        this
    }

    fn fd(&self, pipe: usize) -> Fd {
        fd(&self.pipes[pipe].0)
    }

    /// Cancels, and says what came of it: user data of what was cancelled, ordered.
    fn cancel(&mut self, builder: CancelBuilder) -> Result<Vec<u64>, Errno> {
        self.ring.submitter().register_sync_cancel(None, builder)?;
        self.ring.submitter().get_events().unwrap();
        let mut cancelled = Vec::new();
        for cqe in self.ring.completion() {
            assert_eq!(cqe.outcome(), CANCELLED);
            cancelled.push(cqe.user_data());
        }
        cancelled.sort_unstable();
        Ok(cancelled)
    }
}

#[test]
fn by_user_data_the_first_that_carries_it() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let mut waiting = Waiting::new();
    assert_eq!(waiting.cancel(CancelBuilder::user_data(2)), Ok(vec![2]));
    assert_eq!(waiting.cancel(CancelBuilder::user_data(2)), Err(Errno::ENOENT));
    assert_eq!(waiting.cancel(CancelBuilder::user_data(3)), Ok(vec![3]));
    assert_eq!(waiting.cancel(CancelBuilder::user_data(3)), Ok(vec![3]));
    assert_eq!(waiting.cancel(CancelBuilder::user_data(3)), Err(Errno::ENOENT));
}

#[test]
fn by_user_data_all_that_carry_it() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let mut waiting = Waiting::new();
    assert_eq!(waiting.cancel(CancelBuilder::user_data(3).all()), Ok(vec![3, 3]));
    assert_eq!(waiting.cancel(CancelBuilder::user_data(3).all()), Ok(vec![]), "with `all`, none is no error");
}

#[test]
fn by_descriptor_one_or_all_on_its_file() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let mut waiting = Waiting::new();
    let (first, second) = (waiting.fd(0), waiting.fd(1));
    assert_eq!(waiting.cancel(CancelBuilder::fd(first)), Ok(vec![1]));
    assert_eq!(waiting.cancel(CancelBuilder::fd(first)), Err(Errno::ENOENT));
    assert_eq!(waiting.cancel(CancelBuilder::fd(second).all()), Ok(vec![2, 3, 3]));
}

#[test]
fn by_registered_file_one_or_all_on_it() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let mut waiting = Waiting::new();
    assert_eq!(waiting.cancel(CancelBuilder::fd(Fixed(0))), Ok(vec![1]));
    assert_eq!(waiting.cancel(CancelBuilder::fd(Fixed(0))), Err(Errno::ENOENT));
    assert_eq!(waiting.cancel(CancelBuilder::fd(Fixed(1)).all()), Ok(vec![2, 3, 3]));
}

#[test]
fn by_opcode_one_or_all_of_it() {
    needs!(6, 6, "IORING_ASYNC_CANCEL_OP");
    let mut waiting = Waiting::new();
    assert_eq!(waiting.cancel(CancelBuilder::opcode(opcode::Read::CODE)), Ok(vec![3]));
    assert_eq!(waiting.cancel(CancelBuilder::opcode(opcode::Read::CODE)), Err(Errno::ENOENT));
    assert_eq!(waiting.cancel(CancelBuilder::opcode(opcode::PollAdd::CODE).all()), Ok(vec![1, 2, 3]));
}

#[test]
fn any_is_all() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let mut waiting = Waiting::new();
    assert_eq!(waiting.cancel(CancelBuilder::any()), Ok(vec![1, 2, 3, 3]));
    assert_eq!(waiting.cancel(CancelBuilder::any()), Ok(vec![]));
    let mut waiting = Waiting::new();
    assert_eq!(waiting.cancel(CancelBuilder::any().all()), Ok(vec![1, 2, 3, 3]));
}

/// "Four cancelled" and "none found" are two answers.
#[test]
fn the_kernels_count_is_handed_on() {
    needs!(6, 6, "IORING_ASYNC_CANCEL_OP");
    let waiting = Waiting::new();
    let cancel = |builder| waiting.ring.submitter().register_sync_cancel(None, builder);
    assert_eq!(cancel(CancelBuilder::user_data(3).all()), Ok(2));
    assert_eq!(cancel(CancelBuilder::user_data(3).all()), Ok(0));
    assert_eq!(cancel(CancelBuilder::user_data(3)), Err(Errno::ENOENT));
    assert_eq!(cancel(CancelBuilder::user_data(1)), Ok(0));
    assert_eq!(cancel(CancelBuilder::any()), Ok(1));
    assert_eq!(cancel(CancelBuilder::any()), Ok(0));
}

/// Where all are meant, one that runs is interrupted and not waited for. It may end before the kernel has counted it.
#[test]
fn with_all_the_call_does_not_wait_for_what_is_running() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let (mut ring, fifo) = (ring(), Fifo::new("cancel-all"));
    push(&mut ring, fifo.open().user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    let (user_data, outcome) = eventually("it ends", || {
        let cancelled = ring.submitter().register_sync_cancel(AT_ONCE, CancelBuilder::user_data(1).all());
        assert!(matches!(cancelled, Ok(0 | 1)), "{cancelled:?}");
        ring.submitter().get_events().unwrap();
        ring.completion().next().map(|cqe| (cqe.user_data(), cqe.outcome()))
    });
    assert_eq!(user_data, 1);
    assert!(was_cancelled(outcome), "{outcome:?}");
}

#[test]
fn by_several_keys_only_what_matches_each() {
    needs!(6, 6, "IORING_ASYNC_CANCEL_OP");
    let poll = opcode::PollAdd::CODE;
    let mut waiting = Waiting::new();
    let (first, second) = (waiting.fd(0), waiting.fd(1));
    assert_eq!(waiting.cancel(CancelBuilder::user_data(3).with_fd(first).all()), Ok(vec![]));
    assert_eq!(waiting.cancel(CancelBuilder::fd(first).with_user_data(3)), Err(Errno::ENOENT));
    assert_eq!(waiting.cancel(CancelBuilder::user_data(3).with_fd(second).with_opcode(poll).all()), Ok(vec![3]));
    assert_eq!(waiting.cancel(CancelBuilder::opcode(poll).with_fd(Fixed(1)).all()), Ok(vec![2]));
    assert_eq!(waiting.cancel(CancelBuilder::user_data(3).with_opcode(poll)), Err(Errno::ENOENT));
    assert_eq!(waiting.cancel(CancelBuilder::any()), Ok(vec![1, 3]));
}

/// The kernel ignores a user data beside ANY, and would cancel everything.
#[test]
fn a_key_narrows_any() {
    needs!(6, 6, "IORING_ASYNC_CANCEL_OP");
    let mut waiting = Waiting::new();
    assert_eq!(waiting.cancel(CancelBuilder::any().with_user_data(3)), Ok(vec![3, 3]));
    let first = waiting.fd(0);
    assert_eq!(waiting.cancel(CancelBuilder::any().with_fd(first)), Ok(vec![1]));
    assert_eq!(waiting.cancel(CancelBuilder::any().with_opcode(opcode::PollAdd::CODE)), Ok(vec![2]));
}

#[test]
fn a_file_that_is_not_there_is_no_key() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let mut waiting = Waiting::new();
    for builder in [
        CancelBuilder::fd(Fd(CLOSED)),
        CancelBuilder::fd(Fd(-1)),
        CancelBuilder::fd(Fixed(2)),
        CancelBuilder::fd(Fixed(u32::MAX)).all(),
    ] {
        assert_eq!(waiting.cancel(builder), Err(Errno::EBADF), "{builder:?}");
    }
    assert_eq!(waiting.cancel(CancelBuilder::any()), Ok(vec![1, 2, 3, 3]));
}

#[test]
fn what_is_queued_and_not_submitted_is_not_seen() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let (mut ring, late) = (ring(), Timespec::new(1000, 0));
    push(&mut ring, opcode::Timeout::new(&raw const late).build().user_data(1));
    assert_eq!(ring.submitter().register_sync_cancel(AT_ONCE, CancelBuilder::user_data(1)), Err(Errno::ENOENT));
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(ring.submitter().register_sync_cancel(AT_ONCE, CancelBuilder::user_data(1)), Ok(0));
    assert_eq!(take(&mut ring), [(1, CANCELLED)]);
}

/// A worker that waits for a file to open can be interrupted, but not at once: the call waits until it is.
#[test]
fn without_a_timeout_the_call_waits_for_what_is_running() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let (mut ring, fifo) = (ring(), Fifo::new("cancel"));
    push(&mut ring, fifo.open().user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    // Between the queue and the worker is a moment in which the kernel finds a request in neither.
    let cancelled = eventually("the kernel finds it", || {
        let cancelled = ring.submitter().register_sync_cancel(None, CancelBuilder::user_data(1));
        (cancelled != Err(Errno::ENOENT)).then_some(cancelled)
    });
    assert_eq!(cancelled, Ok(0));
    let [(user_data, outcome)] = take(&mut ring);
    assert_eq!(user_data, 1);
    assert!(was_cancelled(outcome), "{outcome:?}");
}

/// A page whose first use waits until this value is dropped, with a sign that somebody does.
struct Page {
    start: *mut c_void,
    faults: Option<OwnedFd>,
}

impl Page {
    const SIZE: usize = 65_536;

    fn new() -> Result<Self, SystemErrno> {
        use rustix::ioctl::{Updater, ioctl, opcode::read_write};
        // SAFETY: the descriptor is given pages of this value's own only.
        let faults = unsafe { rustix::mm::userfaultfd(UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::NONBLOCK) }?;
        // SAFETY: a new mapping at an address of the system's choice touches no other memory.
        let start = unsafe {
            rustix::mm::mmap_anonymous(null_mut(), Self::SIZE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        }?;
        // `struct uffdio_api`: version, features, ioctls.
        let mut api = [0xaa_u64, 0, 0];
        // SAFETY: UFFDIO_API reads and writes a structure of 24 bytes.
        let enable = unsafe { Updater::<{ read_write::<[u64; 3]>(0xaa, 0x3f) }, _>::new(&mut api) };
        // SAFETY: the structure is alive, and as long as UFFDIO_API needs it.
        unsafe { ioctl(&faults, enable) }?;
        // `struct uffdio_register`: start, length, mode (missing pages), ioctls.
        let mut register = [start.expose_provenance() as u64, Self::SIZE as u64, 1, 0];
        // SAFETY: UFFDIO_REGISTER reads and writes a structure of 32 bytes.
        let watch = unsafe { Updater::<{ read_write::<[u64; 4]>(0xaa, 0x00) }, _>::new(&mut register) };
        // SAFETY: the mapping is this value's own.
        unsafe { ioctl(&faults, watch) }?;
        Ok(Self { start, faults: Some(faults) })
    }

    /// Waits until somebody uses the page.
    fn used(&self) {
        let five_seconds = rustix::event::Timespec { tv_sec: 5, tv_nsec: 0 };
        let faults = self.faults.as_ref().unwrap();
        assert_eq!(poll(&mut [PollFd::new(faults, PollFlags::IN)], Some(&five_seconds)), Ok(1));
    }

    /// Lets it be used: it is an ordinary page of zeros from now on.
    fn release(&mut self) {
        self.faults = None;
    }
}

#[test]
fn what_cannot_be_interrupted_in_time_is_still_running() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let mut page = match Page::new() {
        Ok(page) => page,
        Err(_) => {
            let why = "userfaultfd, to hold a request up with";
            return skip("what_cannot_be_interrupted_in_time_is_still_running", why);
        }
    };
    let mut ring = ring();
    let (_reader, writer) = rustix::pipe::pipe().unwrap();
    let write = opcode::Write::new(fd(&writer), page.start.cast(), 1).build();
    push(&mut ring, write.flags(Flags::ASYNC).user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    page.used();
    for timeout in [Timespec::ZERO, Timespec::new(0, 5_000_000)] {
        let cancelled = ring.submitter().register_sync_cancel(Some(timeout), CancelBuilder::user_data(1));
        assert_eq!(cancelled, Err(Errno::ETIME), "{timeout:?}");
    }
    assert!(ring.completion().next().is_none());
    page.release();
    assert_eq!(take(&mut ring), [(1, Ok(1))]);
}

#[test]
fn the_argument_says_which_and_for_how_long() {
    // SAFETY: the only registrations here have arguments of 64 bytes.
    let kernel = unsafe { Recorder::answering(64, Ok(0)) };
    let ring = ring_on(&kernel);
    let expect = |timeout, builder, user_data: u64, fd: i32, flags: u32, time: [i64; 2], opcode: u8| {
        assert_eq!(ring.submitter().register_sync_cancel(timeout, builder), Ok(0));
        let mut bytes = user_data.to_ne_bytes().to_vec();
        bytes.extend(fd.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(time.map(i64::to_ne_bytes).concat());
        bytes.push(opcode);
        bytes.resize(64, 0);
        let told = kernel.told();
        assert_eq!((told[0].operation, told[0].count), (IORING_REGISTER_SYNC_CANCEL as u32, 1));
        assert_eq!(told[0].bytes, bytes, "{builder:?}");
    };
    const ALL: u32 = 1;
    const FD: u32 = 2;
    const ANY: u32 = 4;
    const FIXED: u32 = 8;
    const USER_DATA: u32 = 16;
    const OPCODE: u32 = 32;
    let (soon, time) = (Some(Timespec::new(1, 2)), [1, 2]);
    // Kernels before 6.6 do not know the flag for user data: alone, it goes without.
    expect(soon, CancelBuilder::user_data(7 << 60 | 7), 7 << 60 | 7, -1, 0, time, 0);
    expect(soon, CancelBuilder::any(), 0, -1, ANY, time, 0);
    expect(soon, CancelBuilder::any().with_user_data(7 << 60 | 7), 7 << 60 | 7, -1, ALL, time, 0);
    expect(soon, CancelBuilder::fd(Fd(0x5_0005)).all(), 0, 0x5_0005, ALL | FD, time, 0);
    expect(soon, CancelBuilder::fd(Fixed(u32::MAX)), 0, -1, FD | FIXED, time, 0);
    expect(soon, CancelBuilder::fd(Fixed(5)).with_fd(Fd(6)), 0, 6, FD, time, 0);
    expect(soon, CancelBuilder::user_data(7 << 60 | 7).with_opcode(9), 7 << 60 | 7, -1, USER_DATA | OPCODE, time, 9);
    expect(
        soon,
        CancelBuilder::opcode(9).with_fd(Fd(0x5_0005)).with_user_data(0),
        0,
        0x5_0005,
        FD | OPCODE | USER_DATA,
        time,
        9,
    );
    // Without a timeout it is asked for a tenth of a second at a time.
    expect(None, CancelBuilder::user_data(7 << 60 | 7), 7 << 60 | 7, -1, 0, [0, 100_000_000], 0);
}

/// A kernel that sleeps on though the request has ended is asked again, and the answer is that of the first time.
#[test]
fn without_a_timeout_the_kernel_is_asked_until_nothing_runs() {
    for (answers, expected, calls) in [
        (vec![Err(Errno::ETIME), Err(Errno::ETIME), Ok(0)], Ok(0), 3),
        (vec![Err(Errno::ETIME), Err(Errno::ENOENT)], Ok(0), 2),
        (vec![Err(Errno::ETIME), Err(Errno::EINTR)], Err(Errno::EINTR), 2),
        (vec![Err(Errno::ENOENT)], Err(Errno::ENOENT), 1),
        (vec![Ok(4)], Ok(4), 1),
    ] {
        let answers = std::sync::Mutex::new(answers.into_iter());
        // SAFETY: the only registrations here have arguments of 64 bytes.
        let kernel = unsafe { Answering::new(64, move |_| answers.lock().unwrap().next().unwrap()) };
        let ring: IoUring<Entry, cqueue::Entry, &Answering> = Builder::new().build_with(&kernel, 8).unwrap();
        assert_eq!(ring.submitter().register_sync_cancel(None, CancelBuilder::user_data(7)), expected);
        let asked = kernel.asked();
        assert_eq!(asked.len(), calls);
        assert!(asked.iter().all(|call| *call == asked[0]), "{asked:?}");
    }
}

#[test]
fn another_descriptor_of_the_same_file_is_the_same_key() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let mut waiting = Waiting::new();
    let duplicate = waiting.pipes[0].0.try_clone().unwrap();
    assert_ne!(duplicate.as_raw_fd(), waiting.fd(0).0);
    assert_eq!(waiting.cancel(CancelBuilder::fd(fd(&duplicate))), Ok(vec![1]));
}
