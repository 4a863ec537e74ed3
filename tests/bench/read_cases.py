"""Reads every capture of a collection in every format: read_cases.py [--every N] [--formats LIST] FOLDER... -- PROGRAM...

PROGRAM is synscope, or a command that runs it, such as valgrind. The first column of a FOLDER's INDEX.tsv names its
files; without one it is all that are in it. A status other than 0 (reported) and 1 (refused in one line), or no end
within a bound of time, is a finding.
"""
import argparse
import collections
import csv
import pathlib
import subprocess
import sys
import time

FIXED_S, PER_MEGABYTE_S = 60, 10  # the bound: a sanitizer or valgrind is slow to start, and a machine may be busy


def files_of(folder):
    index = folder / "INDEX.tsv"
    if not index.is_file():
        return sorted(path for path in folder.rglob("*") if path.is_file())
    with open(index, encoding="utf-8", newline="") as file:
        return [folder / row["file"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def read(program, form, path):
    """Returns the status, what was complained, and how long it took."""
    start = time.monotonic()
    try:
        done = subprocess.run([*program, "report", "-f", form, path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              check=False, timeout=FIXED_S + path.stat().st_size / 1e6 * PER_MEGABYTE_S)
        status, text = done.returncode, done.stderr.decode(errors="replace")
    except subprocess.TimeoutExpired:
        status, text = "no end", ""
    return status, text, time.monotonic() - start


def is_finding(status, text):
    said = [line for line in text.splitlines() if line.startswith("synscope ")]
    return status not in (0, 1) or (status == 1 and len(said) != 1)


def main():
    arguments, program = sys.argv[1:], []
    if "--" in arguments:
        program = arguments[arguments.index("--") + 1:]
        arguments = arguments[:arguments.index("--")]
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--formats", default="text,json,tsv,html,perfetto")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    o = parser.parse_args(arguments)
    if not program:
        parser.error("which program?")
    paths = [path for folder in o.folders for path in files_of(folder)][::o.every]
    statuses, findings, slowest, began = collections.Counter(), 0, (0, ""), time.monotonic()
    for path in paths:
        for form in o.formats.split(","):
            status, text, took = read(program, form, path)
            slowest = max(slowest, (took, f"{form} {path.name}"))
            statuses[status] += 1
            if is_finding(status, text):
                findings += 1
                print(f"FINDING: {form} {path}: {status}\n{text[:2000]}")
    others = {status: count for status, count in statuses.items() if status not in (0, 1)}
    print(f"{len(paths)} files, {sum(statuses.values())} runs in {time.monotonic() - began:.0f} s: {statuses[0]} reported, "
          f"{statuses[1]} refused{', ' + str(others) if others else ''}, {findings} findings; "
          f"slowest {slowest[0]:.1f} s ({slowest[1]})")
    return 1 if findings or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
