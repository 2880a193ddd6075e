//! The registrations: methods of [`Submitter`](crate::Submitter), one file for each topic.
//!
//! | operation | method | since | argument | count | file |
//! |--|--|--|--|--|--|
//! | `IORING_REGISTER_BUFFERS` | [`register_buffers`](crate::Submitter::register_buffers) | 5.1 | `iovec[]` | buffers | buffers |
//! | `IORING_UNREGISTER_BUFFERS` | [`unregister_buffers`](crate::Submitter::unregister_buffers) | 5.1 | none | 0 | buffers |
//! | `IORING_REGISTER_ENABLE_RINGS` | [`register_enable_rings`](crate::Submitter::register_enable_rings) | 5.10 | none | 0 | enable |
//! | `IORING_REGISTER_RING_FDS` | [`IoUring::register_ring_fd`](crate::IoUring::register_ring_fd) | 5.18 | `io_uring_rsrc_update[]` | 1 | ring_fd |
//! | `IORING_UNREGISTER_RING_FDS` | [`LocalRing::unregister_ring_fd`](crate::IoUring::unregister_ring_fd), drop | 5.18 | the same | 1 | ring_fd |
//! | `IORING_REGISTER_SYNC_CANCEL` | in [`IoUring::cancel_and_drain`](crate::IoUring::cancel_and_drain) | 6.0 | `io_uring_sync_cancel_reg` | 1 | cancel |
//! | `IORING_REGISTER_QUERY` | in [`Builder::build_provided`](crate::Builder::build_provided) | 6.18 | `io_uring_query_hdr` | 0 | query |
//! | any other | [`register`](crate::Submitter::register) | | | | raw |

mod buffers;
mod cancel;
mod enable;
mod query;
mod raw;
pub(crate) mod ring_fd;

pub(crate) use cancel::cancel_everything;
pub(crate) use query::ring_header;
