//! A kernel that lies: set-up reports nonsense, words of the ring change to anything at any call, and every answer is
//! random. The kernel itself stays within the memory that it was given or has handed out; a user that follows its lies
//! does not.

use std::ffi::c_void;
use std::ptr::{NonNull, with_exposed_provenance_mut};

use bare_uring::types::RawFd;
use bare_uring::uapi::{
    IO_URING_QUERY_SCQ, IORING_REGISTER_QUERY, io_uring_params, io_uring_query_hdr, io_uring_register_op as Op,
    io_uring_rsrc_update,
};
use bare_uring::{Errno, SetupFlags};

use crate::coverage::{Coverage, Mark};
use crate::layout::{Layout, Shape};
use crate::memory::Area;
use crate::profile::Header;
use crate::random::Random;
use crate::user::copy_to_user;

/// The number of calls after which every answer is `EIO`. A loop that goes on until the kernel makes sense must not go
/// on for ever.
const LIES: u32 = 400;

/// Numbers at the edges of what a user may compute with.
const EDGES: [u32; 12] =
    [0, 1, 2, 3, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, u32::MAX - 64, u32::MAX - 4, u32::MAX - 1, u32::MAX, 4096];

/// The state of a kernel that lies.
#[derive(Debug, Default)]
pub(crate) struct Hostile {
    calls: u32,
    /// What set-up has reported to the ring's owner.
    told: Option<io_uring_params>,
    /// The memory that was mapped for the owner.
    areas: Vec<Area>,
    /// Addresses and lengths of the memory that the owner provided.
    provided: Vec<(usize, usize)>,
    pub(crate) coverage: Coverage,
}

/// Returns any number, edges more often than others.
fn any(random: &mut Random) -> u32 {
    match random.below(4) {
        0 => random.pick(&EDGES),
        1 => random.below(64),
        2 => 1 << random.below(32),
        _ => random.bits() as u32,
    }
}

impl Hostile {
    /// Counts a call. Returns whether the kernel has lied often enough.
    fn tired(&mut self) -> bool {
        self.calls += 1;
        self.calls > LIES
    }

    /// Answers `likely` in most cases, else any number or error.
    fn answer(&mut self, random: &mut Random, likely: u32) -> Result<u32, Errno> {
        if self.tired() {
            return Err(Errno::EIO);
        }
        let answer = match random.below(8) {
            0 => Ok(any(random)),
            1 => Err(Errno::from_raw(1 + random.below(4095) as u16).unwrap_or(Errno::EIO)),
            2 => Err(random.pick(&[Errno::EINTR, Errno::EAGAIN, Errno::EBUSY, Errno::ETIME, Errno::EINVAL])),
            _ => Ok(likely),
        };
        if answer != Ok(likely) {
            self.coverage.mark(if answer.is_ok() { Mark::NumberLie } else { Mark::ErrorLie });
        }
        answer
    }

    /// Makes a ring, and lies about it.
    pub(crate) fn set_up(
        &mut self,
        random: &mut Random,
        entries: u32,
        params: &mut io_uring_params,
    ) -> Result<u32, Errno> {
        let fd = self.answer(random, 3)?;
        let setup = SetupFlags::from_bits_retain(params.flags);
        let sq_entries = entries.clamp(1, 64).next_power_of_two();
        let shape = Shape {
            header: random.pick(&[Header::Line, Header::Lines, Header::Shuffled, Header::Nanos, Header::Osv]),
            setup,
            single: random.chance(1, 2),
            cq_flags: random.chance(1, 2),
            sq_entries,
            cq_entries: params.cq_entries.clamp(1, 64).next_power_of_two().max(sq_entries),
        };
        let layout = Layout::new(&shape, random);
        let (sq_user, cq_user) = (params.sq_off.user_addr, params.cq_off.user_addr);
        params.sq_entries = shape.sq_entries;
        params.cq_entries = shape.cq_entries;
        params.features = random.bits() as u32;
        params.sq_off = layout.sq_off(sq_user);
        params.cq_off = layout.cq_off(cq_user);
        if setup.contains(SetupFlags::NO_MMAP) {
            self.provided = vec![(cq_user as usize, 64), (sq_user as usize, sq_entries as usize * 64)];
        }
        let (so, co) = (&mut params.sq_off, &mut params.cq_off);
        let numbers = [
            &mut params.sq_entries,
            &mut params.cq_entries,
            &mut params.flags,
            &mut so.head,
            &mut so.tail,
            &mut so.ring_mask,
            &mut so.ring_entries,
            &mut so.flags,
            &mut so.dropped,
            &mut so.array,
            &mut co.head,
            &mut co.tail,
            &mut co.ring_mask,
            &mut co.ring_entries,
            &mut co.overflow,
            &mut co.cqes,
            &mut co.flags,
        ];
        // One lie in most cases, and often no lie: a ring that is refused at once shows little.
        while random.chance(1, 3) {
            let place = random.below(numbers.len() as u32) as usize;
            *numbers[place] = any(random);
            self.coverage.mark(Mark::SetupLie);
        }
        self.told = Some(*params);
        self.agree();
        Ok(fd)
    }

    /// Writes the reported sizes to where the user looks for them, as far as the memory goes.
    fn agree(&self) {
        let Some(told) = self.told else { return };
        let (so, co) = (&told.sq_off, &told.cq_off);
        for (offset, value) in [
            (so.ring_mask, told.sq_entries.wrapping_sub(1)),
            (so.ring_entries, told.sq_entries),
            (co.ring_mask, told.cq_entries.wrapping_sub(1)),
            (co.ring_entries, told.cq_entries),
        ] {
            for (start, len) in self.pieces() {
                put(start, len, offset as usize, value);
            }
        }
    }

