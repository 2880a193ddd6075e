//! Tests `cp` step by step: which requests it makes, and what it does if one of them fails, comes short, or finds the files
//! changed.

use std::cell::Cell;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use linux_raw_sys::errno::{EINTR, EINVAL, EIO, ENOSPC};
use linux_raw_sys::general::{
    __NR_fchmod, __NR_io_uring_enter, __NR_io_uring_register, __NR_renameat2, O_CLOEXEC, O_CREAT, O_EXCL,
};
use linux_raw_sys::io_uring::io_uring_op as op;
use programs::traced::{Moment, Request, Tracee, trace};
use programs::{Outcome, Scratch, bytes, program};
use rustix::process::Signal;

/// The number of bytes in a chunk.
const CHUNK: usize = 128 * 1024;

const OPEN: u8 = op::IORING_OP_OPENAT as u8;
const CLOSE: u8 = op::IORING_OP_CLOSE as u8;
const FSYNC: u8 = op::IORING_OP_FSYNC as u8;
const READS: [u8; 2] = [op::IORING_OP_READ as u8, op::IORING_OP_READ_FIXED as u8];
const WRITES: [u8; 2] = [op::IORING_OP_WRITE as u8, op::IORING_OP_WRITE_FIXED as u8];

fn is_read(request: &Request) -> bool {
    READS.contains(&request.opcode)
}

fn is_write(request: &Request) -> bool {
    WRITES.contains(&request.opcode)
}

/// A copy of a file named `from`, with some content, to an existing file named `to`.
struct Copy {
    scratch: Scratch,
    content: Vec<u8>,
}

impl Copy {
    fn of(len: usize) -> Self {
        let scratch = Scratch::new();
        let content = bytes(len);
        scratch.file("from", &content);
        scratch.file("to", "old");
        Self { scratch, content }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program("freestanding", "cp"));
        command.args(["from", "to"]).current_dir(self.scratch.dir()).stdin(Stdio::null());
        command
    }

    fn run(&self, at: impl FnMut(&Tracee, Moment<'_>)) -> Outcome {
        trace(&mut self.command(), at)
    }

    /// Runs the copy with changed results: the n-th request that `which` picks gets the result that `becomes` returns for it.
    fn changed(&self, which: impl Fn(&Request) -> bool, becomes: impl Fn(usize, i32) -> i32) -> Outcome {
        let mut nth = 0;
        self.run(|_, moment| {
            if let Moment::Completion(request, result) = moment
                && which(&request)
            {
                *result = becomes(nth, *result);
                nth += 1;
            }
        })
    }

    /// Asserts that cp succeeded: `to` has the content of `from`, and no other file is left.
    #[track_caller]
    fn succeeded(&self, outcome: &Outcome) {
        assert_eq!(*outcome, Outcome::new(0, ""));
        assert!(fs::read(self.scratch.path("to")).unwrap() == self.content, "another content");
        assert_eq!(self.scratch.names(), ["from", "to"]);
    }

    /// Asserts that cp failed with this status and message: `to` is unchanged, and no other file is left.
    #[track_caller]
    fn failed(&self, outcome: &Outcome, status: i32, err: &str) {
        assert_eq!(*outcome, Outcome::new(status, err));
        assert_eq!(fs::read_to_string(self.scratch.path("to")).unwrap(), "old");
        assert_eq!(self.scratch.names(), ["from", "to"]);
    }
}

const fn refused(errno: u32) -> i32 {
    -errno.cast_signed()
}

#[test]
fn short_reads_are_gone_on_with() {
    let copy = Copy::of(3 * CHUNK + 777);
    let outcome = copy.changed(is_read, |_, result| result.min(50_000));
    copy.succeeded(&outcome);
}

#[test]
fn short_writes_are_gone_on_with() {
    let copy = Copy::of(3 * CHUNK + 777);
    let told = Cell::new(0);
    let outcome = copy.changed(is_write, |_, result| {
        told.set(told.get() + result.min(40_000));
        result.min(40_000)
    });
    // The kernel wrote all bytes each time, but the program could not know.
    assert_eq!(told.get().cast_unsigned() as usize, copy.content.len());
    copy.succeeded(&outcome);
}

#[test]
fn interrupted_requests_are_made_again() {
    for which in [is_read, is_write] {
        let copy = Copy::of(3 * CHUNK + 777);
        let outcome = copy.changed(which, |nth, result| if nth % 2 == 0 { refused(EINTR) } else { result });
        copy.succeeded(&outcome);
    }
}

