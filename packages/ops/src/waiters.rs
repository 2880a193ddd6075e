//! The waiters for a slot, a buffer or a file: queues in static memory, in the order in which the waits began.
//!
//! A waiter's waker lies in a place of the storage, and not in the future that waits. Nothing here points into a future,
//! so that one that is moved, dropped or forgotten leaves nothing behind but a place. (A list through pinned futures
//! would need no places. It would need `unsafe` for each step along the list instead, and a future that is forgotten
//! would still stand in the queue.)
//!
//! A resource that became free is not given to a waiter. The driver's turn wakes as many waiters as can be served; the
//! first of them that is polled takes it. A waiter that comes too late goes back to where it stood. So a waiter that is
//! woken and never polled keeps nothing from the others: the next turn finds the resource free, and wakes the next.
#![forbid(unsafe_code)]

use core::cell::Cell;
use core::task::Waker;

use crate::list::{Link, Linked, List};

/// What a future can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Slot,
    Buffer,
    File,
    Provided,
}

impl Resource {
    pub(crate) const ALL: [Self; 4] = [Self::Slot, Self::Buffer, Self::File, Self::Provided];
}

/// How it stands with a waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The waiter is in its queue.
    Waits,
    /// The waiter was woken, because there was something for it.
    Woken,
    /// The waiter was woken because the driver is shut down.
    Ended,
}

/// The place of one waiter.
pub(crate) struct Waiter {
    waker: Cell<Option<Waker>>,
    /// The waiter's number in its queue: the smaller, the earlier.
    ticket: Cell<u32>,
    standing: Cell<Standing>,
    next: Link,
    before: Link,
}

impl Waiter {
    pub(crate) const fn new() -> Self {
        Self {
            waker: Cell::new(None),
            ticket: Cell::new(0),
            standing: Cell::new(Standing::Waits),
            next: Cell::new(0),
            before: Cell::new(0),
        }
    }
}

impl Linked for Waiter {
    fn link(&self) -> &Link {
        &self.next
    }
}

/// The waiters for one resource. The links are indices plus one.
struct Queue {
    first: Link,
    last: Link,
    len: Cell<u16>,
    tickets: Cell<u32>,
    /// How many waiters were woken since the turn before, and not polled since.
    owed: Cell<u16>,
    /// How often a future had to wait.
    waits: Cell<u64>,
}

impl Queue {
    const fn new() -> Self {
        Self {
            first: Cell::new(0),
            last: Cell::new(0),
            len: Cell::new(0),
            tickets: Cell::new(0),
            owed: Cell::new(0),
            waits: Cell::new(0),
        }
    }
}

/// All waiters of a slab.
pub(crate) struct Waiters {
    places: &'static [Waiter],
    free: List,
    queues: [Queue; Resource::ALL.len()],
    /// How many wait, for anything.
    all: Cell<u16>,
}

impl Waiters {
    pub(crate) fn new(places: &'static [Waiter]) -> Self {
        let queues = [const { Queue::new() }; Resource::ALL.len()];
        let this = Self { places, free: List::new(), queues, all: Cell::new(0) };
        this.free.push_all(places);
        this
    }

    fn queue(&self, resource: Resource) -> &Queue {
        let [slot, buffer, file, provided] = &self.queues;
        match resource {
            Resource::Slot => slot,
            Resource::Buffer => buffer,
            Resource::File => file,
            Resource::Provided => provided,
        }
    }

