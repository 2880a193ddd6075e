//! Keeps the figures of a run, and writes them into the record.

use std::cell::RefCell;
use std::path::Path;

use record::csv::{Origin, Row};
use record::{Fault, machine, store, what};

use crate::cpu;
use crate::measure::{Lack, Table, quantile};

/// The figures of this run.
pub struct Book {
    origin: Origin,
    rows: RefCell<Vec<Row>>,
}

/// Rounds to three decimals: more would be noise.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

impl Book {
    /// Begins a run. `ci/bench.sh` passes the compiler and the commit in the environment.
    pub fn new() -> Self {
        let given = |name: &str| std::env::var(name).unwrap_or_else(|_| "unknown".to_owned());
        let origin = Origin {
            date: cpu::today(),
            processor: machine::processor(),
            mitigation: machine::mitigation().to_owned(),
            kernel: machine::kernel(),
            rustc: given("BENCH_RUSTC"),
            commit: given("BENCH_COMMIT"),
            load: machine::load(),
            source: "measured".to_owned(),
        };
        Self { origin, rows: RefCell::default() }
    }

    /// Returns a line that describes the machine.
    pub fn describe(&self) -> String {
        let Origin { processor, kernel, mitigation, load, .. } = &self.origin;
        let said = ["retbleed", "spec_rstack_overflow"].map(|name| format!("{name}: {}", machine::vulnerability(name)));
        format!("{processor}, Linux {kernel}; {mitigation} ({}); load {load}", said.join("; "))
    }

    fn add(&self, [table, contender, column, what]: [&str; 4], value: f64, slices: usize) {
        let [table, contender, column, what] = [table, contender, column, what].map(str::to_owned);
        let (origin, slices) = (self.origin.clone(), u32::try_from(slices).expect("few slices"));
        self.rows.borrow_mut().push(Row { origin, table, contender, column, what, value: rounded(value), slices });
    }

    /// Keeps median and quartiles of each cell.
    pub fn table(&self, table: &Table) {
        for (name, cells) in &table.rows {
            for (column, cell) in table.columns.iter().zip(cells) {
                let Ok(samples) = cell else { continue };
                for (what, at) in [(what::MEDIAN, 0.5), (what::LOWER, 0.25), (what::UPPER, 0.75)] {
                    self.add([&table.title, name, &column.name, what], quantile(samples, at), samples.len());
                }
            }
        }
    }

    /// Keeps plain numbers.
    pub fn grid(&self, title: &str, columns: &[&str], rows: &[(&str, Vec<Result<f64, Lack>>)], what: &str) {
        for (name, cells) in rows {
            for (column, cell) in columns.iter().zip(cells) {
                let Ok(value) = cell else { continue };
                self.add([title, name, column, what], *value, 0);
            }
        }
    }

    /// Writes the figures into the directory `record`, and prints into which file.
    pub fn save(&self, record: &Path) -> Result<(), Fault> {
        let rows = self.rows.borrow();
        let (file, replaced) = store::save(record, &rows)?;
        let replaced = if replaced { ", in place of those of an earlier run of this day" } else { "" };
        println!("\n{}: {} raw figures{replaced}", file.display(), rows.len());
        Ok(())
    }
}
