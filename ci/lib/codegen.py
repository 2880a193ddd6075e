#!/usr/bin/env python3
"""codegen.py write COMPILER SOURCE ASSEMBLY: prints a golden file: the functions of the compiler's ASSEMBLY that SOURCE names.
codegen.py compare GOLDEN NOW: compares two of them, function by function.

`write` removes what is not code (directives, hashes of symbols, addresses, paths), and renumbers labels. SOURCE names a function
by `#[unsafe(no_mangle)]`, or in a comment `// Compared too: NAME`. Functions that these call and that the same assembly has
are kept too, except cold ones. Above each function stand its counts, as `Function.counts` finds them.

`compare` prints a line for each finding: `ok`, `bad` or `skip`, a tab, the name, a tab and what was found. If one compiler made
both, the texts must be equal. Otherwise the counts may differ by a tenth, or by three.
"""

import heapq
import itertools
import pathlib
import re
import subprocess
import sys

SYMBOL = re.compile(r"\b(?:_R[A-Z]\w+|_ZN\w+E)")
LABEL = re.compile(r"\.L\w+(?:\.\w+)*")
# Directives that are data, and so belong to constants.
DATA = re.compile(r"\.(byte|short|hword|2byte|word|long|4byte|xword|quad|8byte|zero|ascii|asciz)\b")
CALLS = re.compile(r"callq?|blr?|blra\w+")
SYSTEM_CALLS = re.compile(r"syscall|svc")
RETURNS = re.compile(r"retq?|reta\w+")
# Nothing comes after these, and nobody counts the way to them.
DEAD_ENDS = re.compile(r"ud2|brk|udf|hlt")
JUMPS = re.compile(r"jmpq?|br?")
BRANCHES = re.compile(r"j\w+|b\.\w+|cbn?z|tbn?z")
# What a call adds to the length of a way, so that a way without calls is always the shortest.
CALL = 10_000
# Stands for the end of a way among the indices of instructions.
ARRIVED = -1


def demangled(text):
    """Returns the text with each mangled symbol demangled, and without hashes."""
    symbols = sorted(set(SYMBOL.findall(text)))
    names = subprocess.run(["c++filt"], input="\n".join(symbols), check=True, capture_output=True, text=True).stdout.split("\n")
    plain = {symbol: re.sub(r"\[[0-9a-f]+\]|::h[0-9a-f]{16}$", "", name) for symbol, name in zip(symbols, names)}
    return SYMBOL.sub(lambda found: plain[found.group()], text)


class Function:
    """One function: its lines are (label, None) or (None, instruction)."""

    def __init__(self, name, cold):
        self.name, self.cold, self.lines = name, cold, []
        # The labels in its jump tables.
        self.tables = []

    def instructions(self):
        """Returns the instructions, and the index of the instruction behind each label."""
        code, labels = [], {}
        for label, line in self.lines:
            if label:
                labels[label] = len(code)
            else:
                code.append(line)
        return code, labels

    def ways(self):
        """Returns for each instruction the indices of those that may come next; `None` stands for the function's end."""
        code, labels = self.instructions()
        ways = []
        for at, line in enumerate(code):
            mnemonic = line.split()[0]
            target = [labels[name] for name in LABEL.findall(line) if name in labels]
            if RETURNS.fullmatch(mnemonic):
                ways.append([None])
            elif DEAD_ENDS.fullmatch(mnemonic):
                ways.append([])
            elif JUMPS.fullmatch(mnemonic):
                # A jump to no label and by no table ends the function: a call in the place of a return.
                ways.append(target or [labels[name] for name in self.tables] or [None])
            elif BRANCHES.fullmatch(mnemonic):
                ways.append([at + 1, *target])
            else:
                ways.append([at + 1])
        return code, [[to for to in each if to is None or to < len(code)] for each in ways]

    def counts(self):
        """Returns a line of counts: all instructions, the shortest way from start to end, the shortest one with a system call,
        and for each loop the shortest way round it. A way avoids calls where it can; if it can't, the count says so."""
        code, ways = self.ways()
        cost = [1 + CALL * bool(CALLS.fullmatch(line.split()[0]) or to == [None] and not RETURNS.fullmatch(line.split()[0]))
                for line, to in zip(code, ways)]
        enters = [bool(SYSTEM_CALLS.fullmatch(line.split()[0])) for line in code]
        names = {at: label for label, at in self.instructions()[1].items()}
        asked = [("shortest way ", 0, None, False), ("with a system call ", 0, None, True)]
        asked += [(f"loop at {names[head]}: ", head, head, False) for head in heads(ways)]
        lengths = [(words, shortest(ways, cost, enters, *way)) for words, *way in asked]
        return "; ".join([f"{len(code)} instructions"] + [words + steps(length) for words, length in lengths if length])

    def text(self):
        code = [f"{label}:" if label else "    " + line for label, line in self.lines]
        return "\n".join([f"# {self.name}: {self.counts()}", f"{self.name}:", *code])


