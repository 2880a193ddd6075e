//! Checks of both queues: counts, batches, the wrap, a full queue, more completions than there is room for.

use bare_uring::squeue::{Entry, Flags};
use bare_uring::{Builder, Errno, Features, IoUring, cqueue, opcode};

use super::{ENTRIES, Known, Limit, collect, nop, used};
use crate::checks::report::Report;

pub(super) fn check(report: &mut Report, known: &Known, ring: &mut IoUring) -> Option<()> {
    nop(report, "the first nop", ring)?;
    report.equal("an empty submit", ring.submit(), Ok(0));
    waits_for_what_is_there(report, ring)?;
    batches(report, ring)?;
    full(report, ring)?;
    unknown(report, ring)?;
    links(report, ring)?;
    more_than_there_is_room_for(report, known)
}

/// Returns a nop of this number.
fn numbered(number: u64) -> Entry {
    opcode::Nop::new().build().user_data(number)
}

/// Pushes nops of the numbers from 0 to `count`.
fn push(ring: &mut IoUring, count: u64) -> bool {
    // SAFETY: the requests point to nothing.
    (0..count).all(|number| unsafe { ring.submission().push(numbered(number)) }.is_ok())
}

/// Takes the completions of nops of the numbers from 0 to `count`, each of which has to come once. `told` is what the submit
/// returned.
fn take(report: &mut Report, name: &str, ring: &mut IoUring, count: u64, told: usize) -> Option<()> {
    let (mut each, mut twice, mut failed) = (0_u64, 0, 0);
    let later = collect(report, name, ring, count as usize, |cqe| {
        let bit = 1_u64.checked_shl(cqe.user_data().min(64) as u32).unwrap_or(0);
        twice += u32::from(bit == 0 || each & bit != 0);
        failed += u32::from(cqe.outcome() != Ok(0));
        each |= bit;
    })?;
    let seen = (told + later, each, twice, failed, ring.completion().len());
    report.equal(name, seen, (count as usize, (1 << count) - 1, 0, 0, 0));
    Some(())
}

/// Checks waits that have nothing to wait for: the completions are there, or come at once.
fn waits_for_what_is_there(report: &mut Report, ring: &mut IoUring) -> Option<()> {
    let pushed = push(ring, 1);
    let told = ring.submit();
    let mut limit = Limit::new();
    while ring.completion().is_empty() && limit.goes_on() {}
    report.equal("submit", (pushed, told, ring.completion().len()), (true, Ok(1), 1));
    if ring.completion().is_empty() {
        return None;
    }
    for want in [0, 1] {
        match ring.submitter().wait(want) {
            // Such a kernel takes every call for a submission.
            Err(errno @ (Errno::EPERM | Errno::EINVAL)) => report.absent("waits without a submit", errno),
            waited => report.equal("a wait for what is there", waited, Ok(())),
        }
    }
    take(report, "what was waited for", ring, 1, 1)?;
    for count in [1, 3, u64::from(ENTRIES)] {
        let pushed = push(ring, count);
        let told = ring.submit_and_wait(count as usize);
        report.equal("submit and wait", (pushed, told), (true, Ok(count as usize)));
        take(report, "submit and wait", ring, count, told.unwrap_or(0))?;
    }
    Some(())
}

/// Checks batches of each size, until both queues have wrapped many times.
fn batches(report: &mut Report, ring: &mut IoUring) -> Option<()> {
    let nops = [0, 1, 2, 3, 4, 5, 6, 7].map(numbered);
    for round in 0..200 {
        let count = round % nops.len() + 1;
        // SAFETY: the requests point to nothing.
        let pushed = unsafe { ring.submission().push_multiple(&nops[..count]) }.is_ok();
        let told = ring.submit();
        report.check("a batch is pushed and submitted", pushed && told.is_ok());
        take(report, "a batch", ring, count as u64, told.unwrap_or(0))?;
    }
    Some(())
}

/// Checks a full submission queue: what finds no room is handed back, and nothing is lost.
fn full(report: &mut Report, ring: &mut IoUring) -> Option<()> {
    let room = ring.params().sq_entries();
    let pushed = push(ring, u64::from(room));
    // SAFETY: the request points to nothing.
    let refused = unsafe { ring.submission().push(numbered(99)) }.map_err(|error| error.0.get_user_data());
    report.equal("a full queue", (pushed, ring.submission().is_full(), refused), (true, true, Err(99)));
    let told = ring.submit();
    report.check("a full queue is submitted", told.is_ok() && !ring.submission().is_full());
    take(report, "a full queue", ring, u64::from(room), told.unwrap_or(0))
}

