//! The reasons why a copy fails, and their messages.

use core::ffi::CStr;

use bare_uring::{Errno, SetupError};
use freestanding::print::Line;

/// Why a copy failed.
pub(crate) enum Failure {
    /// A file or the ring failed: what failed, a phrase that says how, and the kernel's error.
    With(About, &'static str, Option<Errno>),
    /// A signal asked the program to end.
    Interrupted,
}

/// The subject of a failure.
#[derive(Clone, Copy)]
pub(crate) enum About {
    Source,
    Destination,
    Ring,
}

impl About {
    /// Makes a failure of an error: the kernel refused `what`.
    pub(crate) fn refused(self, what: &'static str) -> impl Fn(Errno) -> Failure {
        move |errno| Failure::With(self, what, Some(errno))
    }

    /// Makes a failure without an error: `what` makes a copy impossible.
    pub(crate) fn unfit(self, what: &'static str) -> Failure {
        Failure::With(self, what, None)
    }
}

impl Failure {
    pub(crate) fn setup(error: SetupError) -> Self {
        Self::With(About::Ring, "cannot be set up", Some(error.errno()))
    }

    pub(crate) fn ring(errno: Errno) -> Self {
        Self::With(About::Ring, "failed", Some(errno))
    }

    /// Returns the kernel's error, if there is one.
    pub(crate) fn errno(&self) -> Option<Errno> {
        match *self {
            Self::With(_, _, errno) => errno,
            Self::Interrupted => None,
        }
    }

    /// Prints the failure to standard error, such as `cp: 'file': cannot be read: EIO`.
    pub(crate) fn print(&self, source: &CStr, destination: &CStr) {
        let mut line = Line::new();
        match *self {
            Self::With(about, what, errno) => {
                match about {
                    About::Source => line.text("cp: '").path(source).text("': "),
                    About::Destination => line.text("cp: '").path(destination).text("': "),
                    About::Ring => line.text("cp: io_uring: "),
                };
                line.text(what);
                if let Some(errno) = errno {
                    line.text(": ").errno(errno);
                }
            }
            Self::Interrupted => {
                line.text("cp: interrupted");
            }
        }
        line.text("\n").to_stderr();
    }
}
