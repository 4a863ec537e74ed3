"""A long run in parts: each is a recording of its own, and together they are the run."""
import json
import signal
import socket
import subprocess
import time

import pytest

from running import until


@pytest.fixture
def record(synscope, traffic):
    """record(folder, until it, options) -> its report and what it complained about."""

    def record_until(folder, condition, *options):
        process = subprocess.Popen([synscope, "record", "-f", "json", "-i", "lo", "-o", folder, *options,
                                    str(traffic.port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: condition() or process.poll() is not None, "parts")
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 0, errors
        return json.loads(output), errors

    return record_until


@pytest.fixture
def report(run):
    def read(path):
        result = run("report", "-f", "json", path)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout), result.stderr

    return read


def names(folder):
    """Of the parts; before the first one there is another file for a moment."""
    return sorted(path.name for path in folder.iterdir() if path.name.isdigit()) if folder.exists() else []


def unexpected(complaints):
    """Beside what a network namespace of its own always misses."""
    return [line for line in complaints.splitlines() if "proc: fork and exit events" not in line]


def test_the_parts_together_are_the_run(record, report, folder):
    live, _ = record(folder, lambda: len(names(folder)) >= 4, "--rotate-time", "1s")
    assert names(folder) == [f"{number:06}" for number in range(1, len(names(folder)) + 1)]
    whole, complaints = report(folder)
    assert unexpected(complaints) == []
    assert whole["summary"] == live["summary"]
    assert whole["ledger"] == live["ledger"]
    assert whole["attempts"] == live["attempts"]
    assert [l["limit"] for l in whole["listeners"]] == [64]
    assert whole["source"]["packets"] == live["source"]["packets"] > 0
    assert (whole["source"]["start_ns"], whole["source"]["kind"]) == (live["source"]["start_ns"], "recording")


def test_each_part_is_a_recording_of_its_own(record, report, folder):
    live, _ = record(folder, lambda: len(names(folder)) >= 4, "--rotate-time", "1s")
    packets, clients, end_ns = 0, set(), None
    for name in names(folder):
        part, complaints = report(folder / name)
        assert unexpected(complaints) == []
        packets += part["source"]["packets"]
        clients |= {attempt["client"] for attempt in part["attempts"]}
        assert len(part["attempts"]) > 0
        assert [l["limit"] for l in part["listeners"]] == [64], "the listener is not told again"
        assert all(row["observed"] is not None for row in part["ledger"])
        assert end_ns is None or end_ns <= part["source"]["start_ns"] + 100_000_000
        end_ns = part["source"]["end_ns"]
    assert packets == live["source"]["packets"]
    assert clients == {attempt["client"] for attempt in live["attempts"]}


def test_parts_open_in_other_tools(record, folder):
    record(folder, lambda: len(names(folder)) >= 3, "--rotate-time", "1s")
    for name in names(folder):
        part = folder / name
        meta = json.loads((part / "meta.json").read_text(encoding="utf-8"))
        assert sorted(path.name for path in part.iterdir()) == ["events.jsonl.zst", "meta.json", "packets.pcap.zst"]
        lines = subprocess.run(["zstdcat", part / "events.jsonl.zst"], capture_output=True, check=True).stdout
        assert lines.count(b"\n") == meta["events"] > 0
        assert all("event" in json.loads(line) for line in lines.splitlines())
        frames = subprocess.run(["tshark", "-r", part / "packets.pcap.zst", "-T", "fields", "-e", "frame.number"],
                                capture_output=True, check=True).stdout
        assert frames.count(b"\n") == meta["packets"]


def test_parts_are_plain_on_demand(record, report, folder):
    live, _ = record(folder, lambda: len(names(folder)) >= 2, "--rotate-time", "1s", "--compress", "none")
    assert sorted(path.name for path in (folder / "000001").iterdir()) == ["events.jsonl", "meta.json", "packets.pcap"]
    assert report(folder)[0]["summary"] == live["summary"]


def test_the_oldest_go(record, report, folder):
    live, _ = record(folder, lambda: names(folder) and names(folder)[-1] >= "000006",
                     "--rotate-size", "64K", "--keep", "2")
    assert len(names(folder)) == 2
    first, last = names(folder)
    assert int(last) == int(first) + 1
    assert 64 * 1024 <= sum(path.stat().st_size for path in (folder / first).iterdir()) < 256 * 1024
    whole, complaints = report(folder)
    assert f"begins with part {first}" in complaints
    assert 0 < whole["summary"]["attempts"] < live["summary"]["attempts"]


def test_a_recording_is_continued(record, report, folder):
    record(folder, lambda: len(names(folder)) >= 2, "--rotate-time", "1s")
    before = names(folder)
    kept = {name: sorted((path.name, path.stat().st_size) for path in (folder / name).iterdir()) for name in before}
    record(folder, lambda: len(names(folder)) >= len(before) + 2, "--rotate-time", "1s", "--append")
    assert names(folder)[:len(before)] == before
    assert names(folder)[len(before)] == f"{int(before[-1]) + 1:06}"
    for name, files in kept.items():
        assert sorted((path.name, path.stat().st_size) for path in (folder / name).iterdir()) == files
    assert len(report(folder / names(folder)[-1])[0]["listeners"]) == 1


def test_parts_of_an_earlier_run_are_removed_too(record, folder):
    record(folder, lambda: len(names(folder)) >= 3, "--rotate-time", "1s")
    last = names(folder)[-1]
    record(folder, lambda: names(folder)[0] > last, "--rotate-time", "1s", "--append", "--keep-time", "2s")
    assert names(folder)[0] > last


def test_a_part_with_an_incident_outlives_the_others(record, report, folder):
    """A listener whose queue holds one and that nobody accepts from: the kernel says that it dropped.

    Between two parts the counters are of neither: clients come until the incident is known, so that not all of them
    come there."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    clients = []

    def come():
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        clients.append(client)

    def over():
        marked = list(folder.glob("*/incident.json")) if folder.exists() else []
        if len(names(folder)) >= 2 and not marked:
            come()
        # What they repeat would mark the parts that follow.
        for client in clients if marked else ():
            client.close()
        return marked and int(names(folder)[-1]) >= int(marked[0].parent.name) + 6

    record(folder, over, "--rotate-time", "1s", "--keep", "2", "--keep-incidents", "5", str(listener.getsockname()[1]))
    marked = sorted(path.parent.name for path in folder.glob("*/incident.json"))
    incident = json.loads((folder / marked[0] / "incident.json").read_text(encoding="utf-8"))
    assert incident["schema"] == "synscope.incident/1" and incident["kind"] == "drop"
    dropping = [report(folder / name)[0] for name in marked]
    counted = [row for part in dropping for row in part["ledger"] if row["counter"] == "ListenDrops"]
    assert sum(row["observed"] for row in counted) > 0, "the kernel dropped nothing in the parts that are marked"
    assert dropping[0]["source"]["start_ns"] <= incident["time_ns"] <= dropping[0]["source"]["end_ns"]
    others = [name for name in names(folder) if name not in marked]
    assert 0 < len(others) <= 2 and int(others[0]) > int(marked[0]) + 1
    listener.close()


def rfc3339(ns):
    seconds, fraction = divmod(ns, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:09}Z"


@pytest.mark.parametrize("options", [["--rotate-time", "1s"], []], ids=["parts", "one"])
def test_a_period_is_reported_alone(record, run, traffic, folder, options):
    begun = time.time_ns()
    whole, _ = record(folder, lambda: time.time_ns() > begun + 5_000_000_000, *options)
    start_ns, end_ns = whole["source"]["start_ns"], whole["source"]["end_ns"]
    since, until = start_ns + (end_ns - start_ns) // 3, start_ns + (end_ns - start_ns) * 2 // 3
    result = run("report", "-f", "json", folder, "--since", rfc3339(since), "--until", rfc3339(until))
    assert result.returncode == 0, result.stderr
    period = json.loads(result.stdout)
    # A reading of the counters every 100 ms begins and ends it.
    assert since - 250_000_000 <= period["source"]["start_ns"] <= since + 1_000_000_000
    assert until <= period["source"]["end_ns"] <= until + 1_000_000_000
    inside = traffic.between(period["source"]["start_ns"], period["source"]["end_ns"])
    within = traffic.between(since + 200_000_000, until - 200_000_000)
    clients = {attempt["client"] for attempt in period["attempts"]}
    assert 0 < len(within) and within <= clients
    assert len(clients - inside) <= 2, "more than those at the two ends"
    assert [row for row in period["ledger"] if row["unexplained"]] == []
    assert [l["limit"] for l in period["listeners"]] == [64]
    assert 0 < period["source"]["packets"] < whole["source"]["packets"]
    relative = run("report", "-f", "json", folder, "--since", "-1s")
    last = json.loads(relative.stdout)
    assert end_ns - 1_300_000_000 <= last["source"]["start_ns"] <= end_ns
    assert last["source"]["end_ns"] == end_ns


def test_a_period_without_a_recording_is_said(record, run, folder):
    record(folder, lambda: len(names(folder)) >= 2, "--rotate-time", "1s")
    for period in (["--until", "2001-01-01"], ["--since", "2101-01-01"]):
        for path in (folder, folder / "000001", folder / "000001" / "packets.pcap.zst"):
            result = run("report", path, *period)
            assert result.returncode == 1 and "nothing was recorded in this period" in result.stderr, (period, path)
    result = run("report", folder, "--since", "half past three")
    assert result.returncode == 2 and "half past three" in result.stderr
    result = run("report", folder, "--since", "-1s", "--until", "-2s")
    assert result.returncode == 2 and "not later" in result.stderr


def test_parts_are_not_overwritten(record, run, traffic, folder):
    record(folder, lambda: len(names(folder)) >= 3, "--rotate-time", "1s")
    before = names(folder)
    for options in ((), ("--rotate-time", "1s")):
        result = run("record", "-o", folder, "-i", "lo", "-d", "100ms", *options, traffic.port)
        assert result.returncode == 1
        assert "already has a recording" in result.stderr
        assert names(folder) == before
    result = run("record", "-q", "-o", folder, "-i", "lo", "-d", "100ms", "--force", "--rotate-time", "1s", traffic.port)
    assert result.returncode == 0, result.stderr
    assert names(folder) == ["000001"]
    result = run("record", "-q", "-o", folder, "-i", "lo", "-d", "100ms", "--force", traffic.port)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["events.jsonl", "meta.json", "packets.pcap"]


@pytest.mark.parametrize("options", [["--keep", "3"], ["--rotate-size", "1K"], ["--rotate-size", "1MX"], ["--keep-time", "7d"], ["--append"],
                                     ["--rotate-time", "1s", "--keep-incidents", "3"],
                                     ["--rotate-time", "1ms"], ["--rotate-time", "1s", "--keep", "0"],
                                     ["--rotate-time", "1s", "--compress", "lzma"]])
def test_what_makes_no_sense_is_refused(run, folder, options):
    result = run("record", "-o", folder, *options, "80")
    assert result.returncode == 2
    assert "--keep" in result.stderr or any(word in result.stderr for word in ("--rotate", "--compress", "--append"))
    assert not folder.exists()


def test_a_part_that_is_missing_is_told(record, report, folder):
    record(folder, lambda: len(names(folder)) >= 4, "--rotate-time", "1s")
    for path in (folder / "000002").iterdir():
        path.unlink()
    (folder / "000002").rmdir()
    _, complaints = report(folder)
    assert "the part before 000003 is missing" in complaints
    # It was of a second or more.
    assert "between two of them nothing was recorded for" in complaints



@pytest.mark.parametrize("files", [(), ("events.jsonl.zst", "packets.pcap.zst")], ids=["none", "empty"])
def test_a_part_that_only_began_is_the_end(record, report, folder, files):
    """Killed while it makes the next part: meta.json comes last."""
    record(folder, lambda: len(names(folder)) >= 3, "--rotate-time", "1s")
    whole, _ = report(folder)
    last = folder / f"{int(names(folder)[-1]) + 1:06}"
    last.mkdir()
    for name in files:
        (last / name).touch()
    cut, complaints = report(folder)
    assert "the recording was interrupted" in complaints
    assert "unknown" not in complaints
    for name in ("attempts", "listeners", "ledger"):
        assert cut[name] == whole[name]
