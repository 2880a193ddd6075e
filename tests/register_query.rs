//! Questions to the kernel about itself.

mod common;

use bare_uring::register::query::{Answer, Ask, Opcodes, Question, Record, RingHeader, Zcrx, ZcrxEvents, ask, query};
use bare_uring::uapi::{IO_URING_QUERY_OPCODES, IORING_REGISTER_QUERY};
use bare_uring::{Builder, EnterFlags, Errno, Features, IoUring, Linux, RingMemory, SetupError, SetupFlags, squeue};
use common::answering::{Answering, Argument, Fields};
use common::{older_than, refused};

/// What the kernel says of its opcodes, if it answers questions.
fn opcodes(test: &str) -> Option<Answer<Opcodes>> {
    match query::<Opcodes, _>(&Linux) {
        Err(Errno::EINVAL) => {
            refused(test, "IORING_REGISTER_QUERY", (6, 18));
            None
        }
        answer => Some(answer.unwrap()),
    }
}

/// Defines a record of the kernel's first question, of this many words.
macro_rules! record {
    ($name:ident, $operation:expr, $words:expr) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(transparent)]
        struct $name([u32; $words]);

        // SAFETY: integers only.
        unsafe impl Record for $name {
            const OPERATION: u32 = $operation;
        }
    };
}

record!(Short, IO_URING_QUERY_OPCODES, 2);
record!(Long, IO_URING_QUERY_OPCODES, 40);
record!(Nothing, IO_URING_QUERY_OPCODES, 0);
record!(Unknown, 0x0bad_cafe, 4);

/// The counts are at least those of Linux 6.18, and the features are those that a ring has.
#[test]
fn the_numbers_agree_with_the_kernel() {
    let Some(Answer { record, filled }) = opcodes("the_numbers_agree_with_the_kernel") else { return };
    // Linux 6.18 has request opcodes up to 62 and registrations up to 35; later ones have more.
    assert!(record.nr_request_opcodes >= 63 && record.nr_register_opcodes >= 36, "{record:?}");
    if rustix::system::uname().release().to_bytes().starts_with(b"6.18.") {
        let numbers = (record.nr_request_opcodes, record.nr_register_opcodes, record.nr_query_opcodes);
        assert_eq!(numbers, (63, 36, 1));
        assert_eq!(record.setup(), SetupFlags::from_bits_retain((1 << 19) - 1));
        assert_eq!(record.features(), Features::from_bits_retain((1 << 18) - 1));
        assert_eq!(record.enter(), EnterFlags::from_bits_retain((1 << 8) - 1));
        assert_eq!(record.requests(), squeue::Flags::from_bits_retain((1 << 7) - 1));
    }
    assert!(filled > 0 && filled <= size_of::<Opcodes>(), "{filled}");
    let ring = IoUring::new(8).unwrap();
    assert_eq!(record.features(), ring.params().features());
}

#[test]
fn a_shorter_record_is_filled_as_far_as_it_goes() {
    let Some(whole) = opcodes("a_shorter_record_is_filled_as_far_as_it_goes") else { return };
    let expected = [whole.record.nr_request_opcodes, whole.record.nr_register_opcodes];
    let answer = query::<Short, _>(&Linux);
    assert_eq!(answer, Ok(Answer { record: Short(expected), filled: 8 }));
    assert!(answer.unwrap().is_whole());
}

#[test]
fn a_longer_record_is_zero_beyond_what_the_kernel_knows() {
    let Some(whole) = opcodes("a_longer_record_is_zero_beyond_what_the_kernel_knows") else { return };
    let answer = query::<Long, _>(&Linux).unwrap();
    assert_eq!(answer.record.0[..2], [whole.record.nr_request_opcodes, whole.record.nr_register_opcodes]);
    assert_eq!(answer.record.0[answer.filled / 4..], [0; 40][answer.filled / 4..]);
    assert!(!answer.is_whole() && answer.filled >= whole.filled, "{answer:?}");
}

#[test]
fn a_chain_answers_each_question_for_itself() {
    let Some(whole) = opcodes("a_chain_answers_each_question_for_itself") else { return };
    let (mut first, mut unknown) = (Question::<Short>::new(), Question::<Unknown>::new());
    let (mut nothing, mut last) = (Question::<Nothing>::new(), Question::<Opcodes>::new());
    assert_eq!(ask(&Linux, &mut [&mut first, &mut unknown, &mut nothing, &mut last]), Ok(()));
    let numbers = [whole.record.nr_request_opcodes, whole.record.nr_register_opcodes];
    assert_eq!(first.answer(), Ok(Answer { record: Short(numbers), filled: 8 }));
    assert_eq!(unknown.answer(), Err(Errno::EOPNOTSUPP));
    assert_eq!(nothing.answer(), Err(Errno::EINVAL));
    assert_eq!(last.answer(), Ok(whole));
}

#[test]
fn a_question_can_be_asked_again() {
    let Some(whole) = opcodes("a_question_can_be_asked_again") else { return };
    let mut question = Question::<Opcodes>::new();
    assert_eq!(question.answer(), Err(Errno::ENODATA));
    for _ in 0..2 {
        assert_eq!(ask(&Linux, &mut [&mut question]), Ok(()));
        assert_eq!(question.answer(), Ok(whole));
    }
}

