//! Tests `echo`: each client gets back what it sent, whatever the others do.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use linux_raw_sys::errno::{ECONNABORTED, EINTR};
use linux_raw_sys::general::{__NR_setsockopt, O_CLOEXEC};
use linux_raw_sys::io_uring::io_uring_op as op;
use programs::server::{Server, ping, round_trip};
use programs::traced::{Moment, trace};
use programs::{Outcome, bytes, program, run};
use rustix::process::Signal;

fn echo(arguments: &[&str]) -> Command {
    let mut command = Command::new(program("freestanding", "echo"));
    command.args(arguments);
    command
}

/// Sends until the server takes no more for a while. With `small` the client's socket holds little.
fn hoard(server: &Server, small: bool) -> TcpStream {
    let mut stream = server.connect();
    if small {
        rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 4096).unwrap();
    }
    stream.set_nonblocking(true).unwrap();
    let mut idle = 0;
    while idle < 10 {
        match stream.write(&[0; 65_536]) {
            Ok(_) => idle = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                idle += 1;
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{error}"),
        }
    }
    stream
}

#[test]
fn what_is_sent_comes_back_and_then_the_end() {
    let server = Server::start(&mut echo(&[]));
    // The last length is more than all buffers together hold.
    for len in [0, 1, 4096, 4097, 5 << 20] {
        round_trip(server.connect(), len);
    }
}

#[test]
fn many_at_once_get_each_their_own() {
    let server = Server::start(&mut echo(&["0"]));
    let idle = server.files();
    let mut streams: Vec<_> = (0..300).map(|_| server.connect()).collect();
    for (number, stream) in (1..).zip(&mut streams) {
        stream.write_all(&bytes(number * 50)).unwrap();
    }
    for (number, stream) in (1..).zip(&mut streams) {
        let mut got = vec![0; number * 50];
        stream.read_exact(&mut got).unwrap();
        assert!(got == bytes(number * 50), "another content");
    }
    drop(streams);
    server.settles(idle);
}

#[test]
fn a_table_that_is_full_closes_more_at_once() {
    // This is a shell's usual limit; the server raises it.
    let mut usual = Command::new("sh");
    let server =
        Server::start(usual.args(["-c", "ulimit -S -n 1024; exec \"$0\""]).arg(program("freestanding", "echo")));
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < 4300) {
        return println!("skipped: {limit:?} files are too few");
    }
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
    let idle = server.files();
    let mut streams: Vec<_> = (0..4096).map(|_| server.connect()).collect();
    streams.iter_mut().for_each(ping);
    for _ in 0..20 {
        let got = server.connect().read(&mut [0]).map_err(|error| error.kind());
        assert!(matches!(got, Ok(0) | Err(ErrorKind::ConnectionReset)), "{got:?}");
    }
    assert_eq!(server.files(), idle + 4096);
    streams.iter_mut().for_each(ping);
    drop(streams);
    server.settles(idle);
    // Every place was taken, so a client that is served now has the place of one that left.
    round_trip(server.connect(), 10);
}

#[test]
fn who_never_reads_gets_a_part_of_the_buffers_only() {
    let server = Server::start(&mut echo(&[]));
    let mut others: Vec<_> = (0..20).map(|_| server.connect()).collect();
    let hogs: Vec<_> = (0..3).map(|_| hoard(&server, false)).collect();
    others.iter_mut().for_each(ping);
    round_trip(server.connect(), 100_000);
    // The clients get back what they sent once they read.
    for mut hog in hogs {
        hog.set_nonblocking(false).unwrap();
        hog.shutdown(Shutdown::Write).unwrap();
        let mut got = Vec::new();
        hog.read_to_end(&mut got).unwrap();
        assert!(got.len() > 1 << 20 && got.iter().all(|&byte| byte == 0), "{}", got.len());
    }
}

