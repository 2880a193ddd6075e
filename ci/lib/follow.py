#!/usr/bin/env python3
"""follow.py FOLDER PAGE [HEADING]: follows in FOLDER what PAGE (from HEADING on) tells a reader to do.

- A block below a line that begins with a file's name, in bold and in backticks, is that file.
- A block marked `sh` is run, with the files in place; one marked `text` right behind it is what it must print.
- A Rust program without a name is run as well, from src/bin.
- Any other block must be marked as one that is only shown: `text`, or `rust,ignore`.
"""

import pathlib
import re
import subprocess
import sys


def blocks(lines):
    """Yields each block: its mark, the name of a file above it or None, whether a block stands right before it, its text."""
    name, inside, near = None, None, False
    for line in lines:
        if inside is not None:
            if line.startswith("```"):
                yield inside[0], name, near, "".join(inside[1:])
                name, inside, near = None, None, True
            else:
                inside.append(line)
        elif line.startswith("```"):
            inside = [line[3:].strip()]
        elif found := re.match(r"\*\*`([^`]+)`\*\*", line):
            name = found[1]
        elif line.startswith("#"):
            name, near = None, False


def run(folder, command, expected):
    print(f"+ {command.strip()}", flush=True)
    printed = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, stdout=subprocess.PIPE, text=True)
    print(printed.stdout, end="", flush=True)
    if printed.returncode != 0:
        sys.exit(f"failed: {command}")
    if expected is not None and printed.stdout != expected:
        sys.exit(f"printed something else than:\n{expected}")


def main(folder, page, heading=None):
    folder = pathlib.Path(folder)
    lines = pathlib.Path(page).read_text().splitlines(keepends=True)
    if heading is not None:
        lines = lines[lines.index(heading + "\n"):]
    commands, programs, files = [], [], 0
    for mark, name, near, text in blocks(lines):
        if name is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
            files += 1
        elif mark == "sh":
            commands.append([text, None])
        elif mark == "text":
            if near and commands and last == "sh":
                commands[-1][1] = text
        elif mark == "rust" and "fn main()" in text:
            programs.append(text)
        elif mark != "rust,ignore":
            sys.exit(f"a block of {page} is no file, no command, and not marked as only shown: {mark}")
        last = mark
    for number, text in enumerate(programs):
        path = folder / "src" / "bin" / f"shown_{number}.rs"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        commands.append([f"cargo run --quiet --bin shown_{number}", None])
    for command, expected in commands:
        run(folder, command, expected)
    compared = sum(expected is not None for _, expected in commands)
    print(f"{files + len(programs)} files, {len(commands)} blocks of commands, {compared} with what they print")


main(*sys.argv[1:])
