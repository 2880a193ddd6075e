//! Taking measurements: contenders in turn, many short slices, and what remains of them when the noise is gone.
//!
//! A slice is some hundred microseconds of the fastest contender's work, and the same work of each other. In each round
//! every contender has one slice, in a new order each time, so that none always finds what the same other has left in
//! caches. So what slows the machine down for longer than a slice slows all of them, and what is shorter hits slices that
//! the median leaves out. A ratio is the median of the rounds' ratios: each compares slices that were taken within
//! milliseconds of each other.

use std::time::Duration;

/// Why a contender has no figure.
#[derive(Debug, Clone)]
pub struct Lack(pub String);

impl From<&str> for Lack {
    fn from(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

/// A contender with all that it needs for one table, ready to run.
pub trait Row {
    /// Does the column's work `rounds` times, and says how long that took. What came of it is checked, and panics if it
    /// is wrong.
    ///
    /// # Errors
    ///
    /// The contender can't do this column's work.
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack>;
}

/// A contender that was made ready, or why that is not possible.
pub type Opened = Result<Box<dyn Row>, Lack>;

/// One column: its name, and into how many equal parts a round's time is divided.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub parts: u32,
}

impl Column {
    pub fn new(name: impl Into<String>, parts: u32) -> Self {
        Self { name: name.into(), parts }
    }
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Slices of each contender and column.
    pub slices: usize,
    /// How long the fastest contender's take, about.
    pub slice: Duration,
    /// Whether a slice is preceded by one that is not timed, an eighth as long: caches and predictors belong to the
    /// contender before.
    pub warm: bool,
}

/// The times of one cell, in nanoseconds for one part, in the order of the rounds.
pub type Samples = Vec<f64>;

/// A table with its figures.
#[derive(Debug)]
pub struct Table {
    pub title: String,
    pub columns: Vec<Column>,
    pub rows: Vec<(&'static str, Vec<Result<Samples, Lack>>)>,
}

/// Runs the contenders against each other.
pub fn table(
    title: impl Into<String>,
    columns: Vec<Column>,
    contenders: Vec<(&'static str, Opened)>,
    effort: Effort,
) -> Table {
    let (names, mut opened): (Vec<_>, Vec<_>) = contenders.into_iter().unzip();
    let mut wanted = vec![Vec::new(); columns.len()];
    let mut cells: Vec<Vec<Result<Samples, Lack>>> = Vec::new();
    for row in &mut opened {
        let calibrated = wanted.iter_mut().enumerate().map(|(column, wanted)| {
            wanted.push(calibrate(row, column, effort)?);
            Ok(Vec::with_capacity(effort.slices))
        });
        cells.push(calibrated.collect());
    }
    // All do the same number, so that what a slice costs at its ends weighs the same for each: as many as the fastest can,
    // if that makes the slowest no more than eight times slower.
    let most = |wanted: &Vec<u32>| wanted.iter().max().copied().unwrap_or(1);
    let least = |wanted: &Vec<u32>| wanted.iter().min().copied().unwrap_or(1);
    let rounds: Vec<u32> = wanted.iter().map(|wanted| most(wanted).min(least(wanted).saturating_mul(8))).collect();
    let mut order: Vec<usize> = (0..opened.len()).collect();
    let mut random = Random::new(1);
    for _ in 0..effort.slices {
        for (column, (Column { parts, .. }, rounds)) in columns.iter().zip(&rounds).enumerate() {
            random.shuffle(&mut order);
            for &at in &order {
                let (Ok(row), Ok(samples)) = (&mut opened[at], &mut cells[at][column]) else { continue };
                if effort.warm {
                    row.run(column, rounds / 8 + 1).expect("it ran before");
                }
                let took = row.run(column, *rounds).expect("it ran before");
                samples.push(took.as_nanos() as f64 / f64::from(*rounds) / f64::from(*parts));
            }
        }
    }
    let rows = names.into_iter().zip(cells).collect();
    Table { title: title.into(), columns, rows }
}

/// Numbers that look random, the same in each run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// How many rounds make a slice.
fn calibrate(row: &mut Opened, column: usize, effort: Effort) -> Result<u32, Lack> {
    let row = row.as_mut().map_err(|lack| lack.clone())?;
    let mut rounds = 1;
    if effort.warm {
        // What starts at the first use, as a thread of clients does, is no part of a round.
        row.run(column, rounds)?;
    }
    loop {
        let took = row.run(column, rounds)?;
        if took >= effort.slice / 4 || rounds >= 1 << 24 {
            let wanted = effort.slice.as_secs_f64() / took.as_secs_f64().max(1e-9) * f64::from(rounds);
            return Ok((wanted as u32).max(1));
        }
        rounds *= 2;
    }
}

/// The value below which the share `at` of the samples lies.
pub fn quantile(samples: &[f64], at: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = at * (sorted.len().max(1) - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(below), sorted.get(above)) {
        (Some(low), Some(high)) => low + (high - low) * (place - place.floor()),
        _ => f64::NAN,
    }
}

pub fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// How many times as long `a` takes as `b`: the median of the rounds.
pub fn ratio(a: &[f64], b: &[f64]) -> f64 {
    median(&ratios(a, b))
}

/// The rounds' ratios.
pub fn ratios(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a / b).collect()
}

impl Table {
    /// The samples of one cell, if it has any.
    pub fn samples(&self, name: &str, column: usize) -> Option<&[f64]> {
        let (_, cells) = self.rows.iter().find(|(row, _)| *row == name)?;
        cells.get(column)?.as_deref().ok().filter(|samples| !samples.is_empty())
    }

    /// How many times as long `name` takes as `base` in one column.
    pub fn ratio(&self, name: &str, base: &str, column: usize) -> Option<f64> {
        Some(ratio(self.samples(name, column)?, self.samples(base, column)?))
    }
}
