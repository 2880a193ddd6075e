//! Tasks that are polled when they were woken, and at no other time.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bare_uring::types::{AddressFamily, ShutdownHow, SocketType, Timespec};
use bare_uring::{Errno, Linux};
use bare_uring_ops::{Driver, File, Group, Slab, Storage, Wait};

use crate::setting::{PATIENCE, driver_of, free_buffers, listening, settle};
use crate::shared::Bell;

const CLIENTS: u8 = 20;
const ROUNDS: u8 = 10;

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    bell: Arc<Bell>,
    polls: usize,
}

/// Runs all futures, by their wakers alone, until each is over.
pub fn run(driver: &mut Driver<Linux>, futures: Vec<Pin<Box<dyn Future<Output = ()>>>>) {
    let mut tasks: Vec<_> = futures.into_iter().map(|future| Task { future, bell: Bell::new(), polls: 0 }).collect();
    let begin = Instant::now();
    while !tasks.is_empty() {
        // The first poll needs no call of the waker; each further poll needs one.
        tasks.retain_mut(|task| {
            if task.polls > task.bell.rings() {
                return true;
            }
            task.polls += 1;
            let waker = Waker::from(task.bell.clone());
            task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
        });
        assert!(begin.elapsed() < PATIENCE, "{} tasks were not woken", tasks.len());
        if !tasks.is_empty() {
            driver.turn(Wait::For(Timespec::new(0, 50_000_000))).expect("turn");
        }
    }
}

async fn serve(slab: &'static Slab, socket: File) {
    let mut pieces = slab.pieces(&socket);
    loop {
        match pieces.next().await {
            Some(Ok(mut piece)) => {
                while !piece.is_empty() {
                    let (sent, rest) = slab.send(&socket, piece).await;
                    assert!(sent.expect("send") > 0);
                    piece = rest;
                }
            }
            // The other tasks have all buffers, and will give them back.
            Some(Err(Errno::ENOBUFS)) => {
                assert_eq!(slab.ready_provided().await, Ok(()));
                pieces = slab.pieces(&socket);
            }
            // The other tasks have all room for completions, and will give it back.
            Some(Err(Errno::EAGAIN)) => {
                assert_eq!(slab.timeout(Duration::from_millis(1)).await, Err(Errno::ETIME));
                pieces = slab.pieces(&socket);
            }
            Some(Err(errno)) => panic!("{errno:?}"),
            None => return,
        }
    }
}

async fn talk(slab: &'static Slab, address: SocketAddr, number: u8, done: Rc<Cell<u8>>) {
    let socket = slab.socket(AddressFamily::INET, SocketType::STREAM, 0).await.expect("socket");
    assert_eq!(slab.connect(&socket, address).await, Ok(0));
    for round in 0..ROUNDS {
        let mut buffer = slab.buffer().expect("one each");
        assert_eq!(buffer.extend(&[number, round]), 2);
        let (sent, mut buffer) = slab.send(&socket, buffer).await;
        assert_eq!(sent, Ok(2));
        buffer.clear();
        while buffer.len() < 2 {
            let (received, more) = slab.receive(&socket, buffer).within(PATIENCE).await;
            assert!(received.expect("receive") > 0);
            buffer = more;
        }
        assert_eq!(*buffer, [number, round]);
    }
    assert_eq!(slab.shutdown(&socket, ShutdownHow::WRITE).await, Ok(0));
    done.set(done.get() + 1);
}

#[test]
fn a_server_and_its_clients_run_by_their_wakers_alone() {
    static STORAGE: Storage<128, 128, 32, 16> = Storage::new();
    static GROUP: Group<8, 16> = Group::new();
    let slab = STORAGE.start().expect("fresh");
    let mut driver = driver_of(slab);
    driver.provide(&GROUP).expect("provide");
    let (listener, address) = listening(slab);
    let done = Rc::new(Cell::new(0));
    let mut tasks: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    for _ in 0..CLIENTS {
        let listener = listener.clone();
        tasks.push(Box::pin(async move {
            let socket = slab.accept(&listener).await.expect("accept");
            serve(slab, socket).await;
        }));
    }
    for number in 0..CLIENTS {
        tasks.push(Box::pin(talk(slab, address, number, done.clone())));
    }
    run(&mut driver, tasks);
    assert_eq!(done.get(), CLIENTS);
    drop(listener);
    settle(&mut driver);
    assert_eq!(free_buffers(slab).len(), 32);
}
