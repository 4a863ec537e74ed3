"""--listener, --client, --outcome, --cause and --slower-than: what a report, rows and the live view are about.

The truth is the report of everything, whose attempts are chosen here.
"""
import json
import pathlib
import signal
import subprocess
import time

import pytest

from running import is_sandboxed, until

OVERFLOW = pathlib.Path(__file__).resolve().parents[1] / "golden" / "recordings" / "overflow"
UNFILTERED = ("rates", "listeners", "ledger", "advice", "losses", "source", "host")


def json_of(run, folder, *options, status=0):
    result = run("report", "-f", "json", *options, folder)
    assert result.returncode == status, result.stderr
    return json.loads(result.stdout)


def needed(attempt):
    """From the first SYN to accept(); these are all accepted."""
    return (attempt["accept_ns"] or attempt["accept_before_ns"]) - attempt["syn_ns"]


CASES = [
    (["--slower-than", "1.2s"], lambda a: needed(a) > 1_200_000_000),
    (["--cause", "cookie-ack-dropped"], lambda a: any(c["name"] == "cookie-ack-dropped" for c in a["causes"])),
    (["--outcome", "zombie,accepted"], lambda a: a["outcome"] in ("zombie", "accepted")),
    (["--outcome", "zombie"], lambda a: False),
    (["--client", "127.0.0.0/8", "--client", "192.0.2.1"], lambda a: True),
    (["--client", "127.0.0.2"], lambda a: False),
    (["--listener", "8080"], lambda a: True),
    (["--listener", "127.0.0.1:8080", "--slower-than", "500ms"], lambda a: needed(a) > 500_000_000),
    (["--listener", "127.0.0.2:8080", "--listener", "81"], lambda a: False),
]


@pytest.mark.parametrize("options, chosen", CASES)
def test_a_filtered_report_is_of_those_that_match(run, options, chosen):
    whole, some = json_of(run, OVERFLOW), json_of(run, OVERFLOW, *options)
    expected = [a for a in whole["attempts"] if chosen(a)]
    assert whole["filter"] is None
    assert some["attempts"] == expected
    assert some["summary"]["attempts"] == len(expected)
    assert some["filter"]["left_out"] == len(whole["attempts"]) - len(expected)
    for name in ("outcomes", "causes", "cause_packets"):
        assert sum(some["summary"][name].values()) == (
            len(expected) if name == "outcomes" else
            sum(c["packets"] if name == "cause_packets" else 1 for a in expected for c in a["causes"]))
    assert some["summary"]["latency_ns"]["connect"]["count"] == sum(a["connect_ns"] is not None for a in expected)
    for name in UNFILTERED:
        assert some[name] == whole[name], name
    assert some["summary"]["drops_seen"] is True
    words = some["filter"]["text"].split()
    assert sorted(words[0::2]) == sorted(options[0::2])


def test_each_format_says_what_it_covers(run):
    options = ("--cause", "cookie-ack-dropped")
    words = " ".join(options)

    def output(form, *more):
        result = run("report", "-f", form, *options, *more, OVERFLOW)
        assert result.returncode == 0, result.stderr
        return result.stdout

    text = " ".join(output("text").split())
    assert f"Filter: {words}: 4 of 8 connection attempts." in text
    assert "Ledger: the kernel's counters compared with the verdicts Of all attempts: the kernel's counters cannot be filtered." in text
    assert "Advice It rests on all attempts, not on the filtered ones alone." in text
    header, *lines = output("tsv").splitlines()
    assert header.split("\t")[-1] == "filter" and [line.split("\t")[-1] for line in lines] == [words] * 4
    assert [json.loads(line)["filter"] for line in output("jsonl").splitlines()] == [words] * 4
    page = output("html")
    assert f'"text":"{words}"' in page and '"left_out":4' in page
    nothing = " ".join(run("report", "--outcome", "zombie", OVERFLOW).stdout.split())
    assert "No connection attempt to this host matches the filter." in nothing


def test_fail_on_drops_is_of_all_attempts(run):
    assert run("report", "--fail-on", "drops", "--outcome", "zombie", OVERFLOW).returncode == 3


@pytest.mark.parametrize("option, value, expected", [
    ("--outcome", "zombi", "unknown name 'zombi'; choose accepted, established, "),
    ("--outcome", "zombie,", "unknown name ''"),
    ("--cause", "syn-cookie,queue", "unknown name 'queue'; choose accept-queue-full-syn, "),
    ("--client", "10.0.0.0/33", "expected ADDRESS or ADDRESS/BITS"),
    ("--listener", "0", "expected a port from 1 to 65535"),
    ("--slower-than", "soon", "expected a number with us, ms, s, m or h"),
])
@pytest.mark.parametrize("command", [("report", OVERFLOW), ("record", "-o", "/no/such"), ("watch",)], ids=lambda c: c[0])
def test_wrong_values_are_refused_in_one_line(run, command, option, value, expected):
    result = run(*command, option, value)
    assert result.returncode == 2
    line, hint = result.stderr.splitlines()
    assert line.startswith(f"synscope {command[0]}: {option}: ") and expected in line
    assert "--help" in hint


def test_rows_and_the_report_are_filtered_and_the_recording_is_not(synscope, run, traffic, overflow, folder, tmp_path):
    file = tmp_path / "rows.jsonl"
    process = subprocess.Popen([synscope, "record", "-f", "json", "-i", "lo", "-o", folder, "--rows", file, "--listener",
                                str(overflow.port), str(traffic.port), str(overflow.port)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: process.poll() is not None or is_sandboxed(process.pid), "recording")
    overflow()
    goal = len(traffic.clients) + 50
    until(lambda: len(traffic.clients) >= goal, "clients")
    time.sleep(1.2)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    live, whole = json.loads(output), json_of(run, folder)
    at_overflow = {a["client"] for a in whole["attempts"] if a["server"].endswith(f":{overflow.port}")}
    assert len(at_overflow) == 6 < len(whole["attempts"])
    assert {a["client"] for a in live["attempts"]} == at_overflow
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert {row["client"] for row in rows} == at_overflow
    assert {row["filter"] for row in rows} == {f"--listener {overflow.port}"}
    assert live["ledger"] == whole["ledger"]


def test_the_live_view_shows_the_worst_that_match(synscope, traffic, overflow):
    process = subprocess.Popen([synscope, "watch", "-f", "json", "-n", "200ms", "-i", "lo", "--listener", str(overflow.port),
                                str(traffic.port), str(overflow.port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: process.poll() is not None or is_sandboxed(process.pid), "watching")
        overflow()
        worst, objects = [], []
        while len(objects) < 50 and not (worst and len(objects) > 5):
            objects.append(json.loads(process.stdout.readline()))
            worst += objects[-1]["worst"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert {a["server"] for a in worst} == {f"127.0.0.1:{overflow.port}"}
    assert {o["filter"] for o in objects} == {f"--listener {overflow.port}"}
    assert any(listener["attempts"] for o in objects for listener in o["listeners"] if listener["port"] == traffic.port)
