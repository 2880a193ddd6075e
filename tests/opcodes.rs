//! Each opcode on the real kernel: its effect, its refusal, and its cancellation where it can block.

mod common;

use common::{needs, older_than};

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{
    AtFlags, Fd, Fixed, FsyncFlags, IoVec, OpenFlags, PollEvents, RwFlags, StatxBuffer, StatxMask, TimeoutFlags,
    Timespec,
};
use bare_uring::{Errno, IoUring, opcode};
use common::push;
use rustix::fs::{OFlags, StatxFlags};

const POLLIN: PollEvents = PollEvents(1);

/// Submits one request and takes its completion.
fn run(ring: &mut IoUring, entry: Entry) -> Result<u32, Errno> {
    push(ring, entry.user_data(1));
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    let cqe = ring.completion().next().expect("waited for");
    assert_eq!(cqe.user_data(), 1);
    cqe.outcome()
}

/// Takes `N` completions, ordered by user data.
fn take<const N: usize>(ring: &mut IoUring) -> [(u64, Result<u32, Errno>); N] {
    let mut seen = Vec::new();
    while seen.len() < N {
        ring.submitter().wait(1).unwrap();
        seen.extend(ring.completion().map(|cqe| (cqe.user_data(), cqe.outcome())));
    }
    seen.sort_by_key(|&(user_data, _)| user_data);
    seen.try_into().expect("as many as asked for")
}

fn ring() -> IoUring {
    IoUring::new(8).unwrap()
}

/// The conversion that the features `std` and `rustix` bring.
fn fd_of(fd: &OwnedFd) -> Fd {
    Fd(fd.as_raw_fd())
}

