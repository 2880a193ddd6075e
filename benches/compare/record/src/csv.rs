//! Files of comma-separated values, as RFC 4180 has them: one figure a row, below a row of the columns' names.

use std::path::Path;

use crate::Fault;

/// The columns of a file, in the order in which they are written. A file that is read may have them in another order,
/// and others too.
pub const COLUMNS: [&str; 14] = [
    "date",
    "processor",
    "mitigation",
    "kernel",
    "rustc",
    "commit",
    "load",
    "source",
    "table",
    "contender",
    "column",
    "what",
    "value",
    "slices",
];

/// Where and when figures were taken: equal in all rows of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Such as 2026-11-29.
    pub date: String,
    pub processor: String,
    /// How the kernel guards the processor's predictor of returns.
    pub mitigation: String,
    pub kernel: String,
    pub rustc: String,
    pub commit: String,
    /// The load average of the minute before the run.
    pub load: String,
    /// `measured`, or the page that the figure was taken from.
    pub source: String,
}

/// One figure.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    pub origin: Origin,
    pub table: String,
    pub contender: String,
    pub column: String,
    /// Quantity and unit: one of [`crate::what`].
    pub what: String,
    pub value: f64,
    /// Number of slices behind the figure; 0 for one that is counted, not timed.
    pub slices: u32,
}

impl Row {
    fn fields(&self) -> [String; COLUMNS.len()] {
        let Self { origin, table, contender, column, what, value, slices } = self;
        let Origin { date, processor, mitigation, kernel, rustc, commit, load, source } = origin;
        let texts = [date, processor, mitigation, kernel, rustc, commit, load, source, table, contender, column, what];
        let mut fields = [const { String::new() }; COLUMNS.len()];
        for (field, text) in fields.iter_mut().zip(texts) {
            field.clone_from(text);
        }
        fields[texts.len()] = value.to_string();
        fields[texts.len() + 1] = slices.to_string();
        fields
    }
}

/// Returns the text of a file with these rows.
pub fn write(rows: &[Row]) -> String {
    let mut text = COLUMNS.join(",") + "\n";
    for row in rows {
        text.push_str(&row.fields().each_ref().map(|field| quoted(field)).join(","));
        text.push('\n');
    }
    text
}

/// Puts a field in quotes if it has a character that would end it.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// Reads the text of `file`.
///
/// # Errors
///
/// A column is missing, a row has too few or too many fields, a field has no number, or a quote is never closed. The fault
/// names the column and the line.
pub fn read(file: &Path, text: &str) -> Result<Vec<Row>, Fault> {
    let fault = |line, reason| Fault { file: file.to_owned(), line, reason };
    let mut records = records(text).map_err(|line| fault(line, "a quote is never closed".to_owned()))?.into_iter();
    let (line, names) = records.next().ok_or_else(|| fault(1, "it is empty".to_owned()))?;
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let found = names.iter().position(|name| name == column);
        *place = found.ok_or_else(|| fault(line, format!("the column `{column}` is missing")))?;
    }
    let mut rows = Vec::new();
    for (line, fields) in records {
        if let Some(missing) = names.get(fields.len()) {
            return Err(fault(line, format!("the field of column `{missing}` is missing")));
        }
        if fields.len() > names.len() {
            return Err(fault(line, format!("{} fields, for {} columns", fields.len(), names.len())));
        }
        let [
            date,
            processor,
            mitigation,
            kernel,
            rustc,
            commit,
            load,
            source,
            table,
            contender,
            column,
            what,
            value,
            slices,
        ] = places.map(|place| fields[place].clone());
        let wrong = |column, text| fault(line, format!("`{column}` is no number: `{text}`"));
        rows.push(Row {
            origin: Origin { date, processor, mitigation, kernel, rustc, commit, load, source },
            table,
            contender,
            column,
            what,
            value: value.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| wrong("value", value))?,
            slices: slices.parse().map_err(|_| wrong("slices", slices))?,
        });
    }
    Ok(rows)
}

/// Splits a text into records of fields, each with the line that it starts in. The error is the line of a quote that
/// is never closed.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, usize> {
    let (mut records, mut line, mut rest) = (Vec::new(), 1, text);
    while !rest.is_empty() {
        let (start, mut fields) = (line, Vec::new());
        loop {
            let (field, after) = if let Some(inner) = rest.strip_prefix('"') {
                let (field, after) = unquoted(inner).ok_or(line)?;
                line += field.matches('\n').count();
                (field, after)
            } else {
                let end = rest.find([',', '\n']).unwrap_or(rest.len());
                (rest[..end].trim_end_matches('\r').to_owned(), &rest[end..])
            };
            fields.push(field);
            rest = after.strip_prefix('\r').unwrap_or(after);
            let Some(next) = rest.strip_prefix(',') else { break };
            rest = next;
        }
        rest = rest.strip_prefix('\n').unwrap_or(rest);
        line += 1;
        records.push((start, fields));
    }
    Ok(records)
}

/// Returns the content of a quoted field and what follows its closing quote. `text` starts behind the opening quote.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut field, mut rest) = (String::new(), text);
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        let Some(more) = after.strip_prefix('"') else { return Some((field, after)) };
        field.push('"');
        rest = more;
    }
}
