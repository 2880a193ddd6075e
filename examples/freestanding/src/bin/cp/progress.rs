//! A progress line on the terminal.

use bare_uring::opcode;
use bare_uring::squeue::Entry;
use bare_uring::types::Timespec;
use freestanding::print::Line;
use freestanding::sys;

/// User data of the timer.
pub(crate) const USER_DATA: u64 = 1 << 33;

/// Time between two updates: a tenth of a second.
static INTERVAL: Timespec = Timespec::new(0, 100_000_000);

/// The progress line, which is shown only if standard error is a terminal.
pub(crate) struct Progress {
    total: u64,
    terminal: bool,
    shown: bool,
}

impl Progress {
    /// Makes a line for a copy of `total` bytes; 0 stands for an unknown total.
    pub(crate) fn new(total: u64) -> Self {
        Self { total, terminal: sys::is_terminal(sys::STDERR), shown: false }
    }

    /// Returns the timer request for the next update; `None` without a terminal.
    pub(crate) fn timer(&self) -> Option<Entry> {
        self.terminal.then(|| opcode::Timeout::new(&raw const INTERVAL).build().user_data(USER_DATA))
    }

    /// Shows that `done` bytes are copied.
    pub(crate) fn show(&mut self, done: u64) {
        self.shown = true;
        let mut line = Line::new();
        // Back to the start of the line, and clear it.
        line.text("\r\x1b[K");
        if self.total != 0 {
            // A source that grows may have more than `total` bytes.
            let percent = (done / (self.total / 100).max(1)).min(100);
            line.number(percent).text("% ");
        }
        size(&mut line, done);
        if self.total != 0 {
            line.text(" of ");
            size(&mut line, self.total);
        }
        line.to_stderr();
    }
}

impl Drop for Progress {
    /// Clears the line.
    fn drop(&mut self) {
        if self.shown {
            Line::new().text("\r\x1b[K").to_stderr();
        }
    }
}

/// Appends a number of bytes with one decimal, in the largest unit of which there is at least one.
fn size(line: &mut Line, bytes: u64) {
    const UNITS: [&str; 6] = [" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];
    let mut unit = " bytes";
    let mut scale = 0;
    for name in UNITS {
        if bytes >> scale < 1024 {
            break;
        }
        scale += 10;
        unit = name;
    }
    line.number(bytes >> scale);
    if scale != 0 {
        // The part below the unit, reduced to its ten highest bits.
        let rest = bytes >> (scale - 10) & 1023;
        line.text(".").number(rest * 10 / 1024);
    }
    line.text(unit);
}
