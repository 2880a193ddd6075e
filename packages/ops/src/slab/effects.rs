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

    /// Takes the next file that an accepting stream brought.
    pub(crate) fn next_file(&'static self, slot: &Slot) -> Option<File> {
        self.files.pop_from(&slot.backlog)
    }

    /// Takes the next buffer that a receiving stream brought.
    pub(crate) fn next_buffer(&'static self, slot: &Slot) -> Option<Buffer> {
        self.pool.pop_from(&slot.backlog)
    }
}
