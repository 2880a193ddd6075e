//! Draws the pictures of the README, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::contenders::{BY_HAND, OURS};
use crate::measure::{Lack, Table};
use crate::report::median_of;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Done = Result<(), Box<dyn Error>>;

const WIDTH: u32 = 960;
const INK: RGBColor = RGBColor(36, 41, 47);
const FAINT: RGBColor = RGBColor(216, 222, 228);
const PALE: RGBColor = RGBColor(87, 96, 106);

/// Returns the colour of a contender, the same in all pictures. Ours is the darkest, so that it stands out without
/// colours.
fn colour(name: &str) -> RGBColor {
    match name.split(',').next().unwrap_or(name) {
        OURS => RGBColor(9, 70, 160),
        "io-uring" => RGBColor(224, 123, 29),
        "rustix-uring" => RGBColor(46, 153, 120),
        "ququmatz" => RGBColor(190, 110, 170),
        "liburing" => RGBColor(226, 189, 60),
        _ => RGBColor(140, 149, 159),
    }
}

fn write(area: &Area<'_>, text: &str, at: (i32, i32), size: u32, ink: RGBColor, h: HPos, v: VPos) -> Done {
    let style = ("sans-serif", size).into_font().color(&ink).pos(Pos::new(h, v));
    area.draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}

fn bar(area: &Area<'_>, from: (i32, i32), to: (i32, i32), fill: RGBColor) -> Done {
    area.draw(&Rectangle::new([from, to], fill.filled()))?;
    Ok(())
}

/// Makes a white picture with a title, and at the bottom a caption that says how the figures were taken.
fn picture<'a>(file: &'a Path, height: u32, title: &str, caption: &[String]) -> Result<Area<'a>, Box<dyn Error>> {
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    write(&area, title, (24, 18), 20, INK, HPos::Left, VPos::Top)?;
    for (line, text) in caption.iter().enumerate() {
        let from_below = (caption.len() - line) as i32 * 18 + 6;
        write(&area, text, (24, height as i32 - from_below), 12, PALE, HPos::Left, VPos::Top)?;
    }
    Ok(area)
}

/// Draws nanoseconds for a request: a group of bars for each batch, a bar for each contender.
pub fn nop(file: &Path, table: &Table, caption: &[String]) -> Done {
    const HEIGHT: u32 = 460;
    const LEFT: i32 = 56;
    const TOP: i32 = 96;
    const BOTTOM: i32 = 370;
    const BAR: i32 = 30;
    let title = format!("{}: nanoseconds for each request, by batch", table.title);
    let area = picture(file, HEIGHT, &title, caption)?;
    let names: Vec<&str> = table.rows.iter().map(|(name, _)| *name).collect();
    let figures = |column| names.iter().map(move |name| (*name, median_of(table, name, column)));
    let highest = (0..table.columns.len()).flat_map(figures).filter_map(|(_, figure)| figure).fold(1.0, f64::max);
    let scale = f64::from(BOTTOM - TOP) / highest;
    let up = |nanoseconds: f64| BOTTOM - (nanoseconds * scale).round() as i32;

    for line in (0..=highest as u32).step_by(if highest > 250.0 { 100 } else { 50 }) {
        let y = up(f64::from(line));
        area.draw(&PathElement::new([(LEFT, y), (WIDTH as i32 - 24, y)], FAINT))?;
        write(&area, &line.to_string(), (LEFT - 8, y), 12, PALE, HPos::Right, VPos::Center)?;
    }
    let group = (WIDTH as i32 - 24 - LEFT) / table.columns.len() as i32;
    for (column, head) in table.columns.iter().enumerate() {
        let start = LEFT + group * column as i32 + (group - BAR * names.len() as i32) / 2;
        for (place, (name, figure)) in figures(column).enumerate() {
            let Some(figure) = figure else { continue };
            let x = start + BAR * place as i32;
            bar(&area, (x + 1, up(figure)), (x + BAR - 2, BOTTOM), colour(name))?;
            let decimals = usize::from(figure < 100.0);
            let number = format!("{figure:.decimals$}");
            write(&area, &number, (x + BAR / 2, up(figure) - 4), 11, INK, HPos::Center, VPos::Bottom)?;
        }
        let middle = LEFT + group * column as i32 + group / 2;
        write(&area, &head.name, (middle, BOTTOM + 10), 14, INK, HPos::Center, VPos::Top)?;
    }
    for (place, name) in names.iter().enumerate() {
        let x = LEFT + 146 * place as i32;
        bar(&area, (x, 54), (x + 14, 68), colour(name))?;
        write(&area, name, (x + 20, 61), 13, INK, HPos::Left, VPos::Center)?;
    }
    area.present()?;
    Ok(())
}

/// Draws the bytes of each program, on a logarithmic scale.
pub fn sizes(file: &Path, sizes: &[(&'static str, Result<f64, Lack>)], caption: &[String]) -> Done {
    const LEFT: i32 = 190;
    const TOP: i32 = 56;
    const ROW: i32 = 34;
    /// Where the scale starts: 100 bytes.
    const FIRST: f64 = 2.0;
    let bottom = TOP + ROW * sizes.len() as i32;
    let area = picture(file, bottom as u32 + 72, "A program that does one NOP: bytes of its file", caption)?;
    let known = |(name, size): &(&'static str, Result<f64, Lack>)| size.as_ref().ok().map(|size| (*name, *size));
    let largest = sizes.iter().filter_map(known).map(|(_, size)| size).fold(1e3, f64::max);
    let right = f64::from(WIDTH as i32 - 110 - LEFT) / (largest.log10().ceil() - FIRST);
    let along = |bytes: f64| LEFT + ((bytes.log10() - FIRST) * right).round() as i32;

    for power in FIRST as i32..=largest.log10().ceil() as i32 {
        let x = along(10_f64.powi(power));
        area.draw(&PathElement::new([(x, TOP - 6), (x, bottom)], FAINT))?;
        write(&area, &grouped(10_f64.powi(power)), (x, bottom + 4), 11, PALE, HPos::Center, VPos::Top)?;
    }
    for (row, entry) in sizes.iter().enumerate() {
        let y = TOP + ROW * row as i32;
        write(&area, entry.0, (LEFT - 10, y + 12), 13, INK, HPos::Right, VPos::Center)?;
        let Some((name, size)) = known(entry) else { continue };
        bar(&area, (LEFT, y), (along(size), y + 24), if name == BY_HAND { colour("") } else { colour(name) })?;
        write(&area, &grouped(size), (along(size) + 8, y + 12), 13, INK, HPos::Left, VPos::Center)?;
    }
    area.present()?;
    Ok(())
}

/// Formats 1124232 as 1,124,232.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place != 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
