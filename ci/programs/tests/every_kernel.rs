//! Tests `every_kernel` on kernels that have less than this one: the tracer takes features, set-up flags and requests away, and
//! a filter refuses registrations.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use linux_raw_sys::errno::{EINVAL, ENOSYS, EPERM};
use linux_raw_sys::general::{__NR_io_uring_register, __NR_io_uring_setup};
use linux_raw_sys::io_uring::{
    IORING_FEAT_EXT_ARG, IORING_FEAT_NODROP, IORING_FEAT_RW_CUR_POS, IORING_FEAT_SINGLE_MMAP, IORING_SETUP_CLAMP,
    IORING_SETUP_CQSIZE, IORING_SETUP_R_DISABLED, io_uring_op as op, io_uring_register_op,
};
use programs::traced::{Moment, Tracee, trace};
use programs::{Outcome, program_with};

unsafe extern "C" {
    /// A function of the C library that std is linked with.
    fn prctl(option: i32, ...) -> i32;
}

/// `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Instruction {
    code: u16,
    if_true: u8,
    if_false: u8,
    value: u32,
}

/// `struct sock_fprog`.
#[repr(C)]
struct Filter {
    len: u16,
    instructions: *const Instruction,
}

/// A system call to refuse, the errno, and the second argument with which it is allowed nevertheless.
type Refused = (u32, u32, Option<u32>);

/// A kernel that has a part of what this one has.
struct Lean {
    features: u32,
    flags: u32,
    /// The requests; `None`: those of this kernel.
    requests: Option<&'static [op]>,
    /// The flags of entries.
    entry_flags: u8,
    refused: Refused,
}

fn every_kernel() -> PathBuf {
    program_with("freestanding", "every_kernel", &["--features", "report-panics"])
}

