//! Pictures have what the newest files say, at the right length, and nothing is drawn from a file with a fault.

use std::fs;
use std::path::{Path, PathBuf};

use record::csv::{Origin, Row, write};
use record::{NOPS, SIZES, draw, store, what};

mod common;
use common::{empty_directory, origin, row};

/// The texts of a picture, in its order.
fn texts(svg: &str) -> Vec<&str> {
    svg.split("<text")
        .skip(1)
        .map(|text| text.split_once('>').expect("an element").1.split('<').next().expect("text").trim())
        .collect()
}

/// Height and width of each bar of a colour, in the picture's order.
fn bars(svg: &str, fill: &str) -> Vec<(u32, u32)> {
    let number = |rect: &str, name: &str| {
        let after = rect.split_once(&format!(" {name}=\"")).expect("an attribute").1;
        after.split('"').next().and_then(|number| number.parse().ok()).expect("a number")
    };
    let rects = svg.split("<rect").skip(1).map(|rect| rect.split_once("/>").expect("an end").0);
    rects.filter(|rect| rect.contains(fill)).map(|rect| (number(rect, "height"), number(rect, "width"))).collect()
}

const OURS: &str = "#0946A0";
const PEER: &str = "#E07B1D";

fn bytes(contender: &str, value: f64) -> Row {
    Row { what: what::BYTES.to_owned(), slices: 0, ..row(SIZES, contender, "bytes", value) }
}

/// A record of two processors; the second has two days. Returns it with a directory for pictures.
fn record(name: &str) -> (PathBuf, PathBuf) {
    let record = empty_directory(name);
    let first = [
        row(NOPS, "bare-uring", "batch 1", 100.0),
        row(NOPS, "io-uring", "batch 1", 200.0),
        row(NOPS, "bare-uring", "batch 8", 50.04),
        Row { what: what::UPPER.to_owned(), ..row(NOPS, "bare-uring", "batch 8", 999.0) },
        row("NOP, plain", "bare-uring", "batch 1", 888.0),
        bytes("bare-uring", 1000.0),
        bytes("io-uring, static glibc", 100_000.0),
    ];
    let other = |date: &str, value| {
        let origin = Origin {
            processor: "Other CPU".to_owned(),
            source: "a page".to_owned(),
            load: String::new(),
            ..origin(date)
        };
        let nop = Row { origin: origin.clone(), ..row(NOPS, "io-uring", "batch 1", value) };
        [nop, Row { origin, ..bytes("bare-uring", 777.0) }]
    };
    store::save(&record, &first).expect("saved");
    store::save(&record, &other("2026-11-20", 250.0)).expect("saved");
    store::save(&record, &other("2026-11-19", 400.0)).expect("saved");
    let pictures = record.join("pictures-of-it.d");
    fs::create_dir(&pictures).expect("made");
    (record, pictures)
}

#[test]
fn bars_are_as_long_as_the_figures_of_the_newest_files() {
    let (record, pictures) = record("bars");
    let drawn = draw::all(&record, &pictures).expect("drawn");
    let [first, other] =
        ["some-cpu-safe-ret/2026-11-29.csv", "other-cpu-safe-ret/2026-11-20.csv"].map(|file| record.join(file));
    let from = format!("{}: from {}, {}", pictures.join("nop.svg").display(), other.display(), first.display());
    assert_eq!(drawn, [from, format!("{}: from {}", pictures.join("size.svg").display(), first.display())]);

    let svg = fs::read_to_string(pictures.join("nop.svg")).expect("drawn");
    // The legend's square comes first. The longest bar, 250 ns of the other processor, is 250 pixels high.
    let heights = |fill| bars(&svg, fill).iter().map(|bar| bar.0).collect::<Vec<_>>();
    assert_eq!(heights(OURS), [14, 100, 50]);
    assert_eq!(heights(PEER), [14, 250, 200]);
    let expected = [
        "NOP, defer: nanoseconds for each request, by batch",
        "Medians of 200 slices for each bar, the contenders in turn. Shorter is better.",
        "io-uring",
        "bare-uring",
        "Other CPU, Safe RET, Linux 6.18.1, 2026-11-20 (from a page)",
        "0",
        "50",
        "100",
        "150",
        "200",
        "250",
        "250",
        "batch 1",
        "Some CPU, Safe RET, Linux 6.18.1, 2026-11-29, load 0.10",
        "0",
        "50",
        "100",
        "150",
        "200",
        "250",
        "200",
        "100",
        "batch 1",
        "50.0",
        "batch 8",
    ];
    assert_eq!(texts(&svg), expected);
}

