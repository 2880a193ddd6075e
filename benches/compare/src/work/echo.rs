//! A TCP echo server, and clients that keep it busy from the same processor.
//!
//! Server and clients share one processor, so that the result does not depend on where the scheduler puts them. The
//! clients send on every connection and then wait for every answer; the server runs while they wait.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::measure::{Column, Lack, Opened, Row};

/// Bytes of a message.
pub const MESSAGE: usize = 64;
/// Numbers of connections, one column each.
pub const CONNECTIONS: [usize; 2] = [1, 50];
/// Entries of the servers' rings, and buffers of their buffer rings.
pub const ENTRIES: u32 = 128;

/// How the server receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiveMode {
    /// One receive for each message.
    Plain,
    /// One multishot receive, into buffers of a provided buffer ring.
    Multishot,
}

/// The fields of a completion that the server needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Event {
    pub tag: u64,
    pub result: i32,
    /// The request stays active.
    pub more: bool,
    /// For a multishot receive: the buffer's ID and its bytes.
    pub buffer: Option<(u16, *const u8)>,
}

/// The operations of a ring that the server uses.
pub trait EchoRing {
    /// Receives into the connection's memory.
    fn recv(&mut self, fd: RawFd, into: *mut u8, tag: u64);
    /// Starts a multishot receive into the ring's buffers.
    fn recv_multishot(&mut self, fd: RawFd, tag: u64);
    fn send(&mut self, fd: RawFd, from: *const u8, len: usize, tag: u64);
    /// Submits and waits for a completion.
    fn wait(&mut self);
    /// Takes as many completions as fit, and returns how many.
    fn reap(&mut self, into: &mut [Event]) -> usize;
    /// Gives a buffer back to the ring.
    fn recycle(&mut self, buffer: u16);
}

/// A server that answers messages on all connections.
pub trait Server {
    /// Starts to receive on the connections.
    fn begin(&mut self, connections: &[RawFd]);
    /// Serves until `messages` were answered.
    fn serve(&mut self, messages: u64);
}

const SEND: u64 = 1 << 32;

/// The server over a ring, the same for every library.
pub struct RingServer<R> {
    ring: R,
    mode: ReceiveMode,
    fds: Vec<RawFd>,
    memory: Vec<[u8; MESSAGE]>,
}

impl<R: EchoRing> RingServer<R> {
    #[inline(always)]
    fn receive(&mut self, at: usize) {
        match self.mode {
            ReceiveMode::Plain => self.ring.recv(self.fds[at], self.memory[at].as_mut_ptr(), at as u64),
            ReceiveMode::Multishot => self.ring.recv_multishot(self.fds[at], at as u64),
        }
    }

    /// Queues the request that follows from a completion. Returns whether the completion is that of an answer.
    #[inline(always)]
    fn handle(&mut self, event: Event) -> bool {
        let at = (event.tag & 0xffff) as usize;
        assert!(event.result > 0, "request {:#x} failed: {}", event.tag, event.result);
        if event.tag & SEND != 0 {
            assert_eq!(event.result as usize, MESSAGE);
            match self.mode {
                ReceiveMode::Plain => self.receive(at),
                ReceiveMode::Multishot => self.ring.recycle((event.tag >> 16) as u16),
            }
            return true;
        }
        let len = event.result as usize;
        let (buffer, bytes) = event.buffer.unwrap_or((0, self.memory[at].as_ptr()));
        self.ring.send(self.fds[at], bytes, len, SEND | u64::from(buffer) << 16 | at as u64);
        if self.mode == ReceiveMode::Multishot && !event.more {
            self.receive(at);
        }
        false
    }
}

impl<R: EchoRing> Server for RingServer<R> {
    fn begin(&mut self, connections: &[RawFd]) {
        self.fds = connections.to_vec();
        self.memory = vec![[0; MESSAGE]; connections.len()];
        (0..connections.len()).for_each(|at| self.receive(at));
    }

    fn serve(&mut self, messages: u64) {
        let mut events = [Event::default(); ENTRIES as usize];
        let mut answered = 0;
        while answered < messages {
            self.ring.wait();
            let count = self.ring.reap(&mut events);
            for event in &events[..count] {
                answered += u64::from(self.handle(*event));
            }
        }
    }
}

/// The server of a program without a ring.
struct Epoll(RawFd);

