//! [`Spoilt`]: a simulated kernel that does one thing wrong.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::{NonNull, null, with_exposed_provenance_mut};

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_PROBE;
use bare_uring::{EnterFlags, Errno, Features, Kernel, SetupFlags};
use bare_uring_sim::SimKernel;

/// What the kernel does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Makes no ring.
    NoRing,
    /// Writes to the parameters that it refuses.
    TouchesRefused,
    /// Ignores a flag that it does not know.
    TakesAnyFlag,
    /// Reports a size that is no power of two.
    OddSize,
    /// Reports one offset for two words.
    Overlap,
    /// Reports an offset behind the memory.
    Outside,
    /// Has another mask in memory than the size says.
    OtherMask,
    /// Has a tail that is not at the head.
    TailAhead,
    /// Enters the oldest ring, whichever is named.
    OneRing,
    /// Takes this flag and ignores it.
    Ignores(SetupFlags),
    /// Takes NO_SQARRAY, and reads an array that nobody has written.
    ReadsArray,
    /// Runs no deferred work.
    NeverDefers,
    /// Consumes one entry more than asked for.
    Greedy,
    /// Returns a count that is one too large.
    Miscounts,
    /// Reads the user data of a completion from the slot as it is then.
    LateSlot,
    /// Answers an empty call with an error.
    EmptyFails,
    /// Enters -1 without an error.
    EntersNothing,
    /// Answers unknown flags with another error.
    OtherErrno,
    /// Completes what it does not know as if it did.
    KnowsAll,
    /// Ends a timeout with another result.
    OtherTimeout,
    /// Ends every timeout at once.
    EarlyTimeout,
    /// Waits for one completion more.
    WaitsOn,
    /// Returns 0 for a submit with a wait.
    LosesCount,
    /// Ignores EXT_ARG.
    IgnoresTime,
    /// Takes an argument of any size.
    AnySize,
    /// Fails a wait with a signal mask.
    NoMask,
    /// Cuts user data to 32 bits, where only the upper half is set.
    Narrow,
    /// Goes wrong at the twentieth completion.
    WrapsEarly,
    /// Overwrites a completion once the queue is full.
    Overwrites,
    /// Does not count what it drops.
    Uncounted,
    /// Reports features that it does not have.
    Claims(Features),
    /// Leaves what is kept outside the queue.
    NeverFlushes,
    /// Shows no overflow.
    HidesOverflow,
    /// Takes unknown registrations.
    RegistersAll,
    /// Registers without a ring.
    RegistersNothing,
    /// Denies the nop when probed.
    DeniesNop,
    /// Does not find a ring by its index.
    NoIndex,
    /// Fails to unmap.
    KeepsMapped,
    /// Maps what is no part of a ring.
    MapsAll,
    /// Has the completion queue elsewhere, though it reports SINGLE_MMAP.
    MapsApart,
    /// Does not close.
    StaysOpen,
    /// Fails to close.
    CloseFails,
    /// Writes to the memory of a closed ring.
    WritesLater,
}

/// Where a ring's memory is.
#[derive(Clone, Copy)]
struct Place {
    params: io_uring_params,
    sq: usize,
    cq: usize,
    sqes: usize,
    entries: u32,
    /// The completion tail at the end of the last call.
    tail: u32,
}

/// A kernel that does one thing wrong.
pub struct Spoilt {
    pub kernel: SimKernel,
    pub wrong: Wrong,
    rings: RefCell<BTreeMap<RawFd, Place>>,
    slots: RefCell<BTreeMap<u64, u32>>,
    closed: Cell<usize>,
}

