//! Provided buffers: the kernel picks one when data comes.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use bare_uring::register::buf_ring::{BufRingEntry, BufRingMemory, Buffer as Piece, BufferState};

use crate::list::{Link, Linked, List};

/// The buffer group ID (`bgid`) of the one group that a driver registers.
pub(crate) const GROUP: u16 = 0;

/// The place of one provided buffer that was filled and that no [`Buffer`](crate::Buffer) holds: it waits in the
/// backlog of a stream, or to go back to the kernel.
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

/// The shelves of the group that the kernel was provided with: one for each buffer ID. Empty until then.
pub(crate) struct Shelves {
    shelves: Cell<Option<&'static [Shelf]>>,
    /// Buffers that are no longer used, and that the driver gives back to the kernel.
    returned: List,
    /// How many buffers the kernel has filled and not got back.
    out: Cell<u16>,
    most_out: Cell<u16>,
}

impl Shelves {
    pub(crate) const fn new() -> Self {
        Self { shelves: Cell::new(None), returned: List::new(), out: Cell::new(0), most_out: Cell::new(0) }
    }

    /// Returns the number of buffers.
    pub(crate) fn count(&self) -> u16 {
        // A group has at most 32,768.
        self.shelves.get().map_or(0, |shelves| shelves.len() as u16)
    }

    /// Returns how many buffers the kernel can fill.
    pub(crate) fn free(&self) -> u16 {
        self.count().saturating_sub(self.out.get())
    }

    /// Returns how many buffers were out at a time, at most.
    pub(crate) fn most_out(&self) -> u16 {
        self.most_out.get()
    }

    /// Notes that the kernel has filled a buffer.
    pub(crate) fn went_out(&self) {
        let out = self.out.get().saturating_add(1);
        self.out.set(out);
        self.most_out.set(self.most_out.get().max(out));
    }

    /// Notes that the kernel has got a buffer back.
    pub(crate) fn came_back(&self) {
        self.out.set(self.out.get().saturating_sub(1));
    }

    pub(crate) fn is_provided(&self) -> bool {
        self.shelves.get().is_some()
    }

    pub(crate) fn provide(&self, shelves: &'static [Shelf]) {
        self.shelves.set(Some(shelves));
    }

    /// Puts a piece on its shelf, and the shelf at the end of a list.
    pub(crate) fn put(&self, piece: Piece, list: &List) {
        let Some(shelves) = self.shelves.get() else { return };
        let id = piece.id();
        if let Some(shelf) = shelves.get(usize::from(id)) {
            // The shelf is empty, because a buffer that is out is not handed out again before it was given back.
            // kernel: io_uring/kbuf.c io_kbuf_commit (7.2): taking a buffer moves the kernel's head past its entry, and
            // the kernel takes entries from its head up to the tail, which only the driver moves.
            shelf.piece.set(Some(piece));
            list.push(shelves, id);
        }
    }

    /// Takes the first piece of a list of shelves.
    pub(crate) fn take(&self, list: &List) -> Option<Piece> {
        let shelves = self.shelves.get()?;
        let id = list.pop(shelves)?;
        shelves.get(usize::from(id))?.piece.take()
    }

    /// Puts a piece that is no longer used where the driver finds it.
    pub(crate) fn give_back(&self, piece: Piece) {
        self.put(piece, &self.returned);
    }

    /// Takes a piece that the driver is to give back to the kernel.
    pub(crate) fn next_returned(&self) -> Option<Piece> {
        self.take(&self.returned)
    }
}

/// Aligned to 64 KiB, the largest page size: the kernel wants the buffer ring (`struct io_uring_buf_ring`) at a page.
// kernel: io_uring/memmap.c io_create_region (7.2): EINVAL for memory of the user that does not begin at a page.
#[repr(C, align(65536))]
struct Memory<const COUNT: usize, const SIZE: usize> {
    /// The entries of the buffer ring (`struct io_uring_buf`).
    entries: [MaybeUninit<BufRingEntry>; COUNT],
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
    /// Makes a group of zeroes only, so that a static group takes no room in the program's file.
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
            entries: [MaybeUninit::zeroed(); COUNT],
            buffers: [[0; SIZE]; COUNT],
            states: [BufferState::NEW; COUNT],
            shelves: [const { Shelf::new() }; COUNT],
        };
        Self { taken: AtomicBool::new(false), memory: UnsafeCell::new(memory) }
    }

    /// Takes the memory, in its parts. `None`: it was taken before.
    pub(crate) fn take(&'static self) -> Option<(BufRingMemory, &'static [Shelf])> {
        if self.taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        // SAFETY: the flag lets one caller come here, so that this is the only reference there ever is.
        let memory = unsafe { &mut *self.memory.get() };
        let buffers = memory.buffers.as_flattened_mut();
        let ring = BufRingMemory { entries: &mut memory.entries, buffers, states: &mut memory.states };
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
