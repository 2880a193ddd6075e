//! A ring's memory whose accesses are counted, and a kernel for it.
//!
//! Each word that a ring shares with its kernel lies in a page of its own. While a call is watched the pages are
//! closed. An access then faults: the handler counts the access, opens the page, and makes the processor stop after
//! that one instruction, where the pages are closed again. The kernel here reaches the same memory at another address,
//! as a real one does, and its accesses are not counted.

use core::ffi::c_void;
use std::cell::RefCell;
use std::iter::zip;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::{EnterFlags, Errno, Features, IoUring, Kernel, Parameters, SetupFlags, SqFlags, cqueue, squeue};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mprotect};

use crate::common::{memory, raw};

pub type Ring<'a> = IoUring<squeue::Entry, cqueue::Entry, &'a Watched>;

pub const PAGE: usize = 4096;
pub const SQ: u32 = 4;
pub const CQ: u32 = 8;
/// Bytes of the submission entries, which are not watched.
pub const SQES: usize = SQ as usize * 64;

/// The pages that are watched, by their numbers: five words, and one page for all that is read at set-up only.
pub const SQ_HEAD: usize = 0;
pub const SQ_TAIL: usize = 1;
pub const SQ_FLAGS: usize = 2;
pub const CQ_HEAD: usize = 3;
pub const CQ_TAIL: usize = 4;
pub const REST: usize = 5;
pub const WATCHED: usize = 6;
/// The last page, which is not watched, has the completions.
pub const CQES: usize = 6;
pub const ALL: usize = 7;

/// Accesses to one page. One instruction that reads and writes is a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accesses {
    pub loads: u32,
    pub stores: u32,
}

pub const NONE: Accesses = Accesses { loads: 0, stores: 0 };
pub const LOAD: Accesses = Accesses { loads: 1, stores: 0 };
pub const STORE: Accesses = Accesses { loads: 0, stores: 1 };
pub const TWO_LOADS: Accesses = Accesses { loads: 2, stores: 0 };

/// Accesses to each shared word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub sq_head: Accesses,
    pub sq_tail: Accesses,
    pub sq_flags: Accesses,
    pub cq_head: Accesses,
    pub cq_tail: Accesses,
    pub rest: Accesses,
}

pub const QUIET: Counts =
    Counts { sq_head: NONE, sq_tail: NONE, sq_flags: NONE, cq_head: NONE, cq_tail: NONE, rest: NONE };

/// The handlers, and all that they touch.
mod trap {
    use super::*;

    const SIGTRAP: i32 = 5;
    const SIGSEGV: i32 = 11;
    const SA_SIGINFO: i32 = 4;
    /// Places of the saved registers, and bits in them.
    const EFLAGS: usize = 17;
    const TRAP_FLAG: i64 = 1 << 8;
    const ERROR: usize = 19;
    const WAS_WRITE: i64 = 1 << 1;

    /// `siginfo_t` of a fault, as far as it is read.
    #[repr(C)]
    struct SignalInfo {
        numbers: [i32; 4],
        address: usize,
    }

    /// `ucontext_t`, as far as it is used.
    #[repr(C)]
    struct Context {
        others: [u64; 5],
        registers: [i64; 23],
    }

    type Handler = extern "C" fn(i32, &SignalInfo, &mut Context);

    /// `struct sigaction` of the C library that the standard library is linked to.
    #[repr(C)]
    struct Action {
        handler: Handler,
        mask: [u64; 16],
        flags: i32,
        restorer: usize,
    }

    unsafe extern "C" {
        fn sigaction(signal: i32, new: *const Action, old: *mut Action) -> i32;
        safe fn signal(signal: i32, handler: usize) -> usize;
    }

    /// The first of the pages that are closed, or null.
    static CLOSED: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
    /// Loads and stores of each page.
    static COUNTS: [[AtomicU32; 2]; WATCHED] = [const { [const { AtomicU32::new(0) }; 2] }; WATCHED];
    /// Held while pages are closed.
    static TURN: Mutex<()> = Mutex::new(());

    const OPEN: MprotectFlags = MprotectFlags::READ.union(MprotectFlags::WRITE);
    const SHUT: MprotectFlags = MprotectFlags::empty();

