#!/usr/bin/env python3
"""layers.py DIRECTORY...: whether each module of a crate uses only what the crate's table of layers allows.

DIRECTORY holds a crate's lib.rs. The section `# The layers` of its documentation has a table, lowest layer first, that names
modules in backticks in its first column. A module may use modules of its own row and of the rows before. Prints one line
for each use of a module in a later row, each module of lib.rs that no row names, and each row that names no module.
Ends with 1 if it printed such a line.

Reads names, and not types: `crate::x::..`, `super::..` and `self::..` in code count, and `crate::Name` counts as the module that
lib.rs re-exports Name from. Comments, strings, and items that only tests or the documentation compile don't count.
"""

import pathlib
import re
import sys

OPENING, CLOSING = "([{", ")]}"
# Conditions that no ordinary build meets.
NEVER = {"test", "doc", "doctest", "loom"}
LEFT_OUT = re.compile(r"(_tests|(^|/|_)models|(^|/)tests)(\.rs|/)")


class Fault(Exception):
    """What keeps a crate from being read."""


def blank(text):
    """Replaces all but line ends by spaces, so that offsets and line numbers stay."""
    return re.sub(r"[^\n]", " ", text)


def code_of(text):
    """The text with comments, strings and characters blanked. A string keeps its content in `#[path = ..]` only."""
    out, at = [], 0
    token = re.compile(
        r"(?P<line>//[^\n]*)|(?P<block>/\*)|(?P<path>\#\[path\s*=\s*\"[^\"]*\"\])"
        r"|(?P<raw>\b[bc]?r(?P<hashes>#*)\".*?\"(?P=hashes))|(?P<string>[bc]?\"(?:\\.|[^\"\\])*\")"
        r"|(?P<char>b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'\n])')",
        re.S,
    )
    while found := token.search(text, at):
        out.append(text[at:found.start()])
        at = found.end()
        if found["block"]:
            # Block comments nest.
            depth = 1
            while depth and (mark := re.compile(r"/\*|\*/").search(text, at)):
                depth += 1 if mark[0] == "/*" else -1
                at = mark.end()
            if depth:
                raise Fault("a comment has no end")
        out.append(found[0] if found["path"] else blank(text[found.start():at]))
    return "".join(out) + text[at:]


def closing(code, at):
    """The offset behind the bracket that closes the one at `at`."""
    depth = 0
    for offset in range(at, len(code)):
        depth += code[offset] in OPENING
        depth -= code[offset] in CLOSING
        if depth == 0:
            return offset + 1
    raise Fault("a bracket has no end")


def condition(text):
    """Whether a `cfg` can hold in an ordinary build: False, or None where that depends on the target or the features."""
    text = text.strip()
    found = re.fullmatch(r"(all|any|not)\s*\((.*)\)", text, re.S)
    if not found:
        return False if text in NEVER else None
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(found[2] + ","):
        depth += letter in OPENING
        depth -= letter in CLOSING
        if letter == "," and depth == 0:
            if found[2][start:at].strip():
                parts.append(condition(found[2][start:at]))
            start = at + 1
    if found[1] == "not":
        return None if parts[0] is None else not parts[0]
    decides = found[1] == "any"
    if decides in parts:
        return decides
    return None if None in parts else not decides


def item_end(code, at):
    """The offset behind the item that begins at `at`: behind its body, its semicolon, or its comma."""
    while attribute := re.compile(r"\s*#!?\[").match(code, at):
        at = closing(code, attribute.end() - 1)
    start = re.compile(r"\s*(?:pub(?:\([^)]*\))?\s+)?(?P<word>\w+)(?P<const_fn>\s+(?:unsafe\s+)?(?:fn|extern)\b)?").match(code, at)
    word = start["word"] if start else ""
    to_semicolon = word in ("use", "let", "type", "static") or word == "const" and not start["const_fn"]
    # Anything else is a field, a variant or an arm, which a comma ends.
    item = to_semicolon or word in ("fn", "impl", "struct", "enum", "union", "mod", "trait", "unsafe", "extern", "const", "macro_rules")
    offset = at
    while offset < len(code):
        letter = code[offset]
        if letter in OPENING:
            offset = closing(code, offset)
            if letter == "{" and not to_semicolon:
                return offset
            continue
        if letter in CLOSING:
            return offset
        if letter == ";" or letter == "," and not item:
            return offset + 1
        offset += 1
    return offset


