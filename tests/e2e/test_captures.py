"""Captures of every kind, made here: what is said of them, and that tshark finds the same segments."""
import collections
import csv
import json
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


# Handshakes of every kind. A step: microseconds, side, flags, sequence number, acknowledgement, data.
# What is expected of each attempt: syns, synacks, outcome, syn_to_synack_ns, synack_to_ack_ns.
FLAGS = {"S": 0x02, "A": 0x10, "R": 0x04, "F": 0x01, "P": 0x08, "E": 0x40, "C": 0x80, "U": 0x20}
PLAIN = "0 c S 100 0, 10 s SA 500 101, 20 c A 101 501"
ESTABLISHED = ("1", "1", "established", "10000", "10000")
SCENARIOS = {
    "plain": (PLAIN, [ESTABLISHED]),
    "ECN": ("0 c SEC 100 0, 10 s SAE 500 101, 20 c A 101 501", [ESTABLISHED]),
    "other flags": ("0 c SPU 100 0, 10 s SAP 500 101, 20 c A 101 501", [ESTABLISHED]),
    "SYN with data": ("0 c S 100 0 GET, 10 s SA 500 104, 20 c A 104 501", [ESTABLISHED]),
    "SYN with data that is refused": ("0 c S 100 0 GET, 10 s SA 500 101, 20 c AP 101 501 GET", [ESTABLISHED]),
    "data of the server before the ACK": ("0 c S 100 0 GET, 10 s SA 500 104, 12 s AP 501 104 OK, 20 c A 104 503", [ESTABLISHED]),
    "SYN-ACK with data": ("0 c S 100 0, 10 s SA 500 101 HELLO, 20 c A 101 506", [ESTABLISHED]),
    "everything twice": ("0 c S 100 0, 1 c S 100 0, 10 s SA 500 101, 11 s SA 500 101, 20 c A 101 501, 21 c A 101 501",
                         [ESTABLISHED]),  # no client or server repeats itself so soon: copies
    "SYN again": ("0 c S 100 0, 1000000 c S 100 0, 1000010 s SA 500 101, 1000020 c A 101 501",
                  [("2", "1", "established", "1000010000", "10000")]),
    "SYN-ACK again": ("0 c S 100 0, 10 s SA 500 101, 1000000 s SA 500 101, 1000010 c A 101 501",
                      [("1", "2", "established", "10000", "10000")]),
    "final ACK with data": ("0 c S 100 0, 10 s SA 500 101, 30 c AP 101 501 GET", [("1", "1", "established", "10000", "20000")]),
    "final ACK with FIN": ("0 c S 100 0, 10 s SA 500 101, 20 c FA 101 501", [ESTABLISHED]),
    "refused": ("0 c S 100 0, 10 s RA 0 101", [("1", "0", "refused", "", "")]),
    "a scanner": ("0 c S 100 0, 10 s SA 500 101, 20 c R 101 0", [("1", "1", "aborted", "10000", "")]),
    "a client that gave up": ("0 c S 100 0, 5 c R 101 0, 10 s SA 500 101", [("1", "1", "aborted", "10000", "")]),
    "reset by the server": ("0 c S 100 0, 10 s SA 500 101, 20 s R 501 0", [("1", "1", "reset", "10000", "")]),
    "the middle of a connection": ("0 c AP 101 501 GET, 10 s A 501 104, 20 c FA 104 501, 30 s FA 501 105", []),
    "the client's side alone": ("0 c S 100 0, 20 c A 101 501, 30 c AP 101 501 GET", [("1", "0", "open", "", "")]),
    "the server's side alone": ("0 s SA 500 101, 10 s AP 501 104 OK", []),
    "numbers that wrap": ("0 c S 4294967295 0, 10 s SA 4294967295 0, 20 c A 0 0", [ESTABLISHED]),
    "a port again": (PLAIN + ", 30 c FA 101 501, 40 s FA 501 102, 50 c A 102 502, 60 c S 900000 0, 70 s SA 700000 900001, "
                     "80 c A 900001 700001", [ESTABLISHED, ESTABLISHED]),
    "another number": ("0 c S 100 0, 5 c S 900000 0, 10 s SA 500 900001, 20 c A 900001 501",
                       [("1", "0", "open", "", ""), ("1", "1", "established", "5000", "10000")]),
    "SYN with FIN": ("0 c SF 100 0, 10 s RA 0 101", []),
    "SYN with RST": ("0 c SR 100 0", []),
    "a SYN-ACK of something else": ("0 c S 100 0, 5 s SA 800 4711, 6 c R 4711 0, 10 s SA 500 101, 20 c A 101 501", [ESTABLISHED]),
    "a challenge": ("0 c S 100 0, 5 s A 5000 4711, 6 c R 4711 0, 1000000 c S 100 0, 1000010 s SA 500 101, 1000020 c A 101 501",
                    [("2", "1", "established", "1000010000", "10000")]),
    "an ACK of something else": ("0 c S 100 0, 10 s SA 500 101, 20 c A 101 499, 30 c A 101 501",
                                 [("1", "1", "established", "10000", "20000")]),
    "SYN-ACK first": ("5 s SA 500 101, 0 c S 100 0, 20 c A 101 501", [("1", "1", "established", "5000", "15000")]),
    "ACK before SYN-ACK": ("0 c S 100 0, 20 c A 101 501, 10 s SA 500 101", [ESTABLISHED]),
    "stamps that run backwards": ("100 c S 100 0, 50 s SA 500 101, 20 c A 101 501", [("1", "1", "established", "-50000", "-30000")]),
    "keep-alive": (PLAIN + ", 7200000000 c A 100 501, 7200000010 s A 501 101", [ESTABLISHED]),
    "a late copy of the SYN": (PLAIN + ", 25 c S 100 0", [ESTABLISHED]),
    "another number before the answer": ("0 c S 100 0, 5 c S 900000 0, 10 s SA 500 101, 20 c A 101 501, 30 c AP 101 501 GET, "
                                         "40 s AP 501 104 OK, 5000000 o", [ESTABLISHED, ("1", "0", "unanswered", "", "")]),
    "another number after the answer": ("0 c S 100 0, 10 s SA 500 101, 15 c S 900000 0, 20 c A 101 501, 5000000 o",
                                        [ESTABLISHED, ("1", "0", "unanswered", "", "")]),
    "two answers, the first is taken": ("0 c S 100 0, 10 s SA 500 101, 15 s SA 9000 101, 25 c A 101 501, 5000000 o",
                                        [("1", "2", "established", "10000", "10000")]),
    "two answers, the second is taken": ("0 c S 100 0, 10 s SA 9000 101, 15 s SA 500 101, 25 c A 101 501, 5000000 o",
                                         [("1", "2", "established", "10000", "10000")]),
    "the sequence number of an ACK is not its own": ("0 c S 100 0, 10 s SA 500 101, 20 c A 100 501, 5000000 o",
                                                     [("1", "1", "half-open", "10000", "")]),
    "an ACK far behind": ("0 c S 100 0, 10 s SA 500 101, 20 c A 1073741925 501, 5000000 o", [("1", "1", "half-open", "10000", "")]),
    "an ACK of what cannot have been sent": ("0 c S 100 0, 10 s SA 500 101, 20 c A 101 1073742325, 5000000 o",
                                             [("1", "1", "half-open", "10000", "")]),
    "the largest window": ("0 c S 100 0, 10 s SA 500 101, 20 c A 1073741924 1073742324", [ESTABLISHED]),
    "given up, then a stray segment": ("0 c S 100 0, 10 s SA 500 101, 20 c R 101 0, 30 c A 100 1000501 GET, 5000000 o",
                                       [("1", "1", "aborted", "10000", "")]),
    "a FIN with the number of the SYN": ("0 c S 100 0, 1 c F 100 0, 10 s SA 500 101, 20 c FA 100 501, 30 s R 501 0, 5000000 o",
                                         [("1", "1", "reset", "10000", "")]),
    "a RST that acknowledges nothing": ("0 c S 100 0, 10 s R 77 0, 5000000 o", [("1", "0", "unanswered", "", "")]),
    "a RST of something else": ("0 c S 100 0, 10 s RA 77 4711, 5000000 o", [("1", "0", "unanswered", "", "")]),
    "a RST of the SYN's own number": ("0 c S 100 0, 10 s RA 0 100, 5000000 o", [("1", "0", "unanswered", "", "")]),
    "a RST of the SYN's data": ("0 c S 100 0 GET, 10 s RA 0 104, 5000000 o", [("1", "0", "refused", "", "")]),
    "a RST of something else, then answered": ("0 c S 100 0, 5 s RA 77 4711, 10 s SA 500 101, 20 c A 101 501", [ESTABLISHED]),
    "a RST from nowhere": ("0 c S 100 0, 10 s SA 500 101, 15 s R 3000000000 0, 5000000 o", [("1", "1", "half-open", "10000", "")]),
    "a SYN-ACK with FIN": ("0 c S 100 0, 10 s SAF 500 101, 20 c A 101 502, 30 c FA 101 502, 40 s A 502 102, 50 s RA 502 102, "
                           "5000000 o", [ESTABLISHED]),
    "a split handshake": ("0 c S 100 0, 10 s A 500 101, 20 s S 500 0, 30 c SA 100 501, 40 s A 501 101",
                          [("1", "0", "open", "", ""), ESTABLISHED]),
    "a simultaneous open": ("0 c S 100 0, 5 s S 500 0, 10 c SA 100 501, 15 s SA 500 101, 20 c A 101 501, 25 s A 501 101",
                            [("1", "1", "established", "15000", "5000"), ("1", "1", "established", "5000", "15000")]),
}
# In answer to a SYN: version, type, code, how much of the packet is quoted (0: all) -> outcome.
ICMP = {
    "port": (4, 3, 3, 0, "unreachable"),
    "host, 8 bytes quoted": (4, 3, 1, 28, "unreachable"),
    "prohibited": (4, 3, 13, 0, "unreachable"),
    "hops": (4, 11, 0, 0, "unreachable"),
    "a redirect": (4, 5, 1, 0, "open"),
    "an echo": (4, 8, 0, 0, "open"),
    "cut in the ports": (4, 3, 1, 22, "open"),
    "port, IPv6": (6, 1, 4, 0, "unreachable"),
    "no route, IPv6": (6, 1, 0, 48, "unreachable"),
    "hops, IPv6": (6, 3, 0, 0, "unreachable"),
    "a neighbour, IPv6": (6, 135, 0, 0, "open"),
}


