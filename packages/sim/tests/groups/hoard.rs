//! One buffer of more pieces than 16 bits can count, of which the test keeps nearly all.

use bare_uring::register::buf_ring::BufRingOptions;
use bare_uring::types::Fd;
use bare_uring::{Builder, IoUring, cqueue, opcode, squeue};
use bare_uring_sim::{Profile, SimKernel};

use crate::counts::{Counts, Seen};
use crate::memory::{Arena, STALE};
use crate::requests::GROUP;

const PIECES: usize = 65_537;

pub fn run(seed: u64) -> Vec<u64> {
    let kernel = SimKernel::new(Profile::linux(6, 18), seed);
    let mut ring: IoUring<squeue::Entry, cqueue::Entry, SimKernel> =
        Builder::new().build_with(kernel.clone(), 8).expect("as set up");
    let mut arena = Arena::default();
    let stale = arena.stale(STALE).as_ptr().addr();
    let (memory, _) = arena.group(1, PIECES, stale);
    let mut group =
        ring.submitter().register_buf_ring(GROUP, memory, BufRingOptions::new().incremental()).expect("new");
    let (reader, writer) = kernel.socket_pair();
    // SAFETY: the entry names no memory but that of the group.
    unsafe { ring.submission().push(opcode::Recv::multi(Fd(reader), GROUP).build()) }.expect("room");
    assert_eq!(ring.submit(), Ok(1));
    let mut pieces = Vec::with_capacity(PIECES);
    while pieces.len() < PIECES {
        assert_eq!(kernel.write(writer, b"x"), Ok(1));
        ring.submitter().wait(1).expect("nothing goes wrong");
        for cqe in ring.completion() {
            // SAFETY: completions of the group, each taken once and in order.
            pieces.extend(unsafe { group.take(&cqe) });
        }
    }
    let ready = |kernel: &SimKernel| kernel.provided(0, GROUP).map_or(0, |pieces| pieces.len());
    let last = pieces.pop().expect("many");
    group.recycle(last).expect("of this group");
    group.publish();
    assert_eq!(ready(&kernel), 0, "{} pieces are out", pieces.len());
    for piece in pieces {
        assert_eq!(&*piece, b"x");
        group.recycle(piece).expect("of this group");
    }
    group.publish();
    assert_eq!(ready(&kernel), 1);
    drop((group, ring));
    let mut counts = Counts::default();
    counts.note(Seen::Hoarded);
    let coverage = kernel.coverage();
    drop(kernel);
    // SAFETY: the group, the ring, the pieces and the kernel are gone.
    unsafe { arena.free() };
    counts.with(&coverage)
}
