//! Tests what the freestanding programs have in place of the C library, as far as it shows from outside.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use linux_raw_sys::general::__NR_write;
use programs::traced::{Moment, trace};
use programs::{Outcome, Scratch, ends, program, run};
use rustix::process::{Pid, Signal, kill_process};

fn cat(arguments: &[&str]) -> Command {
    let mut command = Command::new(program("freestanding", "cat"));
    command.args(arguments).stdin(Stdio::null());
    command
}

#[test]
fn arguments_are_what_they_are_whatever_the_environment() {
    // The output names each file, since no file exists.
    for (count, environment) in [(1, 0), (2, 1), (3, 2), (100, 3), (101, 0)] {
        let scratch = Scratch::new();
        let names: Vec<_> = (0..count).map(|number| "n".repeat(number % 7) + &number.to_string()).collect();
        let mut command = cat(&names.iter().map(String::as_str).collect::<Vec<_>>());
        command.env_clear().envs((0..environment).map(|number| (format!("E{number}"), "x"))).current_dir(scratch.dir());
        let err: String = names.iter().map(|name| format!("cat: {name}: ENOENT\n")).collect();
        assert_eq!(run(&mut command), Outcome::new(1, err));
    }
    // An empty argument counts as an argument.
    assert_eq!(run(&mut cat(&["", ""])), Outcome::new(1, "cat: : ENOENT\ncat: : ENOENT\n"));
}

#[test]
fn an_error_without_a_name_is_told_by_its_number() {
    let outcome = trace(&mut cat(&["-"]), |_, moment| {
        if let Moment::Completion(_, result) = moment {
            *result = -3999;
        }
    });
    assert_eq!(outcome, Outcome::new(1, "cat: -: errno 3999\n"));
}

#[test]
fn a_line_is_written_to_its_end() {
    // The pipe has room for a part of the output. The stop ends the write in the middle, which then returns the count of bytes.
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    rustix::pipe::fcntl_setpipe_size(&write, 4096).unwrap();
    let long = "n".repeat(4095);
    let mut child = cat(&[&long]).stderr(write).spawn().unwrap();
    programs::until("the pipe is full", || rustix::io::ioctl_fionread(&read) == Ok(4096));
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::STOP).unwrap();
    thread::sleep(Duration::from_millis(20));
    kill_process(pid, Signal::CONT).unwrap();
    thread::sleep(Duration::from_millis(20));
    let mut text = String::new();
    File::from(read).read_to_string(&mut text).unwrap();
    assert_eq!(ends(&mut child), 1);
    assert_eq!(text, format!("cat: {long}: ENAMETOOLONG\n"));
    // If there is room, one call writes all.
    let mut calls = 0;
    trace(&mut cat(&["none"]), |_, moment| {
        if let Moment::Call(number, _) = moment {
            calls += i32::from(number == u64::from(__NR_write));
        }
    });
    assert_eq!(calls, 1);
}

#[test]
fn the_longest_path_is_one_byte_less_than_the_kernels_limit() {
    let scratch = Scratch::new();
    scratch.file("one", "one");
    let copy = |len: usize| {
        let to = format!(".{}two", "/".repeat(len - 4));
        let mut command = Command::new(program("freestanding", "cp"));
        run(command.args(["one", &to]).current_dir(scratch.dir()).stdin(Stdio::null()))
    };
    // The temporary name beside the copy has to fit as well, with a process number of up to seven digits.
    assert_eq!(copy(4080), Outcome::new(0, ""));
    let refused = copy(4095);
    assert!(refused.status == 1 && refused.err.ends_with("': cannot be created: ENAMETOOLONG\n"), "{refused:?}");
    let refused = copy(4096);
    assert!(refused.status == 1 && refused.err.ends_with("cannot be written: ENAMETOOLONG\n"), "{refused:?}");
}
