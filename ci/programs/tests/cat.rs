//! Tests `cat`: what it prints, and what it does if a request fails or comes short; and `nop`, the smallest program.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use linux_raw_sys::errno::{EIO, ENOSPC};
use linux_raw_sys::general::__NR_io_uring_enter;
use linux_raw_sys::io_uring::io_uring_op as op;
use programs::traced::{Moment, trace};
use programs::{Outcome, Scratch, bytes, ends, program, run, run_with};
use rustix::process::Signal;

const READ: u8 = op::IORING_OP_READ as u8;
const WRITE: u8 = op::IORING_OP_WRITE as u8;

fn cat(scratch: &Scratch, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("freestanding", "cat"));
    command.args(arguments).current_dir(scratch.dir()).stdin(Stdio::null());
    command
}

fn shown(out: impl Into<Vec<u8>>) -> Outcome {
    Outcome { status: 0, out: out.into(), err: String::new() }
}

#[test]
fn files_are_shown_one_after_the_other() {
    let scratch = Scratch::new();
    let (one, two) = (bytes(200_001), bytes(65_536));
    scratch.file("one", &one);
    scratch.file("two", &two);
    scratch.file("empty", "");
    let outcome = run(&mut cat(&scratch, &["one", "empty", "two", "one"]));
    assert!(outcome == shown([&one[..], &two, &one].concat()), "another content");
}

#[test]
fn standard_input_is_shown_where_there_is_no_name_or_a_dash() {
    let scratch = Scratch::new();
    scratch.file("in", "input\n");
    scratch.file("one", "one\n");
    let input = || fs::File::open(scratch.path("in")).unwrap();
    assert_eq!(run_with(cat(&scratch, &[]).stdin(input())), shown("input\n"));
    assert_eq!(run_with(cat(&scratch, &["one", "-", "one"]).stdin(input())), shown("one\ninput\none\n"));
    // The output begins at the position of the input file.
    let mut read = input();
    read.read_exact(&mut [0; 2]).unwrap();
    assert_eq!(run_with(cat(&scratch, &["-"]).stdin(read)), shown("put\n"));
}

#[test]
fn output_goes_where_it_stands() {
    let scratch = Scratch::new();
    let path = scratch.file("out", "zero\n");
    scratch.file("one", bytes(100_000));
    let mut out = OpenOptions::new().append(true).open(&path).unwrap();
    out.write_all(b"more\n").unwrap();
    // The output goes to the shared position, and not to the file's end.
    let mut out = OpenOptions::new().write(true).open(&path).unwrap();
    std::io::Seek::seek(&mut out, std::io::SeekFrom::Start(5)).unwrap();
    assert_eq!(ends(&mut cat(&scratch, &["one"]).stdout(out).spawn().unwrap()), 0);
    assert!(fs::read(&path).unwrap() == [b"zero\n", &bytes(100_000)[..]].concat(), "another content");
}

#[test]
fn one_that_is_missing_is_named_and_the_others_follow() {
    let scratch = Scratch::new();
    scratch.file("one", "one\n");
    for names in [["none", "one"], ["one", "none"]] {
        let outcome = run(&mut cat(&scratch, &names));
        assert_eq!(outcome, Outcome { status: 1, out: b"one\n".to_vec(), err: "cat: none: ENOENT\n".into() });
    }
    assert_eq!(run(&mut cat(&scratch, &["."])), Outcome::new(1, "cat: .: EISDIR\n"));
    let long = "n".repeat(256);
    assert_eq!(run(&mut cat(&scratch, &[&long])), Outcome::new(1, format!("cat: {long}: ENAMETOOLONG\n")));
    assert_eq!(run(&mut cat(&scratch, &[""])), Outcome::new(1, "cat: : ENOENT\n"));
}

