//! Tests `cp`: which file is copied where, and what the copy is like. The tests of its single steps are in `cp_faults`.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use linux_raw_sys::io_uring::io_uring_op as op;
use programs::traced::{Moment, trace};
use programs::{Outcome, Scratch, bytes, ends, program, run, run_with, start};
use rustix::process::Signal;

fn command(scratch: &Scratch, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("freestanding", "cp"));
    command.args(arguments).current_dir(scratch.dir()).stdin(Stdio::null());
    command
}

fn cp(scratch: &Scratch, arguments: &[&str]) -> Outcome {
    run(&mut command(scratch, arguments))
}

#[track_caller]
fn done(outcome: Outcome) {
    assert_eq!(outcome, Outcome::new(0, ""));
}

#[test]
fn a_copy_has_the_content_and_the_mode_of_the_source() {
    let scratch = Scratch::new();
    for (len, mode) in [(0, 0o644), (1, 0o600), (4096, 0o777), (131_072, 0o755), (131_073, 0o444), (9_000_001, 0o640)] {
        let content = bytes(len);
        let from = scratch.file("from", &content);
        fs::set_permissions(&from, Permissions::from_mode(mode)).unwrap();
        let to = scratch.path("to");
        // The copy is new, or replaces a longer file; the umask takes no bit of its mode.
        for old in [None, Some(bytes(len + 7))] {
            if let Some(old) = old {
                scratch.file("to", old);
            }
            let mut umask = Command::new("sh");
            umask.args(["-c", "umask 077; exec \"$0\" from to"]).arg(program("freestanding", "cp"));
            done(run(umask.current_dir(scratch.dir())));
            assert!(fs::read(&to).unwrap() == content, "another content of {len} bytes");
            assert_eq!(fs::metadata(&to).unwrap().mode() & 0o7777, mode);
            fs::remove_file(&to).unwrap();
        }
        assert_eq!(scratch.names(), ["from"]);
        fs::remove_file(from).unwrap();
    }
}

#[test]
fn a_directory_gets_a_file_of_the_same_name() {
    let scratch = Scratch::new();
    let from = scratch.file("one", "one");
    fs::create_dir_all(scratch.path("d/two")).unwrap();
    let from = from.to_str().unwrap();
    for arguments in [["one", "d"], [from, "d/"], ["./d/../one", "d/."]] {
        done(cp(&scratch, &arguments));
        assert_eq!(fs::read_to_string(scratch.path("d/one")).unwrap(), "one");
        fs::remove_file(scratch.path("d/one")).unwrap();
    }
    scratch.file("two", "two");
    for dir in ["d", "d/"] {
        assert_eq!(cp(&scratch, &["two", dir]), Outcome::new(1, "cp: 'd/two': cannot be written: EISDIR\n"));
    }
    assert_eq!(cp(&scratch, &["d", "x"]), Outcome::new(1, "cp: 'd': cannot copy: EISDIR\n"));
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let scratch = Scratch::new();
    scratch.file("one", "one");
    symlink("one", scratch.path("soft")).unwrap();
    symlink("loop", scratch.path("loop")).unwrap();
    fs::hard_link(scratch.path("one"), scratch.path("hard")).unwrap();
    let names = scratch.names();
    let long = "n".repeat(256);
    for (arguments, about, why) in [
        (["none", "to"], "none", "cannot open: ENOENT"),
        (["one", "none/to"], "none/to", "cannot be created: ENOENT"),
        (["one", "none/"], "none/", "cannot be written: ENOTDIR"),
        (["one", ""], "", "cannot be written: ENOENT"),
        (["one", "one"], "one", "is the same file as the source"),
        (["one", "."], "./one", "is the same file as the source"),
        (["one", "soft"], "one", "is the same file as the source"),
        (["hard", "one"], "one", "is the same file as the source"),
        (["one", "loop"], "loop", "cannot be written: ELOOP"),
        (["one", &long], &long, "cannot be written: ENAMETOOLONG"),
    ] {
        assert_eq!(cp(&scratch, &arguments), Outcome::new(1, format!("cp: '{about}': {why}\n")));
    }
    assert_eq!(scratch.names(), names);
    assert_eq!(fs::read_to_string(scratch.path("one")).unwrap(), "one");
}

