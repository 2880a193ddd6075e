//! What a completion does to what its slot holds: one arm for each [`Effect`].
#![forbid(unsafe_code)]

use bare_uring::cqueue;
use bare_uring::types::RawFd;

use super::Slab;
use crate::buffer::Buffer;
use crate::file::File;
use crate::slot::{Effect, Slot};

impl Slab {
    /// Does to the slot's buffer, files and backlog what the completion tells. Gives back a file descriptor for which
    /// the table of files has no place.
    pub(super) fn take_effect(&'static self, slot: &Slot, cqe: &cqueue::Entry, piece: Option<Buffer>) -> Option<RawFd> {
        let count = cqe.outcome().ok();
        match (slot.effect.get(), count) {
            (Effect::Fill | Effect::Drain, Some(count)) => {
                let mut buffer = slot.buffer.take()?;
                if slot.effect.get() == Effect::Fill {
                    buffer.filled(count);
                } else {
                    buffer.consume(count as usize);
                }
                slot.buffer.set(Some(buffer));
            }
            (Effect::Make, Some(fd)) => {
                let made = slot.made.take()?;
                made.made(fd.cast_signed());
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
                // Without a handle nobody wants the file, and it is closed with this value.
                if slot.held.get() {
                    file.push_to(&slot.backlog);
                }
            }
            (Effect::Receive, Some(_)) if slot.held.get() => {
                if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
                    piece.push_to(&slot.backlog);
                }
            }
            _ => {}
        }
        None
    }

    /// Drops what a stream brought and nobody has taken.
    pub(super) fn drop_backlog(&'static self, slot: &Slot) {
        match slot.effect.get() {
            Effect::Accept => {
                while let Some(file) = self.next_file(slot) {
                    drop(file);
                }
            }
            Effect::Receive => {
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

    /// Takes the next buffer that a receiving stream brought.
    pub(crate) fn next_buffer(&'static self, slot: &Slot) -> Option<Buffer> {
        self.pool.pop_from(&slot.backlog)
    }
}
