//! What is written is read again, and a file with a fault is refused by column and line.

use std::path::Path;

use record::csv::{COLUMNS, Origin, Row, read, write};
use record::{Fault, store};

mod common;
use common::{empty_directory, origin, row};

#[test]
fn what_is_written_is_read_again() {
    let odd = Row {
        origin: Origin {
            load: "0.42".to_owned(),
            source: "two\nlines, and \"quotes\"".to_owned(),
            ..origin("2026-11-29")
        },
        table: "NOP, \"defer\"\r".to_owned(),
        contender: String::new(),
        column: ",".to_owned(),
        what: "\"".to_owned(),
        value: 137.984,
        slices: u32::MAX,
    };
    let rows =
        [row("NOP, plain", "by hand", "batch 8", 0.1 + 0.2), odd, row("a", "b", "c", 1e-300), row("", "", "", -0.5)];
    assert_eq!(read(Path::new("x.csv"), &write(&rows)).expect("what was written"), rows);
}

#[test]
fn a_file_is_plain_text_with_a_row_for_each_figure() {
    let text = write(&[row("NOP, plain", "by hand", "batch 8", 12.5)]);
    let expected = "date,processor,mitigation,kernel,rustc,commit,load,source,table,contender,column,what,value,slices\n\
        2026-11-29,Some CPU,Safe RET,6.18.1,1.95.0,abc,0.10,measured,\"NOP, plain\",by hand,batch 8,median ns,12.5,200\n";
    assert_eq!(text, expected);
}

#[test]
fn columns_may_stand_in_another_order_beside_others() {
    let names: Vec<&str> = COLUMNS.into_iter().rev().chain(["remark"]).collect();
    let fields = "7,12.5,median ns,batch 8,by hand,\"NOP, plain\",measured,0.10,abc,1.95.0,6.18.1,Safe RET,Some CPU,2026-11-29,!";
    let text = format!("{}\r\n{fields}\r\n", names.join(","));
    let expected = Row { slices: 7, ..row("NOP, plain", "by hand", "batch 8", 12.5) };
    assert_eq!(read(Path::new("x.csv"), &text).expect("complete"), [expected]);
}

fn refused(text: &str, line: usize, reason: &str) {
    let fault = read(Path::new("x.csv"), text).expect_err(reason);
    assert_eq!(fault, Fault { file: "x.csv".into(), line, reason: reason.to_owned() });
    assert_eq!(fault.to_string(), format!("x.csv:{line}: {reason}"));
}

#[test]
fn each_missing_column_is_named() {
    let whole = write(&[row("a", "b", "c", 1.0)]);
    for column in COLUMNS {
        let renamed = whole.replacen(column, "other", 1);
        refused(&renamed, 1, &format!("the column `{column}` is missing"));
    }
    refused("", 1, "it is empty");
}

#[test]
fn rows_with_faults_are_named_by_line() {
    let rows = [row("first\nof two lines", "b", "c", 1.0), row("a", "b", "c", 2.0), row("a", "b", "c", 3.25)];
    let whole = write(&rows);
    // The header is line 1, and the first row has two.
    refused(&whole.replace(",2,200", ",2"), 4, "the field of column `slices` is missing");
    refused(&whole.replace(",median ns,2,200", ""), 4, "the field of column `what` is missing");
    refused(&whole.replace(",2,200", ",2,200,"), 4, "15 fields, for 14 columns");
    refused(&whole.replace("3.25", "fast"), 5, "`value` is no number: `fast`");
    refused(&whole.replace("3.25", "NaN"), 5, "`value` is no number: `NaN`");
    refused(&whole.replace("3.25,200", "3.25,2.5"), 5, "`slices` is no number: `2.5`");
    refused(&whole.replace("of two lines\"", "of two lines"), 2, "a quote is never closed");
}

#[test]
fn a_file_of_another_day_is_added_and_one_of_the_same_day_replaced() {
    let record = empty_directory("days");
    let day = |date: &str, value| [Row { origin: origin(date), ..row("NOP, plain", "by hand", "batch 8", value) }];
    let at = |date: &str| record.join("some-cpu-safe-ret").join(format!("{date}.csv"));
    let save = |date, value| store::save(&record, &day(date, value)).expect("saved");
    assert_eq!(save("2026-11-29", 1.0), (at("2026-11-29"), false));
    assert_eq!(save("2026-12-01", 2.0), (at("2026-12-01"), false));
    assert_eq!(save("2026-11-30", 3.0), (at("2026-11-30"), false));
    assert_eq!(save("2026-11-29", 4.0), (at("2026-11-29"), true));
    for (date, value) in [("2026-11-29", 4.0), ("2026-11-30", 3.0), ("2026-12-01", 2.0)] {
        assert_eq!(store::load(&at(date)).expect("there"), day(date, value));
    }
    assert_eq!(store::newest(&record).expect("there"), [at("2026-12-01")]);
}

#[test]
fn a_run_without_figures_is_not_saved() {
    let record = empty_directory("none");
    let fault = store::save(&record, &[]).expect_err("nothing to save");
    assert_eq!(fault.reason, "there are no figures to write");
    let fault = store::newest(&record).expect_err("nothing there");
    assert_eq!(fault.reason, "it has no figures of any processor");
}