#[test]
fn an_interrupted_wait_is_waited_again() {
    let copy = Copy::of(5000);
    fs::remove_file(copy.scratch.path("from")).unwrap();
    let fifo = copy.scratch.fifo("from");
    let content = copy.content.clone();
    // Opened for reading and writing, so that no open of the pipe waits.
    let mut pipe = Some(OpenOptions::new().read(true).write(true).open(fifo).unwrap());
    let (mut reading, mut interrupted) = (false, 0);
    let outcome = copy.run(|tracee, moment| match moment {
        Moment::Request(request) => reading |= is_read(&request),
        Moment::Call(number, _) if number == u64::from(__NR_io_uring_enter) && reading && interrupted < 10 => {
            tracee.interrupt();
        }
        Moment::Returned(number, result) if number == u64::from(__NR_io_uring_enter) && result == -i64::from(EINTR) => {
            interrupted += 1;
            // The close is the pipe's end.
            if interrupted == 10
                && let Some(mut pipe) = pipe.take()
            {
                pipe.write_all(&content).unwrap();
            }
        }
        _ => {}
    });
    copy.succeeded(&outcome);
    assert_eq!(interrupted, 10);
}

#[test]
fn a_write_that_writes_nothing_is_an_error() {
    let copy = Copy::of(CHUNK);
    let outcome = copy.changed(is_write, |_, _| 0);
    copy.failed(&outcome, 1, "cp: 'to': cannot be written: EIO\n");
}

#[test]
fn each_failure_is_told_and_leaves_what_was_there() {
    let closes_copy = |request: &Request| request.opcode == CLOSE;
    for (which, errno, err) in [
        (&is_read as &dyn Fn(&Request) -> bool, EIO, "cp: 'from': cannot be read: EIO\n"),
        (&is_write, ENOSPC, "cp: 'to': cannot be written: ENOSPC\n"),
        (&|request| request.opcode == FSYNC, EIO, "cp: 'to': cannot be written: EIO\n"),
        (
            &|request| request.opcode == OPEN && request.op_flags & O_EXCL != 0,
            ENOSPC,
            "cp: 'to': cannot be created: ENOSPC\n",
        ),
    ] {
        let copy = Copy::of(2 * CHUNK);
        let opened = Cell::new(false);
        let outcome = copy.changed(which, |_, _| {
            opened.set(true);
            refused(errno)
        });
        if err.contains("created") {
            // The kernel made the file, but the program could not know.
            let left = copy.scratch.names().into_iter().find(|name| name.starts_with(".cp-")).unwrap();
            fs::remove_file(copy.scratch.path(left)).unwrap();
        }
        copy.failed(&outcome, 1, err);
        assert!(opened.get());
    }
    // The first close is that of the existing file.
    let copy = Copy::of(2 * CHUNK);
    let outcome = copy.changed(closes_copy, |nth, result| if nth == 1 { refused(ENOSPC) } else { result });
    copy.failed(&outcome, 1, "cp: 'to': cannot be written: ENOSPC\n");
}

#[test]
fn a_file_system_without_fsync_is_good_enough() {
    let copy = Copy::of(10);
    let outcome = copy.changed(|request| request.opcode == FSYNC, |_, _| refused(EINVAL));
    copy.succeeded(&outcome);
}

/// A step of a program whose order matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Write,
    Mode(u64),
    Fsync(u32),
    Close,
    Rename,
}

/// Returns the steps from the first write on, with consecutive writes as one.
fn steps(copy: &Copy) -> Vec<Step> {
    let mut steps = Vec::new();
    let outcome = copy.run(|_, moment| match moment {
        Moment::Completion(request, _) if is_write(&request) => steps.push(Step::Write),
        Moment::Call(number, arguments) if number == u64::from(__NR_fchmod) => steps.push(Step::Mode(arguments[1])),
        Moment::Completion(request, _) if request.opcode == FSYNC => steps.push(Step::Fsync(request.op_flags)),
        Moment::Completion(request, _) if request.opcode == CLOSE => steps.push(Step::Close),
        Moment::Call(number, _) if number == u64::from(__NR_renameat2) => steps.push(Step::Rename),
        _ => {}
    });
    copy.succeeded(&outcome);
    steps.dedup();
    let first = steps.iter().position(|step| *step == Step::Write).unwrap();
    steps.split_off(first)
}

#[test]
fn a_copy_reaches_the_device_before_it_replaces_a_file() {
    let copy = Copy::of(3 * CHUNK);
    fs::set_permissions(copy.scratch.path("from"), fs::Permissions::from_mode(0o4751)).unwrap();
    let mode = Step::Mode(0o751);
    // The fsync is for all of the file, and not for its data alone.
    assert_eq!(steps(&copy), [Step::Write, mode, Step::Fsync(0), Step::Close, Step::Rename]);
    fs::remove_file(copy.scratch.path("to")).unwrap();
    assert_eq!(steps(&copy), [Step::Write, mode, Step::Close, Step::Rename]);
}

