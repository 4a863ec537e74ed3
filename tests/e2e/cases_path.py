"""Cases of what stands between a segment and the queues: routes, signatures, TTLs, filters, an old connection."""
import contextlib
import ctypes
import socket
import struct
import subprocess

import wire
from stage import COOKIE_SENT, OPENED, SYN_OVERFLOW, case

SO_ATTACH_FILTER, SO_DETACH_FILTER, TCP_MD5SIG = 26, 27, 14
IP_MINTTL, IPV6_MINHOPCOUNT = 21, 73


@contextlib.contextmanager
def route(client, kind):
    """No way back to this client: a route of its own of this type; "throw" is as if there were none."""
    what = [f"-{client.family}", "route"]
    address = client.address + ("/32" if client.family == 4 else "/128")
    subprocess.run(["ip", *what, "add", kind, address], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["ip", *what, "del", kind, address], check=True, capture_output=True)


def no_route(s, kind):
    """What a failed route look-up counts: the IPv6 one says so of a missing route alone."""
    if s.family == 4:
        return {"OutNoRoutes": 1}
    return {"Ip6OutNoRoutes": 1} if kind == "throw" else {}


@case(cookies=(0, 1, 2))
def no_route_at_the_syn(s):
    s.listen(5)
    always = {"TCPReqQFullDoCookies": 1} if s.cookies == 2 else {}
    for kind in ("blackhole", "unreachable", "prohibit", "throw"):
        client = s.client()
        with route(client, kind):
            for copy in range(2):
                s.step(f"SYN {copy}, {kind}", client.syn, [], drops=1, ListenDrops=1, **always, **no_route(s, kind))
        s.truth(client, "unanswered", no_route=2)


@case(cookies=(0, 1))
def no_route_on_full(s):
    """The accept queue is asked first."""
    s.listen(0)
    s.fill(1)
    client = s.client()
    with route(client, "blackhole"):
        s.step("SYN", client.syn, [], **SYN_OVERFLOW)
    s.truth(client, "unanswered", accept_queue_full_syn=1)


@case(cookies=(0, 1))
def no_route_at_the_final_ack(s):
    listener = s.listen(5)
    client = s.client()
    s.step("SYN", client.syn, ["SA"])
    tried = {"PassiveOpens": 1, "AttemptFails": 1} if s.family == 4 else {}
    with route(client, "throw"):
        for copy in range(2):
            s.step(f"ACK {copy}", client.final_ack, [], drops=2, ListenDrops=1, **tried, **no_route(s, "throw"))
    assert (listener.depth, listener.half_open()) == (0, 1)
    s.step("ACK with a route", client.final_ack, [], **OPENED)
    s.truth(client, "waiting", no_route=2)


@case(cookies=(2,))
def no_route_at_the_ack_of_a_cookie(s):
    s.listen(5)
    client = s.client()
    s.step("SYN", client.syn, ["SA"], **COOKIE_SENT)
    with route(client, "blackhole"):
        s.step("ACK", client.final_ack, [], SyncookiesRecv=1)
    s.step("ACK with a route", client.final_ack, [], SyncookiesRecv=1, **OPENED)


def attach(listener, program):
    """A classic BPF program, as SO_ATTACH_FILTER takes it."""
    lines = ctypes.create_string_buffer(program)
    listener.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                               struct.pack("@HP", len(program) // 8, ctypes.addressof(lines)))


def deny(listener):
    """One that lets no segment through."""
    attach(listener, struct.pack("=HBBI", 6, 0, 0, 0))


def allow(listener):
    listener.socket.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, struct.pack("i", 0))


@case(cookies=(0, 1, 2))
def socket_filter(s):
    """The listener's own filter: nothing moves but its sk_drops."""
    listener = s.listen(5)
    client = s.client()
    deny(listener)
    for copy in range(2):
        s.step(f"SYN {copy}", client.syn, [], drops=1)
    s.truth(client, "unanswered", discarded_before_queue=2)
    allow(listener)


@case(cookies=(0, 1))
def socket_filter_at_the_final_ack(s):
    listener = s.listen(5)
    client = s.client()
    s.step("SYN", client.syn, ["SA"])
    deny(listener)
    for copy in range(2):
        s.step(f"ACK {copy}", client.final_ack, [], drops=1)
    allow(listener)
    s.step("ACK, no filter", client.final_ack, [], **OPENED)
    s.truth(client, "waiting", discarded_before_queue=2)


# Within it the counters of the namespace are read again after a drop.
READING_S = 0.1


@case(cookies=(0, 1))
def socket_filter_on_full(s):
    """The filter is asked first."""
    listener = s.listen(0)
    s.fill(1)
    client, other = s.client(), s.client()
    deny(listener)
    s.step("SYN", client.syn, [], drops=1)
    s.truth(client, "unanswered", discarded_before_queue=1)
    allow(listener)
    # Of two that one reading of the counters tells of together nobody knows which was which.
    s.pause(READING_S)
    s.step("SYN, no filter", other.syn, [], **SYN_OVERFLOW)
    s.truth(other, "unanswered", accept_queue_full_syn=1)


