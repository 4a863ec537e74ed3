"""Cases of a SYN that meets a listener and no request: the first table of docs/kernel.md."""
import socket
import struct

import wire
from stage import COOKIE_SENT, OPENED, RST_SENT, SYN_OVERFLOW, case


@case(cookies=(0, 1, 2))
def accept_queue_full(s):
    listener = s.listen(1)
    s.fill(2)
    assert (listener.depth, listener.limit) == (2, 1)
    client = s.client()
    always = {"TCPReqQFullDoCookies": 1} if s.cookies == 2 else {}
    s.step("SYN", client.syn, [], **SYN_OVERFLOW, **always)
    s.step("the same SYN again", client.syn, [], **SYN_OVERFLOW, **always)
    s.accept(listener)
    s.step("the same SYN with room", client.syn, ["SA"], **(COOKIE_SENT if s.cookies == 2 else {}))
    s.step("ACK", client.final_ack, [], **OPENED, **({"SyncookiesRecv": 1} if s.cookies == 2 else {}))
    s.truth(client, "waiting", accept_queue_full_syn=2, **({"syn_cookie": 1} if s.cookies == 2 else {}))


@case(cookies=(0, 1, 2))
def accept_queue_full_for_good(s):
    s.listen(0)
    s.fill(1)
    client = s.client()
    always = {"TCPReqQFullDoCookies": 1} if s.cookies == 2 else {}
    for copy in range(5):
        s.step(f"SYN {copy}", client.syn, [], **SYN_OVERFLOW, **always)
    s.truth(client, "unanswered", accept_queue_full_syn=5)


@case(cookies=(0,))
def syn_queue_full_without_cookies(s):
    listener = s.listen(2)
    for _ in range(3):
        half_open = s.client()
        s.step("SYN", half_open.syn, ["SA"])
        s.truth(half_open, "half-open")
    assert (listener.half_open(), listener.limit) == (3, 2)
    client = s.client()
    s.step("SYN on the full SYN queue", client.syn, [], drops=1, ListenDrops=1, TCPReqQFullDrop=1)
    s.step("again", client.syn, [], drops=1, ListenDrops=1, TCPReqQFullDrop=1)
    s.truth(client, "unanswered", syn_queue_full=2)


@case()
def syn_queue_full_with_cookies(s):
    listener = s.listen(2)
    for _ in range(3):
        half_open = s.client()
        s.step("SYN", half_open.syn, ["SA"])
        s.truth(half_open, "half-open")
    client = s.client()
    s.step("SYN on the full SYN queue", client.syn, ["SA"], **COOKIE_SENT)
    s.step("again", client.syn, ["SA"], **COOKIE_SENT)
    assert listener.half_open() == 3
    s.step("ACK", client.final_ack, [], SyncookiesRecv=1, **OPENED)
    s.truth(client, "waiting", syn_cookie=2)


@case(cookies=(2,))
def always_a_cookie(s):
    listener = s.listen(5)
    client = s.client()
    s.step("SYN on empty queues", client.syn, ["SA"], **COOKIE_SENT)
    assert listener.half_open() == 0
    s.step("ACK", client.final_ack, [], SyncookiesRecv=1, **OPENED)
    s.truth(client, "waiting", syn_cookie=1)


@case(cookies=(1,))
def both_full_with_cookies(s):
    listener = s.listen(1)
    s.fill(1)
    for _ in range(2):
        half_open = s.client()
        s.step("SYN", half_open.syn, ["SA"])
        s.truth(half_open, "half-open")
    cookie, client = s.client(), s.client()
    s.step("SYN with a cookie", cookie.syn, ["SA"], **COOKIE_SENT)
    s.step("its ACK", cookie.final_ack, [], SyncookiesRecv=1, **OPENED)
    s.truth(cookie, "waiting", syn_cookie=1)
    assert (listener.depth, listener.half_open(), listener.limit) == (2, 2, 1)
    s.step("SYN", client.syn, [], **SYN_OVERFLOW, TCPReqQFullDoCookies=1)
    s.truth(client, "unanswered", accept_queue_full_syn=1)


@case(cookies=(0,))
def both_full_without_cookies(s):
    listener = s.listen(2)
    s.fill(2)
    for _ in range(3):
        half_open = s.client()
        s.step("SYN", half_open.syn, ["SA"])
        s.truth(half_open, "half-open")
    listener.socket.listen(1)
    assert (listener.depth, listener.half_open(), listener.limit) == (2, 3, 1)
    client = s.client()
    s.step("SYN", client.syn, [], drops=1, ListenDrops=1, TCPReqQFullDrop=1)
    s.truth(client, "unanswered", syn_queue_full=1)


@case(cookies=(0, 1), tcp_max_syn_backlog=16)
def reserve_rule(s):
    listener = s.listen(100)
    clients = [s.client() for _ in range(30)]
    admitted = 13 if s.cookies == 0 else 30
    refused = 30 - admitted
    s.step("30 SYNs", lambda: [client.syn() for client in clients], [["SA"]] * admitted + [[]] * refused,
           **({"drops": refused, "ListenDrops": refused} if refused else {}))
    for number, client in enumerate(clients):
        if number < admitted:
            s.truth(client, "half-open")
        else:
            s.truth(client, "unanswered", max_syn_backlog_reserve=1)
    assert listener.half_open() == admitted