    /// Returns the memory that the kernel may write to.
    fn pieces(&self) -> Vec<(NonNull<u8>, usize)> {
        let provided = self.provided.iter().filter_map(|&(start, len)| {
            NonNull::new(with_exposed_provenance_mut::<u8>(start)).map(|start| (start, len))
        });
        self.areas.iter().map(|area| (area.base(), area.len())).chain(provided).collect()
    }

    /// Maps memory.
    pub(crate) fn map(&mut self, random: &mut Random, len: usize) -> Result<NonNull<u8>, Errno> {
        self.answer(random, 0)?;
        if len > 1 << 22 {
            return Err(Errno::ENOMEM);
        }
        let area = Area::new(len)?;
        let base = area.base();
        self.areas.push(area);
        if random.chance(1, 2) {
            self.scribble(random, 16);
        }
        if random.chance(15, 16) {
            self.agree();
        }
        Ok(base)
    }

    /// Unmaps an area. Returns `false` if no such area is mapped, or if the bytes around it were written.
    pub(crate) fn unmap(&mut self, address: NonNull<u8>, len: usize) -> bool {
        let place = self.areas.iter().position(|area| area.base() == address && area.len() == len);
        place.map(|place| self.areas.swap_remove(place)).is_some_and(|area| area.intact())
    }

    /// Changes words of the memory: words that the protocol uses, or any others.
    fn scribble(&mut self, random: &mut Random, times: u32) {
        let Some(told) = self.told else { return };
        let (so, co) = (&told.sq_off, &told.cq_off);
        let words = [
            so.head,
            so.tail,
            so.flags,
            so.dropped,
            so.ring_mask,
            so.ring_entries,
            so.array,
            co.head,
            co.tail,
            co.overflow,
            co.ring_mask,
            co.ring_entries,
            co.flags,
            co.cqes,
            co.tail,
            co.tail,
            so.head,
            so.flags,
        ];
        let pieces = self.pieces();
        if pieces.is_empty() {
            return;
        }
        for _ in 0..random.below(times) {
            let (start, len) = random.pick(&pieces);
            let offset = if random.chance(3, 4) { random.pick(&words) } else { random.below(len as u32) & !3 };
            let value = if random.chance(1, 2) { any(random) } else { random.below(70) };
            self.coverage.mark(Mark::WordChanged);
            put(start, len, offset as usize, value);
        }
    }

    /// Answers a submit or a wait.
    pub(crate) fn enter(&mut self, random: &mut Random, to_submit: u32) -> Result<u32, Errno> {
        let answer = self.answer(random, to_submit);
        self.scribble(random, 12);
        answer
    }

    /// Answers a registration with nonsense.
    ///
    /// # Safety
    ///
    /// The conditions of `Kernel::register`.
    pub(crate) unsafe fn register(
        &mut self,
        random: &mut Random,
        operation: u32,
        argument: *mut c_void,
        count: u32,
    ) -> Result<u32, Errno> {
        const RING_FDS: u32 = Op::IORING_REGISTER_RING_FDS as u32;
        const PROBE: u32 = Op::IORING_REGISTER_PROBE as u32;

        let likely = if operation == RING_FDS { 1 } else { 0 };
        let answer = self.answer(random, likely);
        let mut bytes = |len: usize| (0..len).map(|_| random.bits() as u8).collect::<Vec<_>>();
        match operation {
            RING_FDS => {
                let update = argument.cast::<io_uring_rsrc_update>();
                // SAFETY: the operation's contract.
                unsafe { (*update).offset = any(random) };
            }
            PROBE => {
                let bytes = bytes(16 + count as usize * 8);
                // SAFETY: the operation's contract: a header and `count` rows.
                unsafe { copy_to_user(argument.expose_provenance() as u64, &bytes) };
            }
            // An empty chain of questions.
            IORING_REGISTER_QUERY if argument.is_null() => {}
            IORING_REGISTER_QUERY => {
                // SAFETY: the operation's contract: a chain of headers, of which the first is there.
                let header = unsafe { &mut *argument.cast::<io_uring_query_hdr>() };
                header.result = if random.chance(1, 2) { 0 } else { any(random).cast_signed() };
                if header.query_op == IO_URING_QUERY_SCQ {
                    let (size, align) = (u64::from(any(random)), u64::from(any(random)));
                    let bytes = [size.to_ne_bytes(), align.to_ne_bytes()].concat();
                    // SAFETY: the operation's contract: room for the record.
                    unsafe { copy_to_user(header.query_data, &bytes) };
                }
                header.size = any(random);
            }
            _ => {}
        }
        self.scribble(random, 8);
        answer
    }

    /// Answers a close.
    pub(crate) fn close(&mut self, random: &mut Random, _: RawFd) -> Result<(), Errno> {
        self.answer(random, 0).map(drop)
    }
}

/// Writes a word, if the word lies within the memory.
fn put(start: NonNull<u8>, len: usize, offset: usize, value: u32) {
    if offset.is_multiple_of(4) && offset.checked_add(4).is_some_and(|end| end <= len) {
        // SAFETY: the word lies within, as just checked.
        let word = unsafe { start.add(offset) };
        // SAFETY: the word is aligned, because the start is aligned to 64. Both sides use the words as atomics. The
        // owner of the ring holds no reference to an entry while it is in the kernel.
        let word = unsafe { std::sync::atomic::AtomicU32::from_ptr(word.as_ptr().cast()) };
        word.store(value, std::sync::atomic::Ordering::SeqCst);
    }
}
