"""Cases of a connection in the accept queue, of TIME_WAIT, Fast Open, SO_REUSEPORT and packet filters."""
import socket
import struct
import subprocess

import cases_path
import kernel
import wire
from stage import COOKIE_SENT, OPENED, RESENT, RST_SENT, SYN_OVERFLOW, case

TIME_WAIT = 6


@case(cookies=(0, 1))
def ghost(s):
    """A client's RST while it waits: the entry stays, the child is gone."""
    listener = s.listen(1)
    client, other = s.fill(2)
    s.step("RST", client.rst, [], EstabResets=1)
    assert (listener.depth, listener.waiting()) == (2, 1)
    s.truth(client, "ghost", client_reset=1)
    dropped = s.client()
    s.step("SYN: the ghost still takes its place", dropped.syn, [], **SYN_OVERFLOW)
    s.truth(dropped, "unanswered", accept_queue_full_syn=1)
    assert s.accept(listener) == (client.address, client.sport)
    assert (listener.depth, listener.waiting()) == (1, 1)
    try:
        listener.accepted[0].recv(1)
        raise AssertionError("the ghost could be read")
    except ConnectionResetError:
        pass
    assert s.accept(listener) == (other.address, other.sport)


@case(cookies=(0, 1))
def segments_while_queued(s):
    listener = s.listen(5)
    client, finished = s.fill(2)
    s.step("the same SYN again", client.syn, ["A"], TCPChallengeACK=1, TCPSYNChallenge=1, InErrs=1)
    s.step("FIN", finished.fin_in_order, [])
    assert (listener.depth, listener.waiting()) == (2, 2)
    assert [x["state"] for x in kernel.sockets(s.family, [kernel.CLOSE_WAIT])
            if x["sport"] == s.port] == [kernel.CLOSE_WAIT]


