"""A case on the wire: what is sent, what the kernel must do, and what the report must say of it.

A case is a function that gets a Stage. Each step is checked exactly: the
segments that the kernel answered, every counter of Tcp and TcpExt that moved,
and what the listener's sk_drops gained. The same cases serve twice: alone,
they prove what the kernel does; under a recording, what the program makes of it.
"""
import collections
import dataclasses
import itertools
import socket
import struct
import subprocess
import time

import kernel
import wire

SYSCTLS = {
    "net.core.somaxconn": 4096,
    "net.ipv4.tcp_max_syn_backlog": 4096,
    "net.ipv4.tcp_synack_retries": 5,
    "net.ipv4.tcp_migrate_req": 0,
    "net.ipv4.tcp_fastopen": 1,
    "net.ipv4.tcp_invalid_ratelimit": 500,
    "net.ipv4.tcp_no_metrics_save": 0,
}

# SYN dropped by a full accept queue; final ACK dropped, of a request and of a cookie.
SYN_OVERFLOW = {"ListenOverflows": 1, "ListenDrops": 1, "drops": 1}
ACK_OVERFLOW = {"ListenOverflows": 1, "ListenDrops": 1, "drops": 2}
COOKIE_OVERFLOW = {"SyncookiesRecv": 1, "ListenOverflows": 1, "ListenDrops": 1, "drops": 1}
COOKIE_SENT = {"TCPReqQFullDoCookies": 1, "SyncookiesSent": 1}
RESENT = {"TCPSynRetrans": 1, "RetransSegs": 1}
OPENED = {"PassiveOpens": 1}
RST_SENT = {"OutRsts": 1}


@dataclasses.dataclass
class Case:
    """One function with one setting of family, tcp_syncookies and tcp_abort_on_overflow."""
    function: object
    family: int
    cookies: int
    abort: int
    sysctls: dict

    @property
    def name(self):
        return f"{self.function.__name__}-ipv{self.family}-cookies{self.cookies}-abort{self.abort}"


# A recorder that was idle finds a new listener within this time.
NOTICE_S = 0.15

CASES = []


def case(cookies=(1,), abort=(0,), families=(4, 6), **sysctls):
    """Registers a case for each combination. sysctls: names below net.ipv4."""

    def register(function):
        for family, cookie, overflow in itertools.product(families, cookies, abort):
            CASES.append(Case(function, family, cookie, overflow,
                              {f"net.ipv4.{name}": value for name, value in sysctls.items()}))
        return function

    return register


@dataclasses.dataclass
class Truth:
    """What a report must say of one attempt."""
    client: str
    server: str
    isn: int
    outcome: str
    causes: dict


def endpoint(address, port):
    """As the report writes it; an IPv4 client of a :: listener is an IPv4 client."""
    address = address.removeprefix("::ffff:") if "." in address else address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


# A case that was too slow is another case: it is played again, so often at most.
TRIES = 10