#[test]
fn every_open_is_close_on_exec_and_the_unfinished_copy_nobodys_else() {
    let copy = Copy::of(10);
    let mut unfinished = Vec::new();
    let mut closed = 0;
    let outcome = copy.run(|tracee, moment| {
        closed += i32::from(matches!(&moment, Moment::Request(request) if request.opcode == CLOSE));
        if let Moment::Request(request) = moment
            && request.opcode == OPEN
        {
            assert_eq!(request.op_flags & O_CLOEXEC, O_CLOEXEC);
            if request.op_flags & O_CREAT != 0 {
                let name = tracee.path(request.address);
                unfinished.push((name == format!(".cp-{}-0", tracee.pid), request.op_flags & O_EXCL, request.len));
            }
        }
    });
    copy.succeeded(&outcome);
    // One is the existing file, the other the copy.
    assert_eq!((unfinished, closed), (vec![(true, O_EXCL, 0o600)], 2));
}

#[test]
fn a_name_that_is_taken_is_left_alone() {
    let copy = Copy::of(10);
    let mut taken = None;
    let outcome = copy.run(|tracee, moment| {
        if matches!(moment, Moment::Start) {
            taken = Some(copy.scratch.file(&format!(".cp-{}-0", tracee.pid), "of somebody else"));
        }
    });
    let taken = taken.unwrap();
    assert_eq!(fs::read_to_string(&taken).unwrap(), "of somebody else");
    fs::remove_file(taken).unwrap();
    copy.succeeded(&outcome);
}

/// Truncates `from` when the first read has ended, and restores this length before cp asks for the size again.
fn shrinks(len: u64, again: Option<u64>) {
    let copy = Copy::of(40 * CHUNK);
    let from = copy.scratch.path("from");
    let resize = |len| OpenOptions::new().write(true).open(&from).unwrap().set_len(len).unwrap();
    let mut reads = 0;
    let outcome = copy.run(|_, moment| match moment {
        Moment::Completion(request, _) if is_read(&request) => {
            if reads == 0 {
                resize(len);
            }
            reads += 1;
        }
        Moment::Call(number, _) if number == u64::from(__NR_fchmod) => panic!("cp takes it for complete"),
        // This statx is cp's second one: it comes after the last read.
        Moment::Request(request) if request.opcode == op::IORING_OP_STATX as u8 && reads > 0 => {
            if let Some(len) = again {
                resize(len);
            }
        }
        _ => {}
    });
    copy.failed(&outcome, 1, "cp: 'from': became shorter while it was copied\n");
}

#[test]
fn a_file_that_shrinks_is_not_copied() {
    shrinks(1000, None);
}

#[test]
fn a_file_that_shrinks_between_what_was_read_and_the_rest_is_not_copied() {
    shrinks(32 * CHUNK as u64, None);
}

#[test]
fn a_file_that_shrinks_and_grows_again_is_not_copied() {
    // All 32 chunks of the first round were read. The bytes behind them were gone, and are back.
    shrinks(32 * CHUNK as u64, Some(40 * CHUNK as u64));
}

#[test]
fn a_hole_in_the_middle_of_the_reading_is_torn() {
    let copy = Copy::of(4 * CHUNK);
    // The second and the fourth chunk find the end of the file, the third does not, and a later read finds it too.
    let again = u64::MAX;
    let outcome = copy.run(|_, moment| {
        if let Moment::Completion(request, result) = moment
            && is_read(&request)
            && [1, 3, again].contains(&request.user_data)
        {
            *result = 0;
        }
    });
    copy.failed(&outcome, 1, "cp: 'from': became shorter while it was copied\n");
}

#[test]
fn a_file_that_grows_is_copied_with_what_has_come() {
    let mut copy = Copy::of(2 * CHUNK);
    let more = bytes(3 * CHUNK + 5);
    let file = OpenOptions::new().append(true).open(copy.scratch.path("from")).unwrap();
    let mut grown = false;
    let outcome = copy.run(|_, moment| {
        if let Moment::Call(number, _) = moment
            && number == u64::from(__NR_io_uring_register)
            && !std::mem::replace(&mut grown, true)
        {
            file.write_all_at(&more, 0).unwrap();
        }
    });
    copy.content.extend(&more);
    copy.succeeded(&outcome);
}