@case(cookies=(0, 1))
def accepted_and_closed_with_a_reset(s):
    """The RST of a close() has a counter of its own; that of a listener that closes has none."""
    listener = s.listen(5)
    unread, lingering = s.fill(2)
    s.step("data", unread.data, ["A"])
    for client in (unread, lingering):
        assert s.accept(listener) == (client.address, client.sport)
    s.step("close with data unread", listener.accepted[0].close, None, EstabResets=1, OutRsts=1, TCPAbortOnClose=1)
    assert unread.kinds() == ["RA"]
    listener.accepted[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.step("close with SO_LINGER 0", listener.accepted[1].close, None, EstabResets=1, OutRsts=1, TCPAbortOnData=1)
    assert lingering.kinds() == ["RA"]
    del listener.accepted[:]


@case(cookies=(0, 1))
def listener_closes_on_its_queue(s):
    listener = s.listen(2)
    queued = s.fill(2)
    half_open = s.client()
    s.step("SYN", half_open.syn, ["SA"])
    s.step("close", listener.close, None, EstabResets=2, OutRsts=2)
    for client in queued:
        assert client.kinds() == ["RA"]
        s.truth(client, "reset", listener_closed=1)
    s.step("the request goes in silence", lambda: s.wait(half_open, 1.3), [])
    s.step("ACK after it", half_open.final_ack, ["R"], **RST_SENT)
    s.truth(half_open, "reset", listener_closed=1)
    late = s.client()
    s.step("SYN after it", late.syn, ["RA"], **RST_SENT)
    s.truth(late, "refused", no_listener=1)


def time_wait(s, listener, **options):
    """A client whose connection the server closed first: the server's end is in TIME_WAIT."""
    client = s.client(**options)
    s.step("SYN", client.syn, ["SA"])
    s.step("ACK", client.final_ack, [], **OPENED)
    s.truth(client, "waiting")
    s.accept(listener)
    s.step("close", listener.accepted.pop().close, None)
    assert client.kinds() == ["FA"]
    client.ack += 1
    s.step("ACK and FIN", client.fin, ["A"], TW=1)
    client.seq += 1
    return client


def in_time_wait(s):
    return sum(1 for x in kernel.sockets(s.family, [TIME_WAIT]) if x["sport"] == s.port)


@case(cookies=(0, 1))
def time_wait_without_timestamps(s):
    listener = s.listen(5)
    client = time_wait(s, listener, isn=50_000)
    older = s.again(client, isn=40_000)
    s.step("SYN with an older ISN", older.syn, ["A"])
    s.step("again, too soon", older.syn, [], TCPACKSkippedTimeWait=1)
    assert in_time_wait(s) == 1
    newer = s.again(client, isn=90_000)
    s.step("SYN with a newer ISN", newer.syn, ["SA"])
    assert in_time_wait(s) == 0
    s.step("ACK", newer.final_ack, [], **OPENED)
    s.truth(newer, "waiting")


@case(cookies=(2,))
def time_wait_without_a_cookie(s):
    """Its client is evidently real: a request is made for it where all others get cookies."""
    listener = s.listen(5)
    client = s.client(isn=50_000)
    s.step("SYN", client.syn, ["SA"], **COOKIE_SENT)
    s.step("ACK", client.final_ack, [], SyncookiesRecv=1, **OPENED)
    s.truth(client, "waiting", syn_cookie=1)
    s.accept(listener)
    s.step("close", listener.accepted.pop().close, None)
    assert client.kinds() == ["FA"]
    client.ack += 1
    s.step("ACK and FIN", client.fin, ["A"], TW=1)
    client.seq += 1
    newer = s.again(client, isn=90_000)
    s.step("SYN with a newer ISN", newer.syn, ["SA"])
    s.step("ACK", newer.final_ack, [], **OPENED)
    s.truth(newer, "waiting")


@case(cookies=(0, 1))
def time_wait_whose_answer_gets_nowhere(s):
    """No packet and no counter tells of it: only the socket, while it is there."""
    listener = s.listen(5)
    client = time_wait(s, listener, isn=50_000)
    older = s.again(client, isn=40_000)
    with cases_path.route(client, "blackhole"):
        s.step("SYN with an older ISN, no way back", older.syn, [])
        # Longer than until it is looked up.
        s.pause(0.1)
    assert in_time_wait(s) == 1
    s.truth(older, "unanswered", existing_connection=1)


@case(cookies=(0, 1))
def time_wait_with_timestamps(s):
    listener = s.listen(5)
    client = time_wait(s, listener, isn=50_000, timestamp=(1_000_000, 0))
    older = s.again(client, isn=90_000, timestamp=(900_000, 0))
    s.step("SYN with an older timestamp", older.syn, ["A"], PAWSTimewait=1)
    s.step("again, too soon", older.syn, [], PAWSTimewait=1, TCPACKSkippedTimeWait=1)
    newer = s.again(client, isn=40_000, timestamp=(1_000_500, 0))
    s.step("SYN with a newer timestamp, older ISN", newer.syn, ["SA"])
    s.step("ACK", newer.final_ack, [], **OPENED)
    s.truth(newer, "waiting")


@case(cookies=(0, 1))
def time_wait_that_the_client_resets(s):
    """Its numbers stand ahead of the new ones: neither the ACK nor the RST that answers it are of these."""
    listener = s.listen(5)
    client = time_wait(s, listener, isn=50_000, timestamp=(1_000_000, 0))
    older = s.again(client, isn=40_000, timestamp=(900_000, 0))
    s.step("SYN with an older timestamp", older.syn, ["A"], PAWSTimewait=1)
    s.step("the client's RST", client.rst, [])
    assert in_time_wait(s) == 0
    s.step("the same SYN again", older.syn, ["SA"])
    s.step("ACK", older.final_ack, [], **OPENED)
    s.step("data", older.data, ["A"])
    s.truth(older, "waiting", existing_connection=1, client_left=0)
    s.accept(listener)
    older.seq += 1
    s.step("FIN", older.fin_in_order, [])


@case(cookies=(0, 1))
def time_wait_on_full(s):
    listener = s.listen(0)
    client = time_wait(s, listener, isn=50_000)
    s.fill(1)
    newer = s.again(client, isn=90_000)
    s.step("SYN with a newer ISN", newer.syn, [], **SYN_OVERFLOW)
    assert in_time_wait(s) == 0
    s.truth(newer, "unanswered", accept_queue_full_syn=1)


NO_COOKIE = {"TCPFastOpenCookieReqd": 1}


@case(cookies=(0, 1), tcp_fastopen=0x602)
def fast_open(s):
    """Without a cookie required: the SYN alone fills the accept queue."""
    listener = s.listen(1, fastopen=9)
    first, second, third = s.client(), s.client(), s.client()
    for client in (first, second):
        s.step("SYN with data", lambda c=client: c.syn(b"hello", fastopen=b""), ["SA"],
               TCPFastOpenPassive=1, **NO_COOKIE, **OPENED)
        client.seq += 5
    assert (listener.depth, listener.half_open()) == (2, 2)
    s.step("SYN on the full queue", lambda: third.syn(b"hello", fastopen=b""), [], **SYN_OVERFLOW)
    s.truth(third, "unanswered", accept_queue_full_syn=1)
    s.step("SYN again", lambda: first.syn(b"hello", fastopen=b""), ["SA"], **RESENT)
    s.step("ACK", first.final_ack, [])
    assert (listener.depth, listener.half_open()) == (2, 1)
    s.truth(first, "waiting")
    s.step("RST before the ACK", second.rst, [], AttemptFails=2)
    assert (listener.depth, listener.half_open()) == (2, 0)


@case(cookies=(0, 1), tcp_fastopen=0x602)
def fast_open_limit(s):
    listener = s.listen(9, fastopen=1)
    first, second = s.client(), s.client()
    s.step("SYN with data", lambda: first.syn(b"hello", fastopen=b""), ["SA"],
           TCPFastOpenPassive=1, **NO_COOKIE, **OPENED)
    s.step("SYN beyond max_qlen", lambda: second.syn(b"hello", fastopen=b""), ["SA"],
           TCPFastOpenListenOverflow=1, **NO_COOKIE)
    assert listener.depth == 1
    s.step("its ACK", second.final_ack, [], **OPENED)
    s.truth(second, "waiting")
    first.seq += 5
    s.step("ACK", first.final_ack, [])
    s.truth(first, "waiting")


@case(cookies=(0, 1), tcp_fastopen=2)
def fast_open_cookie(s):
    listener = s.listen(9, fastopen=9)
    client = s.client()
    client.raw(wire.SYN, client.isn, mss=1460, fastopen=b"")
    (answer,) = client.answers()
    cookie = answer.options[34]
    s.step("ACK", client.final_ack, [], **OPENED)
    s.truth(client, "waiting")
    good, bad, asks = (s.again(client, isn=i * 100_000) for i in range(1, 4))
    for number, twin in enumerate((good, bad, asks), 1):
        twin.sport += number * 10000
    s.step("SYN with a cookie", lambda: good.syn(b"hey", fastopen=cookie), ["SA"], TCPFastOpenPassive=1,
           **OPENED)
    assert listener.depth == 2
    s.step("SYN with a wrong cookie", lambda: bad.syn(b"hey", fastopen=b"12345678"), ["SA"],
           TCPFastOpenPassiveFail=1)
    s.step("its ACK", bad.final_ack, [], **OPENED)
    s.truth(bad, "waiting")
    s.step("SYN that asks for a cookie", lambda: asks.syn(fastopen=b""), ["SA"], TCPFastOpenCookieReqd=1)


@case(cookies=(0, 1))
def reuseport(s):
    """Each sibling has its own queue, and selection ignores fullness."""
    siblings = [s.listen(0, reuseport=True) for _ in range(2)]
    refused = {0: 0, 1: 0}
    for _ in range(40):
        client = s.client()
        full = [x.depth == 1 for x in siblings]
        drops = [x.drops for x in siblings]
        before = kernel.counters()
        answer = client.syn()
        if answer:
            client.final_ack()
            s.truth(client, "waiting")
        moved = kernel.moved(before)
        s.count(moved)
        if answer:
            continue
        assert moved == {"ListenOverflows": 1, "ListenDrops": 1}
        gained = [x.drops - n for x, n in zip(siblings, drops)]
        assert sorted(gained) == [0, 1]
        assert full[gained.index(1)]
        if not all(full):
            refused[gained.index(1)] += 1
        s.truth(client, "unanswered", accept_queue_full_syn=1)
        s.pause(s.pace)
    assert [x.depth for x in siblings] == [1, 1]


def hash_apart(s, count):
    """Two siblings with finished handshakes and requests in both."""
    siblings = [s.listen(99, reuseport=True) for _ in range(2)]
    queued, half_open = [], []
    while len(queued) < count:
        client = s.client()
        assert client.syn() == ["SA"]
        assert client.final_ack() == []
        queued.append(client)
    while len(half_open) < count:
        client = s.client()
        assert client.syn() == ["SA"]
        half_open.append(client)
    depths = [x.depth for x in siblings]
    assert sum(depths) == count and all(depths)
    return siblings, queued, half_open


@case(tcp_migrate_req=1)
def reuseport_closes_and_migrates(s):
    siblings, _, half_open = hash_apart(s, 16)
    moving = siblings[1].depth
    s.step("close one", siblings[1].close, None, TCPMigrateReqSuccess=moving)
    assert siblings[0].depth == 16
    before = kernel.counters()
    for client in half_open:
        assert client.final_ack() == []
    moved = kernel.moved(before)
    s.count(moved)
    assert moved.pop("PassiveOpens") == 16
    assert 0 < moved.pop("TCPMigrateReqSuccess") < 16
    assert moved == {}
    assert siblings[0].depth == 32


@case()
def reuseport_closes_and_resets(s):
    siblings, queued, half_open = hash_apart(s, 16)
    lost = siblings[1].depth
    s.step("close one", siblings[1].close, None, EstabResets=lost, OutRsts=lost)
    assert sum(client.kinds() == ["RA"] for client in queued) == lost
    before = kernel.counters()
    answers = [client.final_ack() for client in half_open]
    resets = answers.count(["R"])
    moved = kernel.moved(before)
    s.count(moved)
    assert moved == {"PassiveOpens": 16 - resets, "OutRsts": resets}
    assert 0 < resets < 16


def nft(rules):
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def filtered(hook, rule):
    return f"table inet synscope_test {{\n chain c {{\n type filter hook {hook} priority 0;\n {rule}\n }}\n}}\n"


@case()
def packet_filter(s):
    listener = s.listen(5)
    try:
        client = s.client()
        nft(filtered("input", f"tcp dport {s.port} drop"))
        s.step("SYN, dropped", client.syn, [])
        s.truth(client, "unanswered", unanswered_no_counter=1)
        nft("flush ruleset")
        client = s.client()
        nft(filtered("input", f"tcp dport {s.port} reject"))
        s.step("SYN, rejected with ICMP", client.syn, [])
        s.truth(client, "unreachable")
        nft("flush ruleset")
        client = s.client()
        nft(filtered("input", f"tcp dport {s.port} reject with tcp reset"))
        s.step("SYN, rejected with a RST", client.syn, ["RA"])
        s.truth(client, "refused", reset_in_front=1)
        nft("flush ruleset")
        client = s.client()
        nft(filtered("output", f"tcp sport {s.port} drop"))
        s.step("SYN-ACK dropped", client.syn, [])
        assert listener.half_open() == 1
        s.untold = 1  # a SYN-ACK that never left is not captured: who knows of the request?
        s.step("SYN again", client.syn, [], drops=1)
    finally:
        nft("flush ruleset")
