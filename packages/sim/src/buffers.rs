//! Provided buffer rings, and what a request has picked of one.

mod group;
mod selected;

pub(crate) use group::{Group, Picked};
pub(crate) use selected::{Held, Progress, Selected, named};
