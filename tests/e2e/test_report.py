"""The report of a large capture: what it says when the disk is full, and that its formats agree."""
import json
import os
import pathlib
import shutil
import struct
import subprocess

import pytest

COUNT = 20_000  # more than any sink keeps in memory
RECORDING = pathlib.Path(__file__).resolve().parent.parent / "golden" / "recordings" / "overflow"
TIMES = ("syn_ns", "synack_ns", "ack_ns", "accept_ns", "accept_after_ns", "accept_before_ns", "fork_ns", "end_ns",
         "syn_to_synack_ns", "synack_to_ack_ns", "connect_ns", "accept_wait_ns", "accept_to_fork_ns")


def frame(source, destination, sport, dport, seq, ack, flags):
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65535, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0x4000, 64, 6, 0, bytes(source), bytes(destination))
    return ip + tcp


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """A nanosecond capture (raw IP) of COUNT handshakes, four a second."""
    path = tmp_path_factory.mktemp("capture") / "many.pcap"
    server = (192, 0, 2, 1)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 96, 101))
        for i in range(COUNT):
            client = (10, 0, i >> 8, i & 255)
            packets = [frame(client, server, 40000, 80, i, 0, 0x02), frame(server, client, 80, 40000, 7, i + 1, 0x12),
                       frame(client, server, 40000, 80, i + 1, 8, 0x10)]
            for j, data in enumerate(packets):
                file.write(struct.pack("<IIII", 1700000000 + i // 4, i % 4 * 250_000_000 + 1000 * j, len(data), len(data)) + data)
    return path


def one_line(process):
    assert process.returncode == 1, process.stderr
    assert process.stderr.count("\n") == 1 and process.stderr.startswith("synscope report: "), process.stderr
    return process.stderr


@pytest.mark.parametrize("name", ["text", "json", "tsv", "html", "perfetto"])
def test_a_full_disk_is_one_line_and_status_1(synscope, capture, name):
    with open("/dev/full", "wb") as full:
        process = subprocess.run([synscope, "report", capture, "--format", name], stdout=full, stderr=subprocess.PIPE,
                                 text=True, timeout=60, check=False)
    assert "standard output: No space left on device" in one_line(process)


@pytest.mark.parametrize("name", ["json", "html", "perfetto"])
def test_a_temporary_file_that_cannot_be_is_named(run, capture, tmp_path, name):
    missing = {**os.environ, "TMPDIR": str(tmp_path / "missing")}
    process = run("report", capture, "--format", name, env=missing)
    line = one_line(process)
    assert "temporary file" in line and "TMPDIR" in line and "No such file" in line


def test_no_temporary_file_is_left_behind(run, capture, tmp_path):
    process = run("report", capture, "--format", "json", env={**os.environ, "TMPDIR": str(tmp_path)})
    assert process.returncode == 0, process.stderr
    assert not list(tmp_path.iterdir())


def rows(run, path):
    lines = run("report", path, "--format", "tsv").stdout.splitlines()
    names = lines[0].split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines[1:]]


@pytest.mark.parametrize("source", ["capture", "recording", "packets"])
def test_json_and_tsv_agree_on_every_column(run, capture, source):
    path = {"capture": capture, "recording": RECORDING, "packets": RECORDING / "packets.pcap"}[source]
    attempts = json.loads(run("report", path, "--format", "json").stdout)["attempts"]
    table = rows(run, path)
    assert len(table) == len(attempts) > 0
    for row, attempt in zip(table, attempts, strict=True):
        assert row["causes"] == ",".join(cause["name"] for cause in attempt["causes"])
        for name in row.keys() - {"causes"}:
            value = attempt[name]
            assert row[name] == ("" if value is None else str(value)), name
        for name in TIMES:
            assert attempt[name] is None or isinstance(attempt[name], int), name


def test_the_summary_is_the_sum_of_its_attempts(run, capture):
    report = json.loads(run("report", capture, "--format", "json").stdout)
    summary, attempts = report["summary"], report["attempts"]
    assert summary["attempts"] == len(attempts) == COUNT
    for outcome, count in summary["outcomes"].items():
        assert count == sum(attempt["outcome"] == outcome for attempt in attempts)
    for name, latency in summary["latency_ns"].items():
        values = [attempt[name + "_ns"] for attempt in attempts if attempt[name + "_ns"] is not None]
        assert latency["count"] == len(values)
        assert latency["min"] == (min(values) if values else None)
        assert latency["max"] == (max(values) if values else None)
    assert sorted(attempt["isn"] for attempt in attempts) == list(range(COUNT))


def test_a_folder_without_a_recording_says_so(run, tmp_path):
    done = run("report", tmp_path)
    assert one_line(done) == (f"synscope report: {tmp_path}: not a recording: the folder has no meta.json, no events.jsonl, "
                              "no packets.pcap and no parts\n")


# --fail-on drops: what was not observed is no pass

def without(folder, name):
    shutil.copytree(RECORDING, folder)
    (folder / name).unlink()
    return folder


def test_a_capture_alone_cannot_say_that_nothing_was_dropped(run, capture):
    result = run("report", capture, "--fail-on", "drops", "-f", "json")
    assert result.returncode == 4
    assert "drops could not be observed: a capture alone" in result.stderr.splitlines()[-1]
    summary = json.loads(result.stdout)["summary"]
    assert summary["drops_seen"] is None and summary["drops_unobserved"]
    text = run("report", capture)
    assert text.returncode == 0
    assert "dropped anything" not in text.stdout and "dropped nothing" not in text.stdout
    assert "whether and why a queue dropped" in " ".join(text.stdout.split())


@pytest.mark.parametrize("name", ["packets.pcap", "events.jsonl"])
def test_nor_can_half_a_recording(run, tmp_path, name):
    folder = without(tmp_path / "r", name)
    result = run("report", folder, "--fail-on", "drops", "-f", "json")
    report = json.loads(result.stdout)
    drops = sum(listener["drops"] or 0 for listener in report["listeners"])
    if report["summary"]["drops_seen"]:
        # The counters prove drops without the packets.
        assert name == "packets.pcap" and result.returncode == 3 and drops == 0
        return
    assert result.returncode == 4
    assert report["summary"]["drops_seen"] is None
    assert all(listener["drops"] is None for listener in report["listeners"])
    assert "was not observed" in " ".join(run("report", folder).stdout.split())


def test_a_whole_recording_still_can(run):
    assert run("report", RECORDING, "--fail-on", "drops").returncode == 3


def test_no_packets_are_no_verdict(run, tmp_path):
    path = tmp_path / "empty.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 96, 101))
    result = run("report", path, "--fail-on", "drops")
    assert result.returncode == 4
    assert "No connection attempt was seen: the capture has no packets." in result.stdout


def test_a_loss_that_is_told_early_makes_no_packet_late(synscope, capture, tmp_path):
    """The recorder says what the capture lost when it comes to know it; the packets around it are as good as ever."""
    start_ns = 1700000000 * 10**9
    shutil.copy(RECORDING / "meta.json", tmp_path)
    shutil.copy(capture, tmp_path / "packets.pcap")
    with open(tmp_path / "events.jsonl", "w", encoding="ascii") as file:
        for i in range(0, COUNT, 5):
            event = {"time_ns": start_ns + i * 250_000_000, "event": "sample", "source": "sampler", "cookie": 1, "before_ns": None,
                     "depth": 0, "limit": 5, "drops": 0}
            file.write(json.dumps(event) + "\n")
            if i == COUNT // 2:
                event = {"time_ns": event["time_ns"], "event": "loss", "source": "capture", "kind": "packets-kernel",
                         "count": 1}
                file.write(json.dumps(event) + "\n")
    report = json.loads(subprocess.run([synscope, "report", "-f", "json", tmp_path], stdout=subprocess.PIPE, timeout=60,
                                       check=True).stdout)
    assert report["source"]["late_events"] == 0
    assert report["summary"]["outcomes"]["established"] == COUNT
