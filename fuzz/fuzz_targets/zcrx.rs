//! Zero-copy receive: any answer of the kernel about an instance, the layout of its refill ring, and the piece of the
//! area that a completion names.
#![no_main]

use core::ptr::NonNull;

use bare_uring::cqueue;
use bare_uring::register::zcrx::{Ifq, RefillRing, ZcrxArea};
use bare_uring_fuzz::{Bytes, Hostile, Memory, RINGS, SQES, lay_out, layout, ring_over};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes::new(data);
    let (rings, sqes) = (Memory::new(RINGS), Memory::new(SQES));
    // SAFETY: no ring uses the memory yet.
    lay_out(unsafe { rings.bytes() });
    let (received, big) = (bytes.u32(), [bytes.u64(), bytes.u64()]);
    let refill = Memory::new(usize::from(bytes.u16() % 2048));
    let turns = [bytes.u32(), bytes.u32(), bytes.u32()];
    // The registration's structure has 96 bytes: entries, offsets, ID. The result of the call follows in the input.
    let kernel = Hostile::new(96, bytes);
    // SAFETY: the memory lives longer than the ring, and nothing is queued.
    let ring = unsafe { ring_over::<cqueue::Entry>(kernel, layout(), &rings, &sqes) };
    let length = received.rotate_left(7) as usize;
    let area = NonNull::slice_from_raw_parts(NonNull::<u8>::dangling(), length);
    let mut ifq = Ifq::new(1, 0, 8, ZcrxArea::memory(area), refill.whole());
    // SAFETY: the kernel keeps none of the addresses, and writes to the argument only.
    let Ok(instance) = (unsafe { ring.submitter().register_ifq(&mut ifq) }) else { return };
    let chunk = instance.area.chunk(received, big);
    if let Some(chunk) = chunk {
        assert!(chunk.offset() + u64::from(chunk.length()) <= length as u64 && chunk.length() != 0);
    }
    // SAFETY: the memory lives longer than the refill ring, and no other refill ring uses it.
    let Ok(mut queue) = (unsafe { RefillRing::new(&instance, refill.whole()) }) else { return };
    for head in turns {
        assert!(queue.free() as u64 <= u64::from(instance.entries));
        if let Some(chunk) = chunk {
            assert!(queue.refill(&[chunk; 5]) <= 5);
        }
        let at = refill.start().as_ptr().wrapping_byte_add(instance.offsets.head as usize).cast::<u32>();
        // SAFETY: stores as the kernel does. The library has checked that the head is aligned and within the memory.
        unsafe { at.write(head) };
    }
});