/// Checks that a request that no kernel knows fails by itself, and that the requests around it do not.
fn unknown(report: &mut Report, ring: &mut IoUring) -> Option<()> {
    let mut bytes = [0; 64];
    bytes[0] = 0xff;
    let unknown = Entry::from_bytes(bytes).user_data(1);
    let requests = [numbered(0), unknown, numbered(2)];
    // SAFETY: the requests point to nothing.
    let pushed = unsafe { ring.submission().push_multiple(&requests) };
    let mut outcomes = [None; 3];
    let told = collect(report, "an unknown request", ring, 3, |cqe| {
        if let Some(place) = outcomes.get_mut(cqe.user_data() as usize) {
            *place = Some(cqe.outcome());
        }
    })?;
    let failed = matches!(outcomes[1], Some(Err(_)));
    let seen = (pushed.is_ok(), told, outcomes[0], failed, outcomes[2]);
    report.equal("an unknown request", seen, (true, 3, Some(Ok(0)), true, Some(Ok(0))));
    Some(())
}

/// Checks a chain, whose requests come in their order.
fn links(report: &mut Report, ring: &mut IoUring) -> Option<()> {
    let chain = [numbered(0).flags(Flags::IO_LINK), numbered(1).flags(Flags::IO_LINK), numbered(2)];
    // SAFETY: the requests point to nothing.
    let pushed = unsafe { ring.submission().push_multiple(&chain) };
    let (mut order, mut outcomes, mut nth) = ([9; 3], [None; 3], 0);
    let told = collect(report, "a chain", ring, 3, |cqe| {
        if let (Some(number), Some(outcome)) = (order.get_mut(nth), outcomes.get_mut(nth)) {
            (*number, *outcome) = (cqe.user_data(), Some(cqe.outcome()));
        }
        nth += 1;
    })?;
    if outcomes.contains(&Some(Err(Errno::EINVAL))) {
        report.absent("links", Errno::EINVAL);
    } else {
        let expected = (true, 3, [0, 1, 2], [Some(Ok(0)); 3]);
        report.equal("a chain", (pushed.is_ok(), told, order, outcomes), expected);
    }
    Some(())
}

/// Checks what becomes of completions that find no room: they come later where the kernel says so, and are counted elsewhere.
fn more_than_there_is_room_for(report: &mut Report, known: &Known) -> Option<()> {
    let built = Builder::<Entry, cqueue::Entry>::new().build(ENTRIES);
    let ring: IoUring = report.value("another ring", built)?;
    used(ring, |ring| {
        let room = ring.params().cq_entries() as usize;
        let (mut told, mut pushed) = (0, 0);
        // Two batches more than there is room for. Kernels before 5.19 refuse the second of them with `EBUSY`.
        while pushed < room + 2 * ENTRIES as usize {
            if !push(ring, u64::from(ENTRIES)) {
                break;
            }
            pushed += ENTRIES as usize;
            told += ring.submit().unwrap_or(0);
            // Worker threads may take their time.
            let mut limit = Limit::new();
            while ring.completion().len() < pushed.min(room) && limit.goes_on() {}
        }
        let (keeps, name) = (known.features.contains(Features::NODROP), "more than there is room for");
        let mut seen = 0;
        if keeps {
            told += collect(report, name, ring, pushed, |_| seen += 1)?;
        }
        // A queue that drops does not say how many come.
        while !ring.completion().is_empty() {
            seen += ring.completion().count();
            told += ring.submit().unwrap_or(0);
        }
        let lost = ring.completion().overflow() as usize;
        if keeps {
            report.equal(name, (told, seen, lost), (pushed, pushed, 0));
        } else if seen < room || (told, seen + lost) != (pushed, pushed) {
            report.skip("the count of lost completions", "some are neither there nor counted");
        } else {
            report.equal(name, (told, seen + lost), (pushed, pushed));
        }
        nop(report, "a nop after that", ring)
    })
}
