//! The points about `enter` that need no wait.

use std::ptr::null;

use bare_uring::{EnterFlags, Errno, Kernel};

use super::lab::{
    ETIME, LONG, Lab, SHORT, Seen, done, nop, push, settle, submit_all, submit_once, take, timeout, unknown,
};
use super::report::{Verdict, broken, expect, not_offered};

/// A flag of `enter` that no kernel knows.
const NO_FLAG: u32 = 1 << 30;

/// Submits five entries, at most two in the first call.
pub(super) fn count<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut ring = lab.ring(8)?;
    for user_data in 1..=5 {
        push(&mut ring, nop(user_data))?;
    }
    lab.log.limit.set(2);
    let first = submit_once(&mut ring);
    lab.log.limit.set(u32::MAX);
    let (first, left) = (first?, ring.submission().len());
    if first > 2 || left + first != 5 {
        return Err(broken(
            "of five entries, at most two consumed and as many counted",
            format!("{first} counted, {left} left"),
        ));
    }
    let rest = submit_all(&mut ring)?;
    expect("consumed entries:", 5, first + rest)?;
    expect("completions", done(1..=5), settle(&mut ring, 5))
}

/// Submits nops with all sorts of user data.
pub(super) fn completions<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut ring = lab.ring(8)?;
    let all = [0, 1, u64::MAX, 1 << 63, 0xffff_ffff, 1 << 32, 0x0123_4567_89ab_cdef];
    for user_data in all {
        push(&mut ring, nop(user_data))?;
    }
    expect("consumed entries:", all.len(), submit_all(&mut ring)?)?;
    expect("one completion for each entry:", done(all), settle(&mut ring, all.len()))
}

/// Writes to the slots of consumed entries before their completions are taken.
pub(super) fn reuse<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut ring = lab.ring(4)?;
    let mut expected: Vec<Seen> = done(1..=3);
    for user_data in 1..=3 {
        push(&mut ring, nop(user_data))?;
    }
    // A request that lives on after its entry was consumed.
    if lab.timers {
        push(&mut ring, timeout(&SHORT, 4))?;
        expected.push((4, ETIME));
    }
    submit_all(&mut ring)?;
    let slots = ring.submission().capacity() as u64;
    for user_data in 0..slots {
        push(&mut ring, nop(0x100 + user_data))?;
    }
    expect(
        "completions of entries whose slots were written again:",
        expected.clone(),
        settle(&mut ring, expected.len()),
    )?;
    submit_all(&mut ring)?;
    expect("completions of the later entries:", done((0..slots).map(|n| 0x100 + n)), settle(&mut ring, slots as usize))
}

/// Goes round both queues several times, with batches that do not divide them.
pub(super) fn slots<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut ring = lab.ring(4)?;
    for round in 0..40_u64 {
        let batch = round * 10..round * 10 + 1 + round % 3;
        for user_data in batch.clone() {
            push(&mut ring, nop(user_data))?;
        }
        submit_all(&mut ring)?;
        let want = batch.clone().count();
        expect("in each round", done(batch), settle(&mut ring, want))?;
    }
    Ok(())
}

/// Fills the completion queue exactly.
pub(super) fn full<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut ring = lab.ring(4)?;
    let slots = ring.completion().capacity();
    for user_data in 0..slots as u64 {
        push(&mut ring, nop(user_data))?;
        submit_all(&mut ring)?;
    }
    super::lab::look(&mut ring, |ring| ring.completion().len() == slots);
    expect("completions in the queue:", slots, ring.completion().len())?;
    expect("dropped completions:", 0, ring.completion().overflow())?;
    let mut seen = take(&mut ring);
    seen.sort_unstable();
    expect("completions", done(0..slots as u64), seen)
}

/// Submits a request that no kernel knows, and a nop behind it.
pub(super) fn unknown_request<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut ring = lab.ring(4)?;
    push(&mut ring, unknown(7))?;
    push(&mut ring, nop(8))?;
    expect("consumed entries, over all submits:", 2, submit_all(&mut ring)?)?;
    let seen = settle(&mut ring, 2);
    match seen[..] {
        [(7, result), (8, 0)] if result < 0 => Ok(()),
        _ => Err(broken("an error for the unknown request, and 0 for the nop", format!("{seen:?}"))),
    }
}

/// Enters without anything to do.
pub(super) fn empty<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut ring = lab.ring(4)?;
    for flags in [EnterFlags::empty(), EnterFlags::GETEVENTS] {
        // SAFETY: nothing is submitted; null and 0 are what the flags call for.
        let entered = unsafe { lab.kernel.enter(ring.fd(), 0, 0, flags.bits(), null(), 0) };
        expect("for an empty call", Ok(0), entered)?;
    }
    expect("completions", Vec::new(), take(&mut ring))
}

/// Enters what is no ring.
pub(super) fn no_ring<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    // SAFETY: nothing is submitted.
    let entered = unsafe { lab.kernel.enter(-1, 0, 0, 0, null(), 0) };
    expect("for the descriptor -1", Err(Errno::EBADF), entered)
}

/// Enters with an unknown flag.
pub(super) fn flags<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let ring = lab.ring(4)?;
    // SAFETY: nothing is submitted.
    match unsafe { lab.kernel.enter(ring.fd(), 0, 0, NO_FLAG, null(), 0) } {
        Err(Errno::EINVAL) => Ok(()),
        Ok(0) => {
            Err(not_offered("EINVAL for unknown flags of enter", "only flags that a feature announces are passed"))
        }
        other => Err(broken("EINVAL for an unknown flag", format!("{other:?}"))),
    }
}

/// Starts a timeout that ends, and one that is removed before.
pub(super) fn timers<K: Kernel>(lab: &mut Lab<'_, K>) -> Verdict {
    let mut ring = lab.ring(4)?;
    push(&mut ring, timeout(&SHORT, 1))?;
    submit_all(&mut ring)?;
    match settle(&mut ring, 1)[..] {
        [(1, ETIME)] => {}
        // Errors of kernels that do not know the request.
        [(1, -22 | -95)] => {
            let instead = "a timed wait without IORING_FEAT_EXT_ARG is an error";
            return Err(not_offered("IORING_OP_TIMEOUT", instead));
        }
        [(1, 0)] => {
            let instead = "a timed wait without IORING_FEAT_EXT_ARG ends at once";
            return Err(not_offered("IORING_OP_TIMEOUT that takes its time", instead));
        }
        ref seen => return Err(broken(format!("(1, {ETIME}) after the time"), format!("{seen:?}"))),
    }
    drop(ring);
    lab.timers = true;
    let mut ring = lab.ring(4)?;
    push(&mut ring, timeout(&LONG, super::lab::GUARD))?;
    submit_all(&mut ring)?;
    for _ in 0..3 {
        let _ = ring.submitter().get_events();
    }
    let early = take(&mut ring);
    expect("before a second is over,", Vec::new(), early.clone())?;
    expect("left of a removed timeout:", Vec::new(), super::lab::end_guard(&mut ring, early)?)
}