    fn protect(start: *mut c_void, bytes: usize, how: MprotectFlags) {
        // SAFETY: the pages are watched ones, in a mapping of the test's own that is never unmapped. An access to a
        // closed page is handled by `touched`, which opens the page.
        if unsafe { mprotect(start, bytes, how) }.is_err() {
            std::process::abort();
        }
    }

    /// An access to a closed page: counted, and let through.
    extern "C" fn touched(number: i32, info: &SignalInfo, context: &mut Context) {
        let first = CLOSED.load(Ordering::Relaxed);
        let page = info.address.wrapping_sub(first.addr()) / PAGE;
        if first.is_null() || page >= WATCHED {
            // A fault that is none of ours: without this handler it happens again, and ends the process.
            signal(number, 0);
            return;
        }
        let is_store = context.registers[ERROR] & WAS_WRITE != 0;
        COUNTS[page][usize::from(is_store)].fetch_add(1, Ordering::Relaxed);
        protect(first.wrapping_byte_add(page * PAGE), PAGE, OPEN);
        context.registers[EFLAGS] |= TRAP_FLAG;
    }

    /// The instruction is done: everything is closed again.
    extern "C" fn passed(_: i32, _: &SignalInfo, context: &mut Context) {
        context.registers[EFLAGS] &= !TRAP_FLAG;
        protect(CLOSED.load(Ordering::Relaxed), WATCHED * PAGE, SHUT);
    }

    /// Makes the call with the pages from `first` on closed; what it gave, and what it touched.
    pub(super) fn watch<T>(first: NonNull<u8>, call: impl FnOnce() -> T) -> (T, Counts) {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            for (signal, handler) in [(SIGSEGV, touched as Handler), (SIGTRAP, passed)] {
                let action = Action { handler, mask: [0; 16], flags: SA_SIGINFO, restorer: 0 };
                // SAFETY: the struct is the C library's of x86-64. With SA_SIGINFO a handler gets pointers to its own
                // info and context, valid until it returns; both do nothing but atomics and system calls.
                assert_eq!(unsafe { sigaction(signal, &action, null_mut()) }, 0);
            }
        });
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let first = first.as_ptr().cast();
        for count in COUNTS.as_flattened() {
            count.store(0, Ordering::Relaxed);
        }
        CLOSED.store(first, Ordering::Relaxed);
        protect(first, WATCHED * PAGE, SHUT);
        let given = call();
        protect(first, WATCHED * PAGE, OPEN);
        CLOSED.store(null_mut(), Ordering::Relaxed);
        let [sq_head, sq_tail, sq_flags, cq_head, cq_tail, rest] = COUNTS.each_ref().map(|[loads, stores]| Accesses {
            loads: loads.load(Ordering::Relaxed),
            stores: stores.load(Ordering::Relaxed),
        });
        (given, Counts { sq_head, sq_tail, sq_flags, cq_head, cq_tail, rest })
    }
}

/// The first words of a page in one of the two mappings of a [`Watched`].
pub fn words<'a>(mapping: NonNull<u8>, page: usize) -> &'a [AtomicU32; 4] {
    assert!(page < WATCHED);
    // SAFETY: the page lies within the mapping, as just asserted.
    let start = unsafe { mapping.byte_add(page * PAGE) };
    // SAFETY: the page lies within the mapping, which is never unmapped. Its words are used as atomics only.
    unsafe { start.cast().as_ref() }
}

/// Memory of a ring that can be watched, and a kernel that takes what it is given and completes nothing by itself.
#[derive(Debug)]
pub struct Watched {
    /// Where the ring finds it; its first pages are those that are watched.
    pub rings: NonNull<u8>,
    /// That memory at the address where the kernel finds it.
    kernels: NonNull<u8>,
    setup: SetupFlags,
    /// The arguments `to_submit`, `min_complete` and `flags` of each enter.
    enters: RefCell<Vec<(u32, u32, EnterFlags)>>,
}

/// What a call gave, which accesses it made, and the enters.
pub type Seen<T> = (T, Counts, Vec<(u32, u32, EnterFlags)>);

impl Watched {
    pub fn new(setup: SetupFlags) -> Self {
        let file = memfd_create("ring", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&file, (ALL * PAGE) as u64).unwrap();
        let [rings, kernels] = [(); 2].map(|()| {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: a new mapping at an address of the system's choice touches no other memory.
            let start = unsafe { mmap(null_mut(), ALL * PAGE, access, MapFlags::SHARED, &file, 0) }.unwrap();
            NonNull::new(start).unwrap().cast()
        });
        let memory = Self { rings, kernels, setup, enters: RefCell::default() };
        for (word, value) in zip(words(kernels, REST), [SQ - 1, SQ, CQ - 1, CQ]) {
            word.store(value, Ordering::Relaxed);
        }
        memory
    }