/// Returns the largest number of reads and writes under way at once, and their opcodes.
fn load(copy: &Copy, from: &str, to: &str) -> (usize, Vec<u8>, bool) {
    let (mut under_way, mut most, mut opcodes, mut registered) = (0, 0, Vec::new(), false);
    let mut command = Command::new(program("freestanding", "cp"));
    command.args([from, to]).current_dir(copy.scratch.dir()).stdin(Stdio::null());
    let outcome = trace(&mut command, |_, moment| match moment {
        Moment::Request(request) if is_read(&request) || is_write(&request) => {
            under_way += 1;
            most = most.max(under_way);
            opcodes.push(request.opcode);
        }
        Moment::Completion(request, _) if is_read(&request) || is_write(&request) => under_way -= 1,
        Moment::Returned(number, result) if number == u64::from(__NR_io_uring_register) => registered |= result == 0,
        _ => {}
    });
    assert_eq!(outcome, Outcome::new(0, ""));
    opcodes.sort_unstable();
    opcodes.dedup();
    (most, opcodes, registered)
}

#[test]
fn a_large_file_is_copied_in_many_parts_at_once_in_registered_buffers() {
    let copy = Copy::of(40 * CHUNK);
    assert_eq!(load(&copy, "from", "to"), (32, vec![READS[1], WRITES[1]], true));
    assert_eq!(load(&copy, "from", "/dev/null"), (1, vec![READS[1], WRITES[1]], true));
    // Registering buffers is not worth it for one chunk.
    let copy = Copy::of(CHUNK);
    assert_eq!(load(&copy, "from", "to"), (2, vec![READS[0], WRITES[0]], false));
}

#[test]
fn a_signal_ends_it_and_leaves_what_was_there() {
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        let copy = Copy::of(40 * CHUNK);
        let mut sent = false;
        let outcome = copy.run(|tracee, moment| {
            if let Moment::Completion(request, _) = moment
                && is_read(&request)
                && !std::mem::replace(&mut sent, true)
            {
                tracee.signal(signal);
            }
        });
        copy.failed(&outcome, -signal.as_raw(), "");
    }
}

#[test]
fn a_signal_ends_it_where_the_tests_run_with_signals_ignored() {
    let mut tests = Command::new("env");
    tests.arg("--ignore-signal=HUP,INT,TERM").arg(std::env::current_exe().unwrap());
    let said = tests.args(["--exact", "a_signal_ends_it_and_leaves_what_was_there"]).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    assert!(String::from_utf8_lossy(&said.stdout).contains("1 passed"), "no test of that name");
}

#[test]
fn a_signal_that_comes_before_the_copying_ends_it_too() {
    let copy = Copy::of(40 * CHUNK);
    let outcome = copy.run(|tracee, moment| {
        if let Moment::Request(request) = moment
            && request.opcode == OPEN
            && request.op_flags & O_CREAT != 0
        {
            tracee.signal(Signal::TERM);
        }
    });
    copy.failed(&outcome, -Signal::TERM.as_raw(), "");
}

#[test]
fn a_signal_that_is_ignored_stays_so() {
    let copy = Copy::of(40 * CHUNK);
    let mut command = Command::new("env");
    command.arg("--ignore-signal=HUP,INT").arg(program("freestanding", "cp")).args(["from", "to"]);
    command.current_dir(copy.scratch.dir()).stdin(Stdio::null());
    let mut sent = false;
    let outcome = trace(&mut command, |tracee, moment| {
        if let Moment::Completion(request, _) = moment
            && is_read(&request)
            && !std::mem::replace(&mut sent, true)
        {
            tracee.signal(Signal::HUP);
            tracee.signal(Signal::INT);
        }
    });
    copy.succeeded(&outcome);
}

#[test]
fn a_wait_for_a_pipe_is_ended_by_a_signal_and_not_by_a_stop() {
    let copy = Copy::of(5000);
    fs::remove_file(copy.scratch.path("from")).unwrap();
    let fifo = copy.scratch.fifo("from");
    let waits = || {
        let running = programs::start(&mut copy.command());
        programs::until("a thread of the kernel's waits for the pipe", || running.worker_waits());
        running
    };
    let running = waits();
    running.signal(Signal::TERM);
    copy.failed(&running.end(), -Signal::TERM.as_raw(), "");

    let running = waits();
    for _ in 0..5 {
        running.signal(Signal::STOP);
        thread::sleep(Duration::from_millis(5));
        running.signal(Signal::CONT);
        thread::sleep(Duration::from_millis(5));
    }
    programs::write_to_reader(&fifo, &copy.content);
    copy.succeeded(&running.end());
}
