//! A model of the refill ring. The kernel's side runs in a thread of its own.
// kernel: io_uring/zcrx.c io_zcrx_ring_refill (7.3): what that thread models: the tail is loaded with acquire, the
// entries are read, and the head is stored with release.

use std::vec::Vec;

use super::RefillRing;
use crate::models::kernel::Area;
use crate::models::model;
use crate::register::zcrx::{Chunk, Instance, RegisteredArea};
use crate::sync::{self, AtomicU32, Ordering, shadow};
use crate::uapi::{io_uring_zcrx_offsets, io_uring_zcrx_rqe};

const ENTRIES: u32 = 2;

/// Sends three chunks through a ring of two entries: the kernel gets each of them once, and in order.
#[test]
fn chunks_go_back_once_and_in_order() {
    model(|| {
        let memory = Area::new(64 + ENTRIES as usize * 16);
        let start = u32::MAX;
        for offset in [0, 4] {
            // SAFETY: the word lies within the memory.
            let word = unsafe { memory.start().byte_add(offset) }.cast::<u32>();
            // SAFETY: no other thread uses the memory yet.
            unsafe { word.write(start) };
        }
        // SAFETY: the memory lives to the model's end.
        unsafe { shadow::share(memory.whole(), &[0, 4], &[]) };
        let instance = Instance {
            id: 0,
            entries: ENTRIES,
            offsets: io_uring_zcrx_offsets { head: 0, tail: 4, rqes: 64, __resv2: 0, __resv: [0; 2] },
            area: RegisteredArea { token: 0, length: 0 },
            size: 64 + u64::from(ENTRIES) * 16,
            map_offset: 0,
        };
        // SAFETY: the memory lives longer than the ring, and only this ring and the kernel's thread use it.
        let mut ring = unsafe { RefillRing::new(&instance, memory.whole()) }.expect("a good ring");

        let base = memory.start();
        let thread = loom::thread::spawn(move || {
            // SAFETY: the head is the first word of the memory, and used as an atomic only.
            let head = unsafe { base.cast::<AtomicU32>().as_ref() };
            // SAFETY: the tail is the second word, and lies within the memory.
            let tail = unsafe { base.byte_add(4) }.cast::<AtomicU32>();
            // SAFETY: the tail is used as an atomic only.
            let tail = unsafe { tail.as_ref() };
            let (mut next, mut taken) = (start, Vec::new());
            while taken.len() < 3 {
                let until = tail.load(Ordering::Acquire);
                while next != until {
                    // SAFETY: the slot is one of the ring's.
                    let slot = unsafe { base.byte_add(64 + 16 * (next % ENTRIES) as usize) };
                    // SAFETY: the slot holds a valid entry. loom checks that no other thread writes to it at this time.
                    taken.push(unsafe { sync::read(slot.cast::<io_uring_zcrx_rqe>()) }.off);
                    next = next.wrapping_add(1);
                }
                head.store(next, Ordering::Release);
                if taken.len() < 3 {
                    loom::thread::yield_now();
                }
            }
            taken
        });
        for offset in 1..=3 {
            while ring.refill(&[Chunk { area: 0, offset, length: 1 }]) == 0 {
                loom::thread::yield_now();
            }
        }
        assert_eq!(thread.join().expect("no panic"), [1, 2, 3]);
    });
}
