//! Limits that the figures should keep, printed beside the figures of this run. A missed limit does not end the program
//! with an error: timings inform, and decide nothing.

use crate::contenders::{BY_HAND, OURS, PEERS};
use crate::measure::{Table, median, quantile, ratios};
use crate::work::nop::BATCHES;

/// The limits, each with the figure of this run.
#[derive(Default)]
pub struct Goals {
    lines: Vec<String>,
    missed: usize,
}

impl Goals {
    /// Notes a figure that must be at least the limit, or with `at_most` at most the limit.
    fn check(&mut self, what: String, seen: Option<f64>, limit: f64, at_most: bool, decimals: usize) {
        let relation = if at_most { "at most" } else { "at least" };
        let verdict = match seen {
            None => "not measured".to_owned(),
            Some(seen) => {
                let holds = if at_most { seen <= limit } else { seen >= limit };
                self.missed += usize::from(!holds);
                format!("{seen:>10.decimals$}  {}", if holds { "ok" } else { "MISS" })
            }
        };
        self.lines.push(format!("  {what:<62} {relation:<8} {limit:>7.decimals$}  {verdict}"));
    }

    pub fn at_least(&mut self, what: impl Into<String>, seen: Option<f64>, limit: f64) {
        self.check(what.into(), seen, limit, false, 2);
    }

    pub fn at_most(&mut self, what: impl Into<String>, seen: Option<f64>, limit: f64) {
        self.check(what.into(), seen, limit, true, 2);
    }

    /// Notes a count or a size, which has no decimals.
    pub fn at_most_whole(&mut self, what: impl Into<String>, seen: Option<f64>, limit: f64) {
        self.check(what.into(), seen, limit, true, 0);
    }

    /// Compares NOPs on one set-up: the peers return from the kernel through a function, and we do not.
    pub fn nop(&mut self, table: &Table, setup: &str) {
        for (column, (batch, limit)) in BATCHES.iter().zip([1.35, 1.10, 1.00, 1.00]).enumerate() {
            for peer in ["io-uring", "liburing"] {
                let what = format!("NOP, {setup}, batch {batch}: {peer} / ours");
                // A peer may be as fast as we are in large batches: there the upper quartile is compared.
                let at = if limit == 1.00 { 0.75 } else { 0.5 };
                let what = if limit == 1.00 { format!("{what} (upper quartile)") } else { what };
                self.at_least(what, quantile_of_ratio(table, peer, OURS, column, at), limit);
            }
            let what = format!("NOP, {setup}, batch {batch}: ours / by hand");
            self.at_most(what, table.ratio(OURS, BY_HAND, column), 1.05);
        }
    }

    /// Compares cached reads at depth 1.
    pub fn reads(&mut self, table: &Table) {
        for peer in PEERS {
            self.at_least(format!("cached read, depth 1: {peer} / ours"), table.ratio(peer, OURS, 0), 1.15);
        }
        self.at_most("cached read, depth 1: ours / by hand", table.ratio(OURS, BY_HAND, 0), 1.05);
    }

    /// Compares the best peer of each batch with us. Uses the upper quartile, because the other load of the two
    /// processors has a larger effect.
    pub fn sqpoll(&mut self, table: &Table) {
        for (column, batch) in BATCHES.iter().enumerate() {
            let best = PEERS
                .into_iter()
                .filter_map(|peer| table.samples(peer, column).map(|samples| (peer, median(samples))))
                .min_by(|a, b| a.1.total_cmp(&b.1));
            let Some((peer, _)) = best else { continue };
            let seen = quantile_of_ratio(table, peer, OURS, column, 0.75);
            self.at_least(format!("SQPOLL spinning, batch {batch}: {peer} / ours (upper quartile)"), seen, 1.00);
        }
    }

    pub fn waits(&mut self, table: &Table) {
        let seen = table.samples(OURS, 2).zip(table.samples(OURS, 0));
        let seen = seen.map(|(registered, untimed)| median(&ratios(registered, untimed)));
        self.at_most("a registered timed wait / an untimed one", seen, 1.03);
    }

    pub fn idle(&mut self, table: &Table) {
        self.at_most("an empty submit, ns", table.samples(OURS, 0).map(median), 3.0);
    }

    /// Prints all limits.
    pub fn show(&self) {
        println!("\nWhat must hold");
        self.lines.iter().for_each(|line| println!("{line}"));
        println!("  {} of {} hold", self.lines.len() - self.missed, self.lines.len());
    }
}

fn quantile_of_ratio(table: &Table, a: &str, b: &str, column: usize, at: f64) -> Option<f64> {
    Some(quantile(&ratios(table.samples(a, column)?, table.samples(b, column)?), at))
}
