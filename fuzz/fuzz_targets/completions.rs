//! Completions of every kind of queue: any bytes in their slots, any head, tail and flags; read in turns with a kernel that
//! moves the tail wherever it likes.
#![no_main]

use bare_uring::{IoUring, Parameters, SetupFlags, cqueue, squeue};
use bare_uring_fuzz::{Bytes, Hostile, Memory, RINGS, SQES, lay_out, layout};
use libfuzzer_sys::fuzz_target;

fn entry(cqe: &cqueue::Entry) {
    let outcome = cqe.outcome();
    assert_eq!(outcome.is_err(), (-4095..0).contains(&cqe.result()));
    assert_eq!(cqe.poll_events().is_ok(), outcome.is_ok());
    let _ = (cqe.user_data(), cqe.flags(), cqe.more(), cqe.buffer_id(), cqe.notif(), cqe.zc_copied());
    let _ = (cqe.sock_nonempty(), format!("{cqe:?}"));
}

fn run<C: cqueue::EntryMarker + Kind>(bytes: &mut Bytes<'_>, look: impl Fn(&C)) {
    let mut params = layout();
    let large = C::LARGE;
    if large {
        params.sq_off.array = 320;
    }
    params.flags = C::FLAGS.bits();
    let (rings, sqes) = (Memory::new(RINGS + if large { 128 } else { 0 }), Memory::new(SQES));
    {
        // SAFETY: the ring is made later.
        let head = unsafe { rings.bytes() };
        bytes.fill(head);
        lay_out(head);
        // What is queued is none of ours.
        head.copy_within(0..4, 4);
    }
    let kernel = Hostile::new(0, bytes.clone());
    // SAFETY: the memory lives longer than the ring, and nothing is queued.
    let ring = unsafe {
        IoUring::<squeue::Entry, C, _>::from_raw_parts(
            kernel,
            3,
            Parameters::from_raw(params),
            rings.whole(),
            rings.whole(),
            sqes.whole(),
        )
    };
    let mut ring = ring.expect("a good layout");
    for _ in 0..8 {
        let mut queue = ring.completion();
        let waiting = queue.len();
        assert!(waiting <= queue.capacity());
        let _ = (queue.is_full(), queue.is_empty(), queue.overflow(), queue.eventfd_disabled());
        let some = usize::from(bytes.u8() % 10);
        let read = queue.by_ref().take(some).inspect(|cqe| look(cqe)).count();
        assert!(read <= 8);
        if bytes.u8() & 1 == 0 {
            let _ = (queue.disable_eventfd(), queue.enable_eventfd());
        }
        drop(queue);
        let _ = ring.submit();
        // SAFETY: a kernel's store of the tail: aligned, within the memory, no reference to it lives.
        unsafe { rings.start().byte_add(12).cast::<u32>().write(bytes.u32()) };
    }
    assert!(ring.completion().inspect(|cqe| look(cqe)).count() <= 8);
}

/// What a kind of queue is made with.
trait Kind {
    const FLAGS: SetupFlags;
    const LARGE: bool;
}

impl Kind for cqueue::Entry {
    const FLAGS: SetupFlags = SetupFlags::empty();
    const LARGE: bool = false;
}

impl Kind for cqueue::Entry32 {
    const FLAGS: SetupFlags = SetupFlags::CQE32;
    const LARGE: bool = true;
}

impl Kind for cqueue::EntryMixed {
    const FLAGS: SetupFlags = SetupFlags::CQE_MIXED;
    const LARGE: bool = false;
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes::new(data);
    match bytes.u8() % 3 {
        0 => run::<cqueue::Entry>(&mut bytes, entry),
        1 => run::<cqueue::Entry32>(&mut bytes, |cqe| {
            entry(cqe);
            let _ = (cqe.big(), cqe.tx_timestamp());
        }),
        _ => run::<cqueue::EntryMixed>(&mut bytes, |cqe| {
            entry(cqe);
            assert!(!cqe.flags().contains(cqueue::Flags::SKIP), "a filler surfaced");
            let _ = (cqe.big(), cqe.tx_timestamp());
        }),
    }
});
