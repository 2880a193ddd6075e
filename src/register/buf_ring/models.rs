//! A model of the provided buffer ring. The kernel's side runs in a thread of its own: it takes a buffer, fills it, and
//! posts a completion.
// kernel: io_uring/kbuf.c io_ring_buffer_select (7.3): what `take` models: the tail is loaded with acquire, then the
// entry at the head is read.

use core::mem::size_of;
use core::ptr::NonNull;
use std::rc::Rc;

use super::{BufRing, BufRingEntry, BufferState, NO_BUFFER};
use crate::index::Slots;
use crate::models::kernel::{Area, Linux, Seam, Shape};
use crate::models::model;
use crate::sync::{self, AtomicU16, Ordering, shadow};

const COUNT: usize = 2;
/// Bytes of a buffer.
const SIZE: usize = 16;

/// All the memory of the group.
struct Memory {
    entries: Area,
    buffers: Area,
    states: [BufferState; COUNT],
}

/// Takes the next buffer as the kernel does, and completes a request with it. Returns `false` if there is no buffer.
fn take(ring: NonNull<BufRingEntry>, head: &mut u16, kernel: &Linux) -> bool {
    // SAFETY: the first entry has its tail there.
    let tail = unsafe { ring.byte_add(14) }.cast::<AtomicU16>();
    // SAFETY: used as an atomic only.
    if unsafe { tail.as_ref() }.load(Ordering::Acquire) == *head {
        return false;
    }
    // SAFETY: the place is one of the ring's.
    let place = unsafe { ring.add(usize::from(*head) % COUNT) };
    // SAFETY: the place holds a valid entry. loom checks that no other thread writes to it at this time.
    let entry = unsafe { sync::read(place) };
    *head = head.wrapping_add(1);
    let buffer = core::ptr::with_exposed_provenance_mut::<u64>(entry.address as usize);
    // SAFETY: the entry names a buffer of 16 bytes. loom checks that no other thread uses it at this time.
    unsafe { sync::write(NonNull::new(buffer).expect("an address"), u64::from(*head)) };
    kernel.complete(u64::from(entry.id));
    true
}

/// Runs four requests with two buffers, starting just below the wrap. A buffer belongs to the caller once its
/// completion was posted, and to the kernel once it was recycled and published.
#[test]
fn a_buffer_has_one_owner_at_a_time() {
    model(|| {
        let kernel = Linux::new(Shape { cq: 4, ..Shape::SMALL });
        let mut ring = kernel.ring();
        let mut memory = std::boxed::Box::new(Memory {
            entries: Area::new(COUNT * size_of::<BufRingEntry>()),
            buffers: Area::new(COUNT * SIZE),
            states: [BufferState::NEW; COUNT],
        });
        let entries = memory.entries.start().cast::<BufRingEntry>();
        let start = u16::MAX;
        // SAFETY: the tail lies within the first entry.
        let tail = unsafe { entries.byte_add(14) }.cast::<u16>();
        // SAFETY: no other thread uses the memory yet.
        unsafe { tail.write(start) };
        // SAFETY: the entries live to the model's end.
        unsafe { shadow::share(memory.entries.whole(), &[], &[14]) };
        // SAFETY: the buffers live to the model's end.
        unsafe { shadow::share(memory.buffers.whole(), &[], &[]) };

        let other = Rc::clone(&kernel);
        let thread = loom::thread::spawn(move || {
            let mut head = start;
            for _ in 0..4 {
                while !take(entries, &mut head, &other) {
                    loom::thread::yield_now();
                }
            }
        });
        let states = NonNull::from(&mut memory.states);
        // SAFETY: the memory lives longer than the ring, and only the ring uses the states.
        let states: &'static mut [BufferState] = unsafe { &mut *states.as_ptr() };
        let slots = Slots::new(COUNT as u32).expect("a power of two");
        let buffers = memory.buffers.start();
        let _ = buffers.as_ptr().expose_provenance();
        // The crate makes the same value, except for the first tail.
        let mut group = BufRing::<Seam> {
            ring: entries,
            buffers,
            states,
            slots,
            size: SIZE as u32,
            tail: start,
            last: NO_BUFFER,
            group: 0,
            incremental: false,
            errors_consume: true,
            identity: 0,
            mapper: None,
        };
        (0..COUNT as u16).for_each(|id| group.add(id));
        group.publish();
        let mut seen = 0;
        while seen < 4 {
            let Some(cqe) = ring.completion().next() else {
                loom::thread::yield_now();
                continue;
            };
            let (id, len) = (cqe.user_data() as u16, SIZE as u32);
            let buffer = group.piece(id, len, false).expect("a buffer that was out");
            seen += 1;
            // SAFETY: the bytes belong to the buffer. loom checks that the kernel's thread does not write to them.
            let found = unsafe { sync::read(buffer.buffer.cast::<u64>()) };
            assert_eq!(found, u64::from(start.wrapping_add(seen)));
            group.recycle(buffer).expect("a buffer of this group");
            group.publish();
        }
        thread.join().expect("no panic");
        assert_eq!(group.tail, start.wrapping_add(6));
    });
}
