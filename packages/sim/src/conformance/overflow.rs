//! The points about completions that find the queue full.

use bare_uring::{EnterFlags, Errno, Features, Kernel, SqFlags};

use super::lab::{Lab, MORE_LOOKS, Ring, done, look, nop, push, settle, submit_all, take};
use super::report::{Outcome, Verdict, broken, expect, not_offered};

/// How many completions find no room.
const EXTRA: usize = 3;

/// Makes a ring whose completion queue is full, with more completions behind it. Returns their number, all in all.
fn overfull<'l, K: Kernel>(lab: &'l Lab<'_, K>) -> Result<(Ring<'l, K>, usize), Outcome> {
    let mut ring = lab.ring(4)?;
    let slots = ring.completion().capacity();
    for user_data in 0..slots as u64 {
        push(&mut ring, nop(user_data))?;
        submit_all(&mut ring)?;
    }
    look(&mut ring, |ring| ring.completion().len() == slots);
    // Linux from 5.5 to 5.18 takes no further entries while completions wait outside the queue.
    // kernel: io_uring/io_uring.c io_submit_sqes (5.10): EBUSY if the overflow list can't be flushed.
    for user_data in slots..slots + EXTRA {
        push(&mut ring, nop(user_data as u64))?;
    }
    for _ in 0..20 {
        match ring.submit() {
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR | Errno::EBUSY) => {}
            Err(errno) => return Err(broken("a submit that succeeds, or EBUSY", format!("{errno:?}"))),
        }
    }
    let all = slots + EXTRA - ring.submission().len();
    look(&mut ring, |ring| {
        ring.completion().overflow() != 0 || ring.submission().flags().contains(SqFlags::CQ_OVERFLOW)
    });
    // The first that finds no room is not the last.
    for _ in 0..MORE_LOOKS {
        let _ = ring.submitter().get_events();
    }
    Ok((ring, all))
}

/// Adds up what was delivered and what was dropped.
pub(super) fn counted<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let (mut ring, all) = overfull(lab)?;
    let mut lost = ring.completion().overflow() as usize;
    let seen = settle(&mut ring, all.saturating_sub(lost));
    lost = lost.max(ring.completion().overflow() as usize);
    if seen.len() + lost == all && seen.windows(2).all(|pair| pair[0] != pair[1]) {
        return Ok(());
    }
    let expected = format!("each of {all} completions delivered, or counted in the overflow word");
    Err(broken(expected, format!("{} delivered, {lost} counted", seen.len())))
}

/// Expects all completions of a kernel that promises to drop none.
pub(super) fn kept<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let (mut ring, all) = overfull(lab)?;
    if !ring.params().features().contains(Features::NODROP) {
        let instead = "dropped completions are counted, see CompletionQueue::overflow";
        return Err(not_offered("IORING_FEAT_NODROP", instead));
    }
    let lost = ring.completion().overflow();
    let seen = settle(&mut ring, all.saturating_sub(lost as usize));
    expect("with NODROP, all completions:", done(0..all as u64), seen)?;
    expect("with NODROP, dropped completions:", 0, lost)
}

/// Moves what waits outside the queue into the queue.
pub(super) fn flushed<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let (mut ring, all) = overfull(lab)?;
    if !ring.params().features().contains(Features::NODROP) || ring.completion().overflow() != 0 {
        return Err(Outcome::NotReached { needs: "completions that are kept".into() });
    }
    let shown = ring.submission().flags().contains(SqFlags::CQ_OVERFLOW);
    if !shown {
        return Err(broken("IORING_SQ_CQ_OVERFLOW while completions wait outside the queue", "no flag"));
    }
    let first = take(&mut ring).len();
    let mut entered = Ok(0);
    for _ in 0..5 {
        // SAFETY: nothing is submitted; null and 0 are what the flag calls for.
        entered = unsafe { lab.kernel.enter(ring.fd(), 0, 0, EnterFlags::GETEVENTS.bits(), std::ptr::null(), 0) };
        if entered != Err(Errno::EINTR) {
            break;
        }
    }
    expect("for GETEVENTS", Ok(0), entered)?;
    expect("in the queue after GETEVENTS:", all - first, ring.completion().len())?;
    expect("the flag afterwards:", false, ring.submission().flags().contains(SqFlags::CQ_OVERFLOW))
}
