//! Checks of rings of all kinds: mapped and in provided memory, of other sizes, with each flag that the kernel takes.

use bare_uring::squeue::Entry;
use bare_uring::{Builder, Call, Errno, IoUring, RingMemory, SetupError, SetupFlags, cqueue};

use super::{ENTRIES, nop, used};
use crate::checks::report::Report;
use crate::pages::Pages;

/// Memory of one ring.
static MEMORY: Pages<2> = Pages::new();

/// The flags that change how requests go through the ring, each by the name of its setter.
const FLAGS: &[(&str, SetupFlags)] = &[
    ("CLAMP", SetupFlags::CLAMP),
    ("R_DISABLED", SetupFlags::R_DISABLED),
    ("SUBMIT_ALL", SetupFlags::SUBMIT_ALL),
    ("COOP_TASKRUN", SetupFlags::COOP_TASKRUN),
    ("SINGLE_ISSUER", SetupFlags::SINGLE_ISSUER),
    ("DEFER_TASKRUN", SetupFlags::SINGLE_ISSUER.union(SetupFlags::DEFER_TASKRUN)),
    ("SQPOLL", SetupFlags::SQPOLL),
];

pub(super) fn check(report: &mut Report) -> Option<()> {
    provided(report)?;
    odd_sizes(report)?;
    for (name, flags) in FLAGS {
        let mut builder = Builder::new();
        builder.setup_flags(*flags);
        with_flag(report, name, *flags, &builder)?;
    }
    Some(())
}

/// Makes a ring, or names what the kernel does not have.
fn made(report: &mut Report, name: &'static str, built: Result<IoUring, SetupError>) -> Option<IoUring> {
    match built {
        Ok(ring) => return Some(ring),
        Err(SetupError::Kernel(Call::Setup, errno @ (Errno::EINVAL | Errno::EPERM | Errno::EOPNOTSUPP))) => {
            report.absent(name, errno);
        }
        Err(error) => report.equal(name, Some(error), None),
    }
    None
}

/// Sends nops through a ring, more often than either queue has slots.
fn round_trips(report: &mut Report, name: &'static str, ring: IoUring) -> Option<()> {
    used(ring, |ring| {
        for _ in 0..=3 * ENTRIES {
            nop(report, name, ring)?;
        }
        Some(())
    })
}

fn provided(report: &mut Report) -> Option<()> {
    const NAME: &str = "provided memory";

    let (Ok(rings), Ok(sqes)) = (MEMORY.take(), MEMORY.take()) else { return None };
    let built = Builder::new().build_provided(ENTRIES, RingMemory { rings, sqes });
    match made(report, NAME, built) {
        Some(ring) => round_trips(report, NAME, ring),
        None => Some(()),
    }
}

/// Checks that the kernel rounds sizes up, and makes the completion queue as large as it was asked to.
fn odd_sizes(report: &mut Report) -> Option<()> {
    let ring: IoUring = report.value("a ring of five entries", Builder::<Entry, cqueue::Entry>::new().build(5))?;
    let sizes = (ring.params().sq_entries(), ring.params().cq_entries());
    report.check("its sizes", sizes.0 >= 5 && sizes.1 >= sizes.0);
    round_trips(report, "a ring of five entries", ring)?;
    let mut builder = Builder::new();
    builder.setup_cqsize(64);
    if let Some(ring) = made(report, "CQSIZE", builder.build(ENTRIES)) {
        let sizes = (ring.params().sq_entries(), ring.params().cq_entries());
        report.equal("the sizes that were asked for", sizes, (ENTRIES, 64));
        round_trips(report, "CQSIZE", ring)?;
    }
    Some(())
}

fn with_flag(
    report: &mut Report,
    name: &'static str,
    flags: SetupFlags,
    builder: &Builder<Entry, cqueue::Entry>,
) -> Option<()> {
    let Some(ring) = made(report, name, builder.build(ENTRIES)) else { return Some(()) };
    if flags.contains(SetupFlags::R_DISABLED)
        && let Err(errno) = ring.submitter().register_enable_rings()
    {
        report.absent(name, errno);
        return Some(());
    }
    round_trips(report, name, ring)
}
