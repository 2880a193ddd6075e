//! Runs a program under `ptrace(2)`, sees each request that it submits and each completion before the program does, and
//! may change what the completion says.
//!
//! So a test can have an error at any step, a short read, a file that shrinks just then, without a file system that does
//! it and without luck; and it sees what no tracer of system calls shows: which requests there were, and in which order.
//!
//! The ring's memory is read and written through `/proc/PID/mem`, at the offsets that the program was told by
//! `io_uring_setup`. One ring, with one mapping for both queues, and entries of the usual size.

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
    /// Of the C library that std is linked with.
    fn ptrace(request: c_long, pid: c_int, address: *mut c_void, data: *mut c_void) -> c_long;
}

const PTRACE_TRACEME: c_long = 0;
const PTRACE_SYSCALL: c_long = 24;
const PTRACE_SETOPTIONS: c_long = 0x4200;
const PTRACE_GET_SYSCALL_INFO: c_long = 0x420e;
/// Stops at system calls have the bit 0x80 in their signal; a program ends with its tracer.
const OPTIONS: usize = 1 | 0x10_0000;
/// What a stop at a system call has for a signal.
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
    /// At the start of a call its number and six arguments; at its end the result.
    words: [u64; 8],
}

/// A request, as it was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// `IORING_OP_…`.
    pub opcode: u8,
    /// `IOSQE_…`.
    pub flags: u8,
    /// The priority, or flags of the operation that stand there.
    pub ioprio: u16,
    /// The file.
    pub fd: i32,
    /// The offset, or a second address.
    pub offset: u64,
    /// The buffer, or the path.
    pub address: u64,
    /// Its length, or a mode.
    pub len: u32,
    /// The flags of the operation: `open_flags` and its kin.
    pub op_flags: u32,
    /// By which the program knows it.
    pub user_data: u64,
    /// The buffer's index or group.
    pub buffer: u16,
}

/// What happens.
pub enum Moment<'a> {
    /// The program's first instruction is yet to run.
    Start,
    /// A system call is about to be made.
    Call(u64, [u64; 6]),
    /// It has returned.
    Returned(u64, i64),
    /// A request goes to the kernel.
    Request(Request),
    /// One has ended, with this result, which may be changed. The program has not seen it yet.
    Completion(Request, &'a mut i32),
}

/// The program, as what is called at each moment sees it.
pub struct Tracee {
    /// The process.
    pub pid: Pid,
    memory: File,
}

impl Tracee {
    /// Bytes of its memory.
    ///
    /// # Panics
    ///
    /// If there is none at that address.
    pub fn read<const N: usize>(&self, address: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.memory.read_exact_at(&mut bytes, address).expect("memory of the program");
        bytes
    }

    /// A path that it has.
    ///
    /// # Panics
    ///
    /// If there is none at that address.
    pub fn path(&self, address: u64) -> String {
        let bytes = (address..).map(|at| self.read::<1>(at)[0]).take_while(|&byte| byte != 0).collect();
        String::from_utf8(bytes).expect("a path of the test")
    }

    /// The port that it says it listens on, if that is what this call says: `listening on 127.0.0.1:PORT`.
    ///
    /// # Panics
    ///
    /// If it says something else on its standard output.
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

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the program runs");
    }

    /// Interrupts the next wait in the kernel, without any signal that the program could see.
    pub fn interrupt(&self) {
        self.signal(Signal::WINCH);
    }
}

/// The ring of the program.
#[derive(Default)]
struct Ring {
    /// What `io_uring_setup` has told.
    params: Option<io_uring_params>,
    queues: u64,
    entries: u64,
    /// Completions seen so far.
    seen: u32,
    under_way: HashMap<u64, Request>,
}

impl Ring {
    /// The requests that the call submits.
    fn requests(&self, tracee: &Tracee, count: u32) -> Vec<Request> {
        let Some(params) = &self.params else { return Vec::new() };
        let offsets = &params.sq_off;
        let head = tracee.word(self.queues + u64::from(offsets.head));
        let mask = tracee.word(self.queues + u64::from(offsets.ring_mask));
        let tail = tracee.word(self.queues + u64::from(offsets.tail));
        let number = |at: u32| match params.flags & IORING_SETUP_NO_SQARRAY {
            0 => tracee.word(self.queues + u64::from(offsets.array) + 4 * u64::from(at & mask)),
            _ => at & mask,
        };
        (0..count.min(tail.wrapping_sub(head)))
            .map(|nth| parse(&tracee.read(self.entries + 64 * u64::from(number(head.wrapping_add(nth))))))
            .collect()
    }
}

fn parse(sqe: &[u8; 64]) -> Request {
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
    }
}

/// Runs a program to its end, calling `at` at each moment. Its standard input is what `command` says.
///
/// # Panics
///
/// If it can't be traced, or takes longer than [`LIMIT`].
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
    // SAFETY: between fork and exec nothing but a system call is made.
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

/// Goes from stop to stop.
fn follow(child: &Child, at: &mut impl FnMut(&Tracee, Moment<'_>)) -> ExitStatus {
    let pid = Pid::from_child(child);
    let next = || waitpid(Some(pid), WaitOptions::empty()).expect("a child").expect("it has stopped or ended").1;
    let mut ring = Ring::default();
    let mut call = None;
    // The stop after exec.
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
                stopped(&tracee, &mut ring, &mut call, &info.words, at);
                0
            }
            // That of a further exec, which gives it another memory.
            Some(5) => {
                tracee.memory = memory(pid);
                0
            }
            // The interruptions of a test.
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

/// A request of `ptrace` with a number. It fails where the program was killed meanwhile, which the next wait tells.
fn control(pid: Pid, request: c_long, data: usize) {
    // SAFETY: no memory is involved.
    unsafe {
        ptrace(request, pid.as_raw_nonzero().get(), std::ptr::null_mut(), std::ptr::without_provenance_mut(data))
    };
}

/// At the start of a system call, and at its end.
fn stopped(
    tracee: &Tracee,
    ring: &mut Ring,
    call: &mut Option<(u64, [u64; 6])>,
    words: &[u64; 8],
    at: &mut impl FnMut(&Tracee, Moment<'_>),
) {
    let Some((number, arguments)) = call.take() else {
        let [number, a, b, c, d, e, f, _] = *words;
        if number == u64::from(__NR_io_uring_enter) {
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
        ring.params = Some(params);
    } else if number == u64::from(__NR_mmap) && result > 0 {
        let place = if arguments[5] == u64::from(IORING_OFF_SQES) { &mut ring.entries } else { &mut ring.queues };
        *place = result.cast_unsigned();
    } else if number == u64::from(__NR_io_uring_enter) {
        completions(tracee, ring, at);
    }
    at(tracee, Moment::Returned(number, result));
}

/// Shows the completions that are new.
fn completions(tracee: &Tracee, ring: &mut Ring, at: &mut impl FnMut(&Tracee, Moment<'_>)) {
    let Some(io_uring_params { cq_off: offsets, .. }) = ring.params else { return };
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
