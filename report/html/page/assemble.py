#!/usr/bin/env python3
"""Assembles the HTML report's page and writes it as C: what stands before the data, and what stands after it.

Usage: assemble.py PAGE OUT.c --style FILE... --script FILE...
The Content-Security-Policy of the page names the style and the script by their SHA-256, so that nothing else on the page can run.
"""

import argparse
import base64
import hashlib
import sys


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    if "\r" in text:
        sys.exit(f"{path}: carriage returns would change the hash: the browser turns them into line feeds")
    return text


def digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def as_c(name, text):
    data = text.encode()
    lines = [f"const unsigned char {name}[] = {{"]
    for at in range(0, len(data), 24):
        lines.append("\t" + ",".join(str(byte) for byte in data[at : at + 24]) + ",")
    lines += ["};", f"const size_t {name}_size = sizeof({name});", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page")
    parser.add_argument("out")
    parser.add_argument("--style", nargs="+", required=True)
    parser.add_argument("--script", nargs="+", required=True)
    arguments = parser.parse_args()

    library, own = arguments.script[0], arguments.script[1:]
    style = "\n".join(read(path) for path in arguments.style)
    script = read(library) + '\n(() => {\n"use strict";\n' + "\n".join(read(path) for path in own) + "})();\n"
    if "</style" in style.lower():
        sys.exit("the style would end its element")
    if "</script" in script.lower() or "<!--" in script:
        sys.exit("the script would end its element")

    page = read(arguments.page)
    for mark, text in (
        ("@STYLE_HASH@", digest(style)),
        ("@SCRIPT_HASH@", digest(script)),
        ("@STYLE@", style),
        ("@SCRIPT@", script),
    ):
        if page.count(mark) != 1:
            sys.exit(f"{arguments.page}: {mark} must stand there once")
        page = page.replace(mark, text)
    head, mark, tail = page.partition("@DATA@\n")
    if not mark:
        sys.exit(f"{arguments.page}: @DATA@ is missing")

    with open(arguments.out, "w", encoding="utf-8") as file:
        file.write('/* Made by report/html/page/assemble.py: do not edit. */\n#include "report/html/page.h"\n\n')
        file.write(as_c("html_page_head", head) + "\n" + as_c("html_page_tail", tail))


if __name__ == "__main__":
    main()
