//! The atomics that ring memory is read and written through, in one place, so that a model checker can stand in.
//!
//! Every ordering used in the crate stands in a table in DESIGN.md, beside the kernel access that it pairs with.

pub(crate) use core::sync::atomic::{AtomicU16, AtomicU32, Ordering, fence};
