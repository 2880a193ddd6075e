//! The program of a test that runs many seeds, in one process for each processor.
//!
//! `--seeds N` (or the variable `SIMULATE_SEEDS`) runs N seeds, from `--from` on. `--counts` prints what was reached.
//! `--seed N` runs one seed and prints what it does.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

/// The longest time that one seed may take.
const HANGS: Duration = Duration::from_secs(30);

/// A test of seeds.
pub struct Suite {
    /// The test's name.
    pub name: &'static str,
    /// The number of seeds that run if no argument says how many.
    pub usual: u64,
    /// Runs one seed. Returns the counts of what it reached.
    pub run: fn(u64, bool) -> Vec<u64>,
    /// The names of the counts.
    pub counts: fn() -> Vec<String>,
    /// Returns a line for each count that was too low for this number of seeds.
    pub wrong: fn(&[u64], u64) -> Vec<String>,
}

/// Runs the test.
pub fn main(suite: &Suite) -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    if let Some(seed) = number("--seed") {
        for (count, name) in (suite.run)(seed, true).iter().zip((suite.counts)()) {
            println!("{count:8} {name}");
        }
        println!("seed {seed} holds");
        return ExitCode::SUCCESS;
    }
    let from = number("--from").unwrap_or(0);
    let asked = std::env::var("SIMULATE_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let seeds = number("--seeds").or(asked).unwrap_or(suite.usual);
    if let Some(place) = number("--worker") {
        let stride = number("--stride").unwrap_or(1);
        return work(suite, from + place, from + seeds, stride, &note_of(place, number("--parent").unwrap_or(0)));
    }
    lead(suite, from, seeds)
}

/// Returns the file in which a worker notes its present seed.
fn note_of(place: u64, parent: u64) -> PathBuf {
    std::env::temp_dir().join(format!("bare-uring-sim-{parent}-{place}"))
}

/// Runs a worker's share of the seeds. A seed that fails panics. If it kills the process, the note still has its
/// number. At the end the counts stand in the note, behind the seed.
fn work(suite: &Suite, from: u64, until: u64, stride: u64, note: &PathBuf) -> ExitCode {
    let mut reached = vec![0; (suite.counts)().len()];
    let note = OpenOptions::new().write(true).create(true).truncate(true).open(note).expect("a file for the note");
    let mut seed = from;
    while seed < until {
        note.write_all_at(&seed.to_ne_bytes(), 0).expect("written");
        match catch_unwind(AssertUnwindSafe(|| (suite.run)(seed, false))) {
            Ok(counts) => merge(&mut reached, &counts),
            Err(_) => return ExitCode::FAILURE,
        }
        seed += stride;
    }
    let counts: Vec<u8> = reached.iter().flat_map(|count| count.to_ne_bytes()).collect();
    note.write_all_at(&counts, 8).expect("written");
    ExitCode::SUCCESS
}

/// Runs the seeds in one process for each processor, and prints the seeds that failed.
fn lead(suite: &Suite, from: u64, seeds: u64) -> ExitCode {
    let start = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let parent = u64::from(std::process::id());
    let program = std::env::current_exe().expect("its own path");
    let mut running: Vec<(PathBuf, Child, u64, Instant)> = (0..workers)
        .map(|place| {
            let mut command = Command::new(&program);
            for (name, value) in
                [("--from", from), ("--seeds", seeds), ("--worker", place), ("--stride", workers), ("--parent", parent)]
            {
                command.arg(name).arg(value.to_string());
            }
            (note_of(place, parent), command.spawn().expect("a worker"), from, Instant::now())
        })
        .collect();
    let (mut failed, mut reached) = (false, vec![0; (suite.counts)().len()]);
    while !running.is_empty() {
        std::thread::sleep(Duration::from_millis(20));
        running.retain_mut(|(note, child, last, since)| {
            let seed = seed_in(note).unwrap_or(*last);
            if seed != *last {
                (*last, *since) = (seed, Instant::now());
            }
            let ended = child.try_wait().expect("a child");
            let hangs = ended.is_none() && since.elapsed() > HANGS;
            if hangs {
                child.kill().expect("a child");
                child.wait().expect("a child");
            }
            if hangs || ended.is_some_and(|status| !status.success()) {
                let how = ended.map_or("it hangs".to_string(), |status| status.to_string());
                println!("seed {seed} failed ({how}); to see it again:");
                println!("    cargo test --release -p bare-uring-sim --test {} -- --seed {seed}", suite.name);
                failed = true;
            }
            let over = hangs || ended.is_some();
            if over {
                let counts = reached_in(note, reached.len());
                merge(&mut reached, &counts);
                let _ = std::fs::remove_file(note);
            }
            !over
        });
    }
    if failed {
        return ExitCode::FAILURE;
    }
    if std::env::args().any(|argument| argument == "--counts") {
        reached.iter().zip((suite.counts)()).for_each(|(count, name)| println!("{count:8} {name}"));
    }
    let wrong = (suite.wrong)(&reached, seeds);
    if !wrong.is_empty() {
        println!("{seeds} seeds hold, from {from}, but the simulated kernel did not do what it should:");
        wrong.iter().for_each(|line| println!("    {line}"));
        return ExitCode::FAILURE;
    }
    println!("{seeds} seeds hold, from {from}, in {:.1} s", start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

/// Reads the seed of a note.
fn seed_in(note: &PathBuf) -> Option<u64> {
    let mut bytes = [0; 8];
    File::open(note).ok()?.read_exact_at(&mut bytes, 0).ok()?;
    Some(u64::from_ne_bytes(bytes))
}

/// Reads the counts of a note; zeroes if the worker did not end well.
fn reached_in(note: &PathBuf, counts: usize) -> Vec<u64> {
    let mut bytes = vec![0; 8 * counts];
    if !File::open(note).is_ok_and(|note| note.read_exact_at(&mut bytes, 8).is_ok()) {
        return vec![0; counts];
    }
    bytes.chunks_exact(8).map(|count| count.try_into().map_or(0, u64::from_ne_bytes)).collect()
}

/// Adds counts.
fn merge(reached: &mut [u64], counts: &[u64]) {
    reached.iter_mut().zip(counts).for_each(|(reached, count)| *reached += count);
}
