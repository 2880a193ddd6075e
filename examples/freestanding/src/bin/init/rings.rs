//! Rings of every kind that this kernel has, each used once; and every other kind, refused by name or by the kernel.

use bare_uring::{Builder, Call, Errno, IoUring, Kernel, Linux, LocalRing, SetupError, SetupFlags};
use bare_uring::{cqueue, opcode, squeue};
use freestanding::checks::report::Report;
use kernel_facts::since;
use linux_raw_sys::io_uring::io_uring_params;

use crate::facts::Facts;
use crate::pool;

/// Submission entries of each ring.
const ENTRIES: u32 = 8;

pub(crate) fn check(report: &mut Report, facts: &Facts) {
    combinations(report, facts);
    kinds(report, facts);
    sizes(report);
}

/// The flags that can be combined.
const FLAGS: &[SetupFlags] = &[
    SetupFlags::IOPOLL,
    SetupFlags::SQPOLL,
    SetupFlags::SQ_AFF,
    SetupFlags::R_DISABLED,
    SetupFlags::SUBMIT_ALL,
    SetupFlags::COOP_TASKRUN,
    SetupFlags::TASKRUN_FLAG,
    SetupFlags::SINGLE_ISSUER,
    SetupFlags::DEFER_TASKRUN,
    SetupFlags::NO_SQARRAY,
    SetupFlags::HYBRID_IOPOLL,
    SetupFlags::SQ_REWIND,
];

fn combinations(report: &mut Report, facts: &Facts) {
    for bits in 0..1_u32 << FLAGS.len() {
        let chosen = FLAGS.iter().enumerate().filter(|(bit, _)| bits & 1 << bit != 0);
        let flags = chosen.fold(SetupFlags::empty(), |flags, (_, flag)| flags | *flag);
        combination(report, flags, facts.makes(flags));
    }
}

fn combination(report: &mut Report, flags: SetupFlags, known: bool) {
    let mut builder = IoUring::<squeue::Entry, cqueue::Entry>::builder();
    builder.setup_flags(flags);
    let refused_by_name = builder.memory_size(ENTRIES).err();
    let built = builder.build(ENTRIES);
    match (refused_by_name, built) {
        // What is refused by name is what the kernel would refuse, or it would be refused in vain.
        (Some(error), built) => {
            report.equal("the same refusal", built.err(), Some(error));
            report.equal("what is refused by name", setup_by_hand(flags), Err(Errno::EINVAL));
        }
        (None, Ok(mut ring)) => {
            report.check("a ring with a flag that this kernel can't know", known);
            let iopoll = flags.contains(SetupFlags::IOPOLL);
            if flags.contains(SetupFlags::R_DISABLED) {
                report.equal("a disabled ring", ring.submitter().wait(0), Err(Errno::EBADFD));
                report.equal("enabling it", ring.submitter().register_enable_rings(), Ok(()));
            }
            let seen = round_trip(&mut ring, u64::from(flags.bits()));
            // Old kernels have nothing to poll a nop for.
            let passed = seen == Ok(Ok(0)) || iopoll && seen == Ok(Err(Errno::EINVAL));
            if !passed {
                report.equal("a nop on such a ring", (flags, seen), (flags, Ok(Ok(0))));
            }
        }
        (None, Err(error)) => {
            let expected = if known { None } else { Some(SetupError::Kernel(Call::Setup, Errno::EINVAL)) };
            report.equal("a ring", (flags, Some(error)), (flags, expected));
        }
    }
}

/// What the kernel itself says of a combination that the builder refuses.
fn setup_by_hand(flags: SetupFlags) -> Result<(), Errno> {
    // SAFETY: the structure consists of integers.
    let mut params: io_uring_params = unsafe { core::mem::zeroed() };
    params.flags = flags.bits();
    // SAFETY: no memory is provided.
    let fd = unsafe { Linux.setup(ENTRIES, &mut params) }?;
    // SAFETY: it was made just now, and nobody else uses it.
    unsafe { Linux.close(fd.cast_signed()) }
}

/// The user data and the outcome of a completion, of whatever kind.
pub(crate) trait Completed {
    fn plain(&self) -> (u64, Result<u32, Errno>);
}

impl Completed for cqueue::Entry {
    fn plain(&self) -> (u64, Result<u32, Errno>) {
        (self.user_data(), self.outcome())
    }
}

impl Completed for cqueue::Entry32 {
    fn plain(&self) -> (u64, Result<u32, Errno>) {
        (self.user_data(), self.outcome())
    }
}

impl Completed for cqueue::EntryMixed {
    fn plain(&self) -> (u64, Result<u32, Errno>) {
        (self.user_data(), self.outcome())
    }
}

/// A nop there and back; what it came back with, if it is the one.
pub(crate) fn round_trip<S, C, K>(ring: &mut IoUring<S, C, K>, user_data: u64) -> Result<Result<u32, Errno>, Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
    K: Kernel,
{
    let nop = opcode::Nop::new().build().user_data(user_data);
    // SAFETY: the request points to nothing.
    unsafe { ring.submission().push(nop.into()) }.map_err(|_| Errno::EBUSY)?;
    if ring.submit_and_wait(1)? != 1 {
        return Err(Errno::EAGAIN);
    }
    let completed = ring.completion().next().ok_or(Errno::ENODATA)?;
    let (seen, outcome) = completed.plain();
    if seen == user_data && ring.completion().next().is_none() { Ok(outcome) } else { Err(Errno::EBADMSG) }
}

