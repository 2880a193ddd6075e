#!/usr/bin/env python3
"""compare.py HEADERS.ll OURS.ll: do the crate's structures have the layouts that the kernel's headers give them?

Both files are LLVM's text form, of ci/layouts/headers.c and ci/layouts/src/lib.rs for one architecture, with debug
information. The table in lib.rs says which structures belong together. Prints what differs and ends with a line of
numbers for ci/layouts.sh: structures, fields, faults.
"""
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent / "src"
# Structures with a fixed order that no kernel is given.
OUR_STATE = {"IoUring", "Core", "Rings", "Queue", "Consumer"}
# Of these headers every structure has to be in the table.
OURS_WHOLLY = re.compile(r"linux/io_uring(/(bpf_filter|query|zcrx))?\.h$")
ROW = re.compile(r'^    (\w+): (\w+) = ([^"]+), "([^"]*)";$', re.MULTILINE)
# A field of this name may be given a meaning by a newer kernel: then what it covers counts as missing.
RESERVED = re.compile(r"resv|rsvd|pad|spare|rest$")
RECORD = ("DW_TAG_structure_type", "DW_TAG_union_type")
QUALIFIER = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type")


class Types:
    """The debug information of one file: its types, and the fields in them."""

    def __init__(self, path):
        self.nodes = {}
        self.tuples = {}
        for line in open(path, encoding="utf-8"):
            if tuple_ := re.match(r"(!\d+) = (?:distinct )?!\{(.*)\}$", line):
                self.tuples[tuple_[1]] = [part.strip() for part in tuple_[2].split(",")]
            elif node := re.match(r"(!\d+) = (?:distinct )?!(DI\w+)\((.*)\)$", line):
                self.nodes[node[1]] = self.attributes(node[2], node[3])
        self.seen = set()

    @staticmethod
    def attributes(kind, text):
        pairs = re.findall(r'(\w+): ("[^"]*"|[^,]+)', text)
        return {"kind": kind} | {key: value.strip('"') for key, value in pairs}

    def records(self, files):
        """The names of the structures that are declared in these files."""
        def of(node):
            return self.nodes.get(node.get("file"), {}).get("filename", "")
        return {node["name"] for node in self.nodes.values()
                if node.get("tag") == "DW_TAG_structure_type" and "name" in node and files.search(of(node))}

    def named(self, name):
        """A structure by its C name."""
        for id_, node in self.nodes.items():
            if node.get("tag") in RECORD and node.get("name") == name and "elements" in node:
                return id_
        return None

    def carried(self, row):
        """The type that a row's variable carries: the one in its wrappers."""
        for node in self.nodes.values():
            if node["kind"] == "DIGlobalVariable" and node.get("name") == row:
                return self.parameter(self.strip(node["type"]))
        return None

    def parameter(self, id_):
        """What a generic type is made for."""
        return self.strip(self.nodes[self.tuples[self.nodes[id_]["templateParams"]][0]]["type"])

    def strip(self, id_):
        while self.nodes[id_].get("tag") in QUALIFIER:
            id_ = self.nodes[id_]["baseType"]
        return id_

    def size(self, id_):
        return int(self.nodes[id_].get("size", 0)) // 8

    def fields(self, id_, offset=0, path=""):
        """All fields below a type, as (path, offset, size); a size of 0 is an array that has no end."""
        id_ = self.strip(id_)
        node = self.nodes[id_]
        name = node.get("name", "")
        if node.get("tag") == "DW_TAG_array_type":
            yield path, offset, self.size(id_)
            if self.nodes[element := self.strip(node["baseType"])].get("tag") in RECORD:
                yield from self.fields(element, offset, path + "[]")
        elif name.startswith("__IncompleteArrayField<"):
            yield path, offset, 0
            if self.nodes[self.parameter(id_)].get("tag") in RECORD:
                yield from self.fields(self.parameter(id_), offset, path + "[]")
        elif name.startswith("__BindgenUnionField<"):
            yield from self.fields(self.parameter(id_), offset, path)
        elif node.get("tag") in RECORD:
            self.seen.add(name.split("<")[0])
            for member in map(self.nodes.get, self.tuples[node["elements"]]):
                if member["tag"] != "DW_TAG_member":
                    continue
                field = member.get("name", "")
                # What the bindings add, and what a C macro adds around an array without end.
                if field == "bindgen_union_field" or field.startswith("__empty_"):
                    continue
                unnamed = not field or field.startswith("__bindgen_anon") or field == "__0"
                below = path if unnamed else f"{path}.{field}" if path else field
                yield from self.fields(member["baseType"], offset + int(member.get("offset", 0)) // 8, below)
        else:
            yield path, offset, self.size(id_)


class Row:
    """A row of the table, and the two layouts that it says are the same."""

    def __init__(self, row, theirs, ours, words, headers, rust):
        self.title = f"{row} ({theirs} = {ours})"
        self.faults = []
        self.renamed, self.without = {}, []
        for word in words.split():
            if word.startswith("+"):
                self.without.append(word[1:])
            else:
                our_name, their_name = word.split("=")
                self.renamed[our_name] = their_name
        their_type, our_type = headers.named(theirs), rust.carried(row)
        if their_type is None or our_type is None:
            self.theirs, self.ours, self.sizes = {}, [], (0, 0)
            self.faults.append("not in the headers" if their_type is None else "not in the crate")
            return
        self.theirs = {path: (offset, size) for path, offset, size in headers.fields(their_type)}
        self.ours = list(rust.fields(our_type))
        self.sizes = headers.size(their_type), rust.size(our_type)

    def their_name(self, path, used):
        """The kernel's name for a field of ours, or None if it has none."""
        for pattern, name in self.renamed.items():
            below = pattern.endswith(".") and path.startswith(pattern)
            if path == pattern or below or (pattern.endswith(".*") and path.startswith(pattern[:-1])):
                used.add(pattern)
                return None if name == "-" else name + path[len(pattern):] if below else name
        return path

    def another_name(self, name, places):
        """Whether a field of the kernel's lies within one of ours that both have: a union's other names."""
        offset, size = self.theirs[name]
        return any(start <= offset and offset + size <= end for start, end in places)

    def compare(self, ours):
        """The faults, if our fields were these."""
        faults, used, met, places, end = list(self.faults), set(), set(), set(), 0
        for path, offset, size in ours:
            if "[]" not in path:
                end = max(end, offset + size)
            name = self.their_name(path, used)
            if name is None:
                continue
            if name not in self.theirs:
                faults.append(f"the kernel has no field {name}")
                continue
            met.add(name)
            if not RESERVED.search(name):
                places.add((offset, offset + size))
            their_offset, their_size = self.theirs[name]
            if offset != their_offset or (size != their_size and their_size != 0):
                faults.append(f"{path}: {size} bytes at {offset}, the kernel has {their_size} at {their_offset}")
        for name in self.theirs.keys() - met:
            known = [p for p in self.without if name == p or (p.endswith(".*") and name.startswith(p[:-1]))]
            used.update(known)
            if not known and not self.another_name(name, places):
                faults.append(f"we have no field for {name}, at {self.theirs[name][0]}")
        faults += [f"nothing is named {word}" for word in (self.renamed.keys() | set(self.without)) - used]
        endless = any(size == 0 and offset == self.sizes[0] for offset, size in self.theirs.values())
        if self.sizes[1] != (end if endless else self.sizes[0]):
            faults.append(f"{self.sizes[1]} bytes in all, the kernel has {self.sizes[0]}")
        return faults

    def unnoticed(self):
        """The fields that could lie elsewhere, or be missing, without a fault: none, if the comparison is worth anything."""
        blind = []
        for i, (path, offset, size) in enumerate(self.ours):
            if self.their_name(path, set()) is None:
                continue
            moved = self.ours[:i] + [(path, offset + 1, size)] + self.ours[i + 1:]
            if not self.compare(moved):
                blind.append(f"nobody would notice if {path} lay one byte further")
        return blind


def without_comments(text):
    return re.sub(r"//.*", "", text)


def declared(headers, rust):
    """Structures that the table has to have and does not."""
    # The models have structures of their own, and a ring's own state has an order for speed: both are for no kernel.
    paths = (path for path in SOURCE.rglob("*.rs") if "models" not in path.parts)
    sources = {path: without_comments(path.read_text(encoding="utf-8")) for path in paths}
    for path, text in sources.items():
        for name in re.findall(r"repr\(C\b[^\n]*\n(?:\s*#\[[^\n]*\n)*\s*(?:pub(?:\([^)]*\))? )?(?:struct|union) (\w+)", text):
            if name not in rust.seen and name not in OUR_STATE:
                yield f"{path.relative_to(SOURCE.parent)}: {name} is not in the table"
    text = "\n".join(sources.values())
    words = set(re.findall(r"\w+", " ".join(re.findall(r"\buse [^;]*;", text)))) | set(re.findall(r"::(\w+)", text))
    metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--locked", "--format-version", "1"]))
    manifest, = (package["manifest_path"] for package in metadata["packages"] if package["name"] == "linux-raw-sys")
    bindings = pathlib.Path(manifest).parent / "src" / "x86_64"
    for file in ("io_uring.rs", "general.rs"):
        for name in re.findall(r"pub (?:struct|union) (\w+)", (bindings / file).read_text(encoding="utf-8")):
            if name in words and name not in rust.seen:
                yield f"linux_raw_sys: {name} is used and not in the table"
    for name in headers.records(OURS_WHOLLY) - headers.seen:
        yield f"the kernel's {name} is not in the table"


def main():
    headers, rust = Types(sys.argv[1]), Types(sys.argv[2])
    table = ROW.findall((HERE / "src/lib.rs").read_text(encoding="utf-8"))
    rows = [Row(*row, headers, rust) for row in table]
    faults = [f"{row.title}: {fault}" for row in rows for fault in row.compare(row.ours) or row.unnoticed()]
    faults += declared(headers, rust)
    print(*(f"  {fault}" for fault in faults), sep="\n", end="\n" if faults else "")
    print(len(rows), sum(len(row.ours) for row in rows), len(faults))


main()
