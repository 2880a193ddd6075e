//! A limit holds at its own figure, and the summary names each one that does not.

use record::limits::{Limits, Side};

#[test]
fn a_limit_holds_up_to_its_own_figure() {
    let mut limits = Limits::default();
    for seen in [0.99, 1.00, 1.01, f64::NAN] {
        limits.note(format!("most {seen}"), Some(seen), Side::AtMost, 1.00, 2);
        limits.note(format!("least {seen}"), Some(seen), Side::AtLeast, 1.00, 2);
    }
    let verdicts: Vec<&str> = limits.lines().iter().map(|line| line.rsplit(' ').next().expect("a word")).collect();
    assert_eq!(verdicts, ["ok", "MISS", "ok", "ok", "MISS", "ok", "MISS", "MISS"]);
    assert_eq!(limits.summary(), "4 of 8 hold; missed: least 0.99; most 1.01; most NaN; least NaN");
}

#[test]
fn what_was_not_measured_does_not_hold() {
    let mut limits = Limits::default();
    assert_eq!(limits.summary(), "0 of 0 hold");
    limits.note("bytes", Some(2008.0), Side::AtMost, 2008.0, 0);
    assert_eq!(limits.summary(), "1 of 1 hold");
    limits.note("instructions", None, Side::AtMost, 82.0, 0);
    assert_eq!(limits.summary(), "1 of 2 hold; missed: instructions (not measured)");
    let words: Vec<Vec<&str>> = limits.lines().iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        words,
        [["bytes", "at", "most", "2008", "2008", "ok"], ["instructions", "at", "most", "82", "not", "measured"]]
    );
}
