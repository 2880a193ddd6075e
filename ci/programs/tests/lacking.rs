//! Programs on a kernel that lacks one of their requests: they say in one line which, and end with status 1.
//!
//! The kernel is this machine's. A tracer takes requests out of what its probe says, and has their completions fail.

use std::process::{Command, Stdio};

use linux_raw_sys::errno::EINVAL;
use linux_raw_sys::general::{__NR_io_uring_register, __NR_io_uring_setup};
use linux_raw_sys::io_uring::io_uring_op as op;
use linux_raw_sys::io_uring::io_uring_register_op::IORING_REGISTER_PROBE;
use programs::traced::{Moment, trace};
use programs::{Outcome, Scratch, program};

/// Flags that no kernel knows.
const UNKNOWN: u32 = 1 << 30;

/// How an old kernel differs from this one.
#[derive(Clone, Copy, Default)]
struct Old {
    /// The kernel lacks these requests.
    lacks: &'static [op],
    /// The kernel has no probe.
    no_probe: bool,
    /// The kernel takes no flags for a ring.
    no_flags: bool,
}

/// Runs a program on an old kernel.
fn on_old(old: Old, command: &mut Command) -> Outcome {
    let lacks = |opcode: u8| old.lacks.iter().any(|&lacking| lacking as u8 == opcode);
    let mut probe = None;
    trace(command.stdin(Stdio::null()), |tracee, moment| match moment {
        Moment::Call(number, [_, operation, argument, count, ..]) if number == u64::from(__NR_io_uring_register) => {
            probe = (operation == IORING_REGISTER_PROBE as u64).then_some((argument, count));
            if probe.is_some() && old.no_probe {
                // The kernel refuses a probe that is not all zero.
                tracee.write(argument, &[1]);
            }
        }
        Moment::Returned(number, 0) if number == u64::from(__NR_io_uring_register) => {
            let Some((argument, count)) = probe else { return };
            for opcode in (0..=u8::MAX).take(count as usize).filter(|&opcode| lacks(opcode)) {
                // The flags are the two bytes behind the numbers of an item; items stand behind a head of 16 bytes.
                tracee.write(argument + 16 + 8 * u64::from(opcode) + 2, &[0, 0]);
            }
        }
        Moment::Call(number, [_, params, ..]) if number == u64::from(__NR_io_uring_setup) && old.no_flags => {
            let flags = u32::from_ne_bytes(tracee.read(params + 8));
            if flags != 0 {
                tracee.write(params + 8, &(flags | UNKNOWN).to_ne_bytes());
            }
        }
        Moment::Completion(request, result) if lacks(request.opcode) => *result = -(EINVAL as i32),
        _ => {}
    })
}

/// Makes a kernel without these requests.
const fn without(lacks: &'static [op]) -> Old {
    Old { lacks, no_probe: false, no_flags: false }
}

#[test]
fn servers_name_the_newest_request_that_is_missing() {
    let scratch = Scratch::new();
    let http = || {
        let mut http = Command::new(program("runtime", "http"));
        http.arg(scratch.dir());
        http
    };
    let sockets = without(&[op::IORING_OP_SOCKET, op::IORING_OP_BIND, op::IORING_OP_LISTEN]);
    let (bind, socket) = (without(&[op::IORING_OP_BIND]), without(&[op::IORING_OP_SOCKET]));
    for (old, missing) in [
        (sockets, "IORING_OP_BIND (Linux 6.11)"),
        (bind, "IORING_OP_BIND (Linux 6.11)"),
        (socket, "IORING_OP_SOCKET (Linux 5.19)"),
        (without(&[op::IORING_OP_LISTEN]), "IORING_OP_LISTEN (Linux 6.11)"),
        // Such kernels refuse the servers' rings as well.
        (Old { no_flags: true, ..sockets }, "IORING_OP_BIND (Linux 6.11)"),
        // A kernel without a probe is older than most of the requests.
        (Old { no_probe: true, no_flags: true, ..bind }, "IORING_OP_BIND (Linux 6.11)"),
    ] {
        let said = |name: &str| Outcome::new(1, format!("{name}: this kernel has no {missing}\n"));
        assert_eq!(on_old(old, &mut Command::new(program("freestanding", "echo"))), said("echo"));
        // These try each request on a ring of their own, whose requests the tracer sees as well.
        assert_eq!(on_old(old, &mut Command::new(program("runtime", "mirror"))), said("mirror"));
        assert_eq!(on_old(old, &mut http()), said("http"));
    }
}

#[test]
fn what_a_server_needs_later_is_named_before_it_listens() {
    let scratch = Scratch::new();
    for (lacks, missing) in [
        (&[op::IORING_OP_OPENAT2][..], "IORING_OP_OPENAT2 (Linux 5.6)"),
        (&[op::IORING_OP_LINK_TIMEOUT, op::IORING_OP_TIMEOUT], "IORING_OP_LINK_TIMEOUT (Linux 5.5)"),
        (&[op::IORING_OP_STATX], "IORING_OP_STATX (Linux 5.6)"),
    ] {
        let outcome = on_old(without(lacks), Command::new(program("runtime", "http")).arg(scratch.dir()));
        assert_eq!(outcome, Outcome::new(1, format!("http: this kernel has no {missing}\n")));
    }
}

#[test]
fn a_copy_names_the_request_that_is_missing() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.file("from", "new"), scratch.file("to", "old"));
    for (lacks, missing) in [
        (&[op::IORING_OP_STATX, op::IORING_OP_OPENAT][..], "IORING_OP_STATX (Linux 5.6)"),
        (&[op::IORING_OP_OPENAT], "IORING_OP_OPENAT (Linux 5.6)"),
        (&[op::IORING_OP_READ], "IORING_OP_READ (Linux 5.6)"),
        (&[op::IORING_OP_WRITE], "IORING_OP_WRITE (Linux 5.6)"),
    ] {
        let outcome = on_old(without(lacks), Command::new(program("freestanding", "cp")).args([&from, &to]));
        assert_eq!(outcome, Outcome::new(1, format!("cp: this kernel has no {missing}\n")));
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "old");
        assert_eq!(scratch.names(), ["from", "to"]);
    }
}
