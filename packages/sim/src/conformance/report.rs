//! [`Report`]: what a check has found, point by point.

use std::fmt;

/// What became of one point of the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The kernel does what the point says.
    Passed,
    /// The kernel does not have what the point is about. The crate works without it.
    NotOffered {
        /// The feature, flag, request or registration that is missing.
        missing: String,
        /// What the crate does instead.
        instead: &'static str,
    },
    /// The kernel does something else. The crate does not work on it, or loses requests.
    Broken {
        /// What the point asks for.
        expected: String,
        /// What the kernel did.
        seen: String,
    },
    /// The point could not be checked, because something that its check needs is broken or not offered.
    NotReached {
        /// What the check needs.
        needs: String,
    },
}

/// A point of the checklist, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The name of the point, which the checklist of [`bare_uring::Kernel`] has too.
    pub point: &'static str,
    /// What became of the point.
    pub outcome: Outcome,
}

/// What [`check`](super::check) has found. `Display` prints one line for each point.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Report(pub(super) Vec<Finding>);

impl Report {
    /// Returns all findings, in the order of the checklist.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.0
    }

    /// Returns what is broken. A kernel that conforms has nothing broken.
    pub fn broken(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(|finding| matches!(finding.outcome, Outcome::Broken { .. }))
    }

    /// Returns what the kernel does not offer.
    pub fn shortfalls(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(|finding| matches!(finding.outcome, Outcome::NotOffered { .. }))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => write!(f, "passed"),
            Self::NotOffered { missing, instead } => write!(f, "not offered: no {missing}; {instead}"),
            Self::Broken { expected, seen } => write!(f, "BROKEN: expected {expected}; seen {seen}"),
            Self::NotReached { needs } => write!(f, "not reached: needs {needs}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.point, self.outcome)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}

/// What a check of one point returns: nothing if it has passed.
pub(super) type Verdict = Result<(), Outcome>;

/// Returns the outcome of a point that is broken.
pub(super) fn broken(expected: impl Into<String>, seen: impl Into<String>) -> Outcome {
    Outcome::Broken { expected: expected.into(), seen: seen.into() }
}

/// Returns the outcome of a point that the kernel does not offer.
pub(super) fn not_offered(missing: impl Into<String>, instead: &'static str) -> Outcome {
    Outcome::NotOffered { missing: missing.into(), instead }
}

/// Compares what was seen with what the point asks for.
pub(super) fn expect<T: PartialEq + fmt::Debug>(what: &str, expected: T, seen: T) -> Verdict {
    if expected == seen { Ok(()) } else { Err(broken(format!("{what} {expected:?}"), format!("{seen:?}"))) }
}
