//! `submit_and_wait` on rings with completions of both sizes: it waits for as many completions as it says, though the
//! kernel counts slots.

mod common;

use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::Duration;

use bare_uring::cqueue::EntryMixed;
use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{Fd, PollEvents, Timespec};
use bare_uring::{Builder, Errno, IoUring, Kernel, SetupError, SetupFlags, opcode};
use common::kernels::{Call, Trace};
use common::ring_memory::{bounded, until};
use common::{HIDDEN, nop, push, refused};

type Mixed<K> = IoUring<Entry, EntryMixed, K>;

fn mixed<K: Kernel>(kernel: K, cq: u32, more: SetupFlags) -> Option<Mixed<K>> {
    match Builder::new().setup_cqsize(cq).setup_flags(more).build_with(kernel, 8) {
        Ok(ring) => Some(ring),
        Err(SetupError::Kernel(_, Errno::EINVAL)) => {
            refused("wait_mixed", "IORING_SETUP_CQE_MIXED", (6, 18));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn large(user_data: u64) -> Entry {
    opcode::Nop::new().big([user_data, 7]).build().user_data(user_data)
}

fn take<K: Kernel>(ring: &mut Mixed<K>) -> Vec<(u64, bool)> {
    ring.completion().map(|cqe| (cqe.user_data(), cqe.big().is_some())).collect()
}

/// What the kernel was asked for: entries, and slots.
fn asked(trace: &Trace) -> Vec<(u32, u32)> {
    let enters = trace.enters();
    enters
        .iter()
        .map(|call| match *call {
            Call::Enter { to_submit, min_complete, .. } => (to_submit, min_complete),
            _ => unreachable!(),
        })
        .collect()
}

const DELAY: Timespec = Timespec::new(0, 200_000_000);

#[test]
fn a_large_completion_counts_once() {
    bounded(|| {
        for more in [SetupFlags::empty(), SetupFlags::SINGLE_ISSUER.union(SetupFlags::DEFER_TASKRUN)] {
            let trace = Trace::new();
            let Some(mut ring) = mixed(&trace, 32, more) else { return };
            trace.take();
            let before = trace.made();
            let ((reader, writer), mut byte) = (std::io::pipe().unwrap(), 0_u8);
            push(&mut ring, large(1));
            push(&mut ring, opcode::Read::new(Fd(reader.as_raw_fd()), &raw mut byte, 1).build().user_data(2));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    until("it waits again", || trace.made() == before + 2);
                    (&writer).write_all(b"x").unwrap();
                });
                assert_eq!(ring.submit_and_wait(2), Ok(2));
            });
            assert_eq!(asked(&trace), [(2, 2), (0, 3)]);
            assert_eq!(take(&mut ring), [(1, true), (2, false)]);
        }
    });
}

#[test]
fn it_waits_on_through_every_mix() {
    bounded(|| {
        let Some(mut ring) = mixed(bare_uring::Linux, 64, SetupFlags::empty()) else { return };
        let (reader, writer) = std::io::pipe().unwrap();
        for round in 0..64_u64 {
            let mut expected = Vec::new();
            let mut bytes = [0_u8; 4];
            for (i, byte) in (0..4).zip(&mut bytes) {
                let is_large = round >> i & 1 == 1;
                push(&mut ring, if is_large { large(i) } else { nop(i) });
                expected.push((i, is_large));
                // Not timeouts: one that expires ends any wait.
                push(&mut ring, opcode::Read::new(Fd(reader.as_raw_fd()), byte, 1).build().user_data(10 + i));
                expected.push((10 + i, false));
            }
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for _ in 0..4 {
                        std::thread::sleep(Duration::from_micros(200));
                        (&writer).write_all(b"x").unwrap();
                    }
                });
                assert_eq!(ring.submit_and_wait(8), Ok(8));
            });
            let mut all = take(&mut ring);
            all.sort_unstable();
            expected.sort_unstable();
            assert_eq!((all, bytes), (expected, *b"xxxx"), "round {round}");
        }
    });
}

#[test]
fn small_ones_take_one_call_as_before() {
    let trace = Trace::new();
    let Some(mut ring) = mixed(&trace, 32, SetupFlags::empty()) else { return };
    trace.take();
    push(&mut ring, nop(1));
    push(&mut ring, nop(2));
    assert_eq!(ring.submit_and_wait(2), Ok(2));
    push(&mut ring, large(3));
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    assert_eq!(asked(&trace), [(2, 2), (1, 1)]);
    assert_eq!(take(&mut ring), [(1, false), (2, false), (3, true)]);
}

#[test]
fn completions_from_before_count_too() {
    let trace = Trace::new();
    let Some(mut ring) = mixed(&trace, 32, SetupFlags::empty()) else { return };
    for user_data in 1..=3 {
        push(&mut ring, large(user_data));
    }
    assert_eq!(ring.submit(), Ok(3));
    trace.take();
    assert_eq!(ring.submit_and_wait(3), Ok(0));
    assert_eq!(asked(&trace), [(0, 3)]);
    assert_eq!(take(&mut ring), [(1, true), (2, true), (3, true)]);
}

#[test]
fn a_short_submit_does_not_wait_for_what_was_not_submitted() {
    bounded(|| {
        let Some(mut ring) = mixed(bare_uring::Linux, 32, SetupFlags::empty()) else { return };
        for user_data in 0..3 {
            push(&mut ring, large(user_data));
        }
        let mut bad = nop(3).to_bytes();
        bad[0] = 0xff;
        push(&mut ring, Entry::from_bytes(bad));
        push(&mut ring, nop(9));
        // The refused one is counted, and has a completion; what is behind it stays queued.
        assert_eq!(ring.submit_and_wait(5), Ok(4));
        assert_eq!(ring.submission().len(), 1);
        assert_eq!(take(&mut ring).len(), 4);
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        assert_eq!(take(&mut ring), [(9, false)]);
    });
}

