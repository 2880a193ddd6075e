#!/usr/bin/env python3
"""commands.py SCRIPT...: prints the programs that a script and its libraries call, one on a line, each once.

Reads bash as far as it takes to tell commands from arguments: what stands first, behind another command that runs it (as
`limit 5`), in a substitution, and in the text that goes to `bash -c`. Functions of the script are left out; words that are
none (patterns of `case`) may be among them. `cargo fuzz` is printed with its second word.
"""

import pathlib
import re
import sys

OPENING = {"if", "then", "else", "elif", "while", "until", "do", "!", "{", "time", "("}
# Commands that run another command, and the number of arguments before it, without options and assignments.
RUNNERS = {"exec": 0, "env": 0, "nice": 0, "command": 0, "limit": 1, "timeout": 1, "check": 1, "refused": 3, "listening": 0,
           "xargs": 0, "unshare": 0, "setpriv": 2, "prlimit": 0, "strace": 0, "valgrind": 0, "script": 0}
# The options of these commands that take an argument.
TAKES = {"-P", "-I", "-o", "-e", "--reuid", "--regid"}


def source(path):
    """Returns the script and what it sources, without here-documents. Leaves out check.sh, which calls what every Debian has."""
    text = pathlib.Path(path).read_text()
    text = re.sub(r"(<<-?\s*['\"]?(\w+)['\"]?[^\n]*\n).*?\n\2\n", r"\1", text, flags=re.S)
    return text + "".join(source(name) for name in re.findall(r"^ *\. (ci/lib/(?!check)\w+\.sh)$", text, flags=re.M))


class Reader:
    def __init__(self, found):
        self.found = found

    def closing(self, text, at, opening, closing):
        """Returns the offset behind the bracket that closes the one before `at`."""
        depth = 1
        while at < len(text) and depth:
            if text[at] == "\\":
                at += 1
            elif text[at] == "'":
                at = text.find("'", at + 1)
                if at < 0:
                    return len(text)
            elif text[at] == opening:
                depth += 1
            elif text[at] == closing:
                depth -= 1
            at += 1
        return at

    def substitution(self, text, at):
        """Reads the commands in a substitution, and returns the offset behind it."""
        if text.startswith("$((", at):
            return self.closing(text, at + 2, "(", ")")
        if text.startswith("$(", at):
            end = self.closing(text, at + 2, "(", ")")
            self.commands(text[at + 2:end - 1])
            return end
        if text.startswith("${", at):
            return self.closing(text, at + 2, "{", "}")
        return at + 1

    def word(self, text, at):
        """Returns the word at `at`, as far as its text is known, and the offset behind it."""
        out = []
        while at < len(text) and text[at] not in " \t\n;|&()":
            if text[at] == "\\":
                out.append(text[at + 1:at + 2])
                at += 2
            elif text[at] == "'":
                end = text.find("'", at + 1)
                end = len(text) if end < 0 else end
                out.append(text[at + 1:end])
                at = end + 1
            elif text[at] == '"':
                at += 1
                while at < len(text) and text[at] != '"':
                    if text[at] == "\\":
                        out.append(text[at + 1:at + 2])
                        at += 2
                    elif text[at] == "$":
                        end = self.substitution(text, at)
                        out.append(text[at:end])
                        at = end
                    else:
                        out.append(text[at])
                        at += 1
                at += 1
            elif text[at] == "$":
                end = self.substitution(text, at)
                out.append(text[at:end])
                at = end
            elif text[at] in "<>" and text[at + 1:at + 2] == "(":
                end = self.closing(text, at + 2, "(", ")")
                self.commands(text[at + 2:end - 1])
                at = end
            else:
                out.append(text[at])
                at += 1
        return "".join(out), at

    def commands(self, text):
        at, first, skip, before = 0, True, 0, []
        while at < len(text):
            letter = text[at]
            if letter == "#" and (at == 0 or text[at - 1] in " \t\n;("):
                at = text.find("\n", at)
                at = len(text) if at < 0 else at
            elif letter in "\n;|&(":
                if text.startswith("((", at):
                    at = self.closing(text, at + 1, "(", ")")
                    continue
                first, skip, before = letter != "&" or text[at - 1] not in "<>", 0, []
                at += 1
            elif letter in " \t)" or text.startswith("\\\n", at):
                first = first or letter == ")"
                at += 2 if letter == "\\" else 1
            else:
                start = at
                word, at = self.word(text, at)
                at = max(at, start + 1)
                if word == "[[":
                    at = max(text.find("]]", at), at)
                    first = False
                elif re.fullmatch(r"\w+\+?=", word) and text[at:at + 1] == "(":
                    at = self.closing(text, at + 1, "(", ")")
                elif text.startswith("()", at):
                    at += 2
                    first = True
                else:
                    first, skip = self.one(word, first, skip, before)
                    before.append(word)

    def one(self, word, first, skip, before):
        """Reads a word; returns whether the next one is a command, and how many arguments stand before that."""
        last = before[-1] if before else ""
        if last == "-c" and "bash" in before:
            self.commands(word)
            return False, 0
        if last in ("cargo", "+nightly") and re.fullmatch(r"[a-z][a-z-]*", word):
            self.found.add("cargo " + word)
        if not first or word[:1] in "<>" or last in TAKES:
            return first, skip
        if word.startswith("-") or re.match(r"\w+\+?=", word) or "[@]" in word:
            return True, skip
        if skip:
            return True, skip - 1
        if word in OPENING:
            return True, 0
        if re.fullmatch(r"[a-z][a-z0-9_.+-]*", word):
            self.found.add(word)
        return word in RUNNERS, RUNNERS.get(word, 0)


def main(paths):
    for path in paths:
        text = source(path)
        found = set()
        Reader(found).commands(text)
        found -= set(re.findall(r"^ *(\w+)\(\) [{(]", text, flags=re.M))
        print("\n".join(sorted(found)))


main(sys.argv[1:])
