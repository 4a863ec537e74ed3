"""Why nobody called accept(): real processes that are stopped, out of descriptors, blocked, or know of nothing.

Each is recorded, must be named with its evidence, and then the advice is followed: the clients' own
account says whether more of them were served, or sooner. Where a larger backlog does not help, it is tried.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from advising import Clients, end_group, free_port, is_listened_at, record
from running import until
from terminal import Terminal

SERVER = """
import os, resource, socket, sys, threading, time
mode, backlog = sys.argv[1], int(sys.argv[2])
listener = socket.create_server(("127.0.0.1", int(sys.argv[3])), backlog=backlog)
if mode == "leaked":
    # What inherits it sleeps; who made it is gone.
    os.set_inheritable(listener.fileno(), True)
    os.execvp("sleep", ["sleep", "60"])
if mode == "descriptors":
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[4]), int(sys.argv[4])))

def serve(client, seconds=0.0):
    time.sleep(seconds)
    try:
        if client.recv(100):
            client.sendall(b"served")
    except OSError:
        pass
    client.close()

def hold(client):
    serve(client, 1.0)

if mode == "blocked" and len(sys.argv) > 4:
    for _ in range(int(sys.argv[4]) - 1):
        if os.fork() == 0:
            break
while True:
    try:
        client, _ = listener.accept()
    except OSError:
        time.sleep(0.02)
        continue
    if mode == "descriptors":
        threading.Thread(target=hold, args=(client,), daemon=True).start()
    elif mode == "blocked":
        request = client.recv(100)
        end = time.monotonic() + 1.2
        while request == b"block" and time.monotonic() < end:
            pass
        client.sendall(b"served")
        client.close()
    else:
        serve(client)
