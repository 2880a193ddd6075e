//! Checks of a kernel and of the library on it, for the programs `every_kernel` and `init`.
//!
//! [`every`] is the part that each kernel has to pass, of whatever make and version. `init` adds what a Linux of this version must
//! have.

pub mod every;
pub mod live;
pub mod os;
pub mod report;
pub mod shims;
