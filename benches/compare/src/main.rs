//! Compares bare-uring with io-uring, rustix-uring, ququmatz, liburing, a ring driven by hand, and the system calls
//! that a program without a ring would make.
//!
//! `compare quick` measures what has a limit, `compare full` everything. Run it with `ci/bench.sh`, which provides what
//! it needs.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("the ring by hand and the count of instructions need Linux on x86_64");

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use record::what;

use book::Book;
use contenders::{ALL, Contender};
use goals::Goals;
use measure::{Column, Effort, Lack, Opened, Table, table};
use setup::Setup;
use work::echo::ReceiveMode;
use work::read::{Plan, Target};
use work::{create, echo, nop, read, wait};

mod book;
mod contenders;
mod count;
mod cpu;
mod goals;
mod measure;
mod pages;
mod programs;
mod report;
mod setup;
mod work;

/// The arguments of the command line.
struct Run {
    full: bool,
    effort: Effort,
    /// Directory for files of this run.
    scratch: PathBuf,
    /// The only part of the work to do, if there is one.
    part: Option<String>,
    /// Directory of the programs to measure.
    programs: PathBuf,
    book: Book,
}

/// A row of plain numbers.
type Line = (&'static str, Vec<Result<f64, Lack>>);

/// Opens every contender.
fn each(open: impl Fn(&Contender) -> Opened) -> Vec<(&'static str, Opened)> {
    ALL.iter().map(|contender| (contender.name, open(contender))).collect()
}

impl Run {
    fn measure(
        &self,
        title: impl Into<String>,
        columns: Vec<Column>,
        contenders: Vec<(&'static str, Opened)>,
    ) -> Table {
        self.show(table(title, columns, contenders, self.effort))
    }

    /// Prints a table, and keeps its figures.
    fn show(&self, table: Table) -> Table {
        report::show(&table);
        self.book.table(&table);
        table
    }

    fn nop(&self, setup: Setup) -> Table {
        let effort = match setup {
            // One round in a slice, because each round waits until the kernel thread sleeps.
            Setup::SqpollAsleep => Effort { slices: self.effort.slices / 8, slice: Duration::ZERO, warm: false },
            // Each slice makes a ring.
            Setup::SqpollSpinning => {
                Effort { slices: self.effort.slices / 2, slice: self.effort.slice * 2, warm: false }
            }
            _ => self.effort,
        };
        let title = format!("NOP, {}", setup.name());
        // Not on the processor of the kernel thread.
        cpu::pin(setup.sqpoll_cpu().map(|_| 0));
        let table = table(title, nop::columns(), each(|contender| (contender.nop)(setup)), effort);
        cpu::pin(None);
        self.show(table)
    }

    fn reads(&self, target: &Target, direct: bool, fixed_file: bool, fixed_buffers: bool) -> Table {
        // All contenders read into the same memory, so that no contender has better pages.
        let plan = target.fd(direct).map(|fd| Plan::new(fd, fixed_file, fixed_buffers));
        let mut contenders = each(|contender| (contender.reads)(plan.clone()?));
        contenders.push(("pread", plan.and_then(read::pread_row)));
        self.measure(Plan::name(direct, fixed_file, fixed_buffers), read::columns(), contenders)
    }

    fn echo(&self, mode: ReceiveMode) {
        cpu::pin(Some(0));
        let mut contenders = each(|contender| (contender.echo)(mode));
        contenders.retain(|(name, _)| *name != contenders::BY_HAND);
        contenders.push(("epoll", echo::epoll_row()));
        let how = if mode == ReceiveMode::Plain { "one receive a message" } else { "multishot receives, buffer ring" };
        self.measure(format!("TCP echo of 64 bytes on one processor, {how}"), echo::columns(), contenders);
        cpu::pin(None);
    }

    fn all(&self) -> Goals {
        let mut goals = Goals::default();
        if self.wants("nop") {
            self.rings(&mut goals);
        }
        if self.wants("calls") {
            self.calls(&mut goals);
        }
        if self.wants("reads") {
            self.files(&mut goals);
        }
        if self.full && self.wants("echo") || self.part.as_deref() == Some("echo") {
            self.echo(ReceiveMode::Plain);
            self.echo(ReceiveMode::Multishot);
        }
        if self.wants("counts") {
            self.counts(&mut goals);
        }
        if self.wants("programs") {
            self.programs(&mut goals);
        }
        goals
    }

    fn wants(&self, part: &str) -> bool {
        self.part.as_deref().is_none_or(|wanted| wanted == part)
    }

    /// Measures NOPs with each set-up.
    fn rings(&self, goals: &mut Goals) {
        for setup in Setup::ALL {
            if !self.full && !matches!(setup, Setup::Plain | Setup::DeferRegistered | Setup::SqpollSpinning) {
                continue;
            }
            let table = self.nop(setup);
            match setup {
                Setup::SqpollSpinning => goals.sqpoll(&table),
                Setup::SqpollAsleep => {}
                _ => goals.nop(&table, setup.name()),
            }
        }
    }

    /// Measures single calls.
    fn calls(&self, goals: &mut Goals) {
        let singly = each(|contender| (contender.singly)());
        self.measure("NOP, plain, a handle for each push", nop::columns(), singly);
        let mut alone = each(|contender| (contender.alone)());
        alone.push((goals::PLAYER, work::alone::player_row()));
        let title = "NOP, user's side alone on a ring in process memory, with the part that plays the kernel";
        goals.alone(&self.measure(title, nop::columns(), alone));
        let idle = each(|contender| (contender.idle)());
        goals.idle(&self.measure("A submit with nothing to submit", vec![Column::new("one submit", 1)], idle));
        let waits = each(|contender| (contender.waits)());
        goals.waits(&self.measure("NOP, batch 1, defer, with a timeout", wait::columns(), waits));
        let makings = each(|contender| (contender.create)());
        self.measure("Making and closing a ring of 128 entries", create::columns(), makings);
    }

    fn programs(&self, goals: &mut Goals) {
        let grid = |title: &str, columns: &[(&str, &str)], rows: &[Line], decimals| {
            let names: Vec<&str> = columns.iter().map(|column| column.0).collect();
            report::grid(title, &names, rows, decimals);
            for (at, (name, what)) in columns.iter().enumerate() {
                let only = |(row, cells): &Line| (*row, vec![cells[at].clone()]);
                self.book.grid(title, &[name], &rows.iter().map(only).collect::<Vec<_>>(), what);
            }
        };
        let sizes = programs::sizes(&self.programs);
        grid(record::SIZES, &[("bytes", what::BYTES)], &sizes, 0);
        let cat = [(contenders::OURS, vec![programs::bytes(&self.programs, programs::CAT)])];
        grid("A program that prints files, stripped", &[("bytes", what::BYTES)], &cat, 0);
        self.show(programs::starts(&self.programs, self.effort.slices / 2));
        let times = programs::build_times(&self.scratch, self.full, 3);
        let columns = [("s", what::SECONDS), ("CPU s", what::CPU_SECONDS)];
        grid("Clean release build of a dependent crate, default features (best of 3)", &columns, &times, 2);
        goals.build(&times);
        goals.at_most_whole("bytes of the freestanding nop", programs::find(&sizes, contenders::OURS), 1600.0);
        goals.at_most_whole("bytes of the freestanding cat", programs::find(&cat, contenders::OURS), 5024.0);
    }

    fn files(&self, goals: &mut Goals) {
        let target = Target::make(&self.scratch.join("pages")).expect("a file to read");
        goals.reads(&self.reads(&target, false, false, false));
        if !self.full {
            return;
        }
        for (fixed_file, fixed_buffers) in [(true, false), (false, true), (true, true)] {
            self.reads(&target, false, fixed_file, fixed_buffers);
        }
        for fixed in [false, true] {
            self.reads(&target, true, fixed, fixed);
        }
    }

    fn counts(&self, goals: &mut Goals) {
        let counts = count::run(&self.scratch.join("callgrind"));
        match &counts {
            Ok(counts) => counts.show(&self.book),
            Err(lack) => println!("\nInstructions for one NOP: – {}", lack.0),
        }
        goals.counts(counts.as_ref().ok());
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let [what @ ("quick" | "full"), scratch, programs, ref more @ ..] = words[..] else {
        if words == ["under-valgrind"] {
            count::under_valgrind();
            return ExitCode::SUCCESS;
        }
        eprintln!("usage: compare quick|full SCRATCH-DIRECTORY PROGRAMS-DIRECTORY [RECORD-DIRECTORY|- [PART]]");
        return ExitCode::from(2);
    };
    let full = what == "full";
    let effort = if full {
        Effort { slices: 200, slice: Duration::from_micros(500), warm: true }
    } else {
        Effort { slices: 48, slice: Duration::from_micros(300), warm: true }
    };
    let start = Instant::now();
    let run = Run {
        full,
        effort,
        scratch: Path::new(scratch).to_owned(),
        programs: Path::new(programs).to_owned(),
        part: more.get(1).map(|part| (*part).to_owned()),
        book: Book::new(),
    };
    println!("{}", run.book.describe());
    let goals = run.all();
    if let Some(record) = more.first().filter(|record| **record != "-")
        && let Err(fault) = run.book.save(Path::new(record))
    {
        eprintln!("{fault}");
        return ExitCode::FAILURE;
    }
    println!("\nmeasured in {:.0} s", start.elapsed().as_secs_f64());
    goals.show();
    ExitCode::SUCCESS
}
