"""ci/kernel_refs.py RELEASE FILE...: lists the references to the kernel's source in the comments of these files.

A reference has this form, and may run over several lines of a comment (`#` for `//` in Python and shell):

    // kernel: io_uring/kbuf.c io_kbuf_commit (7.0): the rule, in our own words.
    // kernel: man io_uring_enter(2) (liburing 2.12): the rule.
    // kernel: io_uring/net.c io_send, io_send_zc and io_uring/kbuf.c struct io_buffer_list (7.0): a rule of all of them.
    // kernel: nanos src/unix/io_uring.c iour_timeout_add (0468d568): a rule of a kernel that is not Linux.

A kernel that is not Linux stands in front of its file, and has a revision (8 to 40 hex digits) in place of the release.
Prints them grouped by file and function, each with the release it was checked against and its place in our tree. With a
RELEASE other than `all` (`7.4`, `liburing 2.14`) it prints only those of the same series that were checked against an older
one; a revision is older than none. Faulty references go to standard error as `PLACE<tab>FAULT<tab>TEXT`, one a line, and make the status 1.
"""

import re
import sys

# A comment whose first word may be meant as the mark: `kernel:`, or `kernel` in front of a source file or a man page.
MARK = re.compile(r"(?P<lead>//[/!]?|#+!?)(?P<gap>\s*)(?P<word>kernels?)(?P<rest>\s*:.*|\s+(?:source\s+)?(?:\S+\.[chS]|man\s+\S+\(\d\))\s.*)$", re.I)
SOURCE = r"[\w.+-]+(?:/[\w.+-]+)*\.(?:c|h|S|rst)"
# A kernel that is not Linux, and a file of its source; and the revision that was read.
OTHER_SOURCE = r"[a-z][a-z0-9-]* [\w.+-]+(?:/[\w.+-]+)+\.(?:cc?|hh?|rs|go)\b"
REVISION = r"[0-9a-f]{8,40}"
PAGE = r"man [\w.+-]+\(\d\w*\)"
RELEASE = r"(?:[a-z][a-z-]* )?\d+\.\d+(?:\.\d+)*(?:-rc\d+)?"
# What a line of a comment begins with that is no part of the rule above it.
OTHER = re.compile(r"\s*(SAFETY|Ordering|Panics?|Relaxed|Release|Acquire|AcqRel|SeqCst): ")
# A function, or the structure, macro or table that holds the rule.
FUNCTION = r"(?:(?:struct|union|enum) )?[A-Za-z_]\w*"


def comments_of(path, text):
    """The comments of a file as (line number, mark, content, whether the comment has the line to itself)."""
    form = re.compile(r"(?:^|(?<=\s))(//[/!]?)(?!/)(.*)$" if path.endswith(".rs") else r"(?:^|(?<=\s))(#+!?)(.*)$")
    for number, line in enumerate(text.splitlines(), 1):
        found = form.search(line)
        if found:
            yield number, found.group(1), found.group(2), not line[: found.start()].strip()


def references_of(path, text):
    """The references of a file as (line number, mark and gap, text), each joined to one line."""
    current = last = None
    for number, mark, content, alone in comments_of(path, text):
        found = MARK.match(mark + content)
        # In documentation `kernel:` may stand within a sentence, so that only a source or a page behind it gives it away.
        if found and mark in ("///", "//!") and not re.match(rf"\s*:?\s*(?:{SOURCE}|{PAGE})", found["rest"]):
            found = None
        follows = current and alone and number == last + 1 and mark == current[1]
        if found or not follows or not content.strip() or OTHER.match(content):
            if current:
                yield current[0], current[2]
            current = (number, mark, mark + content) if found else None
        else:
            current = (current[0], mark, current[2] + " " + content.strip())
        last = number
    if current:
        yield current[0], current[2]


def places_of(head):
    """The places that a reference names, as (source, function), and what stands behind them; or what is wrong with them.

    Places are set apart by `, ` or ` and `; one that is a function alone is of the source before it.
    """
    places, source = [], None
    while True:
        whole = re.match(rf"(?:(?P<page>{PAGE})|(?P<source>{SOURCE}|{OTHER_SOURCE})(?: (?P<function>{FUNCTION}))?)", head)
        alone = source and re.match(rf"(?P<function>{FUNCTION})", head)
        if whole:
            source = whole["source"]
            if source and not source.startswith("Documentation/") and not whole["function"]:
                return "it names no function"
            places.append((whole["page"] or source, whole["function"] or ""))
        elif alone:
            places.append((source, alone["function"]))
        else:
            return "it names no file of the kernel and no man page"
        head = head[(whole or alone).end() :]
        more = re.match(r"(?:,| and) (?=\S)", head)
        if not more:
            return places, head
        head = head[more.end() :]


def taken_apart(reference):
    """A reference as (places, release, rule), or a string that says what is wrong with it."""
    found = re.match(r"(?://|#) kernel: (.*)$", reference)
    if not found:
        return "it is written in another form"
    found = places_of(found.group(1))
    if isinstance(found, str):
        return found
    places, behind = found
    others = {re.fullmatch(OTHER_SOURCE, source) is not None for source, _ in places}
    if len(others) > 1:
        return "it names files of two kernels"
    kind, number = ("revision", REVISION) if True in others else ("release", RELEASE)
    behind = re.match(rf" \((?P<release>{number})\)(?P<rule>.*)$", behind)
    if not behind:
        return f"it has no {kind} in parentheses"
    rule = re.match(r": (?=.*\w)(.*)$", behind["rule"])
    if not rule:
        return "it has no rule"
    return places, behind["release"], rule.group(1).strip()


def order(release):
    """What releases are compared by: the series, and then the numbers; a release candidate comes before its release."""
    series, _, number = release.rpartition(" ")
    number, _, candidate = number.partition("-rc")
    return series, [int(part) for part in number.split(".")], int(candidate) if candidate else 1000


def older(release, than):
    """Whether a release is of the same series as another one, and before it. A revision is not."""
    return not re.fullmatch(REVISION, release) and order(release)[0] == order(than)[0] and order(release) < order(than)


def main(than, paths):
    listed, faulty = [], False
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for number, reference in references_of(path, text):
            parts = taken_apart(reference)
            if isinstance(parts, str):
                faulty = True
                print(f"{path}:{number}\t{parts}\t{reference}", file=sys.stderr)
            elif than == "all" or older(parts[1], than):
                places, release, rule = parts
                listed.extend((source, function, release, rule, path, number) for source, function in places)
    group = (None, None)
    for source, function, release, rule, path, number in sorted(listed, key=lambda row: (row[0], row[1], row[4], row[5])):
        if source != group[0]:
            print(source)
        if function and (source, function) != group:
            print(f"  {function}")
        group = (source, function)
        print(f"    {release}  {path}:{number}  {rule}")
    return faulty


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
