//! What replaces the accesses under loom. Ring memory keeps its layout, so that the crate's own code runs on it
//! unchanged. Each shared word has a loom atomic beside it, found by the word's address. Each 16 bytes of plain memory
//! have a loom cell, which notices accesses that nothing orders.
//!
//! One ordering of the crate at a time can be weakened, by its place in the source: the variable `WEAKEN` names a line
//! (`src/squeue.rs:36`), and `WEAKEN_TO` what it becomes: `Relaxed` or `AcqRel`, or for the fence `nothing`.

use core::mem::size_of;
use core::panic::Location;
use core::ptr::NonNull;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;
use std::vec::Vec;

pub(crate) use core::sync::atomic::Ordering;
use loom::cell::UnsafeCell;
use loom::sync::atomic as modelled;

/// The number of bytes that one cell stands for. All entries and descriptors start at a multiple of it.
const GRAIN: usize = 16;

/// A piece of memory that a model's threads share.
struct Shared {
    start: usize,
    len: usize,
    words: HashMap<usize, Rc<modelled::AtomicU32>>,
    halves: HashMap<usize, Rc<modelled::AtomicU16>>,
    cells: Vec<Rc<UnsafeCell<()>>>,
}

std::thread_local! {
    /// The pieces of memory that are shared. All threads of a model run in one thread of the system, and each model in
    /// a thread of its own.
    static SHARED: RefCell<Vec<Shared>> = const { RefCell::new(Vec::new()) };
}

/// Forgets what an earlier run of the model shared.
pub(crate) fn clear() {
    SHARED.take();
}

/// Shares a piece of memory: these offsets hold atomics of 32 and of 16 bits, and everything else is plain. Atomics and
/// plain memory start with the values that are in the memory now.
///
/// # Safety
///
/// The memory is valid for reads, and aligned to 16 bytes.
pub(crate) unsafe fn share(memory: NonNull<[u8]>, words: &[usize], halves: &[usize]) {
    let (start, len) = (memory.cast::<u8>(), memory.len());
    assert!(start.addr().get().is_multiple_of(GRAIN));
    let at = |offset: usize| {
        assert!(offset + 2 <= len);
        // SAFETY: the offset is within the memory, as just asserted.
        unsafe { start.add(offset) }
    };
    // SAFETY: the place is within the memory, which is readable, and aligned there.
    let word = |place: NonNull<u8>| unsafe { place.cast::<u32>().read() };
    // SAFETY: the place is within the memory, which is readable, and aligned for 16 bits.
    let half = |place: NonNull<u8>| unsafe { place.cast::<u16>().read() };
    let words = words.iter().map(|&it| at(it));
    let words = words.map(|it| (it.addr().get(), Rc::new(modelled::AtomicU32::new(word(it))))).collect();
    let halves = halves.iter().map(|&it| at(it));
    let halves = halves.map(|it| (it.addr().get(), Rc::new(modelled::AtomicU16::new(half(it))))).collect();
    let cells = (0..len.div_ceil(GRAIN)).map(|_| Rc::new(UnsafeCell::new(()))).collect();
    let shared = Shared { start: start.addr().get(), len, words, halves, cells };
    SHARED.with_borrow_mut(|all| all.push(shared));
}

/// Calls `find` with the piece of memory that has this address, and returns its result. `find` must not use loom, which
/// may change threads.
fn with_piece<T>(address: usize, find: impl FnOnce(&Shared) -> T) -> T {
    SHARED.with_borrow(|all| {
        let piece = all.iter().find(|it| (it.start..it.start + it.len).contains(&address));
        find(piece.expect("an access outside of what the model shares"))
    })
}

/// Calls `note` with the cell of each 16 bytes of a plain access.
fn cells<T>(place: NonNull<T>, note: impl Fn(&UnsafeCell<()>)) {
    let address = place.addr().get();
    let cells = with_piece(address, |piece| {
        let first = (address - piece.start) / GRAIN;
        let last = (address + size_of::<T>() - 1 - piece.start) / GRAIN;
        Vec::from(&piece.cells[first..=last])
    });
    cells.iter().for_each(|cell| note(cell));
}

/// Writes memory, as outside of models.
///
/// # Safety
///
/// The conditions of [`NonNull::write`] hold. Loom checks the accesses of the other side.
pub(crate) unsafe fn write<T>(place: NonNull<T>, value: T) {
    cells(place, |cell| cell.with_mut(|_| ()));
    // SAFETY: the caller's contract is that of `NonNull::write`.
    unsafe { place.write(value) };
}

/// Reads memory, as outside of models.
///
/// # Safety
///
/// The conditions of [`NonNull::read`] hold. Loom checks the accesses of the other side.
pub(crate) unsafe fn read<T: Copy>(place: NonNull<T>) -> T {
    cells(place, |cell| cell.with(|_| ()));
    // SAFETY: the caller's contract is that of `NonNull::read`.
    unsafe { place.read() }
}

/// Returns the line that is weakened, if there is one.
pub(crate) fn weakened() -> Option<&'static str> {
    static LINE: OnceLock<Option<std::string::String>> = OnceLock::new();
    LINE.get_or_init(|| std::env::var("WEAKEN").ok()).as_deref()
}

/// Returns the ordering that an access at this place has now; `None` if there must be no access.
fn ordering(ordering: Ordering, place: &Location<'_>) -> Option<Ordering> {
    let (file, line) = match weakened().and_then(|it| it.split_once(':')) {
        Some((file, line)) => (file, line.parse::<u32>().expect("WEAKEN names a line")),
        None => return Some(ordering),
    };
    if place.file() != file || place.line() != line {
        return Some(ordering);
    }
    match std::env::var("WEAKEN_TO").as_deref() {
        Ok("Relaxed") => Some(Ordering::Relaxed),
        Ok("AcqRel") => Some(Ordering::AcqRel),
        Ok("nothing") => None,
        other => panic!("WEAKEN_TO is {other:?}"),
    }
}

/// Makes a fence, unless it is weakened.
#[track_caller]
pub(crate) fn fence(order: Ordering) {
    if let Some(order) = ordering(order, Location::caller()) {
        modelled::fence(order);
    }
}

macro_rules! atomic {
    ($name:ident, $number:ty, $map:ident) => {
        /// Stands for the atomic of `core`: the word itself, of which only the address is used.
        #[derive(Debug)]
        #[repr(transparent)]
        pub(crate) struct $name(core::sync::atomic::$name);

        #[allow(dead_code, reason = "the numbers of 16 bits are not used in every way")]
        impl $name {
            pub(crate) const fn new(value: $number) -> Self {
                Self(core::sync::atomic::$name::new(value))
            }

            fn beside(&self) -> Rc<modelled::$name> {
                let address = self.0.as_ptr().addr();
                with_piece(address, |piece| Rc::clone(&piece.$map[&address]))
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $number {
                let order = ordering(order, Location::caller()).expect("an access can't be left out");
                self.beside().load(order)
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $number, order: Ordering) {
                let order = ordering(order, Location::caller()).expect("an access can't be left out");
                self.beside().store(value, order);
            }

            pub(crate) fn fetch_or(&self, value: $number, order: Ordering) -> $number {
                self.beside().fetch_or(value, order)
            }

            pub(crate) fn fetch_and(&self, value: $number, order: Ordering) -> $number {
                self.beside().fetch_and(value, order)
            }
        }
    };
}

atomic!(AtomicU32, u32, words);
atomic!(AtomicU16, u16, halves);
