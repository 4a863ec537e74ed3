"""What proves that accept() returned a connection, and which clients had left by then.

Truth is what the server under test had from accept() (accepting.py), never the program's own word.
"""
import collections
import json
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

import recording
import running

ACCEPTING = pathlib.Path(__file__).with_name("accepting.py")
WAIT_S = 20
FAMILIES = pytest.mark.parametrize("family", [4, 6])


class Server:
    """accepting.py in a process of its own."""

    def __init__(self, family, backlog, what, *options):
        self.family = family
        self.process = subprocess.Popen([sys.executable, ACCEPTING, str(family), str(backlog), what, *options],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.address = "::1" if family == 6 else "127.0.0.1"
        self.target = f"[::1]:{self.port}" if family == 6 else f"127.0.0.1:{self.port}"
        if "mptcp" in options:
            self.target = self.port

    def stop(self):
        """It does not run any more when this returns: also not in accept()."""
        running.stop(self.process.pid)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def waiting(self):
        """Depth of its accept queue, by ss."""
        out = subprocess.run(["ss", "-Hltn", f"sport = :{self.port}"], capture_output=True, text=True, check=True).stdout
        return int(out.split()[1])

    def told(self, count):
        """What it told of so many connections, by client."""
        lines = [json.loads(self.process.stdout.readline()) for _ in range(count)]
        return {line["client"]: line for line in lines}

    def end(self):
        self.process.kill()
        self.process.communicate()

    def connect(self, data=b"", linger=None, protocol=0):
        client = socket.socket(socket.AF_INET6 if self.family == 6 else socket.AF_INET, socket.SOCK_STREAM, protocol)
        client.settimeout(WAIT_S)
        client.connect((self.address, self.port))
        if data:
            client.sendall(data)
        if linger is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, linger))
        return client


