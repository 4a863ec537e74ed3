"""Servers that know nothing of the program, brought to overflow and back under a recording.

Each is stopped, met by three times as many clients as its backlog, and let go. What the
report then says is held against what the server and the kernel say themselves.
"""
import json
import os
import subprocess
import time

import pytest

import servers
from netspace import IS_ROOT, Netspace
from running import peaks_of_full, until

BACKLOG = 8
CLIENTS = 3 * BACKLOG
STOP_S = 0.3
MS = 1_000_000

# The kernel tells of forks in the initial namespaces alone: these two have fixed numbers (PROC_*_INIT_INO).
SEES_FORKS = (IS_ROOT and os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"
              and os.readlink("/proc/self/ns/user") == "user:[4026531837]")


@pytest.fixture(name="space")
def _space():
    try:
        space = Netspace(**{"net.core.somaxconn": BACKLOG})
    except OSError as error:
        pytest.skip(str(error))
    yield space
    space.close()


@pytest.fixture(name="start")
def _start(space, tmp_path):
    """Starts a server of this class; it is gone after the test."""
    started = []

    def start(kind, folder=tmp_path):
        lacking = kind.lacking()
        assert not lacking, f"not installed, see scripts/packages: {lacking}"
        if kind.needs_root and not IS_ROOT:
            pytest.skip(f"{kind.__name__} takes root to start")
        started.append(kind(space, folder, BACKLOG))
        return started[-1]

    def end():
        started.pop().close()

    start.end = end
    yield start
    for server in started:
        server.close()


class Recording:
    """synscope record of one port, for the time of a with-block."""

    def __init__(self, synscope, space, folder, *arguments):
        self.synscope, self.folder = synscope, folder / "recording"
        command = [synscope, "record", "-q", "-o", self.folder, "-i", "lo", *arguments]
        # Who is not root cannot enter the namespace from outside of its user namespace.
        command = [*command, "--netns", str(space.pid)] if IS_ROOT else space.enter(*command)
        self.command = [*map(str, command), str(servers.PORT), "--", "sh", "-c", "echo up; exec cat"]

    def events(self, kind):
        """What was written by now; the last line may still be under way."""
        lines = (self.folder / "events.jsonl").read_text(encoding="ascii").split("\n")[:-1]
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "up\n"
        return self

    def __exit__(self, *exception):
        self.process.stdin.close()
        status = self.process.wait(60)
        self.process.stdout.close()
        assert status == 0 or exception[0]

    def report(self):
        done = subprocess.run([self.synscope, "report", self.folder, "-f", "json"], check=True,
                              capture_output=True, text=True)
        return json.loads(done.stdout)


def port_of(attempt):
    return int(attempt["client"].rsplit(":", 1)[1])


def check_who_served(server, attempts, claims, named):
    """Against the server's own word; named: each is known. A child that ended before anybody could look is not."""
    pids = {claim.port: claim.pid for claim in claims}
    by_port = {port_of(attempt): attempt for attempt in attempts}
    entered = {claim.pid: by_port[claim.port]["entered_ns"] for claim in claims if claim.port in by_port}
    for attempt in attempts:
        pid = pids[port_of(attempt)]
        if server.forks:
            assert attempt["accept_pid"] == server.pid, attempt
            if attempt["child_inferred"]:
                # By the order of entry; and that of a burst, on two processors, is not that of the capture.
                assert abs(entered[attempt["child_pid"]] - attempt["entered_ns"]) < MS, attempt
            else:
                assert attempt["child_pid"] == pid or (attempt["child_pid"] is None and not named), attempt
            if SEES_FORKS and attempt["child_pid"] is not None:
                assert attempt["accept_after_ns"] <= attempt["fork_ns"] < attempt["exit_ns"], attempt
        else:
            assert attempt["accept_pid"] == pid or (attempt["accept_pid"] is None and not named), attempt
            assert attempt["child_pid"] is None, attempt


def overflow(synscope, space, server, folder):
    """Stops it, fills its queue, lets it go: (the report, when it was let go, what the server says)."""
    with Recording(synscope, space, folder) as recording:
        before = space.counters()["ListenOverflows"]
        with server.stopped() as let_go_ns:
            clients = server.clients(synscope, CLIENTS, folder / "clients.jsonl")
            # All but those who have a place were turned away once, by their SYN or their final ACK.
            until(lambda: space.counters()["ListenOverflows"] - before >= CLIENTS - (BACKLOG + 1), "overflow")
            time.sleep(STOP_S)
        assert clients.wait(120) == 0
        until(lambda: len(server.claims()) >= CLIENTS, "the server to tell of its clients")
        if server.forks:
            until(lambda: not any(os.path.exists(f"/proc/{claim.pid}") for claim in server.claims()), "their children's end")
    return recording.report(), let_go_ns(), server.claims()