#[test]
fn a_thousand_questions_are_too_many() {
    if opcodes("a_thousand_questions_are_too_many").is_none() {
        return;
    }
    let mut questions = vec![Question::<Short>::new(); 1000];
    let mut all: Vec<&mut dyn Ask> = questions.iter_mut().map(|question| question as &mut dyn Ask).collect();
    assert_eq!(ask(&Linux, &mut all), Err(Errno::ERANGE));
    assert_eq!(ask(&Linux, &mut all[1..]), Ok(()));
    assert_eq!(questions[0].answer(), Err(Errno::ENODATA));
    assert!(questions[1..].iter().all(|question| question.answer().is_ok()));
}

#[test]
fn what_the_kernel_is_too_old_for_is_a_clean_error() {
    if opcodes("what_the_kernel_is_too_old_for_is_a_clean_error").is_none() {
        return;
    }
    let zcrx = query::<Zcrx, _>(&Linux).map(|answer| answer.record.nr_ctrl_opcodes > 0);
    let header = query::<RingHeader, _>(&Linux).map(|answer| answer.record.hdr_alignment.is_power_of_two());
    let events = query::<ZcrxEvents, _>(&Linux).map(|answer| answer.record.stats_size > 0);
    for (outcome, (major, minor)) in [(zcrx, (6, 19)), (header, (6, 19)), (events, (7, 2))] {
        let expected = if older_than(major, minor) { Err(Errno::EOPNOTSUPP) } else { Ok(true) };
        assert_eq!(outcome, expected, "Linux {major}.{minor}");
    }
}

#[test]
fn no_questions_make_no_call() {
    // SAFETY: nothing is looked at.
    let kernel = unsafe { Answering::yes(0) };
    assert_eq!(ask(&kernel, &mut []), Ok(()));
    assert_eq!(kernel.asked(), []);
}

#[test]
fn exactly_these_headers_are_handed_over() {
    let answer = |first: Argument| {
        let second = first.named(0);
        assert_eq!(second.bytes(40)[16..], Fields::new().u32(&[2, 16, 0, 0, 0, 0]).0);
        assert_eq!(second.bytes(8), [0; 8], "the chain ends");
        assert_eq!(first.named(8).bytes(48), [0; 48]);
        assert_eq!(second.named(8).bytes(16), [0; 16]);
        second.named(8).write(0, 0x0102_u64);
        second.write(20, u32::MAX);
        Ok(0)
    };
    // SAFETY: headers have 40 bytes, and the two records 48 and 16.
    let kernel = unsafe { Answering::new(40, answer) };
    let (mut opcodes, mut header) = (Question::<Opcodes>::new(), Question::<RingHeader>::new());
    assert_eq!(ask(&kernel, &mut [&mut opcodes, &mut header]), Ok(()));
    let [(fd, operation, count, ref bytes)] = kernel.asked()[..] else { panic!("one call") };
    assert_eq!((fd, operation, count), (-1, IORING_REGISTER_QUERY, 0));
    assert_eq!(bytes[16..], Fields::new().u32(&[0, 48, 0, 0, 0, 0]).0);
    let record = RingHeader { hdr_size: 0x0102, hdr_alignment: 0 };
    assert_eq!(header.answer(), Ok(Answer { record, filled: 16 }), "no more than there is");
    assert_eq!(opcodes.answer(), Ok(Answer { record: Opcodes::default(), filled: 48 }));
}

#[test]
fn a_failed_call_takes_back_what_it_began() {
    let answer = |header: Argument| {
        header.named(8).write(0, 99_u64);
        Err(Errno::EINTR)
    };
    // SAFETY: headers have 40 bytes, and the record 8.
    let kernel = unsafe { Answering::new(40, answer) };
    let mut question = Question::<Short>::new();
    assert_eq!(ask(&kernel, &mut [&mut question]), Err(Errno::EINTR));
    assert_eq!(question.answer(), Err(Errno::ENODATA));
}

#[test]
fn a_result_that_is_no_errno_is_an_error() {
    for result in [1, -4096, i32::MIN] {
        let answer = move |header: Argument| {
            header.write(24, result);
            Ok(0)
        };
        // SAFETY: headers have 40 bytes.
        let kernel = unsafe { Answering::new(40, answer) };
        assert_eq!(query::<Short, _>(&kernel), Err(Errno::EPROTO));
    }
}

/// The size of provided memory goes by what the kernel says of a ring's header.
#[test]
fn the_ring_header_is_asked_for_and_believed() {
    let answer = |header: Argument| {
        assert_eq!(header.bytes(40)[16..], Fields::new().u32(&[2, 16, 0, 0, 0, 0]).0);
        header.named(8).write(0, 4096_u64);
        header.named(8).write(8, 64_u64);
        Ok(0)
    };
    // SAFETY: headers have 40 bytes, and the record 16.
    let kernel = unsafe { Answering::new(40, answer) };
    let (rings, sqes) = (common::memory(4096), common::memory(4096));
    let memory = RingMemory { rings, sqes };
    let outcome = Builder::<squeue::Entry>::new().build_provided_with(&kernel, 8, memory);
    assert!(matches!(outcome, Err(SetupError::TooShort { needed: 4097.., .. })), "{outcome:?}");
    assert_eq!(kernel.asked().len(), 1);
}
