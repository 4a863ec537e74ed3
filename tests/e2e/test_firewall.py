"""A firewall of this host that rejects with a TCP reset: on the wire its RSTs look like the server's, or the
client's. The truth is the counter of the rule, and what the clients saw."""
import re
import subprocess
import time

import pytest

import kernel
from hosts import ADDRESSES, Clients, attempts_of, causes, continued, stack_up, stopped

PORT = 8080
CLIENTS = 3


def rejecting(hook, match):
    port = "dport" if hook == "input" else "sport"
    return f"chain r {{ type filter hook {hook} priority 0; tcp {port} {PORT} {match} counter reject with tcp reset; }};"


def rejected():
    """Packets that the rule has rejected."""
    done = subprocess.run(["nft", "list", "table", "inet", "test"], capture_output=True, text=True, check=True)
    return int(re.search(r"counter packets (\d+)", done.stdout).group(1))


# Where the rule is, what it rejects, what the client sees, and the outcome here.
REJECTED = {
    "SYN": ("input", "tcp flags & (syn|ack) == syn", "ConnectionRefusedError", "refused"),
    "final ACK": ("input", "tcp flags & (syn|ack|psh) == ack", "ConnectionResetError", "reset"),
    "data": ("input", "tcp flags & psh == psh", "connected", "accepted"),
    "SYN-ACK": ("output", "tcp flags & (syn|ack) == (syn|ack)", "TimeoutError", "unanswered"),
    "ACK of data": ("output", "tcp flags & (syn|ack|psh) == ack", "connected", "accepted"),
}


@pytest.mark.parametrize("family", (4, 6))
@pytest.mark.parametrize("what", REJECTED)
def test_a_firewall_resets(host, record, what, family):
    hook, match, error, outcome = REJECTED[what]
    peer = stack_up(host, "veth")
    mine = ADDRESSES[family][0]
    host.serve(mine, PORT, 16)
    Clients(peer, mine, PORT, 1).results()
    host.nat(rejecting(hook, match))
    recording = record(PORT, options=["--fail-on", "drops"])
    before = kernel.counters()
    clients = Clients(peer, mine, PORT, CLIENTS, wait_s=1.5).results()
    moved = kernel.moved(before)
    if outcome == "accepted":
        host.until_accepted(1 + CLIENTS)
    # A SYN that may still be answered is not said to be unanswered.
    time.sleep(3 if outcome == "unanswered" else 0)
    report = recording.stop()
    text = recording.text()
    assert rejected() >= CLIENTS
    assert {client["outcome"] for client in clients} == {error} and not any(c["heard"] for c in clients)
    attempts = attempts_of(report)
    assert {attempt["outcome"] for attempt in attempts} == {outcome}
    assert report["summary"]["drops_seen"] is False and recording.status == 0
    told = causes(attempts)
    assert not {"client-reset", "client-left", "unanswered-no-counter"} & told
    if hook == "input":
        assert "OutRsts" not in moved
    if what == "SYN":
        assert told == {"reset-in-front"}
        assert {advice["rule"] for advice in report["advice"]} == {"rejected-with-reset"}
        return
    assert "reset-in-front" in told and "server-reset" not in told
    assert "reset-in-front" in {advice["rule"] for advice in report["advice"]}
    assert "reset by the client" not in text and "reset by the server" not in text
    if what == "SYN-ACK":
        assert {attempt["synacks"] for attempt in attempts} == {0}
        assert "rejected the SYN-ACK" in text and "discarded-before-queue" not in told
        rows = {row["counter"]: row for row in report["ledger"]}
        assert rows["EmbryonicRsts"]["observed"] == rejected() and rows["EmbryonicRsts"]["unexplained"] == 0


@pytest.mark.parametrize("family", (4, 6))
def test_a_firewall_drops_what_follows_the_answer(host, record, family):
    """No setting of a queue or of TCP helps these clients, and their SYNs were answered."""
    peer = stack_up(host, "veth")
    mine = ADDRESSES[family][0]
    host.serve(mine, PORT, 16)
    Clients(peer, mine, PORT, 1).results()
    host.nat(f"chain r {{ type filter hook input priority 0; tcp dport {PORT} tcp flags & (syn|ack) == ack counter drop; }};")
    recording = record(PORT, options=["--fail-on", "drops"])
    clients = Clients(peer, mine, PORT, CLIENTS, wait_s=3).results()
    report = recording.stop()
    text = recording.text()
    assert rejected() >= 2 * CLIENTS and not any(client["heard"] for client in clients)
    assert report["summary"]["drops_seen"] is False and recording.status == 0
    attempts = attempts_of(report)
    assert len(attempts) == CLIENTS and not {"accepted", "unanswered"} & {attempt["outcome"] for attempt in attempts}
    assert all(attempt["syns"] == 1 and attempt["synacks"] for attempt in attempts)
    rules = [advice["rule"] for advice in report["advice"]]
    assert not {"abort-on-overflow", "abort-cannot-help", "backlog-binds", "somaxconn-binds"} & set(rules)
    assert rules.count("queue-innocent") == 1
    assert "got no answer" not in text and "unless the queue gets room" not in text
    assert "did not reach TCP" in text