"""


@pytest.fixture
def server():
    """server(mode, backlog, extra...) -> (process, port); it listens when this returns."""
    started = []

    def start(mode, backlog, *extra):
        port = free_port()
        process = subprocess.Popen([sys.executable, "-c", SERVER, mode, str(backlog), str(port), *map(str, extra)],
                                   start_new_session=True)
        started.append(process)
        until(lambda: is_listened_at(port), "a listener")
        return process, port

    yield start
    for process in started:
        end_group(process)


@pytest.fixture
def recorded(synscope, folder):
    """recorded(port, act) -> the report of what act() did."""
    return lambda port, act, name="r": record(synscope, folder / name, port, act)


def rule_of(report, rule):
    """The advice of that rule, which must be the first: it helps most."""
    rules = [advice["rule"] for advice in report["advice"]]
    assert rules and rules[0] == rule, report["advice"]
    assert not {"backlog-binds", "somaxconn-binds"} & set(rules), "a larger backlog is advised"
    return report["advice"][0]


def test_a_stopped_owner(server, recorded):
    process, port = server("plain", 8)

    def act():
        process.send_signal(signal.SIGSTOP)
        clients = Clients(port, 12)
        time.sleep(1.2)
        # The advice is to resume it: all are served then.
        process.send_signal(signal.SIGCONT)
        assert clients.join().served == 12

    advice = rule_of(recorded(port, act), "owner-stopped")
    assert f"kill -CONT {process.pid}" in advice["text"] and "stopped (SIGSTOP)" in advice["text"]


def test_a_server_out_of_descriptors(server, recorded):
    process, port = server("descriptors", 4, 12)
    served = []
    report = recorded(port, lambda: served.append(Clients(port, 60, patience_s=4).join().served))
    advice = rule_of(report, "descriptor-limit")
    assert f"pid {process.pid}) has 12 of 12 open" in advice["text"]
    # A larger backlog, which is not advised, does not help as a higher limit does.
    _, port = server("descriptors", 64, 12)
    longer = Clients(port, 60, patience_s=4).join().served
    _, port = server("descriptors", 4, 1000)
    followed = Clients(port, 60, patience_s=4).join().served
    assert followed > served[0] and followed > longer, (served, longer, followed)


def test_a_listener_that_nobody_knows_of(server, recorded):
    process, port = server("leaked", 4)
    clients = []
    report = recorded(port, lambda: clients.append(Clients(port, 8, patience_s=2.5).join()))
    advice = rule_of(report, "nobody-accepts")
    assert f"sleep (pid {process.pid})" in advice["text"]
    assert clients[0].served == 0


def test_a_blocked_event_loop(server, recorded):
    process, port = server("blocked", 64)
    waits = []

    def act(to=port):
        for _ in range(10):
            Clients(to, 1).join()
        blocker = Clients(to, 1, request=b"block")
        time.sleep(0.1)
        clients = Clients(to, 20).join()
        blocker.join()
        assert clients.served == 20
        waits.append(sorted(clients.took)[10])

    advice = rule_of(recorded(port, act), "blocked-loop")
    assert f"pid {process.pid}" in advice["text"]
    # Followed: more processes. While one is blocked another serves.
    _, port = server("blocked", 64, 3)
    act(port)
    assert waits[1] < waits[0], waits


def test_clients_that_gave_up(server, recorded):
    process, port = server("plain", 16)
    gone = []

    def act():
        process.send_signal(signal.SIGSTOP)
        clients = Clients(port, 10, patience_s=0.4).join()
        process.send_signal(signal.SIGCONT)
        gone.append(clients)
        time.sleep(0.5)

    report = recorded(port, act)
    assert gone[0].served == 0
    left = [a for a in report["attempts"] if "client-left" in [c["name"] for c in a["causes"]]]
    # The call of accept() that was waiting when the process was stopped returns the first of them.
    assert len(left) >= 9 and all(a["client_left_ns"] for a in left)
    assert "backlog-binds" not in [advice["rule"] for advice in report["advice"]]


def test_a_backlog_that_is_too_small(server, recorded):
    _, port = server("plain", 1)
    before = []
    report = recorded(port, lambda: before.append(Clients(port, 60).join()))
    if not report["listeners"][0]["drops"]:
        pytest.skip("the server took them all: no advice to follow")
    advice = report["advice"][0]
    assert advice["rule"] == "backlog-binds", report["advice"]
    backlog = int(advice["text"].split("backlog of ")[1].split()[0])
    assert backlog > report["listeners"][0]["limit"]
    _, port = server("plain", backlog)
    after = []
    report = recorded(port, lambda: after.append(Clients(port, 60).join()), "after")
    assert report["listeners"][0]["drops"] == 0
    assert after[0].served == 60 and max(after[0].took) < max(before[0].took)


# --- the same, while it happens ---

def stall_of(document, port):
    return next((one["stall"] for one in document["listeners"] if one["port"] == port), None)


def watched(synscope, port, rule):
    """watch until it names the cause: its object, and the line of the screen."""
    with subprocess.Popen([synscope, "watch", "-q", "-f", "json", "-n", "200ms", "-i", "lo", str(port)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            for _ in range(100):
                stall = stall_of(json.loads(process.stdout.readline()), port)
                # A moment in which the event loop is looked at says something else.
                if stall and stall["rule"] == rule:
                    return stall
        finally:
            process.kill()
    raise AssertionError(f"watch does not say {rule}")


def depth_of(port):
    """Of the accept queue, as proc_net_tcp(5) has it: the rx_queue of the listener."""
    for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, _, state, queues, *_ = line.split()
        if state == "0A" and local.endswith(f":{port:04X}"):
            return int(queues.split(":")[1], 16)
    return None


def listed(run, port):
    document = json.loads(run("listeners", "-f", "json").stdout)
    return stall_of(document, port), run("listeners").stdout


@pytest.mark.parametrize("mode, rule, words", [
    ("plain", "owner-stopped", "owner stopped (T)"),
    ("descriptors", "descriptor-limit", "accept() fails: 12 of 12 file descriptors open (RLIMIT_NOFILE)"),
    ("leaked", "nobody-accepts", "nobody called accept()"),
])
def test_watch_and_listeners_name_the_cause_while_it_holds(server, synscope, run, mode, rule, words):
    process, port = server(mode, 4, *([12] if mode == "descriptors" else []))
    if mode == "plain":
        process.send_signal(signal.SIGSTOP)
        until(lambda: pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").split(") ")[1][0] == "T",
              "it to be stopped")
    idle = []

    def is_full():
        # One more, who asks nothing: who has accepted it keeps its descriptor.
        idle.append(socket.socket())
        idle[-1].setblocking(False)
        idle[-1].connect_ex(("127.0.0.1", port))
        return depth_of(port) == 5 and (mode != "descriptors" or len(os.listdir(f"/proc/{process.pid}/fd")) == 12)

    try:
        until(is_full, "a full queue")
        stall, table = listed(run, port)
        assert stall and stall["rule"] == rule and stall["text"].startswith(words), stall
        assert " ".join(table.split()).count(f"127.0.0.1:{port}: queue full: {words}") == 1, table
        if rule != "nobody-accepts":
            assert stall["pid"] == process.pid
        stall = watched(synscope, port, rule)
        assert stall["text"].startswith(f"{words} for ") and stall["text"].endswith(" s")
        assert stall["for_ns"] > 0
        if rule == "owner-stopped":
            screen = Terminal([synscope, "watch", "-i", "lo", "-n", "200ms", str(port)], columns=120)
            try:
                screen.until(lambda: screen.shows(rf"queue full: {re.escape(words)} for [\d.]+ s, pid {process.pid}"),
                             "the cause")
            finally:
                screen.close()
    finally:
        for one in idle:
            one.close()
    process.send_signal(signal.SIGCONT)


def test_a_server_that_accepts_is_not_stalled(server, synscope, run):
    _, port = server("plain", 4)
    clients = Clients(port, 20)
    assert listed(run, port)[0] is None
    assert clients.join().served == 20