    /// The ring over this memory; take one only.
    pub fn ring(&self) -> Ring<'_> {
        let mut params = raw::params(self.setup.union(SetupFlags::NO_SQARRAY));
        let at = |page: usize| (page * PAGE) as u32;
        let rest = at(REST);
        params.features = Features::EXT_ARG.bits();
        (params.sq_entries, params.cq_entries) = (SQ, CQ);
        (params.sq_off.head, params.sq_off.tail, params.sq_off.flags) = (at(SQ_HEAD), at(SQ_TAIL), at(SQ_FLAGS));
        (params.cq_off.head, params.cq_off.tail, params.cq_off.cqes) = (at(CQ_HEAD), at(CQ_TAIL), at(CQES));
        (params.sq_off.ring_mask, params.sq_off.ring_entries) = (rest, rest + 4);
        (params.cq_off.ring_mask, params.cq_off.ring_entries) = (rest + 8, rest + 12);
        (params.sq_off.dropped, params.cq_off.overflow, params.cq_off.flags) = (rest + 16, rest + 20, rest + 24);
        let rings = NonNull::slice_from_raw_parts(self.rings, ALL * PAGE);
        let sqes = NonNull::slice_from_raw_parts(NonNull::from(memory(SQES)).cast(), SQES);
        // SAFETY: the memory is never freed and shared with this kernel only; no entry is queued in it.
        unsafe { IoUring::from_raw_parts(self, 77, Parameters::from_raw(params), rings, rings, sqes) }.unwrap()
    }

    pub fn set_flags(&self, flags: SqFlags) {
        words(self.kernels, SQ_FLAGS)[0].store(flags.bits(), Ordering::Release);
    }

    pub fn consume(&self, count: u32) {
        words(self.kernels, SQ_HEAD)[0].fetch_add(count, Ordering::AcqRel);
    }

    /// Posts a completion for each of these user data.
    pub fn post(&self, user_data: impl IntoIterator<Item = u64>) {
        let (head, tail) = (&words(self.kernels, CQ_HEAD)[0], &words(self.kernels, CQ_TAIL)[0]);
        for user_data in user_data {
            let at = tail.load(Ordering::Relaxed);
            assert!(at.wrapping_sub(head.load(Ordering::Acquire)) < CQ);
            // SAFETY: the slot lies within the last page of the mapping, which has room for more than `CQ` of them.
            let slot = unsafe { self.kernels.cast::<[u64; 2]>().byte_add(CQES * PAGE + (at % CQ) as usize * 16) };
            // SAFETY: the slot lies within the page. It is free, so that the ring does not read it before the tail
            // moves.
            unsafe { slot.write([user_data, 0]) };
            tail.store(at.wrapping_add(1), Ordering::Release);
        }
    }

    pub fn watch<T>(&self, call: impl FnOnce() -> T) -> Seen<T> {
        self.enters.take();
        let (given, counts) = trap::watch(self.rings, call);
        (given, counts, self.enters.take())
    }
}

// SAFETY: it touches no memory but its own ring's.
unsafe impl Kernel for Watched {
    unsafe fn setup(&self, _: u32, _: &mut io_uring_params) -> Result<u32, Errno> {
        Err(Errno::ENOSYS)
    }

    unsafe fn enter(
        &self,
        _: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        _: *const c_void,
        _: usize,
    ) -> Result<u32, Errno> {
        let flags = EnterFlags::from_bits_retain(flags);
        self.enters.borrow_mut().push((to_submit, min_complete, flags));
        if flags.contains(EnterFlags::SQ_WAIT) {
            self.consume(1);
        } else if !self.setup.contains(SetupFlags::SQPOLL) {
            self.consume(to_submit);
        }
        Ok(to_submit)
    }

    unsafe fn register(&self, _: RawFd, _: u32, _: *mut c_void, _: u32) -> Result<u32, Errno> {
        Err(Errno::ENOSYS)
    }

    unsafe fn close(&self, _: RawFd) -> Result<(), Errno> {
        Ok(())
    }
}
