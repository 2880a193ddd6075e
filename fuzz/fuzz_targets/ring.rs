//! Rings over memory that somebody else mapped, with any parameters, lengths and contents: refused, or used within their
//! memory. Part of the inputs start from a good layout with a few words changed, so that more of them are taken.
#![no_main]

use bare_uring::uapi::io_uring_params;
use bare_uring::{IoUring, Parameters, SetupFlags, cqueue, opcode, squeue};
use bare_uring_fuzz::{Bytes, Hostile, Memory, lay_out, layout};
use libfuzzer_sys::fuzz_target;

/// Any parameters: each byte of them the input's, or the good ones with some words changed.
fn parameters(bytes: &mut Bytes<'_>) -> io_uring_params {
    if bytes.u8() & 3 == 0 {
        // SAFETY: integers only, so that any bytes are a value.
        return unsafe { core::mem::transmute::<[u8; 120], io_uring_params>(bytes.array()) };
    }
    // SAFETY: integers only; both have 120 bytes.
    let mut words = unsafe { core::mem::transmute::<io_uring_params, [u32; 30]>(layout()) };
    for _ in 0..bytes.u8() % 4 {
        words[usize::from(bytes.u8()) % 30] = if bytes.u8() & 1 == 0 { u32::from(bytes.u8()) } else { bytes.u32() };
    }
    // SAFETY: the same.
    unsafe { core::mem::transmute::<[u32; 30], io_uring_params>(words) }
}

fn run<S: squeue::EntryMarker, C: cqueue::EntryMarker>(flags: SetupFlags, bytes: &mut Bytes<'_>) {
    let mut params = parameters(bytes);
    // The rest of the flags is the input's.
    params.flags = (params.flags & bytes.u32()) | flags.bits();
    let memory = [0; 3].map(|_| Memory::new(usize::from(bytes.u16() % 1024)));
    for area in &memory {
        // SAFETY: no ring is there yet.
        let area = unsafe { area.bytes() };
        bytes.fill(area);
        if area.len() >= 64 && bytes.u8() & 3 != 0 {
            lay_out(area);
        }
    }
    let [sq, cq, sqes] = &memory;
    let cq = if bytes.u8() & 3 == 0 { cq } else { sq };
    let kernel = Hostile::new(0, bytes.clone());
    // SAFETY: the memory lives longer than the ring. The kernel consumes nothing that might be queued.
    let ring = unsafe {
        let params = Parameters::from_raw(params);
        IoUring::<S, C, _>::from_raw_parts(kernel, 3, params, sq.whole(), cq.whole(), sqes.whole())
    };
    let Ok(mut ring) = ring else { return };
    let (sq_slots, cq_slots) = (ring.params().sq_entries() as usize, ring.params().cq_entries() as usize);
    for _ in 0..4 {
        let mut queue = ring.submission();
        let mut pushed = 0;
        // SAFETY: a nop points to nothing.
        while pushed <= sq_slots && unsafe { queue.push(opcode::Nop::new().build().into()) }.is_ok() {
            pushed += 1;
        }
        assert!(pushed <= sq_slots && queue.len() <= sq_slots);
        let _ = (queue.is_full(), queue.is_empty(), queue.dropped(), queue.flags());
        let _ = ring.submit();
        let _ = ring.submitter().wait(1);
        assert!(ring.completion().count() <= cq_slots);
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes::new(data);
    match bytes.u8() % 4 {
        0 => run::<squeue::Entry, cqueue::Entry>(SetupFlags::empty(), &mut bytes),
        1 => run::<squeue::Entry128, cqueue::Entry32>(SetupFlags::SQE128 | SetupFlags::CQE32, &mut bytes),
        2 => run::<squeue::EntryMixed, cqueue::EntryMixed>(SetupFlags::SQE_MIXED | SetupFlags::CQE_MIXED, &mut bytes),
        _ => run::<squeue::EntryMixed, cqueue::Entry>(SetupFlags::SQE_MIXED, &mut bytes),
    }
});
