//! Memory for a ring that no kernel knows, with guards around it, and the layout that kernels choose.

use core::ffi::c_void;
use core::ptr::NonNull;

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::{Errno, IoUring, Kernel, Parameters, SetupError, SetupFlags, cqueue, squeue};

use super::{memory, nop, raw};

/// A kernel that is never to be called, but for closing.
#[derive(Debug)]
pub struct Nobody;

// SAFETY: no method touches any memory.
unsafe impl Kernel for Nobody {
    unsafe fn setup(&self, _: u32, _: &mut io_uring_params) -> Result<u32, Errno> {
        panic!("asked for a ring")
    }

    unsafe fn enter(&self, _: RawFd, _: u32, _: u32, _: u32, _: *const c_void, _: usize) -> Result<u32, Errno> {
        panic!("entered")
    }

    unsafe fn register(&self, _: RawFd, _: u32, _: *mut c_void, _: u32) -> Result<u32, Errno> {
        panic!("asked to register")
    }

    unsafe fn close(&self, _: RawFd) -> Result<(), Errno> {
        Ok(())
    }
}

pub type Ring = IoUring<squeue::Entry, cqueue::Entry, Nobody>;

pub const SQ: u32 = 4;
pub const CQ: u32 = 8;
/// How long the areas of the good layout are.
pub const RINGS: usize = 208;
pub const SQES: usize = SQ as usize * 64;
/// What stands before and behind an area; large enough to catch an entry's worth.
pub const GUARD: usize = 256;
pub const UNTOUCHED: u8 = 0xa5;

/// Two areas in plain memory, with guards around them.
pub struct Areas {
    pub rings: NonNull<u8>,
    pub sqes: NonNull<u8>,
}

impl Areas {
    pub fn new() -> Self {
        let guarded = |bytes: usize| {
            let all = NonNull::from(memory(GUARD + bytes + GUARD)).cast::<u8>();
            // SAFETY: the piece is longer than its first guard.
            unsafe { all.add(GUARD) }
        };
        Self { rings: guarded(RINGS), sqes: guarded(SQES) }
    }

    /// Lays a ring out as kernels do: the good layout.
    pub fn lay_out(&self) {
        for (area, bytes) in [(self.rings, RINGS), (self.sqes, SQES)] {
            // SAFETY: both guards and the area are one piece.
            let all = unsafe { area.sub(GUARD) };
            // SAFETY: the piece is as long as said, and there is no reference into it.
            unsafe { all.write_bytes(UNTOUCHED, GUARD + bytes + GUARD) };
            // SAFETY: the area lies in that piece, and there is no reference into it.
            unsafe { area.write_bytes(0, bytes) };
        }
        for (offset, value) in [(16, SQ - 1), (20, CQ - 1), (24, SQ), (28, CQ)] {
            self.set(offset, value);
        }
    }

    fn word(&self, offset: usize) -> NonNull<u32> {
        assert!(offset + 4 <= RINGS && offset.is_multiple_of(4));
        // SAFETY: within the area, as just asserted.
        unsafe { self.rings.add(offset) }.cast()
    }

    pub fn set(&self, offset: usize, value: u32) {
        // SAFETY: aligned, within the area, and nobody holds a reference into it.
        unsafe { self.word(offset).write(value) };
    }

    pub fn get(&self, offset: usize) -> u32 {
        // SAFETY: the word is aligned and within the area, and nothing writes to it meanwhile.
        unsafe { self.word(offset).read() }
    }

    pub fn guards_are_untouched(&self) -> bool {
        [(self.rings, RINGS), (self.sqes, SQES)].into_iter().all(|(area, bytes)| {
            // SAFETY: the guard before the area.
            let before = unsafe { area.sub(GUARD) };
            // SAFETY: the guard behind it.
            let behind = unsafe { area.add(bytes) };
            [before, behind].into_iter().all(|guard| {
                // SAFETY: filled when the areas were laid out, and not referred to by anybody.
                let guard = unsafe { NonNull::slice_from_raw_parts(guard, GUARD).as_ref() };
                guard.iter().all(|&byte| byte == UNTOUCHED)
            })
        })
    }

    /// A ring over the areas, as long as said.
    pub fn ring(&self, params: &io_uring_params, lengths: [usize; 3]) -> Result<Ring, SetupError> {
        let [sq, cq, sqes] = lengths;
        assert!(sq <= RINGS && cq <= RINGS && sqes <= SQES);
        let part = NonNull::slice_from_raw_parts;
        let (sq, cq, sqes) = (part(self.rings, sq), part(self.rings, cq), part(self.sqes, sqes));
        // SAFETY: the memory is never freed, no kernel knows it, and one ring at a time uses it. Nothing is queued.
        unsafe { IoUring::from_raw_parts(Nobody, 3, Parameters::from_raw(*params), sq, cq, sqes) }
    }
}

pub const WHOLE: [usize; 3] = [RINGS, RINGS, SQES];

/// The parameters of the good layout.
pub fn good() -> io_uring_params {
    let mut params = raw::params(SetupFlags::empty());
    (params.sq_entries, params.cq_entries) = (SQ, CQ);
    (params.sq_off.head, params.sq_off.tail) = (0, 4);
    (params.cq_off.head, params.cq_off.tail) = (8, 12);
    (params.sq_off.ring_mask, params.cq_off.ring_mask) = (16, 20);
    (params.sq_off.ring_entries, params.cq_off.ring_entries) = (24, 28);
    (params.sq_off.dropped, params.sq_off.flags) = (32, 36);
    (params.cq_off.flags, params.cq_off.overflow) = (40, 44);
    (params.cq_off.cqes, params.sq_off.array) = (64, 64 + 16 * CQ);
    params
}

/// Uses a ring as far as that goes without a kernel: neither queue may give more than it has.
pub fn use_up(mut ring: Ring) {
    let (sq, cq) = (ring.params().sq_entries() as usize, ring.params().cq_entries() as usize);
    let mut queue = ring.submission();
    // SAFETY: nops point to nothing.
    let pushed = (0..=sq).take_while(|&i| unsafe { queue.push(nop(i as u64)) }.is_ok()).count();
    assert!(pushed <= sq);
    assert!(ring.completion().count() <= cq);
}

/// The offsets of the parameters, each by itself.
pub const OFFSETS: &[fn(&mut io_uring_params) -> &mut u32] = &[
    |p| &mut p.sq_off.head,
    |p| &mut p.sq_off.tail,
    |p| &mut p.sq_off.ring_mask,
    |p| &mut p.sq_off.ring_entries,
    |p| &mut p.sq_off.flags,
    |p| &mut p.sq_off.dropped,
    |p| &mut p.sq_off.array,
    |p| &mut p.cq_off.head,
    |p| &mut p.cq_off.tail,
    |p| &mut p.cq_off.ring_mask,
    |p| &mut p.cq_off.ring_entries,
    |p| &mut p.cq_off.overflow,
    |p| &mut p.cq_off.cqes,
    |p| &mut p.cq_off.flags,
];
