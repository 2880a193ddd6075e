//! Runs a program under `ptrace(2)`: shows a test each request that the program submits, and each completion before the
//! program sees it. The test may change a completion's result.
//!
//! So a test can make an error at any step, a short read, or a file that shrinks at that moment, without a special file
//! system and without luck. It also sees what no tracer of system calls shows: the requests, and their order.
//!
//! The ring's memory is read and written through `/proc/PID/mem`, at the offsets that `io_uring_setup` returned to the
//! program. The program's rings must have one mapping for both queues, and entries of the usual size. A ring in provided memory
//! is not looked into.

use std::collections::HashMap;
use std::ffi::{c_int, c_long, c_void};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use linux_raw_sys::general::{__NR_io_uring_enter, __NR_io_uring_setup, __NR_mmap, __NR_write};
use linux_raw_sys::io_uring::{IORING_FEAT_SINGLE_MMAP, IORING_OFF_SQES, IORING_SETUP_NO_SQARRAY, io_uring_params};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, pidfd_send_signal, waitpid};

use crate::{LIMIT, Outcome, heeding, nameless};

unsafe extern "C" {
    /// A function of the C library that std is linked with.
    fn ptrace(request: c_long, pid: c_int, address: *mut c_void, data: *mut c_void) -> c_long;
}

const PTRACE_TRACEME: c_long = 0;
const PTRACE_SYSCALL: c_long = 24;
const PTRACE_SETOPTIONS: c_long = 0x4200;
const PTRACE_GET_SYSCALL_INFO: c_long = 0x420e;
/// Options of the trace: a stop at a system call has the bit 0x80 in its signal, and the program ends with its tracer.
const OPTIONS: usize = 1 | 0x10_0000;
/// The signal number of a stop at a system call.
const SYSCALL_STOP: i32 = 5 | 0x80;

/// `struct ptrace_syscall_info`.
#[repr(C)]
#[derive(Default)]
struct Info {
    op: u8,
    pad: [u8; 3],
    arch: u32,
    instruction: u64,
    stack: u64,
    /// The call's number and six arguments at its start; the result at its end.
    words: [u64; 8],
}

/// A submitted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// `IORING_OP_…`.
    pub opcode: u8,
    /// `IOSQE_…`.
    pub flags: u8,
    /// The priority, or the operation's flags in its place.
    pub ioprio: u16,
    /// The file.
    pub fd: i32,
    /// The offset, or a second address.
    pub offset: u64,
    /// The buffer, or the path.
    pub address: u64,
    /// The buffer's length, or a mode.
    pub len: u32,
    /// The operation's flags, such as `open_flags`.
    pub op_flags: u32,
    /// The user data, by which the program knows the request.
    pub user_data: u64,
    /// The buffer's index or group.
    pub buffer: u16,
    /// The address of the entry in the program's memory.
    pub place: u64,
}

/// A moment at which the program is stopped.
pub enum Moment<'a> {
    /// The program is about to run its first instruction.
    Start,
    /// The program is about to make a system call.
    Call(u64, [u64; 6]),
    /// A system call has returned.
    Returned(u64, i64),
    /// The program submits a request.
    Request(Request),
    /// A request has ended with this result, which the test may change. The program has not seen it yet.
    Completion(Request, &'a mut i32),
}

/// The program, as the test's function sees it at each moment.
pub struct Tracee {
    /// The process.
    pub pid: Pid,
    memory: File,
}

impl Tracee {
    /// Reads bytes of the program's memory.
    ///
    /// # Panics
    ///
    /// If the program has no memory at that address.
    pub fn read<const N: usize>(&self, address: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.memory.read_exact_at(&mut bytes, address).expect("memory of the program");
        bytes
    }

    /// Writes bytes to the program's memory.
    ///
    /// # Panics
    ///
    /// If the program has no memory at that address.
    pub fn write(&self, address: u64, bytes: &[u8]) {
        self.memory.write_all_at(bytes, address).expect("memory of the program");
    }

    /// Reads a path in the program's memory.
    ///
    /// # Panics
    ///
    /// If the program has no memory at that address, or the path is not UTF-8.
    pub fn path(&self, address: u64) -> String {
        let bytes = (address..).map(|at| self.read::<1>(at)[0]).take_while(|&byte| byte != 0).collect();
        String::from_utf8(bytes).expect("a path of the test")
    }

