//! The repository's files, read as text.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::fs;
use std::path::{Path, PathBuf};

use facts::{FACTS, Fact, Kind, Version};

/// A file of the repository.
pub struct Source {
    /// The path below the repository's root.
    pub path: String,
    pub text: String,
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// One file.
pub fn read(path: &str) -> Source {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Source { path: path.to_owned(), text }
}

/// The Rust files below a directory, by name.
pub fn rust_files(directory: &str) -> Vec<Source> {
    let mut files = Vec::new();
    let entries = fs::read_dir(root().join(directory)).unwrap_or_else(|error| panic!("{directory}: {error}"));
    for entry in entries {
        let entry = entry.unwrap();
        let path = format!("{directory}/{}", entry.file_name().to_str().unwrap());
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(rust_files(&path)),
            false if path.ends_with(".rs") => files.push(read(&path)),
            false => {}
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// The row of the table with this name: a name of the kernel's, if `kind` is `None`.
pub fn row(name: &str, kind: Option<Kind>) -> Option<&'static Fact> {
    let named = |fact: &&Fact| matches!(fact.kind, Kind::Item | Kind::Words);
    FACTS.iter().find(|fact| fact.name == name && kind.map_or(!named(fact), |kind| kind == fact.kind))
}

/// `6.10`, and what may follow it in a sentence.
pub fn version(text: &str) -> Option<Version> {
    let text = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let (major, minor) = text.split_once('.')?;
    // What a comma, a bracket or another point cuts off belongs to no release.
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The first release that a text names behind this word, or behind this word and "Linux".
pub fn stated(text: &str, behind: &str) -> Option<Version> {
    let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "Linux").collect();
    words.windows(2).filter(|pair| pair[0] == behind).find_map(|pair| version(pair[1]))
}

/// Fails with all of the faults, each on a line.
#[track_caller]
pub fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
