//! Lists of items by their index. Each item holds its own link, so that a list needs no memory of its own.
#![forbid(unsafe_code)]

use core::cell::Cell;

/// The link to the next item: the item's index plus one. So zero means that there is no next item, and a static full of
/// links takes no room in the program's file.
pub(crate) type Link = Cell<u16>;

/// An item that can be in one list at a time.
pub(crate) trait Linked {
    fn link(&self) -> &Link;
}

impl Linked for Link {
    fn link(&self) -> &Link {
        self
    }
}

/// The two ends of a list, as links: index plus one.
#[derive(Debug)]
pub(crate) struct List {
    first: Link,
    last: Link,
    len: Cell<u16>,
    /// The smallest length since the list was filled.
    least: Cell<u16>,
}

impl List {
    pub(crate) const fn new() -> Self {
        Self { first: Cell::new(0), last: Cell::new(0), len: Cell::new(0), least: Cell::new(0) }
    }

    /// Returns the number of items.
    pub(crate) fn len(&self) -> u16 {
        self.len.get()
    }

    /// Returns the smallest number of items since [`push_all`](Self::push_all).
    pub(crate) fn least(&self) -> u16 {
        self.least.get()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.get() == 0
    }

    /// Appends the item `index`, which is in no list. Does nothing if there is no such item.
    pub(crate) fn push<T: Linked>(&self, items: &[T], index: u16) {
        let Some(item) = items.get(usize::from(index)) else { return };
        let Some(link) = index.checked_add(1) else { return };
        item.link().set(0);
        match self.last.get().checked_sub(1).and_then(|last| items.get(usize::from(last))) {
            Some(last) => last.link().set(link),
            None => self.first.set(link),
        }
        self.last.set(link);
        self.grow();
    }

    /// Counts an item. A list has at most as many as an index can tell apart.
    fn grow(&self) {
        self.len.set(self.len.get().saturating_add(1));
    }

    /// Puts the item `index`, which is in no list, before all others. For lists of what is free: what was used last,
    /// and is in the processor's caches, is used next.
    pub(crate) fn push_front<T: Linked>(&self, items: &[T], index: u16) {
        let Some(item) = items.get(usize::from(index)) else { return };
        let Some(link) = index.checked_add(1) else { return };
        item.link().set(self.first.replace(link));
        if self.last.get() == 0 {
            self.last.set(link);
        }
        self.grow();
    }

    /// Takes the first item out.
    pub(crate) fn pop<T: Linked>(&self, items: &[T]) -> Option<u16> {
        let index = self.first.get().checked_sub(1)?;
        let next = items.get(usize::from(index))?.link().replace(0);
        self.first.set(next);
        if next == 0 {
            self.last.set(0);
        }
        let len = self.len.get().saturating_sub(1);
        self.len.set(len);
        self.least.set(self.least.get().min(len));
        Some(index)
    }

    /// Takes all items, into a list of their own.
    pub(crate) fn take(&self) -> Self {
        let all = Self::new();
        all.fill(self);
        all
    }

    /// Takes over the items of another list. This one is empty.
    pub(crate) fn fill(&self, other: &Self) {
        self.first.set(other.first.replace(0));
        self.last.set(other.last.replace(0));
    }

    /// Appends every item, for a list that starts full.
    pub(crate) fn push_all<T: Linked>(&self, items: &[T]) {
        for index in 0..u16::try_from(items.len()).unwrap_or(u16::MAX) {
            self.push(items, index);
        }
        self.least.set(self.len.get());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::vec::Vec;

    use super::{Cell, Link, List};

    /// Compares two lists over the same items, as the slab has them, with two queues, on every way through seven steps.
    #[test]
    fn a_list_is_a_queue_of_indices() {
        const STEPS: u32 = 7;

        for way in 0..6_u32.pow(STEPS) {
            let items: [Link; 3] = [const { Cell::new(0) }; 3];
            let (lists, mut queues) = ([List::new(), List::new()], [VecDeque::new(), VecDeque::new()]);
            let mut outside: Vec<u16> = Vec::from([2, 1, 0]);
            for step in 0..STEPS {
                let (choice, which) = (way / 6_u32.pow(step) % 3, (way / 6_u32.pow(step) / 3 % 2) as usize);
                let (list, queue) = (&lists[which], &mut queues[which]);
                match choice {
                    0 => {
                        if let Some(index) = outside.pop() {
                            list.push(&items, index);
                            queue.push_back(index);
                        }
                    }
                    1 => {
                        if let Some(index) = outside.pop() {
                            list.push_front(&items, index);
                            queue.push_front(index);
                        }
                    }
                    _ => {
                        let popped = list.pop(&items);
                        assert_eq!(popped, queue.pop_front());
                        outside.extend(popped);
                    }
                }
                assert_eq!((list.is_empty(), usize::from(list.len())), (queue.is_empty(), queue.len()));
            }
            for (list, queue) in lists.iter().zip(&mut queues) {
                while let Some(index) = queue.pop_front() {
                    assert_eq!(list.pop(&items), Some(index));
                }
                assert_eq!((list.pop(&items), list.is_empty()), (None, true));
            }
        }
    }

    #[test]
    fn a_list_takes_the_largest_index_and_none_beyond_its_items() {
        let items: Vec<Link> = (0..usize::from(u16::MAX)).map(|_| Cell::new(0)).collect();
        let list = List::new();
        list.push_all(&items);
        for index in 0..u16::MAX {
            assert_eq!((list.len(), list.least()), (u16::MAX - index, u16::MAX - index));
            assert_eq!(list.pop(&items), Some(index));
        }
        assert_eq!(list.pop(&items), None);
        // No item has this index.
        list.push(&items, u16::MAX);
        list.push_front(&items, u16::MAX);
        assert!(list.is_empty());
        // The smallest length stays when the list grows.
        list.push(&items, 7);
        assert_eq!((list.len(), list.least()), (1, 0));
    }
}