def until(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it never came to be so"
        time.sleep(0.005)


def counter(name):
    out = subprocess.run(["nstat", "-asz", f"TcpExt{name}"], capture_output=True, text=True, check=True).stdout
    return int(out.splitlines()[-1].split()[1])


def name_of(client):
    host, port = client.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@pytest.fixture
def serve(namespace):
    servers = []

    def start(*arguments):
        servers.append(Server(*arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.end()


@pytest.fixture
def record(synscope, tmp_path):
    """A function: a recording of this server has begun when it returns."""
    started = []
    tmp_path.chmod(0o755)

    def start(server, *options):
        started.append(recording.Recording(synscope, tmp_path / f"recording{len(started)}", "lo", [server.target], options))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.kill()


def report_of(run):
    """The report, from the recording: nothing is late there. By client, and whole."""
    run.stop()
    report = run.replay()
    return {attempt["client"]: attempt for attempt in report["attempts"]}, report


def causes_of(attempt):
    return {cause["name"]: cause["confidence"] for cause in attempt["causes"]}


def check_accepted(attempts, told, report):
    """Each that accept() returned, no other, and the bounds hold its call."""
    accepted = {client for client, attempt in attempts.items() if attempt["outcome"] == "accepted"}
    assert accepted == set(told)
    assert report["summary"]["outcomes"]["accepted"] == len(told)
    for client, line in told.items():
        attempt = attempts[client]
        assert attempt["accept_after_ns"] <= line["returned_ns"]
        assert line["called_ns"] <= attempt["accept_before_ns"]
        assert attempt["accept_after_ns"] <= attempt["accept_before_ns"]
        assert attempt["entered_ns"] <= attempt["accept_before_ns"]


@FAMILIES
def test_clients_that_close_while_they_wait_are_served_all_the_same(serve, record, family):
    """The server's reply meets a closed socket: that RST comes after accept(), not before it."""
    server = serve(family, 16, "serve")
    run = record(server)
    server.stop()
    clients = [server.connect(b"request") for _ in range(6)]
    names = {name_of(client) for client in clients}
    for client in clients:
        client.close()
    until(lambda: server.waiting() == 6)
    time.sleep(0.2)  # some samples, so that it shows that they waited
    server.go_on()
    told = server.told(6)
    assert set(told) == names and all(line["left"] and not line["reset"] for line in told.values())
    attempts, report = report_of(run)
    check_accepted(attempts, told, report)
    for attempt in attempts.values():
        assert "client-left" in causes_of(attempt) and "client-reset" not in causes_of(attempt)
        assert attempt["ack_ns"] <= attempt["client_left_ns"] <= attempt["accept_before_ns"]
        assert not attempt["ghost"]


@FAMILIES
@pytest.mark.parametrize("data", [b"request", b""], ids=["unread data", "no data"])
def test_closed_at_once_was_accepted(serve, record, family, data):
    """With data unread the close is a RST: a connection that waits in the queue of an open listener gets none."""
    server = serve(family, 16, "close")
    run = record(server)
    told = {}
    for _ in range(8):
        client = server.connect(data)
        try:
            assert client.recv(10) == b""
        except ConnectionResetError:
            pass
        told.update(server.told(1))
        client.close()
    attempts, report = report_of(run)
    check_accepted(attempts, told, report)
    assert all("closed-unserved" in causes_of(attempt) for attempt in attempts.values())
    assert not any({"server-reset", "client-left"} & set(causes_of(attempt)) for attempt in attempts.values())


@FAMILIES
def test_who_had_left_at_accept_is_told_from_who_left_later(serve, record, family):
    server = serve(family, 16, "serve", "pause=0.1")
    run = record(server)
    clients = []
    for i in range(8):
        clients.append(server.connect(b"request"))
        if i % 2:
            clients[i - 1].close()
        time.sleep(0.03)
    told = server.told(8)
    for client in clients:
        client.close()
    attempts, report = report_of(run)
    check_accepted(attempts, told, report)
    left = {client for client, line in told.items() if line["left"]}
    assert {client for client, attempt in attempts.items() if "client-left" in causes_of(attempt)} == left
    assert {client for client, attempt in attempts.items() if attempt["client_left_ns"]} == left


@FAMILIES
def test_half_closed_is_not_left(serve, record, family):
    """shutdown(SHUT_WR) sends a FIN too; its client waits for the reply."""
    server = serve(family, 16, "serve")
    run = record(server)
    server.stop()
    clients = [server.connect(b"request") for _ in range(4)]
    for client in clients:
        client.shutdown(socket.SHUT_WR)
    time.sleep(0.2)
    server.go_on()
    assert {client.recv(10) for client in clients} == {b"reply"}
    told = server.told(4)
    for client in clients:
        client.close()
    attempts, report = report_of(run)
    check_accepted(attempts, told, report)
    assert not any("client-left" in causes_of(attempt) for attempt in attempts.values())
    assert all(attempt["client_left_ns"] is None for attempt in attempts.values())


@FAMILIES
def test_health_checks_against_a_server_that_speaks_first(serve, record, family):
    server = serve(family, 16, "greet")
    run = record(server)
    told = {}
    for _ in range(10):
        server.connect().close()
        told.update(server.told(1))
    attempts, report = report_of(run)
    check_accepted(attempts, told, report)
    wrong = [client for client, attempt in attempts.items()
             if "client-left" in causes_of(attempt) and not (told[client]["left"] or told[client]["reset"])]
    assert not wrong


def mptcp_counters():
    lines = pathlib.Path("/proc/net/netstat").read_text(encoding="ascii").splitlines()
    names, values = [line.split()[1:] for line in lines if line.startswith("MPTcpExt:")]
    return dict(zip(names, map(int, values)))


@FAMILIES
def test_subflows_join_and_are_not_accepted(serve, record, sysctl, family):
    """The server announces a second address, and each client opens a subflow to it."""
    if not pathlib.Path("/proc/sys/net/mptcp/enabled").exists():
        pytest.skip("this kernel has no MPTCP")
    sysctl("net.mptcp.enabled", 1)
    address, length = ("fd00:77::1", 128) if family == 6 else ("198.18.77.1", 32)
    for command in (f"ip addr replace {address}/{length} dev lo", "ip mptcp endpoint flush",
                    "ip mptcp limits set subflow 4 add_addr_accepted 4", f"ip mptcp endpoint add {address} dev lo signal"):
        subprocess.run(command.split(), check=True)
    server = serve(family, 16, "serve", "mptcp")
    run = record(server)
    before = mptcp_counters()
    clients = []
    for i in range(4):
        clients.append(server.connect(b"request", protocol=262))
        assert clients[-1].recv(10) == b"reply"
    until(lambda: mptcp_counters()["MPJoinAckRx"] - before["MPJoinAckRx"] == 4)
    plain = server.connect(b"request")
    assert plain.recv(10) == b"reply"
    told = server.told(5)
    for client in (*clients, plain):
        client.close()
    attempts, report = report_of(run)
    check_accepted(attempts, told, report)
    joined = [attempt for attempt in attempts.values() if attempt["outcome"] == "joined"]
    assert len(joined) == 4 and len(attempts) == 9
    for attempt in joined:
        assert attempt["entered_ns"] is None and attempt["accept_before_ns"] is None and not attempt["causes"]
    assert all(row["unexplained"] == 0 for row in report["ledger"])


@FAMILIES
def test_fast_open_is_accepted_like_any_other(serve, record, sysctl, family):
    """Its request is in the SYN: the server may have replied, and closed, before the client acknowledges anything."""
    sysctl("net.ipv4.tcp_fastopen", 3)
    server = serve(family, 16, "serve", "fastopen")
    address = (server.address, server.port)

    def fast(data):
        client = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
        client.sendto(data, socket.MSG_FASTOPEN, address)
        client.settimeout(WAIT_S)
        return client

    with fast(b"request") as client:  # fetches the cookie
        assert client.recv(10) == b"reply"
    server.told(1)
    run = record(server)
    before = counter("TCPFastOpenPassive")
    told = {}
    for _ in range(6):
        with fast(b"request") as client:
            assert client.recv(10) == b"reply"
        told.update(server.told(1))
    assert counter("TCPFastOpenPassive") - before == 6
    attempts, report = report_of(run)
    check_accepted(attempts, told, report)
    assert all(row["unexplained"] == 0 for row in report["ledger"])
@FAMILIES
def test_reset_while_it_waited_is_a_ghost(serve, record, family):
    """accept() returns it all the same; its socket is gone from sock_diag by then."""
    server = serve(family, 16, "serve")
    run = record(server)
    server.stop()
    kept = [server.connect(b"request") for _ in range(2)]
    for _ in range(3):
        server.connect(b"request", linger=0).close()
    kept.append(server.connect(b"request"))
    until(lambda: server.waiting() == 6)
    time.sleep(0.2)
    server.go_on()
    assert [client.recv(10) for client in kept] == [b"reply"] * 3
    told = server.told(6)
    assert collections.Counter(line["reset"] for line in told.values()) == {True: 3, False: 3}
    for client in kept:
        client.close()
    attempts, report = report_of(run)
    check_accepted(attempts, told, report)
    for client, line in told.items():
        assert attempts[client]["ghost"] == line["reset"]
        assert ("client-left" in causes_of(attempts[client])) == line["reset"]