#[test]
fn links_are_followed() {
    let scratch = Scratch::new();
    scratch.file("one", "one");
    fs::create_dir(scratch.path("d")).unwrap();
    // The first link is relative, from another directory; the second is absolute.
    symlink("d/middle", scratch.path("link")).unwrap();
    symlink("end", scratch.path("d/middle")).unwrap();
    symlink(scratch.path("d/far"), scratch.path("absolute")).unwrap();
    for (link, end) in [("link", "d/end"), ("absolute", "d/far")] {
        for content in ["new", "and over it"] {
            scratch.file("one", content);
            done(cp(&scratch, &["one", link]));
            assert!(fs::symlink_metadata(scratch.path(link)).unwrap().is_symlink());
            assert_eq!(fs::read_to_string(scratch.path(end)).unwrap(), content);
        }
    }
    assert_eq!(programs::names(&scratch.path("d")), ["end", "far", "middle"]);
}

#[test]
fn paths_as_long_as_can_be() {
    let scratch = Scratch::new();
    let content = bytes(1000);
    scratch.file("one", &content);
    let name = "n".repeat(255);
    done(cp(&scratch, &["one", &name]));
    assert!(fs::read(scratch.path(&name)).unwrap() == content, "another content");
    // A path may have 4,095 bytes, but not 4,096; the unfinished copy's name has 255 at most.
    let slashes = |len: usize| format!(".{}one2", "/".repeat(len - 5));
    done(cp(&scratch, &["one", &slashes(4000)]));
    assert!(fs::read(scratch.path("one2")).unwrap() == content, "another content");
    let outcome = cp(&scratch, &["one", &slashes(4096)]);
    assert!(outcome.status == 1 && outcome.err.ends_with("cannot be written: ENAMETOOLONG\n"), "{outcome:?}");
}

#[test]
fn arguments() {
    let scratch = Scratch::new();
    scratch.file("-x", "dash");
    scratch.file("one", "one");
    for wrong in [&[][..], &["one"], &["one", "two", "three"], &["-x", "two"], &["--", "one"], &["one", "two", ""]] {
        assert_eq!(cp(&scratch, wrong), Outcome::new(2, "usage: cp SRC DST\n"), "{wrong:?}");
    }
    let help = "usage: cp SRC DST\nCopies the file SRC to the file DST, or into the directory DST.\n";
    assert_eq!(cp(&scratch, &["--help"]), Outcome { status: 0, out: help.into(), err: String::new() });
    done(cp(&scratch, &["--", "-x", "two"]));
    assert_eq!(fs::read_to_string(scratch.path("two")).unwrap(), "dash");
    // A single dash is a file name.
    assert_eq!(cp(&scratch, &["-", "two"]), Outcome::new(1, "cp: '-': cannot open: ENOENT\n"));
}

#[test]
fn a_program_that_runs_goes_on_with_its_old_file() {
    let scratch = Scratch::new();
    let sleep = scratch.path("sleep");
    // Another process writes the program. If this one did, a child that another test forks at that moment would hold the file
    // open for writing, and a file that is open for writing can't be started.
    assert!(Command::new("cp").arg("/bin/sleep").arg(&sleep).status().unwrap().success());
    let running = start(Command::new(&sleep).arg("30"));
    let busy = File::options().write(true).open(&sleep).unwrap_err();
    assert_eq!(busy.raw_os_error(), Some(linux_raw_sys::errno::ETXTBSY.cast_signed()));
    scratch.file("one", "new");
    done(cp(&scratch, &["one", "sleep"]));
    assert_eq!(fs::read_to_string(&sleep).unwrap(), "new");
    running.signal(Signal::KILL);
    assert_eq!(running.end().status, -9);
}

