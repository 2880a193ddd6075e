//! Time limits that the driver counts.

use std::io::Write as _;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bare_uring::Errno;
use bare_uring::types::Timespec;
use bare_uring_ops::{Clock, Moved, Op, Wait};

use crate::setting::{PATIENCE, assert_all_is_back, connection, driver, settle, turn_until};
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

/// Returns the time since 1970 began.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

fn seconds(time: Timespec) -> Duration {
    Duration::new(time.seconds().try_into().expect("after 1970"), time.nanoseconds().try_into().expect("normal"))
}

#[test]
fn operations_end_at_their_deadlines() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    // The third is done in time, and the second and fourth share a deadline.
    let deadlines = [60, 30, 1, 30].map(|milliseconds| now() + Duration::from_millis(milliseconds));
    client.write_all(b"x").expect("write");
    let done = slab.receive(&server, slab.buffer().expect("one")).until(Clock::Realtime, deadlines[2] + PATIENCE);
    assert_eq!(driver.block_on(done).expect("driver").0, Ok(1));
    let bells = [0, 1, 3].map(|number: usize| (number, Bell::new()));
    let mut operations: Vec<Op<Moved>> = Vec::new();
    for (number, bell) in &bells {
        let mut receive = slab.receive(&server, slab.buffer().expect("one each"));
        receive = receive.within(Duration::from_nanos(1)).until(Clock::Realtime, deadlines[*number]);
        assert!(poll(&mut receive, bell).is_pending());
        operations.push(receive);
    }
    turn_until(&mut driver, "two are late", || bells[1].1.rings() + bells[2].1.rings() == 2);
    assert!(now() >= deadlines[1], "too early");
    turn_until(&mut driver, "all are late", || bells.iter().all(|(_, bell)| bell.rings() == 1));
    assert!(now() >= deadlines[0], "too early");
    for (operation, (_, bell)) in operations.iter_mut().zip(&bells) {
        assert!(matches!(poll(operation, bell), Poll::Ready((Err(Errno::ETIME), _))));
    }
    // One that has passed ends the operation at once.
    let late = slab.receive(&server, slab.buffer().expect("one")).until(Clock::Monotonic, Timespec::ZERO);
    assert_eq!(driver.block_on(late).expect("driver").0, Err(Errno::ETIME));
    let late = slab.receive(&server, slab.buffer().expect("one")).until(Clock::Boottime, Timespec::ZERO);
    assert_eq!(driver.block_on(late).expect("driver").0, Err(Errno::ETIME));
}

#[test]
fn ticks_do_not_drift() {
    let mut driver = driver();
    let slab = driver.slab();
    let (first, period) = (now() + Duration::from_millis(5), Duration::from_millis(10));
    let mut ticks = slab.ticks(Clock::Realtime, first, period);
    for number in 0..10 {
        let due = driver.block_on(ticks.next()).expect("driver").expect("a tick");
        assert_eq!(seconds(due), first + period * number);
        assert!(now() >= seconds(due), "too early");
        if number == 3 {
            // Late for the next two.
            std::thread::sleep(Duration::from_millis(25));
        }
    }
    let begin = Instant::now();
    assert_eq!(driver.block_on(slab.timeout_at(Clock::Realtime, first)), Ok(Err(Errno::ETIME)));
    assert!(begin.elapsed() < PATIENCE);
    // A full slab is told, and no tick is lost.
    let _all: Vec<_> = (0..8).map(|_| slab.nop()).collect();
    assert_eq!(driver.block_on(ticks.next()), Ok(Err(Errno::EBUSY)));
    drop(_all);
    assert_eq!(driver.block_on(ticks.next()).expect("driver").map(seconds), Ok(first + period * 10));
}
