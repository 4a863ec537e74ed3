"""The demo against the truth: what its own clients saw, and what the kernel counted."""
import datetime
import json
import os
import statistics
import subprocess

import pytest

from running import peaks_of_full

MS = 1_000_000


def run_demo(run, folder, *options):
    result = run("demo", "--format", "json", "-o", folder, *options, timeout=120)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    clients = [json.loads(line) for line in (folder / "clients.jsonl").read_text().splitlines()]
    return report, clients


def check_clients(report, clients):
    """Every connection: connected or not, the number of SYNs, connect time.

    A client learns of its SYN-ACK no earlier than the capture, and mostly within 1 ms: it may wait for a processor.
    """
    later_ns = []
    attempts = {attempt["client"]: attempt for attempt in report["attempts"]}
    assert len(attempts) == len(report["attempts"]) == len(clients)
    for client in clients:
        attempt = attempts[client["client"]]
        assert attempt["syns"] == client["syns"]
        assert (attempt["ack_ns"] is not None) == (client["connected_ns"] is not None)
        if client["connected_ns"] is not None:
            connect_ns = client["connected_ns"] - client["start_ns"]
            later_ns.append(connect_ns - attempt["connect_ns"])
        if client["error"] is None:
            assert attempt["outcome"] == "accepted"
    assert min(later_ns) >= 0
    assert statistics.median(later_ns) < MS


def check_ledger(report):
    rows = {row["counter"]: row for row in report["ledger"]}
    assert len(rows) == len(report["ledger"]) >= 11
    for row in rows.values():
        assert row["observed"] is not None
        assert row["unexplained"] == 0, row
        assert sum(part["count"] for part in row["parts"]) == row["explained"]
    return rows


def check_fork_times(report):
    for attempt in report["attempts"]:
        if attempt["outcome"] != "accepted":
            continue
        assert attempt["child_pid"] > 0
        assert attempt["ack_ns"] - attempt["accept_ns"] < MS
        assert attempt["fork_ns"] >= attempt["accept_ns"]
        assert attempt["accept_after_ns"] <= attempt["accept_ns"] <= attempt["accept_before_ns"]


@pytest.fixture(scope="module")
def overflow(synscope, tmp_path_factory):
    """The default scenario, recorded once for the tests that look at it.

    In a burst the place that accept() makes is given away while accept() still returns, and where its
    report is held up the sums say that it was given to another: then it is recorded again, twice at most.
    """

    def run(*arguments, **options):
        return subprocess.run([synscope, *map(str, arguments)], capture_output=True, text=True,
                              check=False, **options)

    for more in reversed(range(3)):
        folder = tmp_path_factory.mktemp("demo") / "recording"
        report, clients = run_demo(run, folder)
        doubts = [row for row in report["ledger"] if row["unexplained"]]
        if not (more and (doubts or report["listeners"][0]["disagreements"])):
            break
    return folder, report, clients


def test_overflow_agrees_with_the_clients(overflow):
    _, report, clients = overflow
    assert len(clients) == 60
    check_clients(report, clients)
    check_fork_times(report)


def test_overflow_fills_the_queue_and_balances(overflow):
    _, report, _ = overflow
    listener = report["listeners"][0]
    assert (listener["backlog"], listener["limit"], listener["capacity"]) == (5, 5, 6)
    assert listener["queue_peak"] in peaks_of_full(5)
    assert listener["disagreements"] == 0
    assert listener["full_ns"] > 0 and listener["full_episodes"]
    rows = check_ledger(report)
    assert rows["ListenOverflows"]["observed"] >= 40
    assert listener["drops"] == rows["ListenOverflows"]["explained"]
    dropped = [a for a in report["attempts"]
               if "accept-queue-full-syn" in [c["name"] for c in a["causes"]]]
    assert len(dropped) >= 40
    for attempt in dropped:
        assert attempt["syns"] >= 2
        assert attempt["connect_ns"] > 900 * MS


def test_live_and_replayed_are_one_report(overflow, run, tmp_path):
    folder, report, _ = overflow
    for more in range(2):
        if not report["source"]["late_events"]:
            break
        # What came too late for the live report is in its place in the recording: another one.
        folder = tmp_path / str(more)
        report, _ = run_demo(run, folder)
    replayed = run("report", folder, "-f", "json")
    assert replayed.returncode == 0, replayed.stderr
    other = json.loads(replayed.stdout)
    assert report["source"].pop("kind") == "live"
    assert other["source"].pop("kind") == "recording"
    assert other == report
    report["source"]["kind"] = "live"


def test_fail_on_drops(overflow, run):
    folder, _, _ = overflow
    assert run("report", folder, "--fail-on", "drops").returncode == 3
    assert run("report", folder).returncode == 0


