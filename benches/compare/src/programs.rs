//! Measures whole programs that do one request: the sizes of their files, their run times, and the build times of a
//! crate that depends on each library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::contenders::OURS;
use crate::measure::{Column, Effort, Lack, Opened, Row, Table, table};
use crate::report;

/// The stripped programs that `ci/bench.sh` has built: the name in tables, and the name of the file.
pub const PROGRAMS: [(&str, &str); 7] = [
    ("by hand", "nop-by-hand"),
    (OURS, "nop-bare-uring"),
    ("ququmatz", "nop-ququmatz"),
    ("rustix-uring", "nop-rustix-uring"),
    ("liburing, no libc", "nop-liburing"),
    ("io-uring, dynamic glibc", "nop-io-uring"),
    ("io-uring, static glibc", "nop-io-uring-static"),
];
/// A program of ours that does real work.
pub const CAT: &str = "cat-bare-uring";

/// Returns the bytes of a program's file.
pub fn bytes(directory: &Path, file: &str) -> Result<f64, Lack> {
    let path = directory.join(file);
    fs::metadata(&path).map(|data| data.len() as f64).map_err(|_| Lack(format!("{file} was not built")))
}

pub fn sizes(directory: &Path) -> Vec<(&'static str, Result<f64, Lack>)> {
    PROGRAMS.iter().map(|(name, file)| (*name, bytes(directory, file))).collect()
}

/// Runs a program, whose exit status says whether the request came back right.
struct Starts(PathBuf);

impl Row for Starts {
    fn run(&mut self, _: usize, rounds: u32) -> Result<Duration, Lack> {
        let start = Instant::now();
        for _ in 0..rounds {
            let status = Command::new(&self.0).status().map_err(|error| Lack(error.to_string()))?;
            assert!(status.success(), "{}: {status}", self.0.display());
        }
        Ok(start.elapsed())
    }
}

/// Measures each program from `fork` to its exit status.
pub fn starts(directory: &Path, slices: usize) -> Table {
    let open = |file: &str| -> Opened {
        bytes(directory, file)?;
        Ok(Box::new(Starts(directory.join(file))))
    };
    let rows = PROGRAMS.iter().map(|(name, file)| (*name, open(file))).collect();
    let effort = Effort { slices, slice: Duration::ZERO, warm: false };
    table("A program that does one NOP, from fork to its status", vec![Column::new("one run", 1)], rows, effort)
}

/// Dependency line for each library.
const DEPENDENCIES: [(&str, &str); 5] = [
    (OURS, "bare-uring = { path = \"ROOT\" }"),
    ("io-uring", "io-uring = \"=0.7.15\""),
    ("ququmatz", "ququmatz = \"=0.17.0\""),
    ("rustix-uring", "rustix-uring = \"=0.6.0\""),
    ("liburing", "axboe-liburing = \"=2.15.3\""),
];

/// Measures a clean release build, in seconds, of a crate that depends on the library with default features. Takes the
/// best of `rounds`, with the contenders in turn.
pub fn build_times(scratch: &Path, contenders: usize, rounds: usize) -> Vec<(&'static str, Result<f64, Lack>)> {
    let mut best: Vec<_> = DEPENDENCIES[..contenders].iter().map(|(name, _)| (*name, Ok(f64::INFINITY))).collect();
    for _ in 0..rounds {
        for ((name, seconds), (_, dependency)) in best.iter_mut().zip(DEPENDENCIES) {
            let Ok(fastest) = seconds else { continue };
            match build(&scratch.join("build").join(*name), dependency) {
                Ok(took) => *fastest = fastest.min(took.as_secs_f64()),
                Err(lack) => *seconds = Err(lack),
            }
        }
    }
    best
}

fn build(directory: &Path, dependency: &str) -> Result<Duration, Lack> {
    let failed = |error: std::io::Error| Lack(error.to_string());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dependency = dependency.replace("ROOT", &root.display().to_string());
    let manifest = format!(
        "[package]\nname = \"dependent\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependency}\n"
    );
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory.join("src")).map_err(failed)?;
    fs::write(directory.join("Cargo.toml"), manifest).map_err(failed)?;
    fs::write(directory.join("src/lib.rs"), "").map_err(failed)?;
    let cargo = |words: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(words).current_dir(directory).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("CARGO_TARGET_DIR", directory.join("target")).status().map_err(failed)
    };
    // Chooses versions before the measurement, from those that the build of this program has downloaded.
    cargo(&["generate-lockfile", "--offline"])?;
    let start = Instant::now();
    let status = cargo(&["build", "--release", "--offline"])?;
    let took = start.elapsed();
    if status.success() { Ok(took) } else { Err(Lack(format!("cargo build: {status}"))) }
}

/// Prints one number for each name.
pub fn show(title: &str, unit: &str, figures: &[(&'static str, Result<f64, Lack>)], decimals: usize) {
    let rows: Vec<_> = figures.iter().map(|(name, figure)| (*name, vec![figure.clone()])).collect();
    report::grid(title, &[unit], &rows, decimals);
}

pub fn find(figures: &[(&'static str, Result<f64, Lack>)], name: &str) -> Option<f64> {
    figures.iter().find(|(found, _)| *found == name)?.1.clone().ok()
}