#[test]
fn it_ends_before_the_queue_is_too_full_for_a_large_one() {
    bounded(|| {
        let (reader, _writer) = std::io::pipe().unwrap();
        let Some(mut ring) = mixed(bare_uring::Linux, 8, SetupFlags::empty()) else { return };
        for user_data in 0..3 {
            push(&mut ring, large(user_data));
        }
        push(&mut ring, opcode::PollAdd::new(Fd(reader.as_raw_fd()), PollEvents(1)).build().user_data(9));
        // Six of eight slots: one more large completion might not fit, and a wait for it would never end.
        assert_eq!(ring.submit_and_wait(6), Ok(4));
        assert_eq!(take(&mut ring), [(0, true), (1, true), (2, true)]);
    });
}

#[test]
fn the_first_wait_too_ends_before_a_large_one_finds_no_room() {
    bounded(|| {
        let Some(mut ring) = mixed(bare_uring::Linux, 8, SetupFlags::empty()) else { return };
        push(&mut ring, nop(1));
        push(&mut ring, nop(2));
        assert_eq!(ring.submit_and_wait(2), Ok(2));
        assert_eq!(take(&mut ring).len(), 2);
        for user_data in 0..7 {
            push(&mut ring, nop(user_data));
        }
        push(&mut ring, large(7));
        // One slot is left, which is not the array's last: the large one stays outside, and eight slots are never
        // filled.
        assert_eq!(ring.submit_and_wait(8), Ok(8));
        assert_eq!(take(&mut ring).len(), 7);
        assert_eq!(ring.submitter().wait(1), Ok(()));
        assert_eq!(take(&mut ring), [(7, true)]);
    });
}

/// What a wait may fail with, as `Submitter::submit` lists it.
const ERRORS: &[Errno] = &[
    Errno::EINTR,
    Errno::ETIME,
    Errno::EAGAIN,
    Errno::EBUSY,
    Errno::EBADR,
    Errno::EBADFD,
    Errno::EEXIST,
    Errno::EOWNERDEAD,
    Errno::EBADF,
    Errno::EOPNOTSUPP,
    Errno::EFAULT,
    Errno::EINVAL,
];

#[test]
fn the_count_is_told_though_a_later_wait_fails() {
    // Calls: set-up, three mappings or two, then the submit, then the wait that is made to fail.
    let trace = Trace::new();
    let Some(ring) = mixed(&trace, 32, SetupFlags::empty()) else { return };
    let before = trace.take().len();
    drop(ring);
    let soon = Timespec::new(0, 20_000_000);
    for &errno in ERRORS {
        let trace = Trace::failing(before + 1, errno);
        let Some(mut ring) = mixed(&trace, 32, SetupFlags::empty()) else { return };
        push(&mut ring, large(1));
        push(&mut ring, opcode::Timeout::new(&soon).build().user_data(2));
        assert_eq!(ring.submit_and_wait(2), Ok(2), "{errno}");
        assert_eq!(take(&mut ring), [(1, true)], "{errno}");
        assert_eq!(ring.submit_and_wait(1), Ok(0), "{errno}");
        assert_eq!(take(&mut ring), [(2, false)], "{errno}");
        // With nothing submitted the error is told.
        let trace = Trace::failing(before + 2, errno);
        let Some(mut ring) = mixed(&trace, 32, SetupFlags::empty()) else { return };
        push(&mut ring, large(1));
        assert_eq!(ring.submit(), Ok(1));
        assert_eq!(ring.submit_and_wait(2), Err(errno));
        assert_eq!(take(&mut ring), [(1, true)], "{errno}");
        // If it is the submit that fails, all is still queued.
        let trace = Trace::failing(before, errno);
        let Some(mut ring) = mixed(&trace, 32, SetupFlags::empty()) else { return };
        push(&mut ring, large(1));
        push(&mut ring, nop(2));
        assert_eq!(ring.submit_and_wait(2), Err(errno));
        assert_eq!((ring.submit_and_wait(2), take(&mut ring)), (Ok(2), vec![(1, true), (2, false)]), "{errno}");
    }
}

#[test]
fn an_sqpoll_ring_waits_for_all_too() {
    bounded(|| {
        let Ok(mut ring) = Builder::<Entry, EntryMixed>::new().setup_cqsize(32).setup_sqpoll(100).build(8) else {
            return refused("an_sqpoll_ring_waits_for_all_too", "IORING_SETUP_CQE_MIXED", (6, 18));
        };
        push(&mut ring, large(1));
        push(&mut ring, large(2).flags(Flags::ASYNC));
        push(&mut ring, opcode::Timeout::new(&DELAY).build().user_data(3));
        assert_eq!(ring.submit_and_wait(3), Ok(3));
        let mut all = take(&mut ring);
        all.sort_unstable();
        assert_eq!(all, [(1, true), (2, true), (3, false)]);
    });
}

#[test]
fn user_data_like_that_of_the_crates_own_requests_is_not_lost() {
    let Some(mut ring) = mixed(bare_uring::Linux, 32, SetupFlags::empty()) else { return };
    let user_data = HIDDEN + 1;
    push(&mut ring, large(user_data));
    push(&mut ring, nop(2));
    assert_eq!(ring.submit_and_wait(2), Ok(2));
    assert_eq!(take(&mut ring), [(user_data, true), (2, false)]);
}
