//! Waiting for room, and what a full slab costs meanwhile.

use std::cell::Cell;
use std::net::TcpStream;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bare_uring::Errno;
use bare_uring_ops::{File, Slab, Wait};

use crate::setting::{PATIENCE, connection, driver, listening, receiving, settle, turn_until};
use crate::shared::Bell;

/// Accepts connections as a server does, and counts them.
async fn accept(slab: &'static Slab, listener: File, accepted: Rc<Cell<usize>>) -> Result<(), Errno> {
    loop {
        let mut incoming = slab.incoming(&listener);
        while let Some(Ok(_)) = incoming.next().await {
            accepted.set(accepted.get() + 1);
        }
        drop(incoming);
        slab.ready().await?;
    }
}

#[test]
fn an_accept_loop_sleeps_while_the_slab_is_full() {
    let mut driver = driver();
    let slab = driver.slab();
    let (listener, address) = listening(slab);
    // All eight slots are taken: by four operations that wait for data, and four that nobody has started.
    let (server, _client) = connection(slab);
    let mut stuck: Vec<_> = (0..4).map(|_| receiving(slab, &server)).collect();
    let idle: Vec<_> = (0..4).map(|_| slab.nop()).collect();
    let accepted = Rc::new(Cell::new(0));
    let mut loops = pin!(accept(slab, listener, accepted.clone()));
    let bell = Bell::new();
    let waker = Waker::from(bell.clone());
    assert!(loops.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let connected = TcpStream::connect(address).expect("connect");
    let (begin, turns) = (Instant::now(), slab.figures().turns);
    while begin.elapsed() < Duration::from_millis(200) {
        driver.turn(Wait::For(Duration::from_millis(50).into())).expect("turn");
    }
    // One poll, and a turn for each wait.
    let turns = slab.figures().turns - turns;
    assert!(bell.rings() == 0 && turns <= 5, "{} calls of the waker in {turns} turns", bell.rings());
    // One operation goes, and the loop goes on.
    drop(stuck.pop());
    turn_until(&mut driver, "the loop is woken", || bell.rings() == 1);
    assert!(loops.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let begin = Instant::now();
    while accepted.get() == 0 {
        assert!(begin.elapsed() < PATIENCE, "nothing is accepted");
        driver.turn(Wait::For(Duration::from_millis(20).into())).expect("turn");
        assert!(loops.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    drop((stuck, idle, connected));
}

#[test]
fn figures_tell_what_is_in_use_and_was() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, _client) = connection(slab);
    let before = slab.figures();
    assert_eq!((before.slots.count, before.slots.used, before.files.used, before.buffers.count), (8, 0, 1, 4));
    let received: Vec<_> = (0..3).map(|_| receiving(slab, &server)).collect();
    driver.turn(Wait::No).expect("turn");
    let now = slab.figures();
    assert_eq!((now.in_flight, now.most_in_flight, now.slots.used, now.buffers.used), (3, 3, 3, 3));
    assert_eq!((now.turns, now.completions), (before.turns + 1, before.completions));
    drop(received);
    settle(&mut driver);
    let after = slab.figures();
    assert_eq!((after.in_flight, after.most_in_flight), (0, 3));
    assert_eq!((after.slots.used, after.slots.most, after.buffers.used, after.buffers.most), (0, 3, 0, 3));
    // Three operations, and their cancellations.
    assert_eq!(after.completions, before.completions + 6);
    assert!((1..=6).contains(&after.most_completions));
    assert_eq!((after.files.used, after.files.most, after.files.waits, after.slots.waiting), (1, 1, 0, 0));
}
