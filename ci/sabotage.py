"""Applies faults to copies of the tree, one at a time, and runs the commands that ought to notice them.

A file ci/sabotage/LAYER.toml is one layer:

    tests = ["--test register_files"]   # the commands of faults that name none

    [[fault]]
    file = "src/register/files.rs"
    text = '''a text of the file, which occurs once'''
    becomes = '''the text that replaces it'''
    breaks = "What goes wrong, in a sentence."
    tests = ["--test register_files", "--lib"]
    noticed = "build"                   # only if the compiler itself notices
    survives = "Why behaviour is right in spite of the fault."

A command is a script (`ci/http.sh quick`) or arguments of `cargo test --locked --quiet`; assignments of environment
variables may stand before either. The commands of a fault run in turn until one fails, each with a time limit. A command
that fails without a fault ends the run, since its failure would show nothing. A fault that does not build is an error of the data.
"""

import argparse
import datetime
import os
import pathlib
import queue
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = 120
# The first build of a tree takes longer than the rebuild for a fault.
BUILD_SECONDS = 900
MEMORY = 16 << 30
SHARE = 0.97


class Fault:
    def __init__(self, layer, number, default, fields):
        unknown = fields.keys() - {"file", "text", "becomes", "breaks", "tests", "noticed", "survives"}
        if unknown:
            raise ValueError(f"{layer} {number}: no field is named {', '.join(sorted(unknown))}")
        self.layer, self.number = layer, number
        self.file, self.text, self.becomes = fields["file"], fields["text"], fields["becomes"]
        self.breaks = fields["breaks"]
        self.tests = fields.get("tests", default)
        self.by_build = fields.get("noticed") == "build"
        self.survives = fields.get("survives")
        self.outcome = None

    def __str__(self):
        return f"{self.layer} {self.number}, {self.file}: {self.breaks}"

    def misfit(self):
        """Why the fault does not fit the source, if so."""
        path = ROOT / self.file
        if not path.is_file():
            return "there is no such file"
        count = path.read_text().count(self.text)
        if count != 1:
            return f"its text stands there {count} times"
        if self.text == self.becomes:
            return "it changes nothing"
        if not self.tests and not self.by_build:
            return "it names no test"
        return None


def load(layers):
    faults = []
    files = sorted((ROOT / "ci/sabotage").glob("*.toml"))
    missing = set(layers) - {path.stem for path in files}
    if missing:
        sys.exit(f"no layer is named {', '.join(sorted(missing))}: there are {', '.join(path.stem for path in files)}")
    for path in files:
        if layers and path.stem not in layers:
            continue
        data = tomllib.loads(path.read_text())
        for number, fields in enumerate(data["fault"], 1):
            faults.append(Fault(path.stem, number, data.get("tests", []), fields))
    return faults


def spinning(session):
    """Returns the name of a program of this session that exists seconds after it was killed, in a system call that does not end."""
    name = None
    for _ in range(50):
        name = None
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                head, _, rest = stat.read_text().rpartition(")")
            except OSError:
                continue
            if int(rest.split()[3]) == session:
                name = head.partition("(")[2]
        if name is None:
            return None
        time.sleep(0.1)
    return name


