//! Tests `echo` when no client takes its data: which clients hold its buffers, and which get them once they are free.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use linux_raw_sys::errno::{ECANCELED, EINTR, ENOBUFS};
use linux_raw_sys::io_uring::io_uring_op as op;
use programs::program;
use programs::traced::{Moment, trace};
use rustix::process::{Signal, kill_process};

/// The counts of an echo that receives and can't send.
#[derive(Default)]
struct Received {
    /// The number of buffers received.
    buffers: AtomicUsize,
    /// The results of the receives that ended, without the first client's, which only probed.
    ends: Mutex<Vec<i32>>,
    /// Whether sends get their true results.
    sends: AtomicBool,
}

/// Runs an echo whose sends all end as interrupted until it may send, so that it keeps all that it receives. So the
/// test does not depend on how much the sockets take.
fn unable_to_send(client: impl FnOnce(u16, &Received)) {
    // This port was free a moment ago.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let mut command = Command::new(program("freestanding", "echo"));
    command.arg(port.to_string()).stdin(Stdio::null());
    let received = Received::default();
    let (send, receive) = channel();
    thread::scope(|scope| {
        let tracing = scope.spawn(|| {
            trace(&mut command, |tracee, moment| match moment {
                Moment::Start => send.send(tracee.pid).unwrap(),
                Moment::Completion(request, result)
                    if request.opcode == op::IORING_OP_SEND as u8
                        && *result > 0
                        && !received.sends.load(Ordering::Relaxed) =>
                {
                    *result = -EINTR.cast_signed();
                }
                Moment::Completion(request, result) if request.opcode == op::IORING_OP_RECV as u8 => {
                    if *result > 0 {
                        received.buffers.fetch_add(1, Ordering::Relaxed);
                    } else {
                        received.ends.lock().unwrap().push(*result);
                    }
                }
                _ => {}
            })
        });
        let pid = receive.recv_timeout(programs::LIMIT).unwrap();
        programs::until("echo listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        programs::until("the one that only looked has gone", || received.ends.lock().unwrap().pop() == Some(0));
        client(port, &received);
        kill_process(pid, Signal::TERM).unwrap();
        assert_eq!(tracing.join().unwrap().status, 0);
    });
}

/// Connects to the echo, with writes that don't wait.
fn eager(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream
}

#[test]
fn a_client_to_whom_nothing_can_be_sent_is_stopped_long_before_all_buffers_are_its_own() {
    unable_to_send(|port, received| {
        let mut hog = eager(port);
        programs::until("the receive ends", || {
            let _ = hog.write(&[0; 65_536]);
            !received.ends.lock().unwrap().is_empty()
        });
        let buffers = received.buffers.load(Ordering::Relaxed);
        assert_eq!(*received.ends.lock().unwrap(), [-ECANCELED.cast_signed()], "after {buffers} buffers");
        // A client may hold 32, and the kernel delivers some more before it stops.
        assert!((32..256).contains(&buffers), "{buffers} buffers");
    });
}

#[test]
fn a_client_that_came_when_no_buffer_was_free_is_found_when_one_is() {
    unable_to_send(|port, received| {
        // Each client holds 32 at least before it is stopped.
        let mut hogs: Vec<_> = (0..40).map(|_| eager(port)).collect();
        programs::until("all buffers are in use", || {
            hogs.iter_mut().for_each(|hog| drop(hog.write(&[0; 65_536])));
            received.ends.lock().unwrap().contains(&-ENOBUFS.cast_signed())
        });
        assert_eq!(received.buffers.load(Ordering::Relaxed), 1024);
        let mut late = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        late.write_all(b"hungry").unwrap();
        late.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        late.read_exact(&mut [0]).unwrap_err();
        received.sends.store(true, Ordering::Relaxed);
        drop(hogs);
        late.set_read_timeout(Some(programs::LIMIT)).unwrap();
        let mut got = [0; 6];
        late.read_exact(&mut got).unwrap();
        assert_eq!(got, *b"hungry");
    });
}
