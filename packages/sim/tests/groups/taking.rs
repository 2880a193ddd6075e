//! Taking completions, in the orders that the contract allows, and giving buffers back.

use bare_uring::register::buf_ring::Buffer;

use crate::counts::Seen;
use crate::owners::Live;
use crate::play::{Play, Told};

impl Play {
    pub fn take_some(&mut self) {
        for _ in 0..=self.random.below(3) {
            if self.told.is_empty() {
                return;
            }
            // With incremental use in the order in which they came, otherwise in any.
            let at = if self.incremental { 0 } else { self.random.below(self.told.len() as u32) as usize };
            let earlier = self.told.iter().take(at).any(|told| told.ours && told.cqe.buffer_id().is_some());
            if let Some(told) = self.told.remove(at) {
                if earlier && told.ours && told.cqe.buffer_id().is_some() {
                    self.counts.note(Seen::TakenEarly);
                }
                self.take(&told);
            }
        }
    }

    pub fn take_all(&mut self) {
        while let Some(told) = self.told.pop_front() {
            self.take(&told);
        }
    }

    fn take(&mut self, told: &Told) {
        let names = told.cqe.buffer_id().is_some();
        if !told.ours {
            // It may be of a group that is gone. If it is of this one after all, its buffer is lost.
            if names {
                self.may_lose |= self.group.is_some();
                self.counts.note(Seen::LeftAlone);
            }
            return;
        }
        // How many buffers of a plain group a bundle has filled, only its completion tells.
        let tells = self.incremental || !self.lies;
        // A datagram that was cut counts more than its one buffer: it is no bundle.
        let as_bundle = tells && (told.request.bundle || !told.request.cut && self.random.chance(1, 4));
        let most = if as_bundle && self.random.chance(1, 4) { self.random.below(2) as usize } else { usize::MAX };
        let Some(group) = &mut self.group else { return };
        let mut buffers: Vec<Buffer> = Vec::new();
        let half = if as_bundle {
            // SAFETY: the completion is of a request that took its buffer from this group, it is taken once, and with
            // incremental use in order.
            let mut bundle = unsafe { group.take_bundle(&told.cqe) };
            buffers.extend(bundle.by_ref().take(most));
            drop(bundle);
            if self.passes_over() {
                self.publish();
            }
            buffers.len() == most
        } else {
            // SAFETY: as above.
            buffers.extend(unsafe { group.take(&told.cqe) });
            false
        };
        if half && names {
            self.counts.note(Seen::HalfBundle);
        }
        if buffers.len() > 1 {
            self.counts.note(Seen::WholeBundle);
        }
        self.say(|| format!("takes {:?}: {buffers:?}", told.cqe));
        if !self.lies {
            self.compare(told, &buffers, half);
        }
        self.may_lose |= self.loses(told, &buffers);
        let (whole, epoch) = (self.whole(), self.epoch);
        for buffer in buffers {
            let live = Live::new(buffer, epoch);
            assert!(live.range().start >= whole.start && live.range().end <= whole.end, "beyond the buffers");
            self.live.push(live);
        }
    }

    /// What was lent is what the request wrote, and all of it.
    fn compare(&mut self, told: &Told, buffers: &[Buffer], half: bool) {
        let (names, request) = (told.cqe.buffer_id().is_some(), &told.request);
        let lent: Vec<u8> = buffers.iter().flat_map(|buffer| buffer.iter().copied()).collect();
        let Ok(count) = usize::try_from(told.cqe.result()) else {
            assert_eq!(lent, [], "an error lends nothing");
            let handed_out = names && self.errors_consume;
            assert!(half || handed_out != buffers.is_empty(), "{:?} of an error: {buffers:?}", told.cqe);
            if names {
                self.counts.note(if handed_out { Seen::TookNothing } else { Seen::NotHandedOut });
            }
            return;
        };
        if !names {
            assert!(buffers.is_empty() && count == 0, "{count} bytes without a buffer: {buffers:?}");
            return;
        }
        assert!(half || !buffers.is_empty(), "{:?} was not handed out", told.cqe);
        if count == 0 {
            self.counts.note(Seen::TookNothing);
        }
        if request.front != 0 {
            assert!(half || lent.len() == count, "a message of {count} bytes: {lent:?}");
            assert!(half || told.bytes.starts_with(&lent[request.front..]), "{lent:?} and not {:?}", told.bytes);
        } else if half || request.cut {
            // Of a datagram that was cut, more may be counted than was written.
            let most = if request.asked == 0 || !request.cut { lent.len() } else { request.asked as usize };
            let written = &lent[..lent.len().min(most)];
            assert!(told.bytes.starts_with(written), "{lent:?} and not {:?}", told.bytes);
            let all = count.min(self.size as usize);
            assert!(half || self.incremental || lent.len() == all, "{} bytes of {all}", lent.len());
        } else {
            // A datagram may be longer than what came of it.
            assert_eq!(lent, told.bytes[..count], "what was lent, and what was written");
        }
    }

    /// Whether a buffer may be missing after this, until it is reclaimed: see `BufRing::reclaim`.
    fn loses(&self, told: &Told, buffers: &[Buffer]) -> bool {
        let (names, result) = (told.cqe.buffer_id().is_some(), told.cqe.result());
        let lent: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let refused = names && result < 0 && !self.errors_consume;
        let used_for_nothing = self.incremental && names && result <= 0 && told.request.holds;
        let passed_over = self.incremental && told.request.cut && result as usize > lent;
        // Of what a bundle has picked to send, the completion tells as much as was sent.
        let not_sent = told.request.sends && told.request.bundle;
        self.lies || refused || used_for_nothing || passed_over || not_sent
    }

    /// Whether the kernel may pass over buffers, since the contract is broken: it must not meet some that are not published.
    pub fn passes_over(&self) -> bool {
        self.incremental && self.lies && !self.profile.groups.clamps_cut
    }

    pub fn some_live(&mut self) -> Option<usize> {
        let count = self.live.len() as u32;
        (count != 0).then(|| self.random.below(count) as usize)
    }

    pub fn recycle_some(&mut self) {
        for _ in 0..=self.random.below(3) {
            if let Some(at) = self.some_live() {
                self.recycle(at);
            }
        }
    }

    /// Gives a buffer back. One of a group that is gone is refused, and let go.
    pub fn recycle(&mut self, at: usize) {
        let Live { buffer, epoch, .. } = self.live.swap_remove(at);
        let passes_over = self.passes_over();
        let Some(group) = &mut self.group else { return };
        let outcome = group.recycle(buffer);
        if epoch == self.epoch {
            outcome.expect("a buffer of this group");
            if passes_over {
                group.publish();
            }
        } else {
            let old = outcome.expect_err("a buffer of a group that is gone");
            self.counts.note(Seen::OldRefused);
            drop(old);
        }
    }

    pub fn publish(&mut self) {
        if let Some(group) = &mut self.group {
            group.publish();
        }
    }
}
