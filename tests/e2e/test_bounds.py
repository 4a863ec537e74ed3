"""Files that were made to use up memory and time: both stay bounded, and what was left out is counted.

The time is bounded by the test's own time-out alone: what is wrong here takes hours, not seconds.
"""
import gzip
import json
import os
import resource
import struct
import subprocess

import pytest

SHORT = "SYNSCOPE_TEST_SHORT" in os.environ
MANY = 20_000 if SHORT else 100_000
START_NS = 1_700_000_000 * 10**9
SERVER = b"\xc0\0\2\1"


def address(number):
    return struct.pack(">I", 0x0a000000 + number)


def tcp(client, port, isn, flags=2):
    return struct.pack(">BBHHHBBH4s4sHHIIBBHHH", 0x45, 0, 40, 0, 0, 64, 6, 0, client, SERVER, port, 80, isn, 0, 0x50, flags,
                       64240, 0, 0)


def ip(payload, protocol, ident=0, fragment=0):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0, address(1), SERVER) + payload


def pcap(frames, step_ns=1000, linktype=101):
    out = [struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, linktype)]
    for i, frame in enumerate(frames):
        now = START_NS + i * step_ns
        out.append(struct.pack("<IIII", now // 10**9, now % 10**9, len(frame), len(frame)) + frame)
    return b"".join(out)


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


SECTION = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))


# Between this process and the program: what a process had before exec() counts as its own memory.
LAUNCHER = """
import os, sys
pid = os.fork()
if pid == 0:
    os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss // 1024)
"""


@pytest.fixture
def report(synscope, tmp_path):
    """report(content or folder, bound in MiB, ...) -> the report; the memory that it took stayed below the bound."""
    def run_bounded(content, bound_mib, *options, status=0):
        path = content
        if isinstance(content, bytes):
            path = tmp_path / "capture"
            path.write_bytes(content)
        done = subprocess.run(["/usr/bin/python3", "-ESs", "-c", LAUNCHER, tmp_path / "out", synscope, "report", "-f", "json",
                               *options, path], capture_output=True, text=True, check=True)
        errors = done.stderr
        ended, used_mib = map(int, done.stdout.split())
        assert ended == status, errors
        if not SHORT:  # a sanitizer keeps what was freed, and shadows of everything
            assert used_mib <= bound_mib
        if status:
            assert len(errors.splitlines()) == 1, errors
            return errors
        return json.loads((tmp_path / "out").read_text(encoding="utf-8"))

    yield run_bounded


def overflows(found):
    return {row["table"]: row["count"] for row in found["overflows"]}


def recording(tmp_path, events, frames=()):
    folder = tmp_path / "recording"
    folder.mkdir()
    lines = (event if isinstance(event, str) else json.dumps(event, separators=(",", ":")) for event in events)
    (folder / "events.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    (folder / "packets.pcap").write_bytes(pcap(frames))
    meta = {"schema": "synscope.recording/1", "tool": {"name": "synscope", "version": "0"}, "start_ns": START_NS, "end_ns": None,
            "host": {"kernel": "6.12", "somaxconn": 4096, "tcp_syncookies": 1}}
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return folder


def listener(number):
    return {"time_ns": START_NS + number, "event": "listener", "source": "sampler", "cookie": number + 1,
            "local": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:80", "change": "seen", "limit": 128, "inode": 7,
            "uid": 0, "interface": 0, "v6only": False, "defer_accept_s": 0, "fastopen": 0, "pids": [1], "comm": "x"}


def sample(number, time_ns):
    return {"time_ns": time_ns, "event": "sample", "source": "sampler", "cookie": 1, "before_ns": time_ns, "depth": number % 200,
            "limit": 128, "drops": 0}


def test_attempts_beyond_the_table(report):
    """--max-open is the bound: each is reported, and those that gave way are counted."""
    found = report(pcap(tcp(address(i), 4000, i) for i in range(MANY)), 24, "--max-open", "4096")
    assert found["summary"]["attempts"] == MANY
    assert overflows(found) == {"open attempts": MANY - 4096}
    assert sum(attempt["evicted"] for attempt in found["attempts"]) == MANY - 4096


def test_numbers_made_up_for_one_client(report):
    found = report(pcap(tcp(address(1), 4000, i * 70001 & 0xffffffff) for i in range(MANY)), 24)
    assert found["summary"]["attempts"] == MANY
    assert overflows(found) == {"attempts of one client and port": MANY - 64}


def test_one_syn_again_and_again(report):
    found = report(pcap(tcp(address(1), 4000, 7) for i in range(MANY)), 24)
    assert found["summary"]["attempts"] == 1
    # Far closer together than any retransmission timer: copies of the first.
    assert found["attempts"][0]["syns"] == 1
    assert found["attempts"][0]["syn_copies"] == min(MANY - 1, 255)


def test_fragments_of_ever_other_datagrams(report):
    found = report(pcap(ip(b"\0" * 16, 6, i & 0xffff, 0x2000) for i in range(MANY)), 24)
    skipped = found["source"]["skipped"]
    assert skipped["fragment"] + skipped["fragment-table-full"] == MANY
    assert skipped["fragment-table-full"] >= MANY - 256


@pytest.mark.parametrize("name", ["ip in ip", "vlan tags", "mpls labels", "extension headers"])
def test_headers_without_end(report, name):
    nested = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 4, 0, address(1), SERVER) * 3000
    frames = {
        "ip in ip": (101, nested),
        "vlan tags": (1, b"\2" * 12 + b"\x81\0\0\1" * 16000),
        "mpls labels": (1, b"\2" * 12 + b"\x88\x47" + b"\0\1\0\x40" * 16000),
        "extension headers": (101, b"\x60\0\0\0" + struct.pack(">HBB", 64000, 0, 64) + b"\0" * 32 + b"\0\0\1\4\0\0\0\0" * 8000),
    }
    linktype, frame = frames[name]
    count = MANY // 1000
    found = report(pcap([frame] * count, linktype=linktype), 24)
    assert sum(found["source"]["skipped"].values()) == count


