//! Time limits that the driver counts.

use std::io::Write as _;
use std::task::Poll;
use std::time::{Duration, Instant};

use bare_uring::Errno;
use bare_uring_ops::{Moved, Op, Wait};

use crate::setting::{assert_all_is_back, connection, driver, settle, turn_until};
use crate::shared::{Bell, poll};

#[test]
fn limits_of_many_lengths_end_in_order_and_none_too_early() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, _client) = connection(slab);
    let spans = [40, 5, 20, 80].map(Duration::from_millis);
    let bells = spans.map(|_| Bell::new());
    let begin = Instant::now();
    let mut operations: Vec<Op<Moved>> = Vec::new();
    for (span, bell) in spans.iter().zip(&bells) {
        let mut receive = slab.receive(&server, slab.buffer().expect("one each")).within(*span);
        assert!(poll(&mut receive, bell).is_pending());
        operations.push(receive);
    }
    let mut order = Vec::new();
    while order.len() < spans.len() {
        driver.turn(Wait::One).expect("turn");
        for (number, bell) in bells.iter().enumerate() {
            if bell.rings() > 0 && !order.contains(&number) {
                let took = begin.elapsed();
                assert!(took >= spans[number], "{:?} took {took:?}", spans[number]);
                order.push(number);
            }
        }
    }
    assert_eq!(order, [1, 2, 0, 3]);
    for (operation, bell) in operations.iter_mut().zip(&bells) {
        assert!(matches!(poll(operation, bell), Poll::Ready((Err(Errno::ETIME), _))));
    }
    drop((operations, server));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn an_operation_that_ends_in_time_has_no_limit_left_for_the_next_in_its_slot() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let bell = Bell::new();
    for _ in 0..10 {
        client.write_all(b"x").expect("write");
        let received = slab.receive(&server, slab.buffer().expect("one")).within(Duration::from_millis(10));
        assert_eq!(driver.block_on(received).expect("driver").0, Ok(1));
    }
    let mut receive = slab.receive(&server, slab.buffer().expect("one"));
    assert!(poll(&mut receive, &bell).is_pending());
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(60) {
        driver.turn(Wait::For(Duration::from_millis(10).into())).expect("turn");
    }
    assert_eq!((bell.rings(), slab.in_flight()), (0, 1));
    client.write_all(b"y").expect("write");
    turn_until(&mut driver, "it is over", || bell.rings() == 1);
    assert!(matches!(poll(&mut receive, &bell), Poll::Ready((Ok(1), _))));
}