def sign_for(listener, client, key=b"secret"):
    """TCP_MD5SIG (RFC 2385): segments of this client must be signed with the key."""
    if client.family == 4:
        address = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(client.address))
    else:
        address = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, client.address), 0)
    listener.socket.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG,
                               address.ljust(128, b"\0") + struct.pack("=BBHi80s", 0, 0, len(key), 0, key))


def signed_syn(client):
    """Of a key that nobody has."""
    def send():
        options = b"\x13\x12" + bytes(16) + b"\1\1"
        data = struct.pack("!HHIIBBHHH", client.sport, client.port, client.isn, 0, 10 << 4, wire.SYN, 64000, 0, 0)
        server = wire.SERVER[client.family]
        data = wire.with_checksum(client.address, server, socket.IPPROTO_TCP, 16, data + options)
        client.wire.send(wire.ip_packet(client.address, server, socket.IPPROTO_TCP, data))
        return client.kinds()
    return send


@case(cookies=(0, 1))
def tcp_md5(s):
    listener = s.listen(5)
    unsigned, wrong, unexpected = s.client(), s.client(), s.client()
    sign_for(listener, unsigned)
    sign_for(listener, wrong)
    s.step("SYN without a signature", unsigned.syn, [], drops=1, TCPMD5NotFound=1)
    s.step("SYN with a wrong one", signed_syn(wrong), [], drops=1, TCPMD5Failure=1)
    s.step("SYN with one where none is wanted", signed_syn(unexpected), [], drops=1, TCPMD5Unexpected=1)
    for client in (unsigned, wrong, unexpected):
        s.truth(client, "unanswered", md5_mismatch=1)


def least_ttl(listener, family, ttl):
    if family == 4:
        listener.socket.setsockopt(socket.IPPROTO_IP, IP_MINTTL, ttl)
    else:
        listener.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_MINHOPCOUNT, ttl)


@case(cookies=(0, 1))
def min_ttl(s):
    """GTSM (RFC 5082). A request is not asked for its TTL, the listener is."""
    listener = s.listen(5)
    client, early = s.client(), s.client()
    s.step("SYN", early.syn, ["SA"])
    least_ttl(listener, s.family, 255)
    s.step("SYN from too far away", client.syn, [], drops=1, TCPMinTTLDrop=1)
    s.truth(client, "unanswered", ttl_too_small=1)
    s.step("ACK from too far away, of a request", early.final_ack, [], **OPENED)
    s.truth(early, "waiting")


@case(families=(4,))
def reverse_path_filter(s):
    s.listen(5)
    # Strict: the way back is another one. Loose: there is none.
    for mode, way in ((1, ["dev", "lo"]), (2, ["blackhole"])):
        client = s.client()
        where = [*way, client.address] if way[0] == "blackhole" else [client.address, *way]
        subprocess.run(["ip", "route", "add", *where], check=True, capture_output=True)
        s.sysctl(f"net.ipv4.conf.{wire.DEVICE}.rp_filter", mode)
        try:
            s.step("SYN", client.syn, [], IPReversePathFilter=1)
        finally:
            s.sysctl(f"net.ipv4.conf.{wire.DEVICE}.rp_filter", 0)
            subprocess.run(["ip", "route", "del", *where], check=True, capture_output=True)
        s.truth(client, "unanswered", rp_filter=1)


@case(cookies=(0, 1), families=(4,))
def the_way_of_the_final_ack(s):
    """The SYN came by another way, or the route has changed since: it does not reach TCP."""
    s.listen(5)
    client = s.client()
    s.step("SYN", client.syn, ["SA"])
    subprocess.run(["ip", "route", "add", client.address, "dev", "lo"], check=True, capture_output=True)
    s.sysctl(f"net.ipv4.conf.{wire.DEVICE}.rp_filter", 1)
    try:
        s.step("final ACK", client.final_ack, [], IPReversePathFilter=1)
    finally:
        s.sysctl(f"net.ipv4.conf.{wire.DEVICE}.rp_filter", 0)
        subprocess.run(["ip", "route", "del", client.address, "dev", "lo"], check=True, capture_output=True)
    s.truth(client, "zombie", rp_filter=1)


@case(cookies=(0, 1))
def syn_meets_a_connection(s):
    """The client has forgotten it, and uses the port again: RFC 5961 section 4."""
    listener = s.listen(5)
    old, = s.fill(1)
    s.accept(listener)
    new = s.again(old, isn=70_000)
    s.step("SYN", new.syn, ["A"], TCPChallengeACK=1, TCPSYNChallenge=1, InErrs=1)
    s.truth(new, "unanswered", existing_connection=1)


@case(cookies=(0, 1))
def syn_meets_a_connection_that_the_client_resets(s):
    """As Linux clients do: the ACK is not what they wait for."""
    listener = s.listen(5)
    old, = s.fill(1)
    s.accept(listener)
    new = s.again(old, isn=70_000)
    s.step("SYN", new.syn, ["A"], TCPChallengeACK=1, TCPSYNChallenge=1, InErrs=1)
    s.step("RST", old.rst, [], EstabResets=1)
    s.step("SYN again", new.syn, ["SA"])
    s.step("ACK", new.final_ack, [], **OPENED)
    s.truth(new, "waiting", existing_connection=1)


