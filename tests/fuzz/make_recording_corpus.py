#!/usr/bin/python3
"""Writes the corpora of the recording's fuzz targets: tests/fuzz/corpus/{events,meta,recording}/*.

Every file is made here; names say what is in them. Files that a search found are kept beside them
under names that this program does not use.
"""
import json
import pathlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
TIME = 1700000000123456789
FLOW = {"client": "192.0.2.7:49152", "server": "[2001:db8::1]:80"}
STEP = {**FLOW, "pid": 42, "bytes": 4294967295}

# name -> (event, source, members)
EVENTS = {
    "listener": ("listener", "sampler",
                 {"cookie": 1, "local": "[::]:80", "change": "seen", "limit": 5, "inode": 7, "uid": 0,
                  "interface": 0, "v6only": False, "defer_accept_s": -1, "fastopen": 0, "pids": [1, -1],
                  "comm": "nginx\u20ac\x1b"}),
    "listener-hex": ("listener", "sampler",
                     {"cookie": "18446744073709551615", "local": "127.0.0.1:0", "change": "closed", "limit": 0,
                      "inode": 0, "uid": 4294967295, "interface": 1, "v6only": True, "defer_accept_s": 3,
                      "fastopen": -1, "pids": list(range(20)), "comm": "\ufffd", "comm_hex": "ff80c3"}),
    "sample": ("sample", "sampler", {"cookie": 1, "before_ns": TIME - 3600, "depth": 6, "limit": 5, "drops": 2}),
    "sample-unknown": ("sample", "sampler", {"cookie": 1, "before_ns": None, "depth": 6, "limit": 5, "drops": None}),
    "half-open": ("half-open", "sampler", {"cookie": 1, "before_ns": 0, "count": 12}),
    "child": ("child", "sampler", {**FLOW, "before_ns": TIME, "waiting_ns": None, "listener": 1, "inode": 0, "state": 1}),
    "counters": ("counters", "sampler",
                 {"before_ns": TIME, "when": "during",
                  "value": {"ListenOverflows": 3, "OutRsts": "9223372036854775808", "TCPNewOne": 1}}),
    "proc-fork": ("proc-fork", "proc", {"parent_pid": 1, "child_pid": 2, "child_tid": 3}),
    "proc-exit": ("proc-exit", "proc", {"pid": 2, "tid": 2, "exit_code": 9}),
    "listen": ("listen", "server", {"local": "0.0.0.0:8080", "backlog": 2147483647, "pid": 1}),
    "accept": ("accept", "bpf", {**FLOW, "before_ns": TIME - 700, "pid": 1, "tid": 1, "fd": 5}),
    "fork": ("fork", "server", STEP),
    "first-byte": ("first-byte", "server", STEP),
    "reply": ("reply", "server", STEP),
    "close": ("close", "server", STEP),
    "exit": ("exit", "server", {"pid": 42, "status": -2147483648}),
    "loss": ("loss", "capture", {"kind": "packets-kernel", "count": "18446744073709551615"}),
    "segment": ("segment", "capture", {}),
    "icmp": ("icmp", "capture", {}),
    "newer": ("teleport", "sampler", {"x": [{"y": 1.5e3}]}),
    "newer-source": ("exit", "oracle", {"pid": 1, "status": 0}),
    "newer-loss": ("loss", "bpf", {"kind": "socks", "count": 1}),
}

MALFORMED = {
    "empty": b"",
    "no-object": b"[1]",
    "no-event": b'{"time_ns":1}',
    "cut": b'{"time_ns":1,"event":"exit","sou',
    "deep": b"[" * 3000,
    "nul": b"\0\0\0\0",
    "surrogate": b'{"time_ns":1,"event":"\\ud800"}',
    "big-integer": b'{"time_ns":99999999999999999999,"event":"exit"}',
    "negative": b'{"time_ns":1,"event":"sample","source":"sampler","cookie":-1,"before_ns":0,"depth":0,"limit":0,"drops":0}',
}


def line(event, source, members):
    record = {"time_ns": TIME, "event": event, "source": source, **members}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def meta():
    return {
        "schema": "synscope.recording/1", "tool": {"name": "synscope", "version": "0.1.0"},
        "start_ns": TIME, "end_ns": TIME + 5,
        "host": {"kernel": "6.12", "somaxconn": 4096, "tcp_syncookies": None}, "interface": "lo\x1b",
        "filter": "tcp port 80", "sample_interval_us": 1000, "targets": ["[::]:80", "127.0.0.1:8080"],
        "packets": 1, "losses": {"netlink": "18446744073709551615", "recording": 1},
        "sources": {"capture": {"on": True, "note": ""}, "bpf": {"on": False, "note": "not built"}},
    }


def metas():
    whole = meta()
    yield "whole", whole
    yield "crashed", {**whole, "end_ns": None}
    yield "least", {"schema": "synscope.recording/1"}
    yield "targets", {**whole, "targets": [f"[2001:db8::{i:x}]:{i}" for i in range(64)]}
    yield "targets-too-many", {**whole, "targets": ["1"] * 65}
    yield "long-text", {**whole, "filter": "\u20ac" * 3000}
    yield "schema", {**whole, "schema": "synscope.recording/2"}
    yield "no-schema", {"tool": {}}
    for name, value in {"tool": 1, "start_ns": 1.5, "host": [], "interface": {}, "targets": [None], "packets": "x",
                        "losses": {"netlink": -1}, "sources": {"bpf": {"on": 1}}, "sample_interval_us": -1}.items():
        yield f"wrong-{name}", {**whole, name: value}


def write(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def main():
    lines = {name: line(*parts) for name, parts in EVENTS.items()}
    for name, content in {**lines, **MALFORMED}.items():
        write("events", name, content)
    for name, content in metas():
        write("meta", name, json.dumps(content, ensure_ascii=False).encode())
    write("meta", "empty", b"")
    write("meta", "cut", json.dumps(meta()).encode()[:-20])
    everything = b"\n".join(lines.values()) + b"\n"
    write("recording", "everything", everything)
    write("recording", "malformed", b"\n".join(MALFORMED.values()) + b"\n" + everything)
    write("recording", "cut", everything + lines["exit"][:20])
    write("recording", "no-newline", everything + lines["exit"])
    write("recording", "empty", b"")
    write("recording", "newlines", b"\n\n\n")
    # 0xff stands for a 15th of the longest line in blanks: below, at and beyond the buffer's end.
    write("recording", "blanks", b"\xff" * 3 + lines["exit"] + b"\n" + everything)
    write("recording", "long", b"\xff" * 15 + lines["exit"] + b"\n" + everything)
    write("recording", "longer", b"\xff" * 25 + b"\n" + everything + b"\xff" * 5)
    write("recording", "just", b"\xff" * 15 + b"   \n" + everything)
    write("recording", "just-not", b"\xff" * 15 + b"    \n" + everything)
    write("recording", "just-event", b"\xff" * 14 + b" " * (17479 - len(lines["exit"])) + lines["exit"] + b"\n" + everything)


if __name__ == "__main__":
    main()
