//! The report: counts checks and prints failures.

use core::fmt::{Debug, Write as _};

use freestanding::print::Line;

/// Counts checks, and prints the value of each check that fails.
pub(crate) struct Report {
    checks: u32,
    failures: u32,
    /// `name (reason)` of each check that this kernel or machine can't run.
    skips: Line,
    skipped: u32,
}

impl Report {
    /// Makes an empty report.
    pub(crate) const fn new() -> Self {
        Self { checks: 0, failures: 0, skips: Line::new(), skipped: 0 }
    }

    /// Checks that a condition holds.
    pub(crate) fn check(&mut self, name: &str, passed: bool) {
        self.equal(name, passed, true);
    }

    /// Checks that a value is the expected one.
    pub(crate) fn equal<T: PartialEq + Debug>(&mut self, name: &str, seen: T, expected: T) {
        self.checks += 1;
        if seen != expected {
            self.failures += 1;
            let mut line = Line::new();
            let _ = writeln!(line, "FAIL {name}: {seen:?}, expected {expected:?}");
            line.to_stdout();
        }
    }

    /// Checks that a step worked, and returns its value, which the next checks need.
    pub(crate) fn value<T, E: Debug>(&mut self, name: &str, outcome: Result<T, E>) -> Option<T> {
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
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        let separator = if self.skipped == 0 { "" } else { ", " };
        self.skipped += 1;
        let _ = write!(self.skips, "{separator}{name} ({reason})");
    }

    /// Returns whether a check failed.
    pub(crate) const fn failed(&self) -> bool {
        self.failures != 0
    }

    /// Prints the last line; `about` adds what was checked.
    pub(crate) fn conclude(&mut self, about: impl FnOnce(&mut Line)) {
        let mut line = Line::new();
        line.text(if self.failed() { "FAIL " } else { "OK " });
        about(&mut line);
        let _ = write!(line, ", {} checks", self.checks);
        if self.failed() {
            let _ = write!(line, ", {} failed", self.failures);
        }
        let _ = write!(line, ", {} skipped", self.skipped);
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
