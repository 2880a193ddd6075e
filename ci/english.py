"""ci/english.py [--measure]: reads the sentences of the documentation, comments and guides, and finds forms that this project does not write.

Without an argument it prints `FILE:LINE: FORM: SENTENCE` for every banned form and ends with 1 if there is one. With
--measure it prints, for each part of the tree, the number of sentences, their mean length in words, the share of functions
whose first sentence begins with a verb, and the number of banned forms.
"""

import re
import subprocess
import sys

# What a sentence must not hold, and what to write in its place.
BANNED = [
    ("a bare 'who'", r"\b[Ww]ho(ever|m|mever)?\b", "name the thing: 'a caller that', 'if you'"),
    ("'The same'", r"^The same\b", "say what is the same as what"),
    ("'As there'", r"^(As|Like) (there|above|before|below|here)\b|^(Ditto|Likewise)\b", "say it again, in its own sentence"),
    ("'is none'", r"\b(is|are|was|were) none\b(?! of)", "'there is no ...', 'never'"),
    ("an inversion", r"^(Nor|So (does|do|is|are|did|has|have|can))\b|\bwere it not\b", "subject first"),
    ("'the former'", r"\bthe (former|latter)\b", "repeat the noun"),
    ("an old word", r"\b([Ll]est|[Ww]hence|[Tt]hereby|[Tt]herein|[Hh]itherto|[Ff]or want of|[Ss]ees? to( it)?)\b", "a plain word"),
]
# A block whose first word is one of these has not yet named what it stands for.
PRONOUN = re.compile(r"^(It|They|Its|Their|Them|This|These|Those)\b(?! (of|crate|module|file|table|page|list|guide|package|program|type|function|is how|is what)\b)")
# Words in -s that begin a first sentence and are no verbs.
NOUNS = {"Its", "This", "Bytes", "Flags", "Entries", "Completions", "Requests", "Files", "Buffers", "Options", "Always", "Less", "Thus"}
PARTS = [
    ("core", r"^src/"), ("ops", r"^packages/ops/"), ("sim", r"^packages/sim/"), ("packages", r"^packages/"),
    ("examples", r"^examples/"), ("tests", r"^tests/"), ("checks", r"^(ci|\.ci|fuzz|benches)/"), ("guides", r"\.md$"),
]
# History, lists that other programs write, and this file, which quotes what it bans.
EXEMPT = re.compile(r"^(CHANGELOG\.md|LICENSE|ci/english\.py|docs/public-api)")


def lines_of(path, text):
    """The comment text of a file as (line number, text, kind); kind changes where a block ends."""
    if path.endswith(".md"):
        fenced = False
        for number, line in enumerate(text.splitlines(), 1):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            elif not fenced:
                yield number, line, "md"
        return
    mark = r"^\s*(//[/!]?)(?!/)\s?(.*)$" if path.endswith(".rs") else r"^\s*(#)(?!!)\s?(.*)$"
    trailing = re.compile(r"\s(//) (.*)$") if path.endswith(".rs") else None
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(mark, line) or (trailing and trailing.search(line))
        if not found:
            fenced = False
            continue
        kind, content = found.groups()
        if content.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, content, kind


def blocks_of(path, text):
    """Paragraphs: the list of (line number, text) that one sentence may run over."""
    block, last, kind = [], None, None
    for number, line, this in lines_of(path, text):
        stripped = line.strip()
        apart = not stripped or stripped.startswith(("#", "|", "- ", "* ", ">", "[")) or re.match(r"\d+\. ", stripped)
        if block and (apart or this != kind or number != last + 1):
            yield kind, block
            block = []
        if stripped.startswith("|"):
            for cell in stripped.strip("|").split("|"):
                if cell.strip(" -"):
                    yield "cell", [(number, cell.strip())]
        elif stripped and not stripped.startswith("#"):
            block.append((number, re.sub(r"^([-*>]|\d+\.)\s+", "", stripped)))
        last, kind = number, this
    if block:
        yield kind, block


def sentences_of(block):
    """The sentences of a paragraph as (line number, text), with code and links taken out."""
    text, starts = "", []
    for number, line in block:
        starts.append((len(text), number))
        text += line + " "
    quoted = lambda found: "`" + "x" * (len(found.group()) - 2) + "`"
    text = re.sub(r"`[^`]*`", quoted, text)
    at = 0
    for piece in re.split(r"(?<=[.!?;:])\s+(?=[A-Z`\[(])", text):
        start = text.index(piece, at) if piece else at
        at = start + len(piece)
        if piece.strip():
            number = max((n for offset, n in starts if offset <= start), default=block[0][0])
            yield number, piece.strip()


def faults_of(path, text):
    previous = None
    for kind, block in blocks_of(path, text):
        first = True
        for number, sentence in sentences_of(block):
            bare = re.sub(r"^(SAFETY|Ordering|Panics?|kernel): ", "", sentence)
            bare = bare[:1].upper() + bare[1:]
            for name, form, rather in BANNED:
                if re.search(form, bare):
                    yield number, name, rather, sentence
            if first and kind in ("///", "//!") and previous != number - 1 and PRONOUN.match(bare):
                yield number, "a pronoun without its noun", "name the thing", sentence
            first = False
        previous = block[-1][0]


def begins_with_verb(text):
    """Of the documented functions: how many there are, and how many begin with a verb."""
    total = verbs = 0
    for found in re.finditer(r"((?:^[ \t]*///.*\n)+)(?:^[ \t]*#\[.*\n)*^[ \t]*(?:pub(?:\([a-z]+\))? )?(?:const )?(?:unsafe )?fn ", text, re.M):
        word = re.match(r"\s*/// ?(\S+)", found.group(1))
        total += 1
        if word and re.fullmatch(r"[A-Z][a-z]+s", word.group(1)) and word.group(1) not in NOUNS:
            verbs += 1
    return total, verbs


def main():
    listed = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout.split("\n")
    paths = [p for p in listed if re.search(r"\.(rs|md|sh|py|toml)$|^\.ci/run$", p) and not EXEMPT.match(p)]
    table, failed = {}, False
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            continue
        part = next((name for name, form in PARTS if re.search(form, path)), "other")
        sums = table.setdefault(part, [0, 0, 0, 0, 0])
        for kind, block in blocks_of(path, text):
            for _, sentence in sentences_of(block):
                sums[0] += 1
                sums[1] += len(sentence.split())
        for number, name, rather, sentence in faults_of(path, text):
            sums[4] += 1
            if "--measure" not in sys.argv:
                failed = True
                print(f"{path}:{number}: {name} ({rather}): {sentence}")
        if path.endswith(".rs"):
            total, verbs = begins_with_verb(text)
            sums[2] += total
            sums[3] += verbs
    if "--measure" in sys.argv:
        print(f"{'part':10} {'sentences':>9} {'words each':>10} {'verb first':>10} {'banned':>6}")
        for part, (count, words, total, verbs, banned) in sorted(table.items()):
            share = f"{100 * verbs / total:9.0f}%" if total else f"{'-':>10}"
            print(f"{part:10} {count:9} {words / max(count, 1):10.1f} {share} {banned:6}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
