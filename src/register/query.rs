//! Asking the kernel about itself.

use core::mem::size_of;
use core::ptr::from_mut;

use crate::kernel::Kernel;
use crate::memory::Header;
use crate::uapi::{IO_URING_QUERY_SCQ, IORING_REGISTER_QUERY, io_uring_query_hdr, io_uring_query_scq};

/// The head of a ring in provided memory, where the kernel (since 6.19) says what it is.
pub(crate) fn ring_header<K: Kernel>(kernel: &K) -> Option<Header> {
    let mut record = io_uring_query_scq::default();
    let mut header = io_uring_query_hdr {
        query_data: from_mut(&mut record).expose_provenance() as u64,
        query_op: IO_URING_QUERY_SCQ,
        size: size_of::<io_uring_query_scq>() as u32,
        ..Default::default()
    };
    let address = from_mut(&mut header).cast();
    // SAFETY: the chain has one link, whose record is alive and as long as it says; the kernel writes to both only.
    unsafe { kernel.register(-1, IORING_REGISTER_QUERY, address, 0) }.ok()?;
    let (size, align) = (usize::try_from(record.hdr_size).ok()?, usize::try_from(record.hdr_alignment).ok()?);
    // A kernel without this record says so in the header, and leaves the record zero.
    (header.result == 0 && size != 0 && align.is_power_of_two()).then_some(Header { size, align })
}