def test_text_answers_first_and_teaches_the_handshake(overflow, run):
    folder, _, _ = overflow
    text = run("report", folder).stdout
    assert "60 connection attempts" in text.split("\n\n")[1]
    assert "Its accept queue holds 6 (limit 5, set by the listen() backlog" in " ".join(text.split())
    assert "The handshake does not wait for accept()" in text
    assert "The verdicts explain every counter." in text
    assert max(map(len, text.splitlines())) <= 100


def test_text_fits_a_small_screen(overflow, run):
    """The answer, what it cost and what to do stand in the first 24 lines; equal attempts in one paragraph."""
    folder, report, _ = overflow
    environment = {**os.environ, "COLUMNS": "80", "TZ": "CET-1"}
    lines = run("report", folder, env=environment).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    head = "\n".join(lines[:24])
    assert "Cost: " in head and "What to do: " in head and "dropped" in head
    assert len([line for line in lines if line.startswith(("* ", "• ")) and ":" in line]) < len(report["attempts"]) / 2
    assert any(line.strip().endswith("like this") or " attempts like this" in line for line in lines)
    # Times of day stand beside the offsets, in the zone that the title names; --utc is another.
    first = datetime.datetime.fromtimestamp(report["source"]["start_ns"] // 10**9, datetime.timezone.utc)
    title = " ".join(lines[:3])
    assert f"{first + datetime.timedelta(hours=1):%F %T} UTC+01:00" in title
    utc = run("report", folder, "--utc", env=environment).stdout
    assert f"{first:%F %T} UTC," in " ".join(utc.split())
    # In full every one of the worst has its own paragraph.
    full = run("report", folder, "--full", env=environment).stdout
    assert "attempts like this" not in full and "The 10 worst attempts" in full


def test_other_tools_open_the_recording(overflow):
    folder, report, _ = overflow
    packets = subprocess.run(["tshark", "-r", folder / "packets.pcap", "-T", "fields", "-e", "frame.number"],
                             capture_output=True, text=True, check=True).stdout.split()
    assert len(packets) == report["source"]["packets"]
    accepts = subprocess.run(["jq", "-c", "select(.event == \"accept\") | .client", folder / "events.jsonl"],
                             capture_output=True, text=True, check=True).stdout.split()
    assert len(accepts) == report["summary"]["outcomes"]["accepted"]


def test_the_advised_backlog_drops_nothing(overflow, run, tmp_path):
    _, report, _ = overflow
    advice = [a for a in report["advice"] if a["rule"] == "backlog-binds"]
    assert len(advice) == 1
    backlog = int(advice[0]["text"].split("With a backlog of ")[1].split()[0])
    sized, clients = run_demo(run, tmp_path / "sized", "--backlog", backlog, "--fail-on", "drops")
    check_clients(sized, clients)
    check_ledger(sized)
    assert sized["listeners"][0]["drops"] == 0
    assert {a["syns"] for a in sized["attempts"]} == {1}


@pytest.mark.parametrize("model", ["iterative", "thread"])
def test_other_models(model, run, tmp_path):
    report, clients = run_demo(run, tmp_path / "recording", "--model", model, "-n", 12, "-b", 3, "-c", 3,
                               "-s", "60ms", "-t", "8s")
    check_clients(report, clients)
    check_ledger(report)
    assert report["listeners"][0]["queue_peak"] in peaks_of_full(3)
    assert all(a["fork_ns"] is None and a["child_pid"] is None for a in report["attempts"])


def test_all_models_side_by_side(run, tmp_path):
    result = run("demo", "--model", "all", "-n", 20, "-b", 3, "-c", 4, "-s", "50ms", "-t", "6s",
                 "-o", tmp_path / "all")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    rows = {line.split()[0]: line.split() for line in lines if line.strip() and line.startswith("  ")}
    assert {"fork", "iterative", "thread"} <= set(rows)
    for model in ("fork", "iterative", "thread"):
        report = run("report", tmp_path / "all" / model, "-f", "json")
        assert json.loads(report.stdout)["summary"]["attempts"] == int(rows[model][1])


def test_a_recording_is_not_overwritten(overflow, run):
    folder, _, _ = overflow
    before = (folder / "events.jsonl").stat().st_size
    result = run("demo", "-o", folder, "-n", 2)
    assert result.returncode == 1
    assert "--force" in result.stderr and str(folder) in result.stderr
    assert (folder / "events.jsonl").stat().st_size == before


def test_wrong_usage_is_one_line_and_status_2(run):
    for arguments in (["--model", "x"], ["--backlog", "-1"], ["--clients", "0"], ["--format", "x"], ["extra"],
                      ["--fail-on", "y"]):
        result = run("demo", *arguments)
        assert result.returncode == 2
        assert result.stderr.count("\n") == 2, result.stderr
        assert result.stdout == ""
