//! Linux, release by release. The versions are those of `include/uapi/linux/io_uring.h` in the releases named.

use bare_uring::uapi::{self, IORING_REGISTER_QUERY};
use bare_uring::{EnterFlags, Errno, Features, SetupFlags};

use super::{CqSize, GroupRules, Header, Mask, Overflow, Profile, TimeoutRules, Unready, Waits};

type Release = (u8, u8);

/// The releases at which something changed that a program can see through the calls simulated here, provided buffers
/// aside; and the newest.
pub(super) const RELEASES: &[Release] = &[
    (5, 1),
    (5, 4),
    (5, 5),
    (5, 6),
    (5, 7),
    (5, 8),
    (5, 10),
    (5, 11),
    (5, 15),
    (5, 18),
    (5, 19),
    (6, 0),
    (6, 1),
    (6, 3),
    (6, 4),
    (6, 5),
    (6, 6),
    (6, 12),
    (6, 15),
    (6, 18),
    (6, 19),
    (7, 0),
    (7, 1),
    (7, 3),
];

const SETUP: &[(SetupFlags, Release)] = &[
    (SetupFlags::SQPOLL, (5, 1)),
    (SetupFlags::SQ_AFF, (5, 1)),
    (SetupFlags::CQSIZE, (5, 5)),
    (SetupFlags::CLAMP, (5, 6)),
    (SetupFlags::ATTACH_WQ, (5, 6)),
    (SetupFlags::R_DISABLED, (5, 10)),
    (SetupFlags::SUBMIT_ALL, (5, 18)),
    (SetupFlags::COOP_TASKRUN, (5, 19)),
    (SetupFlags::TASKRUN_FLAG, (5, 19)),
    (SetupFlags::SQE128, (5, 19)),
    (SetupFlags::CQE32, (5, 19)),
    (SetupFlags::SINGLE_ISSUER, (6, 0)),
    (SetupFlags::DEFER_TASKRUN, (6, 1)),
    (SetupFlags::NO_MMAP, (6, 5)),
    (SetupFlags::REGISTERED_FD_ONLY, (6, 5)),
    (SetupFlags::NO_SQARRAY, (6, 6)),
    (SetupFlags::CQE_MIXED, (6, 18)),
    (SetupFlags::SQE_MIXED, (6, 19)),
    (SetupFlags::SQ_REWIND, (7, 0)),
];

const FEATURES: &[(Features, Release)] = &[
    (Features::SINGLE_MMAP, (5, 4)),
    (Features::NODROP, (5, 5)),
    (Features::SUBMIT_STABLE, (5, 5)),
    (Features::RW_CUR_POS, (5, 6)),
    (Features::CUR_PERSONALITY, (5, 6)),
    (Features::FAST_POLL, (5, 7)),
    (Features::POLL_32BITS, (5, 9)),
    (Features::SQPOLL_NONFIXED, (5, 11)),
    (Features::EXT_ARG, (5, 11)),
    (Features::NATIVE_WORKERS, (5, 12)),
    (Features::RSRC_TAGS, (5, 13)),
    (Features::CQE_SKIP, (5, 17)),
    (Features::LINKED_FILE, (5, 17)),
    (Features::REG_REG_RING, (6, 3)),
    (Features::RECVSEND_BUNDLE, (6, 10)),
    (Features::MIN_TIMEOUT, (6, 12)),
    (Features::RW_ATTR, (6, 14)),
    (Features::NO_IOWAIT, (6, 15)),
];

const ENTER: &[(EnterFlags, Release)] = &[
    (EnterFlags::GETEVENTS.union(EnterFlags::SQ_WAKEUP), (5, 1)),
    (EnterFlags::SQ_WAIT, (5, 10)),
    (EnterFlags::EXT_ARG, (5, 11)),
    (EnterFlags::REGISTERED_RING, (5, 18)),
    (EnterFlags::ABS_TIMER, (6, 12)),
    (EnterFlags::EXT_ARG_REG, (6, 13)),
    (EnterFlags::NO_IOWAIT, (6, 15)),
];

/// The last request number of each release that added some.
const LAST_OPCODE: &[(u8, Release)] = &[
    (7, (5, 1)),
    (8, (5, 2)),
    (10, (5, 3)),
    (11, (5, 4)),
    (16, (5, 5)),
    (29, (5, 6)),
    (32, (5, 7)),
    (33, (5, 8)),
    (36, (5, 11)),
    (39, (5, 15)),
    (40, (5, 18)),
    (46, (5, 19)),
    (47, (6, 0)),
    (48, (6, 1)),
    (53, (6, 7)),
    (54, (6, 8)),
    (55, (6, 9)),
    (57, (6, 11)),
    (61, (6, 15)),
    (62, (6, 16)),
    (64, (6, 19)),
];

