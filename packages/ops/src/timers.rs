//! Time limits of operations, measured by ticks of the kernel. A limit costs no request and no look at a clock.
//!
//! Each limit belongs to a class of spans, and each class has one tick, a sixteenth of its spans or less. While a class
//! has limits, one timeout of the kernel runs for it, and is made again when it has ended. So the time is known by counting
//! ticks: an operation whose limit is `n` ticks is late at the `n`th tick after its start. (A tick that runs already does
//! not count, because nobody knows how much of it is left. So a limit never ends too early.)
//!
//! A hundred thousand operations in a row, each within 5 seconds, so need four timeouts a second, and nothing else. With
//! a clock, each would need a look at it. Without a C library that is a system call. A timeout linked to each operation
//! is exact, and doubles the number of requests and completions.
#![forbid(unsafe_code)]

use core::cell::Cell;

use bare_uring::types::Timespec;

use crate::list::Link;

/// The shortest tick is 2 to this power of nanoseconds, 65 us.
const SHORTEST: u32 = 16;

/// A limit has at least 2 to this power of ticks (where the tick is not the shortest), and fewer than twice as many.
const FINE: u32 = 4;

/// One class for each power of two of 64 bits of nanoseconds, as far as its ticks are longer than the shortest.
pub(crate) const CLASSES: usize = (u64::BITS - FINE - SHORTEST) as usize;

/// The ticks of all classes, which the kernel reads.
static TICKS: [Timespec; CLASSES] = {
    let mut ticks = [Timespec::ZERO; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        let nanoseconds = 1_u64 << (SHORTEST as usize + class);
        ticks[class] = Timespec::new((nanoseconds / 1_000_000_000) as i64, (nanoseconds % 1_000_000_000) as u32);
        class += 1;
    }
    ticks
};

/// Returns the tick of a class, in static memory.
pub(crate) fn tick_of(class: u16) -> &'static Timespec {
    TICKS.get(usize::from(class)).unwrap_or(&TICKS[CLASSES - 1])
}

/// The part of a slot that its time limit needs.
pub(crate) struct Timer {
    /// The class plus one in whose list the item is; 0: in none.
    class: Cell<u8>,
    /// A limit runs that is counted by ticks. An item whose limit has ended stays in its list until the next tick, and
    /// most often has another limit of the same class before.
    runs: Cell<bool>,
    /// The class of the limit that the item is to have, and the number of its ticks.
    wanted: Cell<(u8, u8)>,
    /// The number of the class's tick at which the operation is late.
    due: Cell<u32>,
    next: Link,
    before: Link,
}

impl Timer {
    pub(crate) const fn new() -> Self {
        Self {
            class: Cell::new(0),
            runs: Cell::new(false),
            wanted: Cell::new((0, 0)),
            due: Cell::new(0),
            next: Cell::new(0),
            before: Cell::new(0),
        }
    }
}

/// An item that can have a time limit.
pub(crate) trait Timed {
    fn timer(&self) -> &Timer;
}

fn at<T: Timed>(items: &[T], link: u16) -> Option<&Timer> {
    items.get(usize::from(link.checked_sub(1)?)).map(Timed::timer)
}

impl Timer {
    /// Returns the link to the next item with a limit of the same class.
    pub(crate) fn next(&self) -> u16 {
        self.next.get()
    }

    /// Returns the class in whose list the item is.
    pub(crate) fn class(&self) -> Option<u8> {
        self.class.get().checked_sub(1)
    }

    /// Puts an item at the front of the list of its class.
    pub(crate) fn join<T: Timed>(first: &Link, items: &[T], index: u16, class: u8) {
        let Some(item) = items.get(usize::from(index)) else { return };
        let (timer, link) = (item.timer(), index.saturating_add(1));
        timer.class.set(class.saturating_add(1));
        timer.before.set(0);
        timer.next.set(first.replace(link));
        if let Some(other) = at(items, timer.next.get()) {
            other.before.set(link);
        }
    }

    /// Takes the item out of the list of its class.
    pub(crate) fn leave<T: Timed>(&self, first: &Link, items: &[T]) {
        self.class.set(0);
        let (before, next) = (self.before.get(), self.next.get());
        at(items, before).map_or(first, |other| &other.next).set(next);
        if let Some(other) = at(items, next) {
            other.before.set(before);
        }
    }
}

/// The limits of one class.
struct Class {
    first: Link,
    /// How many ticks were counted. Only differences mean something.
    now: Cell<u32>,
    /// The kernel has the class's timeout.
    ticks: Cell<bool>,
}

