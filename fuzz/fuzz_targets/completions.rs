//! Completion queues of every type: any bytes in their entries, any head, tail and flags. The kernel moves the tail to
//! any value between two reads.
#![no_main]

use bare_uring::{SetupFlags, cqueue};
use bare_uring_fuzz::{Bytes, Hostile, Memory, RINGS, SQES, lay_out, layout, ring_over};
use libfuzzer_sys::fuzz_target;

fn entry(cqe: &cqueue::Entry) {
    let outcome = cqe.outcome();
    assert_eq!(outcome.is_err(), (-4095..0).contains(&cqe.result()));
    assert_eq!(cqe.poll_events().is_ok(), outcome.is_ok());
    let _ = (cqe.user_data(), cqe.flags(), cqe.more(), cqe.buffer_id(), cqe.notif(), cqe.zc_copied());
    let _ = (cqe.sock_nonempty(), format!("{cqe:?}"));
}

fn run<C: cqueue::EntryMarker + QueueType>(bytes: &mut Bytes<'_>, look: impl Fn(&C)) {
    let mut params = layout();
    let large = C::LARGE;
    if large {
        params.sq_off.array = 320;
    }
    params.flags = C::FLAGS.bits();
    let (rings, sqes) = (Memory::new(RINGS + if large { 128 } else { 0 }), Memory::new(SQES));
    {
        // SAFETY: no ring uses the memory yet.
        let header = unsafe { rings.bytes() };
        bytes.fill(header);
        lay_out(header);
        // Head and tail of the submission queue are equal, so that no entry is queued.
        header.copy_within(0..4, 4);
    }
    let kernel = Hostile::new(0, bytes.clone());
    // SAFETY: the memory lives longer than the ring, and nothing is queued.
    let mut ring = unsafe { ring_over::<C>(kernel, params, &rings, &sqes) };
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
        // SAFETY: stores as the kernel does. The tail is aligned and within the memory, and no reference to it exists.
        unsafe { rings.start().byte_add(12).cast::<u32>().write(bytes.u32()) };
    }
    assert!(ring.completion().inspect(|cqe| look(cqe)).count() <= 8);
}

/// The set-up of a completion queue, by its type of entry.
trait QueueType {
    const FLAGS: SetupFlags;
    const LARGE: bool;
}

impl QueueType for cqueue::Entry {
    const FLAGS: SetupFlags = SetupFlags::empty();
    const LARGE: bool = false;
}

impl QueueType for cqueue::Entry32 {
    const FLAGS: SetupFlags = SetupFlags::CQE32;
    const LARGE: bool = true;
}

impl QueueType for cqueue::EntryMixed {
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
            assert!(!cqe.flags().contains(cqueue::Flags::SKIP), "a filler was returned");
            let _ = (cqe.big(), cqe.tx_timestamp());
        }),
    }
});
