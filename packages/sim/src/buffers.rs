//! Rings of provided buffers, and what requests have picked of them.

mod group;
mod selected;

pub(crate) use group::{Group, Picked};
pub(crate) use selected::{Held, Progress, Selected, named};
