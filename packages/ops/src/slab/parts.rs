//! The parts of an operation that is being put together, for its entry.

use bare_uring::types::{MsgHdr, SockAddr, SockAddrStorage};

use crate::control::Control;
use crate::file::File;
use crate::message::{Envelope, NAME};
use crate::passed::Passed;
use crate::slot::{Argument, Room, Slot};

/// Where the parts of an operation are, for its entry.
///
/// # Invariants
///
/// - While this value is there, nobody else uses the slot's argument, and the kernel does not know the operation.
pub(crate) struct Parts {
    /// The room after the buffer's window.
    pub(crate) space: (*mut u8, u32),
    /// The buffer's window.
    pub(crate) window: (*const u8, u32),
    pub(crate) argument: *mut Argument,
    slot: &'static Slot,
}

impl Parts {
    /// The room and the window of no buffer.
    pub(crate) const NO_BYTES: ((*mut u8, u32), (*const u8, u32)) =
        ((core::ptr::null_mut(), 0), (core::ptr::null(), 0));

    /// Notes where the parts are.
    ///
    /// # Safety
    ///
    /// While the value is there, nobody else uses the slot's argument, and the kernel does not know the operation.
    pub(super) unsafe fn new(space: (*mut u8, u32), window: (*const u8, u32), slot: &'static Slot) -> Self {
        Self { space, window, argument: slot.argument.get().cast(), slot }
    }

    const fn room(&self) -> *mut Room {
        self.slot.argument.get()
    }

    /// Makes the argument room for an address, and returns where the kernel writes the address and its length.
    pub(crate) fn address(&self) -> (*mut SockAddrStorage, *mut u32) {
        // SAFETY: nobody else uses the argument (invariant).
        unsafe { self.argument.write(Argument { address: SockAddr::EMPTY }) };
        // SAFETY: the field was written just now, and nobody else uses it (invariant).
        unsafe { (*self.argument.cast::<SockAddr>()).out() }
    }

    /// Makes the argument the envelope of a message that is sent out of the window, with these files, to each of which the
    /// operation then has a handle. Returns its header; null if the address is too long.
    pub(crate) fn outgoing(&self, to: Option<&SockAddr>, control: &Control, files: &[&File]) -> *const MsgHdr {
        // SAFETY: nobody else uses the argument (invariant).
        unsafe { self.room().write(Room { envelope: Envelope::NEW }) };
        let envelope = self.room().cast::<Envelope>();
        // SAFETY: nobody else uses the argument (invariant).
        let header = unsafe { Envelope::send(envelope, self.window, to, control) };
        for &file in files {
            // SAFETY: the field was written above, and nobody else uses it (invariant).
            unsafe { (*envelope).note(file.clone().into_index().into()) };
        }
        header.unwrap_or(core::ptr::null())
    }

    /// Makes the argument the envelope of a message that is received into the space, with this many bytes of control data,
    /// and with these places for files. Returns its header.
    pub(crate) fn incoming(&self, control: usize, places: Passed) -> *mut MsgHdr {
        places.give_to(&self.slot.backlog);
        // SAFETY: nobody else uses the argument (invariant).
        unsafe { self.room().write(Room { envelope: Envelope::NEW }) };
        let envelope = self.room().cast::<Envelope>();
        // SAFETY: nobody else uses the argument (invariant).
        unsafe { Envelope::receive(envelope, self.space, control) }
    }

    /// Makes the header of messages that come to provided buffers, with room for an address.
    pub(crate) fn header(&self) -> *mut MsgHdr {
        let header = self.room().cast::<MsgHdr>();
        // SAFETY: the room is valid, and nobody else uses the argument (invariant).
        unsafe { header.write(MsgHdr::default().from(core::ptr::null_mut(), NAME)) };
        header
    }
}