@pytest.mark.parametrize("family", (4, 6))
def test_a_firewall_resets_beside_the_server(host, record, family):
    """OutRsts moves for another port meanwhile: who sent the RST is not known, and not said."""
    peer = stack_up(host, "veth")
    mine = ADDRESSES[family][0]
    host.serve(mine, PORT, 16)
    Clients(peer, mine, PORT, 1).results()
    host.nat(rejecting(*REJECTED["final ACK"][:2]))
    recording = record(PORT)
    before = kernel.counters()
    refused = Clients(peer, mine, PORT + 1, 40, gap_s=0.01)
    clients = Clients(peer, mine, PORT, CLIENTS, gap_s=0.1, wait_s=1.5).results()
    assert {client["outcome"] for client in refused.results()} == {"ConnectionRefusedError"}
    report = recording.stop()
    assert {client["outcome"] for client in clients} == {"ConnectionResetError"}
    assert rejected() >= CLIENTS and kernel.moved(before)["OutRsts"] == 40
    attempts = [attempt for attempt in attempts_of(report) if attempt["outcome"] == "reset"]
    assert len(attempts) == CLIENTS
    assert not [cause for attempt in attempts for cause in attempt["causes"]
                if cause["name"] == "server-reset" and cause["confidence"] == "exact"]


@pytest.mark.parametrize("family", (4, 6))
def test_a_firewall_resets_what_waits(host, record, family):
    """In the client's name: the connection waits as a ghost, and its client has not left."""
    peer = stack_up(host, "veth")
    mine = ADDRESSES[family][0]
    server = host.serve(mine, PORT, 16)
    Clients(peer, mine, PORT, 1).results()
    host.nat(rejecting(*REJECTED["ACK of data"][:2]))
    recording = record(PORT)
    stopped(server)
    clients = Clients(peer, mine, PORT, CLIENTS, wait_s=1.5).results()
    continued(server)
    time.sleep(0.2)
    report = recording.stop()
    assert {client["outcome"] for client in clients} == {"connected"} and rejected() >= CLIENTS
    attempts = attempts_of(report)
    assert {attempt["client_left_ns"] for attempt in attempts} == {None}
    assert not {"client-reset", "client-left", "server-reset"} & causes(attempts)
    assert {"reset-in-front"} <= causes(attempts)
    assert "the client had reset it" not in recording.text()


@pytest.fixture
def policies(namespace):
    yield
    subprocess.run(["ip", "xfrm", "policy", "flush"], check=False, capture_output=True)


def protect(source, target, direction, *what):
    """An IPsec policy for TCP between these two."""
    done = subprocess.run(["ip", "xfrm", "policy", "add", "src", source, "dst", target, "proto", "tcp", "dir", direction,
                           *what], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no IPsec here: {done.stderr}")


def newcomers(report):
    """Clients of another test may still have requests, whose SYN-ACKs are not acknowledged."""
    return [attempt for attempt in attempts_of(report) if not attempt["began_before"]]


REQUIRED = ("tmpl", "proto", "esp", "mode", "transport", "level", "required")


@pytest.mark.parametrize("family", (4, 6))
@pytest.mark.parametrize("stopped_by", ("rule", "policy"))
def test_the_answer_is_stopped_on_its_way_out(host, record, policies, stopped_by, family):
    """The kernel has the request, and the client hears nothing: no filter of the listener's, and no queue."""
    peer = stack_up(host, "veth")
    mine, theirs = ADDRESSES[family]
    host.serve(mine, PORT, 16)
    Clients(peer, mine, PORT, 1).results()
    if stopped_by == "rule":
        host.nat(f"chain r {{ type filter hook output priority 0; tcp sport {PORT} counter drop; }};")
    else:
        protect(mine, theirs, "out", *REQUIRED)
    recording = record(PORT, options=["--fail-on", "drops"])
    before = kernel.counters()
    clients = Clients(peer, mine, PORT, CLIENTS, wait_s=1.5).results()
    moved = kernel.moved(before)
    time.sleep(3)
    report = recording.stop()
    assert {client["outcome"] for client in clients} == {"TimeoutError"}
    assert (rejected() if stopped_by == "rule" else moved["XfrmOutNoStates"]) >= CLIENTS
    attempts = newcomers(report)
    assert {attempt["outcome"] for attempt in attempts} == {"unanswered"}
    assert recording.status == 0
    # Where the machine is busy, a look may come when the request is gone.
    assert "answer-stopped" in causes(attempts)
    assert not [cause for attempt in attempts for cause in attempt["causes"] if cause["confidence"] == "exact"]
    assert {advice["rule"] for advice in report["advice"]} >= {"answer-stopped"}


@pytest.mark.parametrize("family", (4, 6))
@pytest.mark.parametrize("policy", ("block", "required", "block out"))
def test_an_ipsec_policy_discards(host, record, policies, policy, family):
    """What may not leave counts as a missing route does, and no route is missing."""
    peer = stack_up(host, "veth")
    mine, theirs = ADDRESSES[family]
    host.serve(mine, PORT, 16)
    Clients(peer, mine, PORT, 1).results()
    if policy == "block out":
        protect(mine, theirs, "out", "action", "block")
    else:
        protect(theirs, mine, "in", *(("action", "block") if policy == "block" else REQUIRED))
    recording = record(PORT, options=["--fail-on", "drops"])
    before = kernel.counters()
    clients = Clients(peer, mine, PORT, CLIENTS, wait_s=0.8).results()
    moved = kernel.moved(before)
    time.sleep(2)
    report = recording.stop()
    assert {client["outcome"] for client in clients} == {"TimeoutError"}
    counter = {"block": "XfrmInPolBlock", "required": "XfrmInTmplMismatch", "block out": "XfrmOutPolBlock"}[policy]
    # More, where a client that is held up sends its SYN again.
    assert moved[counter] >= CLIENTS and recording.status == 0
    attempts = newcomers(report)
    assert len(attempts) == CLIENTS and causes(attempts) == {"discarded-before-queue"}
    assert "IPsec" in recording.text()
