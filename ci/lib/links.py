#!/usr/bin/env python3
"""links.py [--within LIST] PAGE...: checks that each link of a Markdown page to a file beside it leads to a file, and to a heading
of that file if it names one. LIST has the allowed files, one on a line, relative to here; without it any file will do."""

import os
import pathlib
import re
import sys


def anchors(path):
    """Returns the headings of a page, as links to them are written."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    found = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def links(path):
    """Returns the target of every link in a page's prose: inline ones, and definitions."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    text = re.sub(r"`[^`\n]+`(?!\])", "", text)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)", text, flags=re.M)


def wrong(page, target, there):
    file, _, heading = target.partition("#")
    path = page.parent / file if file else page
    name = os.path.normpath(path)
    if there is not None and not any(file == name or file.startswith(name + "/") for file in there):
        return "no such file in the package"
    if not path.exists():
        return "no such file"
    if heading and heading not in anchors(path):
        return "no such heading"
    return None


def main(arguments):
    there = None
    if arguments[0] == "--within":
        there = set(pathlib.Path(arguments[1]).read_text().splitlines())
        arguments = arguments[2:]
    count = failed = 0
    for page in map(pathlib.Path, arguments):
        for target in links(page):
            if re.match(r"[a-z]+:", target):
                continue
            count += 1
            if reason := wrong(page, target, there):
                failed += 1
                print(f"FAIL {page}: {target}: {reason}")
    print(f"ok   {count} links between files, on {len(arguments)} pages" if not failed else f"{failed} of {count} links")
    sys.exit(failed > 0)


main(sys.argv[1:])