def steps(length):
    calls, count = divmod(length, CALL)
    return f"{count}" + (f" and {calls} call" + "s" * (calls > 1) if calls else "")


def shortest(ways, cost, enters, start, end, entering):
    """Returns the length of the shortest way from `start` to `end`, through a system call if `entering` says so; `None` without
    such a way. From an instruction to itself, it is the shortest way round."""
    queue, done = [(0, start, not entering)], set()
    while queue:
        length, at, entered = heapq.heappop(queue)
        if at == ARRIVED:
            return length
        if (at, entered) in done:
            continue
        done.add((at, entered))
        entered = entered or enters[at]
        for to in ways[at]:
            if to == end and entered:
                heapq.heappush(queue, (length + cost[at], ARRIVED, True))
            elif to is not None:
                heapq.heappush(queue, (length + cost[at], to, entered))
    return None


def heads(ways):
    """Returns the first instruction of each loop: a jump leads back to it, and every way to that jump passes it."""
    before = [set() for _ in ways]
    for at, each in enumerate(ways):
        for to in each:
            if to is not None:
                before[to].add(at)
    passed = [{0}] + [set(range(len(ways))) for _ in ways[1:]]
    changed = True
    while changed:
        changed = False
        for at in range(1, len(ways)):
            new = {at}.union(set.intersection(*(passed[one] for one in before[at])) if before[at] else set())
            if new != passed[at]:
                passed[at], changed = new, True
    return sorted({to for at, each in enumerate(ways) for to in each if to is not None and to in passed[at]})


def parsed(assembly):
    """Returns the functions of an assembly by name, the constants by label, and other names by the function that they are."""
    functions, constants, aliases = {}, {}, {}
    section, kinds, function, constant = "", {}, None, None
    for line in assembly.split("\n"):
        line = re.sub(r"\s+(//|#\s).*$", "", line.rstrip())
        if found := re.fullmatch(r"\s+\.section\s+(.*)", line) or re.fullmatch(r"\s+(\.text)", line):
            section, function, constant = found.group(1), None, None
        elif found := re.fullmatch(r"\s+\.type\s+(.*?),\s*[@%](\w+)", line):
            kinds[found.group(1)] = found.group(2)
        elif found := re.fullmatch(r"\s+\.set\s+(.*?),\s*(.*)", line):
            aliases[found.group(1)] = found.group(2)
        elif found := re.fullmatch(r"(\S.*):", line):
            label = found.group(1)
            if kinds.get(label) == "function":
                function = functions[label] = Function(label, ".text.unlikely" in section)
                constant = None
            elif function and label.startswith(".LBB"):
                function.lines.append((label, None))
            elif label.startswith(".Lfunc_end"):
                function = None
            elif not function:
                constant = constants.setdefault(label, [])
        elif DATA.match(line.strip()) and constant is not None:
            constant.append(re.sub(r'"[^"]*/[^"]*"', '"(a path)"', " ".join(line.split())))
        elif function and line.strip() and not line.strip().startswith((".", "#", "//")):
            function.lines.append((None, " ".join(line.split())))
    return functions, constants, aliases


