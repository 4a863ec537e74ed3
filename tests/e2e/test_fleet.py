"""docs/fleet.sql: PostgreSQL loads the rows, and the sums of the ten questions are the report's."""
import json
import os
import pathlib
import pwd
import re
import subprocess

import pytest

from running import until

TREE = pathlib.Path(__file__).resolve().parents[2]
OVERFLOW = TREE / "tests" / "golden" / "recordings" / "overflow"
DROPS = ("accept-queue-full-syn", "accept-queue-full-ack", "syn-queue-full", "max-syn-backlog-reserve", "cookie-ack-dropped")
BINARIES = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))


@pytest.fixture
def database(tmp_path):
    """query(SQL) -> rows as lists of text, of a PostgreSQL with a socket in a folder and no port."""
    if not BINARIES:
        pytest.skip("lacks postgres: scripts/packages install test")
    owner = pwd.getpwnam("postgres")
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    as_owner = []
    if os.geteuid() == 0:
        os.chown(data, owner.pw_uid, owner.pw_gid)
        as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    subprocess.run([*as_owner, BINARIES[-1] / "initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8"],
                   check=True, stdout=subprocess.DEVNULL, cwd="/")
    server = subprocess.Popen([*as_owner, BINARIES[-1] / "postgres", "-D", data, "-k", data, "-c", "listen_addresses=", "-c", "fsync=off"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    psql = [*as_owner, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", data, "-U", "tester", "-d", "postgres"]

    def query(text, stdin=None):
        done = subprocess.run([*psql, "-c", text], input=stdin, capture_output=True, text=True, timeout=60, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]

    until(lambda: subprocess.run([*psql, "-c", "select 1"], capture_output=True, check=False, cwd="/").returncode == 0, "PostgreSQL")
    yield query
    server.terminate()
    server.wait(60)


def test_ten_questions(run, database):
    text = (TREE / "docs" / "fleet.sql").read_text(encoding="ascii")
    setup, *questions = re.split(r"^-- question (\w+): .*$", text, flags=re.MULTILINE)
    answers = dict(zip(questions[0::2], questions[1::2]))
    assert len(answers) == 10
    database(setup)
    report = json.loads(run("report", "-f", "json", OVERFLOW).stdout)
    rows = run("report", "-f", "jsonl", OVERFLOW).stdout
    database("copy row (line) from stdin with (format csv, quote E'\\x01', delimiter E'\\x02')", stdin=rows)
    answers = {name: database(question) for name, question in answers.items()}
    summary, attempts = report["summary"], report["attempts"]
    dropped = sum(summary["cause_packets"][name] for name in DROPS)

    def total(name, column):
        return sum(int(line[column]) for line in answers[name])

    assert dropped > 0
    assert {o: int(n) for o, n in answers["outcomes"]} == {o: n for o, n in summary["outcomes"].items() if n}
    assert {c: (int(n), int(p)) for c, n, p in answers["causes"]} == {
        c: (n, summary["cause_packets"][c]) for c, n in summary["causes"].items() if n}
    for name, column in (("hosts", 1), ("listeners", 2), ("clients", 1)):
        assert total(name, column) == dropped, name
    assert total("minutes", 1) == summary["attempts"]
    for name, latency, column in (("connect", "connect", 1), ("waits", "accept_wait", 2)):
        assert total(name, column) == summary["latency_ns"][latency]["count"]
        assert max(int(line[-1]) for line in answers[name]) == summary["latency_ns"][latency]["max"]
    assert total("retransmissions", 1) == sum(a["syns"] - 1 for a in attempts) > 0
    assert total("unserved", 2) == sum(n for o, n in summary["outcomes"].items()
                                       if o not in ("accepted", "established", "joined", "waiting", "open"))
    # Text has all digits; a double has not.
    times = database("select line->>'syn_ns', extract(epoch from (line->'times'->>'syn')::timestamptz)::text from row limit 1")
    assert times[0][0][:16] == times[0][1].replace(".", "")[:16]
