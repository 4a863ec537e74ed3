#!/usr/bin/python3
"""Fails when a member of a JSON file is not in a page of the documentation: documented.py PAGE FILE...

Files are JSON or JSON lines; what a search for broken input left in them is passed over.
"""

import json
import pathlib
import re
import sys


def keys(value):
    if isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from keys(member)
    elif isinstance(value, list):
        for member in value:
            yield from keys(member)


def values(path):
    text = path.read_text(errors="replace")
    try:
        yield json.loads(text)
        return
    except ValueError:
        pass
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def main():
    page = pathlib.Path(sys.argv[1])
    words = set(re.findall(r"[A-Za-z0-9_-]+", page.read_text()))
    found = {key for name in sys.argv[2:] for value in values(pathlib.Path(name)) for key in keys(value)}
    missing = sorted(found - words)
    for key in missing:
        print(f"{page.name} does not mention {key}")
    print(f"{len(found)} members, {len(missing)} not documented")
    return 1 if missing or not found else 0


if __name__ == "__main__":
    sys.exit(main())
