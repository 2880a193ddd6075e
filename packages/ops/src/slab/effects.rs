//! What a completion does to what its slot holds: one arm for each [`Effect`].

use bare_uring::cqueue;
use bare_uring::types::RawFd;

use super::Slab;
use crate::buffer::Buffer;
use crate::file::File;
use crate::message::{self, Datagram, Envelope};
use crate::passed::Passed;
use crate::slot::{Effect, Slot};

impl Slab {
    /// Does to the slot's buffer, files and backlog what the completion tells. Gives back a file descriptor for which
    /// the table of files has no place.
    pub(super) fn take_effect(&'static self, slot: &Slot, cqe: &cqueue::Entry, piece: Option<Buffer>) -> Option<RawFd> {
        let count = cqe.outcome().ok();
        if slot.effect.get() == Effect::Message {
            self.take_files(slot);
        }
        match (slot.effect.get(), count) {
            (Effect::Fill | Effect::Message | Effect::Drain | Effect::Pass | Effect::Lend, Some(count)) => {
                let mut buffer = slot.buffer.take()?;
                if slot.effect.get().fills_buffer() {
                    buffer.filled(count);
                } else {
                    buffer.consume(count as usize);
                }
                slot.buffer.set(Some(buffer));
            }
            (effect @ (Effect::Make | Effect::MakeBytes), Some(fd)) => {
                let made = slot.made.take()?;
                made.made(fd.cast_signed());
                if effect == Effect::MakeBytes || Self::listens_for_bytes(slot) {
                    made.is_of_bytes();
                }
                slot.made.set(Some(made));
            }
            (Effect::Pipe, Some(_)) => Self::made_pipe(slot),
            (Effect::Close, _) => {
                // Whatever the result is, the number is not this file's any more.
                // kernel: io_uring/openclose.c io_close (7.2): takes the number out of the table before it closes the
                // file, whose error it returns. EBADF: no file has the number.
                if let Some(file) = slot.file.take() {
                    file.closed();
                }
            }
            (Effect::Accept, Some(fd)) => {
                let Some(file) = self.files.reserve() else { return Some(fd.cast_signed()) };
                file.made(fd.cast_signed());
                if Self::listens_for_bytes(slot) {
                    file.is_of_bytes();
                }
                // Without a handle nobody wants the file, and it is closed with this value.
                if slot.held.get() {
                    file.push_to(&slot.backlog);
                }
            }
            // In another phase the completion is that of a poll, and has no piece.
            (Effect::Receive, Some(_)) if slot.held.get() => {
                if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
                    piece.push_to(&slot.backlog);
                }
            }
            (Effect::Datagrams, Some(_)) if slot.held.get() => {
                if let Some(piece) = piece.filter(|piece| !message::is_nothing(piece)) {
                    piece.push_to(&slot.backlog);
                }
            }
            _ => {}
        }
        None
    }

    /// Tells whether an operation accepts from a socket that is known to be one for a stream of bytes.
    fn listens_for_bytes(slot: &Slot) -> bool {
        let listener = slot.file.take();
        let bytes = listener.as_ref().is_some_and(File::has_bytes);
        slot.file.set(listener);
        bytes
    }

    /// Takes in the files that came with a message. One for which the table of files has no place is noted in the envelope,
    /// and the driver closes it.
    fn take_files(&'static self, slot: &Slot) {
        let mut places = Passed::new(&self.files, &slot.backlog);
        let take = |envelope: &mut Envelope| {
            let (_, _, control) = envelope.came();
            for fd in control.descriptors() {
                match places.next().or_else(|| self.files.reserve()) {
                    Some(file) => {
                        file.made(fd);
                        // Without a handle nobody wants the file, and it is closed with this value.
                        if slot.held.get() {
                            file.push_to(&slot.backlog);
                        }
                    }
                    None => envelope.note(fd),
                }
            }
        };
        // SAFETY: only `Slab::receive_message` makes operations with this effect, with `Parts::incoming`. The last completion
        // has come, since it is the only one.
        unsafe { slot.with_envelope(take) };
    }

    /// Drops the handles of the files that a message passes.
    pub(super) fn drop_passed(&'static self, slot: &Slot) {
        if slot.effect.get() != Effect::Pass {
            return;
        }
        // SAFETY: only `Slab::send_message` makes operations with this effect, with `Parts::outgoing`. The slot is to be free,
        // so that the kernel does not know the operation.
        while let Some(index) = unsafe { slot.with_envelope(Envelope::take_number) } {
            drop(u16::try_from(index).map(|index| self.files.handle(index)));
        }
    }

    /// Drops what a stream brought and nobody has taken, and files that came with a message.
    pub(super) fn drop_backlog(&'static self, slot: &Slot) {
        match slot.effect.get() {
            Effect::Accept | Effect::Message => {
                while let Some(file) = self.next_file(slot) {
                    drop(file);
                }
            }
            Effect::Receive | Effect::Datagrams => {
                while let Some(buffer) = self.next_buffer(slot) {
                    drop(buffer);
                }
            }
            _ => {}
        }
    }

    /// Puts the buffers of a vectored operation into its slot, in their order.
    pub(crate) fn put_vectors(&self, slot: &Slot, buffers: impl IntoIterator<Item = Buffer>) {
        for buffer in buffers {
            if buffer.is_provided() {
                buffer.push_to(&slot.backlog);
            } else {
                buffer.push_own_to(&slot.more);
            }
        }
    }

    /// Takes the next buffer of a vectored operation that has completed. The caller says of which kind it is.
    pub(crate) fn take_vector(&'static self, slot: &Slot, is_provided: bool) -> Buffer {
        let buffer = if is_provided { self.next_buffer(slot) } else { self.pool.pop_own(&slot.more) };
        // There is one, since the lists are as the handle has filled them.
        buffer.unwrap_or_else(|| Buffer::none(&self.pool))
    }

    /// Gives back the buffers of a vectored operation that its handle has not taken.
    pub(super) fn drop_vectors(&'static self, slot: &Slot) {
        while let Some(buffer) = self.pool.pop_own(&slot.more) {
            drop(buffer);
        }
        if slot.effect.get() == Effect::Vectored {
            while let Some(buffer) = self.next_buffer(slot) {
                drop(buffer);
            }
        }
    }

    /// Takes the next file that an accepting stream brought.
    pub(crate) fn next_file(&'static self, slot: &Slot) -> Option<File> {
        self.files.pop_from(&slot.backlog)
    }

    /// Takes the next message that a stream brought.
    pub(crate) fn next_datagram(&'static self, slot: &Slot) -> Option<Datagram> {
        self.next_buffer(slot).and_then(Datagram::new)
    }

    /// Takes the next buffer that a receiving stream brought.
    pub(crate) fn next_buffer(&'static self, slot: &Slot) -> Option<Buffer> {
        self.pool.pop_from(&slot.backlog)
    }
}
