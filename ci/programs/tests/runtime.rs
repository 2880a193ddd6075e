//! Tests the runtime from outside by its smallest program, `mirror`: tasks, wake-ups, timers, signals.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use linux_raw_sys::general::{__NR_io_uring_enter, __NR_signalfd4, O_CLOEXEC};
use linux_raw_sys::io_uring::io_uring_op as op;
use programs::server::{Server, ping, round_trip};
use programs::traced::{Moment, trace};
use programs::{Outcome, program, run};
use rustix::process::Signal;

fn mirror() -> Command {
    Command::new(program("runtime", "mirror"))
}

#[test]
fn what_is_sent_comes_back_and_then_the_end() {
    let server = Server::start(&mut mirror());
    let idle = server.files();
    for len in [0, 1, 4096, 4097, 3 << 20] {
        round_trip(server.connect(), len);
    }
    server.settles(idle);
}

#[test]
fn a_task_for_each_connection_and_all_are_woken() {
    let server = Server::start(&mut mirror());
    let idle = server.files();
    let mut streams: Vec<_> = (0..256).map(|_| server.connect()).collect();
    for round in 1..4_u8 {
        for stream in &mut streams {
            stream.write_all(&[round; 100]).unwrap();
        }
        for stream in &mut streams {
            let mut got = [0; 100];
            stream.read_exact(&mut got).unwrap();
            assert_eq!(got, [round; 100]);
        }
    }
    // If all tasks are taken, the server closes the connection.
    let got = server.connect().read(&mut [0]).map_err(|error| error.kind());
    assert!(matches!(got, Ok(0) | Err(ErrorKind::ConnectionReset)), "{got:?}");
    drop(streams);
    server.settles(idle);
    round_trip(server.connect(), 100);
}

#[test]
fn it_does_nothing_while_nothing_comes() {
    let server = Server::start(&mut mirror());
    let mut stream = server.connect();
    ping(&mut stream);
    thread::sleep(Duration::from_millis(50));
    let busy = server.busy_for(Duration::from_millis(300));
    assert!(busy < Duration::from_millis(20), "{busy:?} of processor time");
}

#[test]
fn clients_that_never_read_leave_the_others_their_buffers() {
    let server = Server::start(&mut mirror());
    // Fifty clients that never read could hold all 1,024 buffers.
    let hogs: Vec<_> = (0..50)
        .map(|_| {
            let mut hog = server.connect();
            hog.set_nonblocking(true).unwrap();
            let mut idle = 0;
            while idle < 5 {
                if hog.write(&[0; 65_536]).is_ok() {
                    idle = 0;
                } else {
                    idle += 1;
                    thread::sleep(Duration::from_millis(2));
                }
            }
            hog
        })
        .collect();
    let mut stream = server.connect();
    let begin = Instant::now();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    println!("an answer took {took:?}");
    drop(hogs);
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    round_trip(server.connect(), 8 << 20);
}

#[test]
fn a_signal_ends_it_and_its_port_is_free() {
    for signal in [Signal::INT, Signal::TERM] {
        let server = Server::start(&mut mirror());
        let mut stream = server.connect();
        ping(&mut stream);
        server.signal(signal);
        let port = server.port;
        assert_eq!(server.end(), 0);
        assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Ok(0));
        let again = Server::start(mirror().arg(port.to_string()));
        assert_eq!(again.port, port);
        let refused = TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), port)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "it listens on one address");
        assert_eq!(run(mirror().arg(port.to_string())), Outcome::new(1, "mirror: EADDRINUSE\n"));
    }
    assert_eq!(run(mirror().arg("65536")), Outcome::new(2, "usage: mirror [PORT]\n"));
}

#[test]
fn a_signal_that_is_ignored_stays_so() {
    for (ignored, other) in [("INT", Signal::TERM), ("TERM", Signal::INT)] {
        let mut command = Command::new("env");
        let server = Server::start(command.arg(format!("--ignore-signal={ignored}")).arg(program("runtime", "mirror")));
        server.signal(if other == Signal::TERM { Signal::INT } else { Signal::TERM });
        thread::sleep(Duration::from_millis(50));
        round_trip(server.connect(), 10);
        server.signal(other);
        assert_eq!(server.end(), 0);
    }
}

