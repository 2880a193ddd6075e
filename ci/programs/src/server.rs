//! Servers that run while a test talks to them.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::{LIMIT, bytes, ends, heeding, until, wait};

/// A running server. It is killed when dropped.
pub struct Server {
    child: Child,
    _out: ChildStdout,
    /// The port of 127.0.0.1 that the server listens at.
    pub port: u16,
}

impl Server {
    /// Starts a server, and waits until it prints where it listens.
    ///
    /// # Panics
    ///
    /// If the server does not print `listening on 127.0.0.1:PORT` within [`LIMIT`].
    pub fn start(command: &mut Command) -> Self {
        let command = heeding(command).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let mut out = child.stdout.take().expect("a pipe");
        let (send, receive) = channel();
        thread::spawn(move || {
            let mut line = Vec::new();
            let mut byte = [0];
            while !line.ends_with(b"\n") && out.read(&mut byte).is_ok_and(|count| count == 1) {
                line.push(byte[0]);
            }
            let _ = send.send((String::from_utf8_lossy(&line).into_owned(), out));
        });
        let Ok((line, out)) = receive.recv_timeout(LIMIT) else {
            let _ = child.kill();
            panic!("the server says nothing within {LIMIT:?}");
        };
        let port = line.strip_prefix("listening on 127.0.0.1:").and_then(|port| port.trim_end().parse().ok());
        let port = port.unwrap_or_else(|| panic!("the server says {line:?}, and then {:?}", wait(&mut child, LIMIT)));
        Self { child, _out: out, port }
    }

    /// Returns the server's process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends the server a signal.
    ///
    /// # Panics
    ///
    /// If the server has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the server runs");
    }

    /// Waits for the server's end, and returns its exit status, or the negated number of the signal that ended it.
    ///
    /// # Panics
    ///
    /// If the end takes longer than [`LIMIT`].
    pub fn end(mut self) -> i32 {
        ends(&mut self.child)
    }

    /// Connects to the server. Reads and writes of the connection fail after [`LIMIT`].
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect_timeout(&self.address(), LIMIT).expect("the server takes connections");
        stream.set_read_timeout(Some(LIMIT)).expect("a socket");
        stream.set_write_timeout(Some(LIMIT)).expect("a socket");
        stream
    }

    /// Returns the port that the server listens at.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Returns the descriptors that the server has open.
    ///
    /// # Panics
    ///
    /// If the server has ended.
    pub fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("the server runs").count()
    }

    /// Waits until the server has so many descriptors open.
    ///
    /// # Panics
    ///
    /// If the server does not come to that number within [`LIMIT`].
    #[track_caller]
    pub fn settles(&self, files: usize) {
        until("the server has closed its files", || self.files() == files);
    }

    /// Waits, and returns the processor time that the server uses meanwhile.
    ///
    /// # Panics
    ///
    /// If the server has ended.
    pub fn busy_for(&self, time: Duration) -> Duration {
        let used = || {
            let stat = fs::read_to_string(format!("/proc/{}/schedstat", self.pid())).expect("the server runs");
            Duration::from_nanos(stat.split(' ').next().and_then(|first| first.parse().ok()).expect("a number"))
        };
        let before = used();
        thread::sleep(time);
        used() - before
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one byte to a server, and checks that the byte comes back.
///
/// # Panics
///
/// If another byte comes back, or none.
#[track_caller]
pub fn ping(stream: &mut TcpStream) {
    stream.write_all(b"x").expect("a connection");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("an answer");
    assert_eq!(byte, *b"x");
}

/// Sends and receives at the same time, closes the sending side, and checks that all bytes come back, and then the end.
///
/// # Panics
///
/// If other bytes come back, or fewer.
pub fn round_trip(mut stream: TcpStream, len: usize) {
    let content = bytes(len);
    let mut sender = stream.try_clone().expect("a descriptor");
    let sent = content.clone();
    let sending = thread::spawn(move || {
        sender.write_all(&sent).expect("a connection");
        sender.shutdown(Shutdown::Write).expect("a connection");
    });
    let mut got = Vec::new();
    stream.read_to_end(&mut got).expect("a connection");
    sending.join().expect("all is sent");
    assert!(got == content, "{} of {len} bytes, or others", got.len());
}