class Tree:
    """A copy of the tree, with a build directory of its own."""

    def __init__(self, number):
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
        self.base = target / "sabotage" / str(number)
        self.root = self.base / "tree"
        self.copy()
        self.environment = dict(
            os.environ,
            CARGO_TARGET_DIR=str(self.base / "target"),
            CARGO_BUILD_JOBS="1",
            CARGO_PROFILE_DEV_DEBUG="0",
            # The gate has this off, but here each build follows a small edit.
            CARGO_INCREMENTAL="1",
            CARGO_TERM_COLOR="never",
        )

    def copy(self):
        """Writes only files that differ, so that cargo does not rebuild the others."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE
        ).stdout.decode()
        names = {name for name in listed.split("\0") if (ROOT / name).is_file()}
        if not (self.root / ".git").is_dir():
            # Scripts ask git which files there are.
            self.root.mkdir(parents=True, exist_ok=True)
            subprocess.run(["git", "init", "--quiet"], cwd=self.root, check=True)
        for path in self.root.rglob("*"):
            name = str(path.relative_to(self.root))
            if path.is_file() and not name.startswith(".git/") and name not in names:
                path.unlink()
        for name in names:
            source, copy = ROOT / name, self.root / name
            if not copy.is_file() or source.read_bytes() != copy.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copy)
        subprocess.run(["git", "add", "--all"], cwd=self.root, check=True)

    def run(self, command, seconds):
        """Runs a command; returns how it ended ("passed", "build", "failed", "hung", "unkillable"), and its output."""
        words = re.match(r"((?:[A-Z_]+=\S+ )*)(.*)", command, re.DOTALL)
        line = words[2] if words[2].startswith("ci/") else f"cargo test --locked --quiet {words[2]}"
        process = subprocess.Popen(
            ["bash", "-c", f"{words[1]}{line}"],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )
        try:
            output = process.communicate(timeout=seconds)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output = process.communicate()[0].decode(errors="replace")
            return "hung", output
        finally:
            # A failed test may leave children.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if left := spinning(process.pid):
            return "unkillable", f"{left} goes on in the kernel, and can't be ended"
        if process.returncode == 0:
            return "passed", output
        return ("build" if "error: could not compile" in output else "failed"), output

    def attempt(self, fault):
        """Applies a fault, runs its commands, and puts the file back."""
        path = self.root / fault.file
        original = path.read_text()
        path.write_text(original.replace(fault.text, fault.becomes))
        try:
            for command in fault.tests or ["--lib --no-run"]:
                ended, output = self.run(command, SECONDS)
                if ended == "build" and not fault.by_build:
                    return "does not build", output
                if ended == "unkillable":
                    return f"unkillable: {command}", output
                if ended != "passed":
                    return f"{ended}: {command}", output
            return "survived", ""
        finally:
            path.write_text(original)


class Sweep:
    def __init__(self, faults, jobs):
        self.faults = faults
        self.trees = [Tree(number) for number in range(jobs)]
        self.lock = threading.Lock()
        self.broken = []

    def each(self, items, work):
        """Lets every tree take items until there are no more."""
        waiting = queue.SimpleQueue()
        for item in items:
            waiting.put(item)
        errors = []

        def take(tree):
            try:
                while True:
                    work(tree, waiting.get_nowait())
            except queue.Empty:
                pass
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=take, args=[tree]) for tree in self.trees]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def baseline(self, tree, command):
        ended, output = tree.run(command, BUILD_SECONDS)
        if ended != "passed":
            with self.lock:
                self.broken.append(command)
                print(f"FAIL without a fault ({ended}): {command}\n{output[-3000:]}", flush=True)

    def fault(self, tree, fault):
        before = time.monotonic()
        outcome, output = tree.attempt(fault)
        fault.outcome = outcome
        noticed = outcome.startswith(("failed:", "hung:", "build:"))
        good = noticed != bool(fault.survives)
        with self.lock:
            print(f"{'ok  ' if good else 'FAIL'} {time.monotonic() - before:5.1f} s  {fault}\n{'':14}{outcome}", flush=True)
            if fault.survives:
                print(f"{'':14}{'it survives by right' if good else 'it was said to survive'}: {fault.survives}", flush=True)
            if outcome == "does not build" or outcome.startswith("unkillable"):
                print(output[-1500:], flush=True)

    def run(self):
        commands = sorted({command for fault in self.faults for command in fault.tests})
        self.each(commands, self.baseline)
        if self.broken:
            sys.exit(f"{len(self.broken)} of {len(commands)} commands fail without a fault, and can tell nothing")
        print(f"{len(commands)} commands pass without a fault (after {time.monotonic() - START:.0f} s)", flush=True)
        self.each(self.faults, self.fault)
        return self.summary()

    def summary(self):
        wrong = 0
        for layer in sorted({fault.layer for fault in self.faults}):
            of_layer = [fault for fault in self.faults if fault.layer == layer]
            caught = [fault for fault in of_layer if fault.outcome.startswith(("failed:", "hung:", "build:"))]
            hung = sum(fault.outcome.startswith("hung:") for fault in caught)
            reasons = sum(fault.outcome == "survived" and bool(fault.survives) for fault in of_layer)
            wrong += sum((fault in caught) == bool(fault.survives) for fault in of_layer)
            if len(of_layer) >= 10 and len(caught) < SHARE * len(of_layer):
                wrong += reasons
            print(f"{layer:12} {len(caught)} of {len(of_layer)} caught"
                  + (f", {hung} as a hang" if hung else "") + (f", {reasons} with a reason" if reasons else ""))
        print(f"\n{len(self.faults) - wrong} passed, {wrong} failed (after {time.monotonic() - START:.0f} s)")
        return wrong == 0


def main():
    parser = argparse.ArgumentParser(prog="ci/sabotage.sh")
    parser.add_argument("--sample", type=int, metavar="N", help="N faults, others every day")
    parser.add_argument("--day", default=str(datetime.date.today()), help="the day whose sample it is")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--check", action="store_true", help="only whether each fault fits the source")
    parser.add_argument("--only", metavar="TEXT", help="the faults whose file or sentence contains TEXT")
    parser.add_argument("layer", nargs="*")
    asked = parser.parse_args()

    faults = load(asked.layer)
    misfits = [(fault, why) for fault in faults if (why := fault.misfit())]
    for fault, why in misfits:
        print(f"FAIL {fault}\n     {why}")
    if misfits:
        sys.exit(f"{len(misfits)} of {len(faults)} faults do not fit the source")
    print(f"{len(faults)} faults fit the source", flush=True)
    if asked.check:
        return
    if asked.only:
        faults = [fault for fault in faults if asked.only in str(fault)]
        if not faults:
            sys.exit(f"no fault names {asked.only}")
        print(f"{len(faults)} faults name {asked.only}", flush=True)
    if asked.sample:
        faults = random.Random(asked.day).sample(faults, min(asked.sample, len(faults)))
        faults.sort(key=lambda fault: (fault.layer, fault.number))
        print(f"the sample of {asked.day}", flush=True)
    if not Sweep(faults, asked.jobs).run():
        sys.exit(1)


START = time.monotonic()
main()