def without_tests(code):
    """The code without the items that only tests or the documentation compile, and those items' text."""
    left_out, at = [], 0
    while found := re.compile(r"#\[cfg\s*\(").search(code, at):
        at = closing(code, found.end() - 1)
        if condition(code[found.end():at - 1]) is False:
            end = item_end(code, code.index("]", at) + 1)
            left_out.append(code[found.start():end])
            code = code[:found.start()] + blank(code[found.start():end]) + code[end:]
            at = end
    return code, "".join(left_out)


def declared(code):
    """Each `mod name;` and `mod name {`: the name, the file that `#[path]` gives it, and the body's ends or None."""
    form = r"(?:#\[path\s*=\s*\"(?P<path>[^\"]*)\"\]\s*)?(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?\bmod\s+(?P<name>\w+)\s*(?P<end>[;{])"
    for found in re.finditer(form, code):
        body = (found.end() - 1, closing(code, found.end() - 1)) if found["end"] == "{" else None
        yield found["name"], found["path"], body


def tree(code, at):
    """The paths of a use tree or a path that begins at `at`, as (offset of its last segment, segments)."""
    at = re.compile(r"\s*").match(code, at).end()
    if code[at:at + 1] == "{":
        end, start, depth = closing(code, at) - 1, at + 1, 0
        for offset in range(start, end + 1):
            depth += code[offset] in OPENING
            depth -= offset < end and code[offset] in CLOSING
            if offset == end or code[offset] == "," and depth == 0:
                if code[start:offset].strip():
                    yield from tree(code, start)
                start = offset + 1
        return
    found = re.compile(r"\*|(?:r#)?\w+").match(code, at)
    if not found:
        return
    if more := re.compile(r"\s*::\s*(?=[\w{*])").match(code, found.end()):
        # A macro's fragment or a generic argument may follow `::` as well: neither is a segment.
        for offset, rest in tree(code, more.end()):
            yield offset, [found[0], *rest]
    else:
        yield at, [found[0]]


