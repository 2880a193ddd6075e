//! Prints figures as text.

use crate::contenders::OURS;
use crate::measure::{Column, Lack, Samples, Table, quantile, ratio};

/// Prints a table: for each cell the median, the quartiles, and how many times as long as ours it takes.
pub fn show(table: &Table) {
    println!("\n{}", table.title);
    println!("  ns for each: median (lower..upper quartile) xratio to {OURS}");
    print!("  {:<24}", "");
    table.columns.iter().for_each(|Column { name, .. }| print!("{name:<36}"));
    println!();
    let mut lacks: Vec<(&str, &str)> = Vec::new();
    for (name, cells) in &table.rows {
        print!("  {name:<24}");
        for (column, cell) in cells.iter().enumerate() {
            print!("{:<36}", text(cell, table.samples(OURS, column)));
            if let Err(Lack(reason)) = cell
                && !lacks.contains(&(name, reason))
            {
                lacks.push((name, reason));
            }
        }
        println!();
    }
    lacks.iter().for_each(|(name, reason)| println!("  – {name}: {reason}"));
}

fn text(cell: &Result<Samples, Lack>, ours: Option<&[f64]>) -> String {
    let Ok(samples) = cell else { return "–".to_owned() };
    let numbers = [0.5, 0.25, 0.75].map(|at| number(quantile(samples, at)));
    let ratio = ours.map_or(String::new(), |ours| format!(" x{:.2}", ratio(samples, ours)));
    format!("{} ({}..{}){ratio}", numbers[0], numbers[1], numbers[2])
}

fn number(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 10.0 => format!("{ns:.2}"),
        ns if ns < 100.0 => format!("{ns:.1}"),
        ns => format!("{ns:.0}"),
    }
}

/// Prints a grid of plain numbers. A cell without a number has a dash, and a line below gives the reason.
pub fn grid(title: &str, columns: &[&str], rows: &[(&str, Vec<Result<f64, Lack>>)], decimals: usize) {
    println!("\n{title}");
    print!("  {:<34}", "");
    columns.iter().for_each(|column| print!("{column:>14}"));
    println!();
    for (name, cells) in rows {
        print!("  {name:<34}");
        for cell in cells {
            match cell {
                Ok(number) => print!("{number:>14.decimals$}"),
                Err(_) => print!("{:>14}", "–"),
            }
        }
        println!();
    }
    for (name, cells) in rows {
        if let Some(Lack(reason)) = cells.iter().find_map(|cell| cell.as_ref().err()) {
            println!("  – {name}: {reason}");
        }
    }
}