#[test]
fn sizes_are_those_of_the_newest_file_of_all() {
    let (record, pictures) = record("sizes");
    draw::all(&record, &pictures).expect("drawn");
    let svg = fs::read_to_string(pictures.join("size.svg")).expect("drawn");
    // The scale goes from 100 to 100,000, 660 pixels in all.
    assert_eq!(bars(&svg, OURS), [(24, 220)]);
    assert_eq!(bars(&svg, PEER), [(24, 660)]);
    let expected = [
        "A program that does one NOP: bytes of its file",
        "Built for size and stripped; without C library unless said otherwise. Logarithmic scale.",
        "Some CPU, Safe RET, Linux 6.18.1, 2026-11-29, load 0.10",
        "100",
        "1,000",
        "10,000",
        "100,000",
        "bare-uring",
        "1,000",
        "io-uring, static glibc",
        "100,000",
    ];
    assert_eq!(texts(&svg), expected);
}

#[test]
fn no_picture_is_drawn_from_a_file_with_a_fault() {
    let (record, pictures) = record("faults");
    let file = record.join("some-cpu-safe-ret/2026-11-29.csv");
    let whole = fs::read_to_string(&file).expect("saved");
    let refused = |text: &str, reason: &str| {
        fs::write(&file, text).expect("written");
        let fault = draw::all(&record, &pictures).expect_err(reason).to_string();
        assert_eq!(fault, format!("{}{reason}", file.display()));
        assert_eq!(fs::read_dir(&pictures).expect("there").count(), 0, "drawn in spite of: {reason}");
    };
    refused(&whole.replacen(",contender,", ",who,", 1), ":1: the column `contender` is missing");
    let row = ",bare-uring,batch 8,median ns,50.04,200";
    assert!(whole.contains(row));
    refused(&whole.replace(row, ",bare-uring,batch 8,median ns,50.04"), ":4: the field of column `slices` is missing");
    refused(&whole.replace(NOPS, "NOP"), ": it has no median ns of the table `NOP, defer`");
    refused(&whole.replace(SIZES, "sizes"), ": it has no bytes of the table `A program that does one NOP, stripped`");
}

#[test]
fn a_file_that_is_not_the_newest_is_not_read() {
    let (record, pictures) = record("older");
    fs::write(record.join("other-cpu-safe-ret/2026-11-19.csv"), "nonsense").expect("written");
    draw::all(&record, &pictures).expect("drawn");
    let only = [Row { what: what::LOWER.to_owned(), ..row(NOPS, "bare-uring", "batch 1", 1.0) }];
    fs::write(record.join("other-cpu-safe-ret/2026-12-24.csv"), write(&only)).expect("written");
    draw::all(&record, &pictures).expect_err("the newest file has no medians");
}

/// The pictures of this repository are those that `ci/bench.sh pictures` draws.
#[test]
fn the_pictures_in_docs_are_those_of_the_record() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let drawn = empty_directory("docs");
    draw::all(&root.join("benches/record"), &drawn).unwrap_or_else(|fault| panic!("{fault}"));
    for picture in ["nop.svg", "size.svg"] {
        let [now, there] =
            [drawn.join(picture), root.join("docs").join(picture)].map(|file| fs::read_to_string(file).expect(picture));
        assert!(
            now == there,
            "docs/{picture} is not what `ci/bench.sh pictures` draws: run it, and commit the picture"
        );
    }
}
