//! `moving PAGE JSON`: prints a link, which rustdoc resolves, for every item that the page's tables name. Fails if an item of
//! io-uring (JSON is rustdoc's output for it) is in no row.

mod api;
mod page;

use std::collections::BTreeSet;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(page), Some(json)) = (args.next(), args.next()) else { return Err("usage: moving PAGE JSON".into()) };
    let rows = page::rows(&std::fs::read_to_string(page)?)?;
    let items = api::items(&serde_json::from_str(&std::fs::read_to_string(json)?)?)?;

    let named: BTreeSet<&str> = rows.iter().flat_map(|row| &row.theirs).map(String::as_str).collect();
    let missing: Vec<&String> = items.iter().filter(|item| !named.contains(item.as_str())).collect();
    for row in &rows {
        for item in row.theirs.iter().chain(&row.ours) {
            println!("[`{item}`]");
        }
    }
    eprintln!("{} items of io-uring, {} rows", items.len(), rows.len());
    if items.is_empty() || rows.is_empty() {
        return Err("no items, or no rows: the page or the JSON is not what it was".into());
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("in no row: {missing:#?}").into()) }
}
