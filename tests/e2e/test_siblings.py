"""SO_REUSEPORT siblings that leave or join while a recording runs.

The truth: what each socket dropped and how many wait in it, by sock_diag; what the kernel counted; and who accepted whom,
by the servers' own logs.
"""
import contextlib
import json
import pathlib
import socket
import struct

import pytest

import hosts
import kernel
from running import until

PORT, LISTEN = 8080, 10
SMALL = 2  # the backlog of the one that is stopped


@pytest.fixture(name="family", params=[4, 6], ids=["ipv4", "ipv6"])
def _family(request):
    return request.param


@pytest.fixture(name="begin", params=[(), ("--no-bpf",)], ids=["bpf", "no-bpf"])
def _begin(request, record):
    return lambda: record(PORT, interface="lo", options=("--fail-on", "drops", *request.param))


def address(family):
    return "127.0.0.1" if family == 4 else "::1"


def serve(host, family, backlog):
    return host.serve(address(family), PORT, backlog, "reuseport")


def come(family, count=32, wait_s=3.5):
    before = hosts.overflows()
    clients = hosts.Clients(None, address(family), PORT, count, wait_s=wait_s)
    until(lambda: hosts.overflows() > before, "the stopped one to drop something")
    return clients


def leave(server):
    server.kill()
    server.wait()


def socket_of(family):
    """The stopped one's, by its limit."""
    found, = [entry for entry in kernel.sockets(family, [LISTEN]) if entry["wqueue"] == SMALL]
    return found


def accepted_by(client):
    """The pids that the servers say accepted it."""
    return {entry["pid"] for log in hosts.witness.logs for line in pathlib.Path(log).read_text(encoding="ascii").splitlines()
            if (entry := json.loads(line))["client"] == client}


def check(run, stopped, overflows, sk_drops, others):
    """What holds of each report here: every drop is the stopped one's, and nobody has another's accept()."""
    report = run.stop()
    assert run.status == 3 and report["summary"]["drops_seen"] is True
    assert not hosts.causes(report["attempts"]) & {"discarded-before-queue", "unanswered-no-counter"}
    assert not [row for row in report["ledger"] if row["counter"].startswith("ListenOverflows") and row["unexplained"]]
    assert report["summary"]["cause_packets"]["accept-queue-full-syn"] == overflows
    assert sk_drops in (overflows, None)
    for listener in report["listeners"]:
        pids = {owner["pid"] for owner in listener["owners"]}
        if stopped.pid in pids:
            assert listener["drops"] + listener["group_drops"] == overflows, listener
            assert listener["drops"] == overflows or listener["closed"], listener
        else:
            assert listener["drops"] == 0 and listener["sk_drops"] in (0, None) and pids <= others, listener
            assert not listener["causes"].get("accept-queue-full-syn"), listener
    for attempt in report["attempts"]:
        took = accepted_by(attempt["client"])
        # A server that is killed may not have said so.
        killed = any(packet["kind"] == "rst-server" for packet in attempt["packets"])
        assert (attempt["outcome"] == "accepted") <= bool(took or killed), attempt
        assert attempt["accept_pid"] is None or attempt["accept_pid"] in took, (took, attempt)
        if took and attempt["listener"] is not None:
            owners = {owner["pid"] for owner in report["listeners"][attempt["listener"]]["owners"]}
            assert owners & took, (took, attempt)
    return report


@pytest.mark.parametrize("first", [True, False], ids=["older", "younger"])
def test_one_leaves_amid_drops(host, family, begin, first):
    """What the stopped one drops, before and after an idle sibling has left, is its own; who waits there, waits."""
    leaver = serve(host, family, 64) if first else None
    stopped = serve(host, family, SMALL)
    leaver = leaver or serve(host, family, 64)
    run, before = begin(), hosts.overflows()
    hosts.stopped(stopped)
    clients = come(family)
    leave(leaver)
    clients.results()
    truth = socket_of(family)
    report = check(run, stopped, hosts.overflows() - before, truth["drops"], {leaver.pid})
    waiting = [attempt for attempt in report["attempts"] if attempt["outcome"] == "waiting"]
    assert len(waiting) == truth["rqueue"] == SMALL + 1


def test_one_leaves_after_the_drops(host, family, begin):
    stopped, leaver = serve(host, family, SMALL), serve(host, family, 64)
    run, before = begin(), hosts.overflows()
    hosts.stopped(stopped)
    come(family).results()
    leave(leaver)
    truth = socket_of(family)
    report = check(run, stopped, hosts.overflows() - before, truth["drops"], {leaver.pid})
    assert len([attempt for attempt in report["attempts"] if attempt["outcome"] == "waiting"]) == truth["rqueue"]


def test_whose_queue_it_was(host, family, record):
    """Where the kernel tells of entries it tells of which of them, and so who was accepted: also of those that had left."""
    servers = [serve(host, family, 64) for _ in range(3)]
    run = record(PORT, interface="lo", options=("--fail-on", "drops"))
    for server in servers:
        hosts.stopped(server)
    patient = hosts.Clients(None, address(family), PORT, 24, wait_s=20)
    until(lambda: sum(entry["rqueue"] for entry in kernel.sockets(family, [LISTEN])) == 24, "all to wait")
    with contextlib.ExitStack() as gone:
        for _ in range(24):
            client = gone.enter_context(socket.create_connection((address(family), PORT)))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for server in servers:
        hosts.continued(server)
    patient.results()
    until(lambda: not any(entry["rqueue"] for entry in kernel.sockets(family, [LISTEN])), "all to be accepted")
    report = run.stop()
    if not report["recording"]["bpf"]["entries"]:
        pytest.skip("no BPF programs here")
    if any(attempt["listener"] is None for attempt in report["attempts"]):
        pytest.skip("this kernel does not tell of which sibling it was (sock:sk_data_ready)")
    assert len(report["attempts"]) == 48
    for attempt in report["attempts"]:
        assert attempt["outcome"] == "accepted", attempt
        owners = {owner["pid"] for owner in report["listeners"][attempt["listener"]]["owners"]}
        assert owners == accepted_by(attempt["client"]), attempt


def test_others_join(host, family, begin):
    """A SYN that was dropped by the only one comes again, and meets one of several."""
    stopped = serve(host, family, SMALL)
    run, before = begin(), hosts.overflows()
    hosts.stopped(stopped)
    clients = come(family)
    joined = [serve(host, family, 64) for _ in range(3)]
    clients.results()
    truth = socket_of(family)
    report = check(run, stopped, hosts.overflows() - before, truth["drops"], {server.pid for server in joined})
    assert any(attempt["outcome"] == "accepted" and attempt["syns"] > 1 for attempt in report["attempts"])


def test_rolling_restart(host, family, begin):
    """The old pair, one of them hung, is killed when the new pair listens."""
    stopped, old = serve(host, family, SMALL), serve(host, family, 64)
    run, before = begin(), hosts.overflows()
    hosts.stopped(stopped)
    clients = come(family, wait_s=5)
    new = [serve(host, family, 64) for _ in range(2)]
    leave(stopped)
    leave(old)
    clients.results()
    check(run, stopped, hosts.overflows() - before, None, {old.pid, *(server.pid for server in new)})
