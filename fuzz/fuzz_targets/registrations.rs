//! Arguments of registrations that the kernel fills: a probe, answers to queries, the head of a buffer ring, limits of
//! workers. The kernel writes any bytes.
#![no_main]

use bare_uring::register::Probe;
use bare_uring::register::query::{Opcodes, Question, RingHeader, Zcrx, ZcrxEvents, ask, query};
use bare_uring::{IoUring, cqueue, squeue};
use bare_uring_fuzz::{Bytes, Hostile, Memory, RINGS, SQES, lay_out, layout, ring_over};
use libfuzzer_sys::fuzz_target;

/// Calls a function with a ring whose kernel fills arguments of `size` bytes with the input.
fn with_ring<'a>(
    size: usize,
    bytes: &Bytes<'a>,
    ask: impl FnOnce(&IoUring<squeue::Entry, cqueue::Entry, Hostile<'a>>),
) {
    let (rings, sqes) = (Memory::new(RINGS), Memory::new(SQES));
    // SAFETY: no ring uses the memory yet.
    lay_out(unsafe { rings.bytes() });
    let kernel = Hostile::new(size, bytes.clone());
    // SAFETY: the memory lives longer than the ring, and nothing is queued.
    ask(&unsafe { ring_over(kernel, layout(), &rings, &sqes) });
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes::new(data);
    match bytes.u8() % 5 {
        0 => with_ring(size_of::<Probe>(), &bytes, |ring| {
            let mut probe = Probe::new();
            let _ = ring.submitter().register_probe(&mut probe);
            let supported = (0..=u8::MAX).filter(|&opcode| probe.is_supported(opcode)).count();
            assert_eq!(format!("{probe:?}").matches(',').count() + 1, supported.max(1));
            let _ = probe.last_op();
        }),
        // The kernel overwrites the first question's header: its links to the next question and to the record. The
        // library must not follow them afterwards.
        1 => {
            let kernel = Hostile::new(40, bytes);
            let (mut a, mut b) = (Question::<Opcodes>::new(), Question::<Zcrx>::new());
            let _ = ask(&kernel, &mut [&mut a, &mut b]);
            if let Ok(answer) = a.answer() {
                assert!(answer.filled <= size_of::<Opcodes>());
                let record = answer.record;
                let _ = (record.features(), record.setup(), record.enter(), record.requests(), answer.is_whole());
            }
            let _ = b.answer().map(|answer| answer.filled);
        }
        2 => {
            let kernel = Hostile::new(40, bytes);
            let _ = query::<RingHeader, _>(&kernel).map(|answer| assert!(answer.filled <= size_of::<RingHeader>()));
            let _ = query::<ZcrxEvents, _>(&kernel).map(|answer| assert!(answer.filled <= size_of::<ZcrxEvents>()));
        }
        3 => with_ring(40, &bytes, |ring| {
            let _ = ring.submitter().buf_ring_head(7);
        }),
        _ => with_ring(8, &bytes, |ring| {
            let _ = ring.submitter().register_iowq_max_workers(&mut [0; 2]);
        }),
    }
});