    /// Returns the place of a link.
    fn at(&self, link: u16) -> Option<&'static Waiter> {
        self.places.get(usize::from(link.checked_sub(1)?))
    }

    fn place(&self, index: u16) -> Option<&'static Waiter> {
        self.places.get(usize::from(index))
    }

    /// Returns how often a future had to wait for this.
    pub(crate) fn waits(&self, resource: Resource) -> u64 {
        self.queue(resource).waits.get()
    }

    /// Tells whether a future waits, for anything.
    #[inline]
    pub(crate) fn is_any_waiting(&self) -> bool {
        self.all.get() > 0
    }

    /// Returns how many wait for this now.
    pub(crate) fn waiting(&self, resource: Resource) -> u16 {
        self.queue(resource).len.get()
    }

    /// Tells whether one that comes now has to wait, since others came before and there is not enough for all.
    pub(crate) fn has_to_wait(&self, resource: Resource, free: u16) -> bool {
        let queue = self.queue(resource);
        u32::from(free) <= u32::from(queue.len.get()) + u32::from(queue.owed.get())
    }

    /// Takes a place at the end of a queue. `None`: all places are taken.
    pub(crate) fn join(&self, resource: Resource, waker: &Waker) -> Option<u16> {
        let index = self.free.pop(self.places)?;
        let (queue, place) = (self.queue(resource), self.place(index)?);
        // Comes before the place is in the queue, because cloning a waker runs code of others.
        self.wake_with(index, waker);
        place.ticket.set(queue.tickets.get());
        queue.tickets.set(queue.tickets.get().wrapping_add(1));
        queue.waits.set(queue.waits.get().saturating_add(1));
        self.insert(queue, index, place);
        Some(index)
    }

    /// Goes back to where the waiter stood, since others have taken what it was woken for.
    pub(crate) fn rejoin(&self, resource: Resource, index: u16, waker: &Waker) {
        let (queue, Some(place)) = (self.queue(resource), self.place(index)) else { return };
        self.wake_with(index, waker);
        queue.owed.set(queue.owed.get().saturating_sub(1));
        self.insert(queue, index, place);
    }

    /// Inserts a waiter before all with a larger ticket. Almost always that is the end or the front of the queue.
    fn insert(&self, queue: &Queue, index: u16, place: &Waiter) {
        let is_later = |other: &Waiter| other.ticket.get().wrapping_sub(place.ticket.get()).cast_signed() > 0;
        let link = index.saturating_add(1);
        let (mut before, mut next) = (queue.last.get(), 0);
        if self.at(before).is_some_and(is_later) {
            (before, next) = (0, queue.first.get());
            while let Some(other) = self.at(next).filter(|other| !is_later(other)) {
                (before, next) = (next, other.next.get());
            }
        }
        place.standing.set(Standing::Waits);
        place.before.set(before);
        place.next.set(next);
        self.at(before).map_or(&queue.first, |other| &other.next).set(link);
        self.at(next).map_or(&queue.last, |other| &other.before).set(link);
        queue.len.set(queue.len.get().saturating_add(1));
        self.all.set(self.all.get().saturating_add(1));
    }

    /// Takes a waiter out of its queue.
    fn remove(&self, queue: &Queue, place: &Waiter) {
        let (before, next) = (place.before.replace(0), place.next.replace(0));
        self.at(before).map_or(&queue.first, |other| &other.next).set(next);
        self.at(next).map_or(&queue.last, |other| &other.before).set(before);
        queue.len.set(queue.len.get().saturating_sub(1));
        self.all.set(self.all.get().saturating_sub(1));
    }

    pub(crate) fn standing(&self, index: u16) -> Standing {
        self.place(index).map_or(Standing::Ended, |place| place.standing.get())
    }

    /// Keeps this waker for a waiter.
    pub(crate) fn wake_with(&self, index: u16, waker: &Waker) {
        let Some(place) = self.place(index) else { return };
        let kept = place.waker.take();
        let is_known = kept.as_ref().is_some_and(|kept| kept.will_wake(waker));
        place.waker.set(kept);
        if !is_known {
            // Cloning a waker and dropping one run code of others, which finds the place with one waker or the other.
            drop(place.waker.replace(Some(waker.clone())));
        }
    }

    /// Gives a place back, and its waker, which the caller drops last.
    pub(crate) fn leave(&self, resource: Resource, index: u16) -> Option<Waker> {
        let (queue, place) = (self.queue(resource), self.place(index)?);
        match place.standing.get() {
            Standing::Waits => self.remove(queue, place),
            Standing::Woken => queue.owed.set(queue.owed.get().saturating_sub(1)),
            Standing::Ended => {}
        }
        let waker = place.waker.take();
        self.free.push_front(self.places, index);
        waker
    }

    /// Takes the first waiter out of its queue, and gives its waker.
    fn next(&self, resource: Resource, standing: Standing) -> Option<Waker> {
        let queue = self.queue(resource);
        let place = self.at(queue.first.get())?;
        self.remove(queue, place);
        place.standing.set(standing);
        place.waker.take()
    }

    /// Wakes as many waiters as there is something for, the earliest first, and tells whether there were any. `again`: less
    /// those that were woken since the last look that was not again.
    pub(crate) fn wake(&self, resource: Resource, free: u16, again: bool) -> bool {
        let queue = self.queue(resource);
        let owed = if again { queue.owed.get() } else { 0 };
        let count = free.saturating_sub(owed).min(queue.len.get());
        queue.owed.set(owed.saturating_add(count));
        for _ in 0..count {
            // A waker runs code of others, which may change the queue.
            if let Some(waker) = self.next(resource, Standing::Woken) {
                waker.wake();
            }
        }
        count > 0
    }

    /// Wakes all that wait now, since nothing will come for them.
    pub(crate) fn end_all(&self) {
        for resource in Resource::ALL {
            for _ in 0..self.waiting(resource) {
                if let Some(waker) = self.next(resource, Standing::Ended) {
                    waker.wake();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::vec::Vec;

    use super::{Resource, Standing, Waiter, Waiters};

    /// Notes when it was woken.
    struct Note(Arc<AtomicUsize>, AtomicUsize);

    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            self.1.store(self.0.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    fn waiters(count: usize) -> Waiters {
        Waiters::new(Box::leak((0..count).map(|_| Waiter::new()).collect()))
    }

    /// Makes notes that share a count.
    fn notes<const N: usize>() -> [Arc<Note>; N] {
        let count = Arc::default();
        std::array::from_fn(|_| Arc::new(Note(Arc::clone(&count), AtomicUsize::new(0))))
    }

    /// Tells in which order the notes were woken; 0: not at all.
    fn order(notes: &[Arc<Note>]) -> Vec<usize> {
        notes.iter().map(|note| note.1.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn those_who_came_first_are_woken_first_and_go_back_to_where_they_stood() {
        let (waiters, notes) = (waiters(4), notes::<4>());
        let wakers = notes.clone().map(std::task::Waker::from);
        let places: Vec<u16> =
            wakers.iter().map(|waker| waiters.join(Resource::Slot, waker).expect("a place")).collect();
        assert_eq!(waiters.join(Resource::Buffer, &wakers[0]), None, "all places are taken");
        assert!(waiters.wake(Resource::Slot, 3, false) && !waiters.wake(Resource::Buffer, 3, false));
        assert_eq!((order(&notes), waiters.waiting(Resource::Slot)), (Vec::from([1, 2, 3, 0]), 1));
        // All three come too late, in another order. They are woken in the first order again.
        for which in [2, 0, 1] {
            assert_eq!(waiters.standing(places[which]), Standing::Woken);
            waiters.rejoin(Resource::Slot, places[which], &wakers[which]);
            assert_eq!(waiters.standing(places[which]), Standing::Waits);
        }
        // The second goes. Its waker is given back, and not called.
        drop(waiters.leave(Resource::Slot, places[1]));
        assert!(waiters.wake(Resource::Slot, u16::MAX, false));
        assert_eq!(order(&notes), [4, 2, 5, 6]);
        assert_eq!((waiters.waiting(Resource::Slot), waiters.waits(Resource::Slot)), (0, 4));
    }

    #[test]
    fn one_that_comes_later_waits_behind_those_that_were_woken_until_the_next_look() {
        let (waiters, notes) = (waiters(4), notes::<2>());
        let wakers = notes.clone().map(std::task::Waker::from);
        assert!(!waiters.has_to_wait(Resource::File, 1) && waiters.has_to_wait(Resource::File, 0));
        let first = waiters.join(Resource::File, &wakers[0]).expect("a place");
        assert!(waiters.has_to_wait(Resource::File, 1) && !waiters.has_to_wait(Resource::File, 2));
        assert!(waiters.wake(Resource::File, 1, false));
        assert!(waiters.has_to_wait(Resource::File, 1) && !waiters.has_to_wait(Resource::File, 2));
        drop(waiters.leave(Resource::File, first));
        assert!(!waiters.has_to_wait(Resource::File, 1));
        // One that was woken and is forgotten keeps nothing from others.
        waiters.join(Resource::File, &wakers[1]).expect("a place");
        let _others = [0, 1].map(|_| waiters.join(Resource::File, &wakers[1]).expect("a place"));
        assert!(waiters.wake(Resource::File, 1, false) && waiters.waiting(Resource::File) == 2);
        // A look in the same turn wakes for what became free meanwhile, and for nothing else.
        assert!(!waiters.wake(Resource::File, 1, true) && waiters.wake(Resource::File, 2, true));
        assert!(waiters.wake(Resource::File, 1, false) && waiters.has_to_wait(Resource::File, 1));
        assert!(!waiters.wake(Resource::File, 1, false) && !waiters.has_to_wait(Resource::File, 1));
    }

    #[test]
    fn a_ticket_of_the_highest_number_comes_before_that_of_the_lowest() {
        let (waiters, notes) = (waiters(2), notes::<2>());
        let wakers = notes.clone().map(std::task::Waker::from);
        waiters.queue(Resource::Buffer).tickets.set(u32::MAX);
        let first = waiters.join(Resource::Buffer, &wakers[0]).expect("a place");
        assert!(waiters.wake(Resource::Buffer, 1, false));
        waiters.join(Resource::Buffer, &wakers[1]).expect("a place");
        waiters.rejoin(Resource::Buffer, first, &wakers[0]);
        assert!(waiters.wake(Resource::Buffer, 2, false));
        assert_eq!(order(&notes), [2, 3]);
    }

    #[test]
    fn all_are_woken_when_nothing_comes_any_more() {
        let (waiters, notes) = (waiters(3), notes::<3>());
        let wakers = notes.clone().map(std::task::Waker::from);
        let resources = [Resource::Buffer, Resource::Slot, Resource::Provided];
        let places: Vec<u16> =
            wakers.iter().zip(resources).map(|(waker, what)| waiters.join(what, waker).unwrap()).collect();
        waiters.end_all();
        // In the order of the queues.
        assert_eq!(order(&notes), [2, 1, 3]);
        assert!(places.iter().all(|&place| waiters.standing(place) == Standing::Ended));
        for (place, what) in places.into_iter().zip(resources) {
            drop(waiters.leave(what, place));
        }
        assert_eq!(waiters.free.len(), 3);
    }
}
