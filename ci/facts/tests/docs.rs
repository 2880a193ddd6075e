//! What the documentation says of releases, compared with the table.

#[path = "source/documented.rs"]
mod documented;
mod source;

use std::collections::BTreeMap;

use facts::{FACTS, Kind, NEWEST, Version};
use source::{none, read, row, version};

#[test]
fn items_say_since_when_they_are_there() {
    let items = documented::all();
    let mut faults = Vec::new();
    let mut checked = 0;
    for item in &items {
        let place = format!("{}: {}", item.place, item.name);
        match (item.since.or(item.within), item.wanted()) {
            (Some(stated), Some(wanted)) if stated == wanted => checked += 1,
            (Some(stated), Some(wanted)) => faults.push(format!("{place}: since {stated:?}, the table has {wanted:?}")),
            (None, Some(wanted)) if item.must_state() => faults.push(format!("{place}: does not say since {wanted:?}")),
            (_, None) if item.since.is_some() => faults.push(format!("{place}: the table has no row for it")),
            _ => {}
        }
    }
    let unmet = FACTS.iter().filter(|fact| fact.kind == Kind::Item && items.iter().all(|item| item.name != fact.name));
    faults.extend(unmet.map(|fact| format!("{}: a row of the table, and no such item", fact.name)));
    none(&faults);
    assert!(checked > 300, "{checked}");
}

#[test]
fn set_up_flags_features_requests_and_registrations_are_all_documented() {
    let items = documented::all();
    let kinds = [Kind::Setup, Kind::Feature, Kind::Enter, Kind::Sqe, Kind::Opcode, Kind::Register];
    let wanted = FACTS.iter().filter(|fact| kinds.contains(&fact.kind));
    let missing = wanted.filter(|fact| !items.iter().any(|item| item.aliases.iter().any(|alias| alias == fact.name)));
    none(&missing.map(|fact| format!("{}: nothing in src has it as an alias", fact.name)).collect::<Vec<_>>());
}

/// The cells of a table in a module's documentation, row by row.
fn rows(path: &str) -> Vec<Vec<String>> {
    let source = read(path);
    let lines = source.text.lines().filter_map(|line| line.strip_prefix("//! |")?.strip_suffix('|'));
    lines.map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_table_of_requests_is_right() {
    let items = documented::all();
    let since: BTreeMap<&str, Option<Version>> =
        items.iter().filter_map(|item| Some((item.name.strip_prefix("opcode::")?, item.wanted()))).collect();
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    let rows = rows("src/opcode/mod.rs");
    for cells in rows.iter().filter(|cells| cells.len() == 4 && cells[1].contains('`')) {
        let stated: Vec<_> = cells[2].split(", ").filter_map(version).collect();
        // A row without a number: what is there of the opcode above it.
        let Some(name) = quoted(&cells[0]).next() else {
            let mut wanted: Vec<_> = quoted(&cells[1]).filter_map(|name| *since.get(name)?).collect();
            wanted.dedup();
            if stated != wanted {
                faults.push(format!("{}: since {stated:?}, the table has {wanted:?}", cells[1]));
            }
            continue;
        };
        match row(name, None) {
            Some(fact) if cells[0] == format!("{} `{name}`", fact.number) && stated == [fact.since] => seen.push(name),
            fact => faults.push(format!("{cells:?}, the table has {fact:?}")),
        }
    }
    none(&faults);
    assert_eq!(seen, names(Kind::Opcode));
}

/// What a word in the table of registrations means.
const MORE: &[(&str, &str)] = &[
    ("sparse", "IORING_RSRC_REGISTER_SPARSE"),
    ("mapped", "IOU_PBUF_RING_MMAP"),
    ("incremental", "IOU_PBUF_RING_INC"),
    ("ids", "IO_URING_NAPI_STATIC_ADD_ID"),
    ("ranges", "IORING_REGISTER_DST_REPLACE"),
    ("import", "ZCRX_REG_IMPORT"),
    ("events", "ZCRX_CTRL_ARM_EVENT"),
    ("areas", "ZCRX_CTRL_ADD_AREA"),
];

#[test]
fn the_table_of_registrations_is_right() {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for cells in rows("src/register/mod.rs").iter().filter(|cells| cells.len() == 6) {
        let Some(name) = quoted(&cells[0]).next() else { continue };
        let mut said = cells[2].split(", ");
        let first = said.next().and_then(version);
        // The list for a task has a number in common with that of a ring, and not the release.
        let item = row("register::restrict_task", Some(Kind::Item)).filter(|_| cells[1].contains("restrict_task"));
        let wanted = item.or_else(|| row(name, None)).map(|fact| fact.since);
        if first.is_none() || first != wanted {
            faults.push(format!("{name}: since {first:?}, the table has {wanted:?}"));
        }
        for (word, stated) in said.map(|more| more.split_once(' ').unwrap_or((more, ""))) {
            let meant = MORE.iter().find(|(known, _)| *known == word).and_then(|(_, name)| row(name, None));
            if meant.is_none() || version(stated) != meant.map(|fact| fact.since) {
                faults.push(format!("{name}: {word} {stated}, the table has {meant:?}"));
            }
        }
        let structure = quoted(&cells[3]).next().unwrap_or("").trim_end_matches("[]");
        if (structure.starts_with("io_uring") || structure.starts_with("zcrx")) && row(structure, None).is_none() {
            faults.push(format!("{name}: the table has no {structure}"));
        }
        if seen.last() != Some(&name.to_owned()) {
            seen.push(name.to_owned());
        }
    }
    none(&faults);
    assert_eq!(seen, names(Kind::Register));
}

/// The names of a kind, in the table's order, which is that of their numbers.
fn names(kind: Kind) -> Vec<&'static str> {
    FACTS.iter().filter(|fact| fact.kind == kind).map(|fact| fact.name).collect()
}

#[test]
fn no_row_is_newer_than_the_newest_release() {
    let newer = FACTS.iter().filter(|fact| fact.since > NEWEST);
    none(&newer.map(|fact| format!("{}: since {:?}, NEWEST is {NEWEST:?}", fact.name, fact.since)).collect::<Vec<_>>());
}

#[test]
fn the_first_page_names_the_newest_release() {
    let (major, minor) = NEWEST;
    let sentence = format!("requests and registrations of Linux {major}.{minor}");
    let text = read("src/lib.rs").text.lines().map_while(|line| line.strip_prefix("//!")).collect::<String>();
    assert!(text.contains(&sentence), "src/lib.rs does not say: {sentence}");
}
