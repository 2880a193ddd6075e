//! What tests need, and since which Linux they say it is there, compared with the table.

mod source;

use std::collections::BTreeSet;

use facts::{FACTS, Kind, Version};
use source::{none, read, row, rust_files};

/// Since when what a test names in its words is there: by their own row, or else by the newest of the C names in them. A
/// name after another one may be without the start that both have.
fn since(what: &str) -> Option<Version> {
    if let Some(fact) = row(what, Some(Kind::Words)) {
        return Some(fact.since);
    }
    let (mut newest, mut start) = (None, String::from("IORING_"));
    for word in what.split([' ', ',']) {
        let short = format!("{start}{word}");
        if let Some(fact) = row(word, None).or_else(|| row(&short, None)) {
            newest = newest.max(Some(fact.since));
            start = fact.name.split_inclusive('_').take(2).collect();
        }
    }
    newest
}

/// `(5, 19)`, or `5, 19`, at the start of a text.
fn version(text: &str) -> Option<(Version, &str)> {
    let text = text.trim_start_matches('(');
    let (major, rest) = text.split_once(", ")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
    Some(((major.parse().ok()?, rest[..end].parse().ok()?), &rest[end..]))
}

/// What stands in the next pair of quotes, and what follows it.
fn literal(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('"')?.split_once('"')
}

/// Each `needs!(5, 19, "what")`, `has(test, "what", (5, 19))` and `refused(test, "what", (5, 19))`.
fn stated(text: &str) -> Vec<(String, Version)> {
    let mut found = Vec::new();
    for call in text.split("needs!(").skip(1) {
        let named = version(call).and_then(|(version, rest)| Some((literal(rest.strip_prefix(", ")?)?.0, version)));
        found.extend(named.map(|(what, version)| (what.to_owned(), version)));
    }
    for call in text.split("refused(").skip(1).chain(text.split("has(").skip(1)) {
        // The first argument is the test, the last the release.
        let Some((_, rest)) = call.split_once(", ") else { continue };
        let named = literal(rest).and_then(|(what, rest)| Some((what, version(rest.strip_prefix(", ")?)?.0)));
        found.extend(named.map(|(what, version)| (what.to_owned(), version)));
    }
    found
}

#[test]
fn tests_are_skipped_on_releases_that_lack_what_they_need() {
    let (mut faults, mut met, mut count) = (Vec::new(), BTreeSet::new(), 0);
    for source in rust_files("tests").iter().chain(&rust_files("packages/ops/tests")) {
        for (what, version) in stated(&source.text) {
            count += 1;
            match since(&what) {
                Some(wanted) if wanted == version => {}
                wanted => faults.push(format!("{}: {what:?} since {version:?}, the table has {wanted:?}", source.path)),
            }
            met.insert(what);
        }
        // Each call of the macro has to be of the form that is read here.
        let (calls, read) = (source.text.matches("needs!(").count(), source.text.split("needs!(").skip(1));
        if read.filter(|call| version(call).is_some_and(|(_, rest)| rest.starts_with(", \""))).count() != calls {
            faults.push(format!("{}: a `needs!` of another form", source.path));
        }
    }
    let unmet = FACTS.iter().filter(|fact| fact.kind == Kind::Words && !met.contains(fact.name));
    faults.extend(unmet.map(|fact| format!("{:?}: a row of the table that no test needs", fact.name)));
    none(&faults);
    assert!(count > 300, "{count}");
}

#[test]
fn the_set_up_flags_of_raw_rings_came_when_the_table_says() {
    let text = read("tests/common/raw.rs").text;
    let (_, list) = text.split_once("const RELEASES: &[(u32, u32)] = &[").expect("the list");
    let lines = list.lines().skip(1).map(str::trim).take_while(|line| *line != "];");
    let stated: Vec<Version> = lines.map(|line| version(line).expect(line).0).collect();
    let wanted = FACTS.iter().filter(|fact| fact.kind == Kind::Setup).map(|fact| fact.since);
    assert_eq!(stated, wanted.collect::<Vec<_>>());
}