/// The limits that run.
pub(crate) struct Timers {
    classes: [Class; CLASSES],
    /// The span that was asked for last, with its class and ticks. Most programs have one or two.
    last: Cell<(Timespec, (usize, u32))>,
    /// One bit for each class whose timeout the driver is to make.
    silent: Cell<u64>,
}

/// Returns the class of a span, and the number of its ticks, rounded up and one at least.
#[inline(never)]
fn class_of(span: Timespec) -> (usize, u32) {
    let [seconds, nanoseconds] = [span.seconds(), span.nanoseconds()].map(|part| u64::try_from(part).unwrap_or(0));
    let nanoseconds = seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
    let power = nanoseconds.max(1).ilog2().saturating_sub(FINE).max(SHORTEST);
    // Shifts, because a division takes longer than all the rest. There are fewer than 32 whole ticks, so that this fits.
    let rest = nanoseconds & ((1 << power) - 1);
    let ticks = (nanoseconds >> power) as u32 + u32::from(rest != 0);
    ((power - SHORTEST) as usize, ticks.max(1))
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self {
            classes: [const { Class { first: Cell::new(0), now: Cell::new(0), ticks: Cell::new(false) } }; CLASSES],
            last: Cell::new((Timespec::ZERO, (0, 1))),
            silent: Cell::new(0),
        }
    }

    /// Returns the class of a span, and the number of its ticks.
    #[inline]
    fn class_of(&self, span: Timespec) -> (usize, u32) {
        let (last, found) = self.last.get();
        if last == span {
            return found;
        }
        let found = class_of(span);
        self.last.set((span, found));
        found
    }

    /// Notes that the ring is a new one, which has no timeouts. No operation is in flight then.
    pub(crate) fn reset<T: Timed>(&self, items: &[T]) {
        self.silent.set(0);
        self.classes.iter().for_each(|class| class.ticks.set(false));
        items.iter().for_each(|item| self.leave(items, item.timer()));
    }

    fn ask(&self, class: usize) {
        self.silent.set(self.silent.get() | 1 << class);
    }

    /// Notes the limit that an item is to have.
    pub(crate) fn want(&self, timer: &Timer, span: Timespec) {
        let (class, ticks) = self.class_of(span);
        // Both are below 64.
        timer.wanted.set((class as u8, ticks as u8));
    }

    /// Starts the limit of an item that [`want`](Self::want) has noted. The item has no other.
    pub(crate) fn start<T: Timed>(&self, items: &[T], index: u16, item: &T) {
        let timer = item.timer();
        let (number, ticks) = timer.wanted.get();
        let Some(class) = self.classes.get(usize::from(number)) else { return };
        let running = u32::from(class.ticks.get());
        timer.runs.set(true);
        timer.due.set(class.now.get().wrapping_add(u32::from(ticks) + running));
        if timer.class() != Some(number) {
            self.leave(items, timer);
            Timer::join(&class.first, items, index, number);
        }
        if running == 0 {
            self.ask(usize::from(number));
        }
    }

    /// Ends the limit of an item, if one runs.
    #[inline]
    pub(crate) fn stop(timer: &Timer) {
        timer.runs.set(false);
    }

    /// Takes an item whose limit has ended out of its list, if it is in one.
    pub(crate) fn leave<T: Timed>(&self, items: &[T], timer: &Timer) {
        if let Some(class) = timer.class().and_then(|number| self.classes.get(usize::from(number))) {
            timer.leave(&class.first, items);
        }
    }

    /// Tells whether a class wants its timeout.
    pub(crate) fn is_any_silent(&self) -> bool {
        self.silent.get() != 0
    }

    /// Takes the number of a class whose timeout the driver makes now. One whose limits have all ended needs none.
    pub(crate) fn next_silent(&self) -> Option<u16> {
        while self.silent.get() != 0 {
            let number = self.silent.get().trailing_zeros();
            self.silent.set(self.silent.get() & (self.silent.get() - 1));
            let Some(class) = self.classes.get(number as usize) else { continue };
            if class.first.get() != 0 {
                class.ticks.set(true);
                // The number is below 64.
                return Some(number as u16);
            }
        }
        None
    }

    /// Notes that a class's timeout has ended; `whole`: because its time was over. Calls `late` with each item whose limit
    /// has passed, and ends that limit.
    pub(crate) fn tick<T: Timed>(&self, items: &[T], number: u16, whole: bool, mut late: impl FnMut(u16, &T)) {
        let Some(class) = self.classes.get(usize::from(number)) else { return };
        if !class.ticks.replace(false) {
            return;
        }
        let now = class.now.get().wrapping_add(u32::from(whole));
        class.now.set(now);
        let mut link = class.first.get();
        while let Some(index) = link.checked_sub(1)
            && let Some(item) = items.get(usize::from(index))
        {
            let timer = item.timer();
            link = timer.next.get();
            let is_late = now.wrapping_sub(timer.due.get()).cast_signed() >= 0;
            if is_late || !timer.runs.get() {
                timer.leave(&class.first, items);
            }
            if is_late && timer.runs.replace(false) {
                late(index, item);
            }
        }
        if class.first.get() != 0 {
            self.ask(usize::from(number));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use bare_uring::types::Timespec;

    use super::{CLASSES, Timed, Timer, Timers, class_of, tick_of};

    impl Timed for Timer {
        fn timer(&self) -> &Timer {
            self
        }
    }

    fn span(nanoseconds: u64) -> Timespec {
        Timespec::new((nanoseconds / 1_000_000_000) as i64, (nanoseconds % 1_000_000_000) as u32)
    }

    fn start(timers: &Timers, items: &[Timer], index: u16, span: Timespec) {
        let item = &items[usize::from(index)];
        timers.want(item, span);
        timers.start(items, index, item);
    }

    fn nanoseconds(span: &Timespec) -> u128 {
        u128::try_from(span.seconds()).unwrap() * 1_000_000_000 + u128::try_from(span.nanoseconds()).unwrap()
    }

    /// Lets the timeout of a class end, and tells which items are late.
    fn tick(timers: &Timers, items: &[Timer], class: u16) -> Vec<u16> {
        let mut late = Vec::new();
        timers.tick(items, class, true, |index, _| late.push(index));
        late.sort_unstable();
        late
    }

    #[test]
    fn a_limit_is_never_shorter_than_its_span_and_at_most_a_sixteenth_longer() {
        let mut classes = [false; CLASSES];
        for shift in 0..64 {
            for near in [-1_i64, 0, 1] {
                let Some(wanted) = (1_u64 << shift).checked_add_signed(near) else { continue };
                for wanted in [wanted, wanted | wanted >> 1, wanted | wanted >> 3] {
                    let (class, ticks) = class_of(span(wanted));
                    classes[class] = true;
                    let (tick, wanted) = (nanoseconds(tick_of(class as u16)), u128::from(wanted));
                    let limit = tick * u128::from(ticks);
                    assert!(limit >= wanted && ticks <= 32, "{wanted}: {limit}");
                    assert!(limit - wanted <= (wanted / 16).max(65_536), "{wanted}: {limit}");
                }
            }
        }
        assert_eq!(classes, [true; CLASSES]);
        // A span that is too long for nanoseconds, and spans that have passed.
        let (class, _) = class_of(Timespec::new(i64::MAX, 0));
        assert_eq!(class, CLASSES - 1);
        for none in [Timespec::new(-1, 0), Timespec::new(i64::MIN, 0), Timespec::ZERO] {
            assert_eq!(class_of(none), (0, 1));
        }
    }

    #[test]
    fn a_tick_that_runs_already_does_not_count() {
        let (timers, items) = (Timers::new(), [const { Timer::new() }; 4]);
        start(&timers, &items, 0, span(3 << 16));
        start(&timers, &items, 1, span(2 << 16));
        assert_eq!((timers.next_silent(), timers.next_silent()), (Some(0), None));
        start(&timers, &items, 2, span(2 << 16));
        assert!(!timers.is_any_silent(), "the class has its timeout");
        for (round, late) in [&[][..], &[1], &[0, 2]].into_iter().enumerate() {
            assert_eq!(tick(&timers, &items, 0), late, "tick {round}");
            assert_eq!(timers.next_silent(), (round < 2).then_some(0));
        }
        // A timeout that nobody has made counts for nothing.
        start(&timers, &items, 3, span(1));
        assert_eq!(tick(&timers, &items, 0), []);
        assert_eq!((timers.next_silent(), tick(&timers, &items, 0)), (Some(0), Vec::from([3])));
    }

    #[test]
    fn a_timeout_that_ends_before_its_time_is_made_again_and_not_counted() {
        let (timers, items) = (Timers::new(), [const { Timer::new() }; 1]);
        start(&timers, &items, 0, span(1 << 16));
        for _ in 0..3 {
            assert_eq!(timers.next_silent(), Some(0));
            timers.tick(&items, 0, false, |_, _| panic!("it is not late"));
        }
        assert_eq!((timers.next_silent(), tick(&timers, &items, 0)), (Some(0), Vec::from([0])));
    }

    #[test]
    fn limits_may_end_in_any_order() {
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for order in orders {
            let (timers, items) = (Timers::new(), [const { Timer::new() }; 3]);
            // The count of ticks may overflow.
            timers.classes[0].now.set(u32::MAX);
            (0..3).for_each(|index| start(&timers, &items, index, span(1)));
            for (gone, &index) in order.iter().enumerate() {
                timers.leave(&items, &items[index]);
                timers.leave(&items, &items[index]);
                let mut left = Vec::new();
                let mut link = timers.classes[0].first.get();
                while link != 0 && left.len() < 4 {
                    left.push(usize::from(link - 1));
                    link = items[usize::from(link - 1)].next.get();
                }
                let mut expected: Vec<usize> = order[gone + 1..].to_vec();
                expected.sort_unstable_by(|a, b| b.cmp(a));
                assert_eq!(left, expected, "{order:?}");
            }
            // No limit is left, so that no timeout is made.
            assert_eq!((timers.is_any_silent(), timers.next_silent()), (true, None));
            (0..3).for_each(|index| start(&timers, &items, index, span(1)));
            assert_eq!((timers.next_silent(), tick(&timers, &items, 0)), (Some(0), Vec::from([0, 1, 2])));
        }
    }

    #[test]
    fn a_new_ring_begins_without_timeouts_and_limits() {
        let (timers, items) = (Timers::new(), [const { Timer::new() }; 2]);
        start(&timers, &items, 0, span(1));
        start(&timers, &items, 1, span(1 << 40));
        assert_eq!((timers.next_silent(), timers.next_silent(), timers.next_silent()), (Some(0), Some(20), None));
        items.iter().for_each(Timers::stop);
        timers.reset(&items);
        assert_eq!((timers.is_any_silent(), timers.classes[0].first.get()), (false, 0));
        start(&timers, &items, 0, span(1));
        assert_eq!((timers.next_silent(), timers.next_silent()), (Some(0), None));
    }

    #[test]
    fn an_item_stays_in_its_list_until_the_next_tick_or_another_class() {
        let (timers, items) = (Timers::new(), [const { Timer::new() }; 2]);
        // Again and again, with one timeout.
        for round in 0..5 {
            start(&timers, &items, 0, span(3 << 16));
            assert_eq!(timers.next_silent(), (round == 0).then_some(0));
            Timers::stop(&items[0]);
        }
        start(&timers, &items, 1, span(3 << 16));
        // The first has no limit, and goes with this tick. The second is late at the fourth.
        for late in [&[][..], &[], &[], &[1]] {
            assert_eq!(tick(&timers, &items, 0), late);
            assert_eq!((items[0].class(), timers.next_silent()), (None, late.is_empty().then_some(0)));
        }
        // One that gets a limit of another class is in that list only.
        start(&timers, &items, 0, span(1));
        Timers::stop(&items[0]);
        start(&timers, &items, 0, span(1 << 40));
        assert_eq!((timers.next_silent(), timers.next_silent()), (Some(20), None));
        assert_eq!(timers.classes[0].first.get(), 0);
        // One whose limit has ended in the last moment is not late.
        Timers::stop(&items[0]);
        start(&timers, &items, 0, span(1));
        assert_eq!(timers.next_silent(), Some(0));
        Timers::stop(&items[0]);
        assert_eq!((tick(&timers, &items, 0), items[0].class()), (Vec::new(), None));
        start(&timers, &items, 0, span(1 << 40));
        // Where the last limit ends, no timeout is made any more.
        Timers::stop(&items[0]);
        assert_eq!((tick(&timers, &items, 20), timers.next_silent()), (Vec::new(), None));
    }

    #[test]
    fn the_count_of_ticks_may_overflow() {
        let (timers, items) = (Timers::new(), [const { Timer::new() }; 1]);
        timers.classes[0].now.set(u32::MAX - 1);
        start(&timers, &items, 0, span(3 << 16));
        for late in [&[][..], &[], &[0]] {
            assert_eq!(timers.next_silent(), Some(0));
            assert_eq!(tick(&timers, &items, 0), late);
        }
    }
}
