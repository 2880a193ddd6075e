#!/usr/bin/env python3
"""manifests.py PACKAGE...: checks that the manifest of each package has what a registry shows, and what users search by. Reads the
output of `cargo metadata --no-deps`. Prints each missing thing, and ends with 1 then."""

import json
import sys


def lacks_of(package):
    """Yields what a package's manifest lacks."""
    for key in ("description", "license", "readme", "documentation", "rust_version", "keywords", "categories"):
        if not package[key]:
            yield key
    if len(package["keywords"]) > 5 or len(package["categories"]) > 5:
        yield "a registry takes five keywords and categories at most"
    if "targets" not in ((package["metadata"] or {}).get("docs") or {}).get("rs", {}):
        yield "targets for docs.rs"


def main(names):
    packages = {package["name"]: package for package in json.load(sys.stdin)["packages"]}
    lacks = ["no package " + name for name in names if name not in packages]
    lacks += [f"{name}: {lack}" for name in names if name in packages for lack in lacks_of(packages[name])]
    sys.exit("\n".join(lacks) or 0)


main(sys.argv[1:])
