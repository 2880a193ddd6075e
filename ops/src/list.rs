//! Lists of items by their index. Each item holds its own link, so that a list needs no memory.
#![forbid(unsafe_code)]

use core::cell::Cell;

/// The link to the next item: its index plus one, so that all zero means none, and a static full of them costs no
/// room in the program's file.
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

/// The ends of a list; index plus one, as in links.
#[derive(Debug)]
pub(crate) struct List {
    first: Link,
    last: Link,
}

impl List {
    pub(crate) const fn new() -> Self {
        Self { first: Cell::new(0), last: Cell::new(0) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.get() == 0
    }

    /// Appends the item `index`, which is in no list. (An index that is none is not appended.)
    pub(crate) fn push<T: Linked>(&self, items: &[T], index: u16) {
        let Some(item) = items.get(usize::from(index)) else { return };
        let Some(link) = index.checked_add(1) else { return };
        item.link().set(0);
        match self.last.get().checked_sub(1).and_then(|last| items.get(usize::from(last))) {
            Some(last) => last.link().set(link),
            None => self.first.set(link),
        }
        self.last.set(link);
    }

    /// Puts the item `index`, which is in no list, before all others: for what is free, so that what was used last, and is
    /// in the processor's caches, is used next.
    pub(crate) fn push_front<T: Linked>(&self, items: &[T], index: u16) {
        let Some(item) = items.get(usize::from(index)) else { return };
        let Some(link) = index.checked_add(1) else { return };
        item.link().set(self.first.replace(link));
        if self.last.get() == 0 {
            self.last.set(link);
        }
    }

    /// Takes the first item out.
    pub(crate) fn pop<T: Linked>(&self, items: &[T]) -> Option<u16> {
        let index = self.first.get().checked_sub(1)?;
        let next = items.get(usize::from(index))?.link().replace(0);
        self.first.set(next);
        if next == 0 {
            self.last.set(0);
        }
        Some(index)
    }

    /// Puts every item in, for a list that starts full.
    pub(crate) fn push_all<T: Linked>(&self, items: &[T]) {
        for index in 0..u16::try_from(items.len()).unwrap_or(u16::MAX) {
            self.push(items, index);
        }
    }
}
