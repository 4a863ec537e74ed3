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

from advising import Clients, depth_of, end_group, free_port, is_listened_at, record
from running import stop, until
from terminal import Terminal

SERVER = """
import os, resource, select, socket, sys, threading, time
mode, backlog = sys.argv[1], int(sys.argv[2])
listener = socket.create_server(("127.0.0.1", int(sys.argv[3])), backlog=backlog)
if mode == "leaked":
    # What inherits it sleeps; who made it is gone.
    os.set_inheritable(listener.fileno(), True)
    os.execvp("sleep", ["sleep", "60"])
if mode == "ttl":
    listener.setsockopt(socket.IPPROTO_IP, 21, 255)  # IP_MINTTL; loopback has 64
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

held = []

def hold_or_close(client):
    if len(held) < limit:
        held.append(client)
        client.recv(100)
        client.sendall(b"served")
    else:
        time.sleep(0.002)
        client.close()

def hold(client):
    serve(client, 1.0)

if mode in ("blocked", "slow") and len(sys.argv) > 4:
    for _ in range(int(sys.argv[4]) - 1):
        if os.fork() == 0:
            break
limit = int(sys.argv[4]) if mode == "limit" else 0
while True:
    try:
        client, _ = listener.accept()
    except OSError:
        time.sleep(0.02)
        continue
    if mode == "descriptors":
        threading.Thread(target=hold, args=(client,), daemon=True).start()
    elif mode == "limit":
        hold_or_close(client)
    elif mode == "blocked":
        request = client.recv(100)
        # Until its client goes; "sleep" without a processor.
        if request == b"sleep":
            client.recv(100)
        while request == b"spin" and not select.select([client], [], [], 0)[0]:
            pass
        end = time.monotonic() + 1.2
        while request == b"block" and time.monotonic() < end:
            pass
        if request not in (b"spin", b"sleep"):
            client.sendall(b"served")
        client.close()
    else:
        serve(client, 0.1 if mode == "slow" else 0.0)
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
        stop(process.pid)
        clients = Clients(port, 12)
        time.sleep(1.2)
        # Once it is resumed, as it is in the recording, all are served.
        process.send_signal(signal.SIGCONT)
        assert clients.join().served == 12

    advice = rule_of(recorded(port, act), "owner-stopped")
    assert f"(pid {process.pid}) was stopped (SIGSTOP)" in advice["text"] and "runs again" in advice["text"]
    assert "kill -CONT" not in advice["text"]


def test_one_of_several_owners_is_stopped(server, recorded):
    """The others go on, and are too few: how many would be enough with it does not follow from how they did."""
    process, port = server("slow", 4, 3)
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(lambda: len(children.read_text(encoding="ascii").split()) == 2, "its children")
    child = int(children.read_text(encoding="ascii").split()[0])

    def act():
        stop(child)
        clients = Clients(port, 16)
        assert clients.join().served == 16
        os.kill(child, signal.SIGCONT)

    advice = rule_of(recorded(port, act), "owner-stopped")
    assert "one of its 3 processes" in advice["text"] and f"(pid {child}), was stopped (SIGSTOP)" in advice["text"]
    assert "workers" not in advice["text"]


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
        stop(process.pid)
        clients = Clients(port, 10, patience_s=0.4).join()
        # A look at the queue between the last that leaves and the first accept(): else it is not known which was first.
        time.sleep(0.3)
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
    report = recorded(port, lambda: before.append(Clients(port, 60, at_once=True).join()))
    if not report["listeners"][0]["drops"]:
        pytest.skip("the server took them all: no advice to follow")
    advice = report["advice"][0]
    assert advice["rule"] == "backlog-binds", report["advice"]
    backlog = int(advice["text"].split("backlog of ")[1].split()[0])
    assert backlog > report["listeners"][0]["limit"]
    _, port = server("plain", backlog)
    after = []
    report = recorded(port, lambda: after.append(Clients(port, 60, at_once=True).join()), "after")
    assert report["listeners"][0]["drops"] == 0
    assert after[0].served == 60 and max(after[0].took) < max(before[0].took)


def test_a_server_that_closes_what_is_above_its_limit(server, recorded):
    _, port = server("limit", 64, 3)
    before = []
    advice = rule_of(recorded(port, lambda: before.append(Clients(port, 12, hold_s=1).join())), "application-limit")
    assert advice["clients"] == 9 and "closed them at once" in advice["text"]
    assert before[0].served == 3
    # A larger backlog, which is not advised, changes nothing; the limit does.
    _, port = server("limit", 1024, 3)
    assert Clients(port, 12).join().served == 3
    _, port = server("limit", 64, 12)
    assert Clients(port, 12).join().served == 12


def test_clients_that_no_backlog_helps(server, recorded):
    _, port = server("ttl", 1)
    before = []
    report = recorded(port, lambda: before.append(Clients(port, 6, patience_s=0.9).join()))
    advice = rule_of(report, "ttl-too-small")
    assert advice["clients"] == 6 and "IP_MINTTL" in advice["text"]
    assert before[0].served == 0
    _, port = server("ttl", 1024)
    assert Clients(port, 6, patience_s=0.9).join().served == 0
    _, port = server("plain", 8)
    assert Clients(port, 6).join().served == 6


SIBLINGS = """
import os, socket, sys
children = []
for _ in range(4):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(8)
    if os.fork() == 0:
        while True:
            client, _ = listener.accept()
            client.recv(100)
            client.sendall(b"served %d" % os.getpid())
            client.close()
    listener.close()
