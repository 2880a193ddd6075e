//! Completions that are made up. Those that no kernel should bring change nothing that matters; those that are rare
//! mean what they should.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;

use bare_uring::types::{FsyncFlags, Timespec};
use bare_uring::{Builder, Errno, opcode};
use bare_uring_ops::{CURRENT, Driver, Storage, Wait};
use bare_uring_sim::{Profile, SimKernel};

use crate::setting::{adopt, limit_this_test};
use crate::shared::{Bell, poll};
use crate::watched::{Bytes, Watched};

/// Makes an entry one that does nothing, and completes with this result.
fn inject(entry: &mut Bytes, result: u32) {
    /// `IORING_NOP_INJECT_RESULT`.
    const INJECT: u32 = 1;

    entry[0] = opcode::Nop::CODE;
    entry[24..28].copy_from_slice(&result.to_ne_bytes());
    entry[28..32].copy_from_slice(&INJECT.to_ne_bytes());
}

#[test]
fn a_count_too_large_is_as_much_as_there_was() {
    limit_this_test();
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let slab = Box::leak(Box::new(Storage::<1, 1, 1, 8>::new())).start().expect("fresh");
    let watched = Watched::new(kernel.clone(), |entry| inject(entry, 1000));
    let mut driver = Driver::new(slab, watched, &Builder::new(), 8).expect("a ring");
    let file = adopt(slab, kernel.pipe().0);
    let mut buffer = slab.buffer().expect("one");
    assert_eq!(buffer.extend(b"abc"), 3);
    let (read, buffer) = driver.block_on(slab.read(&file, buffer, CURRENT)).expect("driver");
    // The kernel's count is the result, but the buffer does not grow beyond its room.
    assert_eq!((read, &*buffer, buffer.room()), (Ok(1000), &b"abc\0\0\0\0\0"[..], 0));
    let (written, buffer) = driver.block_on(slab.write(&file, buffer, CURRENT)).expect("driver");
    assert_eq!((written, &*buffer, buffer.room()), (Ok(1000), &b""[..], 0));
}

#[test]
fn a_completion_too_many_changes_nothing() {
    limit_this_test();
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let slab = Box::leak(Box::new(Storage::<3, 1, 1, 8>::new())).start().expect("fresh");
    let seen = Rc::new(Cell::new(None));
    let first_seen = seen.clone();
    // Every entry after the first completes with the user data of the first, and another result.
    let watched = Watched::new(kernel.clone(), move |entry| match first_seen.get() {
        None => first_seen.set(Some(<[u8; 8]>::try_from(&entry[32..40]).expect("eight"))),
        Some(user_data) => {
            inject(entry, 77);
            entry[32..40].copy_from_slice(&user_data);
        }
    });
    let mut driver = Driver::new(slab, watched, &Builder::new(), 8).expect("a ring");
    let bells = [Bell::new(), Bell::new()];
    let (mut first, mut second) = (slab.nop(), slab.nop());
    assert!(poll(&mut first, &bells[0]).is_pending());
    while slab.in_flight() > 0 || bells[0].rings() == 0 {
        driver.turn(Wait::One).expect("turn");
    }
    assert!(poll(&mut second, &bells[1]).is_pending());
    for _ in 0..4 {
        driver.turn(Wait::For(Timespec::new(1, 0))).expect("turn");
    }
    // The first is over, with its own result; the second is in flight for ever.
    assert_eq!((slab.in_flight(), bells.each_ref().map(|bell| bell.rings())), (1, [1, 0]));
    assert_eq!(poll(&mut first, &bells[0]), Poll::Ready(Ok(0)));
    assert!(poll(&mut second, &bells[1]).is_pending());
}

#[test]
fn what_its_limit_interrupts_is_late() {
    // `ECANCELED`: the operation was waiting. `EINTR`: a worker of the kernel was doing it.
    for (result, errno) in [(-125, Errno::ECANCELED), (-4, Errno::EINTR)] {
        for limited in [false, true] {
            limit_this_test();
            let kernel = SimKernel::new(Profile::linux(6, 12), 1);
            let slab = Box::leak(Box::new(Storage::<1, 1, 1, 8>::new())).start().expect("fresh");
            let watched = Watched::new(kernel.clone(), move |entry| {
                if entry[0] == opcode::Fsync::CODE {
                    inject(entry, i32::cast_unsigned(result));
                }
            });
            let mut driver = Driver::new(slab, watched, &Builder::new(), 8).expect("a ring");
            let file = adopt(slab, kernel.file(Vec::new()));
            let sync = slab.fsync(&file, FsyncFlags::empty());
            let sync = if limited { sync.within(Timespec::new(1, 0)) } else { sync };
            let expected = if limited { Errno::ETIME } else { errno };
            assert_eq!(driver.block_on(sync), Ok(Err(expected)));
        }
    }
}
