//! Reads the public items of a crate from rustdoc's JSON.

use std::collections::BTreeSet;

use serde_json::Value;

/// Members that the page names once for all types.
const OF_REQUESTS: [&str; 3] = ["new", "build", "CODE"];

/// Second paths of items, which the page does not list.
const SECOND_PATHS: [(&str, &str); 4] = [
    ("io_uring::cqueue::CompletionQueue", "io_uring::CompletionQueue"),
    ("io_uring::cqueue::CompletionStatus", "io_uring::CompletionStatus"),
    ("io_uring::squeue::SubmissionQueue", "io_uring::SubmissionQueue"),
    ("io_uring::Probe", "io_uring::register::Probe"),
];

struct Crate<'a> {
    index: &'a Value,
    found: BTreeSet<String>,
}

/// Returns the full path of every item that needs a row of the page.
pub fn items(json: &Value) -> Result<BTreeSet<String>, String> {
    let mut this = Crate { index: &json["index"], found: BTreeSet::new() };
    let root = &this.item(&json["root"]).ok_or("no root")?["inner"]["module"]["items"];
    for id in root.as_array().ok_or("no items")? {
        this.visit(id, "io_uring");
    }
    if this.found.is_empty() { Err("a format that this program does not know".into()) } else { Ok(this.found) }
}

impl<'a> Crate<'a> {
    fn item(&self, id: &Value) -> Option<&'a Value> {
        self.index.get(id.to_string())
    }

    fn each(&mut self, ids: &'a Value, mut visit: impl FnMut(&mut Self, &'a Value)) {
        for id in ids.as_array().into_iter().flatten() {
            visit(self, id);
        }
    }

    /// Adds an item of a module: a module, a re-export, or another item.
    fn visit(&mut self, id: &'a Value, module: &str) {
        let Some(item) = self.item(id) else { return };
        if item["visibility"] != "public" {
            return;
        }
        let inner = &item["inner"];
        let Some(import) = inner.get("use") else {
            return self.add(item, module, item["name"].as_str().unwrap_or_default());
        };
        let target = self.item(&import["id"]);
        match (import["is_glob"] == true, target) {
            (true, Some(target)) => {
                self.each(&target["inner"]["module"]["items"], |this, id| this.visit(id, module));
            }
            (false, Some(target)) => self.add(target, module, import["name"].as_str().unwrap_or_default()),
            // The item is from another crate.
            (_, None) => self.note(&format!("{module}::{}", import["name"].as_str().unwrap_or_default())),
        }
    }

    fn add(&mut self, item: &'a Value, module: &str, name: &str) {
        let path = format!("{module}::{name}");
        let inner = &item["inner"];
        if let Some(module) = inner.get("module") {
            return self.each(&module["items"], |this, id| this.visit(id, &path));
        }
        self.note(&path);
        let methods = |this: &Self, body: &'a Value| -> Vec<&'a Value> {
            let impls = body["impls"].as_array().into_iter().flatten();
            impls
                .filter_map(|id| this.item(id))
                .map(|item| &item["inner"]["impl"])
                .filter(|it| it["trait"].is_null())
                .collect()
        };
        for (kind, of) in [("struct", "impls"), ("enum", "variants"), ("trait", "items")] {
            let Some(body) = inner.get(kind) else { continue };
            let mut members: Vec<&Value> = Vec::new();
            for block in methods(self, body) {
                members.extend(block["items"].as_array().into_iter().flatten().filter_map(|id| self.item(id)));
            }
            members.retain(|member| member["visibility"] == "public");
            let flags = members.iter().any(|member| member["name"] == "from_bits_retain");
            members.retain(|member| !(flags && member["inner"].get("function").is_some()));
            if of != "impls" {
                members.extend(body[of].as_array().into_iter().flatten().filter_map(|id| self.item(id)));
            }
            let request = module == "io_uring::opcode";
            for member in members.iter().filter_map(|member| member["name"].as_str()) {
                if !(request && OF_REQUESTS.contains(&member)) {
                    self.note(&format!("{path}::{member}"));
                }
            }
        }
    }

    fn note(&mut self, path: &str) {
        let second = SECOND_PATHS.iter().find(|(second, _)| {
            path.strip_prefix(second).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        });
        let path = second.map_or_else(|| path.to_owned(), |(second, first)| path.replacen(second, first, 1));
        self.found.insert(path);
    }
}