class Stage:
    """Where one case plays. pace: seconds between its steps."""

    numbers = itertools.count(1)
    ports = itertools.cycle(range(9000, 20000))

    def __init__(self, device, played, set_sysctl, pace=0, on_ready=None):
        """on_ready(stage) is called once, before the first packet: the first listener listens by then."""
        self.wire, self.family, self.pace = device, played.family, pace
        self.on_ready = on_ready
        self.cookies, self.abort = played.cookies, played.abort
        self.sysctl = set_sysctl
        for name, value in {**SYSCTLS, **played.sysctls}.items():
            set_sysctl(name, value)
        set_sysctl("net.ipv4.tcp_syncookies", self.cookies)
        set_sysctl("net.ipv4.tcp_abort_on_overflow", self.abort)
        # A peer is "proven" by an earlier connection, and then the reserve rule spares it.
        subprocess.run(["ip", "tcp_metrics", "flush"], check=True, capture_output=True)
        self.port = next(self.ports)
        self.listeners, self.truths = [], {}
        self.counted = collections.Counter()
        self.untold = 0  # sk_drops that neither packets nor samples tell the reason of
        self.started, self.ended, self.waited = time.monotonic(), None, 0
        self.slowest = 0  # step
        device.take()

    def listen(self, backlog, **options):
        """The first listener is the one whose drops the steps check."""
        options.setdefault("port", self.port)
        listener = kernel.Listener(self.family, backlog, **options)
        self.listeners.append(listener)
        if self.pace and not self.on_ready:
            self.pause(NOTICE_S)
        self._ready()
        return listener

    def _ready(self):
        if self.on_ready:
            start = time.monotonic()
            ready, self.on_ready = self.on_ready, None
            ready(self)
            self.waited += time.monotonic() - start

    def client(self, family=None, **options):
        self._ready()
        options.setdefault("port", self.port)
        return wire.Client(self.wire, family or self.family, next(self.numbers), **options)

    def again(self, client, isn, **options):
        """A new attempt of the same 4-tuple."""
        twin = wire.Client(self.wire, client.family, 0, client.port, isn=isn, **options)
        twin.address, twin.sport = client.address, client.sport
        return twin

    def step(self, what, action, answer, drops=0, listener=None, **moved):
        """Plays action and compares: its result with answer, the rest with what the kernel counted."""
        listener = listener or next((x for x in self.listeners if not x.closed), None)
        before, drops_before = kernel.counters(), listener.drops if listener else 0
        start, waited = time.monotonic(), self.waited
        result = action()
        self.wire.barrier()
        self.slowest = max(self.slowest, time.monotonic() - start - (self.waited - waited))
        after = kernel.moved(before)
        gained = listener.drops - drops_before if listener and not listener.closed else 0
        self.count(after)
        found = {"answer": result, "counters": after, "drops": gained}
        assert found == {"answer": answer, "counters": moved, "drops": drops}, what
        self.pause(self.pace)

    def count(self, moved):
        self.counted.update(moved)

    def fill(self, count, what="fill"):
        """count clients that finish their handshakes at once; they end in the accept queue."""
        clients = [self.client() for _ in range(count)]
        for client in clients:
            self.step(f"{what}: SYN", client.syn, ["SA"], **(COOKIE_SENT if self.cookies == 2 else {}))
            self.step(f"{what}: ACK", client.final_ack, [],
                      **OPENED, **({"SyncookiesRecv": 1} if self.cookies == 2 else {}))
            self.truth(client, "waiting", **({"syn_cookie": 1} if self.cookies == 2 else {}))
        return clients

    def request_on_full(self, listener):
        """A client with a request while the accept queue of a listener of limit 1 is full."""
        self.fill(1 - listener.depth)
        last, client = self.client(), self.client()
        self.step("SYN of the last that fits", last.syn, ["SA"])
        self.step("SYN of the one too many", client.syn, ["SA"])
        self.step("ACK of the last that fits", last.final_ack, [], **OPENED)
        self.truth(last, "waiting")
        assert (listener.depth, listener.limit, listener.half_open()) == (2, 1, 1)
        return client

    def wait(self, client, timeout):
        """What the kernel sends to this client of its own accord within timeout: its flags."""
        kinds = []
        start = time.monotonic()
        while True:
            segment = self.wire.wait(client.is_mine, start + timeout - time.monotonic())
            if not segment:
                self.waited += time.monotonic() - start
                return kinds
            client.learn([segment])
            kinds.append(segment.kind)

    def pause(self, seconds):
        start = time.monotonic()
        time.sleep(seconds)
        self.slowest = max(self.slowest, time.monotonic() - start - seconds)
        # Between steps the kernel's timers run on: that is no time that a case waits on purpose.
        self.waited += seconds if seconds > self.pace else 0

    def play(self, function):
        try:
            function(self)
        finally:
            self.ended = time.monotonic()

    def too_slow(self):
        """The steps took so long that the kernel's timers (one second) may have come between them, or one of
        them so long that what was to come before an answer came after it."""
        return self.ended - self.started - self.waited > 0.7 or self.slowest > 0.1

    def accept(self, listener):
        """accept() takes the oldest; what was said of its client is put right."""
        peer = listener.accept()
        assert peer, "the accept queue is empty"
        name = endpoint(*peer)
        for (client, _), truth in self.truths.items():
            if client == name and truth.outcome == "waiting":
                truth.outcome = "accepted"
        self.pause(self.pace)
        return peer

    def truth(self, client, outcome, **causes):
        """causes: name=packets, with "_" for "-". The last word on an attempt counts."""
        name = endpoint(client.address, client.sport)
        self.truths[name, client.isn] = Truth(
            name, endpoint(wire.SERVER[client.family], client.port), client.isn, outcome,
            {cause.replace("_", "-"): packets for cause, packets in causes.items()})

    def close(self):
        """Nothing outlives the case that could count in the next one."""
        for listener in self.listeners:
            for connection in listener.accepted:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if not listener.closed:
                listener.close()
        self.wire.take()
