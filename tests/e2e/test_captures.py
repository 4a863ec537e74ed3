"""Captures of every kind, made here: what is said of them, and that tshark finds the same segments."""
import collections
import csv
import os
import struct
import subprocess

import pytest

import encapsulations as e

CLIENT4, SERVER4 = "c0000207", "c0000201"
CLIENT6, SERVER6 = "20010db8" + "0" * 23 + "7", "20010db8" + "0" * 23 + "1"
SYN, RST, ACK, SYN_ACK = 0x02, 0x04, 0x10, 0x12
START_US = 1700000000000000


def segment(flags, seq, ack, back=False, port=40000, version=4, data=b""):
    """An IP packet; back: from the server."""
    header = struct.pack(">HHIIBBHHH", *((80, port) if back else (port, 80)), seq, ack, 0x50, flags, 64240, 0, 0) + data
    if version == 4:
        return e.ipv4(header, 6, (SERVER4, CLIENT4) if back else (CLIENT4, SERVER4))
    return e.ipv6(header, 6, (SERVER6, CLIENT6) if back else (CLIENT6, SERVER6))


HANDSHAKE = ((SYN, 100, 0, False), (SYN_ACK, 500, 101, True), (ACK, 101, 501, False))


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def pcapng(frames):
    """frames: (link type, frame), 10 us apart; an interface for each link type."""
    links = list(dict.fromkeys(link for link, _ in frames))
    out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    for link in links:
        out += block(1, struct.pack("<HHI", link, 0, 0))
    for i, (link, frame) in enumerate(frames):
        stamp = START_US + 10 * i
        out += block(6, struct.pack("<IIIII", links.index(link), stamp >> 32, stamp & 0xffffffff, len(frame), len(frame)) + frame)
    return out


def attempts_of(run, path):
    result = run("report", "-f", "tsv", path)
    assert result.returncode == 0, result.stderr
    return list(csv.DictReader(result.stdout.splitlines(), delimiter="\t")), result.stderr


@pytest.fixture(scope="module")
def handshakes(tmp_path_factory):
    """A file with a handshake in each encapsulation, each on a port of its own, and port -> name."""
    path, names, frames = tmp_path_factory.mktemp("captures") / "all.pcapng", {}, []
    for port, (name, version, link, wrap) in enumerate(e.all_of_them(), 1024):
        names[port] = f"{name}, IPv{version}"
        for flags, seq, ack, back in HANDSHAKE:
            frames.append((link, wrap(segment(flags, seq, ack, back, port, version))))
    path.write_bytes(pcapng(frames))
    return path, names


def test_a_handshake_is_found_in_every_encapsulation(run, handshakes):
    path, names = handshakes
    attempts, complaints = attempts_of(run, path)
    assert complaints == ""
    found = {int(attempt["client"].rpartition(":")[2]): attempt for attempt in attempts}
    assert len(attempts) == len(found)
    missing = [name for port, name in names.items() if found.get(port, {}).get("outcome") != "established"]
    assert not missing
    for port, attempt in found.items():
        what = (attempt["syns"], attempt["synacks"], attempt["syn_to_synack_ns"], attempt["synack_to_ack_ns"])
        assert what == ("1", "1", "10000", "10000"), names[port]


def test_tshark_finds_nothing_more(run, handshakes):
    """And hardly less: it does not guess what is below MPLS labels, and has no name for some tags."""
    path, names = handshakes
    result = subprocess.run(["tshark", "-r", path, "-T", "fields", "-E", "occurrence=l", "-e", "tcp.srcport", "-e",
                             "tcp.dstport"], capture_output=True, text=True, timeout=300, check=True,
                            env={**os.environ, "HOME": str(path.parent)})
    theirs = collections.Counter()
    for line in result.stdout.splitlines():
        ports = {int(port) for port in line.split("\t") if port} - {80}
        theirs.update(ports)
    ours = {int(attempt["client"].rpartition(":")[2]) for attempt in attempts_of(run, path)[0]}
    assert set(theirs) <= ours
    assert sum(count == len(HANDSHAKE) for count in theirs.values()) >= 0.9 * len(names)