# Clients that retry together come within microseconds: on loopback two processors are at once at packets that were
# captured in another order, and now and then two histories of a burst have the same weight in all but these counters.
# The ledger says so.
DOUBTED = {"ListenOverflows", "ListenDrops", "TCPReqQFullDoCookies", "SyncookiesSent", "SyncookiesRecv"}
BURSTS = 3


def leaves_a_doubt(unexplained):
    return set(unexplained) <= DOUBTED and all(abs(count) <= 3 for count in unexplained.values())


@pytest.mark.parametrize("kind", servers.ALL, ids=lambda kind: kind.__name__.lower())
def test_overflow_is_told_as_the_server_and_the_kernel_tell_it(synscope, space, start, tmp_path, kind):
    # Another burst where one left a doubt; the first one is mostly enough.
    for more in reversed(range(BURSTS)):
        folder = tmp_path / str(more)
        folder.mkdir()
        folder.chmod(tmp_path.stat().st_mode)
        server = start(kind, folder)
        report, let_go_ns, claims = overflow(synscope, space, server, folder)
        unexplained = {row["counter"]: row["unexplained"] for row in report["ledger"] if row["unexplained"]}
        if not (more and unexplained and leaves_a_doubt(unexplained)):
            break
        start.end()
    attempts = report["attempts"]

    assert report["source"]["packets_dropped"] == 0
    assert unexplained == {}

    # Everybody was served in the end, each by whom the server says.
    assert sorted(map(port_of, attempts)) == sorted(claim.port for claim in claims)
    assert {attempt["outcome"] for attempt in attempts} == {"accepted"}
    listener, = report["listeners"]
    assert listener["limit"] == BACKLOG
    assert listener["queue_peak"] in peaks_of_full(BACKLOG)
    assert report["summary"]["causes"]["accept-queue-full-syn"] > 0
    assert (report["summary"]["causes"]["defer-accept"] > 0) == server.defers

    # Who was in the queue when the server was let go had waited until then.
    waited = [a for a in attempts if a["ack_ns"] and a["ack_ns"] < let_go_ns]
    assert len(waited) >= BACKLOG + 1
    for attempt in waited:
        assert attempt["accept_before_ns"] >= let_go_ns, attempt
        assert attempt["accept_wait_ns"] >= let_go_ns - attempt["ack_ns"], attempt
    for attempt in attempts:
        assert attempt["ack_ns"] <= attempt["accept_after_ns"] <= attempt["accept_before_ns"], attempt
    # Several processes accept, and a connection is over before anybody can look: then it is not known which.
    check_who_served(server, attempts, claims, named=False)
    if server.forks:
        assert sum(attempt["child_pid"] is not None for attempt in attempts) > len(attempts) / 2


@pytest.mark.parametrize("kind", servers.PREFORKED, ids=lambda kind: kind.__name__.lower())
def test_of_several_that_accept_the_one_is_named_that_has_it(synscope, space, start, tmp_path, kind):
    """Without privileges for it and without the server's help: while a connection is open, it is seen who has it."""
    server = start(kind)
    with Recording(synscope, space, tmp_path) as recording:
        with servers.holding(space, count=4):
            until(lambda: len({event["client"] for event in recording.events("holder")}) == 4, "each seen with somebody")
        until(lambda: len(server.claims()) == 4, "the server to tell of its clients")
    attempts = recording.report()["attempts"]
    assert len(attempts) == 4
    check_who_served(server, attempts, server.claims(), named=True)


@pytest.mark.parametrize("kind", servers.SHARED, ids=lambda kind: kind.__name__.lower())
def test_exact_accepts_name_who_accepted_also_what_is_over_at_once(synscope, space, start, tmp_path, kind):
    server = start(kind)
    with Recording(synscope, space, tmp_path, "--exact-accepts") as recording:
        assert server.clients(synscope, CLIENTS, tmp_path / "clients.jsonl").wait(120) == 0
        until(lambda: len(server.claims()) >= CLIENTS, "the server to tell of its clients")
    report = recording.report()
    source = report["recording"]["sources"]["bpf"]
    if not source["on"]:
        pytest.skip(source["note"])
    assert len(report["attempts"]) == CLIENTS
    check_who_served(server, report["attempts"], server.claims(), named=True)
    for attempt in report["attempts"]:
        assert attempt["ack_ns"] <= attempt["accept_ns"]


@pytest.mark.parametrize("who, says", [("no-such-name", "no-such-name"), ("0", "0"), ("../run", "../run"),
                                       ("999999999", "999999999")])
def test_a_namespace_that_is_not_there_is_one_line(run, tmp_path, who, says):
    done = run("record", "-o", tmp_path / "recording", "--netns", who, servers.PORT)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert not (tmp_path / "recording").exists()
