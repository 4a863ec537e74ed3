"""A crowd of clients on the wire, each with a plan, and what becomes of each, known to the packet.

One thread sends every segment and calls every accept(), and lets the kernel
finish with one before the next: so it knows the depth of each queue at every
moment, and with it what the kernel had to do. The kernel's answers are
checked against that on the way, and its counters at the end.
"""
import collections
import heapq
import itertools
import random
import time

import kernel
import stage
import wire

RTT_S = 0.002
RETRY_S = (1.0, 2.0)
LATE_S = 0.02


class Service:
    """A listener and how it is served: accept() every so often, or soon after each handshake."""

    def __init__(self, family, port, backlog, accept_every=None, **options):
        self.listener = kernel.Listener(family, backlog, port=port, **options)
        self.family, self.port, self.limit, self.accept_every = family, port, backlog, accept_every
        self.deferring = bool(options.get("defer_accept"))
        self.queue = []  # clients, oldest first
        self.cookies = backlog < 10  # bursts fill its SYN queue

    def full(self):
        return len(self.queue) > self.limit


class Crowd:
    """Plays plans until all are over; truths has an entry for each attempt then."""

    numbers = itertools.count(1)

    def __init__(self, device, seed):
        self.wire, self.random = device, random.Random(seed)
        self.agenda, self.order = [], itertools.count()
        self.busy = 0  # of the agenda: what is not done for ever
        self.clients = {}
        self.counted = collections.Counter()  # what the kernel must have counted
        self.late = 0  # the worst of all steps
        self.behind = 0  # how long the clock has stood still

    def now(self):
        return time.monotonic() - self.behind

    def at(self, delay, action, ever=False):
        self.busy += not ever
        heapq.heappush(self.agenda, (self.now() + delay, next(self.order), action, ever))

    def run(self, seconds):
        """Plays what is on the agenda, for this long at least, and answers what the kernel sends of its own accord.

        Where the machine is too slow for the agenda the clock stands still: it is not to become another one.
        """
        deadline = self.now() + seconds
        while self.busy or self.now() < deadline:
            self.listen()
            now = self.now()
            if self.agenda and self.agenda[0][0] <= now:
                due, _, action, ever = heapq.heappop(self.agenda)
                self.late = max(self.late, now - due)
                self.behind += max(0, now - due - LATE_S)
                self.busy -= not ever
                action()
                continue
            until = self.agenda[0][0] if self.agenda else deadline
            segment = self.wire.wait(lambda s: True, min(until - now, 0.05))
            if segment:
                self.wire.received.insert(0, segment)

    def listen(self):
        received, self.wire.received = self.wire.received, []
        for segment in received:
            client = self.clients.get((segment.destination, segment.dport))
            if client and segment.kind == "SA" and client.resent:
                client.learn([segment])
                self.at(RTT_S, lambda c=client: self.acknowledge(c))

    def client(self, service, family=None, port=None):
        number = next(self.numbers)
        client = wire.Client(self.wire, family or service.family, number, port or service.port,
                             isn=self.random.getrandbits(32))
        client.sport = 1024 + number % 60000
        client.resent = False  # a SYN-ACK that comes again is to be acknowledged again
        client.service = service
        client.cookie = False
        client.outcome, client.causes = "open", {}
        self.clients[client.address, client.sport] = client
        return client

    def blame(self, client, cause):
        client.causes[cause] = client.causes.get(cause, 0) + 1

    def count(self, *names):
        self.counted.update(names)

    # What a client can do.

    def syn(self, client, then, retries=RETRY_S):
        """Sends the SYN; then(client) follows after the round trip, or the SYN again."""
        service = client.service
        full = service.full() if service else False
        counting = service and service.cookies
        before = kernel.counters() if counting else None
        answer = client.syn()
        if answer == ["SA"]:
            assert not full
            client.cookie = counting and "SyncookiesSent" in kernel.moved(before)
            client.outcome = "half-open"
            if client.cookie:
                self.blame(client, "syn-cookie")
                self.count("SyncookiesSent", "TCPReqQFullDoCookies")
            self.at(RTT_S, lambda: then(client))
            return
        if answer == ["RA"]:
            assert not service
            client.outcome, client.causes = "refused", {"no-listener": 1}
            return
        assert answer == [] and (full or not service)
        client.outcome = "unanswered"
        if service:
            self.count("ListenOverflows", "ListenDrops")
        if counting and "TCPReqQFullDoCookies" in kernel.moved(before):
            self.count("TCPReqQFullDoCookies")
        self.blame(client, "accept-queue-full-syn" if service else "unanswered-no-counter")
        if retries:
            self.at(retries[0], lambda: self.syn(client, then, retries[1:]))

    def acknowledge(self, client, send=None):
        """A segment that is a final ACK if it finds room."""
        service, full = client.service, client.service.full()
        (send or client.final_ack)()
        if client in service.queue or client.outcome == "accepted":
            return
        if service.deferring and send is None and not client.cookie:
            self.count("TCPDeferAcceptDrop")
            self.blame(client, "defer-accept")
            return
        if client.cookie:
            self.count("SyncookiesRecv")
        if full:
            self.count("ListenOverflows", "ListenDrops")
            client.outcome = "zombie"
            self.blame(client, "cookie-ack-dropped" if client.cookie else "accept-queue-full-ack")
            client.resent = True
            return
        self.count("PassiveOpens")
        client.outcome, client.resent = "waiting", False
        service.queue.append(client)
        if not service.accept_every:
            self.at(self.random.uniform(0.0005, 0.004), lambda: self.accept(service))

    def reset(self, client):
        client.rst()
        client.outcome = "aborted"
        client.causes["client-reset"] = 1
        self.count("EmbryonicRsts", "AttemptFails")

    def accept(self, service):
        peer = service.listener.accept()
        assert (peer is None) == (not service.queue), (peer, service.port, service.queue and vars(service.queue[0]))
        if peer:
            client = service.queue.pop(0)
            assert peer[:2] == (client.address, client.sport)
            client.outcome = "accepted"
        if service.accept_every:
            self.at(service.accept_every, lambda: self.accept(service), ever=True)

    # Plans.

    def visitor(self, service):
        """Connects, and says something a little later."""
        client = self.client(service)
        self.syn(client, lambda c: (self.acknowledge(c), self.at(0.005, lambda: self.speak(c))))

    def speak(self, client):
        if client.outcome in ("waiting", "accepted", "half-open", "zombie"):
            self.acknowledge(client, client.data)

    def quiet_visitor(self, service):
        self.syn(self.client(service), self.acknowledge)

    def scanner(self, service):
        self.syn(self.client(service), self.reset)

    def vanisher(self, service):
        """Never answers the SYN-ACK."""
        self.syn(self.client(service), lambda client: None)

    def stranger(self, family, port):
        """To a port without a listener, or behind a packet filter."""
        self.syn(self.client(None, family, port), lambda client: None)

    def truth(self):
        """What a report must say of each attempt: {(client, isn): Truth}."""
        truths = {}
        for (address, sport), client in self.clients.items():
            name = stage.endpoint(address, sport)
            truths[name, client.isn] = stage.Truth(
                name, stage.endpoint(wire.SERVER[client.family], client.port), client.isn,
                client.outcome, client.causes)
        return truths
