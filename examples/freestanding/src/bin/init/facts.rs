//! What is known of this kernel, and so what it must and must not be able to do.

use core::fmt::Write as _;

use bare_uring::register::Probe;
use bare_uring::{Features, IoUring};
use freestanding::print::Line;

use crate::os::Names;
use crate::report::Report;

/// A version of Linux.
pub(crate) type Version = (u32, u32);

/// The kernel that the checks run on.
pub(crate) struct Facts {
    /// The Linux whose io_uring it has.
    version: Version,
    features: Features,
    probe: Probe,
}

/// The first Linux with each feature, and with all before it.
const FEATURES: &[(Version, Features)] = &[
    ((5, 13), Features::from_bits_retain(0x7ff)),
    ((5, 17), Features::CQE_SKIP.union(Features::LINKED_FILE)),
    ((6, 3), Features::REG_REG_RING),
    ((6, 10), Features::RECVSEND_BUNDLE),
    ((6, 12), Features::MIN_TIMEOUT),
    ((6, 14), Features::RW_ATTR),
    ((6, 15), Features::NO_IOWAIT),
];

/// The last opcode of each Linux that brought some.
const LAST_OPCODES: &[(Version, u8)] = &[
    ((5, 11), 36),
    ((5, 15), 39),
    ((5, 18), 40),
    ((5, 19), 46),
    ((6, 0), 47),
    ((6, 1), 48),
    ((6, 7), 53),
    ((6, 8), 54),
    ((6, 9), 55),
    ((6, 11), 57),
    ((6, 15), 61),
    ((6, 16), 62),
    ((6, 19), 64),
];

/// The last registration of each Linux that brought some.
const LAST_REGISTRATIONS: &[(Version, u32)] = &[
    ((5, 1), 12),
    ((5, 13), 16),
    ((5, 14), 18),
    ((5, 15), 19),
    ((5, 18), 21),
    ((5, 19), 23),
    ((6, 0), 25),
    ((6, 8), 26),
    ((6, 9), 28),
    ((6, 12), 30),
    ((6, 13), 34),
    ((6, 18), 35),
    ((6, 19), 36),
    ((7, 0), 37),
];

/// The newest Linux that the tables above describe; of later ones they say the least.
const DESCRIBED: Version = (7, 3);

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

        let expected =
            FEATURES.iter().filter(|(since, _)| version >= *since).fold(Features::empty(), |all, (_, f)| all | *f);
        let newest =
            LAST_OPCODES.iter().filter(|(since, _)| release.max((5, 11)) >= *since).map(|(_, last)| *last).max();
        if release <= DESCRIBED {
            report.equal("features", features, expected);
            report.equal("the last opcode", Some(facts.probe.last_op()), newest);
        } else {
            report.check("features", features.contains(expected));
            report.check("the last opcode", Some(facts.probe.last_op()) >= newest);
        }
        facts
    }

    /// Whether it has what came with this Linux.
    pub(crate) fn since(&self, major: u32, minor: u32) -> bool {
        self.version >= (major, minor)
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
        let known = LAST_REGISTRATIONS.iter().filter(|(since, _)| self.version >= *since).map(|(_, last)| *last + 1);
        known.max().filter(|_| self.version <= DESCRIBED)
    }

    pub(crate) fn describe(&self, line: &mut Line) {
        let _ = write!(line, ", features {:#x}, last opcode {:#x}", self.features, self.probe.last_op());
    }
}
