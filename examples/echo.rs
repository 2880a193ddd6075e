//! A TCP server whose buffers belong to the ring, and not to a connection.
//!
//! A connection that waits for data holds no memory: the kernel picks a buffer when data has arrived. The server sends
//! from that buffer, and recycles it when the send is done. One accept request gives all connections.
//! The program runs its own clients, so that it ends. Needs Linux 6.4.

use std::collections::HashMap;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

use bare_uring::register::buf_ring::{BufRingMemory, BufRingOptions, Buffer, BufferState};
use bare_uring::types::{Fd, MsgFlags, RawFd};
use bare_uring::{Errno, IoUring, opcode};

const GROUP: u16 = 0;
const BUFFERS: usize = 16;
const CLIENTS: usize = 4;
/// User data: what the request does in the high half, the connection's file descriptor in the low half.
const ACCEPT: u64 = 1 << 32;
const RECV: u64 = 2 << 32;
const SEND: u64 = 3 << 32;
const CLOSE: u64 = 4 << 32;

/// Sends 1000 bytes and says whether they came back.
fn client(address: SocketAddr) -> std::io::Result<bool> {
    let (mut stream, mut back) = (TcpStream::connect(address)?, [0; 1000]);
    stream.write_all(&[7; 1000])?;
    stream.read_exact(&mut back).map(|()| back == [7; 1000])
}

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let clients: Vec<_> = (0..CLIENTS).map(|_| std::thread::spawn(move || client(address))).collect();
    let accept = opcode::Accept::multi(Fd(listener.as_raw_fd())).build().user_data(ACCEPT);
    let recv = |fd| opcode::Recv::new(Fd(fd), null_mut(), 0).buf_group(GROUP).build().user_data(RECV | fd as u64);
    let mut ring = IoUring::new(64)?;
    // The kernel allocates the buffer ring's entries; the buffers are the program's, and are leaked.
    let memory = BufRingMemory {
        entries: &mut [],
        buffers: vec![0; BUFFERS * 2048].leak(),
        states: Box::leak(Box::new([BufferState::NEW; BUFFERS])),
    };
    let mut buffers = ring.submitter().register_buf_ring_mapped(GROUP, memory, BufRingOptions::new())?;
    let mut sending: HashMap<RawFd, Buffer> = HashMap::new();
    let (mut next, mut closed) = (vec![accept], 0);
    while closed < CLIENTS {
        // SAFETY: each send's buffer is kept in `sending` until its completion; the other requests point to no memory.
        unsafe { ring.submission().push_multiple(&next) }.map_err(|error| error.to_string())?;
        next.clear();
        ring.submit_and_wait(1)?;
        for cqe in ring.completion() {
            let (kind, fd) = (cqe.user_data() & (0xff << 32), cqe.user_data() as RawFd);
            match (kind, cqe.outcome()) {
                (ACCEPT, outcome) => next.push(recv(outcome? as RawFd)),
                (RECV, Ok(1..)) => {
                    // SAFETY: the completion comes from the ring that the buffers belong to, and is taken once.
                    let buffer = unsafe { buffers.take(&cqe) }.ok_or("no buffer")?;
                    let send = opcode::Send::new(Fd(fd), buffer.as_ptr(), buffer.len() as u32).flags(MsgFlags::WAITALL);
                    next.push(send.build().user_data(SEND | fd as u64));
                    sending.insert(fd, buffer);
                }
                (SEND, _) => {
                    sending.remove(&fd).and_then(|sent| buffers.recycle(sent).ok()).ok_or("no such send")?;
                    next.push(recv(fd));
                }
                // Other connections hold all buffers; those come back, so try again.
                (RECV, Err(Errno::ENOBUFS)) => next.push(recv(fd)),
                (RECV, _) => next.push(opcode::Close::new(Fd(fd)).build().user_data(CLOSE)),
                (_, outcome) => closed += outcome.map(|_| 1)?,
            }
        }
        buffers.publish();
    }
    println!("{closed} connections; all came back: {}", clients.into_iter().all(|c| matches!(c.join(), Ok(Ok(true)))));
    Ok(())
}