@case(cookies=(0,), tcp_max_syn_backlog=16)
def reserve_rule_spares_a_proven_peer(s):
    listener = s.listen(100)
    peer = s.client()
    s.step("SYN", peer.syn, ["SA"])
    s.step("ACK", peer.final_ack, [], **OPENED)
    s.truth(peer, "waiting")
    s.accept(listener)
    connection = listener.accepted.pop()

    def whole_connection():
        connection.send(b"hi")
        peer.answers()
        peer.ack += 2
        peer.final_ack()
        peer.fin()
        peer.seq += 1
        connection.close()
        peer.answers()
        peer.ack += 1
        return peer.final_ack()

    s.step("a round trip that leaves an RTT behind", whole_connection, [])
    for number in range(13):
        s.step(f"SYN {number}", s.client().syn, ["SA"])
    stranger = s.client()
    s.step("SYN of a stranger", stranger.syn, [], drops=1, ListenDrops=1)
    s.truth(stranger, "unanswered", max_syn_backlog_reserve=1)
    proven = s.again(peer, isn=5_000_000)
    proven.sport += 20000
    s.step("SYN of the proven peer", proven.syn, ["SA"])
    s.truth(proven, "half-open")


@case(cookies=(0, 1))
def data_on_the_syn(s):
    s.listen(5)
    client = s.client()
    s.step("SYN with data", lambda: client.syn(b"hello"), ["SA"])
    assert client.ack != 0
    s.step("ACK with the data again", lambda: client.data(b"hello"), ["A"], **OPENED)
    s.truth(client, "waiting")


@case(cookies=(0, 1, 2))
def nonsense_flags(s):
    s.listen(5)
    client = s.client()

    def send(flags):
        def action():
            client.raw(flags, client.isn)
            return client.kinds()
        return action

    s.step("SYN and FIN", send(wire.SYN | wire.FIN), [], drops=1)
    s.step("SYN and RST", send(wire.SYN | wire.RST), [], drops=1)
    s.step("no flag", send(0), [], drops=1)
    s.step("RST", send(wire.RST), [], drops=1)
    s.step("SYN and ACK", send(wire.SYN | wire.ACK), ["R"], **RST_SENT)


@case()
def bad_segments(s):
    s.listen(5)
    client = s.client()

    def send(offset, damage):
        def action():
            data = struct.pack("!HHIIBBHHH", client.sport, client.port, client.isn, 0, offset << 4,
                               wire.SYN, 64000, 0, 0)
            data = wire.with_checksum(client.address, wire.SERVER[s.family], socket.IPPROTO_TCP, 16, data)
            s.wire.send(wire.ip_packet(client.address, wire.SERVER[s.family], socket.IPPROTO_TCP,
                                       data[:-1] + bytes([data[-1] ^ damage])))
            return client.kinds()
        return action

    s.step("wrong checksum", send(5, 1), [], InErrs=1, InCsumErrors=1)
    s.step("header shorter than a header", send(3, 0), [], InErrs=1)
    s.truth(client, "unanswered", unanswered_no_counter=1)


@case(cookies=(0, 1))
def no_listener(s):
    client = s.client(port=7)
    s.step("SYN to a closed port", client.syn, ["RA"], **RST_SENT)
    s.truth(client, "refused", no_listener=1)
    s.step("ACK to a closed port", client.final_ack, ["R"], **RST_SENT)


@case(families=(6,))
def dual_stack(s):
    listener = s.listen(0, address="::")
    old, new = s.client(family=4), s.client(family=4)
    s.step("IPv4 SYN to a :: listener", old.syn, ["SA"])
    s.step("ACK", old.final_ack, [], **OPENED)
    assert listener.depth == 1
    s.truth(old, "waiting")
    s.step("IPv4 SYN, full", new.syn, [], **SYN_OVERFLOW)
    s.truth(new, "unanswered", accept_queue_full_syn=1)
    newest = s.client()
    s.step("IPv6 SYN, full", newest.syn, [], **SYN_OVERFLOW)
    s.truth(newest, "unanswered", accept_queue_full_syn=1)


@case()
def listen_again(s):
    listener = s.listen(1)
    s.fill(2)
    client, other = s.client(), s.client()
    s.step("SYN", client.syn, [], **SYN_OVERFLOW)
    s.sysctl("net.core.somaxconn", 2)
    assert listener.limit == 1
    listener.socket.listen(7)
    assert listener.limit == 2
    s.sysctl("net.core.somaxconn", 4096)
    assert listener.limit == 2
    s.step("SYN after listen() with more", client.syn, ["SA"])
    s.step("ACK", client.final_ack, [], **OPENED)
    s.truth(client, "waiting", accept_queue_full_syn=1)
    s.step("SYN, full again", other.syn, [], **SYN_OVERFLOW)
    s.truth(other, "unanswered", accept_queue_full_syn=1)
