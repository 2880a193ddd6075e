//! Since which Linux: one row for each thing of the kernel's that the crate documents with a release, in [`FACTS`].
//!
//! The tests of this package compare every other place that says so with the table (`ci/facts.sh`). Programs of this
//! repository that need to know take it from here: [`since`] has a constant for each name, [`bits`] and [`last`] fold rows.
#![no_std]

mod table;

pub use table::{FACTS, since};

/// A release of Linux.
pub type Version = (u32, u32);

/// The newest release that the table describes.
pub const NEWEST: Version = (7, 3);

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `IORING_SETUP_*`
    Setup,
    /// `IORING_FEAT_*`
    Feature,
    /// `IORING_ENTER_*`
    Enter,
    /// `IOSQE_*`
    Sqe,
    /// `IORING_OP_*`
    Opcode,
    /// `IORING_REGISTER_*`
    Register,
    /// What a registration's argument says.
    Argument,
    /// What a request's own fields say.
    Request,
    /// What the kernel tells in a ring, and where rings are mapped.
    Ring,
    /// A structure; its number is its size in bytes.
    Structure,
    /// An item of the crate that has no C name, or is newer than it: `Type::method`, `module::Type`, or `macro::method`.
    Item,
    /// A command of a driver's.
    Command,
    /// What a test needs that has no name.
    Words,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub kind: Kind,
    /// The kernel's name for it.
    pub name: &'static str,
    /// The number, or 0 for a row without one.
    pub number: i64,
    /// The first release that has it.
    pub since: Version,
}

/// The bits of all rows of a kind that this release has.
pub fn bits(kind: Kind, release: Version) -> u64 {
    rows(kind, release).fold(0, |all, fact| all | fact.number.cast_unsigned())
}

/// The highest number of a kind in this release; `None` before there was one.
pub fn last(kind: Kind, release: Version) -> Option<u32> {
    rows(kind, release).filter_map(|fact| u32::try_from(fact.number).ok()).max()
}

/// The first release that has all of these bits of a kind; `None` if the table lacks one of them.
pub fn first_with(kind: Kind, bits: u64) -> Option<Version> {
    let mut wanted = rows(kind, NEWEST).filter(|fact| fact.number.cast_unsigned() & bits != 0);
    let known = self::bits(kind, NEWEST);
    wanted.try_fold((0, 0), |first, fact| Some(fact.since.max(first))).filter(|_| bits & !known == 0)
}

fn rows(kind: Kind, release: Version) -> impl Iterator<Item = &'static Fact> {
    FACTS.iter().filter(move |fact| fact.kind == kind && fact.since <= release)
}

/// `5.10`, as the tokens of a row have it.
const fn version(text: &str) -> Version {
    let (text, mut numbers, mut part, mut i) = (text.as_bytes(), [0, 0], 0, 0);
    while i < text.len() {
        match text[i] {
            b'.' => part += 1,
            digit => numbers[part] = 10 * numbers[part] + (digit - b'0') as u32,
        }
        i += 1;
    }
    assert!(part == 1, "a release has two parts");
    (numbers[0], numbers[1])
}
