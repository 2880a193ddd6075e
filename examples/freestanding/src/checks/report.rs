//! The report: counts checks and prints failures.

use core::fmt::{Debug, Write as _};

use bare_uring::Errno;

use crate::print::Line;

/// The names of things that are not there which a report remembers.
const NAMES: usize = 40;

/// Counts checks, and prints the value of each check that fails.
#[derive(Debug)]
pub struct Report {
    checks: u32,
    failures: u32,
    /// Whether the kernel may lack a system call.
    any_kernel: bool,
    /// Whether the name of each topic is printed before it begins.
    loud: bool,
    /// `name (reason)` of each check that this kernel or machine can't run.
    skips: Line,
    names: [&'static str; NAMES],
    skipped: usize,
}

impl Default for Report {
    fn default() -> Self {
        Self::new()
    }
}

impl Report {
    /// Makes an empty report of a kernel that has every system call.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            checks: 0,
            failures: 0,
            any_kernel: false,
            loud: false,
            skips: Line::new(),
            names: [""; NAMES],
            skipped: 0,
        }
    }

    /// Makes an empty report of a kernel that may lack system calls. With `loud`, the report prints the name of each topic
    /// before the topic begins: so that the last line names the topic in which the kernel stopped.
    #[must_use]
    pub const fn of_any_kernel(loud: bool) -> Self {
        Self { any_kernel: true, loud, ..Self::new() }
    }

    /// Returns whether the kernel may lack system calls.
    #[must_use]
    pub const fn is_of_any_kernel(&self) -> bool {
        self.any_kernel
    }

    /// Begins a topic.
    pub fn topic(&self, name: &str) {
        if self.loud {
            Line::new().text("now ").text(name).text("\n").to_stdout();
        }
    }

    /// Checks that a condition holds.
    pub fn check(&mut self, name: &str, passed: bool) {
        self.equal(name, passed, true);
    }

    /// Checks that a value is the expected one.
    pub fn equal<T: PartialEq + Debug>(&mut self, name: &str, seen: T, expected: T) {
        self.checks += 1;
        if seen != expected {
            self.failures += 1;
            let mut line = Line::new();
            let _ = writeln!(line, "FAIL {name}: {seen:?}, expected {expected:?}");
            line.to_stdout();
        }
    }

    /// Checks the result of a system call, which not every kernel has.
    pub fn called(&mut self, name: &'static str, seen: Result<usize, Errno>, expected: Result<usize, Errno>) {
        if self.any_kernel && seen == Err(Errno::ENOSYS) && seen != expected {
            self.absent(name, Errno::ENOSYS);
        } else {
            self.equal(name, seen, expected);
        }
    }

    /// Checks that a step worked, and returns its value, which the next checks need.
    pub fn value<T, E: Debug>(&mut self, name: &str, outcome: Result<T, E>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.checks += 1;
                Some(value)
            }
            Err(error) => {
                self.equal(name, Err(Opaque(error)), Ok(()));
                None
            }
        }
    }

    /// Notes a check that can't run here, and the reason.
    pub fn skip(&mut self, name: &'static str, reason: &str) {
        // A thing that several checks need is named once.
        if self.skipped().contains(&name) {
            return;
        }
        let separator = if self.skipped == 0 { "" } else { ", " };
        if let Some(place) = self.names.get_mut(self.skipped) {
            *place = name;
            self.skipped += 1;
        }
        let _ = write!(self.skips, "{separator}{name} ({reason})");
    }

    /// Notes what this kernel does not have, and the error that says so.
    pub fn absent(&mut self, name: &'static str, errno: Errno) {
        let mut reason = Line::new();
        reason.errno(errno);
        self.skip(name, core::str::from_utf8(reason.as_bytes()).unwrap_or("an error"));
    }

    /// Returns the names of the checks that can't run here.
    #[must_use]
    pub fn skipped(&self) -> &[&'static str] {
        self.names.get(..self.skipped).unwrap_or_default()
    }

    /// Returns whether a check failed.
    #[must_use]
    pub const fn failed(&self) -> bool {
        self.failures != 0
    }

    /// Prints the last line: `about` adds what was checked, and `word` says what became of the checks that can't run here.
    pub fn conclude(&mut self, word: &str, about: impl FnOnce(&mut Line)) {
        let mut line = Line::new();
        line.text(if self.failed() { "FAIL " } else { "OK " });
        about(&mut line);
        let _ = write!(line, "{} checks", self.checks);
        if self.failed() {
            let _ = write!(line, ", {} failed", self.failures);
        }
        let _ = write!(line, ", {} {word}", self.skipped);
        if self.skipped != 0 {
            line.text(": ").bytes(self.skips.as_bytes());
        }
        line.text("\n").to_stdout();
    }
}

/// An error of any type that can be printed. It is equal to no other.
struct Opaque<E>(E);

impl<E> PartialEq for Opaque<E> {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

impl<E: Debug> Debug for Opaque<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}
