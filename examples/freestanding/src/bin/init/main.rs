//! `init`: the only process of a virtual machine. It checks the library and the kernel against each other, and switches
//! the machine off.
//!
//! The first part is what every kernel has to pass, also one that is no Linux: the checks of the program `every_kernel`. The
//! second part knows versions. It calls the system call shims in every way, makes rings with every set-up, and tries requests,
//! registrations and waits of each sort. It checks that what a kernel of this version must support works, and that the
//! kernel refuses everything newer with the documented error. Each part ends with a line, and the second line is the result:
//!
//! ```text
//! OK every kernel: 1014 checks, 0 not here
//! OK io_uring 7.3.4 x86_64, features 0x3ffff, last opcode 0x40, 1234 checks, 1 skipped: NAME (REASON)
//! OK without io_uring (ENOSYS) 6.18.0 aarch64, 45 checks, 0 skipped
//! FAIL ...
//! ```
//!
//! As an ordinary process the program does the same and ends with status 0 if no check failed.
#![no_std]
#![no_main]

mod events;
mod facts;
mod many;
mod newest;
mod pool;
mod queues;
mod resources;
mod rings;
mod transfer;

use bare_uring::IoUring;
use facts::Facts;
use freestanding::checks::os::{self, Names};
use freestanding::checks::report::Report;
use freestanding::checks::{every, shims};
use freestanding::{Args, sys};

freestanding::entry!(main);

fn main(_args: Args) -> u8 {
    let names = Names::get();
    let mut report = Report::new();
    let alone = sys::process_id() == 1;
    if alone {
        report.equal("mounting a tmpfs", os::mount_tmpfs(c"/tmp"), Ok(()));
        report.equal("the loopback interface", os::raise_loopback(), Ok(()));
    }
    if cfg!(feature = "shims-only") {
        shims::check(&mut report);
        report.conclude("skipped", |line| {
            line.text("shims ").bytes(names.release()).text(" ").bytes(names.machine()).text(", ");
        });
    } else {
        let every = check_every_kernel();
        report.check("what every kernel has to pass", !every.failed());
        shims::check(&mut report);
        check_rings(&mut report, &names, &every);
    }
    if alone {
        os::power_off();
    }
    u8::from(report.failed())
}

/// Runs the checks of `every_kernel`, in a report of their own.
fn check_every_kernel() -> Report {
    let mut report = Report::of_any_kernel(false);
    every::check(&mut report);
    report.conclude("not here", |line| {
        line.text("every kernel: ");
    });
    report
}

fn check_rings(report: &mut Report, names: &Names, every: &Report) {
    let (facts, refused) = match IoUring::new(8) {
        Ok(ring) => (Some(check_kernel(report, names, every, ring)), None),
        // io_uring is not compiled in, hidden or switched off, so no program can use it.
        Err(error) if error.is_unavailable() => (None, Some(error.errno())),
        Err(error) => {
            report.equal("a ring", Some(error), None);
            (None, None)
        }
    };
    report.conclude("skipped", |line| {
        match refused {
            None => line.text("io_uring "),
            Some(errno) => line.text("without io_uring (").errno(errno).text(") "),
        };
        line.bytes(names.release()).text(" ").bytes(names.machine());
        if let Some(facts) = &facts {
            facts.describe(line);
        }
        line.text(", ");
    });
}

fn check_kernel(report: &mut Report, names: &Names, every: &Report, mut ring: IoUring) -> Facts {
    let facts = Facts::gather(report, names, &ring);
    facts.check_absences(report, every);
    rings::check(report, &facts);
    transfer::check(report, &facts, &mut ring);
    events::check(report, &facts, &mut ring);
    resources::check(report, &facts, &mut ring);
    queues::check(report, &facts);
    newest::check(report, &facts);
    facts
}
