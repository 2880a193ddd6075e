//! Deadlines of operations: points of time by one of the kernel's clocks.
//!
//! Each clock has one timeout of the kernel, for the earliest of its deadlines. When it has ended, what is late is known
//! without a look at a clock. An operation that ends in time leaves that timeout running; it is harmless, and its end looks
//! for the next deadline. So operations whose deadlines follow each other need one timeout in all that time.
#![forbid(unsafe_code)]

use core::cell::Cell;

use bare_uring::types::{TimeoutFlags, Timespec};

use crate::list::Link;
use crate::timers::{CLASSES, Timed, Timer};

/// A clock of the kernel.
// Zero is left for no clock, because a new storage is all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// `CLOCK_MONOTONIC`: time since the machine was started, without the time that it slept.
    Monotonic = 1,
    /// `CLOCK_BOOTTIME`: time since the machine was started. Since 5.15.
    Boottime,
    /// `CLOCK_REALTIME`: time since 1970 began, which may be set. Since 5.15.
    Realtime,
}

impl Clock {
    const ALL: [Self; 3] = [Self::Monotonic, Self::Boottime, Self::Realtime];

    /// Returns the clock's place in [`Self::ALL`].
    const fn number(self) -> usize {
        (self as usize).saturating_sub(1)
    }

    /// Returns the flags of a timeout that ends at a point of time of this clock.
    pub(crate) fn flags(self) -> TimeoutFlags {
        match self {
            Self::Monotonic => TimeoutFlags::ABS,
            Self::Boottime => TimeoutFlags::ABS | TimeoutFlags::BOOTTIME,
            Self::Realtime => TimeoutFlags::ABS | TimeoutFlags::REALTIME,
        }
    }

    /// Returns the clock of a class of limits. The classes of spans come before.
    fn of(class: u8) -> Option<usize> {
        usize::from(class).checked_sub(CLASSES).filter(|&number| number < Self::ALL.len())
    }
}

/// An item that can have a deadline.
pub(crate) trait Due: Timed {
    fn deadline(&self) -> Timespec;
}

/// The nanoseconds of a point of time.
fn nanoseconds(at: Timespec) -> i128 {
    i128::from(at.seconds()) * 1_000_000_000 + i128::from(at.nanoseconds())
}

/// The deadlines by one clock.
struct Line {
    first: Link,
    /// The kernel has a timeout for `at`, or the driver is to make it.
    armed: Cell<bool>,
    /// When the newest timeout ends. The kernel reads it when it takes the request up, perhaps in a thread of its own
    /// (SQPOLL); a request before the newest may so get the newest's time, and its end means nothing.
    at: Cell<Timespec>,
    /// Which timeout is the newest.
    generation: Cell<u32>,
}

impl Line {
    const fn new() -> Self {
        Self { first: Cell::new(0), armed: Cell::new(false), at: Cell::new(Timespec::ZERO), generation: Cell::new(0) }
    }
}

/// A timeout that the driver is to make.
pub(crate) struct Wanted<'a> {
    pub(crate) clock: Clock,
    pub(crate) at: &'a Cell<Timespec>,
    /// The class of limits, and which timeout of that class this is.
    pub(crate) class: u16,
    pub(crate) generation: u32,
}

/// The deadlines that run.
pub(crate) struct Deadlines {
    lines: [Line; Clock::ALL.len()],
    /// One bit for each clock whose timeout the driver is to make.
    silent: Cell<u8>,
}

impl Deadlines {
    pub(crate) const fn new() -> Self {
        Self { lines: [const { Line::new() }; Clock::ALL.len()], silent: Cell::new(0) }
    }

    /// Notes that the ring is a new one, which has no timeouts. No operation is in flight then.
    pub(crate) fn reset(&self) {
        self.silent.set(0);
        self.lines.iter().for_each(|line| line.armed.set(false));
    }

