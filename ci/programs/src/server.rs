//! Servers that run while a test talks to them.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::{LIMIT, ends, heeding, until, wait};

/// A server that runs. It is killed at the test's end if it still does.
pub struct Server {
    child: Child,
    _out: ChildStdout,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
}

impl Server {
    /// Starts it, and waits until it says where it listens.
    ///
    /// # Panics
    ///
    /// If it does not say that within [`LIMIT`], as `listening on 127.0.0.1:PORT`.
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

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the server runs");
    }

    /// Waits for its end: its exit status, or the negated number of the signal that ended it.
    ///
    /// # Panics
    ///
    /// If that takes longer than [`LIMIT`].
    pub fn end(mut self) -> i32 {
        ends(&mut self.child)
    }

    /// A connection to it, reads and writes of which fail after [`LIMIT`].
    ///
    /// # Panics
    ///
    /// If it refuses.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect_timeout(&self.address(), LIMIT).expect("the server takes connections");
        stream.set_read_timeout(Some(LIMIT)).expect("a socket");
        stream.set_write_timeout(Some(LIMIT)).expect("a socket");
        stream
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The descriptors that it has open.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("the server runs").count()
    }

    /// Waits until it has so many descriptors open.
    ///
    /// # Panics
    ///
    /// If it has not within [`LIMIT`].
    #[track_caller]
    pub fn settles(&self, files: usize) {
        until("the server has closed its files", || self.files() == files);
    }

    /// Nanoseconds of processor time that it has used.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn busy(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/schedstat", self.pid())).expect("the server runs");
        Duration::from_nanos(stat.split(' ').next().and_then(|first| first.parse().ok()).expect("a number"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
