"""What the ten questions of contrib/rows have to answer, by the report's own JSON."""
import json
import pathlib

OVERFLOW = pathlib.Path(__file__).resolve().parents[1] / "golden" / "recordings" / "overflow"
DROPS = ("accept-queue-full-syn", "accept-queue-full-ack", "syn-queue-full", "max-syn-backlog-reserve", "cookie-ack-dropped")


def check_answers(run, answers):
    """answers: {name: rows of text}, of a database that has the rows of OVERFLOW."""
    assert len(answers) == 10
    report = json.loads(run("report", "-f", "json", OVERFLOW).stdout)
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
