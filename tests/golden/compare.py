#!/usr/bin/python3
"""Runs a program and compares what it prints with a file: compare.py EXPECTED PROGRAM [ARGUMENT]...

With GOLDEN_UPDATE=1 in the environment the file is written instead:
    GOLDEN_UPDATE=1 meson test -C build --suite golden && git diff tests/golden
Look at the difference before you commit it: it is the test.
"""

import difflib
import json
import os
import pathlib
import subprocess
import sys


def check_form(path, text):
    """What must hold of every expected file, whatever is in it."""
    if path.suffix == ".json":
        json.loads(text)  # strict: one whole object
    if path.suffix == ".jsonl":
        for line in text.splitlines():
            assert json.loads(line)["schema"], "a row says what it is"
    if path.suffix == ".tsv":
        lines = text.splitlines()
        columns = {line.count("\t") for line in lines}
        assert text.endswith("\n") and len(columns) == 1, "lines differ in their columns"
    if path.suffix == ".txt":
        limit = int(next((p[7:] for p in path.stem.split(".") if p.startswith("columns")), "100"))
        for number, line in enumerate(text.splitlines(), 1):
            assert len(line) <= limit, f"line {number} is wider than {limit} columns: {line!r}"
            assert line.isprintable(), f"line {number} has a control character: {line!r}"


def main():
    expected_path = pathlib.Path(sys.argv[1])
    program = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE, check=True)
    text = program.stdout.decode()  # strict: what is no UTF-8 fails here
    if "colour" not in sys.argv:
        check_form(expected_path, text)
    if os.environ.get("GOLDEN_UPDATE") == "1":
        expected_path.write_text(text)
        return 0
    expected = expected_path.read_text()
    if text == expected:
        return 0
    sys.stdout.writelines(
        difflib.unified_diff(
            expected.splitlines(keepends=True),
            text.splitlines(keepends=True),
            str(expected_path),
            "printed now",
        )
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
