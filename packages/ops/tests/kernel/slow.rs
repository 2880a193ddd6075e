//! One client that sends and never reads, among others.

use std::cell::Cell;
use std::future::Future;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use bare_uring::Errno;
use bare_uring_ops::{Driver, File, Group, Slab, Storage};

use crate::server::run;
use crate::setting::{PATIENCE, driver_with, listening, settle};

const CLIENTS: usize = 50;
const ROUNDS: usize = 5;
const SIZE: usize = 1024;
/// Provided buffers: fewer than two for each client.
const PIECES: usize = 64;
const SHARE: u16 = 2;

/// Sends back what comes, a share of the buffers at a time. Notes how many wait in the stream, at most.
async fn serve(slab: &'static Slab, socket: File, most: Rc<Cell<usize>>) {
    let mut pieces = slab.pieces_at_most(&socket, SHARE);
    loop {
        match pieces.next().await {
            Some(Ok(mut piece)) => {
                while !piece.is_empty() {
                    let (sent, rest) = slab.send(&socket, piece).await;
                    most.set(most.get().max(pieces.waiting()));
                    // The client that never reads goes in the end.
                    if sent.is_err() {
                        return;
                    }
                    piece = rest;
                }
            }
            Some(Err(Errno::ENOBUFS)) => {
                assert_eq!(slab.ready_provided().await, Ok(()));
                pieces = slab.pieces_at_most(&socket, SHARE);
            }
            _ => return,
        }
    }
}

/// Sends until the server takes no more.
fn stuff(client: &mut TcpStream) {
    let mut last = Instant::now();
    while last.elapsed() < Duration::from_millis(100) {
        match client.write(&[7; 64 * 1024]) {
            Ok(_) => last = Instant::now(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Talks to the server as 50 clients, of which the first never reads if it is `bad`. Gives the time that the slowest
/// answer to any of the others took.
fn talk(address: SocketAddr, bad: bool) -> Duration {
    let connect = |_| TcpStream::connect(address).expect("connect");
    let mut clients: Vec<_> = (0..CLIENTS).map(connect).collect();
    let mut first = clients.remove(0);
    first.set_nonblocking(true).expect("nonblocking");
    if bad {
        stuff(&mut first);
    }
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let begin = Instant::now();
        for (number, client) in clients.iter_mut().enumerate() {
            client.set_read_timeout(Some(PATIENCE)).expect("timeout");
            client.write_all(&[(number + round) as u8; SIZE]).expect("write");
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let mut answer = [0; SIZE];
            client.read_exact(&mut answer).expect("an answer");
            assert_eq!(answer, [(number + round) as u8; SIZE]);
            slowest = slowest.max(begin.elapsed());
        }
    }
    slowest
}

/// Serves the clients of one `talk`. Gives also how many pieces waited in a stream, at most, and the buffers in use.
fn time(bad: bool) -> (Duration, usize, usize) {
    let slab = Box::leak(Box::new(Storage::<256, 64, 4, 64>::new())).start().expect("fresh");
    let mut driver: Driver<_> = driver_with(slab, 256);
    driver.provide(Box::leak(Box::new(Group::<PIECES, SIZE>::new()))).expect("provide");
    let (listener, address) = listening(slab);
    let clients = thread::spawn(move || talk(address, bad));
    let most = Rc::new(Cell::new(0));
    let serving = (0..CLIENTS).map(|_| {
        let (listener, most) = (listener.clone(), most.clone());
        Box::pin(async move {
            let socket = slab.accept(&listener).await.expect("accept");
            serve(slab, socket, most).await;
        }) as Pin<Box<dyn Future<Output = ()>>>
    });
    run(&mut driver, serving.collect());
    settle(&mut driver);
    (clients.join().expect("the clients"), most.get(), slab.figures().provided.used)
}

#[test]
fn a_client_that_never_reads_does_not_slow_the_others_down() {
    // The least of several, because other programs run on this machine.
    let (mut without, mut with) = (Duration::MAX, Duration::MAX);
    for _ in 0..12 {
        without = without.min(time(false).0);
        let (slowest, waited, left) = time(true);
        with = with.min(slowest);
        // That a share is used up is shown on the simulated kernel. Here the server may get so little of the processor that
        // it is still sending what it has when the client goes.
        assert!(waited <= usize::from(SHARE) && left == 0, "{waited} waited, {left} are left");
    }
    println!("slowest answer: {without:?} without it, {with:?} with it");
    assert!(with < 2 * without, "{without:?} without it, {with:?} with it");
}