#[test]
fn who_starves_is_served_when_buffers_are_free_again() {
    let server = Server::start(&mut echo(&[]));
    let mut waiting: Vec<_> = (0..50).map(|_| server.connect()).collect();
    waiting.iter_mut().for_each(ping);
    let server = &server;
    // Each client that never reads comes to hold nine buffers at least: together more than there are. While the sockets still
    // take something, some buffers are free at times; in tests/echo_buffers.rs all are certainly held.
    let hogs: Vec<_> = thread::scope(|scope| {
        let hoards: Vec<_> = (0..130).map(|_| scope.spawn(|| hoard(server, true))).collect();
        hoards.into_iter().map(|hoard| hoard.join().unwrap()).collect()
    });
    waiting.extend((0..50).map(|_| server.connect()));
    for stream in &mut waiting {
        stream.write_all(b"hungry").unwrap();
    }
    drop(hogs);
    for stream in &mut waiting {
        let mut got = [0; 6];
        stream.read_exact(&mut got).unwrap();
        assert_eq!(got, *b"hungry");
    }
    waiting.iter_mut().for_each(ping);
}

#[test]
fn who_leaves_early_leaves_nothing() {
    let server = Server::start(&mut echo(&[]));
    let idle = server.files();
    for number in 0..60 {
        let mut stream = server.connect();
        stream.write_all(&bytes(if number % 3 == 0 { 300_000 } else { 1 })).unwrap();
        if number % 2 == 0 {
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
    }
    server.settles(idle);
    // No buffer was lost.
    round_trip(server.connect(), 8 << 20);
    server.settles(idle);
}

#[test]
fn with_few_files_it_serves_one_after_the_other_and_waits_without_turning() {
    let mut few = Command::new("sh");
    let server = Server::start(few.args(["-c", "ulimit -n 16; exec \"$0\""]).arg(program("freestanding", "echo")));
    let mut streams: Vec<_> = (0..40).map(|_| server.connect()).collect();
    ping(&mut streams[0]);
    thread::sleep(Duration::from_millis(100));
    let busy = server.busy_for(Duration::from_millis(500));
    assert!(busy < Duration::from_millis(100), "{busy:?} of processor time while it can do nothing");
    for mut stream in streams {
        ping(&mut stream);
    }
}

#[test]
fn it_does_nothing_while_nothing_comes() {
    let server = Server::start(&mut echo(&[]));
    let mut stream = server.connect();
    ping(&mut stream);
    thread::sleep(Duration::from_millis(50));
    let busy = server.busy_for(Duration::from_millis(300));
    assert!(busy < Duration::from_millis(20), "{busy:?} of processor time");
}

#[test]
fn a_signal_ends_it_and_its_port_is_free() {
    for signal in [Signal::INT, Signal::TERM] {
        let server = Server::start(&mut echo(&[]));
        let mut stream = server.connect();
        ping(&mut stream);
        let hog = hoard(&server, false);
        server.signal(signal);
        let port = server.port;
        assert_eq!(server.end(), 0);
        assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Ok(0));
        drop(hog);
        let again = Server::start(&mut echo(&[&port.to_string()]));
        assert_eq!(again.port, port);
        let taken = run(&mut echo(&[&port.to_string()]));
        assert_eq!(taken, Outcome::new(1, "echo: bind: EADDRINUSE\n"));
        let refused = TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), port)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "it listens on one address");
    }
}

#[test]
fn a_signal_that_is_ignored_stays_so() {
    let mut command = Command::new("env");
    let server = Server::start(command.arg("--ignore-signal=INT").arg(program("freestanding", "echo")));
    server.signal(Signal::INT);
    thread::sleep(Duration::from_millis(50));
    ping(&mut server.connect());
    server.signal(Signal::TERM);
    assert_eq!(server.end(), 0);
}

#[test]
fn it_ends_after_as_many_connections_as_asked_for() {
    let server = Server::start(&mut echo(&["--connections", "20"]));
    let mut stays = server.connect();
    for _ in 0..19 {
        round_trip(server.connect(), 10);
    }
    thread::sleep(Duration::from_millis(50));
    ping(&mut stays);
    stays.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stays.read(&mut [0]).unwrap(), 0);
    assert_eq!(server.end(), 0);
}

#[test]
fn arguments() {
    let usage = "usage: echo [PORT] [--connections N]\n";
    for wrong in [
        &["65536"][..],
        &["seven"],
        &[""],
        &["-1"],
        &["1", "2"],
        &["0", "--connections"],
        &["--connections", "x"],
        &["--connections", "18446744073709551616"],
        &["--connections", "1", "--connections", "1"],
    ] {
        assert_eq!(run(&mut echo(wrong)), Outcome::new(2, usage), "{wrong:?}");
    }
    let help = format!("{usage}Sends back what it receives on 127.0.0.1:PORT.\n");
    assert_eq!(run(&mut echo(&["0", "--help"])), Outcome { status: 0, out: help.into(), err: String::new() });
}