    /// Returns the port of `listening on 127.0.0.1:PORT` if this call prints that line.
    ///
    /// # Panics
    ///
    /// If the call prints another line on standard output.
    pub fn listens(&self, moment: &Moment<'_>) -> Option<u16> {
        let Moment::Call(number, [fd, address, len, ..]) = *moment else { return None };
        if number != u64::from(__NR_write) || fd != 1 {
            return None;
        }
        let bytes = (address..address + len).map(|at| self.read::<1>(at)[0]).collect();
        let line = String::from_utf8(bytes).expect("text");
        let port = line.strip_prefix("listening on 127.0.0.1:").and_then(|port| port.trim_end().parse().ok());
        Some(port.unwrap_or_else(|| panic!("the server says {line:?}")))
    }

    fn word(&self, address: u64) -> u32 {
        u32::from_ne_bytes(self.read(address))
    }

    /// Sends the program a signal.
    ///
    /// # Panics
    ///
    /// If the program has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the program runs");
    }

    /// Interrupts the program's next wait in the kernel, without a signal that the program could see.
    pub fn interrupt(&self) {
        self.signal(Signal::WINCH);
    }
}

/// A ring of the program's, which `io_uring_setup` has returned.
struct Ring {
    params: io_uring_params,
    queues: u64,
    entries: u64,
    /// The number of completions seen so far.
    seen: u32,
    under_way: HashMap<u64, Request>,
}

/// The program's rings, by their descriptors.
type Rings = HashMap<u64, Ring>;

impl Ring {
    /// Returns the requests that the call submits.
    fn requests(&self, tracee: &Tracee, count: u32) -> Vec<Request> {
        let params = &self.params;
        if self.queues == 0 {
            return Vec::new();
        }
        let offsets = &params.sq_off;
        let head = tracee.word(self.queues + u64::from(offsets.head));
        let mask = tracee.word(self.queues + u64::from(offsets.ring_mask));
        let tail = tracee.word(self.queues + u64::from(offsets.tail));
        let number = |at: u32| match params.flags & IORING_SETUP_NO_SQARRAY {
            0 => tracee.word(self.queues + u64::from(offsets.array) + 4 * u64::from(at & mask)),
            _ => at & mask,
        };
        (0..count.min(tail.wrapping_sub(head)))
            .map(|nth| {
                let place = self.entries + 64 * u64::from(number(head.wrapping_add(nth)));
                parse(&tracee.read(place), place)
            })
            .collect()
    }
}

