#!/usr/bin/env python3
"""reached.py LIST CALLED: prints the public functions of LIST (docs/public-api.txt) that CALLED lacks, by type and name.

CALLED has what programs call that were built without optimisation: the compiler's list of what it made code of (it has all that
is generic or inlined), and the linked symbols, demangled. What nothing calls is in neither. Left out are builders
of opcodes (the programs use the ones that they need; each sets fields of an entry), the layouts of the kernel's own
structures, what derives and the macro for flags write, and functions that only std has.
"""

import pathlib
import re
import sys

# The functions that `bitflags!` writes for each type of flags.
OF_FLAGS = set("""all bits complement contains difference empty extend from_bits from_bits_retain from_bits_truncate from_iter
    from_name insert intersection intersects into_iter is_all is_empty iter iter_names not remove set symmetric_difference sub
    sub_assign toggle union bitand bitand_assign bitor bitor_assign bitxor bitxor_assign""".split())
DERIVED = {"clone", "cmp", "default", "eq", "fmt", "hash", "partial_cmp"}


def plain(text):
    """Returns the text without generic arguments."""
    out, depth = [], 0
    for at, letter in enumerate(text):
        if letter == "<":
            depth += 1
        elif letter == ">" and text[at - 1] not in "-=":
            depth -= 1
        elif depth == 0:
            out.append(letter)
    return "".join(out)


def listed(page):
    """Yields each function of the list as (type or module, name)."""
    text = pathlib.Path(page).read_text().split("\n# with the feature")[0]
    for line in text.splitlines():
        if found := re.match(r"pub (?:const |unsafe )*fn bare_uring::(.*)", line):
            segments = plain(found[1]).split("(")[0].split("::")
            if segments[0] not in ("opcode", "uapi"):
                yield "::".join(segments[:-1]), segments[-1]


def path(text):
    """Returns the segments of a path, without generic arguments, references and pointers."""
    return [part for part in plain(text).strip("&* ").removeprefix("mut ").split("::") if part]


def called(file):
    """Yields each called function, as (segments of its type's or module's path, name)."""
    for line in pathlib.Path(file).read_text().splitlines():
        if line.startswith("MONO_ITEM fn "):
            name = line.removeprefix("MONO_ITEM fn ").split(" @@ ")[0]
        else:
            name = line.split(" ", 2)[-1].strip()
        if name.startswith("<"):
            # `<type>::function` or `<type as trait>::function`.
            depth = 0
            for at, letter in enumerate(name):
                depth += letter == "<"
                depth -= letter == ">" and name[at - 1] not in "-="
                if depth == 0:
                    break
            function = path(name[at + 1:])
            for part in name[1:at].split(" as "):
                if function:
                    yield path(part), function[0]
        elif len(segments := path(name)) > 1:
            yield segments[:-1], segments[-1]


def main(page, file):
    functions = list(listed(page))
    flags = {place for place, name in functions if name == "from_bits_retain"}
    functions = [(place, name) for place, name in functions
                 if name not in DERIVED and not (place in flags and name in OF_FLAGS)]
    there = {}
    for place, name in called(file):
        if place:
            there.setdefault((place[-1], name), []).append(place)
    # A type is known by its name; types of one name are told apart by their modules.
    modules = {}
    for place, _ in functions:
        *module, last = place.split("::")
        modules.setdefault(last, set()).add("::".join(module))

    def reached(place, name):
        *module, last = place.split("::")
        found = there.get((last, name), [])
        return any(len(modules[last]) == 1 or set(module) <= set(one) for one in found)

    missing = sorted({f"{place}::{name}" for place, name in functions if not reached(place, name)})
    print("\n".join(missing) or f"{len(set(functions))} functions")
    sys.exit(bool(missing) or not functions)


main(*sys.argv[1:])
