//! Reads the tables of the page.

/// A row's items, as full paths.
pub struct Row {
    pub theirs: Vec<String>,
    pub ours: Vec<String>,
}

/// Returns all rows of all tables.
pub fn rows(page: &str) -> Result<Vec<Row>, String> {
    page.lines().filter(|line| line.starts_with("| `io_uring::")).map(row).collect()
}

fn row(line: &str) -> Result<Row, String> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
    let [theirs, ours, _] = cells[..] else { return Err(format!("not three cells: {line}")) };
    let (their_type, members) = spans(theirs).split_first().map(|(first, rest)| (*first, rest.to_vec())).ok_or(line)?;
    let our_spans = spans(ours);
    let our_type = *our_spans.first().ok_or(line)?;
    let mut row = Row { theirs: vec![their_type.to_owned()], ours: vec![our_type.to_owned()] };
    row.theirs.extend(members.iter().map(|member| format!("{their_type}::{member}")));
    if ours.contains("the same") {
        row.ours.extend(members.iter().map(|member| format!("{our_type}::{member}")));
    } else if !members.is_empty() {
        return Err(format!("members without counterparts: {line}"));
    }
    Ok(row)
}

/// Returns the texts between backticks.
fn spans(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}
