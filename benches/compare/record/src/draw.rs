//! Draws the pictures of the README, as SVG, from the newest file of each processor.

use std::error::Error;
use std::path::{Path, PathBuf};

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::csv::Row;
use crate::{Fault, NOPS, SIZES, store, what};

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
        "bare-uring" => RGBColor(9, 70, 160),
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

/// The figures of one table of a file.
struct Figures {
    /// Processor, mitigation, kernel, date, load and source of the file.
    origin: String,
    slices: u32,
    contenders: Vec<String>,
    columns: Vec<String>,
    rows: Vec<Row>,
}

impl Figures {
    /// Picks the rows with this quantity. Contenders and columns keep the file's order.
    fn pick(file: &Path, rows: &[Row], table: &str, what: &str) -> Result<Self, Fault> {
        let rows: Vec<Row> = rows.iter().filter(|row| row.table == table && row.what == what).cloned().collect();
        let none =
            || Fault { file: file.to_owned(), line: 0, reason: format!("it has no {what} of the table `{table}`") };
        let first = rows.first().ok_or_else(none)?;
        let from = &first.origin;
        let mut origin = format!("{}, {}, Linux {}, {}", from.processor, from.mitigation, from.kernel, from.date);
        if !from.load.is_empty() {
            origin.push_str(&format!(", load {}", from.load));
        }
        if from.source != "measured" {
            origin.push_str(&format!(" (from {})", from.source));
        }
        let (slices, mut contenders, mut columns) = (first.slices, Vec::new(), Vec::new());
        for row in &rows {
            for (names, name) in [(&mut contenders, &row.contender), (&mut columns, &row.column)] {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        Ok(Self { origin, slices, contenders, columns, rows })
    }

    fn get(&self, contender: &str, column: &str) -> Option<f64> {
        self.rows.iter().find(|row| row.contender == contender && row.column == column).map(|row| row.value)
    }

    fn highest(&self) -> f64 {
        self.rows.iter().map(|row| row.value).fold(1.0, f64::max)
    }
}

/// Draws `nop.svg` and `size.svg` into `pictures`. Returns a line for each, which names the files that it was drawn
/// from.
///
/// # Errors
///
/// A file of the record has a fault, or a picture can't be written.
pub fn all(record: &Path, pictures: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let files = store::newest(record)?;
    let loaded = files.iter().map(|file| store::load(file)).collect::<Result<Vec<_>, _>>()?;
    let picked = files.iter().zip(&loaded).map(|(file, rows)| Figures::pick(file, rows, NOPS, what::MEDIAN));
    let nops = picked.collect::<Result<Vec<_>, _>>()?;
    // Sizes do not depend on the processor: the newest of all files has them.
    let newest = files.iter().zip(&loaded).max_by_key(|(file, _)| file.file_name().map(ToOwned::to_owned));
    let (file, rows) = newest.ok_or("no file")?;
    let bytes = Figures::pick(file, rows, SIZES, what::BYTES)?;
    nop(&pictures.join("nop.svg"), &nops)?;
    sizes(&pictures.join("size.svg"), &bytes)?;
    let names = |files: &[PathBuf]| files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    Ok(vec![
        format!("{}: from {}", pictures.join("nop.svg").display(), names(&files)),
        format!("{}: from {}", pictures.join("size.svg").display(), file.display()),
    ])
}

/// The place of one processor's bars in `nop.svg`.
struct Panel<'a> {
    figures: &'a Figures,
    /// The line that the bars stand on.
    bottom: i32,
    /// Pixels for a nanosecond.
    scale: f64,
}

const LEFT: i32 = 56;
const RIGHT: i32 = WIDTH as i32 - 24;
/// Height of the longest bar.
const TALLEST: i32 = 250;

impl Panel<'_> {
    fn draw(&self, area: &Area<'_>, highest: f64, contenders: &[String]) -> Done {
        let Self { figures, bottom, scale } = *self;
        let up = |nanoseconds: f64| bottom - (nanoseconds * scale).round() as i32;
        write(area, &figures.origin, (LEFT, bottom - TALLEST - 26), 13, INK, HPos::Left, VPos::Center)?;
        for line in (0..=highest as u32).step_by(if highest > 250.0 { 100 } else { 50 }) {
            let y = up(f64::from(line));
            area.draw(&PathElement::new([(LEFT, y), (RIGHT, y)], FAINT))?;
            write(area, &line.to_string(), (LEFT - 8, y), 12, PALE, HPos::Right, VPos::Center)?;
        }
        let group = (RIGHT - LEFT) / figures.columns.len() as i32;
        let wide = (group - 20).min(30 * contenders.len() as i32) / contenders.len() as i32;
        for (number, column) in figures.columns.iter().enumerate() {
            let middle = LEFT + group * number as i32 + group / 2;
            for (place, contender) in contenders.iter().enumerate() {
                let Some(figure) = figures.get(contender, column) else { continue };
                let x = middle - wide * contenders.len() as i32 / 2 + wide * place as i32;
                bar(area, (x + 1, up(figure)), (x + wide - 2, bottom), colour(contender))?;
                let decimals = usize::from(figure < 100.0);
                let number = format!("{figure:.decimals$}");
                write(area, &number, (x + wide / 2, up(figure) - 4), 11, INK, HPos::Center, VPos::Bottom)?;
            }
            write(area, column, (middle, bottom + 10), 14, INK, HPos::Center, VPos::Top)?;
        }
        Ok(())
    }
}