fn parse(sqe: &[u8; 64], place: u64) -> Request {
    let word = |at: usize| u32::from_ne_bytes(sqe[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| u64::from_ne_bytes(sqe[at..at + 8].try_into().expect("eight bytes"));
    let half = |at: usize| u16::from_ne_bytes([sqe[at], sqe[at + 1]]);
    Request {
        opcode: sqe[0],
        flags: sqe[1],
        ioprio: half(2),
        fd: word(4).cast_signed(),
        offset: long(8),
        address: long(16),
        len: word(24),
        op_flags: word(28),
        user_data: long(32),
        buffer: half(40),
        place,
    }
}

/// Runs a program to its end, with the standard input of `command`, and calls `at` at each moment.
///
/// # Panics
///
/// If the program can't be traced, or takes longer than [`LIMIT`].
pub fn trace(command: &mut Command, mut at: impl FnMut(&Tracee, Moment<'_>)) -> Outcome {
    let (out, err) = (nameless(), nameless());
    command.stdout(out.try_clone().expect("a descriptor")).stderr(err.try_clone().expect("a descriptor"));
    let traced = || {
        // SAFETY: no memory is involved.
        match unsafe { ptrace(PTRACE_TRACEME, 0, std::ptr::null_mut(), std::ptr::null_mut()) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec the closure makes one system call, and allocates nothing.
    let command = unsafe { heeding(command).pre_exec(traced) };
    #[expect(clippy::zombie_processes, reason = "`follow` waits for it, stop by stop")]
    let child = command.spawn().expect("the program starts, and this process may trace it");
    let pid = Pid::from_child(&child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).expect("it was not waited for yet");
    let (ended, watched) = channel::<()>();
    let watch = thread::spawn(move || {
        let late = watched.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout);
        if late {
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
        }
        late
    });
    let status = follow(&child, &mut at);
    drop(ended);
    let outcome = Outcome::read(status, out, err);
    assert!(!watch.join().expect("the watch does not panic"), "the program takes longer than {LIMIT:?}: {outcome:?}");
    outcome
}

/// Takes the program from stop to stop.
fn follow(child: &Child, at: &mut impl FnMut(&Tracee, Moment<'_>)) -> ExitStatus {
    let pid = Pid::from_child(child);
    let next = || waitpid(Some(pid), WaitOptions::empty()).expect("a child").expect("it has stopped or ended").1;
    let mut rings = Rings::new();
    let mut call = None;
    // This stop is the one after exec.
    let mut status = next();
    let mut tracee = Tracee { pid, memory: memory(pid) };
    if status.stopped() {
        control(pid, PTRACE_SETOPTIONS, OPTIONS);
        at(&tracee, Moment::Start);
    }
    while status.stopped() {
        let signal = match status.stopping_signal() {
            Some(SYSCALL_STOP) => {
                let mut info = Info::default();
                let size = std::ptr::without_provenance_mut(size_of::<Info>());
                // SAFETY: the kernel writes at most as many bytes as the structure has.
                unsafe { ptrace(PTRACE_GET_SYSCALL_INFO, child.id().cast_signed(), size, (&raw mut info).cast()) };
                stopped(&tracee, &mut rings, &mut call, &info.words, at);
                0
            }
            // A further exec gives the program another memory.
            Some(5) => {
                tracee.memory = memory(pid);
                0
            }
            // These stops are the test's interruptions.
            Some(signal) if signal == Signal::WINCH.as_raw() => 0,
            signal => signal.unwrap_or(0),
        };
        control(pid, PTRACE_SYSCALL, signal.cast_unsigned() as usize);
        status = next();
    }
    ExitStatus::from_raw(status.as_raw())
}

fn memory(pid: Pid) -> File {
    OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/mem")).expect("this process may trace it")
}

/// Makes a `ptrace` request that takes a number. It fails if the program was killed meanwhile, which the next wait reports.
fn control(pid: Pid, request: c_long, data: usize) {
    // SAFETY: no memory is involved.
    unsafe {
        ptrace(request, pid.as_raw_nonzero().get(), std::ptr::null_mut(), std::ptr::without_provenance_mut(data))
    };
}

/// Calls the test's function at the start of a system call, and at its end.
fn stopped(
    tracee: &Tracee,
    rings: &mut Rings,
    call: &mut Option<(u64, [u64; 6])>,
    words: &[u64; 8],
    at: &mut impl FnMut(&Tracee, Moment<'_>),
) {
    let Some((number, arguments)) = call.take() else {
        let [number, a, b, c, d, e, f, _] = *words;
        if number == u64::from(__NR_io_uring_enter)
            && let Some(ring) = rings.get_mut(&a)
        {
            for request in ring.requests(tracee, u32::try_from(b).expect("a count")) {
                at(tracee, Moment::Request(request));
                ring.under_way.insert(request.user_data, request);
            }
        }
        *call = Some((number, [a, b, c, d, e, f]));
        return at(tracee, Moment::Call(number, [a, b, c, d, e, f]));
    };
    let result = words[0].cast_signed();
    if number == u64::from(__NR_io_uring_setup) && result >= 0 {
        // SAFETY: the structure consists of integers.
        let params = unsafe { std::mem::transmute::<[u8; 120], io_uring_params>(tracee.read(arguments[1])) };
        assert_ne!(params.features & IORING_FEAT_SINGLE_MMAP, 0, "one mapping for both queues");
        let ring = Ring { params, queues: 0, entries: 0, seen: 0, under_way: HashMap::new() };
        rings.insert(result.cast_unsigned(), ring);
    } else if number == u64::from(__NR_mmap)
        && result > 0
        && let Some(ring) = rings.get_mut(&arguments[4])
    {
        let place = if arguments[5] == u64::from(IORING_OFF_SQES) { &mut ring.entries } else { &mut ring.queues };
        *place = result.cast_unsigned();
    } else if number == u64::from(__NR_io_uring_enter)
        && let Some(ring) = rings.get_mut(&arguments[0])
    {
        completions(tracee, ring, at);
    }
    at(tracee, Moment::Returned(number, result));
}

/// Calls the test's function for each new completion.
fn completions(tracee: &Tracee, ring: &mut Ring, at: &mut impl FnMut(&Tracee, Moment<'_>)) {
    if ring.queues == 0 {
        return;
    }
    let offsets = ring.params.cq_off;
    let tail = tracee.word(ring.queues + u64::from(offsets.tail));
    let mask = tracee.word(ring.queues + u64::from(offsets.ring_mask));
    while ring.seen != tail {
        let place = ring.queues + u64::from(offsets.cqes) + 16 * u64::from(ring.seen & mask);
        ring.seen = ring.seen.wrapping_add(1);
        let user_data = u64::from_ne_bytes(tracee.read(place));
        let was = tracee.word(place + 8).cast_signed();
        let mut result = was;
        if let Some(&request) = ring.under_way.get(&user_data) {
            at(tracee, Moment::Completion(request, &mut result));
        }
        if result != was {
            tracee.memory.write_all_at(&result.to_ne_bytes(), place + 8).expect("memory of the program");
        }
    }
}