impl Server for Epoll {
    fn begin(&mut self, connections: &[RawFd]) {
        // SAFETY: the call takes a number only.
        self.0 = unsafe { libc::epoll_create1(0) };
        for fd in connections {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: *fd as u64 };
            // SAFETY: the pointer is to a local variable.
            assert_eq!(unsafe { libc::epoll_ctl(self.0, libc::EPOLL_CTL_ADD, *fd, &raw mut event) }, 0);
        }
    }

    fn serve(&mut self, messages: u64) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; ENTRIES as usize];
        let mut answered = 0;
        while answered < messages {
            // SAFETY: the length is that of the array.
            let count = unsafe { libc::epoll_wait(self.0, events.as_mut_ptr(), events.len() as i32, -1) };
            for event in &events[..count.max(0) as usize] {
                let (fd, mut bytes) = (event.u64 as i32, [0_u8; MESSAGE]);
                // SAFETY: the length is that of the buffer.
                let len = unsafe { libc::recv(fd, bytes.as_mut_ptr().cast(), MESSAGE, 0) };
                assert!(len > 0, "receive failed");
                // SAFETY: the kernel has written `len` bytes of the buffer.
                assert_eq!(unsafe { libc::send(fd, bytes.as_ptr().cast(), len as usize, 0) }, MESSAGE as isize);
                answered += 1;
            }
        }
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        // SAFETY: the file descriptor is this server's.
        unsafe { libc::close(self.0) };
    }
}

pub fn epoll_row() -> Opened {
    Ok(Box::new(Scenes(CONNECTIONS.map(|count| Scene::new(Box::new(Epoll(-1)), count)))))
}

/// Makes the row of a library.
pub fn row<R: EchoRing + 'static>(mode: ReceiveMode, mut open: impl FnMut() -> Result<R, Lack>) -> Opened {
    let mut scene = |count| {
        let server = RingServer { ring: open()?, mode, fds: Vec::new(), memory: Vec::new() };
        Ok::<_, Lack>(Scene::new(Box::new(server), count))
    };
    Ok(Box::new(Scenes([scene(CONNECTIONS[0])?, scene(CONNECTIONS[1])?])))
}

/// A server with its connections, and the thread that plays the clients.
struct Scene {
    server: Box<dyn Server>,
    /// Closed after the server was dropped.
    _accepted: Vec<TcpStream>,
    start: Option<Sender<u32>>,
    done: Receiver<()>,
    clients: Option<JoinHandle<()>>,
    count: usize,
}

struct Scenes([Scene; 2]);

impl Scene {
    fn new(mut server: Box<dyn Server>, count: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let (mut near, mut accepted) = (Vec::new(), Vec::new());
        for _ in 0..count {
            near.push(TcpStream::connect(address).expect("our own port"));
            accepted.push(listener.accept().expect("connected").0);
        }
        near.iter().chain(&accepted).for_each(|stream| stream.set_nodelay(true).expect("TCP"));
        server.begin(&accepted.iter().map(AsRawFd::as_raw_fd).collect::<Vec<_>>());
        let (start, started) = channel();
        let (finish, done) = channel();
        let clients = thread::spawn(move || clients(near, &started, &finish));
        Self { server, _accepted: accepted, start: Some(start), done, clients: Some(clients), count }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.start = None;
        self.clients.take().map(JoinHandle::join);
    }
}

/// Sends a message on every connection and then takes all answers, for as many rounds as `started` says. Checks that
/// each answer is what was sent.
fn clients(mut streams: Vec<TcpStream>, started: &Receiver<u32>, finish: &Sender<()>) {
    let mut number = 0_u64;
    for rounds in started {
        for _ in 0..rounds {
            let message = |at: usize| [(number + at as u64).to_ne_bytes(); MESSAGE / 8];
            for (at, stream) in streams.iter_mut().enumerate() {
                stream.write_all(message(at).as_flattened()).expect("the server lives");
            }
            for (at, stream) in streams.iter_mut().enumerate() {
                let mut answer = [0; MESSAGE];
                stream.read_exact(&mut answer).expect("the server answers");
                assert_eq!(answer, *message(at).as_flattened(), "not what was sent");
            }
            number += streams.len() as u64;
        }
        let _ = finish.send(());
    }
}

impl Row for Scenes {
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack> {
        let scene = &mut self.0[column];
        let start = Instant::now();
        scene.start.as_ref().expect("not dropped").send(rounds).expect("the clients live");
        scene.server.serve(u64::from(rounds) * scene.count as u64);
        scene.done.recv().expect("the clients live");
        Ok(start.elapsed())
    }
}

pub fn columns() -> Vec<Column> {
    CONNECTIONS
        .iter()
        .map(|count| Column::new(format!("{count} connection{}", if *count == 1 { "" } else { "s" }), *count as u32))
        .collect()
}
