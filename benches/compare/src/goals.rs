//! Limits that the figures should keep, printed beside the figures of this run. A missed limit does not end the program
//! with an error: timings inform, and decide nothing.

use record::limits::{Limits, Side};

use crate::contenders::{BY_HAND, OURS, PEERS};
use crate::count::Counts;
use crate::measure::{Lack, Table, median, quantile, ratios};
use crate::work::nop::BATCHES;

/// The row of the table of the user's side alone that is deducted from the others.
pub const PLAYER: &str = "player alone";

/// The limits, each with the figure of this run.
#[derive(Default)]
pub struct Goals(Limits);

impl Goals {
    fn at_least(&mut self, what: impl Into<String>, seen: Option<f64>, limit: f64) {
        self.0.note(what, seen, Side::AtLeast, limit, 2);
    }

    fn at_most(&mut self, what: impl Into<String>, seen: Option<f64>, limit: f64) {
        self.0.note(what, seen, Side::AtMost, limit, 2);
    }

    /// Notes a count or a size, which has no decimals.
    pub fn at_most_whole(&mut self, what: impl Into<String>, seen: Option<f64>, limit: f64) {
        self.0.note(what, seen, Side::AtMost, limit, 0);
    }

    /// Compares NOPs on one set-up: these peers return from the kernel through a function, and we do not. A peer whose
    /// library can't make such a ring has no limit here.
    pub fn nop(&mut self, table: &Table, setup: &str) {
        for (column, (batch, limit)) in BATCHES.iter().zip([1.35, 1.10, 1.00, 1.00]).enumerate() {
            for peer in ["io-uring", "liburing"] {
                if table.samples(peer, column).is_none() {
                    continue;
                }
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

    /// Compares the user's side alone with each peer, and notes the peer that comes nearest. The player's time in the
    /// same round is deducted from both: `work::alone` says why the order stays what it is.
    pub fn alone(&mut self, table: &Table) {
        for (column, batch) in BATCHES.iter().enumerate() {
            let own = |name: &str| -> Option<Vec<f64>> {
                let (all, player) = (table.samples(name, column)?, table.samples(PLAYER, column)?);
                Some(all.iter().zip(player).map(|(all, player)| all - player).collect())
            };
            let ours = own(OURS);
            let to = |peer: &'static str| Some((peer, median(&ratios(ours.as_deref()?, &own(peer)?))));
            let nearest = PEERS.into_iter().filter_map(to).max_by(|a, b| a.1.total_cmp(&b.1));
            let what = format!("user's side alone, batch {batch}: ours / {}", nearest.map_or("best peer", |it| it.0));
            self.at_most(what, nearest.map(|it| it.1), 0.97);
        }
    }

    /// Compares instructions, which are the same in each run.
    pub fn counts(&mut self, counts: Option<&Counts>) {
        let real = |kind: &'static str| move |batch| counts?.get(kind, OURS, batch);
        let alone = |batch| counts?.alone(OURS, batch);
        self.instructions("real kernel", real("batches"), [82.0, 29.0, 23.0, 21.5]);
        self.instructions("real kernel, a handle for each push", real("singly"), [82.0, 34.0, 28.0, 27.0]);
        self.instructions("user's side alone", alone, [73.0, 26.0, 21.5, 20.0]);
    }

    fn instructions(&mut self, kind: &str, seen: impl Fn(u32) -> Option<f64>, limits: [f64; BATCHES.len()]) {
        for (batch, limit) in BATCHES.into_iter().zip(limits) {
            self.at_most(format!("instructions for one NOP, {kind}, batch {batch}"), seen(batch), limit);
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

    /// Notes an empty submit, beside that of the peer that makes no system call for one either.
    pub fn idle(&mut self, table: &Table) {
        let [ours, theirs] = [OURS, "ququmatz"].map(|name| table.samples(name, 0).map(median));
        let beside = theirs.map_or("–".to_owned(), |ns| format!("{ns:.2}"));
        self.at_most(format!("an empty submit, ns (ququmatz: {beside})"), ours, 1.7);
    }

    /// Compares the seconds of our clean build with those of the fastest peer.
    pub fn build(&mut self, times: &[(&'static str, Vec<Result<f64, Lack>>)]) {
        let seconds = |name: &str| times.iter().find(|(found, _)| *found == name)?.1.first()?.as_ref().ok().copied();
        let peers = PEERS.into_iter().filter_map(|peer| Some((peer, seconds(peer)?)));
        let fastest = peers.min_by(|a, b| a.1.total_cmp(&b.1));
        let what = format!("clean build: ours / {}, the fastest peer", fastest.map_or("–", |it| it.0));
        self.at_most(what, seconds(OURS).zip(fastest).map(|(ours, it)| ours / it.1), 1.00);
    }

    /// Prints all limits. The last line says how many hold, and names those that do not.
    pub fn show(&self) {
        println!("\nWhat must hold");
        self.0.lines().iter().for_each(|line| println!("{line}"));
        println!("\n{}", self.0.summary());
    }
}

fn quantile_of_ratio(table: &Table, a: &str, b: &str, column: usize, at: f64) -> Option<f64> {
    Some(quantile(&ratios(table.samples(a, column)?, table.samples(b, column)?), at))
}
