//! Rings over given memory, with any parameters, lengths and contents. The library must refuse them, or use only their
//! memory. Most inputs start from a valid layout with a few words changed, so that more of them are accepted.
#![no_main]

use bare_uring::uapi::io_uring_params;
use bare_uring::{IoUring, Parameters, SetupFlags, cqueue, opcode, squeue};
use bare_uring_fuzz::{Bytes, Hostile, Memory, lay_out, layout};
use libfuzzer_sys::fuzz_target;

/// Returns any parameters: all bytes from the input, or those of the valid layout with some words changed.
fn parameters(bytes: &mut Bytes<'_>) -> io_uring_params {
    if bytes.u8() & 3 == 0 {
        // SAFETY: the structure consists of integers, so any bytes are valid.
        return unsafe { core::mem::transmute::<[u8; 120], io_uring_params>(bytes.array()) };
    }
    // SAFETY: both types consist of integers, and have 120 bytes.
    let mut words = unsafe { core::mem::transmute::<io_uring_params, [u32; 30]>(layout()) };
    for _ in 0..bytes.u8() % 4 {
        words[usize::from(bytes.u8()) % 30] = if bytes.u8() & 1 == 0 { u32::from(bytes.u8()) } else { bytes.u32() };
    }
    // SAFETY: both types consist of integers, and have 120 bytes.
    unsafe { core::mem::transmute::<[u32; 30], io_uring_params>(words) }
}

fn run<S: squeue::EntryMarker, C: cqueue::EntryMarker>(flags: SetupFlags, bytes: &mut Bytes<'_>) {
    let mut params = parameters(bytes);
    // The other flags come from the input.
    params.flags = (params.flags & bytes.u32()) | flags.bits();
    let memory = [0; 3].map(|_| Memory::new(usize::from(bytes.u16() % 1024)));
    for area in &memory {
        // SAFETY: no ring uses the memory yet.
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
    let (sq_entries, cq_entries) = (ring.params().sq_entries() as usize, ring.params().cq_entries() as usize);
    for _ in 0..4 {
        let mut queue = ring.submission();
        let mut pushed = 0;
        // SAFETY: a nop points to nothing.
        while pushed <= sq_entries && unsafe { queue.push(opcode::Nop::new().build().into()) }.is_ok() {
            pushed += 1;
        }
        assert!(pushed <= sq_entries && queue.len() <= sq_entries);
        let _ = (queue.is_full(), queue.is_empty(), queue.dropped(), queue.flags());
        let _ = ring.submit();
        let _ = ring.submitter().wait(1);
        assert!(ring.completion().count() <= cq_entries);
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
