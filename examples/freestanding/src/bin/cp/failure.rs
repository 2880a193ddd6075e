//! Why a copy failed, and how it is said.

use core::ffi::CStr;

use bare_uring::{Errno, SetupError};
use freestanding::print::Line;

/// Why a copy failed.
pub(crate) enum Failure {
    /// Something went wrong with a file, or with the ring.
    With(About, &'static str, Option<Errno>),
    /// A signal wants the program to end.
    Interrupted,
}

/// What a failure is about.
#[derive(Clone, Copy)]
pub(crate) enum About {
    Source,
    Destination,
    Ring,
}

impl About {
    /// `what` could not be done to this, for the kernel's reason.
    pub(crate) fn refused(self, what: &'static str) -> impl Fn(Errno) -> Failure {
        move |errno| Failure::With(self, what, Some(errno))
    }

    /// `what` makes a copy impossible.
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

    /// Says it on standard error: `cp: 'file': cannot read: EIO`.
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