def test_interfaces_without_end(report):
    """A section may have as many as its packets can name; the next one begins anew."""
    frame = tcp(address(1), 4000, 7)
    packet = block(6, struct.pack("<IIIII", 9999, 0, 1000, len(frame), len(frame)) + frame)
    section = SECTION + block(1, struct.pack("<HHI", 101, 0, 0)) * 10000 + packet
    assert report(section * 10, 24)["summary"]["attempts"] == 1
    assert "65536 interfaces" in report(SECTION + block(1, struct.pack("<HHI", 101, 0, 0)) * 65537, 24, status=1)


def test_interfaces_of_every_link_type(report):
    frame = tcp(address(1), 4000, 7)
    content = SECTION + b"".join(block(1, struct.pack("<HHI", link, 0, 0)) for link in range(2000))
    content += b"".join(block(6, struct.pack("<IIIII", i, 0, 1000, len(frame), len(frame)) + frame) for i in range(2000))
    assert sum(report(content, 24)["source"]["skipped"].values()) >= 1900


def test_a_block_that_says_it_is_long(report):
    assert "a block cannot have" in report(SECTION + struct.pack("<II", 1, 0xfffffff0) + b"\0" * 100, 24, status=1)


def test_a_gigabyte_out_of_a_megabyte(report):
    """What is decompressed is read piece by piece."""
    record = struct.pack("<IIII", 1700000000, 0, 65535, 65535) + b"\0" * 65535
    count = 200 if SHORT else 2000
    found = report(gzip.compress(pcap([]) + record * count, 1), 24)
    assert found["source"]["packets"] == count


def test_listeners_without_end(report, tmp_path):
    found = report(recording(tmp_path, (listener(i) for i in range(MANY))), 192)
    assert len(found["listeners"]) == 4096
    assert overflows(found) == {"events about listeners": MANY - 4096}


def test_lines_that_are_long(report, tmp_path):
    lines = ["[" * 200_000] * 5 + ['{"a":"' + "x" * 2_000_000 + '"}'] * 5 + ["[" + "[]," * 80_000 + "[]]"] * 5
    lines += ["{" + ",".join(f'"k{i}":0' for i in range(20_000)) + "}"] * 5
    found = report(recording(tmp_path, [*lines, listener(0)]), 48)
    assert len(found["listeners"]) == 1


def test_time_that_runs_backwards(report, tmp_path):
    """Each sample is older than the one before it, and all are of a far future."""
    samples = (sample(i, START_NS + 10**18 - i * 1000) for i in range(MANY))
    found = report(recording(tmp_path, [listener(0), *samples], (tcp(address(i), 4000, i) for i in range(MANY))), 160)
    assert found["summary"]["attempts"] == MANY


def test_stamps_at_the_ends_of_time(report, tmp_path):
    ends = [{"time_ns": time_ns, "event": "exit", "source": "server", "pid": 1, "status": 0} for time_ns in (-2**63 + 1, 2**63 - 1)]
    folder = recording(tmp_path, [listener(0), *ends], [tcp(address(1), 4000, 7)])
    assert report(folder, 24)["summary"]["attempts"] == 1


def test_forks_without_end(report, tmp_path):
    forks = ({"time_ns": START_NS + i, "event": "proc-fork", "source": "proc", "parent_pid": 1, "child_pid": i + 2,
              "child_tid": i + 2} for i in range(MANY))
    report(recording(tmp_path, [listener(0), *forks]), 160)


def test_the_limit_of_memory_is_told(synscope, tmp_path):
    """Where there is no memory there is one line that says so."""
    if SHORT:
        pytest.skip("a sanitizer reserves more than any limit")
    path = tmp_path / "capture"
    path.write_bytes(pcap(tcp(address(i), 4000, i) for i in range(100)))

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (64 << 20, 64 << 20))

    result = subprocess.run([synscope, "report", path], capture_output=True, text=True, timeout=60, check=False, preexec_fn=limit)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1, result.stderr
