#!/usr/bin/python3
"""The house, as docs/architecture.md draws it: which folder may include which, no circle, and how many files a folder may have.

    check_rooms.py TREE         reads the #include lines of TREE and names each that no arrow allows
    check_rooms.py --self-test  small trees with one fault each: every fault must be found

A folder includes itself, the folders of its line below, and what is in folders that they contain where the line says NAME/*.
"""

import os
import pathlib
import re
import sys
import tempfile

MAX_FILES = 25

FORMATS = ["report/attempt", "report/measure", "report/sink"]
ARROWS = {
    "event": [],
    "event/recording": ["event"],
    "capture": ["event/*", "capture/frame"],
    "capture/frame": ["event"],
    "capture/file": ["event", "capture", "capture/frame"],
    "capture/live": ["event", "capture", "capture/frame"],
    "netlink": ["event"],
    "netlink/diag": ["event", "netlink"],
    "netlink/proc": ["event"],
    "netlink/route": ["event", "netlink"],
    "netlink/conntrack": ["event", "netlink"],
    "netlink/owner": ["event", "netlink/diag"],
    "netlink/child": ["event", "netlink/diag"],
    "netlink/sampler": ["event", "netlink", "netlink/diag", "netlink/owner", "netlink/child", "netlink/route"],
    "netlink/listener": ["event", "netlink", "netlink/diag", "netlink/owner"],
    "probe": ["event"],
    "server": ["event", "server/channel"],
    "server/channel": ["event"],
    "server/load": ["event", "server"],
    "report/attempt": ["event", "event/recording"],
    "report/measure": ["event", "report/attempt"],
    # The search works on the queue's own records, and only settle.c calls it: one room in two folders.
    "report/queue": ["event", "report/attempt", "report/measure", "report/queue/reason", "report/queue/search", "report/queue/past",
                     "report/queue/entry", "report/queue/sizing"],
    "report/queue/reason": ["event", "report/attempt", "report/queue"],
    "report/queue/search": ["event", "report/attempt", "report/measure", "report/queue"],
    "report/queue/entry": ["event", "report/attempt", "report/queue", "report/queue/reason"],
    "report/queue/sizing": ["event", "report/attempt"],
    "report/queue/past": ["event", "report/attempt", "report/measure", "report/queue"],
    "report/track": ["event", "report/attempt", "report/measure", "report/queue", "report/queue/entry"],
    "report/explain": ["event", "report/attempt", "report/measure", "report/queue", "report/queue/sizing", "report/track"],
    "report/sink": ["event/*", "report/attempt"],
    "report/json": ["event", *FORMATS],
    "report/jsonl": ["event", *FORMATS, "report/json"],
    "report/tsv": ["event", *FORMATS],
    "report/text": ["event", *FORMATS],
    "report/html": ["event", *FORMATS, "report/json"],
    "report/perfetto": ["event", *FORMATS],
    "report/watch": ["event", *FORMATS, "report/queue", "report/queue/past", "report/track", "report/json", "report/text"],
    "report/metrics": ["event/*", "report/attempt", "report/measure", "report/queue", "report/explain"],
    "report": ["event/*", "report/attempt", "report/measure", "report/queue", "report/track", "report/explain", "report/sink", "report/watch", "report/metrics"],
    "isolate": ["event/*"],
    "pipeline/folder": ["event/*", "capture/*"],
    "pipeline/exporter": ["event/*", "isolate", "report/metrics"],
    "pipeline": ["event/*", "capture/*", "pipeline/folder", "netlink/*", "probe", "server/*", "isolate", "report", "report/attempt", "report/sink", "report/track", "report/watch"],
    "pipeline/recorder": ["event/*", "capture/*", "pipeline", "pipeline/folder", "netlink/*", "probe", "server/*", "isolate", "report", "report/attempt", "report/sink", "report/track", "report/watch", "report/metrics", "pipeline/exporter"],
    "cmd": ["event/*", "netlink/*", "server/*", "isolate", "pipeline/*", "report/*", "cmd/*"],
    "cmd/completion": ["cmd", "report/sink"],
    "cmd/options": ["event/*", "isolate", "pipeline/*", "report/*", "cmd", "cmd/service"],
    "cmd/service": ["event"],
    "cmd/terminal": ["event/*", "netlink/*", "pipeline/*", "report/*", "cmd", "cmd/options"],
}
# What includes what it is included by: a frame can hold a frame (ethertype -> IP -> GRE -> ethertype).
RECURSIVE = "capture/frame/"

INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def allowed(room, other):
    return room == other or any(
        other == arrow or (arrow.endswith("/*") and (other == arrow[:-2] or other.startswith(arrow[:-1])))
        for arrow in ARROWS.get(room, [])
    )


def read_includes(tree):
    """{file: the files of the tree that it includes}, of the C files outside tests/."""
    found = {}
    for path in sorted(tree.rglob("*.[ch]")):
        name = path.relative_to(tree).as_posix()
        if name.startswith(("tests/", "build", ".")):
            continue
        found[name] = INCLUDE.findall(path.read_text())
    return {name: [i for i in includes if i in found] for name, includes in found.items()}


def find_circles(includes):
    """Circles between headers and sources, a list of names each; NOUN.c counts as NOUN.h."""
    graph = {}
    for name, others in includes.items():
        node = graph.setdefault(name[:-2], set())
        node.update(other[:-2] for other in others if other[:-2] != name[:-2])
    circles, state, trail = [], {}, []

    def visit(node):
        state[node] = 1
        trail.append(node)
        for other in sorted(graph.get(node, ())):
            if state.get(other) == 1:
                circles.append(trail[trail.index(other):] + [other])
            elif other not in state:
                visit(other)
        trail.pop()
        state[node] = 2

    for node in sorted(graph):
        if node not in state:
            visit(node)
    return [c for c in circles if not all(node.startswith(RECURSIVE) for node in c)]


def check(tree):
    faults = []
    includes = read_includes(tree)
    for name, others in includes.items():
        room = os.path.dirname(name)
        if room not in ARROWS:
            faults.append(f"{name}: the folder {room!r} is not in the house")
            continue
        for other in others:
            if not allowed(room, os.path.dirname(other)):
                faults.append(f"{name} includes {other}: no arrow from {room} to {os.path.dirname(other)}")
    # A header alone decides; a source may include what includes its header.
    for circle in find_circles({n: o for n, o in includes.items() if n.endswith(".h")}):
        faults.append("circle: " + " -> ".join(circle))
    for folder, _, files in os.walk(tree):
        place = pathlib.Path(folder).relative_to(tree).as_posix()
        if place.split("/")[0] in (".git", "tests") or place.startswith("build"):
            continue
        if len([f for f in files if not f.startswith(".")]) > MAX_FILES:
            faults.append(f"{place}: {len(files)} files, more than {MAX_FILES}")
    return faults, len(includes)


def self_test():
    cases = [
        ({"event/flow.h": "", "capture/file/pcapng.c": '#include "event/flow.h"\n'}, None),
        ({"event/flow.c": '#include "report/attempt/table.h"\n', "report/attempt/table.h": ""}, "no arrow from event to report/attempt"),
        ({"report/queue/queue.c": '#include "report/track/tracker.h"\n', "report/track/tracker.h": ""}, "no arrow from report/queue"),
        ({"capture/live/live.c": '#include "netlink/counters.h"\n', "netlink/counters.h": ""}, "no arrow from capture/live"),
        ({"event/a.h": '#include "event/b.h"\n', "event/b.h": '#include "event/a.h"\n'}, "circle: event/a -> event/b -> event/a"),
        ({"capture/frame/ip.h": '#include "capture/frame/gre.h"\n', "capture/frame/gre.h": '#include "capture/frame/ip.h"\n'}, None),
        ({f"event/f{n}.c": "" for n in range(26)}, "event: 26 files"),
        ({"attic/old.c": ""}, "the folder 'attic' is not in the house"),
    ]
    for files, fault in cases:
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            for name, text in files.items():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text(text)
            faults, _ = check(tree)
        if fault is None:
            assert not faults, faults
        else:
            assert len(faults) == 1 and fault in faults[0], (fault, faults)


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    faults, files = check(pathlib.Path(sys.argv[1]))
    for fault in faults:
        print(fault)
    if files < 100:
        print(f"{sys.argv[1]}: only {files} C files: is this the source tree?")
        return 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
