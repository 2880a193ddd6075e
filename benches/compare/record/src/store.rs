//! Where the files are: a directory for each processor, in it a file for each day.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Fault;
use crate::csv::{self, Row};
use crate::machine;

/// Writes the rows of one run into the file of their processor and day. Returns the file, and whether it replaced one
/// of the same day.
///
/// # Errors
///
/// There are no rows, or the file can't be written.
pub fn save(record: &Path, rows: &[Row]) -> Result<(PathBuf, bool), Fault> {
    let fault = |file: &Path, reason: String| Fault { file: file.to_owned(), line: 0, reason };
    let origin = &rows.first().ok_or_else(|| fault(record, "there are no figures to write".to_owned()))?.origin;
    let directory = record.join(machine::directory(&origin.processor, &origin.mitigation));
    let file = directory.join(format!("{}.csv", origin.date));
    let replaced = file.exists();
    fs::create_dir_all(&directory).map_err(|error| fault(&directory, error.to_string()))?;
    fs::write(&file, csv::write(rows)).map_err(|error| fault(&file, error.to_string()))?;
    Ok((file, replaced))
}

/// Reads one file.
///
/// # Errors
///
/// The file can't be read, or holds something else.
pub fn load(file: &Path) -> Result<Vec<Row>, Fault> {
    let text = fs::read_to_string(file);
    let text = text.map_err(|error| Fault { file: file.to_owned(), line: 0, reason: error.to_string() })?;
    csv::read(file, &text)
}

/// Returns the newest file of each processor, in the order of the directories' names.
///
/// # Errors
///
/// A directory can't be read, or there is no file in any.
pub fn newest(record: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut files = Vec::new();
    for directory in entries(record)?.iter().filter(|path| path.is_dir()) {
        let days = entries(directory)?;
        // A date as the file's name: the last name is the newest file.
        files.extend(days.into_iter().filter(|file| file.extension().is_some_and(|it| it == "csv")).max());
    }
    if files.is_empty() {
        return Err(Fault {
            file: record.to_owned(),
            line: 0,
            reason: "it has no figures of any processor".to_owned(),
        });
    }
    Ok(files)
}

/// Returns the sorted content of a directory.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, Fault> {
    let fault = |error: std::io::Error| Fault { file: directory.to_owned(), line: 0, reason: error.to_string() };
    let entries = fs::read_dir(directory).map_err(fault)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(fault)?;
    entries.sort();
    Ok(entries)
}