/// Memory in place of a mapping.
#[repr(align(64))]
struct Elsewhere(#[expect(dead_code, reason = "memory")] [u64; 4096]);

static mut ELSEWHERE: Elsewhere = Elsewhere([0; 4096]);

fn at<T>(address: usize) -> *mut T {
    with_exposed_provenance_mut(address)
}

/// Reads a word of ring memory.
fn word(base: usize, offset: u32) -> u32 {
    // SAFETY: the simulated kernel has put the word there, and this thread alone runs.
    unsafe { at::<u32>(base + offset as usize).read_volatile() }
}

/// Writes a word of ring memory.
fn set_word(base: usize, offset: u32, value: u32) {
    // SAFETY: the simulated kernel has put the word there, and this thread alone runs.
    unsafe { at::<u32>(base + offset as usize).write_volatile(value) }
}

impl Spoilt {
    pub fn new(kernel: SimKernel, wrong: Wrong) -> Self {
        Self { kernel, wrong, rings: RefCell::default(), slots: RefCell::default(), closed: Cell::new(0) }
    }

    /// Notes which slots hold which user data.
    fn note_slots(&self, place: &Place) {
        let (head, tail) = (word(place.sq, place.params.sq_off.head), word(place.sq, place.params.sq_off.tail));
        for index in head..tail {
            let slot = index & (place.params.sq_entries - 1);
            self.slots.borrow_mut().insert(user_data_of(place, slot), slot);
        }
    }

    /// Spoils the completions that are new since the last call.
    fn spoil_completions(&self, place: &mut Place) {
        let off = &place.params.cq_off;
        let (head, tail, size) = (word(place.cq, off.head), word(place.cq, off.tail), place.params.cq_entries);
        let first = if tail - head == size && self.wrong == Wrong::Overwrites { head } else { place.tail };
        for index in first..tail {
            let cqe = place.cq + off.cqes as usize + ((index & (size - 1)) as usize) * 16;
            // SAFETY: a completion lies there, and this thread alone runs.
            let (mut data, mut result) = unsafe { at::<(u64, i32)>(cqe).read() };
            match self.wrong {
                Wrong::Narrow if data & 0xffff_ffff == 0 => data = 0,
                Wrong::WrapsEarly if index >= 20 => data ^= 1,
                Wrong::Overwrites if index == head && tail - head == size => data = 99,
                Wrong::KnowsAll if result == -22 => result = 0,
                Wrong::OtherTimeout if result == -62 => result = -5,
                Wrong::LateSlot => {
                    let slot = self.slots.borrow().get(&data).copied();
                    let now = slot.map(|slot| user_data_of(place, slot));
                    data = now.filter(|&now| now != 0xa5a5_a5a5_a5a5_a5a5).unwrap_or(data);
                }
                _ => {}
            }
            // SAFETY: as for the read; the completion was not taken yet.
            unsafe { at::<(u64, i32)>(cqe).write((data, result)) };
        }
        place.tail = tail;
        match self.wrong {
            Wrong::Uncounted => set_word(place.cq, off.overflow, 0),
            Wrong::HidesOverflow => set_word(place.sq, place.params.sq_off.flags, 0),
            _ => {}
        }
    }
}

fn user_data_of(place: &Place, slot: u32) -> u64 {
    // SAFETY: the slot lies within the entries, and this thread alone runs.
    unsafe { at::<u64>(place.sqes + slot as usize * 64 + 32).read() }
}

// SAFETY: the memory is the simulated kernel's own. What is wrong stays within it, and in what the check has to expect.
unsafe impl Kernel for Spoilt {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        if self.closed.get() != 0 && self.wrong == Wrong::WritesLater {
            // SAFETY: the memory of rings is never freed.
            unsafe { at::<u8>(self.closed.get() + 100).write(1) };
        }
        let mut asked = *params;
        match self.wrong {
            Wrong::NoRing => return Err(Errno::EPERM),
            Wrong::TakesAnyFlag => asked.flags &= !(1 << 31),
            Wrong::Ignores(flag) => asked.flags &= !flag.bits(),
            Wrong::ReadsArray if entries == 16 => asked.flags &= !SetupFlags::NO_SQARRAY.bits(),
            _ => {}
        }
        // SAFETY: the caller's contract is the same.
        let made = unsafe { self.kernel.setup(entries, &mut asked) };
        match (made, self.wrong) {
            (Err(_), Wrong::TouchesRefused) => params.sq_thread_idle = 0,
            (Err(_), _) => {}
            (Ok(_), _) => *params = asked,
        }
        let fd = made?;
        let provided = params.flags & SetupFlags::NO_MMAP.bits() != 0;
        let [rings, sqes] =
            [params.cq_off.user_addr, params.sq_off.user_addr].map(|a| if provided { a as usize } else { 0 });
        self.rings
            .borrow_mut()
            .insert(fd.cast_signed(), Place { params: *params, sq: rings, cq: rings, sqes, entries, tail: 0 });
        match self.wrong {
            Wrong::OddSize if entries == 5 => params.sq_entries = 6,
            Wrong::Overlap if entries == 5 => params.cq_off.tail = params.sq_off.tail,
            Wrong::Outside if entries == 5 => params.cq_off.overflow = 1 << 20,
            Wrong::ReadsArray if entries == 16 => params.sq_off.array = 0,
            Wrong::Claims(features) => params.features |= features.bits(),
            _ => {}
        }
        Ok(fd)
    }

    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        want: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        let mut call = (fd, to_submit, want, EnterFlags::from_bits_retain(flags), argument, size);
        let first = self.rings.borrow().keys().next().copied();
        let place = self.rings.borrow().get(&fd).copied();
        let setup = SetupFlags::from_bits_retain(place.map_or(0, |place| place.params.flags));
        let overflows = place.is_some_and(|place| word(place.sq, place.params.sq_off.flags) & 2 != 0);
        let extended = call.3.contains(EnterFlags::EXT_ARG);
        match self.wrong {
            Wrong::OneRing if place.is_some() => call.0 = first.unwrap_or(fd),
            Wrong::NeverDefers if setup.contains(SetupFlags::DEFER_TASKRUN) => call.3 -= EnterFlags::GETEVENTS,
            Wrong::Greedy if to_submit != 0 => call.1 += 1,
            Wrong::EmptyFails if to_submit == 0 && flags == 0 && place.is_some() => return Err(Errno::EAGAIN),
            Wrong::EntersNothing if fd == -1 => return Ok(0),
            Wrong::OtherErrno if flags >= 1 << 30 => return Err(Errno::ENOSYS),
            Wrong::WaitsOn if want != 0 => call.2 += 1,
            Wrong::IgnoresTime if extended => (call.3, call.4, call.5) = (EnterFlags::GETEVENTS, null(), 0),
            Wrong::AnySize if extended && size == 7 => return Ok(0),
            Wrong::NoMask if !extended && !argument.is_null() => return Err(Errno::EFAULT),
            Wrong::NeverFlushes if overflows => call.3 -= EnterFlags::GETEVENTS,
            Wrong::NoIndex if call.3.contains(EnterFlags::REGISTERED_RING) => return Err(Errno::EBADF),
            _ => {}
        }
        if let (Wrong::LateSlot, Some(place)) = (self.wrong, &place) {
            self.note_slots(place);
        }
        // SAFETY: the caller's contract; where the call was changed, no request is submitted that was not queued.
        let entered = unsafe { self.kernel.enter(call.0, call.1, call.2, call.3.bits(), call.4, call.5) };
        if let (Wrong::EarlyTimeout, Some(_)) = (self.wrong, &place) {
            // Lets the time pass to the next timer.
            self.kernel.run(20);
        }
        if let Some(place) = self.rings.borrow_mut().get_mut(&fd) {
            self.spoil_completions(place);
        }
        match self.wrong {
            Wrong::Miscounts if to_submit != 0 => entered.map(|count| count + 1),
            Wrong::LosesCount if to_submit != 0 && want != 0 => entered.map(|_| 0),
            _ => entered,
        }
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        match self.wrong {
            Wrong::RegistersAll if operation == 0x7fff => return Ok(0),
            Wrong::RegistersNothing if fd < 0 && operation == IORING_REGISTER_PROBE as u32 => return Ok(0),
            _ => {}
        }
        // SAFETY: the caller's contract is the same.
        let registered = unsafe { self.kernel.register(fd, operation, argument, count) };
        if self.wrong == Wrong::DeniesNop && operation == IORING_REGISTER_PROBE as u32 && registered.is_ok() {
            // SAFETY: behind the header of 16 bytes stands the row of the nop, with its flags at 2.
            let flags = unsafe { argument.cast::<u16>().add(9) };
            // SAFETY: the operation has just written there.
            unsafe { flags.write(0) };
        }
        registered
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        let elsewhere = NonNull::new((&raw mut ELSEWHERE).cast::<u8>()).ok_or(Errno::ENOMEM);
        if self.wrong == Wrong::MapsAll && offset == 0x2000_0000 {
            return elsewhere;
        }
        let address = self.kernel.map(length, fd, offset)?;
        let mut rings = self.rings.borrow_mut();
        let Some(place) = rings.get_mut(&fd) else { return Ok(address) };
        let base = address.as_ptr().expose_provenance();
        match offset {
            0 => (place.sq, place.cq) = (base, base),
            0x0800_0000 => place.cq = base,
            _ => place.sqes = base,
        }
        let (params, is_five) = (&place.params, place.entries == 5);
        match self.wrong {
            Wrong::OtherMask if is_five && offset == 0 => set_word(place.sq, params.sq_off.ring_mask, 3),
            Wrong::TailAhead if is_five && offset == 0 => set_word(place.cq, params.cq_off.tail, 1),
            Wrong::MapsApart if is_five && offset == 0 => return elsewhere,
            _ => {}
        }
        Ok(address)
    }

    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        if address.as_ptr().cast() == &raw mut ELSEWHERE {
            return Ok(());
        }
        // SAFETY: the caller's contract is the same.
        let unmapped = unsafe { self.kernel.unmap(address, length) };
        if self.wrong == Wrong::KeepsMapped { Err(Errno::EINVAL) } else { unmapped }
    }

    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        let place = self.rings.borrow_mut().remove(&fd);
        if self.wrong == Wrong::StaysOpen {
            return Ok(());
        }
        // SAFETY: the caller's contract is the same.
        let closed = unsafe { self.kernel.close(fd) };
        let provided = place.filter(|place| place.params.flags & SetupFlags::NO_MMAP.bits() != 0);
        self.closed.set(provided.map_or(self.closed.get(), |place| place.sq));
        if self.wrong == Wrong::CloseFails { Err(Errno::EIO) } else { closed }
    }
}
