#!/usr/bin/env python3
"""initrd.py OUT PATH=FILE...: writes an initial file system (cpio, "newc") of the files, each executable.

With the directories that they lie in, and /dev, /proc, /sys, /tmp, and a console. Needs neither root nor cpio.
"""
import sys


class Archive:
    def __init__(self):
        self.bytes = bytearray()
        self.directories = set()
        self.number = 0

    def entry(self, name, mode, data=b"", device=(0, 0)):
        self.number += 1
        name = name.encode() + b"\0"
        fields = (self.number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
        self.bytes += b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self.pad()
        self.bytes += data
        self.pad()

    def pad(self):
        self.bytes += b"\0" * (-len(self.bytes) % 4)

    def directory(self, path, mode=0o755):
        if path and path not in self.directories:
            self.directory(path.rpartition("/")[0])
            self.directories.add(path)
            self.entry(path, 0o40000 | mode)


def main():
    archive = Archive()
    for directory in ("dev", "proc", "sys"):
        archive.directory(directory)
    archive.directory("tmp", 0o1777)
    archive.entry("dev/console", 0o20600, device=(5, 1))
    archive.entry("dev/null", 0o20666, device=(1, 3))
    for argument in sys.argv[2:]:
        path, _, file = argument.partition("=")
        archive.directory(path.rpartition("/")[0])
        with open(file, "rb") as contents:
            archive.entry(path, 0o100755, contents.read())
    archive.entry("TRAILER!!!", 0)
    with open(sys.argv[1], "wb") as out:
        out.write(archive.bytes)


main()
