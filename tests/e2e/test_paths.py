"""Ordinary clients, and something beside the queues that stops them: a filter, a key, a route, an old connection.

The truth is the kernel's own (nstat, the clients); what the report says must not contradict it, and no "exact" may be
false.
"""
import collections
import socket
import struct
import subprocess
import threading
import time

import pytest

import cases_path
import kernel
import recording

# 127/8 and a dummy prefix: each client address is local, so that nothing but lo is needed.
GOOD, BAD = {4: "127.0.0.2", 6: "fd00::2"}, {4: "127.0.0.3", 6: "fd00::3"}
SERVER = {4: "127.0.0.1", 6: "fd00::1"}
PORTS = iter(range(21000, 22000))


@pytest.fixture(scope="module", autouse=True)
def addresses(namespace):
    for address in (SERVER[6], GOOD[6], BAD[6]):
        subprocess.run(["ip", "address", "add", address + "/128", "dev", "lo", "nodad"], check=False, capture_output=True)


class Clients:
    """connect() of several, each in a thread of its own; answers: address -> how many were served or not."""

    def __init__(self, family, port):
        self.family, self.port, self.threads = family, port, []
        self.answers = collections.Counter()

    def connect(self, source, count, timeout=2.5, gap=0.03):
        def one():
            with socket.socket(socket.AF_INET if self.family == 4 else socket.AF_INET6) as client:
                client.settimeout(timeout)
                client.bind((source, 0))
                try:
                    client.connect((SERVER[self.family], self.port))
                    self.answers[source, "connected"] += 1
                except OSError:
                    self.answers[source, "failed"] += 1

        for _ in range(count):
            self.threads.append(threading.Thread(target=one))
            self.threads[-1].start()
            time.sleep(gap)

    def join(self):
        for thread in self.threads:
            thread.join()


def packets_by(report, prefix):
    """cause, confidence of each SYN of the clients whose address begins so."""
    found = collections.Counter()
    for attempt in report["attempts"]:
        if attempt["client"].startswith(prefix):
            found.update((p.get("cause"), p.get("confidence")) for p in attempt["packets"] if p["kind"] == "syn")
    return found


def name(family, address):
    return address + ":" if family == 4 else f"[{address}]:"


def deny(listener, family, port):
    del port
    # Source address in the IP header, of which the filter sees the TCP header alone: SKF_NET_OFF.
    offset, word = (12, 0x7F000003) if family == 4 else (8 + 12, 3)
    program = [(0x20, 0, 0, 0xFFF00000 + offset), (0x15, 0, 1, word), (6, 0, 0, 0), (6, 0, 0, 0xFFFFFFFF)]
    cases_path.attach(listener, b"".join(struct.pack("=HBBI", *line) for line in program))


def drop_in_front(listener, family, port):
    del listener
    what = "ip" if family == 4 else "ip6"
    subprocess.run(["nft", f"table inet paths {{ chain i {{ type filter hook input priority 0; "
                           f"{what} saddr {BAD[family]} tcp dport {port} drop; }}; }}"], check=True)


# What stops the clients of BAD, and the cause that it has.
STOPPED = {"filter": (deny, "discarded-before-queue"), "firewall": (drop_in_front, "unanswered-no-counter")}


@pytest.mark.parametrize("family", (4, 6))
@pytest.mark.parametrize("stopped", STOPPED)
def test_stopped_beside_a_full_queue(synscope, folder, stopped, family):
    """Clients of one address overflow the queue, those of another are stopped before it, at the same time."""
    stop, cause = STOPPED[stopped]
    port = next(PORTS)
    listener = kernel.Listener(family, 2, port=port, address=SERVER[family])
    stop(listener, family, port)
    recorder = recording.Recording(synscope, folder, "lo", [port], ["--fail-on", "drops"])
    clients = Clients(family, port)
    before = kernel.counters()
    try:
        recorder.start()
        threads = [threading.Thread(target=clients.connect, args=(source, 8)) for source in (GOOD[family], BAD[family])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        clients.join()
        report = recorder.stop()
    finally:
        recorder.kill()
        listener.close()
        subprocess.run(["nft", "flush", "ruleset"], check=True)
    moved = kernel.moved(before)
    assert clients.answers == {(GOOD[family], "connected"): 3, (GOOD[family], "failed"): 5, (BAD[family], "failed"): 8}
    wrong = [found for found in packets_by(report, name(family, BAD[family])) if found[1] == "exact" and found[0] != cause]
    wrong += [found for found in packets_by(report, name(family, GOOD[family]))
              if found[1] == "exact" and found[0] != "accept-queue-full-syn"]
    assert not wrong, wrong
    assert report["summary"]["cause_packets"]["accept-queue-full-syn"] <= moved["ListenOverflows"]
    assert recorder.status == 3


@pytest.mark.parametrize("family", (4, 6))
def test_which_of_a_burst_was_dropped_is_not_known(synscope, folder, family):
    """A full queue drops one half of each burst, a firewall the other: the counters tell how many, and no more."""
    port = next(PORTS)
    listener = kernel.Listener(family, 0, port=port, address=SERVER[family])
    drop_in_front(None, family, port)
    recorder = recording.Recording(synscope, folder, "lo", [port], ["--no-bpf"])
    clients = []

    def connect(source):
        clients.append(socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6))
        clients[-1].setblocking(False)
        clients[-1].bind((source, 0))
        clients[-1].connect_ex((SERVER[family], port))

    try:
        recorder.start()
        connect(GOOD[family])
        time.sleep(0.5)
        before = kernel.counters()
        for _ in range(3):
            connect(GOOD[family])
            connect(BAD[family])
        time.sleep(3.5)  # each SYN is sent again, with those of its burst, and none while it is stopped
        moved = kernel.moved(before)
        report = recorder.stop()
    finally:
        recorder.kill()
        listener.close()
        for client in clients:
            client.close()
        subprocess.run(["nft", "flush", "ruleset"], check=True)
    packets = [packet for attempt in report["attempts"] for packet in attempt["packets"]]
    doubtful = [packet for packet in packets if "among" in packet]
    assert doubtful and moved["ListenOverflows"] >= 6
    assert {packet["confidence"] for packet in doubtful} == {"inferred"}
    for packet in doubtful:
        assert 0 < packet["among"]["dropped"] < packet["among"]["packets"] <= sum(p["kind"] == "syn" for p in packets)
    dropped, among = doubtful[0]["among"]["dropped"], doubtful[0]["among"]["packets"]
    assert f"a full queue dropped {dropped} of these {among} packets" in recorder.text()
