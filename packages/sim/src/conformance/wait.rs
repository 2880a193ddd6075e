//! The points about waits. Each wait has a timeout in flight that ends it, so that no wait is without end.

use std::ptr::from_ref;

use bare_uring::types::{Sigset, SubmitArgs};
use bare_uring::{EnterFlags, Errno, Features, Kernel};

use super::lab::{
    ETIME, GUARD, Lab, Ring, SHORT, Seen, done, end_guard, nop, push, start_guard, submit_all, take, timeout,
};
use super::report::{Outcome, Verdict, broken, expect, not_offered};

/// How often a wait may return early before it counts as one that never waits.
const EARLY: u32 = 20;

/// Waits for one completion until it is there, or the guard is. Returns what came, and the number of early returns.
fn wait_for_one<K: Kernel>(ring: &mut Ring<'_, K>) -> Result<(Vec<Seen>, u32), Outcome> {
    for early in 0..EARLY {
        match ring.submitter().wait(1) {
            Ok(()) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(broken("a wait that succeeds", format!("{errno:?}"))),
        }
        let seen = take(ring);
        if !seen.is_empty() {
            return Ok((seen, early));
        }
    }
    Ok((Vec::new(), EARLY))
}

/// Waits for what is there, and for what comes.
pub(super) fn wait<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    lab.need_timers()?;
    let mut ring = lab.ring(8)?;
    start_guard(&mut ring)?;
    push(&mut ring, nop(1))?;
    push(&mut ring, nop(2))?;
    submit_all(&mut ring)?;
    // Completions that are there end a wait at once.
    super::lab::look(&mut ring, |ring| ring.completion().len() >= 2);
    match ring.submitter().wait(2) {
        Ok(()) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(broken("a wait that succeeds", format!("{errno:?}"))),
    }
    let mut seen = take(&mut ring);
    seen.sort_unstable();
    expect("after a wait for two that are there,", done([1, 2]), seen)?;

    push(&mut ring, timeout(&SHORT, 3))?;
    submit_all(&mut ring)?;
    let (seen, early) = wait_for_one(&mut ring)?;
    let rest = end_guard(&mut ring, Vec::new())?;
    if early == EARLY {
        return Err(not_offered(
            "waits for min_complete completions",
            "calls return early, and the caller calls again",
        ));
    }
    expect("after a wait for a timeout,", vec![(3, ETIME)], seen)?;
    expect("at the end,", Vec::new(), rest)
}

/// Submits and waits in one call.
pub(super) fn submit_and_wait<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    lab.need_timers()?;
    let mut ring = lab.ring(8)?;
    start_guard(&mut ring)?;
    push(&mut ring, nop(1))?;
    push(&mut ring, nop(2))?;
    let submitted = ring.submit_and_wait(1);
    let mut consumed = match submitted {
        Ok(consumed) => consumed,
        Err(Errno::EAGAIN | Errno::EINTR) => 0,
        Err(errno) => return Err(broken("a count of consumed entries", format!("{errno:?}"))),
    };
    consumed += submit_all(&mut ring)?;
    expect("consumed entries:", 2, consumed)?;
    let mut seen = super::lab::settle(&mut ring, 2);
    seen = end_guard(&mut ring, seen)?;
    expect("completions", done([1, 2]), seen)
}

/// Waits for a completion that does not come, with a timeout.
pub(super) fn timed_wait<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    lab.need_timers()?;
    let mut ring = lab.ring(8)?;
    start_guard(&mut ring)?;
    let (mut waited, mut seen) = (Ok(()), Vec::new());
    for _ in 0..EARLY {
        waited = ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&SHORT));
        seen.extend(take(&mut ring));
        if seen.iter().any(|seen: &Seen| seen.0 == GUARD) {
            return Err(broken("a wait that ends after its time", "a wait that only another timeout ended"));
        }
        if !matches!(waited, Ok(()) | Err(Errno::EINTR | Errno::EAGAIN)) {
            break;
        }
    }
    let rest = end_guard(&mut ring, seen)?;
    match waited {
        Err(Errno::ETIME) => expect("at the end,", Vec::new(), rest),
        Ok(()) | Err(Errno::EINTR) if rest.is_empty() => {
            Err(not_offered("timed waits that take their time", "calls return early, and the caller calls again"))
        }
        other => Err(broken("ETIME", format!("{other:?}, and {rest:?}"))),
    }
}

/// Looks whether a wait takes its timeout as an argument.
pub(super) fn ext_arg<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let ring = lab.ring(4)?;
    if !ring.params().features().contains(Features::EXT_ARG) {
        let instead = "a timed wait submits a timeout request of its own";
        return Err(not_offered("IORING_FEAT_EXT_ARG", instead));
    }
    let flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
    let bytes = [0_u64; 8];
    // SAFETY: nothing is submitted. The argument has more bytes than any that the flags call for.
    let entered = unsafe { lab.kernel.enter(ring.fd(), 0, 0, flags.bits(), from_ref(&bytes).cast(), 7) };
    expect("for an argument of 7 bytes:", Err(Errno::EINVAL), entered)?;
    drop(ring);
    timed_wait(lab)
}

/// Waits with a signal mask.
pub(super) fn signal_mask<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    lab.need_timers()?;
    let mut ring = lab.ring(4)?;
    start_guard(&mut ring)?;
    push(&mut ring, timeout(&SHORT, 1))?;
    submit_all(&mut ring)?;
    let flags = EnterFlags::GETEVENTS.bits();
    let mask = from_ref(&Sigset::EMPTY).cast();
    // SAFETY: nothing is submitted, and the argument is a signal set with its size.
    let entered = unsafe { lab.kernel.enter(ring.fd(), 0, 1, flags, mask, Sigset::SIZE as usize) };
    let seen = super::lab::settle(&mut ring, 1);
    let seen = end_guard(&mut ring, seen)?;
    match entered {
        Ok(0) | Err(Errno::EINTR) => expect("after a wait with a mask,", vec![(1, ETIME)], seen),
        Err(Errno::EINVAL | Errno::ENOSYS) => {
            Err(not_offered("signal masks of 8 bytes", "a wait with a mask is an error; others pass no mask"))
        }
        other => Err(broken("0 for a wait with a signal mask", format!("{other:?}"))),
    }
}