/// Refuses a system call to the program that the command starts.
fn refuse(command: &mut Command, (call, errno, allowed): Refused) {
    const LOAD: u16 = 0x20;
    const IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const ERRNO: u32 = 0x0005_0000;
    const NO_NEW_PRIVILEGES: i32 = 38;
    const SECCOMP: i32 = 22;
    const FILTER: usize = 2;

    let step = |code, if_true, if_false, value| Instruction { code, if_true, if_false, value };
    // The number of a call stands at offset 0 of `struct seccomp_data`, the second argument at 24. Registrations are small
    // numbers, and half of the argument is enough.
    let second = if cfg!(target_endian = "big") { 28 } else { 24 };
    let program = [
        step(LOAD, 0, 0, 0),
        step(IF_EQUAL, 0, 2, call),
        step(LOAD, 0, 0, second),
        step(IF_EQUAL, 0, 1, allowed.unwrap_or(u32::MAX)),
        step(RETURN, 0, 0, ALLOW),
        step(RETURN, 0, 0, ERRNO | errno),
    ];
    let install = move || {
        let filter = Filter { len: program.len() as u16, instructions: program.as_ptr() };
        // SAFETY: no memory is involved.
        let first = unsafe { prctl(NO_NEW_PRIVILEGES, 1_usize, 0_usize, 0_usize, 0_usize) };
        // SAFETY: the kernel reads the filter and its instructions, which are alive.
        let installed = first == 0 && unsafe { prctl(SECCOMP, FILTER, &raw const filter) } == 0;
        if installed { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: between fork and exec the closure makes two system calls, and allocates nothing.
    unsafe { command.pre_exec(install) };
}

/// What the tracer does at each moment.
#[derive(Default)]
struct Takes {
    /// The place of the parameters, and the flags that the program asked for.
    asked: Option<(u64, u32)>,
    /// The place of the probe's answer.
    probe: Option<u64>,
}

impl Takes {
    fn at(&mut self, kernel: &Lean, tracee: &Tracee, moment: &Moment<'_>) {
        const SETUP: u64 = __NR_io_uring_setup as u64;
        const REGISTER: u64 = __NR_io_uring_register as u64;
        const PROBE: u64 = io_uring_register_op::IORING_REGISTER_PROBE as u64;

        match *moment {
            Moment::Call(SETUP, [_, params, ..]) => {
                let flags = u32::from_ne_bytes(tracee.read(params + 8));
                self.asked = Some((params, flags));
                if flags & !kernel.flags != 0 {
                    // This kernel knows no such flag either, and refuses the ring.
                    tracee.write(params + 8, &(flags | 1 << 31).to_ne_bytes());
                }
            }
            Moment::Returned(SETUP, result) => {
                let Some((params, flags)) = self.asked.take() else { return };
                tracee.write(params + 8, &flags.to_ne_bytes());
                if result >= 0 {
                    let features = u32::from_ne_bytes(tracee.read(params + 20));
                    tracee.write(params + 20, &(features & kernel.features).to_ne_bytes());
                }
            }
            Moment::Call(REGISTER, [_, PROBE, answer, ..]) => self.probe = Some(answer),
            Moment::Returned(REGISTER, 0) => {
                let (Some(answer), Some(requests)) = (self.probe.take(), kernel.requests) else { return };
                for code in 0..=255_u8 {
                    if !requests.iter().any(|&has| has as u8 == code) {
                        tracee.write(answer + 16 + 8 * u64::from(code) + 2, &[0, 0]);
                    }
                }
            }
            Moment::Request(request) => {
                let has = kernel.requests.is_none_or(|has| has.iter().any(|&has| has as u8 == request.opcode));
                if !has || request.flags & !kernel.entry_flags != 0 {
                    tracee.write(request.place, &[0xff, 0]);
                }
            }
            _ => {}
        }
    }
}

/// Runs the program on such a kernel. Returns its status, and what it prints.
fn run_on(kernel: &Lean) -> (i32, String) {
    let mut command = Command::new(every_kernel());
    refuse(command.stdin(Stdio::null()), kernel.refused);
    let mut takes = Takes::default();
    told(&trace(&mut command, |tracee, moment| takes.at(kernel, tracee, &moment)))
}

fn told(outcome: &Outcome) -> (i32, String) {
    (outcome.status, String::from_utf8_lossy(&outcome.out).into_owned())
}

/// The refusal of every registration.
const fn no_registrations(errno: u32) -> Refused {
    (__NR_io_uring_register, errno, None)
}

#[test]
fn this_kernel() {
    let (status, said) = told(&programs::run(&mut Command::new(every_kernel())));
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("Linux says its release");
    let mut numbers =
        release.split(|letter: char| !letter.is_ascii_digit()).map_while(|digits| digits.parse::<u32>().ok());
    // `NO_MMAP` is the last thing that the program looks for.
    if (numbers.next(), numbers.next()) >= (Some(6), Some(5)) {
        assert_eq!((status, &*said), (0, "OK every kernel: 1015 checks, 0 not here\n"));
    } else {
        println!("skipped: the whole line, since this kernel lacks what came until Linux 6.5");
        assert!(status == 0 && said.starts_with("OK every kernel: ") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_kernel_with_nops_and_readv_only() {
    let kernel = Lean {
        features: IORING_FEAT_SINGLE_MMAP,
        flags: 0,
        requests: Some(&[op::IORING_OP_NOP, op::IORING_OP_READV]),
        entry_flags: 0,
        refused: no_registrations(ENOSYS),
    };
    let said = "OK every kernel: 764 checks, 19 not here: the probe (ENOSYS), FEAT_NODROP (not among the features), \
        FEAT_EXT_ARG (not among the features), links (EINVAL), Write (EINVAL), Writev (EINVAL), Read (EINVAL), \
        Timeout (EINVAL), timed waits (neither FEAT_EXT_ARG nor a timeout that lasts), provided memory (EINVAL), \
        CQSIZE (EINVAL), CLAMP (EINVAL), R_DISABLED (EINVAL), SUBMIT_ALL (EINVAL), COOP_TASKRUN (EINVAL), \
        SINGLE_ISSUER (EINVAL), DEFER_TASKRUN (EINVAL), SQPOLL (EINVAL), cancel_and_drain (needs timeouts)\n";
    assert_eq!(run_on(&kernel), (0, said.to_owned()));
}

#[test]
fn a_kernel_with_a_probe_and_eighteen_requests() {
    let kernel = Lean {
        features: IORING_FEAT_SINGLE_MMAP | IORING_FEAT_RW_CUR_POS,
        flags: IORING_SETUP_CQSIZE,
        requests: Some(&[
            op::IORING_OP_NOP,
            op::IORING_OP_READV,
            op::IORING_OP_WRITEV,
            op::IORING_OP_READ_FIXED,
            op::IORING_OP_WRITE_FIXED,
            op::IORING_OP_POLL_ADD,
            op::IORING_OP_POLL_REMOVE,
            op::IORING_OP_TIMEOUT,
            op::IORING_OP_TIMEOUT_REMOVE,
            op::IORING_OP_ACCEPT,
            op::IORING_OP_OPENAT,
            op::IORING_OP_CLOSE,
            op::IORING_OP_FILES_UPDATE,
            op::IORING_OP_STATX,
            op::IORING_OP_READ,
            op::IORING_OP_WRITE,
            op::IORING_OP_SEND,
            op::IORING_OP_RECV,
        ]),
        // `IOSQE_FIXED_FILE` and `IOSQE_ASYNC`.
        entry_flags: 1 | 1 << 4,
        refused: (__NR_io_uring_register, EINVAL, Some(io_uring_register_op::IORING_REGISTER_PROBE as u32)),
    };
    let said = "OK every kernel: 814 checks, 12 not here: FEAT_NODROP (not among the features), \
        FEAT_EXT_ARG (not among the features), links (EINVAL), provided memory (EINVAL), CLAMP (EINVAL), \
        R_DISABLED (EINVAL), SUBMIT_ALL (EINVAL), COOP_TASKRUN (EINVAL), SINGLE_ISSUER (EINVAL), DEFER_TASKRUN (EINVAL), \
        SQPOLL (EINVAL), cancellation of everything (the request ended by itself)\n";
    assert_eq!(run_on(&kernel), (0, said.to_owned()));
}

#[test]
fn what_the_probe_lacks_is_not_tried() {
    let kernel = Lean {
        features: IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG,
        flags: 0,
        requests: Some(&[op::IORING_OP_NOP, op::IORING_OP_READ, op::IORING_OP_WRITE]),
        entry_flags: 0xff,
        refused: (__NR_io_uring_register, EINVAL, Some(io_uring_register_op::IORING_REGISTER_PROBE as u32)),
    };
    let said = "OK every kernel: 778 checks, 14 not here: Writev (not in the probe), Readv (not in the probe), \
        Timeout (not in the probe), waits until a time (neither FEAT_MIN_TIMEOUT nor a timeout that lasts), \
        provided memory (EINVAL), CQSIZE (EINVAL), CLAMP (EINVAL), R_DISABLED (EINVAL), SUBMIT_ALL (EINVAL), \
        COOP_TASKRUN (EINVAL), SINGLE_ISSUER (EINVAL), DEFER_TASKRUN (EINVAL), SQPOLL (EINVAL), \
        cancel_and_drain (needs timeouts)\n";
    assert_eq!(run_on(&kernel), (0, said.to_owned()));
}

#[test]
fn a_kernel_without_registrations() {
    let kernel = Lean {
        features: IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG,
        flags: IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED,
        requests: None,
        entry_flags: 0xff,
        refused: no_registrations(EPERM),
    };
    let said = "OK every kernel: 840 checks, 9 not here: the probe (EPERM), provided memory (EINVAL), R_DISABLED (EPERM), \
        SUBMIT_ALL (EINVAL), COOP_TASKRUN (EINVAL), SINGLE_ISSUER (EINVAL), DEFER_TASKRUN (EINVAL), SQPOLL (EINVAL), \
        cancellation of everything (the request ended by itself)\n";
    assert_eq!(run_on(&kernel), (0, said.to_owned()));
}

#[test]
fn a_kernel_without_io_uring() {
    let mut command = Command::new(every_kernel());
    refuse(&mut command, (__NR_io_uring_setup, ENOSYS, None));
    let said = "OK every kernel: 14 checks, 1 not here: io_uring (ENOSYS)\n";
    assert_eq!(told(&programs::run(&mut command)), (0, said.to_owned()));
}

#[test]
fn a_nop_that_ends_with_another_number_is_a_failure() {
    let mut nth = 0;
    let outcome = trace(Command::new(every_kernel()).stdin(Stdio::null()), |_, moment| {
        if let Moment::Completion(_, result) = moment {
            *result += i32::from(nth == 0);
            nth += 1;
        }
    });
    let said = String::from_utf8_lossy(&outcome.out);
    let lines = said.lines().collect::<Vec<_>>();
    assert_eq!((outcome.status, lines[0]), (1, "FAIL the first nop: Ok(1), expected Ok(0)"));
    assert!(lines[1].starts_with("FAIL every kernel: ") && lines[1].contains(" checks, 1 failed, "), "{said}");
    assert_eq!(lines.len(), 2, "{said}");
}

#[test]
fn a_request_that_does_not_complete_ends_the_checks() {
    let mut command = Command::new(every_kernel());
    // Nothing is ever written to the pipe.
    command.arg("1").stdin(Stdio::piped());
    let mut nth = 0;
    let outcome = trace(&mut command, |tracee, moment| {
        if let Moment::Request(request) = moment {
            if nth == 20 {
                // The nop becomes a poll of the standard input.
                tracee.write(request.place, &[op::IORING_OP_POLL_ADD as u8, 0, 0, 0, 0, 0, 0, 0]);
                tracee.write(request.place + 28, &1_u32.to_ne_bytes());
            }
            nth += 1;
        }
    });
    let said = "now system calls\nnow a ring\nnow queues\n\
        FAIL a batch: (\"completions in time\", 3), expected (\"completions in time\", 4)\n\
        FAIL the checks after that: false, expected true\n\
        FAIL every kernel: 35 checks, 2 failed, 0 not here\n";
    assert_eq!(told(&outcome), (1, said.to_owned()));
}
