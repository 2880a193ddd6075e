//! Requests run one by one, files to run them on, and a kernel that keeps what registrations are told.

use core::ffi::c_void;
use std::cell::RefCell;
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use bare_uring::types::{DestinationSlot, Fd, OpenFlags, RawFd};
use bare_uring::uapi::io_uring_params;
use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, cqueue, opcode, squeue};
use rustix::fs::{FileType, MemfdFlags, Mode};

use super::raw::field;
use super::{pass_on, push};

/// A ring of 8 entries.
pub fn ring() -> IoUring {
    IoUring::new(8).unwrap()
}

/// A ring of 8 entries on this kernel.
pub fn ring_on<K: Kernel>(kernel: K) -> IoUring<squeue::Entry, cqueue::Entry, K> {
    Builder::new().build_with(kernel, 8).unwrap()
}

/// Submits one request and takes its completion.
pub fn run<K: Kernel>(ring: &mut IoUring<squeue::Entry, cqueue::Entry, K>, entry: squeue::Entry) -> Result<u32, Errno> {
    const MARK: u64 = 0x5eed;
    push(ring, entry.user_data(MARK));
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    let cqe = ring.completion().next().expect("waited for");
    assert_eq!(cqe.user_data(), MARK);
    cqe.outcome()
}

/// Waits for `N` completions: user data and result of each, ordered.
pub fn take<const N: usize, K: Kernel>(
    ring: &mut IoUring<squeue::Entry, cqueue::Entry, K>,
) -> [(u64, Result<u32, Errno>); N] {
    let mut seen = Vec::new();
    while seen.len() < N {
        ring.submitter().wait(1).unwrap();
        seen.extend(ring.completion().map(|cqe| (cqe.user_data(), cqe.outcome())));
    }
    seen.sort_by_key(|&(user_data, _)| user_data);
    seen.try_into().expect("as many as asked for")
}

/// User data of the completions that are there, without waiting; all of them with result 0.
pub fn tags<K: Kernel>(ring: &mut IoUring<squeue::Entry, cqueue::Entry, K>) -> Vec<u64> {
    ring.submitter().get_events().unwrap();
    let mut tags: Vec<u64> = ring
        .completion()
        .map(|cqe| {
            assert_eq!((cqe.result(), cqe.flags().bits()), (0, 0));
            cqe.user_data()
        })
        .collect();
    tags.sort_unstable();
    tags
}

/// A file in memory with this content.
pub fn file(content: &[u8]) -> OwnedFd {
    let fd = rustix::fs::memfd_create("bare-uring", MemfdFlags::CLOEXEC).unwrap();
    assert_eq!(rustix::io::pwrite(&fd, content, 0), Ok(content.len()));
    fd
}

/// What a file begins with, read through the ring; `N` bytes at most.
pub fn read<const N: usize, K: Kernel>(
    ring: &mut IoUring<squeue::Entry, cqueue::Entry, K>,
    file: bare_uring::types::Fixed,
) -> Result<Vec<u8>, Errno> {
    let mut buffer = [0_u8; N];
    let count = run(ring, opcode::Read::new(file, buffer.as_mut_ptr(), N as u32).build())?;
    Ok(buffer[..count as usize].to_vec())
}

/// A request that opens `/` into a slot of the registered files.
pub fn open_root(slot: DestinationSlot) -> squeue::Entry {
    opcode::OpenAt::new(Fd::CWD, c"/".as_ptr()).flags(OpenFlags(0)).file_index(slot).build()
}

/// A path whose opening occupies a worker, which can be interrupted, until somebody opens it for writing. (A read from
/// a pipe would not: a worker that finds nothing there leaves it to polling.)
pub struct Fifo {
    path: CString,
}

impl Fifo {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bare-uring-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Self { path: CString::new(path.into_os_string().into_vec()).unwrap() }
    }

    /// A request that occupies a worker; this value must outlive its completion.
    pub fn open(&self) -> squeue::Entry {
        opcode::OpenAt::new(Fd::CWD, self.path.as_ptr()).build().flags(squeue::Flags::ASYNC)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = rustix::fs::unlink(&self.path);
    }
}

