//! Provided buffers: the kernel picks one when data comes.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use bare_uring::register::buf_ring::{BufRingMemory, Buffer as Piece, BufferState, Descriptor};

use crate::buffer::Buffer;
use crate::list::{Link, Linked, List};
use crate::slab::Slab;

/// The number of the one group that a driver registers.
pub(crate) const GROUP: u16 = 0;

/// Where a provided buffer lies that was filled and is not in use: in the backlog of a stream, or on its way back.
pub(crate) struct Shelf {
    piece: Cell<Option<Piece>>,
    link: Link,
}

impl Shelf {
    const fn new() -> Self {
        Self { piece: Cell::new(None), link: Link::new(0) }
    }
}

impl Linked for Shelf {
    fn link(&self) -> &Link {
        &self.link
    }
}

/// At a page, of whatever size, as the descriptors must be.
#[repr(C, align(65536))]
struct Memory<const COUNT: usize, const SIZE: usize> {
    descriptors: [MaybeUninit<Descriptor>; COUNT],
    buffers: [[u8; SIZE]; COUNT],
    states: [BufferState; COUNT],
    shelves: [Shelf; COUNT],
}

/// The memory of `COUNT` provided buffers (a power of two, at most 32,768) of `SIZE` bytes, for a `static`. See
/// [`Driver::provide`](crate::Driver::provide).
pub struct Group<const COUNT: usize, const SIZE: usize> {
    taken: AtomicBool,
    memory: UnsafeCell<Memory<COUNT, SIZE>>,
}

// SAFETY: `take` gives out the only reference to what is inside, once.
unsafe impl<const COUNT: usize, const SIZE: usize> Sync for Group<COUNT, SIZE> {}

impl<const COUNT: usize, const SIZE: usize> Group<COUNT, SIZE> {
    /// All zero, so that it takes no room in the program's file.
    ///
    /// A count that no group can have is an error of compilation:
    ///
    /// ```compile_fail,E0080
    /// static GROUP: bare_uring_ops::Group<65_536, 1> = bare_uring_ops::Group::new();
    /// ```
    ///
    /// ```compile_fail,E0080
    /// static GROUP: bare_uring_ops::Group<3, 1> = bare_uring_ops::Group::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(COUNT.is_power_of_two() && COUNT <= 32_768 && SIZE > 0 && SIZE <= u32::MAX as usize) };
        let memory = Memory {
            descriptors: [MaybeUninit::zeroed(); COUNT],
            buffers: [[0; SIZE]; COUNT],
            states: [BufferState::NEW; COUNT],
            shelves: [const { Shelf::new() }; COUNT],
        };
        Self { taken: AtomicBool::new(false), memory: UnsafeCell::new(memory) }
    }

    /// The memory in its parts; `None` if it was taken before.
    pub(crate) fn take(&'static self) -> Option<(BufRingMemory, &'static [Shelf])> {
        if self.taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        // SAFETY: the flag lets one caller come here, so that this is the only reference there ever is.
        let memory = unsafe { &mut *self.memory.get() };
        let buffers = memory.buffers.as_flattened_mut();
        let ring = BufRingMemory { descriptors: &mut memory.descriptors, buffers, states: &mut memory.states };
        Some((ring, &memory.shelves))
    }
}

impl<const COUNT: usize, const SIZE: usize> Default for Group<COUNT, SIZE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const COUNT: usize, const SIZE: usize> core::fmt::Debug for Group<COUNT, SIZE> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Group").finish_non_exhaustive()
    }
}

impl Slab {
    /// Puts a piece on its shelf, and that into a list.
    pub(crate) fn shelve(&self, piece: Piece, list: &List) {
        let Some(shelves) = self.group.get() else { return };
        let id = piece.id();
        if let Some(shelf) = shelves.get(usize::from(id)) {
            // Each buffer is out once, so that its shelf is empty.
            shelf.piece.set(Some(piece));
            list.push(shelves, id);
        }
    }

    /// The first piece of a list of shelves.
    pub(crate) fn unshelve(&self, list: &List) -> Option<Piece> {
        let shelves = self.group.get()?;
        let id = list.pop(shelves)?;
        shelves.get(usize::from(id))?.piece.take()
    }

    /// Puts a filled buffer into a backlog.
    pub(crate) fn keep(&self, buffer: Buffer, list: &List) {
        if let Some(piece) = buffer.into_piece() {
            self.shelve(piece, list);
        }
    }
}
