//! Zero copy: a send straight from the program's buffer, and when that buffer may be used again.
//!
//! Such a request completes twice: first with the number of bytes sent and `more`, then with a notification (`NOTIF`)
//! when the network no longer needs the memory. Until then the network may still read the buffer. Needs Linux 6.0.

use std::error::Error;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;

use bare_uring::cqueue::Flags;
use bare_uring::types::{Fd, MsgFlags};
use bare_uring::{IoUring, opcode};

const LEN: usize = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    let (mut peer, _) = listener.accept()?;
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        peer.read_to_end(&mut bytes).map(|_| bytes)
    });

    let mut ring = IoUring::new(8)?;
    let mut buffer = vec![7_u8; LEN];
    let (mut sent, mut outstanding) = (0, 0);
    while sent < LEN || outstanding > 0 {
        if sent < LEN && outstanding == 0 {
            let rest = &buffer[sent..];
            let send = opcode::SendZc::new(Fd(stream.as_raw_fd()), rest.as_ptr(), rest.len() as u32);
            // SAFETY: nothing writes to the buffer before the notification below.
            unsafe { ring.submission().push(send.flags(MsgFlags::WAITALL).build())? };
            outstanding = 1;
        }
        ring.submit_and_wait(1)?;
        for cqe in ring.completion() {
            if cqe.flags().contains(Flags::NOTIF) {
                println!("the buffer is free again");
                outstanding -= 1;
                continue;
            }
            sent += cqe.outcome()? as usize;
            // Without `more` no notification follows: nothing was handed to the network.
            if !cqe.more() {
                outstanding -= 1;
            }
        }
    }
    buffer.fill(0);
    drop(stream);
    let received = reader.join().map_err(|_| "the reader panicked")??;
    println!("{} bytes arrived, all as they were: {}", received.len(), received.iter().all(|&byte| byte == 7));
    Ok(())
}