/// Runs an echo with some completions changed, and returns what one connection received for what it sent, and what happened.
fn traced(sends: &[u8], mut at: impl FnMut(&Moment<'_>) -> Option<i32> + Send) -> Vec<u8> {
    let mut command = echo(&["--connections", "1"]);
    command.stdin(Stdio::null());
    let (send, receive) = channel();
    thread::scope(|scope| {
        let tracing = scope.spawn(|| {
            trace(&mut command, |tracee, mut moment| {
                if let Some(port) = tracee.listens(&moment) {
                    send.send(port).unwrap();
                }
                let changed = at(&moment);
                if let (Moment::Completion(_, result), Some(changed)) = (&mut moment, changed) {
                    **result = changed;
                }
            })
        });
        let port = receive.recv_timeout(programs::LIMIT).unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(programs::LIMIT)).unwrap();
        stream.write_all(sends).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).unwrap();
        let outcome = tracing.join().unwrap();
        let said = format!("listening on 127.0.0.1:{port}\n");
        assert_eq!(outcome, Outcome { status: 0, out: said.into(), err: String::new() });
        got
    })
}

#[test]
fn a_short_send_is_gone_on_with_and_an_interrupted_one_made_again() {
    let send = op::IORING_OP_SEND as u8;
    // The kernel sent all bytes each time; the server goes on behind the count that it was told.
    let got = traced(b"0123456789", |moment| match moment {
        Moment::Completion(request, result) if request.opcode == send => Some((**result).min(4)),
        _ => None,
    });
    assert_eq!(got, b"012345678945678989");
    let mut nth = 0;
    let got = traced(b"0123456789", |moment| match moment {
        Moment::Completion(request, _) if request.opcode == send => {
            nth += 1;
            (nth == 1).then_some(-EINTR.cast_signed())
        }
        _ => None,
    });
    assert_eq!(got, b"01234567890123456789");
}

#[test]
fn a_client_that_has_gone_before_it_was_accepted_is_nothing() {
    let mut failed = false;
    let mut paused = false;
    // The accepted connection is lost by this; the test's second connection is served.
    let mut command = echo(&["--connections", "1"]);
    command.stdin(Stdio::null());
    let (send, receive) = channel();
    // The time counts from here on, since the program may have had to be built.
    let begin = Instant::now();
    thread::scope(|scope| {
        let tracing = scope.spawn(|| {
            trace(&mut command, |tracee, moment| {
                if let Some(port) = tracee.listens(&moment) {
                    send.send(port).unwrap();
                }
                match moment {
                    Moment::Completion(request, result)
                        if request.opcode == op::IORING_OP_ACCEPT as u8 && !std::mem::replace(&mut failed, true) =>
                    {
                        *result = -ECONNABORTED.cast_signed();
                    }
                    Moment::Request(request) => paused |= request.opcode == op::IORING_OP_TIMEOUT as u8,
                    _ => {}
                }
            })
        });
        let port = receive.recv_timeout(programs::LIMIT).unwrap();
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
        let second = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        second.set_read_timeout(Some(programs::LIMIT)).unwrap();
        round_trip(second, 10);
        assert_eq!(tracing.join().unwrap().status, 0);
    });
    assert!(!paused && begin.elapsed() < programs::LIMIT);
}

#[test]
fn sockets_are_close_on_exec_and_send_at_once() {
    let (mut flags, mut options) = (Vec::new(), Vec::new());
    let got = traced(b"x", |moment| {
        match *moment {
            Moment::Request(request) if request.opcode == op::IORING_OP_ACCEPT as u8 => flags.push(request.op_flags),
            // This is the type of the socket, with flags in it.
            Moment::Request(request) if request.opcode == op::IORING_OP_SOCKET as u8 => {
                flags.push(u32::try_from(request.offset).unwrap() & O_CLOEXEC);
            }
            Moment::Call(number, [_, level, name, ..]) if number == u64::from(__NR_setsockopt) => {
                options.push((level, name));
            }
            _ => {}
        }
        None
    });
    assert_eq!(got, b"x");
    // SO_REUSEADDR of SOL_SOCKET, TCP_NODELAY of IPPROTO_TCP.
    assert_eq!((flags, options), (vec![O_CLOEXEC; 2], vec![(1, 2), (6, 1)]));
}
