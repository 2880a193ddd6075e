//! Provided buffer rings: completions that name any buffer, with any length and flags, alone and as bundles.
#![no_main]

use core::mem::MaybeUninit;

use bare_uring::cqueue;
use bare_uring::register::buf_ring::{BufRingEntry, BufRingMemory, BufRingOptions, BufferState};
use bare_uring_fuzz::{Bytes, Hostile, Memory, RINGS, SQES, lay_out, layout, ring_over};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes::new(data);
    let (rings, sqes) = (Memory::new(RINGS), Memory::new(SQES));
    // SAFETY: no ring uses the memory yet.
    lay_out(unsafe { rings.bytes() });
    let count = 1 << (bytes.u8() % 4);
    let size = 1 + usize::from(bytes.u8());
    let options = if bytes.u8() & 1 == 0 { BufRingOptions::new() } else { BufRingOptions::new().incremental() };
    let (entries, buffers) = (Memory::new(16 * count), Memory::new(size * count));
    let mut states = vec![BufferState::NEW; count];
    let kernel = Hostile::new(0, Bytes::new(&[]));
    // SAFETY: the memory lives longer than the ring, and nothing is queued.
    let mut ring = unsafe { ring_over::<cqueue::Entry>(kernel, layout(), &rings, &sqes) };
    let memory = BufRingMemory {
        // SAFETY: the memory lives longer than the group, and only the group uses it.
        entries: unsafe {
            core::slice::from_raw_parts_mut(entries.start().as_ptr().cast::<MaybeUninit<BufRingEntry>>(), count)
        },
        // SAFETY: the memory lives longer than the group, and only the group uses it.
        buffers: unsafe { core::slice::from_raw_parts_mut(buffers.start().as_ptr(), size * count) },
        // SAFETY: the memory lives longer than the group, and only the group uses it.
        states: unsafe { core::slice::from_raw_parts_mut(states.as_mut_ptr(), count) },
    };
    let mut group = ring.submitter().register_buf_ring(1, memory, options).expect("valid memory");
    let mut out = Vec::new();
    let mut tail = 0_u32;
    while !bytes.is_empty() {
        let choice = bytes.u8();
        // SAFETY: writes as the kernel does: a completion at the tail, then the tail. No reference to either exists.
        unsafe {
            let place = rings.start().byte_add(64 + 16 * (tail as usize % 8));
            place.cast::<[u32; 4]>().write([tail, 0, bytes.u16().into(), bytes.u32()]);
            tail += 1;
            rings.start().byte_add(12).cast::<u32>().write(tail);
        }
        if choice & 2 != 0 {
            // The rest of a buffer, as the kernel writes it with incremental use; here it may be wrong.
            let left = bytes.u16().into();
            // SAFETY: writes as the kernel does, to the length of an entry. No reference to it exists.
            unsafe { entries.start().byte_add(16 * (usize::from(choice >> 2) % count) + 8).cast::<u32>().write(left) };
        }
        let cqe = ring.completion().next().expect("one was posted");
        // This target's kernel may name a buffer twice, although the contract forbids to take it twice.
        // SAFETY: no bytes are written, so two buffers that share bytes do no harm; they are compared and recycled
        // only.
        unsafe {
            match choice & 1 {
                0 => out.extend(group.take(&cqe)),
                _ => out.extend(group.take_bundle(&cqe)),
            }
        }
        for buffer in &out {
            let start = buffer.as_ptr().addr() - buffers.start().addr().get();
            let whole = usize::from(buffer.id()) * size;
            assert!(usize::from(buffer.id()) < count && start >= whole && start + buffer.len() <= whole + size);
            // No byte was written. AddressSanitizer reports a buffer that lies outside the memory.
            assert!(buffer.iter().all(|&byte| byte == 0));
        }
        let mut places: Vec<_> = out.iter().filter(|it| !it.is_empty()).map(|it| it.as_ptr_range()).collect();
        places.sort_by_key(|place| place.start);
        assert!(places.is_sorted_by(|one, next| one.end <= next.start), "two buffers share bytes");
        for _ in 0..choice >> 5 {
            if let Some(buffer) = out.pop() {
                assert!(group.recycle(buffer).is_ok(), "a taken buffer can be recycled");
            }
        }
        group.publish();
    }
});
