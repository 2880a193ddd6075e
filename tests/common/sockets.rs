//! Sockets of this machine, and buffers for what comes out of them.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use bare_uring::register::buf_ring::{BufRing, BufRingEntry, BufRingMemory, BufferState};
use bare_uring::squeue::Entry;
use bare_uring::{Errno, cqueue, opcode};

use super::any_ring::{AnyRing, Seen};
use super::memory;

/// Two ends of a TCP connection.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    near.set_nodelay(true).unwrap();
    (near, listener.accept().unwrap().0)
}

/// A UDP socket of its own port.
pub fn udp() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Memory for a ring of `count` buffers of `size` bytes, never freed.
pub fn provide(count: usize, size: usize) -> BufRingMemory {
    let ring = memory(count * size_of::<BufRingEntry>());
    // SAFETY: the memory is aligned to a page, long enough, this slice's alone, and any bytes will do.
    let entries = unsafe { std::slice::from_raw_parts_mut(ring.as_mut_ptr().cast(), count) };
    BufRingMemory { entries, buffers: vec![0; count * size].leak(), states: vec![BufferState::default(); count].leak() }
}

/// What a completion brings in the buffers of a group: pairs of id and content, put back at once.
pub fn content(buffers: &mut BufRing, cqe: &cqueue::Entry) -> Vec<(u16, Vec<u8>)> {
    // SAFETY: each test takes the completions of its own group, each once.
    let taken: Vec<_> = unsafe { buffers.take_bundle(cqe) }.collect();
    let seen = taken.iter().map(|buffer| (buffer.id(), buffer.to_vec())).collect();
    for buffer in taken {
        buffers.recycle(buffer).expect("of this group");
    }
    buffers.publish();
    seen
}

/// Starts a request that blocks, lets `before` do what it likes, and cancels it: its completion.
pub fn cancel(ring: &mut dyn AnyRing, entry: Entry) -> Seen {
    ring.push(entry.user_data(1));
    ring.push(opcode::AsyncCancel::new(1).build().user_data(2));
    let seen = ring.complete(2);
    assert_eq!((seen[1].user_data, seen[1].outcome), (2, Ok(0)), "{}", ring.kind());
    assert_eq!(seen[0].user_data, 1, "{}", ring.kind());
    seen[0]
}

/// Cancels the request, and checks that it ended as cancelled.
pub fn is_cancelled(ring: &mut dyn AnyRing, entry: Entry) {
    let seen = cancel(ring, entry);
    assert_eq!(seen.outcome, Err(Errno::ECANCELED), "{}", ring.kind());
    assert!(!seen.flags.contains(cqueue::Flags::MORE), "{}", ring.kind());
}