    /// Has a timeout made for this point of time, if none ends before.
    fn arm(&self, number: usize, line: &Line, at: Timespec) {
        if !line.armed.get() || nanoseconds(at) < nanoseconds(line.at.get()) {
            line.armed.set(true);
            line.at.set(at);
            line.generation.set(line.generation.get().wrapping_add(1));
            self.silent.set(self.silent.get() | 1 << number);
        }
    }

    /// Starts the deadline of an item, which has no limit yet.
    pub(crate) fn start<T: Due>(&self, items: &[T], index: u16, clock: Clock) {
        let number = clock.number();
        let (Some(line), Some(item)) = (self.lines.get(number), items.get(usize::from(index))) else { return };
        // The sum is below 64.
        Timer::join(&line.first, items, index, (CLASSES + number) as u8);
        self.arm(number, line, item.deadline());
    }

    /// Ends the deadline of an item, if one runs.
    #[inline]
    pub(crate) fn stop<T: Due>(&self, items: &[T], item: &T) {
        let timer = item.timer();
        if let Some(line) = timer.class().and_then(Clock::of).and_then(|number| self.lines.get(number)) {
            timer.leave(&line.first, items);
        }
    }

    /// Tells whether a clock wants its timeout.
    pub(crate) fn is_any_silent(&self) -> bool {
        self.silent.get() != 0
    }

