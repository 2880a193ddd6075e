//! The points about `setup`.

use bare_uring::uapi::io_uring_params;
use bare_uring::{Errno, Features, Kernel, Parameters};

use super::lab::{
    ETIME, Lab, Made, Plain, SHORT, done, memory_for, nop, push, settle, submit_all, submit_once, take, timeout,
    unknown,
};
use super::report::{Verdict, broken, expect, not_offered};

/// A set-up flag that no kernel knows.
const NO_FLAG: u32 = 1 << 31;

/// Numbers of mapped parts.
const SQ_PART: u64 = 0;
const CQ_PART: u64 = 0x0800_0000;

/// Makes a ring, by whatever means the kernel has.
pub(super) fn ring<K: Kernel>(lab: &mut Lab<'_, K>) -> Verdict {
    let mapped = match lab.make(&Plain::new(), 4).map(drop) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    if mapped.errno() == Errno::ENOSYS {
        lab.maps = false;
        let provided = lab.make(&Plain::new(), 4).map(drop);
        return provided.map_err(|error| broken("a ring in mapped or in provided memory", error.to_string()));
    }
    Err(broken("a ring", mapped.to_string()))
}

/// Asks for what no kernel makes.
pub(super) fn refusal<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    for (what, entries, flags) in [("an unknown flag", 4, NO_FLAG), ("no entries", 0, 0), ("2^30 entries", 1 << 30, 0)]
    {
        let mut params = *Parameters::from_raw(zeroes()).as_raw();
        params.flags = flags;
        (params.sq_thread_idle, params.sq_thread_cpu) = (7, 3);
        let before = format!("{params:?}");
        // SAFETY: no memory is provided.
        match unsafe { lab.kernel.setup(entries, &mut params) } {
            Err(Errno::EINVAL) => expect("unchanged parameters after EINVAL:", before, format!("{params:?}"))?,
            Err(errno) => return Err(broken(format!("EINVAL for {what}"), format!("{errno:?}"))),
            Ok(fd) => {
                // SAFETY: the ring was made just now, and nobody else has it.
                let _ = unsafe { lab.kernel.close(fd.cast_signed()) };
                return Err(broken(format!("EINVAL for {what}"), format!("a ring, {fd}")));
            }
        }
    }
    Ok(())
}

/// Returns parameters of zeroes.
fn zeroes() -> io_uring_params {
    // SAFETY: the structure has only numbers, for which zeroes are valid.
    unsafe { std::mem::zeroed() }
}

/// Compares the reported sizes with those that were asked for.
pub(super) fn sizes<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    for entries in [1, 5, 8] {
        let params = lab.made(entries)?.params;
        let (sq, cq) = (params.sq_entries, params.cq_entries);
        if !sq.is_power_of_two() || !cq.is_power_of_two() || sq < entries || cq < sq {
            let expected = format!("powers of two for {entries} entries: at least that many, and no smaller CQ");
            return Err(broken(expected, format!("{sq} and {cq}")));
        }
    }
    Ok(())
}

/// A piece of ring memory: its name, the area that it is in, and where it lies there.
struct Piece {
    name: &'static str,
    area: u64,
    start: u64,
    len: u64,
}

impl Made {
    /// Returns the area that a part lies in. Provided memory, and a kernel with SINGLE_MMAP, have one for both queues.
    fn area(&self, part: u64) -> u64 {
        let single = self.provided || Features::from_bits_retain(self.params.features).contains(Features::SINGLE_MMAP);
        if single && part == CQ_PART { SQ_PART } else { part }
    }