#[test]
fn with_few_files_it_waits_without_turning() {
    let mut few = Command::new("sh");
    let server = Server::start(few.args(["-c", "ulimit -n 16; exec \"$0\""]).arg(program("runtime", "mirror")));
    let streams: Vec<_> = (0..40).map(|_| server.connect()).collect();
    thread::sleep(Duration::from_millis(100));
    let busy = server.busy_for(Duration::from_millis(500));
    assert!(busy < Duration::from_millis(100), "{busy:?} of processor time while it can do nothing");
    drop(streams);
    round_trip(server.connect(), 100);
}

#[test]
fn a_short_send_is_gone_on_with() {
    // The kernel sent all bytes each time; the program goes on behind the count that it was told.
    let calls = traced(4, |port, _| {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(programs::LIMIT)).unwrap();
        stream.write_all(b"0123456789").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"012345678945678989");
    });
    assert_eq!(calls.sends, [10, 6, 2]);
}

#[test]
fn a_burst_is_one_system_call() {
    // The runtime polls all tasks before it enters the kernel, so that their requests are submitted together.
    let calls = traced(i32::MAX, |port, pid| {
        let streams: Vec<_> = (0..40)
            .map(|_| {
                let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
                stream.set_read_timeout(Some(programs::LIMIT)).unwrap();
                ping(&mut stream);
                stream
            })
            .collect();
        rustix::process::kill_process(pid, Signal::STOP).unwrap();
        for mut stream in &streams {
            stream.write_all(b"y").unwrap();
        }
        rustix::process::kill_process(pid, Signal::CONT).unwrap();
        for mut stream in &streams {
            stream.read_exact(&mut [0]).unwrap();
        }
        drop(streams);
    });
    assert!(calls.most >= 20, "at most {} requests in one call", calls.most);
    assert_eq!((calls.signal_flags, calls.option_levels), (O_CLOEXEC.into(), vec![(1, 2), (6, 1)]));
}

/// The counts of what `mirror` did.
struct Calls {
    /// The largest number of requests in one call.
    most: u64,
    signal_flags: u64,
    /// The level and name of each socket option that was set.
    option_levels: Vec<(u64, u64)>,
    /// The length of each send.
    sends: Vec<u32>,
}

/// Runs `mirror` under a tracer, while `client` talks to it. The result of a send is `most_sent` at most.
fn traced(most_sent: i32, client: impl FnOnce(u16, rustix::process::Pid)) -> Calls {
    let mut calls = Calls { most: 0, signal_flags: 0, option_levels: Vec::new(), sends: Vec::new() };
    let (send, receive) = std::sync::mpsc::channel();
    let mut command = mirror();
    command.stdin(Stdio::null());
    thread::scope(|scope| {
        let seen = &mut calls;
        let tracing = scope.spawn(move || {
            trace(&mut command, |tracee, moment| {
                if let Some(port) = tracee.listens(&moment) {
                    send.send((port, tracee.pid)).unwrap();
                }
                match moment {
                    Moment::Call(number, [_, count, ..]) if number == u64::from(__NR_io_uring_enter) => {
                        seen.most = seen.most.max(count);
                    }
                    Moment::Call(number, [_, _, _, flags, ..]) if number == u64::from(__NR_signalfd4) => {
                        seen.signal_flags = flags;
                    }
                    // A socket command of the ring has the level and name in place of an address.
                    Moment::Request(request) if request.opcode == op::IORING_OP_URING_CMD as u8 => {
                        seen.option_levels.push((request.address & 0xffff_ffff, request.address >> 32));
                    }
                    Moment::Request(request) if request.opcode == op::IORING_OP_SEND as u8 => {
                        seen.sends.push(request.len);
                    }
                    Moment::Completion(request, result) if request.opcode == op::IORING_OP_SEND as u8 => {
                        *result = (*result).min(most_sent);
                    }
                    _ => {}
                }
            })
        });
        let (port, pid) = receive.recv_timeout(programs::LIMIT).unwrap();
        client(port, pid);
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        assert_eq!(tracing.join().unwrap().status, 0);
    });
    calls
}
