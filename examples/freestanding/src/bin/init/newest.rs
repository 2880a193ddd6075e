//! Checks of what the latest kernels brought: entries of two sizes in one ring, `SQ_REWIND`, and queries.

use bare_uring::register::query::{self, Opcodes, RingHeader};
use bare_uring::{Builder, Errno, IoUring, Linux, cqueue, opcode, squeue};
use freestanding::checks::report::Report;

use crate::facts::Facts;

pub(crate) fn check(report: &mut Report, facts: &Facts) {
    ask(report, facts);
    if facts.since(6, 18) {
        mixed_completions(report);
    } else {
        report.skip("32-byte completions among others", "since Linux 6.18");
    }
    if facts.since(6, 19) {
        mixed_entries(report);
    } else {
        report.skip("128-byte requests among others", "since Linux 6.19");
        large_refused(report, facts);
    }
    if facts.since(7, 0) {
        rewind(report);
    } else {
        report.skip("SQ_REWIND", "since Linux 7.0");
    }
}

/// Checks that the kernel's answers to queries agree with what it does.
fn ask(report: &mut Report, facts: &Facts) {
    let answer = query::query::<Opcodes, _>(&Linux);
    if !facts.since(6, 18) {
        report.equal("a question", answer.map(drop), Err(Errno::EINVAL));
        return;
    }
    let Some(answer) = report.value("a question", answer) else { return };
    let known = &answer.record;
    report.check("the features in the answer", facts.has_feature(known.features()));
    report.equal("the opcodes in the answer", known.nr_request_opcodes, u32::from(facts.first_unknown_opcode()));
    report.equal("the registrations in the answer", Some(known.nr_register_opcodes), facts.registrations());
    let header = query::query::<RingHeader, _>(&Linux);
    if facts.since(6, 19) {
        let header = header.map(|answer| (answer.record.hdr_size.is_power_of_two(), answer.is_whole()));
        report.equal("the size of a ring's header", header, Ok((true, true)));
    } else {
        report.equal("the size of a ring's header", header.map(drop), Err(Errno::EOPNOTSUPP));
    }
}

/// Checks completions of 16 and 32 bytes in one ring, with fillers where a large one does not fit before the end.
fn mixed_completions(report: &mut Report) {
    let built = Builder::<squeue::Entry, cqueue::EntryMixed>::new().setup_cqsize(8).build(4);
    let Some(mut ring) = report.value("a ring with completions of both sizes", built) else { return };
    for number in 0..40_u64 {
        let big = [number, !number];
        let nop = if number % 3 == 0 { opcode::Nop::new() } else { opcode::Nop::new().big(big) };
        // SAFETY: the request points to nothing.
        let pushed = unsafe { ring.submission().push(nop.build().user_data(number)) };
        report.equal("a nop", (pushed.is_ok(), ring.submit_and_wait(1)), (true, Ok(1)));
        let seen = ring.completion().next().map(|cqe| (cqe.user_data(), cqe.outcome(), cqe.big()));
        let expected = if number % 3 == 0 { None } else { Some(big) };
        report.equal("its completion", seen, Some((number, Ok(0), expected)));
    }
    report.equal("no filler is seen", ring.completion().next(), None);
}

/// Checks requests of 64 and 128 bytes in one ring, with fillers where a large one does not fit before the end.
fn mixed_entries(report: &mut Report) {
    let built = Builder::<squeue::EntryMixed, cqueue::EntryMixed>::new().build(8);
    let Some(mut ring) = report.value("a ring with requests of both sizes", built) else { return };
    for number in 0..60_u64 {
        let entry = if number % 3 == 0 {
            squeue::EntryMixed::from(opcode::Nop::new().build().user_data(number))
        } else {
            squeue::EntryMixed::from(opcode::Nop128::new().big([number, 1]).build().user_data(number))
        };
        // SAFETY: the request points to nothing.
        let pushed = unsafe { ring.submission().push(entry) };
        report.equal("a nop", (pushed.is_ok(), ring.submit_and_wait(1).is_ok()), (true, true));
        let seen = ring.completion().next().map(|cqe| (cqe.user_data(), cqe.outcome(), cqe.big()));
        let expected = if number % 3 == 0 { None } else { Some([number, 1]) };
        report.equal("its completion", seen, Some((number, Ok(0), expected)));
    }
    report.equal("no filler is seen", ring.completion().next(), None);
}

/// Checks that an older kernel refuses a 128-byte request on a ring that has room for it.
fn large_refused(report: &mut Report, facts: &Facts) {
    if !facts.since(5, 19) {
        return;
    }
    let built = Builder::<squeue::Entry128, cqueue::Entry>::new().build(4);
    let Some(mut ring) = report.value("a ring with large requests", built) else { return };
    // SAFETY: the request points to nothing.
    let pushed = unsafe { ring.submission().push(opcode::Nop128::new().build().user_data(3).into()) };
    report.equal("a large nop", (pushed.is_ok(), ring.submit_and_wait(1)), (true, Ok(1)));
    let seen = ring.completion().next().map(|cqe| (cqe.user_data(), cqe.outcome()));
    report.equal("its refusal", seen, Some((3, Err(Errno::EINVAL))));
}

/// Checks a ring on which each submit starts at the first entry.
fn rewind(report: &mut Report) {
    let mut builder = IoUring::<squeue::Entry, cqueue::Entry>::builder();
    let Some(mut ring) = report.value("SQ_REWIND", builder.setup_sq_rewind().build(4)) else { return };
    let mut number = 0_u64;
    for batch in [1, 4, 3, 2, 4, 4, 1] {
        for count in 0..batch {
            // SAFETY: the request points to nothing.
            let pushed = unsafe { ring.submission().push(opcode::Nop::new().build().user_data(number + count)) };
            report.check("push", pushed.is_ok());
        }
        report.equal("submit", ring.submit_and_wait(batch as usize), Ok(batch as usize));
        for count in 0..batch {
            let seen = ring.completion().next().map(|cqe| (cqe.user_data(), cqe.outcome()));
            report.equal("its completion", seen, Some((number + count, Ok(0))));
        }
        number += batch;
    }
    report.equal("nothing else", ring.completion().next(), None);
}