    /// Returns everything that the parameters locate.
    fn pieces(&self) -> Vec<Piece> {
        let (sq, cq) = (&self.params.sq_off, &self.params.cq_off);
        let word = |part, name, start: u32| Piece { name, area: self.area(part), start: u64::from(start), len: 4 };
        let mut all = vec![
            word(SQ_PART, "the SQ head", sq.head),
            word(SQ_PART, "the SQ tail", sq.tail),
            word(SQ_PART, "the SQ mask", sq.ring_mask),
            word(SQ_PART, "the SQ size", sq.ring_entries),
            word(SQ_PART, "the SQ flags", sq.flags),
            word(SQ_PART, "the dropped word", sq.dropped),
            word(CQ_PART, "the CQ head", cq.head),
            word(CQ_PART, "the CQ tail", cq.tail),
            word(CQ_PART, "the CQ mask", cq.ring_mask),
            word(CQ_PART, "the CQ size", cq.ring_entries),
            word(CQ_PART, "the overflow word", cq.overflow),
        ];
        // Older kernels have no CQ flags; a ring without an array has no offset of it.
        if cq.flags != 0 {
            all.push(word(CQ_PART, "the CQ flags", cq.flags));
        }
        if sq.array != 0 {
            let len = u64::from(self.params.sq_entries) * 4;
            all.push(Piece { len, ..word(SQ_PART, "the index array", sq.array) });
        }
        all.push(Piece { len: u64::from(self.params.cq_entries) * 16, ..word(CQ_PART, "the CQEs", cq.cqes) });
        all
    }

    /// Returns a word of the memory, as it was when the ring was closed.
    fn word(&self, part: u64, offset: u32) -> Option<u32> {
        let area = self.area(part);
        let part = self.parts.iter().find(|mapping| mapping.offset == area)?;
        part.words.get(offset as usize / 4).copied()
    }
}

/// Looks where everything lies.
pub(super) fn offsets<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let made = lab.made(5)?;
    let pieces = made.pieces();
    for piece in &pieces {
        let part = made.parts.iter().find(|mapping| mapping.offset == piece.area);
        let len = part.map_or(0, |mapping| mapping.len as u64);
        if !piece.start.is_multiple_of(4) || piece.start + piece.len > len {
            let seen = format!("{} at {} in {len} bytes", piece.name, piece.start);
            return Err(broken("everything inside the memory, aligned to 4", seen));
        }
    }
    for (at, one) in pieces.iter().enumerate() {
        let overlaps = |other: &&Piece| {
            one.area == other.area && one.start < other.start + other.len && other.start < one.start + one.len
        };
        if let Some(other) = pieces[at + 1..].iter().find(overlaps) {
            let seen = format!("{} at {} and {} at {}", one.name, one.start, other.name, other.start);
            return Err(broken("nothing that overlaps", seen));
        }
    }
    let cqes = made.params.cq_off.cqes;
    if cqes.is_multiple_of(8) { Ok(()) } else { Err(broken("CQEs aligned to 8", format!("offset {cqes}"))) }
}

/// Compares the memory of a new ring with what was reported.
pub(super) fn words<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let made = lab.made(5)?;
    let (sq, cq) = (&made.params.sq_off, &made.params.cq_off);
    let (sq_entries, cq_entries) = (made.params.sq_entries, made.params.cq_entries);
    for (name, part, offset, expected) in [
        ("the SQ size", SQ_PART, sq.ring_entries, sq_entries),
        ("the SQ mask", SQ_PART, sq.ring_mask, sq_entries.wrapping_sub(1)),
        ("the CQ size", CQ_PART, cq.ring_entries, cq_entries),
        ("the CQ mask", CQ_PART, cq.ring_mask, cq_entries.wrapping_sub(1)),
        ("the overflow word", CQ_PART, cq.overflow, 0),
        ("the dropped word", SQ_PART, sq.dropped, 0),
    ] {
        expect(&format!("in memory, {name}"), Some(expected), made.word(part, offset))?;
    }
    expect("SQ head and tail that agree:", made.word(SQ_PART, sq.tail), made.word(SQ_PART, sq.head))?;
    expect("CQ head and tail that agree:", made.word(CQ_PART, cq.tail), made.word(CQ_PART, cq.head))
}

