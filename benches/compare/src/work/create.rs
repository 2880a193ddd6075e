//! Making and closing a ring.

use std::time::{Duration, Instant};

use crate::measure::{Column, Lack, Opened, Row};

/// Two functions that make and drop a ring: `provided` does so in the program's memory.
pub struct Making {
    pub mapped: fn(),
    pub provided: Result<Box<dyn FnMut()>, Lack>,
}

impl Row for Making {
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack> {
        if column == 0 {
            let start = Instant::now();
            (0..rounds).for_each(|_| (self.mapped)());
            return Ok(start.elapsed());
        }
        let make = self.provided.as_mut().map_err(|lack| lack.clone())?;
        let start = Instant::now();
        (0..rounds).for_each(|_| make());
        Ok(start.elapsed())
    }
}

/// Makes a row of the table.
pub fn row(mapped: fn(), provided: Result<Box<dyn FnMut()>, Lack>) -> Opened {
    Ok(Box::new(Making { mapped, provided }))
}

pub fn columns() -> Vec<Column> {
    ["mapped", "NO_MMAP"].map(|name| Column::new(name, 1)).to_vec()
}
