//! What both suites need.

mod bell;
mod limit;

pub use bell::{Bell, poll};
pub use limit::limit;
