//! The points about mapping, unmapping and closing.

use std::ptr::NonNull;
use std::time::Duration;

use bare_uring::{Errno, Features, Kernel};

use super::lab::{Lab, Plain, memory_for, nop, push, settle, submit_all};
use super::report::{Outcome, Verdict, broken, expect, not_offered};

/// An offset that means no part of a ring.
const NO_PART: u64 = 0x2000_0000;

/// What the memory of a closed ring is filled with.
const PATTERN: u8 = 0x5a;
/// How often it is filled and looked at.
const REST: u32 = 25;

/// Looks at the mappings of a ring, and maps what is not there.
pub(super) fn map<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    if !lab.maps {
        return Err(not_offered("Kernel::map", "rings are built over provided memory"));
    }
    let parts = lab.made(5)?.parts;
    for (at, one) in parts.iter().enumerate() {
        if !one.address.is_multiple_of(64) {
            return Err(broken("mappings aligned to 64", format!("{:#x}", one.address)));
        }
        let overlaps = |other: &&super::watch::Mapping| {
            one.address < other.address + other.len && other.address < one.address + one.len
        };
        if parts[at + 1..].iter().any(|other| overlaps(&other)) {
            return Err(broken("mappings that do not overlap", format!("two at {:#x}", one.address)));
        }
        expect("unmapping:", Some(Ok(())), one.unmapped)?;
    }
    let ring = lab.ring(4)?;
    match lab.kernel.map(4096, ring.fd(), NO_PART) {
        Err(Errno::ENOSYS) => Err(broken("an error for an unknown part", "ENOSYS, though parts were mapped")),
        Err(_) => Ok(()),
        Ok(address) => {
            // SAFETY: the memory was mapped just now, and nobody uses it.
            let _ = unsafe { lab.kernel.unmap(address, 4096) };
            Err(broken("an error for an unknown part", "a mapping"))
        }
    }
}

/// Looks for the completion queue in the one mapping of both queues.
pub(super) fn single_mapping<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    if !lab.maps {
        return Err(not_offered("Kernel::map", "rings are built over provided memory"));
    }
    let made = lab.made(5)?;
    if !Features::from_bits_retain(made.params.features).contains(Features::SINGLE_MMAP) {
        return Err(not_offered("IORING_FEAT_SINGLE_MMAP", "each queue is mapped by itself"));
    }
    let offset = made.params.cq_off.ring_entries as usize / 4;
    let word = made.parts.first().and_then(|part| part.words.get(offset)).copied();
    expect("the CQ size in the first mapping:", Some(made.params.cq_entries), word)
}

/// Closes a ring, and enters it afterwards.
pub(super) fn close<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let mut last = Ok(0);
    // Another thread may make a ring with the number that was closed; hardly three times.
    for _ in 0..3 {
        let ring = lab.ring(4)?;
        let fd = ring.fd();
        drop(ring);
        expect("close:", Some(Ok(())), lab.log.closed.take())?;
        // SAFETY: nothing is submitted.
        last = unsafe { lab.kernel.enter(fd, 0, 0, 0, std::ptr::null(), 0) };
        // A file of another thread is no ring.
        if let Err(Errno::EBADF | Errno::EOPNOTSUPP) = last {
            return Ok(());
        }
    }
    Err(broken("EBADF for a closed ring", format!("{last:?}")))
}

/// Returns whether all bytes of ring memory are [`PATTERN`].
///
/// # Safety
///
/// The memory is never freed, and its ring is closed.
unsafe fn is_pattern(area: NonNull<[u8]>) -> bool {
    (0..area.len()).all(|at| {
        // SAFETY: the byte lies within the area (caller's contract).
        let byte = unsafe { area.cast::<u8>().add(at) };
        // SAFETY: the caller's contract. A kernel may write to the byte meanwhile, so the read is volatile.
        unsafe { byte.read_volatile() == PATTERN }
    })
}

/// Closes a ring in provided memory with nothing in flight, and looks whether the memory comes to rest.
// kernel: io_uring/io_uring.c io_ring_ctx_free, io_cqring_overflow_kill, __io_cqring_overflow_flush (7.2): a worker
// frees the ring some time after it was closed, and stores the CQ tail once more then.
pub(super) fn quiet<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let builder = Plain::new();
    let unreached = |_| Outcome::NotReached { needs: "a ring in provided memory".into() };
    let memory = memory_for(&builder, 4).map_err(unreached)?;
    let areas = [NonNull::from(&*memory.rings), NonNull::from(&*memory.sqes)];
    let areas = areas.map(|area| NonNull::slice_from_raw_parts(area.cast::<u8>(), area.len()));
    let mut ring = builder.build_provided_with(lab.watch(), 4, memory).map_err(unreached)?;
    push(&mut ring, nop(1))?;
    submit_all(&mut ring)?;
    settle(&mut ring, 1);
    drop(ring);
    for _ in 0..REST {
        for area in areas {
            // SAFETY: the memory is never freed, and its ring is closed with nothing in flight.
            unsafe { area.cast::<u8>().write_bytes(PATTERN, area.len()) };
        }
        // What the kernel still does, it does in calls or within this time.
        drop(lab.ring(4)?);
        std::thread::sleep(Duration::from_millis(20));
        // SAFETY: the memory is never freed, and its ring is closed.
        if areas.into_iter().all(|area| unsafe { is_pattern(area) }) {
            return Ok(());
        }
    }
    Err(broken("memory that comes to rest after close", "writes for as long as the check looked"))
}
