//! What a client of the web server does, over a plain socket.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

/// An answer of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, up to and with the empty line.
    pub head: String,
    /// The body, of the length that the head names.
    pub body: Vec<u8>,
}

/// A connection to the server.
pub struct Client {
    /// The socket.
    pub stream: TcpStream,
    /// The received bytes that belong to no answer yet.
    rest: Vec<u8>,
}

impl Client {
    /// Makes a client of a connected socket.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, rest: Vec::new() }
    }

    /// Sends bytes.
    ///
    /// # Panics
    ///
    /// If the server does not take the bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("the server takes it");
        self
    }

    /// Closes the sending side.
    pub fn finish(&mut self) -> &mut Self {
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// Asks for a path, and returns the answer.
    ///
    /// # Panics
    ///
    /// If no whole answer comes.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).answer()
    }

    fn more(&mut self) -> bool {
        let mut piece = vec![0; 65_536];
        match self.stream.read(&mut piece) {
            Ok(count) => {
                self.rest.extend(&piece[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&self.rest)),
        }
    }

    /// Returns the next answer's head.
    ///
    /// # Panics
    ///
    /// If the connection ends before the head does.
    #[track_caller]
    pub fn head(&mut self) -> Answer {
        loop {
            if let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8(self.rest.drain(..end + 4).collect()).expect("text");
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
                return Answer { status, head, body: Vec::new() };
            }
            assert!(self.more(), "the end, after {:?}", String::from_utf8_lossy(&self.rest));
        }
    }

    /// Returns the next answer.
    ///
    /// # Panics
    ///
    /// If the connection ends before the answer does.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer.head.split("Content-Length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length = length.and_then(|digits| digits.parse().ok()).expect("a length");
        while self.rest.len() < length {
            assert!(self.more(), "the end, after {} of {length} bytes", self.rest.len());
        }
        answer.body = self.rest.drain(..length).collect();
        answer
    }

    /// Returns all bytes that come until the server ends the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.rest)
    }

    /// Returns the statuses of all answers, up to the end of the connection.
    ///
    /// # Panics
    ///
    /// If there are more answers than a test asks for.
    #[track_caller]
    pub fn statuses(&mut self) -> Vec<u16> {
        let mut statuses = Vec::new();
        while !self.rest.is_empty() || self.more() {
            statuses.push(self.answer().status);
            assert!(statuses.len() < 100, "no end of answers");
        }
        statuses
    }
}
