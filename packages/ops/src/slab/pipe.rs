//! What the completion of a pipe does.

use super::Slab;
use crate::slot::Slot;

impl Slab {
    /// Notes the two descriptors of a pipe that was made. To be called for the completion of an [`Effect::Pipe`].
    ///
    /// [`Effect::Pipe`]: crate::slot::Effect::Pipe
    pub(super) fn made_pipe(slot: &Slot) {
        // SAFETY: only `Slab::pipe` makes operations with this effect, with `Argument::ends`, and this is the
        // completion.
        let [reader, writer] = unsafe { slot.ends() };
        for (place, fd) in [(&slot.made, reader), (&slot.other, writer)] {
            let file = place.take();
            if let Some(file) = &file {
                file.made(fd);
            }
            place.set(file);
        }
    }
}
