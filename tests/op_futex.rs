//! Futexes on every kind of ring: waited for, woken, cancelled; alone and several at once.

mod common;

use common::{needs, older_than};

use std::sync::atomic::{AtomicU32, Ordering};

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{FutexFlags, FutexWaitV, Timespec};
use bare_uring::{Errno, opcode};
use common::any_ring::{AnyRing, on_each};

const PRIVATE: FutexFlags = FutexFlags::SIZE_U32.with(FutexFlags::PRIVATE);
const ANY: u64 = opcode::FutexWait::ANY;

fn wait(futex: &AtomicU32, value: u64) -> Entry {
    opcode::FutexWait::new(futex.as_ptr(), value, ANY, PRIVATE).build()
}

fn wake(futex: &AtomicU32, count: u64) -> Entry {
    opcode::FutexWake::new(futex.as_ptr(), count, ANY, PRIVATE).build()
}

fn complete<const N: usize>(ring: &mut dyn AnyRing) -> [(u64, Result<u32, Errno>); N] {
    let seen: Vec<_> = ring.complete(N).into_iter().map(|seen| (seen.user_data, seen.outcome)).collect();
    seen.try_into().unwrap()
}

#[test]
fn a_wake_ends_as_many_waits_as_it_says() {
    needs!(6, 7, "IORING_OP_FUTEX_WAIT");
    on_each(|ring| {
        let futex = AtomicU32::new(5);
        for user_data in 1..=3 {
            ring.push(wait(&futex, 5).user_data(user_data));
        }
        ring.push(wake(&futex, 2).user_data(9));
        let seen = complete::<3>(ring);
        assert_eq!(seen[2], (9, Ok(2)), "{}", ring.kind());
        assert!(seen[..2].iter().all(|&(_, outcome)| outcome == Ok(0)), "{seen:?}");
        ring.push(wake(&futex, 2).user_data(9));
        let seen = complete::<2>(ring);
        assert_eq!((seen[0].1, seen[1]), (Ok(0), (9, Ok(1))), "{}", ring.kind());
        assert_eq!(ring.run(wake(&futex, 2)), Ok(0));
    });
}

#[test]
fn masks_must_have_a_bit_in_common() {
    needs!(6, 7, "IORING_OP_FUTEX_WAIT");
    on_each(|ring| {
        let futex = AtomicU32::new(0);
        let masked = |mask| opcode::FutexWake::new(futex.as_ptr(), 8, mask, PRIVATE).build();
        ring.push(opcode::FutexWait::new(futex.as_ptr(), 0, 0b110, PRIVATE).build().user_data(1));
        ring.push(masked(0b001).user_data(2));
        assert_eq!(complete(ring), [(2, Ok(0))]);
        ring.push(masked(0b011).user_data(2));
        assert_eq!(complete(ring), [(1, Ok(0)), (2, Ok(1))], "{}", ring.kind());
    });
}

#[test]
fn a_thread_wakes_a_request_and_a_request_a_thread() {
    needs!(6, 7, "IORING_OP_FUTEX_WAIT");
    use rustix::thread::futex;
    on_each(|ring| {
        let word = AtomicU32::new(0);
        ring.push(wait(&word, 0).user_data(1));
        ring.hand_over();
        while futex::wake(&word, futex::Flags::PRIVATE, 1) == Ok(0) {
            std::thread::yield_now();
        }
        assert_eq!(complete(ring), [(1, Ok(0))], "{}", ring.kind());
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| futex::wait(&word, futex::Flags::PRIVATE, 0, None));
            while ring.run(wake(&word, 1)) == Ok(0) {
                std::thread::yield_now();
            }
            assert_eq!(sleeper.join().unwrap(), Ok(()));
        });
    });
}

#[test]
fn a_shared_futex_is_known_by_its_memory() {
    needs!(6, 7, "IORING_OP_FUTEX_WAIT");
    on_each(|ring| {
        let futex = AtomicU32::new(1);
        ring.push(opcode::FutexWait::new(futex.as_ptr(), 1, ANY, FutexFlags::SIZE_U32).build().user_data(1));
        ring.push(opcode::FutexWake::new(futex.as_ptr(), 1, ANY, FutexFlags::SIZE_U32).build().user_data(2));
        assert_eq!(complete(ring), [(1, Ok(0)), (2, Ok(1))], "{}", ring.kind());
    });
}