class Crate:
    def __init__(self, directory):
        self.directory = directory
        self.text = (directory / "lib.rs").read_text()
        self.code, left_out = without_tests(code_of(self.text))
        self.modules = [name for name, _, _ in declared(self.code)]
        self.not_built = {name for name, _, _ in declared(left_out)}
        # What lib.rs names itself: re-exported, or written there.
        self.exported, self.own = {}, set(re.findall(r"\b(?:struct|enum|union|trait|type|fn|const|static|macro_rules!)\s+(\w+)", self.code))
        for found in re.finditer(r"\buse\s+(?:(?:crate|self)\s*::\s*)?", self.code):
            end = self.code.index(";", found.end())
            for offset, segments in tree(self.code[:end], found.end()):
                if segments[0] in self.modules and segments[-1] != "*":
                    renamed = re.compile(r"\w+\s+as\s+(\w+)").match(self.code, offset)
                    self.exported[renamed[1] if renamed else segments[-1]] = segments[0]
        self.faults = []
        self.rows = self.table()

    def fault(self, path, line, words):
        self.faults.append(f"{path}:{line}: {words}")

    def table(self):
        """The row that each module is in."""
        rows, number, inside, head = {}, -1, False, 0
        for line, text in enumerate(self.text.splitlines(), 1):
            if not text.startswith("//!"):
                continue
            text = text[3:].strip()
            if text.startswith("#"):
                inside = text.lower() == "# the layers"
            elif inside and text.startswith("|"):
                # The first two lines of a table are its heads.
                head += 1
                if head > 2:
                    number += 1
                    self.row(text, number, line, rows)
        if number < 0:
            raise Fault("it has no section `# The layers` with a table")
        for name in self.modules:
            if name not in rows and not LEFT_OUT.search(name + ".rs"):
                line = self.code[:re.search(rf"\bmod\s+{name}\b", self.code).start()].count("\n") + 1
                self.fault(self.directory / "lib.rs", line, f"no row of the table names the module {name}")
        return rows

    def row(self, text, number, line, rows):
        names = re.findall(r"`([^`]+)`", text.strip("|").split("|")[0])
        if not names:
            self.fault(self.directory / "lib.rs", line, "this row names no module")
        for name in names:
            name = name.removeprefix("crate::")
            if name not in self.modules:
                self.fault(self.directory / "lib.rs", line, f"this row names {name}, which is not a module of lib.rs")
            elif name in rows:
                self.fault(self.directory / "lib.rs", line, f"two rows name the module {name}")
            else:
                rows[name] = number

    def walk(self):
        """Reads each file that a `mod` line leads to, and finds the others."""
        self.seen, self.unread = {self.directory / "lib.rs"}, set()
        self.file(self.directory / "lib.rs", self.directory, [])
        for path in sorted(self.directory.rglob("*.rs")):
            below = any(path.is_relative_to(place) for place in self.unread)
            if path not in self.seen and not below and not LEFT_OUT.search(str(path.relative_to(self.directory))):
                self.fault(path, 1, "no `mod` line leads to this file")

    def file(self, path, folder, module):
        code, left_out = without_tests(code_of(path.read_text()))
        for name, given, body in declared(left_out):
            if body is None:
                self.unread |= {path.parent / given} if given else {folder / (name + ".rs"), folder / name}
        inner = []
        for name, given, body in declared(code):
            if body:
                inner.append((body, name))
                continue
            if given:
                places = [(path.parent / given, folder / name)]
            else:
                places = [(folder / (name + ".rs"), folder / name), (folder / name / "mod.rs", folder / name)]
            for place, below in places:
                if place.is_file() and place not in self.seen and not LEFT_OUT.search(str(place.relative_to(self.directory))):
                    self.seen.add(place)
                    self.file(place, below, [*module, name])
        self.uses(path, code, module, inner)

    def uses(self, path, code, module, inner):
        reported = set()
        for found in re.finditer(r"(?<![\w:])(?:\$\s*)?(crate|super|self)\s*::", code):
            here = module + [name for (start, end), name in inner if start < found.start() < end]
            if not here:
                continue
            for offset, segments in tree(code, found.start(1)):
                base = {"crate": [], "self": here, "super": here[:-1]}[segments[0]]
                rest = segments[1:]
                while rest and rest[0] == "super":
                    base, rest = base[:-1], rest[1:]
                target = [*base, *(segment for segment in rest if segment != "self")]
                line = code[:offset].count("\n") + 1
                if target and (here[0], target[0], line) not in reported:
                    reported.add((here[0], target[0], line))
                    self.arrow(path, line, here[0], target[0])

    def arrow(self, path, line, module, name):
        used = name if name in self.modules else self.exported.get(name)
        if used is None and (name in self.own or name in self.not_built):
            return
        if used is None:
            words = "everything that lib.rs has" if name == "*" else f"crate::{name}, which lib.rs does not name"
            self.fault(path, line, f"{module} uses {words}: the layer can't be told")
        elif used != module and self.rows.get(used, -1) > self.rows.get(module, len(self.rows)):
            self.fault(path, line, f"{module} uses {used}, which is above it")


def main(directories):
    failed = False
    for directory in map(pathlib.Path, directories):
        try:
            crate = Crate(directory)
            crate.walk()
            faults = crate.faults
        except Fault as fault:
            faults = [f"{directory / 'lib.rs'}:1: {fault}"]
        print("\n".join(faults) if faults else f"{len(crate.rows)} modules in {len(set(crate.rows.values()))} rows")
        failed |= bool(faults)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or not sys.argv[1:])
