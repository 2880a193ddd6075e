//! What is known of this kernel, and so what it must and must not be able to do.

use core::fmt::Write as _;

use bare_uring::register::Probe;
use bare_uring::{Features, IoUring, SetupFlags};
use freestanding::checks::os::Names;
use freestanding::checks::report::Report;
use freestanding::print::Line;
use kernel_facts::{Kind, NEWEST, Version};

/// The kernel that the checks run on.
pub(crate) struct Facts {
    /// The Linux whose io_uring it has.
    version: Version,
    features: Features,
    probe: Probe,
}

impl Facts {
    /// Asks the kernel, and checks what it says of itself.
    pub(crate) fn gather(report: &mut Report, names: &Names, ring: &IoUring) -> Self {
        let features = ring.params().features();
        let release = names.version();
        // The stable branches of Linux 5.10 have the io_uring of 5.15, but not what the rest of the kernel lacks for
        // its last opcodes.
        let backported = release == (5, 10) && features.contains(Features::RSRC_TAGS);
        let version = if backported { (5, 15) } else { release };
        let mut probe = Probe::new();
        report.equal("probe", ring.submitter().register_probe(&mut probe), Ok(()));
        let facts = Self { version, features, probe };

        let expected = kernel_facts::bits(Kind::Feature, version);
        let newest = kernel_facts::last(Kind::Opcode, release.max((5, 11)));
        let (has, last) = (u64::from(features.bits()), Some(u32::from(facts.probe.last_op())));
        if release <= NEWEST {
            report.equal("features", has, expected);
            report.equal("the last opcode", last, newest);
        } else {
            report.check("features", has & expected == expected);
            report.check("the last opcode", last >= newest);
        }
        facts
    }

    /// Checks that the checks for every kernel have found what a Linux of this version has, and nothing newer.
    pub(crate) fn check_absences(&self, report: &mut Report, every: &Report) {
        let newer = [
            ("FEAT_EXT_ARG", self.since(5, 11)),
            ("provided memory", self.makes(SetupFlags::NO_MMAP)),
            ("SUBMIT_ALL", self.makes(SetupFlags::SUBMIT_ALL)),
            ("COOP_TASKRUN", self.makes(SetupFlags::COOP_TASKRUN)),
            ("SINGLE_ISSUER", self.makes(SetupFlags::SINGLE_ISSUER)),
            ("DEFER_TASKRUN", self.makes(SetupFlags::DEFER_TASKRUN)),
            ("cancellation of everything", self.since(6, 0)),
        ];
        let mut expected = newer.iter().filter(|(_, has)| !has).map(|(name, _)| *name);
        let mut seen = every.skipped().iter().copied();
        let differ = core::iter::from_fn(|| match (seen.next(), expected.next()) {
            (None, None) => None,
            both => Some(both),
        })
        .find(|(seen, expected)| seen != expected);
        report.equal("what is not here", differ, None);
    }

    /// Whether it has what came with this Linux.
    pub(crate) fn since(&self, major: u32, minor: u32) -> bool {
        self.knows((major, minor))
    }

    /// Whether it has what came with this release of the table's.
    pub(crate) fn knows(&self, first: Version) -> bool {
        self.version >= first
    }

    /// Whether it has all of these flags.
    pub(crate) fn makes(&self, flags: SetupFlags) -> bool {
        kernel_facts::first_with(Kind::Setup, flags.bits().into()).is_some_and(|first| self.knows(first))
    }

    /// Whether it says that it has this feature.
    pub(crate) fn has_feature(&self, feature: Features) -> bool {
        self.features.contains(feature)
    }

    /// Whether it has this opcode.
    pub(crate) fn has(&self, opcode: u8) -> bool {
        self.probe.is_supported(opcode)
    }

    /// The first number that it has no opcode for.
    pub(crate) fn first_unknown_opcode(&self) -> u8 {
        self.probe.last_op().saturating_add(1)
    }

    /// How many registrations it has; `None` for kernels newer than the table.
    pub(crate) fn registrations(&self) -> Option<u32> {
        let last = kernel_facts::last(Kind::Register, self.version).filter(|_| self.version <= NEWEST);
        last.map(|last| last + 1)
    }

    pub(crate) fn describe(&self, line: &mut Line) {
        let _ = write!(line, ", features {:#x}, last opcode {:#x}", self.features, self.probe.last_op());
    }
}