#[test]
fn what_is_no_regular_file_is_read_to_its_end_and_written_as_it_is() {
    let scratch = Scratch::new();
    let content = bytes(300_001);
    scratch.file("one", &content);
    let fifo = scratch.fifo("fifo");
    // The first cp waits until a writer opens the pipe, which the second cp does.
    let reading = start(&mut command(&scratch, &["fifo", "to"]));
    programs::until("a thread of the kernel's waits for the pipe", || reading.worker_waits());
    done(cp(&scratch, &["one", "fifo"]));
    done(reading.end());
    assert!(fs::read(scratch.path("to")).unwrap() == content, "another content");
    assert!(!fs::metadata(fifo).unwrap().is_file());
    let mut whole = command(&scratch, &["one", "/dev/stdout"]);
    whole.stdout(Stdio::piped());
    let mut child = whole.spawn().unwrap();
    let mut got = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut got).unwrap();
    assert!(ends(&mut child) == 0 && got == content, "another content");
    assert_eq!(cp(&scratch, &["one", "/dev/full"]), Outcome::new(1, "cp: '/dev/full': cannot be written: ENOSPC\n"));
    // One file has no size, the other a wrong one.
    for name in ["/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled"] {
        let Ok(expected) = fs::read(name) else {
            println!("skipped: no {name}");
            continue;
        };
        done(cp(&scratch, &[name, "to"]));
        assert_eq!(fs::read(scratch.path("to")).unwrap(), expected);
    }
}

#[test]
fn what_may_not_be_written_is_not_replaced() {
    let scratch = Scratch::new();
    if !rustix::process::getuid().is_root() {
        return println!("skipped: to run as nobody, this must be root");
    }
    let program = scratch.path("program");
    fs::copy(self::program("freestanding", "cp"), &program).unwrap();
    let one = scratch.file("one", "one");
    let to = scratch.file("to", "old");
    fs::set_permissions(&one, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&to, Permissions::from_mode(0o444)).unwrap();
    let nobody = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).args(arguments);
        run(command.current_dir(scratch.dir()))
    };
    assert_eq!(nobody(&["one", "to"]), Outcome::new(1, "cp: 'to': cannot be written: EACCES\n"));
    assert_eq!(fs::read_to_string(&to).unwrap(), "old");
    fs::set_permissions(&to, Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(&one, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(nobody(&["one", "to"]), Outcome::new(1, "cp: 'one': cannot open: EACCES\n"));
    assert_eq!(scratch.names(), ["one", "program", "to"]);
}

/// Returns what cp showed on a terminal while it copied a pipe that was fed for half a second.
fn shown(size: Option<usize>) -> String {
    let scratch = Scratch::new();
    let master = rustix::pty::openpt(
        rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY | rustix::pty::OpenptFlags::CLOEXEC,
    )
    .unwrap();
    rustix::pty::grantpt(&master).unwrap();
    rustix::pty::unlockpt(&master).unwrap();
    let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    scratch.file("one", vec![7; size.unwrap_or(0)]);
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let mut command = match size {
        // The pipe is fed slowly.
        Some(_) => command(&scratch, &["one", "/dev/stdout"]),
        None => command(&scratch, &["/dev/stdin", "to"]),
    };
    let (mut read, mut write) = (File::from(read), File::from(write));
    let keep = terminal.try_clone().unwrap();
    command.stderr(terminal);
    if size.is_some() {
        command.stdout(write).stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        drop(command);
        for _ in 0..5 {
            thread::sleep(Duration::from_millis(110));
            read.read_exact(&mut [0; 65_536]).unwrap();
        }
        read.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(ends(&mut child), 0);
    } else {
        command.stdin(read).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        drop(command);
        for _ in 0..5 {
            write.write_all(&[7; 2040]).unwrap();
            thread::sleep(Duration::from_millis(110));
        }
        drop(write);
        assert_eq!(ends(&mut child), 0);
    }
    // The bytes may take a moment to reach the terminal's other side.
    rustix::fs::fcntl_setfl(&master, rustix::fs::OFlags::NONBLOCK).unwrap();
    let mut text = Vec::new();
    for _ in 0..50 {
        let mut piece = [0; 4096];
        let count = rustix::io::read(&master, &mut piece).unwrap_or(0);
        text.extend(&piece[..count]);
        if text.ends_with(b"\x1b[K") {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    drop(keep);
    String::from_utf8(text).unwrap()
}

/// Returns the progress updates, each of which clears the line before it is written.
fn updates(text: &str) -> Vec<&str> {
    let mut updates: Vec<_> = text.split("\r\u{1b}[K").collect();
    assert_eq!((updates.remove(0), updates.pop()), ("", Some("")), "the line is left empty: {text:?}");
    assert!((3..=9).contains(&updates.len()), "one each tenth of a second: {updates:?}");
    updates
}

#[test]
fn a_terminal_is_shown_how_far_it_is() {
    let text = shown(None);
    for update in updates(&text) {
        assert!(["1.9 KiB", "3.9 KiB", "5.9 KiB", "7.9 KiB", "9.9 KiB"].contains(&update), "{text:?}");
    }
    let text = shown(Some(2 << 20));
    let updates = updates(&text);
    let percents: Vec<u32> = updates.iter().map(|update| update.split('%').next().unwrap().parse().unwrap()).collect();
    assert!(percents.is_sorted() && percents.iter().all(|&percent| percent <= 100), "{updates:?}");
    for (update, percent) in updates.iter().zip(percents) {
        let done = update.strip_prefix(&format!("{percent}% ")).and_then(|rest| rest.strip_suffix(" of 2.0 MiB"));
        let done = done.unwrap_or_else(|| panic!("{update:?}"));
        let kib = done.strip_suffix(" KiB").map(|kib| kib.parse::<f64>().unwrap() * 1024.0);
        let bytes = kib.or(done.strip_suffix(" bytes").map(|bytes| bytes.parse().unwrap()));
        let bytes = bytes.unwrap_or_else(|| done.strip_suffix(" MiB").unwrap().parse::<f64>().unwrap() * 1_048_576.0);
        assert!((bytes * 100.0 / 2_097_152.0 - f64::from(percent)).abs() < 5.1, "{update:?}");
    }
}

#[test]
fn nothing_is_shown_where_there_is_no_terminal() {
    let scratch = Scratch::new();
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let mut command = command(&scratch, &["/dev/stdin", "to"]);
    command.stdin(read);
    let writer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(250));
        File::from(write).write_all(b"late").unwrap();
    });
    done(run_with(&mut command));
    writer.join().unwrap();
    assert_eq!(fs::read_to_string(scratch.path("to")).unwrap(), "late");
}