/// A file of its own for one test, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("bare-uring-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn open(&self) -> OwnedFd {
        rustix::fs::open(&self.0, OFlags::RDWR, rustix::fs::Mode::empty()).unwrap()
    }

    fn c_path(&self) -> CString {
        CString::new(self.0.as_os_str().as_bytes()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn nop_gives_the_result_it_was_told() {
    needs!(6, 10, "IORING_NOP_INJECT_RESULT");
    let mut ring = ring();
    assert_eq!(run(&mut ring, opcode::Nop::new().build()), Ok(0));
    assert_eq!(run(&mut ring, opcode::Nop::new().result(17).build()), Ok(17));
    assert_eq!(run(&mut ring, opcode::Nop::new().result(-5).build()), Err(Errno::EIO));
}

#[test]
fn read_and_write_at_an_offset() {
    let (mut ring, file) = (ring(), Scratch::new("read", b"0123456789"));
    let fd = file.open();
    let mut buffer = [0_u8; 4];
    let write = opcode::Write::new(fd_of(&fd), b"abc".as_ptr(), 3).offset(2).build();
    assert_eq!(run(&mut ring, write), Ok(3));
    let read = opcode::Read::new(fd_of(&fd), buffer.as_mut_ptr(), 4).offset(1).build();
    assert_eq!(run(&mut ring, read), Ok(4));
    assert_eq!(&buffer, b"1abc");
    assert_eq!(run(&mut ring, opcode::Read::new(fd_of(&fd), buffer.as_mut_ptr(), 4).offset(10).build()), Ok(0));
}

#[test]
fn read_at_the_files_own_position_moves_it() {
    let (mut ring, file) = (ring(), Scratch::new("position", b"abcdef"));
    let fd = file.open();
    let mut buffer = [0_u8; 3];
    for expected in [b"abc", b"def"] {
        let read = opcode::Read::new(fd_of(&fd), buffer.as_mut_ptr(), 3).offset(u64::MAX).build();
        assert_eq!(run(&mut ring, read), Ok(3));
        assert_eq!(&buffer, expected);
    }
}

#[test]
fn read_and_write_refuse_what_is_wrong() {
    let (mut ring, file) = (ring(), Scratch::new("refused", b"x"));
    let fd = file.open();
    let mut buffer = [0_u8; 1];
    let address = buffer.as_mut_ptr();
    assert_eq!(run(&mut ring, opcode::Read::new(Fd(-1), address, 1).build()), Err(Errno::EBADF));
    assert_eq!(run(&mut ring, opcode::Write::new(Fd(-1), address, 1).build()), Err(Errno::EBADF));
    assert_eq!(run(&mut ring, opcode::Read::new(Fixed(0), address, 1).build()), Err(Errno::EBADF));
    let nowhere = core::ptr::without_provenance_mut(8);
    assert_eq!(run(&mut ring, opcode::Read::new(fd_of(&fd), nowhere, 1).build()), Err(Errno::EFAULT));
    assert_eq!(run(&mut ring, opcode::Write::new(fd_of(&fd), nowhere, 1).build()), Err(Errno::EFAULT));
    let unknown = opcode::Read::new(fd_of(&fd), address, 1).rw_flags(RwFlags(1 << 30)).build();
    assert_eq!(run(&mut ring, unknown), Err(Errno::EOPNOTSUPP));
}

#[test]
fn read_that_blocks_is_cancelled() {
    let mut ring = ring();
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    let mut buffer = [0_u8; 1];
    push(&mut ring, opcode::Read::new(fd_of(&reader), buffer.as_mut_ptr(), 1).build().user_data(1));
    push(&mut ring, opcode::AsyncCancel::new(1).build().user_data(2));
    assert_eq!(ring.submit(), Ok(2));
    assert_eq!(take(&mut ring), [(1, Err(Errno::ECANCELED)), (2, Ok(0))]);
}

#[test]
fn vectored_reads_and_writes_go_piece_by_piece() {
    let (mut ring, file) = (ring(), Scratch::new("vectored", b""));
    let fd = file.open();
    let (mut a, mut b) = (*b"one", *b"three");
    let pieces = [IoVec::new(a.as_mut_ptr(), 3), IoVec::new(b.as_mut_ptr(), 5)];
    assert_eq!(run(&mut ring, opcode::Writev::new(fd_of(&fd), pieces.as_ptr(), 2).build()), Ok(8));
    assert_eq!(std::fs::read(&file.0).unwrap(), b"onethree");
    let (mut a, mut b) = ([0_u8; 5], [0_u8; 3]);
    let pieces = [IoVec::new(a.as_mut_ptr(), 5), IoVec::new(b.as_mut_ptr(), 3)];
    assert_eq!(run(&mut ring, opcode::Readv::new(fd_of(&fd), pieces.as_ptr(), 2).build()), Ok(8));
    assert_eq!((&a, &b), (b"oneth", b"ree"));
    let nowhere: *const IoVec = core::ptr::without_provenance(16);
    assert_eq!(run(&mut ring, opcode::Readv::new(fd_of(&fd), nowhere, 2).build()), Err(Errno::EFAULT));
    assert_eq!(run(&mut ring, opcode::Writev::new(fd_of(&fd), nowhere, 2).build()), Err(Errno::EFAULT));
}

#[test]
fn registered_buffers_are_read_to_and_written_from() {
    let (mut ring, file) = (ring(), Scratch::new("fixed", b"0123456789"));
    let fd = file.open();
    let (mut first, mut second) = ([0_u8; 4], *b"WXYZ");
    let buffers = [IoVec::new(first.as_mut_ptr(), 4), IoVec::new(second.as_mut_ptr(), 4)];
    // SAFETY: the arrays outlive the ring's last request, which is waited for.
    unsafe { ring.submitter().register_buffers(&buffers) }.unwrap();
    let write = opcode::WriteFixed::new(fd_of(&fd), buffers[1].base, 4, 1).offset(3).build();
    assert_eq!(run(&mut ring, write), Ok(4));
    let read = opcode::ReadFixed::new(fd_of(&fd), buffers[0].base, 4, 0).offset(2).build();
    assert_eq!(run(&mut ring, read), Ok(4));
    assert_eq!(&first, b"2WXY");

    let past = opcode::ReadFixed::new(fd_of(&fd), buffers[0].base, 5, 0).build();
    assert_eq!(run(&mut ring, past), Err(Errno::EFAULT));
    let unknown = opcode::WriteFixed::new(fd_of(&fd), buffers[0].base, 4, 2).build();
    assert_eq!(run(&mut ring, unknown), Err(Errno::EFAULT));
}

#[test]
fn buffers_are_registered_once_and_unregistered_once() {
    let ring = ring();
    let mut buffer = [0_u8; 16];
    let buffers = [IoVec::new(buffer.as_mut_ptr(), 16)];
    assert_eq!(ring.submitter().unregister_buffers(), Err(Errno::ENXIO));
    // SAFETY: no request uses the buffer, and it outlives its registration.
    assert_eq!(unsafe { ring.submitter().register_buffers(&buffers) }, Ok(()));
    // SAFETY: the kernel refuses this registration, and no request uses the buffer.
    assert_eq!(unsafe { ring.submitter().register_buffers(&buffers) }, Err(Errno::EBUSY));
    assert_eq!(ring.submitter().unregister_buffers(), Ok(()));
    // SAFETY: nothing is named.
    assert_eq!(unsafe { ring.submitter().register_buffers(&[]) }, Err(Errno::EINVAL));
    let nowhere = [IoVec::new(core::ptr::without_provenance_mut(4096), 4096)];
    // SAFETY: the process has no such memory, so that nothing is registered.
    assert_eq!(unsafe { ring.submitter().register_buffers(&nowhere) }, Err(Errno::EFAULT));
}

#[test]
fn a_file_is_opened_and_closed() {
    let (mut ring, file) = (ring(), Scratch::new("open", b"here"));
    let path = file.c_path();
    let flags = OpenFlags::from(OFlags::RDONLY.bits() | OFlags::CLOEXEC.bits());
    let fd = run(&mut ring, opcode::OpenAt::new(Fd::CWD, path.as_ptr()).flags(flags).build()).unwrap();
    let fd = fd.cast_signed();
    let mut buffer = [0_u8; 4];
    assert_eq!(run(&mut ring, opcode::Read::new(Fd(fd), buffer.as_mut_ptr(), 4).build()), Ok(4));
    assert_eq!(&buffer, b"here");
    assert_eq!(run(&mut ring, opcode::Close::new(Fd(fd)).build()), Ok(0));
}

#[test]
fn opening_refuses_what_is_wrong() {
    let mut ring = ring();
    let missing = CString::new("/nowhere/at/all").unwrap();
    assert_eq!(run(&mut ring, opcode::OpenAt::new(Fd::CWD, missing.as_ptr()).build()), Err(Errno::ENOENT));
    let slot = bare_uring::types::DestinationSlot::at(0).unwrap();
    let root = CString::new("/").unwrap();
    let no_table = opcode::OpenAt::new(Fd::CWD, root.as_ptr()).file_index(slot).build();
    assert_eq!(run(&mut ring, no_table), Err(Errno::ENXIO));
}

#[test]
fn closing_refuses_what_is_not_there_and_leaves_descriptor_0_alone() {
    let mut ring = ring();
    assert_eq!(run(&mut ring, opcode::Close::new(Fd(1_000_000)).build()), Err(Errno::EBADF));
    assert_eq!(run(&mut ring, opcode::Close::new(Fixed(0)).build()), Err(Errno::ENXIO));
    let before = rustix::fs::fstat(rustix::stdio::stdin()).map(|stat| stat.st_ino);
    assert_eq!(run(&mut ring, opcode::Close::new(Fixed(u32::MAX)).build()), Err(Errno::ENXIO));
    assert_eq!(rustix::fs::fstat(rustix::stdio::stdin()).map(|stat| stat.st_ino), before);
}

#[test]
fn statx_fills_the_buffer() {
    let (mut ring, file) = (ring(), Scratch::new("statx", b"12345"));
    let path = file.c_path();
    let mut buffer = std::mem::MaybeUninit::<StatxBuffer>::zeroed();
    let mask = StatxMask::from(StatxFlags::SIZE.bits());
    let statx = opcode::Statx::new(Fd::CWD, path.as_ptr(), buffer.as_mut_ptr()).mask(mask).build();
    assert_eq!(run(&mut ring, statx), Ok(0));
    // SAFETY: zeroed, then filled by the kernel; all fields are integers.
    assert_eq!(unsafe { buffer.assume_init() }.stx_size, 5);

    let missing = CString::new("/nowhere/at/all").unwrap();
    let statx = opcode::Statx::new(Fd::CWD, missing.as_ptr(), buffer.as_mut_ptr()).build();
    assert_eq!(run(&mut ring, statx), Err(Errno::ENOENT));
    let flags = AtFlags(1 << 31);
    let statx = opcode::Statx::new(Fd::CWD, path.as_ptr(), buffer.as_mut_ptr()).flags(flags).build();
    assert_eq!(run(&mut ring, statx), Err(Errno::EINVAL));
}

#[test]
fn fsync_synchronises_files_and_refuses_pipes() {
    let (mut ring, file) = (ring(), Scratch::new("fsync", b"data"));
    let fd = file.open();
    assert_eq!(run(&mut ring, opcode::Fsync::new(fd_of(&fd)).build()), Ok(0));
    let part = opcode::Fsync::new(fd_of(&fd)).flags(FsyncFlags::DATASYNC).range(0, 4).build();
    assert_eq!(run(&mut ring, part), Ok(0));
    let unknown = opcode::Fsync::new(fd_of(&fd)).flags(FsyncFlags::from_bits_retain(2)).build();
    assert_eq!(run(&mut ring, unknown), Err(Errno::EINVAL));
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    assert_eq!(run(&mut ring, opcode::Fsync::new(fd_of(&reader)).build()), Err(Errno::EINVAL));
}

#[test]
fn poll_reports_what_is_ready() {
    let mut ring = ring();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    push(&mut ring, opcode::PollAdd::new(fd_of(&reader), POLLIN).build().user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    assert!(ring.completion().next().is_none());
    rustix::io::write(&writer, b"x").unwrap();
    assert_eq!(take(&mut ring), [(1, Ok(1))]);
    assert_eq!(run(&mut ring, opcode::PollAdd::new(Fd(-1), POLLIN).build()), Err(Errno::EBADF));
}

#[test]
fn poll_goes_on_reporting_until_it_is_removed() {
    let mut ring = ring();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    push(&mut ring, opcode::PollAdd::new(fd_of(&reader), POLLIN).multi().build().user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    for _ in 0..3 {
        rustix::io::write(&writer, b"x").unwrap();
        ring.submitter().wait(1).unwrap();
        let cqe = ring.completion().next().unwrap();
        assert_eq!((cqe.user_data(), cqe.outcome(), cqe.more()), (1, Ok(1), true));
        rustix::io::read(&reader, &mut [0_u8; 1]).unwrap();
    }
    push(&mut ring, opcode::PollRemove::new(1).build().user_data(2));
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(take(&mut ring), [(1, Err(Errno::ECANCELED)), (2, Ok(0))]);
    assert_eq!(run(&mut ring, opcode::PollRemove::new(1).build()), Err(Errno::ENOENT));
}

#[test]
fn a_timeout_ends_by_time_by_count_or_by_removal() {
    let mut ring = ring();
    let (soon, late) = (Timespec::new(0, 1_000_000), Timespec::new(1000, 0));
    assert_eq!(run(&mut ring, opcode::Timeout::new(&raw const soon).build()), Err(Errno::ETIME));

    push(&mut ring, opcode::Timeout::new(&raw const late).count(1).build().user_data(1));
    push(&mut ring, opcode::Nop::new().build().user_data(2));
    assert_eq!(ring.submit(), Ok(2));
    assert_eq!(take(&mut ring), [(1, Ok(0)), (2, Ok(0))]);

    push(&mut ring, opcode::Timeout::new(&raw const late).build().user_data(1));
    push(&mut ring, opcode::TimeoutRemove::new(1).build().user_data(2));
    assert_eq!(ring.submit(), Ok(2));
    assert_eq!(take(&mut ring), [(1, Err(Errno::ECANCELED)), (2, Ok(0))]);
    assert_eq!(run(&mut ring, opcode::TimeoutRemove::new(1).build()), Err(Errno::ENOENT));

    let long_gone = opcode::Timeout::new(&raw const soon).flags(TimeoutFlags::ABS).build();
    assert_eq!(run(&mut ring, long_gone), Err(Errno::ETIME));
    // Before 5.16 a negative time was no error: such a timeout never ended.
    if !older_than(5, 16) {
        let wrong = Timespec::new(-1, 0);
        assert_eq!(run(&mut ring, opcode::Timeout::new(&raw const wrong).build()), Err(Errno::EINVAL));
    }
}

#[test]
fn a_link_timeout_limits_the_request_before_it() {
    let mut ring = ring();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let (soon, late) = (Timespec::new(0, 1_000_000), Timespec::new(1000, 0));
    let mut buffer = [0_u8; 1];
    let read = opcode::Read::new(fd_of(&reader), buffer.as_mut_ptr(), 1).build().flags(Flags::IO_LINK);

    push(&mut ring, read.user_data(1));
    push(&mut ring, opcode::LinkTimeout::new(&raw const soon).build().user_data(2));
    assert_eq!(ring.submit(), Ok(2));
    assert_eq!(take(&mut ring), [(1, Err(Errno::ECANCELED)), (2, Err(Errno::ETIME))]);

    rustix::io::write(&writer, b"x").unwrap();
    push(&mut ring, read.user_data(1));
    push(&mut ring, opcode::LinkTimeout::new(&raw const late).build().user_data(2));
    assert_eq!(ring.submit(), Ok(2));
    assert_eq!(take(&mut ring), [(1, Ok(1)), (2, Err(Errno::ECANCELED))]);

    assert_eq!(run(&mut ring, opcode::LinkTimeout::new(&raw const late).build()), Err(Errno::EINVAL));
}

#[test]
fn cancelling_finds_one_or_all_or_none() {
    needs!(5, 19, "IORING_ASYNC_CANCEL_ANY");
    let mut ring = ring();
    let late = Timespec::new(1000, 0);
    assert_eq!(run(&mut ring, opcode::AsyncCancel::new(99).build()), Err(Errno::ENOENT));
    for user_data in [1, 2, 3] {
        push(&mut ring, opcode::Timeout::new(&raw const late).build().user_data(user_data));
    }
    push(&mut ring, opcode::AsyncCancel::any().all().build().user_data(4));
    assert_eq!(ring.submit(), Ok(4));
    let cancelled = Err(Errno::ECANCELED);
    assert_eq!(take(&mut ring), [(1, cancelled), (2, cancelled), (3, cancelled), (4, Ok(3))]);
}
