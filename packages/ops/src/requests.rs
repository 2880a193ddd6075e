//! The operations that a slab offers: one function each, one file for each family. The crate's documentation has the
//! table of all of them, under "The operations".
//!
//! An operation has handles of its own to the files that it names. A buffer that it takes by value comes back with the
//! result. The errors that any operation can give stand at [`Slab`]; each function names those that are its own.
#![forbid(unsafe_code)]

mod file;
mod message;
mod nop;
mod options;
mod path;
mod pipe;
mod read_write;
mod send_receive;
mod share;
mod socket;
mod timeout;
mod xattr;

use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, RawFd};

use crate::buffer::Buffer;
use crate::file::File;
use crate::op::Op;
use crate::output::{Done, Made, Moved};
use crate::slab::{Draft, Parts, Slab};
use crate::slot::{Argument, Effect};

/// What the families build operations with.
impl Slab {
    /// Makes an operation that fills or uses up a buffer.
    fn transfer(
        &'static self,
        effect: Effect,
        file: &File,
        buffer: Buffer,
        build: impl FnOnce(Fd, &Parts) -> Entry,
    ) -> Op<Moved> {
        let draft = Draft { effect, file: Some(file), buffer: Some(buffer), argument: Argument::NONE };
        let fd = file.fd();
        Op::new(self, draft, |parts| build(fd, parts))
    }

    /// Makes an operation whose result is a number.
    fn plain(
        &'static self,
        file: Option<&File>,
        argument: Argument,
        build: impl FnOnce(Fd, &Parts) -> Entry,
    ) -> Op<Done> {
        let draft = Draft { effect: Effect::Plain, file, buffer: None, argument };
        let fd = Fd(file.map_or(-1, |file| -> RawFd { file.as_raw_fd() }));
        Op::new(self, draft, |parts| build(fd, parts))
    }

    /// Makes an operation whose result is a new file.
    fn make(&'static self, file: Option<&File>, build: impl FnOnce(&Parts) -> Entry) -> Op<Made> {
        let draft = Draft { effect: Effect::Make, file, buffer: None, argument: Argument::NONE };
        Op::new(self, draft, build)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// One operation: the file of its family, its name, and the Linux that has it.
    type Row = [String; 3];

    /// Reads the functions in the files of the families, with the "Since" of their documentation.
    fn functions() -> BTreeSet<Row> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/requests");
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(folder).expect("the folder of the families") {
            let path = entry.expect("an entry").path();
            let family = path.file_stem().expect("a name").to_str().expect("text").to_string();
            let mut documentation = String::new();
            for line in fs::read_to_string(&path).expect("a source file").lines() {
                let line = line.trim_start();
                if let Some(text) = line.strip_prefix("///") {
                    // A sentence may run over two lines.
                    documentation.push_str(text);
                } else if let Some(rest) = line.strip_prefix("pub fn ") {
                    let name = rest.split(['(', '<']).next().expect("a name").to_string();
                    let since = documentation.split("Since ").nth(1).and_then(|text| text.split_whitespace().next());
                    let release = since.unwrap_or("").trim_end_matches('.').to_string();
                    found.insert([family.clone(), name, release]);
                    documentation.clear();
                }
            }
        }
        found
    }

    /// Reads the rows of the table in the crate's documentation.
    fn rows() -> Vec<Row> {
        let text = include_str!("lib.rs");
        let table = text.split("//! # The operations\n").nth(1).expect("the heading");
        let lines = table.lines().take_while(|line| !line.starts_with("//! # "));
        let row = |line: &str| {
            let cells: Vec<&str> = line.strip_prefix("//! | [`")?.split('|').map(str::trim).collect();
            let name = cells.first()?.split('`').next()?;
            Some([*cells.get(4)?, name, *cells.get(3)?].map(str::to_string))
        };
        lines.filter_map(row).collect()
    }

    #[test]
    fn the_table_has_one_row_for_each_operation() {
        let rows = rows();
        assert_eq!(rows.iter().cloned().collect::<BTreeSet<_>>(), functions());
        assert_eq!(rows.len(), functions().len(), "an operation has two rows");
    }
}