#[test]
fn a_file_system_without_room_leaves_what_was_there() {
    let scratch = Scratch::new();
    let script = "mount -t tmpfs -o size=1m none small && cd small || exit 9; echo old >to; \"$0\" \"$1\" to; status=$?; ls -A; cat to; exit $status";
    let big = scratch.file("big", bytes(3_000_000));
    let mut unshare = Command::new("unshare");
    fs::create_dir(scratch.path("small")).unwrap();
    unshare.args(["--mount", "sh", "-c", &format!("cd {}; {script}", scratch.dir().display())]);
    let outcome = run(unshare.arg(program("freestanding", "cp")).arg(big));
    if outcome.status == 9 || outcome.err.starts_with("unshare:") {
        return println!("skipped: no mount namespace: {}", outcome.err);
    }
    let expected =
        Outcome { status: 1, out: b"to\nold\n".to_vec(), err: "cp: 'to': cannot be written: ENOSPC\n".into() };
    assert_eq!(outcome, expected);
}

/// Shows that a fast writer loses nothing: it goes on as soon as cp has the pipe open, and may have written everything and
/// closed its side before cp takes the next step.
#[test]
fn a_writer_that_is_done_before_the_first_read_is_read_nevertheless() {
    let scratch = Scratch::new();
    let fifo = scratch.fifo("fifo");
    let outcome = thread::scope(|scope| {
        let mut writer = Some(scope.spawn(|| programs::write_to_reader(&fifo, b"written at once")));
        trace(&mut command(&scratch, &["fifo", "to"]), |_, moment| {
            if let Moment::Completion(request, _) = moment
                && request.opcode == op::IORING_OP_OPENAT as u8
                && let Some(writer) = writer.take()
            {
                writer.join().unwrap();
            }
        })
    });
    done(outcome);
    assert_eq!(fs::read_to_string(scratch.path("to")).unwrap(), "written at once");
}
