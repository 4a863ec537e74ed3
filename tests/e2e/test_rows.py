"""record --rows and watch --rows: one line an attempt as it ends, whatever becomes of the file.

The truth is the report of the recording that the same run left, and the clients.
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from running import is_sandboxed, until

@pytest.fixture
def place(tmp_path):
    """A folder that another user may enter."""
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    return tmp_path


CONFIDENCE = {"exact": 0, "bounded": 1, "inferred": 2}


@pytest.fixture
def start(synscope, namespace):
    """Starts the program; it observes when this returns."""
    started = []

    def start_program(*arguments, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen([synscope, *map(str, arguments)], text=True, **options)
        started.append(process)
        until(lambda: is_sandboxed(process.pid) or process.poll() is not None, "recording")
        return process

    yield start_program
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def end(process, status=0):
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == status, errors
    return output, errors


def rows_of(text):
    """Every line is a whole row."""
    assert not text or text.endswith("\n")
    rows = [json.loads(line) for line in text.splitlines()]
    assert all(row["schema"] == "synscope.attempt/1" for row in rows)
    return rows


def more_clients(traffic, count):
    goal = len(traffic.clients) + count
    until(lambda: len(traffic.clients) >= goal, "clients")


def unexpected(complaints):
    return [line for line in complaints.splitlines() if "proc: fork and exit events" not in line]


def key(row):
    return row["client"], row["server"], row["isn"]


def check_against_report(run, folder, rows):
    """The same attempts and outcomes; a cause that rests on the ledger is inferred at most while it is not known."""
    result = run("report", "-f", "jsonl", folder)
    assert result.returncode == 0, result.stderr
    reported = {key(row): row for row in rows_of(result.stdout)}
    live = {key(row): row for row in rows}
    assert len(live) == len(rows) and live.keys() == reported.keys()
    for one, row in live.items():
        other = reported[one]
        for name in ("host", "time", "times", "outcome", "role", "syn_ns", "syns", "synack_ns", "ack_ns", "end_ns", "connect_ns"):
            assert row[name] == other[name], (name, row, other)
        assert [c["name"] for c in row["causes"]] == [c["name"] for c in other["causes"]]
        for ours, theirs in zip(row["causes"], other["causes"]):
            assert CONFIDENCE[ours["confidence"]] >= CONFIDENCE[theirs["confidence"]]
    return reported


def test_the_rows_are_those_of_the_report(start, run, traffic, overflow, folder, tmp_path):
    file = tmp_path / "rows.jsonl"
    process = start("record", "-q", "-i", "lo", "-o", folder, "--rows", file, traffic.port, overflow.port)
    overflow()
    more_clients(traffic, 200)
    # As they end, not at the end.
    until(lambda: file.read_text().count("\n") >= 100, "rows")
    end(process)
    rows = rows_of(file.read_text())
    reported = check_against_report(run, folder, rows)
    assert {client for _, client in traffic.clients} >= {client for client, server, _ in reported if server.endswith(f":{traffic.port}")}
    assert any(row["causes"] for row in rows)
    assert file.stat().st_mode & 0o777 == 0o640
    boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    for row in rows:
        assert (row["host"]["hostname"], row["host"]["boot_id"]) == (socket.gethostname(), boot_id)
        seconds, ns = divmod(row["syn_ns"], 1_000_000_000)
        assert row["times"]["syn"] == row["time"] == time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ns:09}Z"


def test_rows_are_appended(start, traffic, folder, tmp_path):
    """Behind what is there; a line that a crash cut short is ended first."""
    file = tmp_path / "rows.jsonl"
    file.write_text('{"before": 1}\n{"cut sho')
    process = start("record", "-q", "-i", "lo", "-o", folder, "--rows", file, traffic.port)
    more_clients(traffic, 20)
    end(process)
    before, cut, *rows = file.read_text().splitlines()
    assert (before, cut) == ('{"before": 1}', '{"cut sho')
    assert len(rows) >= 19 and all(json.loads(row) for row in rows)


def test_watch_writes_rows_too(start, traffic, tmp_path):
    tmp_path.chmod(0o755)
    file = tmp_path / "rows.jsonl"
    process = start("watch", "-q", "-n", "200ms", "-i", "lo", "--rows", file, traffic.port)
    began = time.time_ns()
    more_clients(traffic, 50)
    ended = time.time_ns()
    output, _ = end(process)
    assert output.startswith("time=")
    assert traffic.between(began, ended - 100_000_000) <= {row["client"] for row in rows_of(file.read_text())}


def test_a_hang_up_opens_the_file_again(start, traffic, folder, place):
    """As logrotate does it: the file gets another name, a new one is made for who writes it, and SIGHUP is sent."""
    file, old = place / "rows.jsonl", place / "rows.jsonl.1"
    process = start("record", "-q", "-i", "lo", "-o", folder, "--rows", file, traffic.port)
    began = time.time_ns()
    more_clients(traffic, 50)
    os.rename(file, old)
    file.touch(mode=0o640)
    os.chown(file, old.stat().st_uid, old.stat().st_gid)
    process.send_signal(signal.SIGHUP)
    until(lambda: file.stat().st_size > 0, "the new file")
    length = old.stat().st_size
    more_clients(traffic, 50)
    ended = time.time_ns()
    _, errors = end(process)
    assert unexpected(errors) == []
    assert old.stat().st_size == length
    rows = rows_of(old.read_text()) + rows_of(file.read_text())
    assert traffic.between(began, ended - 100_000_000) <= {row["client"] for row in rows}
    assert len({key(row) for row in rows}) == len(rows)


def test_a_file_that_cannot_be_opened_again(start, traffic, folder, place):
    """The rows go on where they were, with one line that says so."""
    inner = place / "log"
    inner.mkdir()
    file = inner / "rows.jsonl"
    process = start("record", "-q", "-i", "lo", "-o", folder, "--rows", file, traffic.port)
    more_clients(traffic, 10)
    os.rename(inner, place / "gone")
    process.send_signal(signal.SIGHUP)
    more_clients(traffic, 50)
    _, errors = end(process)
    line, = unexpected(errors)
    assert line.startswith(f"synscope record: --rows: cannot reopen {file}: No such file or directory")
    assert len(rows_of((place / "gone" / "rows.jsonl").read_text())) >= 50


def test_standard_output_is_the_rows_alone(start, run, traffic, folder):
    process = start("record", "-i", "lo", "-o", folder, "--rows", "-", traffic.port)
    more_clients(traffic, 30)
    # Fewer bytes than a pipe holds.
    output, errors = end(process)
    check_against_report(run, folder, rows_of(output))
    assert "attempts" in errors and "Ledger" in errors, "the report is for people"


@pytest.mark.parametrize("command", [("record", "-o", "FOLDER"), ("watch",)])
def test_two_formats_on_standard_output_are_refused(run, folder, command):
    command = [str(folder) if word == "FOLDER" else word for word in command]
    result = run(*command, "-i", "lo", "-d", "100ms", "-f", "json", "--rows", "-", "1")
    assert result.returncode == 2
    assert "--rows - and --format json both write to standard output" in result.stderr.splitlines()[0]
    assert not folder.exists()


def test_a_file_that_cannot_be_made_is_refused_at_once(run, namespace, folder):
    result = run("record", "-q", "-i", "lo", "-d", "100ms", "-o", folder, "--rows", "/no/such/folder/rows", "1")
    assert result.returncode == 1
    assert result.stderr == "synscope record: --rows: /no/such/folder/rows: No such file or directory\n"
    assert not folder.exists()


def test_a_reader_that_leaves(start, run, traffic, folder):
    """One line at once, one with the count; the recording is whole."""
    process = start("record", "-q", "-i", "lo", "-o", folder, "--rows", "-", traffic.port)
    began = time.time_ns()
    more_clients(traffic, 20)
    assert json.loads(process.stdout.readline())
    process.stdout.close()
    more_clients(traffic, 100)
    ended = time.time_ns()
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    errors = process.stderr.read()
    assert process.wait(60) == 0, errors
    first, last = unexpected(errors)
    assert first == "synscope record: --rows: standard output: its reader is gone; everything else goes on, rows may be lost"
    assert last.startswith("synscope record: --rows: standard output: ") and "rows were not written: its reader is gone" in last
    report = json.loads(run("report", "-f", "json", folder).stdout)
    assert traffic.between(began, ended - 100_000_000) <= {a["client"] for a in report["attempts"]}


def test_a_reader_that_stands_still_holds_nobody_up(start, run, traffic, folder, tmp_path):
    """A FIFO that is opened and not read: the recording goes on, rows wait, and come whole when it is read."""
    tmp_path.chmod(0o755)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    process = start("record", "-q", "-i", "lo", "-o", folder, "--rows", fifo, traffic.port)
    began = time.time_ns()
    more_clients(traffic, 300)  # more than the 64 KiB of a pipe
    ended = time.time_ns()
    process.send_signal(signal.SIGTERM)
    pieces = []
    while True:
        piece = os.read(reader, 65536)
        if not piece:
            break
        pieces.append(piece)
    os.close(reader)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and unexpected(errors) == []
    rows = rows_of(b"".join(pieces).decode())
    assert traffic.between(began, ended - 100_000_000) <= {row["client"] for row in rows}
    check_against_report(run, folder, rows)


def test_a_full_disk_costs_rows_alone(synscope, run, traffic, folder, tmp_path):
    """No line is torn: what was begun is ended when there is room again."""
    tmp_path.chmod(0o755)
    mount = tmp_path / "disk"
    mount.mkdir()
    script = f"""
        mount -t tmpfs -o size=64k,mode=1777 none "{mount}"
        "{synscope}" record -q -i lo -o "{folder}" --rows "{mount}/rows" {traffic.port} & pid=$!
        trap 'kill $pid' TERM
        while ! [ -e "{tmp_path}/room" ]; do sleep 0.05; stat -f -c %f "{mount}" > "{tmp_path}/free.new"; mv "{tmp_path}/free.new" "{tmp_path}/free"; done
        mount -o remount,size=8m "{mount}"; : > "{tmp_path}/roomy"
        while ! [ -e "{tmp_path}/over" ]; do sleep 0.05; done
        kill $pid; wait $pid; echo $? > "{tmp_path}/status"; cp "{mount}/rows" "{tmp_path}/rows" """
    shell = subprocess.Popen(["unshare", "--mount", "sh", "-c", script], stderr=subprocess.PIPE, text=True)
    until(lambda: (tmp_path / "free").exists() and (tmp_path / "free").read_text().strip() == "0", "a full disk")
    began = time.time_ns()
    more_clients(traffic, 50)
    ended = time.time_ns()
    (tmp_path / "room").touch()
    until((tmp_path / "roomy").exists, "room")
    more_clients(traffic, 100)
    (tmp_path / "over").touch()
    _, errors = shell.communicate(timeout=60)
    lines = unexpected(errors)
    assert lines[0] == (f"synscope record: --rows: {mount}/rows: No space left on device; everything else goes on, "
                        "rows may be lost")
    rows = rows_of((tmp_path / "rows").read_text())
    assert len(rows) > 100
    report = json.loads(run("report", "-f", "json", folder).stdout)
    recorded = {a["client"] for a in report["attempts"]}
    assert traffic.between(began, ended) <= recorded
    lost = len(report["attempts"]) - len(rows)
    assert lost >= 0
    status = int((tmp_path / "status").read_text())
    if lost:
        assert f"{lost} of {len(report['attempts'])} rows were not written: No space left on device" in lines[-1]
    assert status == (1 if lost else 0)