def renumbered(function, constants):
    """Numbers the labels that are jumped to, in the order of their lines, and the constants. Returns the constants' texts."""
    named = LABEL.findall("\n".join(line for _, line in function.lines if line))
    shown = [name for name in dict.fromkeys(named) if name in constants]
    tables = set(LABEL.findall("\n".join(line for name in shown for line in constants[name])))
    function.lines = [(label, line) for label, line in function.lines if not label or label in tables or label in named]
    labels = [label for label, _ in function.lines if label]
    names = {label: f".L{number}" for number, label in enumerate(labels, 1)}
    names |= {name: f".Constant{number}" for number, name in enumerate(shown, 1)}
    new = lambda found: names.get(found.group(), found.group())
    texts = ["\n".join([names[name] + ":"] + ["    " + LABEL.sub(new, line) for line in constants[name]]) for name in shown]
    function.tables = [names[label] for label in labels if label in tables]
    function.lines = [(names.get(label), line and LABEL.sub(new, line)) for label, line in function.lines]
    return texts


def chosen(functions, aliases, source):
    """Returns the names of the functions that the source names, then of those that they call, without cold ones."""
    names = re.findall(r"#\[unsafe\(no_mangle\)\]\n(?:#.*\n)*pub (?:unsafe )?fn (\w+)", source)
    for name in re.findall(r"// Compared too: (\w+)", source):
        names += [full for full in functions if full.endswith("::" + name)] or [name]
    for name in names:
        if name not in functions and name not in aliases:
            sys.exit(f"the assembly has no function {name}")
        if name in functions:
            code = "\n".join(functions[name].instructions()[0])
            names += [other for other in functions if other not in names and not functions[other].cold
                      and re.search(rf"(?<![\w:]){re.escape(other)}(?![\w:])", code)]
    return names


def write(compiler, source, assembly):
    architecture, compiler = compiler.split(" ", 1)
    functions, constants, aliases = parsed(demangled(pathlib.Path(assembly).read_text()))
    print(f"# The hot functions of benches/codegen/src/lib.rs for {architecture}. `ci/codegen.sh --write` writes this file.")
    print(f"# compiler: {compiler}")
    for name in chosen(functions, aliases, pathlib.Path(source).read_text()):
        if name in aliases:
            print(f"\n# {name}: the code of {aliases[name]}")
            continue
        texts = renumbered(functions[name], constants)
        print("", functions[name].text(), *texts, sep="\n")


def read(path):
    """Returns the compiler of a golden file, and the text of each function."""
    head, *parts = pathlib.Path(path).read_text().rstrip("\n").split("\n\n")
    return head.split("# compiler: ")[1], {re.match(r"# (.+?): ", part).group(1): part for part in parts}


def near(stored, now):
    """Returns whether two lines of counts have the same words, and numbers that differ by a tenth or by three at most."""
    words = [re.split(r"(?<!\.L)\b(\d+)\b", re.sub(r"\.L\d+", "", line)) for line in (stored, now)]
    if words[0][::2] != words[1][::2]:
        return False
    return all(abs(int(old) - int(new)) <= max(3, int(old) // 10) for old, new in zip(words[0][1::2], words[1][1::2]))


def compare(golden, now):
    (old_compiler, old), (compiler, new) = read(golden), read(now)
    exact = old_compiler == compiler
    if not exact:
        print(f"skip\tits lines\tthe golden file is of {old_compiler}, this is {compiler}: only the counts are compared")
    for name in dict.fromkeys(itertools.chain(old, new)):
        if name not in new:
            print(f"bad\t{name}\tit is in the golden file only")
        elif name not in old:
            print(f"bad\t{name}\tthe golden file lacks it")
        else:
            stored, counts = (one[name].split("\n")[0].partition(": ")[2] for one in (old, new))
            if exact and old[name] == new[name] or not exact and near(stored, counts):
                print(f"ok\t{name}\t{counts}")
            else:
                print(f"bad\t{name}\t{counts}; stored is " + ("other code with these counts" if stored == counts else stored))


if __name__ == "__main__":
    {"write": write, "compare": compare}[sys.argv[1]](*sys.argv[2:])
