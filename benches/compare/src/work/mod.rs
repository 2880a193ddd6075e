//! The work to measure: one file for each kind of work, with the trait that a contender implements for it.

pub mod alone;
pub mod create;
pub mod echo;
pub mod nop;
pub mod read;
pub mod wait;
