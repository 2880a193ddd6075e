#!/usr/bin/env python3
"""liburing.py HEADER PAGE: whether each function of liburing's header is a doc alias in the sources below here, or in a row of
the page's section "From liburing". Fails too for a row whose function has an alias, or is not in the header."""

import pathlib
import re
import sys


def functions(header):
    """What the header declares, without the helpers that begin with underscores and have a public twin, and the barriers."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    found = set(re.findall(r"\b(?:__)?io_uring_\w+(?=\s*\()", text))
    return {name for name in found if not (name.startswith("__") and name[2:] in found) and "_smp_" not in name}


def aliases():
    for path in [*pathlib.Path("src").rglob("*.rs"), *pathlib.Path("packages").rglob("src/**/*.rs")]:
        yield from re.findall(r'doc\(alias = "((?:__)?io_uring_\w+)"', path.read_text())


def main(header, page):
    theirs = functions(pathlib.Path(header).read_text())
    section = re.search(r"^## From liburing$(.*?)(?=^## |\Z)", pathlib.Path(page).read_text(), re.M | re.S).group(1)
    rows = {name for row in re.findall(r"^\| (`.*?) \|", section, re.M) for name in re.findall(r"`(\w+)`", row)}
    ours = set(aliases())
    wrong = [f"{name} has neither an alias nor a row" for name in sorted(theirs - ours - rows)]
    wrong += [f"{name} has a row, and an alias too" for name in sorted(rows & ours)]
    wrong += [f"{name} has a row, and is not in the header" for name in sorted(rows - theirs)]
    print("\n".join(wrong) if wrong else f"{len(theirs & ours)} functions have an alias, {len(rows)} have a row")
    return bool(wrong) or not theirs


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
