//! The registrations: methods of [`Submitter`](crate::Submitter), one file for each topic.
//!
//! | operation | method | since | argument | count | file |
//! |--|--|--|--|--|--|
//! | `IORING_REGISTER_BUFFERS` | [`register_buffers`](crate::Submitter::register_buffers) | 5.1 | `iovec[]` | buffers | buffers |
//! | `IORING_UNREGISTER_BUFFERS` | [`unregister_buffers`](crate::Submitter::unregister_buffers) | 5.1 | none | 0 | buffers |
//! | `IORING_REGISTER_FILES` | [`register_files`](crate::Submitter::register_files) | 5.1 | `int[]` | files | files |
//! | `IORING_UNREGISTER_FILES` | [`unregister_files`](crate::Submitter::unregister_files) | 5.1 | none | 0 | files |
//! | `IORING_REGISTER_EVENTFD` | [`register_eventfd`](crate::Submitter::register_eventfd) | 5.2 | `int` | 1 | eventfd |
//! | `IORING_UNREGISTER_EVENTFD` | [`unregister_eventfd`](crate::Submitter::unregister_eventfd) | 5.2 | none | 0 | eventfd |
//! | `IORING_REGISTER_FILES_UPDATE` | [`register_files_update`](crate::Submitter::register_files_update) | 5.5 | `io_uring_rsrc_update` | files | files |
//! | `IORING_REGISTER_EVENTFD_ASYNC` | [`register_eventfd_async`](crate::Submitter::register_eventfd_async) | 5.6 | `int` | 1 | eventfd |
//! | `IORING_REGISTER_PROBE` | [`register_probe`](crate::Submitter::register_probe) | 5.6 | `io_uring_probe` | 256 | probe |
//! | `IORING_REGISTER_PERSONALITY` | [`register_personality`](crate::Submitter::register_personality) | 5.6 | none | 0 | personality |
//! | `IORING_UNREGISTER_PERSONALITY` | [`unregister_personality`](crate::Submitter::unregister_personality) | 5.6 | none | the number | personality |
//! | `IORING_REGISTER_RESTRICTIONS` | [`register_restrictions`](crate::Submitter::register_restrictions) | 5.10 | `io_uring_restriction[]` | restrictions | restrictions |
//! | `IORING_REGISTER_RESTRICTIONS` | [`restrict_task`] | 7.0 | `io_uring_task_restriction` | 1 | restrictions, without a ring |
//! | `IORING_REGISTER_ENABLE_RINGS` | [`register_enable_rings`](crate::Submitter::register_enable_rings) | 5.10 | none | 0 | enable |
//! | `IORING_REGISTER_FILES2` | [`register_files_tags`](crate::Submitter::register_files_tags), [`register_files_sparse`](crate::Submitter::register_files_sparse) | 5.13, sparse 5.19 | `io_uring_rsrc_register` | its size, 32 | files |
//! | `IORING_REGISTER_FILES_UPDATE2` | [`register_files_update_tag`](crate::Submitter::register_files_update_tag) | 5.13 | `io_uring_rsrc_update2` | its size, 32 | files |
//! | `IORING_REGISTER_BUFFERS2` | [`register_buffers2`](crate::Submitter::register_buffers2), [`register_buffers_sparse`](crate::Submitter::register_buffers_sparse) | 5.13, sparse 5.19 | `io_uring_rsrc_register` | its size, 32 | buffers |
//! | `IORING_REGISTER_BUFFERS_UPDATE` | [`register_buffers_update`](crate::Submitter::register_buffers_update) | 5.13 | `io_uring_rsrc_update2` | its size, 32 | buffers |
//! | `IORING_REGISTER_IOWQ_AFF` | [`register_iowq_aff`](crate::Submitter::register_iowq_aff) | 5.14 | `unsigned long[]` | bytes | iowq |
//! | `IORING_UNREGISTER_IOWQ_AFF` | [`unregister_iowq_aff`](crate::Submitter::unregister_iowq_aff) | 5.14 | none | 0 | iowq |
//! | `IORING_REGISTER_IOWQ_MAX_WORKERS` | [`register_iowq_max_workers`](crate::Submitter::register_iowq_max_workers) | 5.15 | `unsigned int[2]` | 2 | iowq |
//! | `IORING_REGISTER_RING_FDS` | [`IoUring::register_ring_fd`](crate::IoUring::register_ring_fd) | 5.18 | `io_uring_rsrc_update[]` | 1 | ring_fd |
//! | `IORING_UNREGISTER_RING_FDS` | [`LocalRing::unregister_ring_fd`](crate::IoUring::unregister_ring_fd), drop | 5.18 | `io_uring_rsrc_update[]` | 1 | ring_fd |
//! | `IORING_REGISTER_PBUF_RING` | [`register_buf_ring`](crate::Submitter::register_buf_ring), [`register_buf_ring_mapped`](crate::Submitter::register_buf_ring_mapped), [`register_buf_ring_with_flags`](crate::Submitter::register_buf_ring_with_flags) | 5.19, mapped 6.4, incremental 6.12 | `io_uring_buf_reg` | 1 | buf_ring, buf_group |
//! | `IORING_UNREGISTER_PBUF_RING` | [`unregister_buf_ring`](crate::Submitter::unregister_buf_ring), [`BufRing::unregister`](buf_ring::BufRing::unregister) | 5.19 | `io_uring_buf_reg` | 1 | buf_ring, buf_group |
//! | `IORING_REGISTER_SYNC_CANCEL` | [`register_sync_cancel`](crate::Submitter::register_sync_cancel), and in [`IoUring::cancel_and_drain`](crate::IoUring::cancel_and_drain) | 6.0 | `io_uring_sync_cancel_reg` | 1 | cancel |
//! | `IORING_REGISTER_FILE_ALLOC_RANGE` | [`register_file_alloc_range`](crate::Submitter::register_file_alloc_range) | 6.0 | `io_uring_file_index_range` | 0 | files |
//! | `IORING_REGISTER_PBUF_STATUS` | [`buf_ring_head`](crate::Submitter::buf_ring_head), [`BufRing::available`](buf_ring::BufRing::available) | 6.8 | `io_uring_buf_status` | 1 | buf_group |
//! | `IORING_REGISTER_NAPI` | [`register_napi`](crate::Submitter::register_napi), [`register_napi_id`](crate::Submitter::register_napi_id), [`unregister_napi_id`](crate::Submitter::unregister_napi_id) | 6.9, ids 6.13 | `io_uring_napi` | 1 | napi |
//! | `IORING_UNREGISTER_NAPI` | [`unregister_napi`](crate::Submitter::unregister_napi) | 6.9 | `io_uring_napi` | 1 | napi |
//! | `IORING_REGISTER_CLOCK` | [`register_clock`](crate::Submitter::register_clock) | 6.12 | `io_uring_clock_register` | 0 | clock |
//! | `IORING_REGISTER_CLONE_BUFFERS` | [`register_buffers_clone`](crate::Submitter::register_buffers_clone), [`register_buffers_clone_offset`](crate::Submitter::register_buffers_clone_offset) | 6.12, ranges 6.13 | `io_uring_clone_buffers` | 1 | buffers |
//! | `IORING_REGISTER_SEND_MSG_RING` | [`register_sync_msg`] | 6.13 | `io_uring_sqe` | 1 | message, without a ring |
//! | `IORING_REGISTER_ZCRX_IFQ` | [`register_ifq`](crate::Submitter::register_ifq), [`zcrx_import`](crate::Submitter::zcrx_import) | 6.15, import 6.19 | `io_uring_zcrx_ifq_reg` | 1 | zcrx |
//! | `IORING_REGISTER_RESIZE_RINGS` | [`IoUring::register_resize_rings`](crate::IoUring::register_resize_rings), [`IoUring::resize_provided`](crate::IoUring::resize_provided) | 6.13 | `io_uring_params` | 1 | resize |
//! | `IORING_REGISTER_MEM_REGION` | [`register_mem_region`](crate::Submitter::register_mem_region), [`map_mem_region`](crate::Submitter::map_mem_region), [`register_wait_region`](crate::Submitter::register_wait_region), [`map_wait_region`](crate::Submitter::map_wait_region) | 6.13 | `io_uring_mem_region_reg` | 1 | region |
//! | `IORING_REGISTER_QUERY` | [`query::query`], [`query::ask`], and in [`Builder::build_provided`](crate::Builder::build_provided) | 6.18 | `io_uring_query_hdr` | 0 | query, without a ring |
//! | `IORING_REGISTER_ZCRX_CTRL` | [`zcrx_flush`](crate::Submitter::zcrx_flush), [`zcrx_export`](crate::Submitter::zcrx_export), [`zcrx_arm_event`](crate::Submitter::zcrx_arm_event), [`zcrx_add_area`](crate::Submitter::zcrx_add_area) | 6.19, events 7.2, areas 7.3 | `zcrx_ctrl` | 0 | zcrx |
//! | `IORING_REGISTER_BPF_FILTER` | [`register_bpf_filter`](crate::Submitter::register_bpf_filter), [`register_bpf_filter_task`] | 7.0 | `io_uring_bpf` | 1 | bpf, for the task without a ring |
//! | any other | [`register`](crate::Submitter::register), [`without_ring`] | | | | raw |

mod bpf;
mod buf_group;
pub mod buf_ring;
mod buffers;
mod cancel;
mod clock;
mod enable;
mod eventfd;
mod files;
mod iowq;
mod message;
mod napi;
mod personality;
mod probe;
pub mod query;
mod raw;
mod region;
mod resize;
mod resource;
mod restrictions;
pub mod zcrx;

pub use bpf::{BpfFilter, BpfFilterError, Instruction, register_bpf_filter_task};
pub use buffers::BufferSource;
pub use clock::Clock;
pub use files::SKIP_FILE;
pub use iowq::CpuMask;
pub use message::{Message, register_sync_msg};
pub use napi::{Napi, NapiTracking};
pub use probe::Probe;
pub use raw::without_ring;
pub use region::{MemoryRegion, WaitArgument, WaitRegion};
pub use restrictions::{Restriction, TaskRestrictions, restrict_task};
