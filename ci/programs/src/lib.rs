//! What the tests of the example programs share: building the programs, running them with a time limit, talking to them.
//!
//! The programs can't be tested from within: they have no std, which a test harness needs. So each test starts a program
//! as a process and looks at what it does: its output, its files, its answers, and with [`traced`] its system calls and
//! the requests in its ring.

pub mod http;
pub mod server;
pub mod traced;

use std::env;
use std::ffi::{OsStr, c_int, c_void};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How long a program may take that has nothing to wait for. Far more than it needs, on a busy machine too.
pub const LIMIT: Duration = Duration::from_secs(10);

/// The path of a program, built as it is delivered: with the release profile. `package` is the one that it is in.
///
/// # Panics
///
/// If it doesn't build.
pub fn program(package: &str, name: &str) -> PathBuf {
    static BUILT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.iter().find(|path| path.ends_with(name)) {
        return path.clone();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "--quiet", "--release", "--package", package, "--bin", name]).current_dir(&root);
    let said = build.output().expect("cargo runs");
    assert!(said.status.success(), "{name} does not build: {}", String::from_utf8_lossy(&said.stderr));
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
    built.push(target.join("release").join(name));
    built[built.len() - 1].clone()
}

/// A directory of its own, removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it, empty, and open to everybody.
    ///
    /// # Panics
    ///
    /// If it can't be made.
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("bare-uring-programs-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory for the test");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("it is the test's own");
        Self(path)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// A path in it.
    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.0.join(Path::new(name.as_ref()))
    }

    /// Writes a file in it, and gives its path.
    ///
    /// # Panics
    ///
    /// If it can't be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("a file of the test");
        path
    }

    /// A named pipe in it.
    ///
    /// # Panics
    ///
    /// If it can't be made.
    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
        path
    }

    /// The names in it, sorted, but for the two files in which the output of programs is kept.
    ///
    /// # Panics
    ///
    /// If it can't be read.
    pub fn names(&self) -> Vec<String> {
        names(&self.0)
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The names in a directory, sorted.
///
/// # Panics
///
/// If it can't be read.
pub fn names(dir: &Path) -> Vec<String> {
    let read = fs::read_dir(dir).expect("a directory of the test");
    let mut names: Vec<_> = read.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Bytes that don't repeat, of a length.
pub fn bytes(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ len as u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// How a program ended, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit status; if a signal ended it, that signal's negated number.
    pub status: i32,
    /// Its standard output, unless the test has given it another.
    pub out: Vec<u8>,
    /// Its standard error, as well.
    pub err: String,
}

impl Outcome {
    /// An end with this status, nothing on standard output, and this on standard error.
    pub fn new(status: i32, err: impl Into<String>) -> Self {
        Self { status, out: Vec::new(), err: err.into() }
    }

    /// What the files have that a program has written to.
    pub(crate) fn read(status: ExitStatus, mut out: File, mut err: File) -> Self {
        let status = status.code().unwrap_or_else(|| -status.signal().unwrap_or(0));
        let (mut said, mut complained) = (Vec::new(), Vec::new());
        for (file, text) in [(&mut out, &mut said), (&mut err, &mut complained)] {
            std::io::Seek::rewind(file).expect("a file");
            file.read_to_end(text).expect("a file of the test");
        }
        Self { status, out: said, err: String::from_utf8_lossy(&complained).into_owned() }
    }
}

/// A file that has no name.
pub(crate) fn nameless() -> File {
    rustix::fs::memfd_create("output", rustix::fs::MemfdFlags::CLOEXEC).expect("a file in memory").into()
}

/// Runs a program to its end. Standard input is empty unless `command` says otherwise: see [`run_with`].
///
/// # Panics
///
/// If it can't be started, or takes longer than [`LIMIT`].
pub fn run(command: &mut Command) -> Outcome {
    run_with(command.stdin(Stdio::null()))
}

/// Runs a program to its end, with the standard input that `command` has.
///
/// # Panics
///
/// If it can't be started, or takes longer than [`LIMIT`].
pub fn run_with(command: &mut Command) -> Outcome {
    start(command).end()
}

/// A program that runs.
pub struct Running {
    child: Child,
    out: File,
    err: File,
}

unsafe extern "C" {
    /// Of the C library that std is linked with.
    fn signal(number: c_int, handler: *const c_void) -> *const c_void;
}

/// Has a program heed the signals that end it. The tests may run where some of these are ignored: `nohup` does that, and
/// a shell with what it runs in the background. A program would inherit it, and rightly not be ended by such a signal.
pub(crate) fn heeding(command: &mut Command) -> &mut Command {
    let heed = || {
        for number in [Signal::HUP, Signal::INT, Signal::TERM] {
            // SAFETY: null stands for what a signal does by default, and no handler of this process is run for it.
            let before = unsafe { signal(number.as_raw(), std::ptr::null()) };
            if before.addr() == usize::MAX {
                return Err(std::io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec nothing but system calls are made, and no memory is allocated for them.
    unsafe { command.pre_exec(heed) }
}

/// Starts a program whose output is kept.
///
/// # Panics
///
/// If it can't be started.
pub fn start(command: &mut Command) -> Running {
    let (out, err) = (nameless(), nameless());
    command.stdout(out.try_clone().expect("a descriptor")).stderr(err.try_clone().expect("a descriptor"));
    Running { child: heeding(command).spawn().expect("the program starts"), out, err }
}

impl Running {
    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Whether a thread of the kernel's that works for its ring waits in what it does. That it is there is not enough: a
    /// process that is killed before the thread has begun to open a pipe ends only when the pipe's other end is opened.
    ///
    /// # Panics
    ///
    /// If it was waited for.
    pub fn worker_waits(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("a child");
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok()).any(|stat| {
            let (name, state) = stat.rsplit_once(") ").expect("a name and a state");
            name.contains("(iou-wrk-") && state.starts_with('S')
        })
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("the program runs");
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If that takes longer than [`LIMIT`].
    pub fn end(mut self) -> Outcome {
        let status = wait(&mut self.child, LIMIT);
        let outcome = Outcome::read(status.unwrap_or_default(), self.out, self.err);
        assert!(status.is_some(), "the program takes longer than {LIMIT:?}: {outcome:?}");
        outcome
    }
}

/// Waits for a child's end: its exit status, or the negated number of the signal that ended it.
///
/// # Panics
///
/// If that takes longer than [`LIMIT`].
#[track_caller]
pub fn ends(child: &mut Child) -> i32 {
    let status = wait(child, LIMIT).unwrap_or_else(|| panic!("the program takes longer than {LIMIT:?}"));
    status.code().unwrap_or_else(|| -status.signal().unwrap_or(0))
}

/// Waits for a child's end; kills it after `limit`, and gives `None`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).expect("it was not waited for yet");
    let limit = Timespec::try_from(limit).expect("a short time");
    let ended = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&limit)).expect("poll") == 1;
    if !ended {
        let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    }
    let status = child.wait().expect("its parent may wait for it");
    ended.then_some(status)
}

/// Writes to a named pipe that somebody reads.
///
/// # Panics
///
/// If nobody does, within [`LIMIT`], or the content is more than a pipe holds.
#[track_caller]
pub fn write_to_reader(fifo: &Path, content: &[u8]) {
    let mut options = File::options();
    options.write(true).custom_flags(linux_raw_sys::general::O_NONBLOCK.cast_signed());
    let mut pipe = None;
    until("somebody opens the pipe for reading", || {
        pipe = options.open(fifo).ok();
        pipe.is_some()
    });
    pipe.expect("it was opened").write_all(content).expect("a pipe with room");
}

/// Waits until something holds.
///
/// # Panics
///
/// If it does not within [`LIMIT`].
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