/// Makes two rings, and uses both.
pub(super) fn rings_apart<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let (mut one, mut other) = (lab.ring(4)?, lab.ring(4)?);
    if one.fd() == other.fd() || one.fd() < 0 || other.fd() < 0 {
        return Err(broken("two descriptors", format!("{} and {}", one.fd(), other.fd())));
    }
    push(&mut one, nop(1))?;
    push(&mut other, nop(2))?;
    submit_all(&mut one)?;
    let early = take(&mut other);
    expect("in the ring without a submit", Vec::new(), early)?;
    submit_all(&mut other)?;
    expect("in the first ring", done([1]), settle(&mut one, 1))?;
    expect("in the second ring", done([2]), settle(&mut other, 1))
}

/// Makes a ring in provided memory.
pub(super) fn provided<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    const INSTEAD: &str = "rings are mapped";

    let builder = Plain::new();
    let unmade = |error: bare_uring::SetupError| match error.errno() {
        Errno::EINVAL | Errno::ENOMEM | Errno::EPERM if lab.maps => not_offered("IORING_SETUP_NO_MMAP", INSTEAD),
        _ => broken("a ring in provided memory, or EINVAL", error.to_string()),
    };
    let memory = memory_for(&builder, 4).map_err(unmade)?;
    let mut ring = builder.build_provided_with(lab.watch(), 4, memory).map_err(unmade)?;
    for round in 0..5 {
        push(&mut ring, nop(round))?;
        submit_all(&mut ring)?;
        expect("in provided memory,", done([round]), settle(&mut ring, 1))?;
    }
    Ok(())
}

/// Uses a ring without an index array.
pub(super) fn no_array<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    // A size that no other point has.
    let mut ring = lab.ring(16)?;
    if !ring.params().setup().contains(bare_uring::SetupFlags::NO_SQARRAY) {
        return Err(not_offered("IORING_SETUP_NO_SQARRAY", "rings have an index array, written once"));
    }
    for user_data in 1..=9 {
        push(&mut ring, nop(user_data))?;
    }
    submit_all(&mut ring)?;
    expect("without an index array,", done(1..=9), settle(&mut ring, 9))
}

/// Asks for a size of the completion queue.
pub(super) fn cq_size<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut builder = Plain::new();
    builder.setup_cqsize(50);
    let ring = lab.ring_with(&builder, "IORING_SETUP_CQSIZE", "the CQ has twice the slots of the SQ")?;
    let entries = ring.params().cq_entries();
    if entries >= 50 { Ok(()) } else { Err(broken("a CQ of at least 50 slots", entries.to_string())) }
}

/// Submits behind a refused entry, with SUBMIT_ALL.
pub(super) fn submit_all_flag<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut builder = Plain::new();
    builder.setup_submit_all();
    let instead = "entries behind a refused one stay queued for the next submit";
    let mut consumed = 0;
    // A submit may be short because memory is short, but hardly each time behind the first entry.
    for _ in 0..5 {
        let mut ring = lab.ring_with(&builder, "IORING_SETUP_SUBMIT_ALL", instead)?;
        push(&mut ring, unknown(1))?;
        push(&mut ring, nop(2))?;
        push(&mut ring, nop(3))?;
        consumed = submit_once(&mut ring)?;
        if consumed > 1 {
            submit_all(&mut ring)?;
            let seen: Vec<u64> = settle(&mut ring, 3).iter().map(|seen| seen.0).collect();
            return expect("completions", vec![1, 2, 3], seen);
        }
    }
    Err(broken("3 entries consumed in one call", format!("{consumed}, the refused one")))
}

/// Defers work to the calls of the task.
pub(super) fn defers<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut builder = Plain::new();
    builder.setup_single_issuer().setup_defer_taskrun();
    let instead = "setup_fastest leaves the flag out";
    let mut ring = lab.ring_with(&builder, "IORING_SETUP_DEFER_TASKRUN", instead)?;
    push(&mut ring, nop(1))?;
    push(&mut ring, nop(2))?;
    submit_all(&mut ring)?;
    expect("deferred completions", done([1, 2]), settle(&mut ring, 2))?;
    if !lab.timers {
        return Ok(());
    }
    push(&mut ring, timeout(&SHORT, 3))?;
    submit_all(&mut ring)?;
    expect("a deferred timeout", vec![(3, ETIME)], settle(&mut ring, 1))
}
