"""The packet filter that knows each flow against the classic one: the same traffic under both, the same report."""
import socket
import struct
import threading
import time

import pytest

import recording

PORTS = {socket.AF_INET: 8080, socket.AF_INET6: 8081}
FULL_PORT, CLOSED_PORT = 8082, 8083
ADDRESS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
REQUESTS, REQUEST, ANSWER, BULK = 200, b"q" * 80, b"a" * 200, 8 << 20
# Of one connection, whatever it carries.
PACKETS_MOST = 14


def receive(connection, count):
    while count > 0:
        try:
            data = connection.recv(min(count, 1 << 20))
        except ConnectionResetError:
            return False
        if not data:
            return False
        count -= len(data)
    return True


def serve(connection):
    """By the first byte: requests that are answered one by one, an upload, or a download."""
    with connection:
        kind = connection.recv(1)
        if kind == b"q":
            whole = receive(connection, len(REQUEST) - 1)
            while whole:
                connection.sendall(ANSWER)
                whole = receive(connection, len(REQUEST))
        elif kind == b"u":
            receive(connection, BULK)
            connection.sendall(b"!")
            receive(connection, 1)
        elif kind == b"d":
            connection.sendall(b"d" * BULK)
            receive(connection, 1)


class Server(threading.Thread):
    def __init__(self, family):
        super().__init__(daemon=True)
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((ADDRESS[family], PORTS[family]))
        self.listener.listen(64)

    def run(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


def ask(family):
    with socket.create_connection((ADDRESS[family], PORTS[family])) as client:
        for _ in range(REQUESTS):
            client.sendall(REQUEST)
            assert receive(client, len(ANSWER))
        time.sleep(0.05)


def upload(family):
    with socket.create_connection((ADDRESS[family], PORTS[family])) as client:
        client.sendall(b"u" * (BULK + 1))
        assert receive(client, 1)
        time.sleep(0.05)


def download(family):
    with socket.create_connection((ADDRESS[family], PORTS[family])) as client:
        client.sendall(b"d")
        assert receive(client, BULK)
        time.sleep(0.05)


def overflow():
    """Six clients with a request each at a queue for two that is emptied after their first tries."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", FULL_PORT))
        listener.listen(1)
        clients = [socket.socket() for _ in range(6)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", FULL_PORT))
            time.sleep(0.03)
        for client in clients[:2]:
            client.send(b"x" * 100)
        time.sleep(1.5)
        taken = [listener.accept()[0] for _ in clients[:2]]
        time.sleep(2)
        for sock in [*taken, *clients]:
            sock.close()


def reset(family):
    client = socket.create_connection((ADDRESS[family], PORTS[family]))
    client.send(REQUEST)
    assert receive(client, len(ANSWER))
    time.sleep(0.05)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def refuse():
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", CLOSED_PORT)) != 0


@pytest.fixture
def both(synscope, namespace, tmp_path):
    """A function: runs something under a recording with the one filter and another with the other -> their reports."""
    tmp_path.chmod(0o755)
    started = []

    def observe(interface, act):
        for name, options in (("bpf", []), ("classic", ["--no-bpf"])):
            ports = [*PORTS.values(), FULL_PORT, CLOSED_PORT]
            started.append(recording.Recording(synscope, tmp_path / f"{name}-{len(started)}", interface, ports, options))
            started[-1].start()
        act()
        return [one.stop() for one in started[-2:]]

    yield observe
    for one in started:
        one.kill()


def traffic(servers):
    threads = [threading.Thread(target=what, args=arguments) for what, arguments in [
        *[(act, (family,)) for family in PORTS for act in (ask, upload, download, reset)], (overflow, ()), (refuse, ())]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def essence(report):
    """What must not depend on the filter. Each capture stamps by itself: of times, whether there is one."""
    return {attempt["client"]: (attempt["server"], attempt["outcome"], attempt["syns"], attempt["synacks"],
                                sorted((cause["name"], cause["packets"]) for cause in attempt["causes"]),
                                [attempt[name] is None for name in ("syn_ns", "synack_ns", "ack_ns", "end_ns")])
            for attempt in report["attempts"]}


@pytest.mark.parametrize("interface", ["lo", "any"])
def test_both_filters_give_the_same_report(both, interface):
    # Two recorders end one after the other: on a busy machine one can see a resend more. Played again then.
    for _ in range(3):
        servers = [Server(family) for family in PORTS]
        for server in servers:
            server.start()
        bpf, classic = both(interface, lambda: traffic(servers))
        for server in servers:
            server.listener.shutdown(socket.SHUT_RDWR)
            server.listener.close()
        if essence(bpf) == essence(classic):
            break
    source = bpf["recording"]["sources"]["bpf"]
    if not bpf["recording"]["bpf"]["filter"]:
        pytest.skip("no BPF filter here: " + source["note"])
    assert not classic["recording"]["bpf"]["filter"]
    assert essence(bpf) == essence(classic)
    assert {attempt["outcome"] for attempt in bpf["attempts"]} >= {"accepted", "refused"}
    assert any(cause["name"] == "accept-queue-full-syn" for attempt in bpf["attempts"] for cause in attempt["causes"])
    # A SYN that is dropped comes again.
    most = PACKETS_MOST * len(bpf["attempts"])
    assert bpf["source"]["packets"] <= most
    assert classic["source"]["packets"] > most
