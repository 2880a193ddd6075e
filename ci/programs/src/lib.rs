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

/// The time limit of a program that has nothing to wait for: far more than it needs, even on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Builds a program of `package` as it is delivered, with the release profile, and returns its path.
///
/// # Panics
///
/// If the program doesn't build.
pub fn program(package: &str, name: &str) -> PathBuf {
    program_with(package, name, &[])
}

/// Builds a program as [`program`] does, with further arguments for cargo.
///
/// # Panics
///
/// If the program doesn't build.
pub fn program_with(package: &str, name: &str, arguments: &[&str]) -> PathBuf {
    static BUILT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.iter().find(|path| path.ends_with(name)) {
        return path.clone();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "--quiet", "--release", "--package", package, "--bin", name]);
    build.args(arguments).current_dir(&root);
    let said = build.output().expect("cargo runs");
    assert!(said.status.success(), "{name} does not build: {}", String::from_utf8_lossy(&said.stderr));
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
    built.push(target.join("release").join(name));
    built[built.len() - 1].clone()
}

/// A directory for one test, removed when dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes an empty directory that every user may write to.
    ///
    /// # Panics
    ///
    /// If the directory can't be made.
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("bare-uring-programs-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory for the test");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("it is the test's own");
        Self(path)
    }

    /// Returns the directory's path.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Returns the path of a name in the directory.
    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.0.join(Path::new(name.as_ref()))
    }

    /// Writes a file in the directory, and returns the file's path.
    ///
    /// # Panics
    ///
    /// If the file can't be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("a file of the test");
        path
    }

    /// Makes a named pipe in the directory, and returns its path.
    ///
    /// # Panics
    ///
    /// If it can't be made.
    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
        path
    }

    /// Returns the names in the directory, sorted, without the two files that keep the output of programs.
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

/// Returns the names in a directory, sorted.
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

/// Returns so many bytes that don't repeat.
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

/// How a program ended, and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exit status; the negated number of the signal if one ended the program.
    pub status: i32,
    /// The standard output, unless the test has given the program another.
    pub out: Vec<u8>,
    /// The standard error, unless the test has given the program another.
    pub err: String,
}

impl Outcome {
    /// Makes the outcome with this status, nothing on standard output, and `err` on standard error.
    pub fn new(status: i32, err: impl Into<String>) -> Self {
        Self { status, out: Vec::new(), err: err.into() }
    }

    /// Reads the files that a program's output went to.
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

/// Makes a file without a name.
pub(crate) fn nameless() -> File {
    rustix::fs::memfd_create("output", rustix::fs::MemfdFlags::CLOEXEC).expect("a file in memory").into()
}

/// Runs a program to its end. Standard input is empty unless `command` says otherwise: see [`run_with`].
///
/// # Panics
///
/// If the program can't be started, or takes longer than [`LIMIT`].
pub fn run(command: &mut Command) -> Outcome {
    run_with(command.stdin(Stdio::null()))
}

/// Runs a program to its end, with the standard input that `command` has.
///
/// # Panics
///
/// If the program can't be started, or takes longer than [`LIMIT`].
pub fn run_with(command: &mut Command) -> Outcome {
    start(command).end()
}

/// A running program.
pub struct Running {
    child: Child,
    out: File,
    err: File,
}

unsafe extern "C" {
    /// A function of the C library that std is linked with.
    fn signal(number: c_int, handler: *const c_void) -> *const c_void;
}

/// Resets the signals that end a program to their default actions in the child. `nohup`, and a shell for its background jobs,
/// start the tests with some of these signals ignored; the program would inherit that, and rightly not end.
pub(crate) fn heeding(command: &mut Command) -> &mut Command {
    let heed = || {
        for number in [Signal::HUP, Signal::INT, Signal::TERM] {
            // SAFETY: null is the default action of a signal, and runs no handler of this process.
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

/// Starts a program, and keeps its output.
///
/// # Panics
///
/// If the program can't be started.
pub fn start(command: &mut Command) -> Running {
    let (out, err) = (nameless(), nameless());
    command.stdout(out.try_clone().expect("a descriptor")).stderr(err.try_clone().expect("a descriptor"));
    Running { child: heeding(command).spawn().expect("the program starts"), out, err }
}

impl Running {
    /// Returns the program's process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Returns whether a kernel thread that works for the program's ring is waiting in a request. It is not enough that the
    /// thread exists: a process that is killed before the thread begins to open a pipe ends only when the pipe's other end
    /// is opened.
    ///
    /// # Panics
    ///
    /// If the program was waited for already.
    pub fn worker_waits(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("a child");
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok()).any(|stat| {
            let (name, state) = stat.rsplit_once(") ").expect("a name and a state");
            name.contains("(iou-wrk-") && state.starts_with('S')
        })
    }

    /// Sends the program a signal.
    ///
    /// # Panics
    ///
    /// If the program has ended.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("the program runs");
    }

    /// Waits for the program's end.
    ///
    /// # Panics
    ///
    /// If the end takes longer than [`LIMIT`].
    pub fn end(mut self) -> Outcome {
        let status = wait(&mut self.child, LIMIT);
        let outcome = Outcome::read(status.unwrap_or_default(), self.out, self.err);
        assert!(status.is_some(), "the program takes longer than {LIMIT:?}: {outcome:?}");
        outcome
    }
}

/// Waits for a child's end, and returns its exit status, or the negated number of the signal that ended it.
///
/// # Panics
///
/// If the end takes longer than [`LIMIT`].
#[track_caller]
pub fn ends(child: &mut Child) -> i32 {
    let status = wait(child, LIMIT).unwrap_or_else(|| panic!("the program takes longer than {LIMIT:?}"));
    status.code().unwrap_or_else(|| -status.signal().unwrap_or(0))
}

/// Waits for a child's end. Kills the child after `limit`, and returns `None` then.
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

/// Writes to a named pipe that a program reads.
///
/// # Panics
///
/// If no program opens the pipe within [`LIMIT`], or the content is more than a pipe holds.
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

/// Waits until a condition holds.
///
/// # Panics
///
/// If the condition does not hold within [`LIMIT`].
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