os.wait()
"""


def test_one_stuck_sibling_of_four(recorded, run):
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SIBLINGS, str(port)], start_new_session=True)
    try:
        workers = until(lambda: [int(child) for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
                                 .read_text(encoding="ascii").split()][3:] and
                        [int(child) for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
                         .read_text(encoding="ascii").split()], "four workers")
        stuck = workers[1]
        seen = []

        def act():
            stop(stuck)
            # One after another: all at once would fill the queues of who works, too, where the processors are busy.
            seen.append(Clients(port, 120, patience_s=2.5, gap_s=0.01).join())
            seen.append(listed(run, port, lambda one: one["pids"] == [stuck]))

        report = recorded(port, act)
        clients, (stall, table) = seen
        advice = rule_of(report, "stuck-sibling")
        assert f"python3 (pid {stuck})" in advice["text"] and "its owner was stopped" in " ".join(advice["evidence"])
        # Its own queue alone was full; the kernel gave it its share of the clients, about a quarter.
        longest = max(one["full_ns"] for one in report["listeners"])
        full = [one for one in report["listeners"] if one["full_ns"] > longest / 10]
        assert len(report["listeners"]) == 4 and [one["pids"] for one in full] == [[stuck]]
        assert 120 - clients.served == pytest.approx(30, abs=25)
        served_by = {int(reply.split()[1]) for reply in clients.replies if reply}
        assert served_by == set(workers) - {stuck}
        assert advice["clients"] > 0
        assert stall["rule"] == "stuck-sibling" and "SO_REUSEPORT" in table
        # Followed: it runs again, and who comes is served.
        os.kill(stuck, signal.SIGCONT)
        assert Clients(port, 40).join().served == 40
    finally:
        end_group(process)


# --- the same, while it happens ---

def stall_of(document, port, which=lambda one: True):
    return next((one["stall"] for one in document["listeners"] if one["port"] == port and which(one)), None)


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


def listed(run, port, which=lambda one: True):
    document = json.loads(run("listeners", "-f", "json").stdout)
    return stall_of(document, port, which), run("listeners").stdout


def said_by_all(run, path, report):
    """The first advice, which is the same words in each format."""
    advice = report["advice"][0]
    html = run("report", "-f", "html", path).stdout
    assert json.JSONDecoder().raw_decode(html.split('"advice":', 1)[1])[0][0]["text"] == advice["text"]
    assert f"What to do: {advice['text']}" in " ".join(run("report", path).stdout.split())
    return advice


@pytest.mark.parametrize("mode, rule, words, word", [
    ("plain", "owner-stopped", "owner stopped (T)", "stopped"),
    ("descriptors", "descriptor-limit", "accept() fails: 12 of 12 file descriptors open (RLIMIT_NOFILE)", "RLIMIT_NOFILE"),
    ("leaked", "nobody-accepts", "nobody called accept()", "nobody called accept()"),
    ("asleep", "nobody-accepts", "nobody called accept()", "nobody called accept()"),
    ("blocked", "blocked-loop", "the owner's event loop is busy: no accept()", "event loop"),
])
def test_all_name_the_same_cause(server, synscope, run, recorded, folder, mode, rule, words, word):
    """listeners and watch, as JSON and for people, while it holds; then the report, in each format."""
    process, port = server("blocked" if mode == "asleep" else mode, 4, *([12] if mode == "descriptors" else []))
    idle = []

    def come(request=b""):
        idle.append(socket.socket())
        idle[-1].setblocking(bool(request))
        idle[-1].connect_ex(("127.0.0.1", port))
        if request:
            idle[-1].sendall(request)

    def is_full():
        # One more, who asks nothing: who has accepted it keeps its descriptor.
        come()
        return depth_of(port) == 5 and (mode != "descriptors" or len(os.listdir(f"/proc/{process.pid}/fd")) == 12)

    def hold():
        if mode == "plain":
            process.send_signal(signal.SIGSTOP)
            until(lambda: pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").split(") ")[1][0] == "T",
                  "it to be stopped")
        if mode in ("blocked", "asleep"):
            for _ in range(10):
                Clients(port, 1).join()
            come(b"spin" if mode == "blocked" else b"sleep")
        until(is_full, "a full queue")

    def look():
        stall, table = listed(run, port)
        if mode == "blocked" and stall and stall["text"] == "owner ready to run, without a CPU":
            pytest.skip("this machine is so busy that the server has no CPU, as is said")
        assert stall and stall["rule"] == rule and stall["text"].startswith(words), stall
        assert " ".join(table.split()).count(f"127.0.0.1:{port}: queue full: {words}") == 1, table
        if rule not in ("nobody-accepts", "blocked-loop"):
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

    def act():
        hold()
        try:
            look()
        finally:
            for one in idle:
                one.close()
        process.send_signal(signal.SIGCONT)
        if mode != "leaked":
            until(lambda: depth_of(port) == 0, "its queue to be emptied")

    report = recorded(port, act)
    advice = said_by_all(run, folder / "r", report)
    assert advice["rule"] == rule and word in advice["text"] and word in words


def test_a_server_that_accepts_is_not_stalled(server, synscope, run):
    _, port = server("plain", 4)
    clients = Clients(port, 20)
    assert listed(run, port)[0] is None
    assert clients.join().served == 20
