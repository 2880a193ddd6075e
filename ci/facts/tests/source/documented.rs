//! The items of the crate with their documentation: what they are called, their C names, and since when they say they are.

use std::collections::BTreeMap;

use facts::{Kind, Version};

use super::source::{Source, row, rust_files, stated};

/// An item with a documentation.
pub struct Documented {
    /// Where it is.
    pub place: String,
    /// `Type::method`, `module::Type`, or for what a macro makes of several types, `macro::method`.
    pub name: String,
    /// The C names of the item.
    pub aliases: Vec<String>,
    /// The release behind the first "Since" of its documentation.
    pub since: Option<Version>,
    /// The one behind the first "since", which can be about a part of what the item does.
    pub within: Option<Version>,
}

impl Documented {
    fn new(place: String, name: String, aliases: Vec<String>, text: &str) -> Self {
        Self { place, name, aliases, since: stated(text, "Since"), within: stated(text, "since") }
    }

    /// Since when the table says it is there: by its own row, or else by the newest of its C names.
    pub fn wanted(&self) -> Option<Version> {
        let by_name = || self.aliases.iter().filter_map(|alias| row(alias, None)).map(|fact| fact.since).max();
        // The module `uapi` has the kernel's names for its own.
        let own = || row(self.name.strip_prefix("uapi::")?, None).map(|fact| fact.since);
        row(&self.name, Some(Kind::Item)).map(|fact| fact.since).or_else(by_name).or_else(own)
    }

    /// Whether it has to say since when: what has a row of its own, and what is a flag of set-up, a feature, a request or a
    /// registration.
    pub fn must_state(&self) -> bool {
        let kinds = [Kind::Setup, Kind::Feature, Kind::Opcode, Kind::Register];
        let by_kind = self.aliases.iter().filter_map(|alias| row(alias, None)).any(|fact| kinds.contains(&fact.kind));
        by_kind || row(&self.name, Some(Kind::Item)).is_some()
    }
}

/// What a macro of the crate makes: a method, with its C names.
#[derive(Clone, Default)]
struct Made {
    method: String,
    aliases: Vec<String>,
}

/// All of them, in the order of the files.
pub fn all() -> Vec<Documented> {
    // The models of the ring protocol have kernels of their own.
    let sources = rust_files("src").into_iter().filter(|source| !source.path.starts_with("src/models"));
    let sources: Vec<Source> = sources.filter(|source| !source.path.ends_with("_tests.rs")).collect();
    let mut macros = BTreeMap::new();
    for source in &sources {
        collect_macros(source, &mut macros);
    }
    sources.iter().flat_map(|source| items(source, &macros)).collect()
}

fn collect_macros(source: &Source, macros: &mut BTreeMap<String, Made>) {
    let mut current: Option<(String, Made)> = None;
    for line in source.text.lines() {
        if let Some(rest) = line.strip_prefix("macro_rules! ") {
            current = Some((word(rest).to_owned(), Made::default()));
        } else if line == "}" {
            macros.extend(current.take());
        } else if let Some((_, made)) = &mut current {
            made.aliases.extend(alias(line));
            if made.method.is_empty() {
                made.method = declared(line.trim_start()).unwrap_or_default();
            }
        }
    }
}

fn items(source: &Source, macros: &BTreeMap<String, Made>) -> Vec<Documented> {
    let mut found = Vec::new();
    let (mut owner, mut invoked, mut made_by) = (String::new(), None, "");
    let module = word(source.path.strip_prefix("src/").unwrap_or(&source.path));
    let (mut text, mut aliases) = (String::new(), Vec::new());
    for (number, line) in source.text.lines().enumerate() {
        let place = format!("{}:{}", source.path, number + 1);
        let trimmed = line.trim_start();
        if let Some(more) = trimmed.strip_prefix("///") {
            text.push_str(more);
            continue;
        }
        if trimmed.starts_with("#[") {
            aliases.extend(alias(trimmed));
            continue;
        }
        if trimmed.starts_with("//") {
            continue;
        }
        let (text, aliases) = (std::mem::take(&mut text), std::mem::take(&mut aliases));
        owner = owner_of(trimmed).unwrap_or(owner);
        made_by = line.strip_prefix("macro_rules! ").map_or(made_by, word);
        // The types of a macro have no name yet.
        if owner == "name" {
            made_by.clone_into(&mut owner);
        }
        if !line.starts_with(' ') {
            invoked = line.strip_suffix("! {").or_else(|| line.strip_suffix("!(")).and_then(|name| macros.get(name));
        }
        if let Some((made, argument, said)) = called_with_words(line, macros) {
            let name = format!("{argument}::{}", made.method);
            found.push(Documented::new(place, name, made.aliases.clone(), said));
            continue;
        }
        if text.is_empty() && aliases.is_empty() {
            continue;
        }
        if let Some(name) = declared(trimmed) {
            let nested = line.starts_with(' ') && owner != name;
            let name = if nested { format!("{owner}::{name}") } else { format!("{module}::{name}") };
            found.push(Documented::new(place, name, aliases, &text));
        } else if let Some(made) = invoked {
            let name = format!("{}::{}", word(trimmed), made.method);
            found.push(Documented::new(place, name, made.aliases.clone(), &text));
        }
    }
    found
}

/// `addressed!(Send, "Since 6.1.");`: the macro, its first argument, and the words.
fn called_with_words<'a>(line: &'a str, macros: &'a BTreeMap<String, Made>) -> Option<(&'a Made, &'a str, &'a str)> {
    let (name, arguments) = line.split_once("!(")?;
    let (argument, words) = arguments.split_once(", \"")?;
    Some((macros.get(name)?, argument, words))
}

/// The C name of a `#[doc(alias = "..")]`.
fn alias(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("#[doc(alias = \"")?;
    Some(rest.split('"').next()?.to_owned())
}

/// The name that a line declares for users: a public item, or a flag in a set.
fn declared(line: &str) -> Option<String> {
    let rest = line.strip_prefix("pub ").or_else(|| line.starts_with("const ").then_some(line))?;
    let rest = ["const ", "unsafe ", "fn ", "struct ", "enum ", "type ", "trait ", "union "]
        .iter()
        .fold(rest, |rest, keyword| rest.strip_prefix(keyword).unwrap_or(rest));
    Some(word(rest).to_owned()).filter(|name| !name.is_empty() && name != "mod" && name != "use")
}

/// The type that what follows belongs to, if this line says so.
fn owner_of(line: &str) -> Option<String> {
    if ["pub struct ", "pub enum ", "pub union "].iter().any(|start| line.starts_with(start)) {
        return declared(line);
    }
    let rest = line.strip_prefix("unsafe ").unwrap_or(line).strip_prefix("impl")?;
    let rest = rest.rsplit_once(" for ").map_or_else(|| without_parameters(rest), |(_, rest)| rest);
    Some(word(rest.trim_start_matches([' ', '&', '$'])).to_owned())
}

/// Behind the `<..>` that a text begins with.
fn without_parameters(text: &str) -> &str {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return if letter == '>' { &text[at + 1..] } else { text };
        }
    }
    text
}

/// The identifier that a text begins with.
fn word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or("")
}
