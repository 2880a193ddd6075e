//! `panic_free_register`: calls every public function of `bare_uring::register`, so that the link proves them free of
//! panics (see [`freestanding::panic`]).
//!
//! Each topic registers something, checks the effect, and then makes invalid calls. The compiler knows none of the
//! numbers, lengths and addresses (see [`outside::any`]), so it can leave no path out. Most topics run twice: on a ring
//! that is entered by its file descriptor, and on one that is entered by its registered index. What the machine may
//! lack (a network card for zero-copy receive, operations newer than 6.18) runs once with Linux, which refuses it, and
//! once with a kernel of this program's own ([`card::Card`]).
//!
//! The program prints a line for each topic. The exit status is 0 unless a topic failed. An operation that an older
//! kernel lacks is not a failure.
#![no_std]
#![no_main]

mod buf_rings;
mod buffers;
mod cancel;
mod card;
mod files;
mod outside;
mod regions;
mod resize;
mod restrictions;
mod ring_fds;
mod settings;
mod tasks;
mod zcrx;

use bare_uring::{Builder, Errno, IoUring, LocalRing};
use freestanding::Args;
use freestanding::print::Line;

use crate::outside::{Has, Outcome};

freestanding::entry!(main);

/// Submission entries of each ring.
const ENTRIES: u32 = 8;

/// Makes a ring that is entered by its file descriptor.
fn ring() -> Outcome<IoUring> {
    Ok(Builder::new().build(ENTRIES)?)
}

/// Makes a ring that is entered by its registered index.
fn local() -> Outcome<LocalRing> {
    Ok(ring()?.register_ring_fd().map_err(|(_, errno)| errno)?)
}

/// Runs a topic on both of these rings.
macro_rules! both {
    ($tally:ident, $topic:path, $name:literal) => {
        $tally.topic($name, ring().and_then(|mut ring| $topic(&mut ring, &$tally.has)));
        $tally.topic(concat!($name, ", by index"), local().and_then(|mut ring| $topic(&mut ring, &$tally.has)));
    };
}

fn main(_args: Args) -> u8 {
    let mut tally = Tally { has: Has::ask(), failed: 0 };
    both!(tally, buffers::buffers, "buffers");
    both!(tally, files::files, "files");
    both!(tally, buf_rings::buf_rings, "buffer rings");
    both!(tally, settings::eventfd, "eventfd");
    both!(tally, settings::settings, "settings");
    both!(tally, settings::workers, "workers");
    both!(tally, settings::napi, "napi");
    both!(tally, cancel::cancel, "cancel");
    both!(tally, regions::given, "region");
    tally.topic("buffer rings, mapped", buf_rings::mapped(&tally.has));
    tally.topic("region, mapped", regions::mapped(&tally.has));
    tally.topic("wait arguments", regions::waits(&tally.has));
    tally.topic("restrictions", restrictions::restrictions(&tally.has));
    tally.topic("restrictions of the task", restrictions::of_the_task(&tally.has));
    tally.topic("filters", restrictions::filters(&tally.has));
    tally.topic("ring file descriptors", ring_fds::ring_fds(&tally.has));
    tally.topic("resize", resize::resize(&tally.has));
    tally.topic("query", tasks::query(&tally.has));
    tally.topic("messages", tasks::messages(&tally.has));
    tally.topic("raw", tasks::raw());
    tally.topic("zero-copy receive", zcrx::zcrx());
    u8::from(tally.failed != 0)
}

/// Counts the topics that failed.
struct Tally {
    has: Has,
    failed: u32,
}

impl Tally {
    /// Prints the outcome of a topic, and counts it if it failed.
    fn topic(&mut self, name: &str, outcome: Outcome<()>) {
        let mut line = Line::new();
        line.text(name).text(": ");
        match outcome {
            Ok(()) => match self.has.take_lacking() {
                0 => line.text("ok"),
                lacking => line.number(u64::from(lacking)).text(" calls are not on this kernel, the others ok"),
            },
            Err(failed) => {
                let lacks = self.has.may_lack_any() && failed.errno == Errno::EINVAL;
                self.failed += u32::from(!lacks);
                self.has.take_lacking();
                line.errno(failed.errno).text(" at ").text(failed.at.file()).text(":").number(failed.at.line().into())
            }
        };
        line.text("\n").to_stdout();
    }
}

/// Shows that the check works: indexes a table with a number that the compiler can't know.
#[cfg(feature = "panic-on-purpose")]
fn panic_on_purpose(probe: &bare_uring::register::Probe) {
    let table = [0_u8; 4];
    core::hint::black_box(table[usize::from(probe.last_op())]);
}
