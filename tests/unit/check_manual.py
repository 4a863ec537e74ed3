#!/usr/bin/python3
"""The manual pages and the program's own help say the same: commands, options, and what an option takes.

    check_manual.py PROGRAM TREE   compares each 'PROGRAM COMMAND --help' with docs/man/synscope-COMMAND.1.scd
    check_manual.py --self-test    a page and a help text with one fault of each kind: every one must be found
"""

import pathlib
import re
import subprocess
import sys
import tempfile

# In the help: "  -o, --output FOLDER   text", "      --keep N, --keep-time TIME"; the text is two spaces away.
HELP_LINE = re.compile(r"^ {2,6}(-\S.*?)(?: {2,}.*)?$", re.MULTILINE)
HELP_OPTION = re.compile(r"(?:(-\w), )?(--[a-z][a-z0-9-]*)(?: ([^\s,]+))?")
# In the page: "*-o*, *--output* _FOLDER_", and its text in the next line, after a tab.
PAGE_LINE = re.compile(r"^(\*-.*)\n\t", re.MULTILINE)
PAGE_OPTION = re.compile(r"(?:\*(-\w)\*, )?\*(--[a-z][a-z0-9-]*)\*(?: _([^_]+)_)?")
HELP_TEXT = re.compile(r"^ {2,6}-\S.*? {2,}(\S)")
HELP_COMMAND = re.compile(r"^  ([a-z]+) +\S", re.MULTILINE)
PAGE_REFERENCE = re.compile(r"\*synscope-([a-z]+)\*\(\d\)")


def options(text, line, option):
    return {found.groups() for whole in line.findall(text) for found in option.finditer(whole)}


def spell(option):
    letter, name, argument = option
    return f"{letter + ', ' if letter else ''}{name}{' ' + argument if argument else ''}"


def compare(command, help_text, page_text):
    in_help, in_page = options(help_text, HELP_LINE, HELP_OPTION), options(page_text, PAGE_LINE, PAGE_OPTION)
    for option in sorted(in_help - in_page, key=spell):
        yield f"synscope-{command}(1) lacks '{spell(option)}' of synscope {command} --help"
    for option in sorted(in_page - in_help, key=spell):
        yield f"synscope {command} --help lacks '{spell(option)}' of synscope-{command}(1)"
    if not in_help:
        yield f"synscope {command} --help has no options at all"


def check_columns(command, help_text):
    """What the options do begins in one column, on their line or below it."""
    columns = {found.start(1) for line in help_text.splitlines() for found in [HELP_TEXT.match(line)] if found}
    if len(columns) > 1:
        yield f"synscope {command} --help describes its options in columns {sorted(columns)}"


def assembled(page):
    script = pathlib.Path(__file__).resolve().parents[2] / "docs" / "man" / "assemble.py"
    return subprocess.run([sys.executable, script, page], check=True, capture_output=True, text=True).stdout


def check(program, tree):
    manual = tree / "docs" / "man"

    def ask(*arguments):
        return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout

    commands = HELP_COMMAND.findall(ask("--help"))
    if not commands:
        yield "synscope --help names no command"
    overview = PAGE_REFERENCE.findall(assembled(manual / "synscope.1.scd"))
    built = (tree / "docs" / "meson.build").read_text(encoding="utf-8")
    for command in commands:
        page = manual / f"synscope-{command}.1.scd"
        if command not in overview:
            yield f"synscope(1) does not name synscope-{command}(1)"
        if f"'synscope-{command}'" not in built:
            yield f"docs/meson.build does not install synscope-{command}(1)"
        if page.exists():
            yield from compare(command, ask(command, "--help"), assembled(page))
            yield from check_columns(command, ask(command, "--help"))
        else:
            yield f"no page {page.name}"
    for page in sorted(manual.glob("*.scd")):
        for other in PAGE_REFERENCE.findall(page.read_text(encoding="utf-8")):
            if not list(manual.glob(f"synscope-{other}.[0-9].scd")):
                yield f"{page.name}: no page synscope-{other}"


def self_test():
    text = "usage\n\n  -o, --output FILE   write\n      --keep N, --keep-time TIME\n                 see --other\n  --all   all\n"
    page = "*-o*, *--output* _FILE_\n\ttext\n\n*--keep* _N_, *--keep-time* _TIME_\n\ttext\n\n*--all*\n\ttext and\n*--other* text\n"
    assert not list(compare("x", text, page)), list(compare("x", text, page))
    for wrong in (page.replace("*-o*, ", ""), page.replace("_TIME_", "_N_"), page.replace("*--all*", "*--every*")):
        assert len(list(compare("x", text, wrong))) == 2, wrong
    assert list(compare("x", "usage\n", "*NAME*\n"))
    assert list(check_columns("x", "  -o, --output FILE  write\n      --all           all\n      --keep N, --keep-time TIME\n"
                                   "  -h          help\n"))
    assert not list(check_columns("x", "  -o, --output FILE  write\n      --all          all\n      --keep N, --keep-time TIME\n"))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "common").mkdir()
        (path / "common" / "a.scd").write_text("*--all*\n", encoding="utf-8")
        (path / "page.scd").write_text("x\n; include common/a.scd\ny\n", encoding="utf-8")
        assert assembled(path / "page.scd") == "x\n*--all*\ny\n"


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    found = list(check(sys.argv[1], pathlib.Path(sys.argv[2])))
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
