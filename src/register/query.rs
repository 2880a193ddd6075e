//! Questions to the kernel about itself: how many opcodes it has, which flags it knows, how large its structures are.
//!
//! A [`Question`] holds the record that the kernel fills. [`ask`] asks several questions in one call. Record sizes may
//! differ in both directions. A kernel with a shorter record fills that part, leaves the rest zero, and reports how
//! much it has filled ([`Answer::filled`]). A kernel with a longer record fills only as much as ours has room for. So a
//! program can use a record that is newer than this crate: see [`Record`].

// The code is in `src/query.rs`, because making a ring asks too, and the registrations stand above that.
pub use crate::query::{Answer, Ask, Opcodes, Question, Record, RingHeader, Zcrx, ZcrxEvents, ask, query};
