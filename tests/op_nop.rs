//! Nops of both sizes: what they look up on the way, and how they complete.

mod common;

use std::os::fd::AsRawFd;

use bare_uring::squeue::{self, Flags};
use bare_uring::types::{Fd, Fixed};
use bare_uring::{Builder, Errno, SetupError, cqueue, opcode};
use common::any_ring::on_each;
use common::requests::CLOSED;
use common::{needs, older_than, push, refused};

#[test]
fn a_result_is_what_it_is_told_to_be() {
    needs!(6, 10, "IORING_NOP_INJECT_RESULT");
    on_each(|ring| {
        assert_eq!(ring.run(opcode::Nop::new().build()), Ok(0));
        assert_eq!(ring.run(opcode::Nop::default().result(17).build()), Ok(17));
        assert_eq!(ring.run(opcode::Nop::new().result(-5).build()), Err(Errno::EIO));
    });
}

#[test]
fn a_negative_result_breaks_the_link() {
    needs!(6, 10, "IORING_NOP_INJECT_RESULT");
    on_each(|ring| {
        for (result, second) in [(1, Ok(0)), (-5, Err(Errno::ECANCELED))] {
            ring.push(opcode::Nop::new().result(result).build().user_data(1).flags(Flags::IO_LINK));
            ring.push(opcode::Nop::new().build().user_data(2));
            assert_eq!(ring.complete(2)[1].outcome, second, "{}", ring.kind());
        }
    });
}

#[test]
fn a_file_is_looked_up() {
    needs!(6, 13, "IORING_NOP_FILE");
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each(|ring| {
        ring.register_files(&[-1, reader.as_raw_fd()]);
        let of = |fd| opcode::Nop::new().result(3).file(fd).build();
        assert_eq!(ring.run(of(Fd(reader.as_raw_fd()))), Ok(3));
        assert_eq!(ring.run(opcode::Nop::new().result(3).file(Fixed(1)).build()), Ok(3), "{}", ring.kind());
        // Whatever the result of kernels before 6.18 then says, the request failed.
        for wrong in
            [of(Fd(CLOSED)), opcode::Nop::new().file(Fixed(0)).build(), opcode::Nop::new().file(Fixed(2)).build()]
        {
            ring.push(wrong.user_data(1).flags(Flags::IO_LINK));
            ring.push(opcode::Nop::new().build().user_data(2));
            let seen = ring.complete(2);
            let told = older_than(6, 18) && matches!(seen[0].outcome, Ok(0 | 3));
            assert!(told || seen[0].outcome == Err(Errno::EBADF), "{seen:?}");
            assert_eq!(seen[1].outcome, Err(Errno::ECANCELED), "{}", ring.kind());
        }
    });
}

#[test]
fn a_registered_buffer_is_looked_up() {
    needs!(6, 13, "IORING_NOP_FIXED_BUFFER");
    let mut buffer = [0_u8; 64];
    on_each(|ring| {
        ring.register_buffer(buffer.as_ptr().cast_mut(), buffer.len());
        assert_eq!(ring.run(opcode::Nop::new().fixed_buffer(0).build()), Ok(0), "{}", ring.kind());
        ring.push(opcode::Nop::new().fixed_buffer(1).build().user_data(1).flags(Flags::IO_LINK));
        ring.push(opcode::Nop::new().build().user_data(2));
        let seen = ring.complete(2);
        assert!(older_than(6, 18) && seen[0].outcome == Ok(0) || seen[0].outcome == Err(Errno::EFAULT), "{seen:?}");
        assert_eq!(seen[1].outcome, Err(Errno::ECANCELED), "{}", ring.kind());
    });
    buffer.fill(1);
}

#[test]
fn a_completion_by_task_work_comes_too() {
    needs!(6, 17, "IORING_NOP_TW");
    on_each(|ring| assert_eq!(ring.run(opcode::Nop::new().task_work().result(9).build()), Ok(9), "{}", ring.kind()));
}

#[test]
fn a_large_completion_carries_its_bytes_where_the_ring_has_room_for_them() {
    needs!(6, 18, "IORING_NOP_CQE32");
    on_each(|ring| {
        let plain = ring.run_seen(opcode::Nop::new().build()).big;
        let large = ring.run_seen(opcode::Nop::new().result(4).big([5, u64::MAX]).build());
        if ring.kind().ends_with("/32") || ring.kind().ends_with("/mixed") {
            assert_eq!((large.outcome, large.big), (Ok(4), Some([5, u64::MAX])), "{}", ring.kind());
        } else {
            assert_eq!((plain, large.outcome), (None, Err(Errno::EINVAL)), "{}", ring.kind());
        }
    });
}

#[test]
fn the_large_nop_does_nothing_or_is_refused() {
    needs!(5, 19, "IORING_SETUP_SQE128");
    let mut ring = Builder::<squeue::Entry128, cqueue::Entry>::new().build(4).unwrap();
    push(&mut ring, opcode::Nop128::new().result(5).build());
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    match ring.completion().next().unwrap().outcome() {
        Err(Errno::EINVAL) => refused("the_large_nop_does_nothing_or_is_refused", "IORING_OP_NOP128", (6, 19)),
        outcome => assert_eq!(outcome, Ok(5)),
    }
    match Builder::<squeue::EntryMixed, cqueue::Entry>::new().build(8) {
        Ok(mut ring) => {
            push(&mut ring, opcode::Nop128::new().result(6).build());
            push(&mut ring, opcode::Nop::new().result(7).build());
            ring.submit_and_wait(2).unwrap();
            let results: Vec<i32> = ring.completion().map(|cqe| cqe.result()).collect();
            assert_eq!(results, [6, 7]);
        }
        Err(SetupError::Kernel(_, Errno::EINVAL)) => {
            refused("the_large_nop_does_nothing_or_is_refused", "IORING_SETUP_SQE_MIXED", (6, 19))
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_chain_of_both_sizes_holds_over_the_end_of_the_array() {
    let mut ring = match Builder::<squeue::EntryMixed, cqueue::Entry>::new().build(8) {
        Ok(ring) => ring,
        Err(SetupError::Kernel(_, Errno::EINVAL)) => {
            return refused("a_chain_of_both_sizes_holds_over_the_end_of_the_array", "IORING_SETUP_SQE_MIXED", (6, 19));
        }
        Err(error) => panic!("{error}"),
    };
    // A round leaves two slots of the next one taken.
    for (up_to_seventh, result, last) in [(6, 1, 6), (4, -5, -125)] {
        // The chain starts in the last slot but one, and its second request has room only beyond the end of the array.
        for _ in 0..up_to_seventh {
            push(&mut ring, opcode::Nop::new().build());
            ring.submit_and_wait(1).unwrap();
            assert_eq!(ring.completion().count(), 1);
        }
        push(&mut ring, opcode::Nop::new().result(result).build().user_data(1).flags(Flags::IO_LINK));
        push(&mut ring, opcode::Nop128::new().result(6).build().user_data(2));
        ring.submit_and_wait(2).unwrap();
        let mut results: Vec<(u64, i32)> = ring.completion().map(|cqe| (cqe.user_data(), cqe.result())).collect();
        results.sort_unstable();
        assert_eq!(results, [(1, result), (2, last)]);
    }
}
