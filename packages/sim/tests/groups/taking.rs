//! Takes the buffers of completions, in the orders that the contract allows, and gives buffers back.

use bare_uring::register::buf_ring::Buffer;

use crate::counts::Seen;
use crate::owners::Live;
use crate::play::{Play, Told};

impl Play {
    /// Takes up to three completions.
    pub fn take_some(&mut self) {
        for _ in 0..=self.random.below(3) {
            if self.told.is_empty() {
                return;
            }
            // Incremental buffers must be taken in the order in which their completions came; others in any order.
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

    /// Takes all completions.
    pub fn take_all(&mut self) {
        while let Some(told) = self.told.pop_front() {
            self.take(&told);
        }
    }

    /// Takes the buffers of a completion.
    fn take(&mut self, told: &Told) {
        let names = told.cqe.buffer_id().is_some();
        if !told.ours {
            // The buffer may be of a group that is gone. If it is of the present one after all, it is lost.
            if names {
                self.may_lose |= self.group.is_some();
                self.counts.note(Seen::LeftAlone);
            }
            return;
        }
        // Only the completion tells how many buffers of a plain group a bundle has filled.
        let tells = self.incremental || !self.lies;
        // A datagram that was cut counts more bytes than its one buffer has, but is no bundle.
        let as_bundle = tells && (told.request.bundle || !told.request.cut && self.random.chance(1, 4));
        let most = if as_bundle && self.random.chance(1, 4) { self.random.below(2) as usize } else { usize::MAX };
        let Some(group) = &mut self.group else { return };
        let mut buffers: Vec<Buffer> = Vec::new();
        let half = if as_bundle {
            // SAFETY: the completion is of a request that took its buffer from this group. It is taken once, and in
            // order if the group is incremental.
            let mut bundle = unsafe { group.take_bundle(&told.cqe) };
            buffers.extend(bundle.by_ref().take(most));
            drop(bundle);
            if self.passes_over() {
                self.publish();
            }
            buffers.len() == most
        } else {
            // SAFETY: the completion is of this group, taken once, and in order if the group is incremental.
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

    /// Checks that what was lent is what the request wrote, and all of it.
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
            // The result of a datagram that was cut may count more bytes than were written.
            let most = if request.asked == 0 || !request.cut { lent.len() } else { request.asked as usize };
            let written = &lent[..lent.len().min(most)];
            assert!(told.bytes.starts_with(written), "{lent:?} and not {:?}", told.bytes);
            let all = count.min(self.size as usize);
            assert!(half || self.incremental || lent.len() == all, "{} bytes of {all}", lent.len());
        } else {
            // A datagram may be longer than the part that was received.
            assert_eq!(lent, told.bytes[..count], "what was lent, and what was written");
        }
    }

    /// Returns whether a buffer may be missing after this, until it is reclaimed: see `BufRing::reclaim`.
    fn loses(&self, told: &Told, buffers: &[Buffer]) -> bool {
        let (names, result) = (told.cqe.buffer_id().is_some(), told.cqe.result());
        let lent: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let refused = names && result < 0 && !self.errors_consume;
        let used_for_nothing = self.incremental && names && result <= 0 && told.request.holds;
        let passed_over = self.incremental && told.request.cut && result as usize > lent;
        // A bundle may have picked more to send than its completion counts.
        let not_sent = told.request.sends && told.request.bundle;
        self.lies || refused || used_for_nothing || passed_over || not_sent
    }

    /// Returns whether the kernel may pass over buffers, because the contract is broken. All buffers must then be
    /// published.
    pub fn passes_over(&self) -> bool {
        self.incremental && self.lies && !self.profile.groups.clamps_cut
    }

    /// Picks a buffer that is out.
    pub fn some_live(&mut self) -> Option<usize> {
        let count = self.live.len() as u32;
        (count != 0).then(|| self.random.below(count) as usize)
    }

    /// Gives up to three buffers back.
    pub fn recycle_some(&mut self) {
        for _ in 0..=self.random.below(3) {
            if let Some(at) = self.some_live() {
                self.recycle(at);
            }
        }
    }

    /// Gives a buffer back. A buffer of a group that is gone is refused, and dropped.
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

    /// Publishes the buffers that were given back.
    pub fn publish(&mut self) {
        if let Some(group) = &mut self.group {
            group.publish();
        }
    }
}
