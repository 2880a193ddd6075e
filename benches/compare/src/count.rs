//! Counts the instructions of each request with callgrind.
//!
//! This program runs under valgrind, and does each contender's work twice, the second time with more rounds. Callgrind
//! writes its counters to a file after each. The difference, divided by the number of additional requests, is the cost
//! of one request; the cost of making the ring and of everything else that is done once cancels out. The counts are the
//! same in every run.

use std::arch::asm;
use std::ffi::CString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use record::what;

use crate::book::Book;
use crate::contenders;
use crate::measure::{Lack, Opened};
use crate::report;
use crate::setup::Setup;
use crate::work::alone;
use crate::work::nop::BATCHES;

/// Rounds of the first run; the second run does three times as many.
const ROUNDS: u32 = 200;

/// What is counted: requests in batches on the real kernel, requests pushed one by one on the real kernel, and the
/// user's side alone.
const KINDS: [&str; 3] = ["batches", "singly", "alone"];
const PLAYER: &str = "the kernel's player";
const TITLES: [&str; 3] = [
    "Instructions for one NOP, real kernel, plain set-up (user's side of it)",
    "Instructions for one NOP, real kernel, each request pushed through a handle of its own",
    "Instructions for one NOP, user's side alone: ring in process memory, SQPOLL awake (fence and flags), player deducted",
];

/// Makes callgrind write its counters to a file, under a name, and reset them. Does nothing outside callgrind.
fn dump(name: &str) {
    const DUMP_STATS_AT: u64 = (b'C' as u64) << 24 | (b'T' as u64) << 16 | 3;
    let name = CString::new(name).expect("no zeros");
    let request = [DUMP_STATS_AT, name.as_ptr().expose_provenance() as u64, 0, 0, 0, 0];
    // SAFETY: the rotations add up to a full turn, and the exchange is of a register with itself, so a processor
    // changes nothing. Valgrind recognises the sequence, reads the request, and sets rdx.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") &raw const request,
            inout("rdx") 0_u64 => _,
            inout("rdi") 0_u64 => _,
        );
    }
}

fn ready(kind: &str) -> Vec<(&'static str, Opened)> {
    let open = |contender: &contenders::Contender| match kind {
        "batches" => (contender.nop)(Setup::Plain),
        "singly" => (contender.singly)(),
        _ => (contender.alone)(),
    };
    let mut ready: Vec<_> = contenders::ALL.iter().map(|contender| (contender.name, open(contender))).collect();
    if kind == "alone" {
        ready.push((PLAYER, alone::player_row()));
    }
    ready
}

/// Does the work that callgrind counts; runs under valgrind.
pub fn under_valgrind() {
    for kind in KINDS {
        for (name, row) in ready(kind) {
            let Ok(mut row) = row else { continue };
            for (column, batch) in BATCHES.iter().enumerate() {
                for times in [1, 3] {
                    dump("between");
                    row.run(column, times * ROUNDS).expect("the contender can do this work");
                    dump(&format!("{kind}/{name}/{batch}/{times}"));
                }
            }
        }
    }
}

/// Instructions for one request, by kind, contender and batch.
pub struct Counts(Vec<(String, f64)>);

impl Counts {
    pub fn get(&self, kind: &str, name: &str, batch: u32) -> Option<f64> {
        let key = format!("{kind}/{name}/{batch}");
        self.0.iter().find(|(found, _)| *found == key).map(|(_, count)| *count)
    }

    fn row(&self, kind: &str, name: &str, without: Option<&str>) -> Vec<Result<f64, Lack>> {
        let cell = |batch: &u32| {
            let count = self.get(kind, name, *batch).ok_or_else(|| Lack("it can't do this".to_owned()))?;
            Ok(count - without.and_then(|other| self.get(kind, other, *batch)).unwrap_or(0.0))
        };
        BATCHES.iter().map(cell).collect()
    }

    /// Prints the counts, and records them.
    pub fn show(&self, book: &Book) {
        for (kind, title) in KINDS.iter().zip(TITLES) {
            let without = (*kind == "alone").then_some(PLAYER);
            let names = contenders::ALL.iter().map(|contender| contender.name);
            let mut rows: Vec<_> = names.map(|name| (name, self.row(kind, name, without))).collect();
            if let Some(player) = without {
                rows.push((player, self.row(kind, player, None)));
            }
            let batches = BATCHES.map(|batch| format!("batch {batch}"));
            let batches = batches.each_ref().map(String::as_str);
            report::grid(title, &batches, &rows, 1);
            book.grid(title, &batches, &rows, what::INSTRUCTIONS);
        }
    }

    /// Returns the instructions for one request of the user's side alone, without the player.
    pub fn alone(&self, name: &str, batch: u32) -> Option<f64> {
        Some(self.get("alone", name, batch)? - self.get("alone", PLAYER, batch)?)
    }
}

/// Runs this program under valgrind, and reads what callgrind wrote into `directory`.
pub fn run(directory: &Path) -> Result<Counts, Lack> {
    let failed = |what: &dyn std::fmt::Display| Lack(format!("callgrind: {what}"));
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=counts", "-q"])
        .arg(program)
        .arg("under-valgrind")
        .current_dir(directory)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| failed(&error))?;
    if !status.success() {
        return Err(failed(&status));
    }
    let mut totals = Vec::new();
    for file in fs::read_dir(directory).map_err(|error| failed(&error))?.flatten() {
        let text = fs::read_to_string(file.path()).map_err(|error| failed(&error))?;
        let after = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).map(str::trim);
        let name = after("desc: Trigger: Client Request: ");
        let total = after("totals: ").and_then(|total| total.parse::<f64>().ok());
        if let (Some(name), Some(total)) = (name, total) {
            totals.push((name.to_owned(), total));
        }
    }
    let total = |name: &str| totals.iter().find(|(found, _)| found == name).map(|(_, total)| *total);
    let counts = totals.iter().filter_map(|(name, first)| {
        let key = name.strip_suffix("/1")?;
        let batch: f64 = key.rsplit('/').next()?.parse().ok()?;
        let second = total(&format!("{key}/3"))?;
        Some((key.to_owned(), (second - first) / (2.0 * f64::from(ROUNDS) * batch)))
    });
    Ok(Counts(counts.collect()))
}
