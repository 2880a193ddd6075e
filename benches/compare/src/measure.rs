//! Takes measurements: contenders in turn, in many short slices, so that the median is free of noise.
//!
//! A slice is some hundred microseconds of the fastest contender's work, and as much work for every other contender. In
//! each round every contender has one slice. The order is new in each round, so that a contender does not always find
//! the caches as the same other one left them. A disturbance that lasts longer than a slice slows all contenders; a
//! shorter one hits slices that the median ignores. A ratio is the median of the rounds' ratios, each of which compares
//! slices that were taken within milliseconds of each other.

use std::time::Duration;

/// Why a contender has no figure.
#[derive(Debug, Clone)]
pub struct Lack(pub String);

impl From<&str> for Lack {
    fn from(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

/// A contender that is ready to run for one table.
pub trait Row {
    /// Does the column's work `rounds` times, and returns the time that it took. Panics if a result is wrong.
    ///
    /// # Errors
    ///
    /// The contender can't do this column's work.
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack>;
}

/// A contender that is ready, or the reason why it has no figure.
pub type Opened = Result<Box<dyn Row>, Lack>;

/// One column: its name, and the number of equal parts into which a round's time is divided.
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

/// How much to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Number of slices of each contender and column.
    pub slices: usize,
    /// Approximate time of a slice of the fastest contender.
    pub slice: Duration,
    /// Whether an untimed slice, an eighth as long, precedes each slice: caches and predictors are still those of the
    /// last contender.
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
    // All contenders do the same number of rounds, so that the cost of starting a slice weighs the same for each: as
    // many rounds as the fastest needs, but at most eight times as many as the slowest needs.
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

/// A generator of pseudo-random numbers, the same in each run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number below `limit`.
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

/// Returns how many rounds make a slice.
fn calibrate(row: &mut Opened, column: usize, effort: Effort) -> Result<u32, Lack> {
    let row = row.as_mut().map_err(|lack| lack.clone())?;
    let mut rounds = 1;
    if effort.warm {
        // A first round that is not timed: it may start things, such as a thread of clients.
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

/// Returns the value below which the share `at` of the samples lies.
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

/// Returns how many times as long `a` takes as `b`: the median of the rounds.
pub fn ratio(a: &[f64], b: &[f64]) -> f64 {
    median(&ratios(a, b))
}

/// Returns the ratio of each round.
pub fn ratios(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a / b).collect()
}

impl Table {
    /// Returns the samples of one cell, if it has any.
    pub fn samples(&self, name: &str, column: usize) -> Option<&[f64]> {
        let (_, cells) = self.rows.iter().find(|(row, _)| *row == name)?;
        cells.get(column)?.as_deref().ok().filter(|samples| !samples.is_empty())
    }

    /// Returns how many times as long `name` takes as `base` in one column.
    pub fn ratio(&self, name: &str, base: &str, column: usize) -> Option<f64> {
        Some(ratio(self.samples(name, column)?, self.samples(base, column)?))
    }
}
