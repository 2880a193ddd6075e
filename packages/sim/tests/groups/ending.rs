//! The end of a seed: all buffers come back, and nothing stays behind.

use bare_uring::Builder;
use bare_uring_sim::{Coverage, Leaks, Profile, SimKernel};

use crate::counts::Seen;
use crate::play::{Play, Ring};
use crate::requests::GROUP;

impl Play {
    /// Ends the seed: all buffers come back, and nothing stays behind.
    pub fn end(mut self) -> Vec<u64> {
        if self.group.is_none() {
            self.register();
        }
        self.drain();
        self.take_all();
        while !self.live.is_empty() {
            self.recycle(self.live.len() - 1);
        }
        self.publish();
        self.check();
        self.all_are_there();
        let coverage = self.drop_all();
        self.counts.with(&coverage)
    }

    /// Checks that all buffers are in the ring, after lost ones were reclaimed.
    fn all_are_there(&mut self) {
        let there = |play: &Self| play.kernel.provided(play.number, GROUP).map(|pieces| pieces.len());
        let counts_heads = self.profile.registers(26);
        if there(self) == Some(self.count) {
            if !self.reclaimed {
                self.counts.note(Seen::AllThere);
            }
        } else {
            assert!(self.may_lose, "{:?} of {} buffers are there", there(self), self.count);
            if !counts_heads {
                return;
            }
            self.counts.note(Seen::ReclaimNeeded);
        }
        if counts_heads {
            let group = self.group.as_mut().expect("registered");
            let left = self.count - there_of(&self.kernel, self.number);
            // SAFETY: no request is in flight, and all completions were taken.
            let reclaimed = unsafe { group.reclaim(&self.ring.submitter()) };
            assert_eq!(reclaimed, Ok(left as u16));
            group.publish();
            assert_eq!(group.available(&self.ring.submitter()), Ok(self.count as u16));
        }
        self.check();
        assert_eq!(there(self), Some(self.count));
    }

    /// Drops the ring and the group in any order. Returns what the kernel did.
    fn drop_all(&mut self) -> Coverage {
        let kernel = self.kernel.clone();
        let group = self.group.take().expect("registered");
        let ring = std::mem::replace(&mut self.ring, spare());
        match self.random.below(3) {
            0 => drop((group, ring)),
            1 => {
                if self.mapped {
                    self.counts.note(Seen::DroppedRingFirst);
                }
                drop(ring);
                drop(group);
            }
            _ => {
                group.unregister(&ring.submitter()).map_err(|(_, errno)| errno).expect("it was registered");
                drop(ring);
            }
        }
        assert_eq!((kernel.faults(), kernel.leaks()), (Vec::new(), Leaks::default()));
        // SAFETY: the group and the ring are gone, no buffer is out, and the kernel has nothing in flight.
        unsafe { std::mem::take(&mut self.arena).free() };
        kernel.coverage()
    }
}

/// Returns how many buffers are in the ring.
fn there_of(kernel: &SimKernel, ring: u32) -> usize {
    kernel.provided(ring, GROUP).map_or(0, |pieces| pieces.len())
}

/// Makes a ring to leave in another one's place.
fn spare() -> Ring {
    Builder::new().build_with(SimKernel::new(Profile::linux(6, 1), 0), 1).expect("a sound kernel")
}
