//! What happens on the other side of the files, and to handles.

use super::tasks::{Running, Task};
use super::{Play, SIZE};
use crate::books::{Held, after, run};

impl Play {
    /// Acts on the other side of the files: sends and takes data, connects, closes ends.
    pub fn far_end(&mut self) {
        let which = self.random.below(self.far.len() as u32) as usize;
        let (far, next) = self.far[which];
        match self.random.below(9) {
            // Of a socket of datagrams, an empty one.
            8 => drop(self.kernel.write(far, &[])),
            0..4 => {
                let bytes = run(next, 1 + self.random.below(100) as usize);
                let taken = self.kernel.write(far, &bytes).unwrap_or(0);
                self.far[which].1 = bytes.get(taken).copied().unwrap_or_else(|| after(bytes[taken - 1]));
            }
            4 | 5 => drop(self.kernel.read(far, 64)),
            6 => self.far.extend(self.kernel.connect(self.listener).map(|far| (far, 0))),
            _ => {
                if self.random.chance(1, 8) && self.far.len() > 1 {
                    self.kernel.close_file(far);
                    // The number may be a new connection's next.
                    self.far.swap_remove(which);
                }
            }
        }
    }

    pub fn drop_some(&mut self) {
        match self.random.below(3) {
            0 if self.files.len() > 2 => {
                let which = self.random.below(self.files.len() as u32) as usize;
                drop(self.files.swap_remove(which));
            }
            _ => {
                if let Some(task) = self.take_task() {
                    task.drop_handle();
                }
            }
        }
        self.tally.count("something was dropped");
    }

    pub fn forget_some(&mut self) {
        if !self.random.chance(1, 3) {
            return;
        }
        self.tally.count("something was forgotten");
        match self.random.below(4) {
            0 if !self.files.is_empty() => {
                std::mem::forget(self.files[0].clone());
                self.lost.files = true;
            }
            1 if !self.held.is_empty() => {
                let held = self.held.swap_remove(0);
                self.lost.buffers += usize::from(held.buffer.capacity() == SIZE);
                std::mem::forget(held.buffer);
            }
            _ => {
                let Some(Task { running, .. }) = self.take_task() else { return };
                if let Running::Waits(..) = running {
                    std::mem::forget(running);
                    return;
                }
                self.lost.slots += 1;
                self.lost.files = true;
                match &running {
                    // An operation with a provided buffer, or one that found no slot, loses less.
                    Running::Moved(..) | Running::Received(..) | Running::Whole(..) => self.lost.any = true,
                    Running::Vectored(..) => self.lost.buffers += 2,
                    Running::Linked(..) => {
                        self.lost.slots += 1;
                        self.lost.any = true;
                    }
                    Running::Accepts(_) | Running::Pieces(..) | Running::Datagrams(_) => self.lost.any = true,
                    _ => {}
                }
                std::mem::forget(running);
            }
        }
    }

    pub fn cancel_some(&mut self) {
        if let Some(mut task) = self.take_task() {
            match self.random.below(4) {
                0 => task.running.pause(true),
                1 => task.running.pause(false),
                _ => {
                    task.running.cancel();
                    task.asked |= !task.waits_for_room();
                }
            }
            self.tasks.push(task);
        }
    }

    pub fn hold_or_let_go(&mut self) {
        if self.random.chance(1, 2) {
            if let Some(buffer) = self.slab.buffer() {
                self.held.push(Held::new(buffer, self.random.below(251) as u8));
            }
        } else if !self.held.is_empty() {
            drop(self.held.swap_remove(0));
        }
    }
}
