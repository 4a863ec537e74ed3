#!/usr/bin/python3
"""The documents name files that exist: links to files of TREE, and paths of source files in backticks.

    check_docs.py TREE         names each that is not there
    check_docs.py --self-test  a small tree with one fault of each kind: both must be found

A path may be given from its folder on, as in `search/beam.c`; NAME stands for any name.
"""

import pathlib
import re
import sys
import tempfile

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+\.(?:c|h|js|py))`")
OUTSIDE = ("linux/",)  # headers of the kernel


def faults(tree):
    documents = sorted(tree.glob("*.md")) + sorted(tree.glob("docs/*.md"))
    folders = [folder for folder in tree.iterdir() if folder.is_dir() and not folder.name.startswith(("build", "."))]
    files = {str(path.relative_to(tree)) for folder in folders for path in folder.rglob("*.*")}
    for document in documents:
        text = document.read_text(encoding="utf-8")
        for target in LINK.findall(text):
            if not (document.parent / target).exists():
                yield f"{document.relative_to(tree)}: no file for the link {target}"
        for path in PATH.findall(text):
            if "NAME" in path or path.startswith(OUTSIDE):
                continue
            if path not in files and not any(file.endswith("/" + path) for file in files):
                yield f"{document.relative_to(tree)}: no file {path}"


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        (tree / "docs").mkdir()
        (tree / "report").mkdir()
        (tree / "report" / "text.c").touch()
        good = "[a](docs/other.md#part) `report/text.c` `cmd/NAME.c` <https://example.org>\n"
        (tree / "docs" / "other.md").write_text("[back](../README.md)\n")
        (tree / "README.md").write_text(good)
        assert not list(faults(tree)), list(faults(tree))
        (tree / "README.md").write_text(good + "[b](docs/gone.md) `report/gone.c`\n")
        assert len(list(faults(tree))) == 2, list(faults(tree))


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    found = list(faults(pathlib.Path(sys.argv[1])))
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
