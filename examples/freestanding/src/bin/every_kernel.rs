//! `every_kernel`: tells whether a kernel's io_uring and this library understand each other, and what the kernel lacks.
//!
//! The program runs on any kernel that loads a static program: on Linux, as an ordinary process or as process 1, and in a
//! unikernel. It asks the kernel what it has and knows no versions. It never waits without end. The last line is the result:
//!
//! ```text
//! OK every kernel: 1234 checks, 2 not here: FEAT_EXT_ARG (not among the features), provided memory (EINVAL)
//! FAIL every kernel: 1234 checks, 1 failed, 0 not here
//! ```
//!
//! A line before it says what a failed check has seen. The status is 0 if no check failed.
//!
//! The argument, if there is one, is the number of seconds within which a completion has to come (30 without it). With it the
//! program also prints the name of each topic before the topic begins.
#![no_std]
#![no_main]

use freestanding::checks::report::Report;
use freestanding::checks::{every, os};
use freestanding::{Args, number, sys};

freestanding::entry!(main);

fn main(mut args: Args) -> u8 {
    let seconds =
        args.nth(1).and_then(|seconds| number::parse(seconds.to_bytes())).and_then(|seconds| seconds.try_into().ok());
    if let Some(seconds) = seconds {
        every::set_patience(seconds);
    }
    let mut report = Report::of_any_kernel(seconds.is_some());
    every::check(&mut report);
    report.conclude("not here", |line| {
        line.text("every kernel: ");
    });
    if sys::process_id() == 1 {
        os::power_off();
    }
    u8::from(report.failed())
}