/// Entries of both sizes and mixed, in memory of the kernel's and of ours, with a descriptor and without.
fn kinds(report: &mut Report, facts: &Facts) {
    use SetupFlags as F;

    kind::<squeue::Entry, cqueue::Entry>(report, facts, "Entry, Entry", F::empty());
    kind::<squeue::Entry, cqueue::Entry32>(report, facts, "Entry, Entry32", F::CQE32);
    kind::<squeue::Entry, cqueue::EntryMixed>(report, facts, "Entry, EntryMixed", F::CQE_MIXED);
    kind::<squeue::Entry128, cqueue::Entry>(report, facts, "Entry128, Entry", F::SQE128);
    kind::<squeue::Entry128, cqueue::Entry32>(report, facts, "Entry128, Entry32", F::SQE128 | F::CQE32);
    kind::<squeue::Entry128, cqueue::EntryMixed>(report, facts, "Entry128, EntryMixed", F::SQE128 | F::CQE_MIXED);
    kind::<squeue::EntryMixed, cqueue::Entry>(report, facts, "EntryMixed, Entry", F::SQE_MIXED);
    kind::<squeue::EntryMixed, cqueue::Entry32>(report, facts, "EntryMixed, Entry32", F::SQE_MIXED | F::CQE32);
    let mixed = F::SQE_MIXED | F::CQE_MIXED;
    kind::<squeue::EntryMixed, cqueue::EntryMixed>(report, facts, "EntryMixed, EntryMixed", mixed);
}

fn kind<S, C>(report: &mut Report, facts: &Facts, name: &str, flags: SetupFlags)
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
{
    let known = facts.makes(flags);
    let builder = Builder::<S, C>::new();
    expect(report, name, known, builder.build(ENTRIES));
    let in_place = known && facts.makes(SetupFlags::NO_MMAP);
    expect(report, name, in_place, builder.build_provided(ENTRIES, pool::ring()));
    let registered = builder.build_registered(ENTRIES, pool::ring());
    let local: Option<LocalRing<S, C>> = expect(report, name, in_place, registered);
    // A ring with a descriptor can have an index too.
    let has_index = facts.knows(since::IORING_REGISTER_RING_FDS);
    let Ok(ring) = builder.build(ENTRIES) else { return };
    match ring.register_ring_fd() {
        Ok(mut ring) => {
            report.check("a ring's index before there were any", has_index);
            report.equal(name, round_trip(&mut ring, 9), Ok(Ok(0)));
            let closed = if facts.knows(since::IORING_FEAT_REG_REG_RING) { Ok(()) } else { Err(Errno::EOPNOTSUPP) };
            report.equal("closing the descriptor", ring.close_ring_fd(), closed);
            report.equal(name, round_trip(&mut ring, 10), Ok(Ok(0)));
        }
        Err((_, errno)) => report.equal(name, (has_index, errno), (false, Errno::EINVAL)),
    }
    drop(local);
}

/// A ring that works, or the kernel's refusal.
fn expect<S, C, K>(
    report: &mut Report,
    name: &str,
    known: bool,
    built: Result<IoUring<S, C, K>, SetupError>,
) -> Option<IoUring<S, C, K>>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
    K: Kernel,
{
    match built {
        Ok(mut ring) => {
            report.check(name, known);
            // More often than there are entries, so that the queues wrap.
            for number in 0..u64::from(3 * ENTRIES) {
                report.equal(name, round_trip(&mut ring, number), Ok(Ok(0)));
            }
            Some(ring)
        }
        Err(error) => {
            let expected = if known { None } else { Some(SetupError::Kernel(Call::Setup, Errno::EINVAL)) };
            report.equal(name, Some(error), expected);
            None
        }
    }
}

fn sizes(report: &mut Report) {
    let built = IoUring::builder().setup_cqsize(33).setup_clamp().dontfork().build(5);
    let Some(ring) = report.value("a ring of odd sizes", built) else { return };
    let ring: IoUring = ring;
    report.equal("its sizes", (ring.params().sq_entries(), ring.params().cq_entries()), (8, 64));
    let attached = IoUring::<squeue::Entry, cqueue::Entry>::builder().setup_attach_wq(ring.fd()).build(1);
    if let Some(mut attached) = report.value("a ring with the workers of another", attached) {
        report.equal("it works", round_trip(&mut attached, 1), Ok(Ok(0)));
    }
    let large = IoUring::<squeue::Entry, cqueue::Entry>::builder().setup_clamp().build(100_000);
    if let Some(mut large) = report.value("the largest ring", large) {
        report.equal("its sizes", (large.params().sq_entries(), large.params().cq_entries()), (32_768, 65_536));
        report.equal("it works", round_trip(&mut large, 1), Ok(Ok(0)));
    }
}