/// The registrations simulated here, with the release that brought each.
const REGISTRATIONS: &[(u32, Release)] = &[
    (0, (5, 1)),
    (1, (5, 1)),
    (2, (5, 1)),
    (3, (5, 1)),
    (6, (5, 5)),
    (8, (5, 6)),
    (12, (5, 10)),
    (13, (5, 13)),
    (14, (5, 13)),
    (15, (5, 13)),
    (16, (5, 13)),
    (20, (5, 18)),
    (21, (5, 18)),
    (22, (5, 19)),
    (23, (5, 19)),
    (24, (6, 0)),
    (26, (6, 8)),
    (IORING_REGISTER_QUERY, (6, 18)),
];

/// The requests simulated here; others are unknown to it, as to a kernel that was built without them.
pub(crate) const SIMULATED: u128 =
    super::bits(&[0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 19, 22, 23, 26, 27, 34, 40, 47, 49, 55, 62, 63]);

impl Profile {
    /// Returns the profile of a release of Linux.
    #[must_use]
    pub fn linux(major: u8, minor: u8) -> Self {
        let release = (major, minor);
        let known = |since: Release| since <= release;
        let last = LAST_OPCODE.iter().rev().find(|row| known(row.1)).map_or(7, |row| row.0);
        let sqe_flags =
            [(0x01, (5, 1)), (0x02, (5, 2)), (0x04, (5, 3)), (0x08, (5, 5)), (0x10, (5, 6)), (0x20, (5, 7))];
        let mut flags = sqe_flags.iter().filter(|row| known(row.1)).fold(0, |flags, row| flags | row.0);
        if known((5, 17)) {
            flags |= uapi::IOSQE_CQE_SKIP_SUCCESS;
        }
        Self {
            name: "Linux",
            setup: SETUP.iter().filter(|row| known(row.1)).fold(SetupFlags::empty(), |all, row| all | row.0),
            features: FEATURES.iter().filter(|row| known(row.1)).fold(Features::empty(), |all, row| all | row.0),
            enter: ENTER.iter().filter(|row| known(row.1)).fold(EnterFlags::empty(), |all, row| all | row.0),
            refuses_enter_flags: true,
            opcodes: SIMULATED & (u128::MAX >> (127 - last)),
            unknown_opcode: -22,
            bad_entry_ends_batch: true,
            bad_flags_end_batch: true,
            empty_submit_fails: true,
            short_submit_waits: false,
            empty_enter: None,
            sqe_flags: flags,
            registrations: REGISTRATIONS.iter().filter(|row| known(row.1)).fold(0, |all, row| all | 1 << row.0),
            has_register: true,
            unknown_registration: Errno::EINVAL,
            unsupported_registrations: 0,
            probe_claims_all: false,
            header: if known((6, 6)) { Header::Line } else { Header::Lines },
            cq_flags: known((5, 8)),
            reads_array: true,
            overflow: if known((5, 19)) {
                Overflow::List
            } else if known((5, 5)) {
                Overflow::ListBusy
            } else {
                Overflow::Drop
            },
            waits: Waits::Count,
            groups: GroupRules::linux(major, minor),
            // kernel: io_uring/wait.c io_cqring_wait (7.3): ends with 0 if a flush leaves IO_CHECK_CQ_OVERFLOW set; 7.2
            // waits on.
            returns_overflown: known((7, 3)),
            timeouts: TimeoutRules::linux(major, minor),
            mask: Mask::Bytes(8),
            unready: Unready::Waits,
            hangup: 0,
            cancels_by_user_data: false,
            close_waits: false,
            wraps: true,
            without_effect: SetupFlags::empty(),
            // The change that rounds both came with 5.10, and with a stable release of 5.9.
            cq_size: if known((5, 10)) { CqSize::Rounded } else { CqSize::Unrounded },
            clamps: true,
            too_many_entries: Errno::EINVAL,
            max_entries: if known((5, 4)) { 32_768 } else { 4096 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Features, Profile, SetupFlags};

    #[test]
    fn releases_are_what_was_measured_on_them() {
        assert_eq!(Profile::linux(5, 15).features.bits(), 0x7ff);
        assert_eq!(Profile::linux(6, 1).features.bits(), 0x1fff);
        assert_eq!(Profile::linux(6, 5).features.bits(), 0x3fff);
        assert_eq!(Profile::linux(6, 12).features.bits(), 0xffff);
        assert_eq!(Profile::linux(6, 18).features.bits(), 0x3ffff);
        assert_eq!(Profile::linux(5, 1).features, Features::empty());
        assert!(!Profile::linux(6, 18).setup.contains(SetupFlags::SQE_MIXED));
        assert!(Profile::linux(6, 19).knows(63) && !Profile::linux(6, 18).knows(63));
        assert!(Profile::linux(5, 18).registers(20) && !Profile::linux(5, 17).registers(20));
    }
}
