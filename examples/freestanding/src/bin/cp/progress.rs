//! A line on the terminal that says how far the copy is.

use bare_uring::opcode;
use bare_uring::squeue::Entry;
use bare_uring::types::Timespec;
use freestanding::print::Line;
use freestanding::sys;

/// What the completion of the timer carries.
pub(crate) const USER_DATA: u64 = 1 << 33;

/// From one update to the next: a tenth of a second.
static INTERVAL: Timespec = Timespec::new(0, 100_000_000);

/// What is shown, if standard error is a terminal.
pub(crate) struct Progress {
    total: u64,
    terminal: bool,
    shown: bool,
}

impl Progress {
    /// `total` bytes to copy, or 0 if nobody knows.
    pub(crate) fn new(total: u64) -> Self {
        Self { total, terminal: sys::is_terminal(sys::STDERR), shown: false }
    }

    /// The timer until the next update; none without a terminal.
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
            // A source that grows would exceed it.
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
    /// Leaves an empty line to whoever writes next.
    fn drop(&mut self) {
        if self.shown {
            Line::new().text("\r\x1b[K").to_stderr();
        }
    }
}

/// A number of bytes, in the largest unit of which it is at least one, with one decimal.
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
        // The part below the unit, cut to its ten highest bits.
        let rest = bytes >> (scale - 10) & 1023;
        line.text(".").number(rest * 10 / 1024);
    }
    line.text(unit);
}
