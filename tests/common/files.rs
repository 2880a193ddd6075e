//! What the tests of requests on files share: a directory that is removed after them, files by descriptor and by slot,
//! and requests that are cancelled.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, Fixed};
use bare_uring::{Errno, opcode};
use rustix::fs::{Mode, OFlags};

use super::any_ring::{AnyRing, File, Seen};
use super::requests::was_cancelled;

/// A directory of one test's own, gone with it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("bare-uring-{}-{name}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// What a name in it is to Rust.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What a name in it is to the kernel.
    pub fn c_path(&self, name: &str) -> CString {
        CString::new(self.path(name).as_os_str().as_bytes()).unwrap()
    }

    /// A file in it, open for reading and writing.
    pub fn file(&self, name: &str, content: &[u8]) -> OwnedFd {
        std::fs::write(self.path(name), content).unwrap();
        rustix::fs::open(self.path(name), OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }

    /// The directory itself.
    pub fn dir(&self) -> OwnedFd {
        rustix::fs::open(&self.0, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Registers files, and gives each by its descriptor and by its slot.
pub fn register<const N: usize>(ring: &mut dyn AnyRing, files: [&OwnedFd; N]) -> [[File; 2]; N] {
    ring.register_files(&files.map(AsRawFd::as_raw_fd));
    core::array::from_fn(|slot| [File::Fd(Fd(files[slot].as_raw_fd())), File::Fixed(Fixed(slot as u32))])
}

/// A descriptor that nobody has open, and a slot that nothing is registered in: each of them refused with `EBADF`.
pub const NO_FILES: [File; 2] = [File::Fd(Fd(super::requests::CLOSED)), File::Fixed(Fixed(1000))];

/// An address that no process has.
pub fn nowhere<T>() -> *mut T {
    core::ptr::without_provenance_mut(8)
}

/// Lets a request block, cancels it, and checks that it says so. (Where a worker runs it, it can't be stopped but only
/// interrupted, and the cancel request says `EALREADY`.)
#[track_caller]
pub fn cancel(ring: &mut dyn AnyRing, entry: Entry) {
    ring.push(entry.user_data(1));
    let mut seen: Vec<Seen> = Vec::new();
    let cancel = loop {
        ring.push(opcode::AsyncCancel::new(1).build().user_data(2));
        ring.submit_and_wait(0).expect("submits");
        let outcome = loop {
            seen.extend(ring.take());
            match seen.iter().position(|seen| seen.user_data == 2) {
                Some(at) => break seen.remove(at).outcome,
                None => ring.wait(),
            }
        };
        // Where a worker takes the request up at this moment, the kernel finds it nowhere: the next one does.
        if outcome != Err(Errno::ENOENT) || !seen.is_empty() {
            break outcome;
        }
    };
    let blocked = if seen.is_empty() { ring.complete(1)[0] } else { seen[0] };
    assert!(blocked.user_data == 1 && was_cancelled(blocked.outcome), "{}: {blocked:?}", ring.kind());
    assert!(matches!(cancel, Ok(0) | Err(Errno::EALREADY)), "{}: {cancel:?}", ring.kind());
}

/// Whether a descriptor is closed when a program is executed.
pub fn close_on_exec(fd: RawFd) -> bool {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    i64::from_str_radix(flags.trim(), 8).unwrap() & i64::from(OFlags::CLOEXEC.bits()) != 0
}
