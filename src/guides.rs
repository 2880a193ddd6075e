//! The guides, which are files of the package (`docs`), as pages of this documentation. They hold no items.

#[doc = include_str!("../docs/static-binary.md")]
pub mod static_binary {}

#[doc = include_str!("../docs/unikernel.md")]
pub mod unikernel {}

#[doc = include_str!("../docs/moving-from-io-uring.md")]
pub mod moving_from_io_uring {}

#[doc = include_str!("../docs/guarantees.md")]
pub mod guarantees {}
