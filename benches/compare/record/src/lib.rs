//! The benchmarks' record: raw figures of each machine, one CSV file a day, and the pictures drawn from them.
//!
//! | module | has |
//! |--|--|
//! | [`csv`] | a row of a file, and how files are written and read |
//! | [`machine`] | the processor's name and its return-stack mitigation, and the directory named by both |
//! | [`store`] | where files are, and which one of a directory is the newest |
//! | [`draw`] | the pictures |
//! | [`limits`] | the limits of a run, and which of them hold |
//!
//! This package depends on no contender, so that pictures and tests need no C library and no compiler of C.

use std::fmt;
use std::path::PathBuf;

pub mod csv;
pub mod draw;
pub mod limits;
pub mod machine;
pub mod store;

/// Title of the table in `nop.svg`.
pub const NOPS: &str = "NOP, defer";
/// Title of the table in `size.svg`.
pub const SIZES: &str = "A program that does one NOP, stripped";

/// The figure that [`csv::Row::what`] names.
pub mod what {
    pub const MEDIAN: &str = "median ns";
    pub const LOWER: &str = "lower quartile ns";
    pub const UPPER: &str = "upper quartile ns";
    pub const INSTRUCTIONS: &str = "instructions";
    pub const BYTES: &str = "bytes";
    pub const SECONDS: &str = "seconds";
    pub const CPU_SECONDS: &str = "processor seconds";
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub file: PathBuf,
    /// The line, counted from 1; 0 for the file as a whole.
    pub line: usize,
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, reason } = self;
        if *line == 0 {
            return write!(f, "{}: {reason}", file.display());
        }
        write!(f, "{}:{line}: {reason}", file.display())
    }
}

impl std::error::Error for Fault {}
