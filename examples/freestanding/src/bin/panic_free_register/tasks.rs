//! Topics: calls that need no ring (queries, messages), and operations by number.

use core::ptr::null_mut;

use bare_uring::cqueue::Flags;
use bare_uring::register::query::{self, Answer, Ask, Opcodes, Question, Record, RingHeader, Zcrx, ZcrxEvents, ask};
use bare_uring::register::{Message, register_sync_msg, without_ring};
use bare_uring::types::Fd;
use bare_uring::uapi::IORING_REGISTER_QUERY;
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_SEND_MSG_RING;
use bare_uring::{EnterFlags, Errno, Features, Linux, SetupFlags};

use crate::outside::{Has, ODD, Outcome, any, check, next};

/// The answer to a question that no kernel knows.
#[derive(Clone, Copy)]
struct Unknown([u64; 3]);

// SAFETY: the structure consists of integers.
unsafe impl Record for Unknown {
    const OPERATION: u32 = 0x7fff_ffff;
}

/// Asks questions one by one, and several in one call.
pub fn query(has: &Has) -> Outcome<()> {
    let answer = query::query::<Opcodes, _>(&Linux);
    let Some(Answer { record, .. }) = has.or_lacks(IORING_REGISTER_QUERY, answer)? else { return Ok(()) };
    check(answer.is_ok_and(|answer| answer.is_whole()) && record.nr_request_opcodes != 0)?;
    check(record.features().contains(Features::REG_REG_RING) && record.setup().contains(SetupFlags::DEFER_TASKRUN))?;
    check(record.enter().contains(EnterFlags::GETEVENTS) && !record.requests().is_empty())?;
    // The kernel may be older than these questions.
    for outcome in [
        query::query::<Zcrx, _>(&Linux).map(|answer| answer.filled),
        query::query::<RingHeader, _>(&Linux).map(|answer| answer.filled),
        query::query::<ZcrxEvents, _>(&Linux).map(|answer| answer.filled),
    ] {
        check(matches!(outcome, Ok(1..) | Err(Errno::EOPNOTSUPP)))?;
    }

    let mut opcodes = [Question::<Opcodes>::new(), Question::default()];
    let mut unknown = Question::<Unknown>::new();
    check(unknown.answer().is_err_and(|errno| errno == Errno::ENODATA))?;
    let [one, two] = &mut opcodes;
    let mut questions: [&mut dyn Ask; 3] = [one, &mut unknown, two];
    ask(&Linux, questions.get_mut(..any(0)).unwrap_or_default())?;
    ask(&Linux, questions.get_mut(..any(3)).unwrap_or_default())?;
    for question in &opcodes {
        check(question.answer()?.record == record)?;
    }
    match unknown.answer() {
        Err(Errno::EOPNOTSUPP) => Ok(()),
        Err(errno) => Err(errno.into()),
        Ok(answer) => check(answer.record.0 == [0; 3]),
    }
}

fn send(message: &Message) -> Result<(), Errno> {
    // SAFETY: the ring is the caller's, and has no requests.
    unsafe { register_sync_msg(&Linux, message) }
}

/// Sends messages to a ring without having a ring to send from.
pub fn messages(has: &Has) -> Outcome<()> {
    let mut ring = crate::ring()?;
    let target = Fd(any(ring.fd()));
    let plain = Message::new(target, any(41)).result(any(-5));
    let sent = send(&any(plain));
    if has.or_lacks(IORING_REGISTER_SEND_MSG_RING as u32, sent)?.is_some() {
        let cqe = next(&mut ring)?;
        check((cqe.user_data(), cqe.result(), cqe.flags()) == (41, -5, Flags::empty()))?;
        send(&any(plain.flags(any(Flags::MORE))))?;
        check(next(&mut ring)?.flags() == Flags::MORE)?;
    }
    for odd in ODD {
        let message = Message::new(Fd(any(odd | 1 << 31).cast_signed()), any(u64::from(odd)));
        let message = message.result(any(odd.cast_signed())).flags(Flags::from_bits_retain(any(odd)));
        check(send(&message).is_err())?;
    }
    Ok(())
}

/// Calls operations that no kernel knows.
pub fn raw() -> Outcome<()> {
    let (ring, local) = (crate::ring()?, crate::local()?);
    for odd in ODD {
        let operation = any(0x7000_0000 | odd);
        // SAFETY: no operation has this number, and the call has no argument.
        check(unsafe { without_ring(&Linux, operation, null_mut(), any(odd)) } == Err(Errno::EINVAL))?;
        // SAFETY: no operation has this number, and the call has no argument.
        check(unsafe { ring.submitter().register(operation, null_mut(), any(odd)) } == Err(Errno::EINVAL))?;
        // SAFETY: no operation has this number, and the call has no argument.
        check(unsafe { local.submitter().register(operation, null_mut(), any(odd)) } == Err(Errno::EINVAL))?;
    }
    Ok(())
}
