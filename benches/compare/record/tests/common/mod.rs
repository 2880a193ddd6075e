//! Made-up rows, and directories for the tests' files.
#![allow(dead_code)] // Each test is a program of its own, and uses a part.

use std::fs;
use std::path::{Path, PathBuf};

use record::csv::{Origin, Row};
use record::what;

pub fn origin(date: &str) -> Origin {
    let [processor, mitigation, kernel, rustc, commit, load, source] =
        ["Some CPU", "Safe RET", "6.18.1", "1.95.0", "abc", "0.10", "measured"].map(str::to_owned);
    Origin { date: date.to_owned(), processor, mitigation, kernel, rustc, commit, load, source }
}

pub fn row(table: &str, contender: &str, column: &str, value: f64) -> Row {
    let [table, contender, column, what] = [table, contender, column, what::MEDIAN].map(str::to_owned);
    Row { origin: origin("2026-11-29"), table, contender, column, what, value, slices: 200 }
}

/// Returns a directory of this name that is empty.
pub fn empty_directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("made");
    directory
}