#[test]
fn one_of_several_is_told_by_its_place() {
    needs!(6, 7, "IORING_OP_FUTEX_WAIT");
    on_each(|ring| {
        let futexes = [const { AtomicU32::new(7) }; 3];
        let list = futexes.each_ref().map(|futex| FutexWaitV::new(futex.as_ptr(), 7, PRIVATE));
        for (place, futex) in futexes.iter().enumerate() {
            ring.push(opcode::FutexWaitV::new(list.as_ptr(), 3).build().user_data(1));
            ring.push(wake(futex, 1).user_data(2));
            assert_eq!(complete(ring), [(1, Ok(place as u32)), (2, Ok(1))], "{}", ring.kind());
        }
    });
}

#[test]
fn refused() {
    needs!(6, 7, "IORING_OP_FUTEX_WAIT");
    on_each(|ring| {
        let futex = AtomicU32::new(5);
        let pointer = futex.as_ptr();
        let nowhere: *const u32 = core::ptr::without_provenance(8);
        let list = [FutexWaitV::new(pointer, 6, PRIVATE)];
        // A kernel of 32 bits has an expectation of 32 bits, which is not the value.
        let too_large = if cfg!(target_pointer_width = "32") { Errno::EAGAIN } else { Errno::EINVAL };
        for (entry, errno) in [
            (wait(&futex, 6), Errno::EAGAIN),
            (opcode::FutexWait::new(pointer, 5, 0, PRIVATE).build(), Errno::EINVAL),
            (opcode::FutexWait::new(pointer, 1 << 32, ANY, PRIVATE).build(), too_large),
            (opcode::FutexWait::new(pointer, 5, ANY, FutexFlags(3)).build(), Errno::EINVAL),
            (opcode::FutexWait::new(pointer, 5, ANY, FutexFlags(1 << 20)).build(), Errno::EINVAL),
            (
                opcode::FutexWait::new(pointer.cast::<u8>().wrapping_add(1).cast(), 5, ANY, PRIVATE).build(),
                Errno::EINVAL,
            ),
            (opcode::FutexWait::new(nowhere, 5, ANY, PRIVATE).build(), Errno::EFAULT),
            (opcode::FutexWake::new(pointer, 1, 0, PRIVATE).build(), Errno::EINVAL),
            (opcode::FutexWaitV::new(list.as_ptr(), 1).build(), Errno::EAGAIN),
            (opcode::FutexWaitV::new(list.as_ptr(), 0).build(), Errno::EINVAL),
            (opcode::FutexWaitV::new(list.as_ptr(), 129).build(), Errno::EINVAL),
            (opcode::FutexWaitV::new(nowhere.cast(), 1).build(), Errno::EFAULT),
        ] {
            assert_eq!(ring.run(entry), Err(errno), "{} {entry:?}", ring.kind());
        }
        futex.store(6, Ordering::Relaxed);
    });
}

#[test]
fn it_is_cancelled_or_limited() {
    needs!(6, 7, "IORING_OP_FUTEX_WAIT");
    on_each(|ring| {
        let futex = AtomicU32::new(5);
        let list = [FutexWaitV::new(futex.as_ptr(), 5, PRIVATE); 2];
        let short = Timespec::new(0, 10_000_000);
        for waits in [wait(&futex, 5), opcode::FutexWaitV::new(list.as_ptr(), 2).build()] {
            ring.push(waits.user_data(1));
            ring.push(opcode::AsyncCancel::new(1).build().user_data(2));
            let [wait, cancel] = complete(ring);
            assert_eq!(wait, (1, Err(Errno::ECANCELED)), "{}", ring.kind());
            // How many it found, which not all kernels before 6.18 say.
            assert!(cancel == (2, Ok(1)) || older_than(6, 18) && cancel == (2, Ok(0)), "{} {cancel:?}", ring.kind());
            ring.push(waits.user_data(1).flags(Flags::IO_LINK));
            ring.push(opcode::LinkTimeout::new(&short).build().user_data(2));
            let [wait, limit] = complete(ring);
            assert_eq!(wait, (1, Err(Errno::ECANCELED)), "{}", ring.kind());
            // Linux 6.18 says how many it found, where others say that the time came.
            let in_time = match (older_than(6, 18), older_than(6, 19)) {
                (true, _) => matches!(limit, (2, Ok(1) | Err(Errno::ETIME))),
                (false, counts) => limit == (2, if counts { Ok(1) } else { Err(Errno::ETIME) }),
            };
            assert!(in_time, "{} {limit:?}", ring.kind());
        }
    });
}
