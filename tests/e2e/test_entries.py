"""Bursts of clients at a server that reports nothing: what the kernel tells of entries, against what the server took."""
import os
import random
import select
import socket
import threading
import time

import pytest

import recording

PORT = 8080
SEEDS = range(1) if os.environ.get("SYNSCOPE_TEST_SHORT") else range(3)
PAUSES = (0, 0, 0, 0.001, 0.003, 0.02, 0.1, 0.3)


class Server(threading.Thread):
    """Accepts one after the other with pauses of its own; took: (client's port, time), in that order."""

    def __init__(self, rng, backlog):
        super().__init__(daemon=True)
        self.pauses = [rng.choice(PAUSES) for _ in range(4000)]
        self.took, self.hurry, self.ended_ns = [], threading.Event(), None
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", PORT))
        self.listener.listen(backlog)
        self.listener.settimeout(0.2)

    def run(self):
        silent = 0
        while silent < 5:
            try:
                connection, client = self.listener.accept()
            except TimeoutError:
                silent += self.hurry.is_set()
                continue
            self.took.append((client[1], time.time_ns()))
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()
            if not self.hurry.is_set():
                time.sleep(self.pauses[len(self.took)])
        self.ended_ns = time.time_ns()

    @staticmethod
    def serve(connection):
        with connection:
            connection.settimeout(3)
            try:
                if connection.recv(100):
                    connection.sendall(b"r" * 50)
            except OSError:
                pass


def visit(delay, speaks, patience):
    time.sleep(delay)
    with socket.socket() as client:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", PORT))
        poll = select.poll()
        poll.register(client, select.POLLOUT)
        if not poll.poll(patience * 1000):
            return
        if not speaks:
            time.sleep(0.05)
            return
        try:
            client.send(b"q" * 50)
        except OSError:
            return
        poll.modify(client, select.POLLIN)
        poll.poll(patience * 1000)


def burst(rng):
    clients = []
    for _ in range(rng.randrange(30, 60)):
        delay = rng.choice([0, 0.3, 0.6, 0.601, 1.0]) + rng.choice([0, 0, 0, rng.random() * 0.01, rng.random() * 0.3])
        clients.append(threading.Thread(target=visit, args=(delay, rng.random() < 0.8, rng.choice([0.5, 1.5, 2]))))
    for client in clients:
        client.start()
    for client in clients:
        client.join()


@pytest.mark.parametrize("cookies", [0, 1])
@pytest.mark.parametrize("seed", SEEDS)
def test_who_entered_when_and_who_was_accepted(synscope, sysctl, tmp_path, seed, cookies):
    rng = random.Random(seed)
    sysctl("net.ipv4.tcp_syncookies", cookies)
    tmp_path.chmod(0o755)
    server = Server(rng, rng.randrange(0, 6))
    run = recording.Recording(synscope, tmp_path / "recording", "lo", [PORT])
    try:
        run.start()
        server.start()
        burst(rng)
        server.hurry.set()
        server.join()
        report = run.stop()
    finally:
        run.kill()
        server.listener.close()
    if not report["recording"]["bpf"]["entries"]:
        pytest.skip("entries are not told here: " + report["recording"]["sources"]["bpf"]["note"])
    if run.was_late():
        report = run.replay()
    attempts = {int(attempt["client"].rsplit(":", 1)[1]): attempt for attempt in report["attempts"]}
    took = dict(server.took)
    assert len(took) == len(server.took)
    assert {port for port, attempt in attempts.items() if attempt["outcome"] == "accepted"} == took.keys()
    # First in, first out: by the server's own order.
    entered = [attempts[port]["entered_ns"] for port, _ in server.took]
    assert None not in entered
    # Each is told when its child is made: two processors may put theirs in the other way round.
    assert all(later > earlier - 100_000 for earlier, later in zip(entered, entered[1:]))
    for port, time_ns in server.took:
        # One clock was shifted to the other, by less than this.
        assert attempts[port]["entered_ns"] <= time_ns + 100_000
        assert attempts[port]["accept_after_ns"] is None or attempts[port]["accept_after_ns"] <= time_ns
    for port, attempt in attempts.items():
        if port not in took:
            # What a client that is gone sends again can still enter where nobody accepts any more.
            assert attempt["entered_ns"] is None or attempt["entered_ns"] > server.ended_ns - 100_000, attempt
