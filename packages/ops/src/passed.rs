//! Files that came with a message.
#![forbid(unsafe_code)]

use core::fmt;

use crate::file::{File, Files};
use crate::list::List;

/// Files that came with a message, or the places that wait for them. Taking them gives them in the order in which they
/// were passed. What is not taken is closed.
pub struct Passed {
    files: &'static Files,
    list: List,
}

impl Passed {
    /// Takes over the files of a list.
    pub(crate) fn new(files: &'static Files, list: &List) -> Self {
        Self { files, list: list.take() }
    }

    /// Reserves places for this number of files. `None`: the table of files has too few.
    pub(crate) fn reserve(files: &'static Files, count: usize) -> Option<Self> {
        let this = Self { files, list: List::new() };
        for _ in 0..count {
            files.reserve()?.push_to(&this.list);
        }
        Some(this)
    }

    /// Gives the files to a list that is empty.
    pub(crate) fn give_to(self, list: &List) {
        list.fill(&self.list);
    }
}

impl Iterator for Passed {
    type Item = File;

    fn next(&mut self) -> Option<File> {
        self.files.pop_from(&self.list)
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

impl fmt::Debug for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passed").field("none", &self.list.is_empty()).finish_non_exhaustive()
    }
}
