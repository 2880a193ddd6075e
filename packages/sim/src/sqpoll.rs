//! The kernel-side SQPOLL thread: it consumes entries, and falls asleep.

use bare_uring::{SetupFlags, SqFlags};

use crate::coverage::Mark;
use crate::profile::Overflow;
use crate::world::World;

impl World {
    /// Returns whether the thread is awake and has entries to consume.
    pub(crate) fn thread_has_work(&mut self, ring: u32) -> bool {
        let kept_busy = self.profile.overflow == Overflow::ListBusy;
        let Self { rings, faults, .. } = self;
        let Some(ring) = rings.get_mut(&ring) else { return false };
        let awake = ring.thread.is_some_and(|thread| !thread.asleep);
        let held = ring.disabled || kept_busy && !ring.overflow.is_empty();
        awake && !ring.detached && !held && ring.visible(faults) != 0
    }

    /// Runs one round of the thread, which consumes some of the visible entries, or falls asleep.
    // kernel: io_uring/sqpoll.c io_sq_thread (7.2): after it has set NEED_WAKEUP the thread looks at the tail once
    // more, because the user may have moved the tail meanwhile.
    pub(crate) fn thread_step(&mut self, id: u32) {
        if self.thread_has_work(id) {
            let visible = self.rings.get_mut(&id).map_or(0, |ring| ring.visible(&mut self.faults));
            // A part of the entries could end within a 128-byte entry.
            let mixed = self.rings.get(&id).is_some_and(|ring| ring.is(SetupFlags::SQE_MIXED));
            let count = if mixed { visible } else { 1 + self.random.below(visible) };
            if count < visible {
                self.coverage.mark(Mark::ThreadTookPart);
            }
            let _ = self.submit(id, count);
            return;
        }
        let sleepy = self.chaos.sleepy.happens(&mut self.random);
        let Some(ring) = self.rings.get_mut(&id) else { return };
        if let Some(thread) = &mut ring.thread
            && sleepy
            && !thread.asleep
        {
            thread.asleep = true;
            ring.coverage.mark(Mark::ThreadSlept);
            ring.set_flag(SqFlags::NEED_WAKEUP, true);
            std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
            if ring.visible(&mut self.faults) != 0 && !ring.disabled {
                ring.coverage.mark(Mark::ThreadLookedAgain);
                self.wake_thread(id);
            }
        }
    }

    /// Marks a thread that sleeps while entries are visible.
    pub(crate) fn mark_sleep(&mut self, id: u32) {
        let Some(ring) = self.rings.get_mut(&id) else { return };
        let asleep = ring.thread.is_some_and(|thread| thread.asleep);
        if asleep && !ring.detached && ring.visible(&mut self.faults) != 0 {
            ring.coverage.mark(Mark::ThreadSleptOver);
        }
    }

    /// Wakes the thread.
    pub(crate) fn wake_thread(&mut self, id: u32) {
        let Some(ring) = self.rings.get_mut(&id) else { return };
        if let Some(thread) = &mut ring.thread {
            thread.asleep = false;
            ring.set_flag(SqFlags::NEED_WAKEUP, false);
        }
    }
}
