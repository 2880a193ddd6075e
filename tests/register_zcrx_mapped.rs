//! A refill ring in memory of the kernel's: the value that maps it also unmaps it.

mod common;

use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use bare_uring::cqueue::Entry32;
use bare_uring::register::zcrx::{Ifq, Instance, ZcrxArea};
use bare_uring::squeue::Entry;
use bare_uring::types::RawFd;
use bare_uring::{Builder, Call, Errno, IoUring, Kernel, SetupError};
use common::answering::{Answering, Argument};
use common::{memory, needs, pass_on};

const SIZE: usize = 65_536;

fn area() -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(NonNull::from(memory(SIZE)).cast(), SIZE)
}

/// What zero-copy receive asks of a ring.
fn ring<K: Kernel>(kernel: K) -> IoUring<Entry, Entry32, K> {
    Builder::new().setup_single_issuer().setup_defer_taskrun().build_with(kernel, 8).unwrap()
}

/// Registers on a ring whose memory lives for ever.
fn register<C, K: Kernel>(ring: &IoUring<Entry, C, K>, ifq: &mut Ifq) -> Result<Instance, Errno> {
    // SAFETY: the tests' areas and refill rings are never freed, and nothing is received.
    unsafe { ring.submitter().register_ifq(ifq) }
}

/// Address, length, offset.
type Mapping = (NonNull<u8>, usize, u64);

/// A kernel that provides a refill ring itself, of four entries at the usual places, and counts its mappings.
#[derive(Clone)]
struct Providing {
    answering: Arc<Answering>,
    mapped: Arc<Mutex<Vec<Mapping>>>,
    entries_at: u32,
}

const OFFSET: u64 = 0x3000_0000;

// SAFETY: what is mapped at the offset of a refill ring is memory of nobody's; all else is Linux's.
unsafe impl Kernel for Providing {
    pass_on! { self => self.answering; setup enter register close }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        if offset != OFFSET {
            return self.answering.map(length, fd, offset);
        }
        let start = area().cast();
        self.mapped.lock().unwrap().push((start, length, offset));
        Ok(start)
    }

    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        let mut mapped = self.mapped.lock().unwrap();
        let Some(at) = mapped.iter().position(|&(start, len, _)| (start, len) == (address, length)) else {
            // SAFETY: the caller's contract is the same.
            return unsafe { self.answering.unmap(address, length) };
        };
        mapped.remove(at);
        Ok(())
    }
}

impl Providing {
    fn new(entries_at: u32) -> Self {
        let answer = move |queue: Argument| {
            queue.write(8, 4_u32);
            queue.write(32, [0, 4, entries_at]);
            queue.named(24).write(24, OFFSET);
            Ok(0)
        };
        // SAFETY: the structures have 96, 48 and 64 bytes.
        let answering = Arc::new(unsafe { Answering::new(96, answer) });
        Self { answering, mapped: Arc::default(), entries_at }
    }

    fn mapped(&self) -> Vec<(usize, u64)> {
        self.mapped.lock().unwrap().iter().map(|&(_, length, offset)| (length, offset)).collect()
    }
}

/// The value that maps the ring unmaps it, whatever happens to the io_uring meanwhile.
#[test]
fn a_refill_ring_of_the_kernels_owns_its_mapping() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let kernel = Providing::new(64);
    let ring = ring(kernel.clone());
    let mut ifq = Ifq::with_kernel_memory(1, 0, 4, ZcrxArea::memory(area()), 4096);
    let instance = register(&ring, &mut ifq).unwrap();
    assert_eq!((instance.size, instance.map_offset), (4096, OFFSET));
    // SAFETY: the instance is this ring's, and there is no other refill ring.
    let mut refill = unsafe { ring.submitter().map_refill_ring(&instance) }.unwrap();
    assert_eq!(kernel.mapped(), [(4096, OFFSET)]);
    drop(ring);
    assert_eq!(refill.refill(&[instance.area.chunk(1, [instance.area.token(), 0]).unwrap()]), 1);
    assert_eq!(kernel.mapped(), [(4096, OFFSET)]);
    drop(refill);
    assert_eq!(kernel.mapped(), []);
}

#[test]
fn a_refill_ring_that_is_none_is_unmapped_at_once() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    // The entries go past the end.
    let kernel = Providing::new(4096);
    let ring = ring(kernel.clone());
    let mut ifq = Ifq::with_kernel_memory(1, 0, kernel.entries_at, ZcrxArea::memory(area()), 4096);
    let instance = register(&ring, &mut ifq).unwrap();
    let map = |instance: &Instance| {
        // SAFETY: the instance is this ring's, and no refill ring is made.
        unsafe { ring.submitter().map_refill_ring(instance) }.map(drop)
    };
    assert_eq!(map(&instance), Err(SetupError::Garbled));
    assert_eq!(kernel.mapped(), []);
    // In memory of the caller's; at this offset lies the ring's own.
    let own = Instance { map_offset: 0, ..instance };
    assert_eq!(map(&own), Err(SetupError::Kernel(Call::Map, Errno::EINVAL)));
}
