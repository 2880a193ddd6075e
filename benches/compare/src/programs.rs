//! Measures whole programs that do one request: the sizes of their files, their run times, and the build times of a
//! crate that depends on each library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::contenders::OURS;
use crate::measure::{Column, Effort, Lack, Opened, Row, Table, table};

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

pub fn sizes(directory: &Path) -> Vec<(&'static str, Vec<Result<f64, Lack>>)> {
    PROGRAMS.iter().map(|(name, file)| (*name, vec![bytes(directory, file)])).collect()
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

/// The contenders whose clean build is fast enough to be measured each time.
const FAST: usize = 3;
/// Dependency line for each library, the fast ones first.
const DEPENDENCIES: [(&str, &str); 5] = [
    (OURS, "bare-uring = { path = \"ROOT\" }"),
    ("io-uring", "io-uring = \"=0.7.15\""),
    ("ququmatz", "ququmatz = \"=0.17.0\""),
    ("rustix-uring", "rustix-uring = \"=0.6.0\""),
    ("liburing", "axboe-liburing = \"=2.15.3\""),
];

/// Measures a clean release build of a crate that depends on the library with default features: the seconds that it
/// takes, and those of all processors together. Takes the best of `rounds`, with the contenders in turn. Leaves out
/// the slow ones unless `all`: rustix-uring compiles rustix too, which takes four times as long as the others, and
/// liburing's crate compiles a generator of bindings, which takes ten times as long.
pub fn build_times(scratch: &Path, all: bool, rounds: usize) -> Vec<(&'static str, Vec<Result<f64, Lack>>)> {
    let contenders = &DEPENDENCIES[..if all { DEPENDENCIES.len() } else { FAST }];
    let mut best: Vec<_> = contenders.iter().map(|(name, _)| (*name, Ok([f64::INFINITY; 2]))).collect();
    for _ in 0..rounds {
        for ((name, seconds), (_, dependency)) in best.iter_mut().zip(contenders) {
            let Ok(fastest) = seconds else { continue };
            match build(&scratch.join("build").join(*name), dependency) {
                Ok(took) => *fastest = [0, 1].map(|at| fastest[at].min(took[at].as_secs_f64())),
                Err(lack) => *seconds = Err(lack),
            }
        }
    }
    let cells = |best: Result<[f64; 2], Lack>| [0, 1].map(|at| best.clone().map(|best| best[at])).to_vec();
    best.into_iter().map(|(name, best)| (name, cells(best))).collect()
}

/// Returns the processor time of this program's children that have ended.
fn children_time() -> Duration {
    // SAFETY: the structure consists of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a local variable.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) }, 0, "no times");
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Returns the time that a build takes, and that of all processors.
fn build(directory: &Path, dependency: &str) -> Result<[Duration; 2], Lack> {
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
    let (start, before) = (Instant::now(), children_time());
    let status = cargo(&["build", "--release", "--offline"])?;
    let took = [start.elapsed(), children_time() - before];
    if status.success() { Ok(took) } else { Err(Lack(format!("cargo build: {status}"))) }
}

/// Returns the first number of a name.
pub fn find(figures: &[(&'static str, Vec<Result<f64, Lack>>)], name: &str) -> Option<f64> {
    figures.iter().find(|(found, _)| *found == name)?.1.first()?.clone().ok()
}
