#!/usr/bin/python3
"""assemble.py PAGE.scd: prints the page, each line "; include FILE" replaced by that file, which is beside the page.

To scdoc such a line is a comment.
"""

import pathlib
import sys

DIRECTIVE = "; include "


def assemble(page):
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith(DIRECTIVE):
            yield from (page.parent / line[len(DIRECTIVE):]).read_text(encoding="utf-8").splitlines()
        else:
            yield line


if __name__ == "__main__":
    print("\n".join(assemble(pathlib.Path(sys.argv[1]))))
