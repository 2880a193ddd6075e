//! Zero-copy receive: what the kernel says of an instance, where its refill ring lies, and which piece of the area a
//! completion names.
#![no_main]

use core::ptr::NonNull;

use bare_uring::register::zcrx::{Ifq, RefillRing, ZcrxArea};
use bare_uring::{IoUring, Parameters, cqueue, squeue};
use bare_uring_fuzz::{Bytes, Hostile, Memory, RINGS, SQES, lay_out, layout};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes::new(data);
    let (rings, sqes) = (Memory::new(RINGS), Memory::new(SQES));
    // SAFETY: no ring is there yet.
    lay_out(unsafe { rings.bytes() });
    let (received, big) = (bytes.u32(), [bytes.u64(), bytes.u64()]);
    let refill = Memory::new(usize::from(bytes.u16() % 2048));
    let turns = [bytes.u32(), bytes.u32(), bytes.u32()];
    // The registration itself, 96 bytes: entries, offsets, number. Then the answer.
    let kernel = Hostile::new(96, bytes);
    let params = Parameters::from_raw(layout());
    // SAFETY: the memory lives longer than the ring, and nothing is queued.
    let ring = unsafe {
        IoUring::<squeue::Entry, cqueue::Entry, _>::from_raw_parts(
            kernel,
            3,
            params,
            rings.whole(),
            rings.whole(),
            sqes.whole(),
        )
    };
    let ring = ring.expect("a good layout");
    let length = received.rotate_left(7) as usize;
    let area = NonNull::slice_from_raw_parts(NonNull::<u8>::dangling(), length);
    let mut ifq = Ifq::new(1, 0, 8, ZcrxArea::memory(area), refill.whole());
    // SAFETY: the kernel stores none of the addresses, and writes to the argument only.
    let Ok(instance) = (unsafe { ring.submitter().register_ifq(&mut ifq) }) else { return };
    let chunk = instance.area.chunk(received, big);
    if let Some(chunk) = chunk {
        assert!(chunk.offset() + u64::from(chunk.length()) <= length as u64 && chunk.length() != 0);
    }
    // SAFETY: the memory lives longer, and this is the only refill ring over it.
    let Ok(mut queue) = (unsafe { RefillRing::new(&instance, refill.whole()) }) else { return };
    for head in turns {
        assert!(queue.free() as u64 <= u64::from(instance.entries));
        if let Some(chunk) = chunk {
            assert!(queue.refill(&[chunk; 5]) <= 5);
        }
        let at = refill.start().as_ptr().wrapping_byte_add(instance.offsets.head as usize).cast::<u32>();
        // SAFETY: a kernel's store of the head, which was found to lie within the memory, aligned.
        unsafe { at.write(head) };
    }
});