/// Whether a request says that it was cancelled: before it ran, or while it ran, where some kernels let the number 512
/// out that they go by among themselves (ERESTARTSYS).
pub fn was_cancelled(outcome: Result<u32, Errno>) -> bool {
    outcome.is_err_and(|errno| matches!(errno, Errno::ECANCELED | Errno::EINTR) || errno.raw() == 512)
}

/// What /proc says about each worker of the calling thread; workers bear its number in their name.
pub fn workers() -> Vec<String> {
    let name = format!("iou-wrk-{}", rustix::thread::gettid().as_raw_nonzero());
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok())
        .filter(|status| field(status, "Name").as_deref() == Some(&name))
        .collect()
}

/// The descriptor of a file that the test keeps open.
pub fn fd(file: &OwnedFd) -> Fd {
    Fd(file.as_raw_fd())
}

/// A number that is no open descriptor.
pub const CLOSED: RawFd = 1_000_000;

/// A registration, as a kernel was told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub fd: RawFd,
    pub operation: u32,
    pub count: u32,
    /// The first bytes of the argument.
    pub bytes: Vec<u8>,
}

/// Forwards to Linux, and keeps what registrations were told: as many bytes of each argument as it was made for.
#[derive(Debug)]
pub struct Recorder {
    size: usize,
    told: RefCell<Vec<Told>>,
    /// What registrations are answered with, where Linux is not to be asked.
    answer: Option<Result<u32, Errno>>,
    /// What each byte of their arguments becomes on the way.
    fill: Option<u8>,
    /// What set-up is made to say.
    pub tweak: fn(&mut io_uring_params),
}

impl Recorder {
    /// # Safety
    ///
    /// Every argument of a registration that is not null is at least `size` bytes long.
    pub unsafe fn new(size: usize) -> Self {
        Self { size, told: RefCell::default(), answer: None, fill: None, tweak: |_| {} }
    }

    /// Makes a recorder that answers by itself.
    ///
    /// # Safety
    ///
    /// As [`new`](Self::new).
    pub unsafe fn answering(size: usize, answer: Result<u32, Errno>) -> Self {
        Self { size, told: RefCell::default(), answer: Some(answer), fill: None, tweak: |_| {} }
    }

    /// Answers 0, and writes this byte all over the argument.
    ///
    /// # Safety
    ///
    /// As [`new`](Self::new); and the argument may be written to, as any bits.
    pub unsafe fn filling(size: usize, byte: u8) -> Self {
        Self { size, told: RefCell::default(), answer: Some(Ok(0)), fill: Some(byte), tweak: |_| {} }
    }

    /// What was told since the last look.
    pub fn told(&self) -> Vec<Told> {
        self.told.take()
    }
}

// SAFETY: each call is handed on to Linux unchanged, or not made at all; arguments are read and written within the size
// that the maker of the recorder answers for. A tweaked offset is checked by the crate.
unsafe impl Kernel for Recorder {
    pass_on! { self => Linux; enter map unmap keep_from_fork close }

    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is the same.
        let fd = unsafe { Linux.setup(entries, params) }?;
        (self.tweak)(params);
        Ok(fd)
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        let bytes = if argument.is_null() {
            Vec::new()
        } else {
            // SAFETY: the argument has that many bytes, by the contract of `new`, and is valid during the call.
            unsafe { core::slice::from_raw_parts(argument.cast::<u8>(), self.size) }.to_vec()
        };
        self.told.borrow_mut().push(Told { fd, operation, count, bytes });
        if let Some(byte) = self.fill {
            // SAFETY: the argument has that many bytes, by the contract of `filling`, and may be written to.
            unsafe { argument.cast::<u8>().write_bytes(byte, self.size) };
        }
        if let Some(answer) = self.answer {
            return answer;
        }
        // SAFETY: the caller's contract is the same.
        unsafe { Linux.register(fd, operation, argument, count) }
    }
}
