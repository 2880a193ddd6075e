//! The work: one file for each kind, with the trait that a contender implements to do it.

pub mod alone;
pub mod create;
pub mod echo;
pub mod nop;
pub mod read;
pub mod wait;
