//! A ring does what it is for.

mod common;

use bare_uring::IoUring;
use common::{nop, push};

#[test]
fn requests_come_back_with_their_user_data() {
    let mut ring = IoUring::new(8).unwrap();
    for user_data in 0..100 {
        push(&mut ring, nop(user_data));
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        let cqe = ring.completion().next().unwrap();
        assert_eq!((cqe.user_data(), cqe.outcome()), (user_data, Ok(0)));
    }
}
