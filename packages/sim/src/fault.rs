//! [`Fault`]: what the simulated kernel saw its user do wrong.

use std::fmt;

/// Something that a correct user of a ring never does. A real kernel would not say; most of these lose or corrupt
/// requests in silence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A wait that nothing could end: no request is in flight, no timer runs, and no thread of the kernel that is awake
    /// has anything to do. A real kernel would wait for ever; the simulated one answers `EINTR`.
    Stuck {
        /// The ring waited on.
        ring: u32,
        /// Entries that were visible to a thread of the kernel that sleeps.
        asleep_over: u32,
    },
    /// The submission queue's tail is further ahead of the head than there are slots, or went back.
    SqTail {
        /// The kernel's head.
        head: u32,
        /// The tail that was found.
        tail: u32,
    },
    /// The completion queue's head overtook the tail, or went back.
    CqHead {
        /// The head seen before.
        before: u32,
        /// The head that was found.
        head: u32,
        /// The kernel's tail.
        tail: u32,
    },
    /// The index array names a slot that does not exist.
    BadIndex {
        /// The slot's number.
        index: u32,
    },
    /// An entry was consumed that is not the next one of those [expected](crate::SimKernel::expect).
    Unexpected {
        /// Its user data.
        found: u64,
        /// The user data of the next one expected.
        expected: Option<u64>,
    },
    /// A ring was closed while requests were in flight, whose memory the kernel may still use.
    ClosedInFlight {
        /// Their user data.
        user_data: Vec<u64>,
    },
    /// A descriptor or index was closed, unregistered or entered that names no ring.
    NoRing {
        /// What was named.
        fd: i32,
    },
    /// Memory was unmapped that is not mapped, or not so long.
    Unmap {
        /// The length given.
        len: usize,
    },
    /// Somebody wrote outside of the ring's memory.
    OutOfBounds {
        /// The ring whose memory it was.
        ring: u32,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stuck { ring, asleep_over: 0 } => write!(f, "ring {ring}: a wait that nothing can end"),
            Self::Stuck { ring, asleep_over } => {
                write!(f, "ring {ring}: a wait while the kernel's thread sleeps over {asleep_over} entries")
            }
            Self::SqTail { head, tail } => write!(f, "the submission tail is {tail}, the head {head}"),
            Self::CqHead { before, head, tail } => {
                write!(f, "the completion head went from {before} to {head}, the tail is {tail}")
            }
            Self::BadIndex { index } => write!(f, "the index array names slot {index}"),
            Self::Unexpected { found, expected } => {
                write!(f, "an entry with user data {found:#x} was consumed, expected was {expected:x?}")
            }
            Self::ClosedInFlight { user_data } => write!(f, "closed with requests in flight: {user_data:x?}"),
            Self::NoRing { fd } => write!(f, "{fd} is no ring"),
            Self::Unmap { len } => write!(f, "unmapped {len} bytes that are not mapped so"),
            Self::OutOfBounds { ring } => write!(f, "ring {ring}: written outside of the ring's memory"),
        }
    }
}