#[test]
fn each_failure_is_told() {
    let scratch = Scratch::new();
    scratch.file("one", "one\n");
    for (opcode, errno, err) in [
        (READ, EIO, "cat: one: EIO\n"),
        (WRITE, ENOSPC, "cat: standard output: ENOSPC\n"),
        (WRITE, 0, "cat: standard output: EIO\n"),
    ] {
        let outcome = trace(&mut cat(&scratch, &["one"]), |_, moment| {
            if let Moment::Completion(request, result) = moment
                && request.opcode == opcode
            {
                *result = -errno.cast_signed();
            }
        });
        // The kernel, which knows nothing of the test, did what the changed result says it refused.
        assert_eq!((outcome.status, &*outcome.err), (1, err));
    }
}

#[test]
fn short_reads_and_writes_are_gone_on_with() {
    let scratch = Scratch::new();
    let content = bytes(150_000);
    scratch.file("one", &content);
    // The kernel writes in pieces, since the pipe has little room.
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    rustix::pipe::fcntl_setpipe_size(&write, 4096).unwrap();
    let reader = thread::spawn(move || {
        let mut got = Vec::new();
        fs::File::from(read).read_to_end(&mut got).unwrap();
        got
    });
    let mut command = cat(&scratch, &["one"]);
    assert_eq!(ends(&mut command.stdout(write).spawn().unwrap()), 0);
    drop(command);
    assert!(reader.join().unwrap() == content, "another content");
}

#[test]
fn short_writes_of_any_length_are_gone_on_with() {
    let scratch = Scratch::new();
    scratch.file("one", "0123456789");
    // The kernel wrote all bytes each time; the program goes on behind the count that it was told.
    let outcome = trace(&mut cat(&scratch, &["one"]), |_, moment| {
        if let Moment::Completion(request, result) = moment
            && request.opcode == WRITE
        {
            *result = (*result).min(4);
        }
    });
    assert_eq!(outcome, shown("0123456789456789".to_owned() + "89"));
}

#[test]
fn a_pipe_is_waited_for_a_stop_or_not() {
    let scratch = Scratch::new();
    let fifo = scratch.fifo("fifo");
    let running = programs::start(&mut cat(&scratch, &["fifo"]));
    programs::until("a thread of the kernel's waits for the pipe", || running.worker_waits());
    for signal in [Signal::STOP, Signal::CONT, Signal::STOP, Signal::CONT] {
        thread::sleep(std::time::Duration::from_millis(10));
        running.signal(signal);
    }
    programs::write_to_reader(&fifo, b"through the pipe");
    assert_eq!(running.end(), shown("through the pipe"));
}

#[test]
fn every_file_is_closed() {
    let scratch = Scratch::new();
    scratch.file("one", "1");
    let (mut open, mut most) = (0, 0);
    let outcome = trace(&mut cat(&scratch, &["one"; 10]), |_, moment| {
        if let Moment::Completion(request, _) = moment {
            open += i32::from(request.opcode == op::IORING_OP_OPENAT as u8);
            open -= i32::from(request.opcode == op::IORING_OP_CLOSE as u8);
            most = most.max(open);
        }
    });
    assert_eq!((outcome, open, most), (shown("1111111111"), 0, 1));
}

#[test]
fn nop_says_which_step_fails() {
    let nop = || Command::new(program("freestanding", "nop"));
    assert_eq!(run(&mut nop()), Outcome::new(0, ""));
    let failing = trace(nop().stdin(Stdio::null()), |_, moment| {
        if let Moment::Completion(_, result) = moment {
            *result = -EIO.cast_signed();
        }
    });
    assert_eq!(failing, Outcome::new(4, ""));
    // There is one request, whose user data the completion brings back, and one system call for both.
    let (mut requests, mut enters) = (Vec::new(), 0);
    trace(nop().stdin(Stdio::null()), |_, moment| match moment {
        Moment::Request(request) => requests.push((request.opcode, request.user_data)),
        Moment::Call(number, _) => enters += i32::from(number == u64::from(__NR_io_uring_enter)),
        _ => {}
    });
    assert_eq!((requests, enters), (vec![(op::IORING_OP_NOP as u8, 0xba5e)], 1));
}
