//! [`Fault`]: what the user of the simulated kernel did wrong.

use std::fmt;

/// Something that a correct user of a ring never does. A real kernel reports none of these; most of them lose or
/// corrupt requests in silence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A wait that nothing can end: no request is in flight, no timer runs, and no SQPOLL thread that is awake has
    /// anything to do. A real kernel would wait for ever; the simulated one answers `EINTR`.
    Stuck {
        /// The ring waited on.
        ring: u32,
        /// How many entries were visible to an SQPOLL thread that sleeps.
        asleep_over: u32,
    },
    /// The submission queue's tail went back, or is further ahead of the head than the queue has slots.
    SqTail {
        /// The kernel's head.
        head: u32,
        /// The tail that was found.
        tail: u32,
    },
    /// The completion queue's head overtook the tail, or went back.
    CqHead {
        /// The head that was seen before.
        before: u32,
        /// The head that was found.
        head: u32,
        /// The kernel's tail.
        tail: u32,
    },
    /// The index array names a slot beyond the queue.
    BadIndex {
        /// The slot's number.
        index: u32,
    },
    /// The entry that was consumed is not the next [expected](crate::SimKernel::expect) one.
    Unexpected {
        /// The user data of the entry.
        found: u64,
        /// The user data of the next expected entry.
        expected: Option<u64>,
    },
    /// A ring was closed while requests were in flight. The kernel may still use their memory.
    ClosedInFlight {
        /// The user data of the requests.
        user_data: Vec<u64>,
    },
    /// A call closed, unregistered or entered a descriptor or registered index that names no ring.
    NoRing {
        /// What was named.
        fd: i32,
    },
    /// A call unmapped memory that is not mapped, or not with this length.
    Unmap {
        /// The length that was given.
        len: usize,
    },
    /// The memory of a zero-copy send was written to before the notification.
    Changed {
        /// The ring.
        ring: u32,
        /// The user data of the request.
        user_data: u64,
    },
    /// Bytes around the ring's memory were written.
    OutOfBounds {
        /// The ring.
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
            Self::Changed { ring, user_data } => {
                write!(f, "ring {ring}: the memory of the zero-copy send {user_data:#x} was written to")
            }
            Self::OutOfBounds { ring } => write!(f, "ring {ring}: written outside of the ring's memory"),
        }
    }
}
