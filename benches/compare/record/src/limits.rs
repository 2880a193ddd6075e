//! Limits, each with the figure of a run, and which of them hold.

/// The limits of a run.
#[derive(Debug, Default)]
pub struct Limits {
    lines: Vec<String>,
    /// The limits that do not hold, or that nothing was measured for.
    missed: Vec<String>,
}

/// Which side of a limit is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    AtLeast,
    AtMost,
}

impl Limits {
    /// Notes a figure beside its limit, both printed with so many decimals. A figure that was not measured does not
    /// hold.
    pub fn note(&mut self, what: impl Into<String>, seen: Option<f64>, side: Side, limit: f64, decimals: usize) {
        let what = what.into();
        let relation = if side == Side::AtMost { "at most" } else { "at least" };
        let verdict = match seen {
            None => {
                self.missed.push(format!("{what} (not measured)"));
                "not measured".to_owned()
            }
            Some(seen) => {
                let holds = if side == Side::AtMost { seen <= limit } else { seen >= limit };
                if !holds {
                    self.missed.push(what.clone());
                }
                format!("{seen:>10.decimals$}  {}", if holds { "ok" } else { "MISS" })
            }
        };
        self.lines.push(format!("  {what:<78} {relation:<8} {limit:>7.decimals$}  {verdict}"));
    }

    /// Returns a line for each limit.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Returns a line that says how many limits hold, and names those that do not.
    pub fn summary(&self) -> String {
        let held = self.lines.len() - self.missed.len();
        let missed =
            if self.missed.is_empty() { String::new() } else { format!("; missed: {}", self.missed.join("; ")) };
        format!("{held} of {} hold{missed}", self.lines.len())
    }
}
