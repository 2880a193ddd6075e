//! Asking the kernel about itself: how many opcodes it has, which flags it knows, how large things are.
//!
//! A question is a [`Question`] over the record that the kernel fills; several go out in one call with [`ask`]. The
//! record's size goes both ways: a kernel that knows a shorter record fills that much, leaves the rest zero and says
//! so ([`Answer::filled`]); one that knows a longer record fills ours. So a program can bring a record that is newer
//! than this crate: see [`Record`].

// Making a ring asks too, and stands below the registrations: the code is in `src/query.rs`.
pub use crate::query::{Answer, Ask, Opcodes, Question, Record, RingHeader, Zcrx, ZcrxEvents, ask, query};
