//! Compares bare-uring with io-uring, rustix-uring, ququmatz, liburing, a ring driven by hand, and the system calls
//! that a program without a ring would make.
//!
//! `compare quick` measures what has a limit, `compare full` everything, `compare pictures` what the README shows. Run
//! it with `ci/bench.sh`, which provides what it needs.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("the ring by hand and the count of instructions need Linux on x86_64");

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use contenders::{ALL, Contender};
use goals::Goals;
use measure::{Column, Effort, Opened, Table, table};
use setup::Setup;
use work::echo::ReceiveMode;
use work::read::{Plan, Target};
use work::{create, echo, nop, read, wait};

mod contenders;
mod count;
mod cpu;
mod draw;
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
}

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
        let table = table(title, columns, contenders, self.effort);
        report::show(&table);
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
        report::show(&table);
        table
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

    fn all(&self) {
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
        goals.show();
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
        alone.push(("player alone", work::alone::player_row()));
        let title = "NOP, user's side alone on a ring in process memory, with the part that plays the kernel";
        self.measure(title, nop::columns(), alone);
        let idle = each(|contender| (contender.idle)());
        goals.idle(&self.measure("A submit with nothing to submit", vec![Column::new("one submit", 1)], idle));
        let waits = each(|contender| (contender.waits)());
        goals.waits(&self.measure("NOP, batch 1, defer, with a timeout", wait::columns(), waits));
        let makings = each(|contender| (contender.create)());
        self.measure("Making and closing a ring of 128 entries", create::columns(), makings);
    }

    fn programs(&self, goals: &mut Goals) {
        let sizes = programs::sizes(&self.programs);
        programs::show("A program that does one NOP, stripped", "bytes", &sizes, 0);
        report::show(&programs::starts(&self.programs, self.effort.slices / 2));
        let contenders = if self.full { 5 } else { 2 };
        let times = programs::build_times(&self.scratch, contenders, 2);
        programs::show("Clean release build of a dependent crate, default features (best of 2)", "s", &times, 2);
        let (ours, theirs) = (programs::find(&times, contenders::OURS), programs::find(&times, "io-uring"));
        goals.at_most("clean build: ours / io-uring", ours.zip(theirs).map(|(ours, theirs)| ours / theirs), 1.00);
        goals.at_most_whole("bytes of the freestanding nop", programs::find(&sizes, contenders::OURS), 1600.0);
        let cat = programs::bytes(&self.programs, programs::CAT).ok();
        goals.at_most_whole("bytes of the freestanding cat", cat, 6144.0);
    }

    /// Measures for the README's pictures, and draws them.
    fn pictures(&self, directory: &Path) {
        let from = format!("{}, Linux {}, {}", cpu::name(), cpu::kernel(), cpu::today());
        let table = self.nop(Setup::Defer);
        let how = format!(
            "Medians of {} slices of {:?} each, the contenders in turn. Shorter is better.",
            self.effort.slices, self.effort.slice
        );
        draw::nop(&directory.join("nop.svg"), &table, &[how, from.clone()]).expect("drawn");
        let sizes = programs::sizes(&self.programs);
        programs::show("A program that does one NOP, stripped", "bytes", &sizes, 0);
        let how = "Built for size and stripped; without C library unless said otherwise. Logarithmic scale.";
        draw::sizes(&directory.join("size.svg"), &sizes, &[how.to_owned(), from]).expect("drawn");
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
        let counts = match count::run(&self.scratch.join("callgrind")) {
            Ok(counts) => counts,
            Err(lack) => return println!("\nInstructions for one NOP: – {}", lack.0),
        };
        counts.show();
        for (batch, limit) in nop::BATCHES.into_iter().zip([75.0, 30.0, 26.0, 25.0]) {
            let seen = counts.get("batches", contenders::OURS, batch);
            goals.at_most(format!("instructions for one NOP, real kernel, batch {batch}"), seen, limit);
        }
        let seen = counts.get("singly", contenders::OURS, 32);
        goals.at_most("instructions for one NOP, one push at a time, batch 32", seen, 35.0);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let [what, scratch, programs, ref more @ ..] = words[..] else {
        if words == ["under-valgrind"] {
            return count::under_valgrind();
        }
        eprintln!(
            "usage: compare quick|full|pictures SCRATCH-DIRECTORY PROGRAMS-DIRECTORY [PICTURES-DIRECTORY|- [PART]]"
        );
        std::process::exit(2);
    };
    let full = what != "quick";
    let effort = if full {
        Effort { slices: 200, slice: Duration::from_micros(500), warm: true }
    } else {
        Effort { slices: 48, slice: Duration::from_micros(300), warm: true }
    };
    let start = Instant::now();
    println!("{}, Linux {}; {}; load {}", cpu::name(), cpu::kernel(), cpu::return_mitigations(), cpu::load());
    let run = Run {
        full,
        effort,
        scratch: Path::new(scratch).to_owned(),
        programs: Path::new(programs).to_owned(),
        part: more.get(1).map(|part| (*part).to_owned()),
    };
    if what != "pictures" {
        run.all();
    }
    if let Some(directory) = more.first().filter(|directory| **directory != "-") {
        run.pictures(Path::new(directory));
    }
    println!("\nmeasured in {:.0} s", start.elapsed().as_secs_f64());
}