    /// Takes a timeout that the driver makes now. `None`: no clock wants one, or all its deadlines have ended.
    pub(crate) fn next_silent(&self) -> Option<Wanted<'_>> {
        for ((number, line), clock) in self.lines.iter().enumerate().zip(Clock::ALL) {
            let bit = 1 << number;
            if self.silent.get() & bit == 0 {
                continue;
            }
            self.silent.set(self.silent.get() & !bit);
            if line.first.get() != 0 {
                // The sum is below 64.
                let class = (CLASSES + number) as u16;
                return Some(Wanted { clock, at: &line.at, class, generation: line.generation.get() });
            }
            line.armed.set(false);
        }
        None
    }

    /// Notes that a timeout has ended; `whole`: because its time has come. Calls `late` with each item whose deadline has
    /// passed, and ends that deadline.
    pub(crate) fn passed<T: Due>(
        &self,
        items: &[T],
        (class, generation): (u16, u32),
        whole: bool,
        mut late: impl FnMut(u16, &T),
    ) {
        let Some(number) = u8::try_from(class).ok().and_then(Clock::of) else { return };
        let Some(line) = self.lines.get(number) else { return };
        let bit = 1 << number;
        if !line.armed.get() || line.generation.get() != generation || self.silent.get() & bit != 0 {
            return;
        }
        line.armed.set(false);
        let now = nanoseconds(line.at.get());
        let (mut link, mut earliest) = (line.first.get(), None);
        while let Some(index) = link.checked_sub(1)
            && let Some(item) = items.get(usize::from(index))
        {
            link = item.timer().next();
            let deadline = item.deadline();
            if whole && nanoseconds(deadline) <= now {
                self.stop(items, item);
                late(index, item);
            } else if earliest.is_none_or(|earliest| nanoseconds(deadline) < nanoseconds(earliest)) {
                earliest = Some(deadline);
            }
        }
        if let Some(earliest) = earliest {
            self.arm(number, line, earliest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use bare_uring::types::Timespec;

    use super::{Clock, Deadlines, Due, Timed, Timer};

    struct Item(Timer, Timespec);

    impl Timed for Item {
        fn timer(&self) -> &Timer {
            &self.0
        }
    }

    impl Due for Item {
        fn deadline(&self) -> Timespec {
            self.1
        }
    }

    fn items<const N: usize>(seconds: [i64; N]) -> [Item; N] {
        seconds.map(|seconds| Item(Timer::new(), Timespec::new(seconds, 0)))
    }

    /// Takes the timeout that is to be made.
    fn wanted(deadlines: &Deadlines) -> Option<(Clock, i64, (u16, u32))> {
        let wanted = deadlines.next_silent()?;
        Some((wanted.clock, wanted.at.get().seconds(), (wanted.class, wanted.generation)))
    }

    fn pass(deadlines: &Deadlines, items: &[Item], timeout: (u16, u32)) -> Vec<u16> {
        let mut late = Vec::new();
        deadlines.passed(items, timeout, true, |index, _| late.push(index));
        late.sort_unstable();
        late
    }

    #[test]
    fn deadlines_that_follow_each_other_need_one_timeout() {
        let (deadlines, items) = (Deadlines::new(), items([10, 11, 12]));
        for (index, item) in (0..).zip(&items) {
            deadlines.start(&items, index, Clock::Monotonic);
            if index == 0 {
                assert!(matches!(wanted(&deadlines), Some((Clock::Monotonic, 10, _))));
            }
            assert!(!deadlines.is_any_silent());
            if index < 2 {
                deadlines.stop(&items, item);
            }
        }
        // The first one's timeout ends. It looks for the next deadline.
        assert_eq!(pass(&deadlines, &items, (44, 1)), []);
        let next = wanted(&deadlines).expect("a timeout");
        assert_eq!((next.0, next.1), (Clock::Monotonic, 12));
        assert_eq!(pass(&deadlines, &items, next.2), [2]);
        assert!(wanted(&deadlines).is_none());
    }

    #[test]
    fn an_earlier_deadline_gets_a_timeout_and_the_one_before_means_nothing() {
        let (deadlines, items) = (Deadlines::new(), items([30, 20, 25, 20]));
        deadlines.start(&items, 0, Clock::Realtime);
        let first = wanted(&deadlines).expect("a timeout");
        (1..4).for_each(|index| deadlines.start(&items, index, Clock::Realtime));
        // One that is not made yet has not ended, whatever a kernel says.
        assert_eq!(pass(&deadlines, &items, (46, 2)), []);
        let second = wanted(&deadlines).expect("a timeout");
        assert_eq!((first.1, second.1, wanted(&deadlines)), (30, 20, None));
        assert_eq!(pass(&deadlines, &items, first.2), []);
        assert_eq!(pass(&deadlines, &items, second.2), [1, 3]);
        assert_eq!(pass(&deadlines, &items, second.2), []);
        let third = wanted(&deadlines).expect("a timeout");
        assert_eq!((third.1, pass(&deadlines, &items, third.2)), (25, Vec::from([2])));
        let fourth = wanted(&deadlines).expect("a timeout");
        // One that ends for another reason is made again.
        deadlines.passed(&items, fourth.2, false, |_, _| panic!("it is not late"));
        let again = wanted(&deadlines).expect("a timeout");
        assert_eq!((fourth.1, again.1, pass(&deadlines, &items, again.2)), (30, 30, Vec::from([0])));
    }

    #[test]
    fn each_clock_has_its_own_timeout() {
        let (deadlines, items) = (Deadlines::new(), items([3, 2, 1]));
        for (index, clock) in (0..).zip(Clock::ALL) {
            deadlines.start(&items, index, clock);
        }
        let all: Vec<_> = core::iter::from_fn(|| wanted(&deadlines)).collect();
        assert_eq!(
            all.iter().map(|one| (one.0, one.1)).collect::<Vec<_>>(),
            [(Clock::Monotonic, 3), (Clock::Boottime, 2), (Clock::Realtime, 1)]
        );
        for (index, one) in (0..).zip(all) {
            assert_eq!(pass(&deadlines, &items, one.2), [index]);
        }
        // A timeout that nobody needs any more is not made, and a new ring begins with none.
        deadlines.start(&items, 0, Clock::Boottime);
        deadlines.stop(&items, &items[0]);
        assert_eq!((deadlines.is_any_silent(), wanted(&deadlines)), (true, None));
        deadlines.start(&items, 0, Clock::Boottime);
        let made = wanted(&deadlines).expect("a timeout");
        deadlines.stop(&items, &items[0]);
        deadlines.reset();
        deadlines.start(&items, 0, Clock::Boottime);
        assert!(wanted(&deadlines).is_some_and(|again| again.2 != made.2));
    }
}