def pcap(steps):
    """steps: (microseconds, IP packet)."""
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
    for time_us, packet in steps:
        now = START_US + time_us
        out += struct.pack("<IIII", now // 10**6, now % 10**6, len(packet), len(packet)) + packet
    return out


def played(text, version):
    for step in text.split(", "):
        if step.endswith(" o"):  # other than TCP
            yield int(step[:-2]), e.udp(b"?", 53)
            continue
        time_us, side, letters, seq, ack, *data = step.split()
        flags = sum(FLAGS[letter] for letter in letters)
        yield int(time_us), segment(flags, int(seq), int(ack), side == "s", 40000, version, "".join(data).encode())


def told(attempts):
    return [(a["syns"], a["synacks"], a["outcome"], a["syn_to_synack_ns"], a["synack_to_ack_ns"])
            for a in sorted(attempts, key=lambda a: (int(a["syn_ns"]), a["isn"]))]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_handshake_of_every_kind(run, tmp_path, name):
    text, expected = SCENARIOS[name]
    for version in (4, 6):
        path = tmp_path / f"{version}.pcap"
        path.write_bytes(pcap(played(text, version)))
        assert told(attempts_of(run, path)[0]) == expected


@pytest.mark.parametrize("name", ICMP)
def test_an_icmp_message_in_answer(run, tmp_path, name):
    version, kind, code, quoted, outcome = ICMP[name]
    syn = segment(SYN, 100, 0, version=version)
    message = struct.pack(">BBHI", kind, code, 0, 0) + syn[:quoted or len(syn)]
    answer = e.ipv4(message, 1, (SERVER4, CLIENT4)) if version == 4 else e.ipv6(message, 58, (SERVER6, CLIENT6))
    path = tmp_path / "icmp.pcap"
    path.write_bytes(pcap([(0, syn), (10, answer)]))
    assert told(attempts_of(run, path)[0]) == [("1", "0", outcome, "", "")]


def fragments(packet, version, size):
    """The packet in pieces of so many bytes."""
    head, payload = (packet[:20], packet[20:]) if version == 4 else (packet[:40], packet[40:])
    for at in range(0, len(payload), size):
        piece, more = payload[at:at + size], at + size < len(payload)
        if version == 4:
            yield (head[:2] + struct.pack(">HHH", 20 + len(piece), 7, at // 8 | (0x2000 if more else 0)) + head[8:] + piece)
        else:
            extension = struct.pack(">BBHI", 6, 0, at | more, 7)
            yield head[:4] + struct.pack(">HB", len(piece) + 8, 44) + head[7:] + extension + piece


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("version", [4, 6])
def test_a_syn_in_fragments_counts_when_it_is_whole(run, tmp_path, version, backwards):
    steps = []
    for time_us, packet in played(PLAIN, version):
        pieces = list(fragments(packet, version, 8))
        assert len(pieces) == 3
        steps += [(time_us + i, piece) for i, piece in enumerate(reversed(pieces) if backwards else pieces)]
    path = tmp_path / "fragments.pcap"
    path.write_bytes(pcap(steps))
    assert told(attempts_of(run, path)[0]) == [ESTABLISHED]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("steps, outcome", [("0 c S 100 0", "unanswered"), ("0 c S 100 0, 10 s SA 500 101", "half-open")])
def test_observation_lasts_to_the_last_packet_of_whatever_kind(run, tmp_path, version, steps, outcome):
    def other(time_us):
        return time_us, e.udp(b"?", 53) if version == 4 else e.udp6(b"?", 53)

    path = tmp_path / "long.pcap"
    path.write_bytes(pcap([other(-2000000), *played(steps, version), other(99000000), other(98000000)]))
    assert [attempt["outcome"] for attempt in attempts_of(run, path)[0]] == [outcome]
    report = json.loads(run("report", "-f", "json", path).stdout)
    span = [report["source"][name] // 1000 - START_US for name in ("start_ns", "end_ns")]
    assert span == [-2000000, 99000000]
    rates = report["rates"]
    assert rates["buckets"][2000000000 // rates["bucket_ns"]]["syns"] == 1


def test_a_file_without_tcp_has_a_beginning_and_an_end(run, tmp_path):
    path = tmp_path / "udp.pcap"
    path.write_bytes(pcap([(0, e.udp(b"?", 53)), (7000000, e.udp(b"?", 53))]))
    source = json.loads(run("report", "-f", "json", path).stdout)["source"]
    assert (source["start_ns"] // 1000 - START_US, source["end_ns"] // 1000 - START_US) == (0, 7000000)


@pytest.mark.parametrize("version", (4, 6))
def test_a_file_of_one_direction(run, tmp_path, version):
    """What the clients say shows that they were answered; of the servers' answers alone, that somebody asked."""
    path = tmp_path / "one.pcap"
    for back, outcome, counted in ((False, "unanswered", "unseen_syn_acks"), (True, None, "stray_syn_acks")):
        steps = [(1000 * port + at, segment(flags, seq, ack, way, port, version))
                 for port in range(40000, 40003) for at, (flags, seq, ack, way) in enumerate(HANDSHAKE) if way == back]
        # Long enough for an answer to the last one.
        steps += [(200_000_000 + i, segment(ACK, 101, 501, back, 40010, version)) for i in range(2)]
        path.write_bytes(pcap(steps))
        report = json.loads(run("report", "-f", "json", path).stdout)
        assert report["summary"][counted] == 3
        assert [attempt["outcome"] for attempt in report["attempts"]] == ([outcome] * 3 if outcome else [])
        text = run("report", path).stdout
        missing = "the clients' direction is missing" if back else "the server's direction is missing"
        assert missing in text and any(missing in note for note in report["notes"])
        assert "unanswered SYN" not in text and "before the observation" not in text