/// Draws nanoseconds for a request: for each processor a group of bars for each batch, a bar for each contender. All
/// bars have one scale.
fn nop(file: &Path, processors: &[Figures]) -> Done {
    const HEAD: i32 = 90;
    const EACH: i32 = TALLEST + 80;
    let mut contenders: Vec<String> = Vec::new();
    for name in processors.iter().flat_map(|figures| &figures.contenders) {
        if !contenders.contains(name) {
            contenders.push(name.clone());
        }
    }
    let slices = processors.iter().map(|figures| figures.slices).max().unwrap_or(0);
    let title = format!("{NOPS}: nanoseconds for each request, by batch");
    let how = format!("Medians of {slices} slices for each bar, the contenders in turn. Shorter is better.");
    let height = HEAD + EACH * processors.len() as i32 + 24;
    let area = picture(file, height as u32, &title, &[how])?;
    for (place, name) in contenders.iter().enumerate() {
        let x = LEFT + 146 * place as i32;
        bar(&area, (x, 54), (x + 14, 68), colour(name))?;
        write(&area, name, (x + 20, 61), 13, INK, HPos::Left, VPos::Center)?;
    }
    let highest = processors.iter().map(Figures::highest).fold(1.0, f64::max);
    for (place, figures) in processors.iter().enumerate() {
        let bottom = HEAD + EACH * place as i32 + TALLEST + 38;
        Panel { figures, bottom, scale: f64::from(TALLEST) / highest }.draw(&area, highest, &contenders)?;
    }
    area.present()?;
    Ok(())
}

/// Draws the bytes of each program, on a logarithmic scale.
fn sizes(file: &Path, figures: &Figures) -> Done {
    const LEFT: i32 = 190;
    const TOP: i32 = 56;
    const ROW: i32 = 34;
    /// Where the scale starts: 100 bytes.
    const FIRST: f64 = 2.0;
    let bottom = TOP + ROW * figures.rows.len() as i32;
    let how = "Built for size and stripped; without C library unless said otherwise. Logarithmic scale.";
    let caption = [how.to_owned(), figures.origin.clone()];
    let area = picture(file, bottom as u32 + 72, "A program that does one NOP: bytes of its file", &caption)?;
    let last = figures.highest().max(1e3).log10().ceil();
    let right = f64::from(WIDTH as i32 - 110 - LEFT) / (last - FIRST);
    let along = |bytes: f64| LEFT + ((bytes.log10() - FIRST) * right).round() as i32;

    for power in FIRST as i32..=last as i32 {
        let x = along(10_f64.powi(power));
        area.draw(&PathElement::new([(x, TOP - 6), (x, bottom)], FAINT))?;
        write(&area, &grouped(10_f64.powi(power)), (x, bottom + 4), 11, PALE, HPos::Center, VPos::Top)?;
    }
    for (number, row) in figures.rows.iter().enumerate() {
        let y = TOP + ROW * number as i32;
        write(&area, &row.contender, (LEFT - 10, y + 12), 13, INK, HPos::Right, VPos::Center)?;
        bar(&area, (LEFT, y), (along(row.value), y + 24), colour(&row.contender))?;
        write(&area, &grouped(row.value), (along(row.value) + 8, y + 12), 13, INK, HPos::Left, VPos::Center)?;
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
