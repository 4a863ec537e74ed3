"""Cases of a segment that meets a listener and no request: cookies and strays, the fourth table of docs/kernel.md."""
import dataclasses
import time

import wire
from stage import COOKIE_OVERFLOW, COOKIE_SENT, OPENED, RST_SENT, SYN_OVERFLOW, case


def cookie_on_full(s):
    """A listener of limit 1 with a full accept queue, and a client that has a cookie."""
    listener = s.listen(1)
    if s.cookies == 2:
        client = s.client()
        s.step("SYN with a cookie", client.syn, ["SA"], **COOKIE_SENT)
        s.fill(2)
        return listener, client
    first, second, client = s.client(), s.client(), s.client()
    s.step("SYN", first.syn, ["SA"])
    s.step("SYN", second.syn, ["SA"])
    s.step("SYN with a cookie", client.syn, ["SA"], **COOKIE_SENT)
    for other in (first, second):
        s.step("ACK", other.final_ack, [], **OPENED)
        s.truth(other, "waiting")
    return listener, client


@case(cookies=(1, 2), abort=(0, 1))
def cookie_ack_dropped(s):
    listener, client = cookie_on_full(s)
    s.step("ACK", client.final_ack, [], **COOKIE_OVERFLOW)
    assert (listener.depth, listener.half_open(), listener.limit) == (2, 0, 1)
    s.step("nothing is resent", lambda: s.wait(client, 1.2), [])
    s.truth(client, "zombie", syn_cookie=1, cookie_ack_dropped=1)


@case(cookies=(1, 2))
def listener_closes_on_a_zombie(s):
    """It was in no queue, so that the close does not reset it."""
    listener, client = cookie_on_full(s)
    s.step("ACK", client.final_ack, [], **COOKIE_OVERFLOW)
    s.step("close", listener.close, None, EstabResets=2, OutRsts=2)
    assert not client.kinds()
    for key, truth in s.truths.items():
        if truth.outcome == "waiting":
            s.truths[key] = dataclasses.replace(truth, outcome="reset", causes={**truth.causes, "listener-closed": 1})
    s.truth(client, "zombie", syn_cookie=1, cookie_ack_dropped=1)


@case(cookies=(1, 2), abort=(0, 1))
def cookie_client_that_speaks(s):
    listener, client = cookie_on_full(s)
    s.step("ACK", client.final_ack, [], **COOKIE_OVERFLOW)
    s.step("ACK again", client.final_ack, [], **COOKIE_OVERFLOW)
    s.step("data", client.data, [], **COOKIE_OVERFLOW)
    s.step("the same data again", client.data, [], **COOKIE_OVERFLOW)
    s.step("more data", lambda: client.data(b"y" * 100), [], **COOKIE_OVERFLOW)
    s.step("FIN", client.fin, [], **COOKIE_OVERFLOW)
    s.accept(listener)
    s.step("data with room", client.data, ["A"], SyncookiesRecv=1, **OPENED)
    assert listener.depth == 2
    s.truth(client, "waiting", syn_cookie=1, cookie_ack_dropped=6)


def stamped(client, send, stamps):
    """send, and keeps the timestamp of the server's answer, with the milliseconds in which it can have been made."""
    def action():
        before = time.monotonic_ns()
        answer = send()
        stamps.append((client.heard, range(before // 10**6, time.monotonic_ns() // 10**6 + 1)))
        return answer

    return action


def behind(first, second):
    """By how many milliseconds the first timestamp can have been behind, given the second: with when it was made."""
    return {(value_ms, (second[0] - first[0] - (later_ms - value_ms)) % 2**32)
            for value_ms in first[1] for later_ms in second[1]}


@case(cookies=(1, 2))
def cookie_timestamp(s):
    options = {"timestamp": (1_000_000, 0), "wscale": 7, "sack": True}
    listener = s.listen(1)
    clients = [s.client(**options) for _ in range(3 if s.cookies == 1 else 1)]
    stamps = []
    for client in clients:
        s.step("SYN", stamped(client, client.syn, stamps), ["SA"], **(COOKIE_SENT if client == clients[-1] else {}))
    for client, first in list(zip(clients, stamps))[-2:]:
        cookie = client == clients[-1]
        s.step("ACK", client.final_ack, [], **OPENED, **({"SyncookiesRecv": 1} if cookie else {}))
        s.step("data", stamped(client, client.data, stamps), ["A"])
        found = behind(first, stamps[-1])
        # The last six bits of a cookie's are window scale, SACK and ECN.
        assert any(late == ((made_ms - (7 | 0x10)) % 64 if cookie else 0) for made_ms, late in found), (cookie, found)
        s.truth(client, "waiting", **({"syn_cookie": 1} if cookie else {}))
    for client in clients[:-2]:
        s.truth(client, "half-open")
    assert listener.depth == len(clients[-2:])


@case(cookies=(1, 2))
def cookie_good(s):
    listener = s.listen(1)
    if s.cookies == 1:
        for _ in range(2):
            half_open = s.client()
            s.step("SYN", half_open.syn, ["SA"])
            s.truth(half_open, "half-open")
    for what, send, answer in (("ACK", lambda c: c.final_ack(), []),
                               ("ACK with data", lambda c: c.data(), ["A"]),
                               ("ACK with FIN", lambda c: c.fin_in_order(), [])):
        client = s.client()
        s.step("SYN", client.syn, ["SA"], **COOKIE_SENT)
        s.step("SYN again: a cookie again", client.syn, ["SA"], **COOKIE_SENT)
        s.step(what, lambda c=client, send=send: send(c), answer, SyncookiesRecv=1, **OPENED)
        assert listener.depth == 1
        s.truth(client, "waiting", syn_cookie=2)
        s.accept(listener)


@case(cookies=(1, 2))
def cookie_bad(s):
    s.listen(1)
    if s.cookies == 1:
        for _ in range(2):
            s.step("SYN", s.client().syn, ["SA"])
    client = s.client()
    s.step("SYN", client.syn, ["SA"], **COOKIE_SENT)
    # The lowest bits carry the MSS: one off could still be a cookie.
    s.step("wrong cookie", lambda: client.final_ack(ack_offset=0x10000), ["R"], SyncookiesFailed=1, **RST_SENT)
    stranger = s.client()
    stranger.ack = 12345
    s.step("ACK out of nowhere", stranger.final_ack, ["R"], SyncookiesFailed=1, **RST_SENT)
    s.step("data out of nowhere", stranger.data, ["R"], SyncookiesFailed=1, **RST_SENT)
    s.step("the right one", client.final_ack, [], SyncookiesRecv=1, **OPENED)


@case(cookies=(1, 2), abort=(0, 1))
def cookie_client_that_closes_behind_lost_data(s):
    """The cookie is checked by the number of the segment that brings it: only the first that it sent has that."""
    _, client = cookie_on_full(s)
    s.step("ACK", client.final_ack, [], **COOKIE_OVERFLOW)
    s.step("data", lambda: client.data(b"y" * 100), [], **COOKIE_OVERFLOW)
    client.seq += 100  # the lowest bits carry the MSS: a few off could still be a cookie
    s.step("FIN behind it", client.fin, ["R"], SyncookiesFailed=1, **RST_SENT)
    s.truth(client, "reset", syn_cookie=1, cookie_ack_dropped=2, server_reset=1)


@case(cookies=(1, 2))
def cookie_client_resets_with_ack(s):
    """What has ACK a listener would answer with a RST, and a RST gets none: nothing counts it."""
    _, client = cookie_on_full(s)
    s.step("ACK", client.final_ack, [], **COOKIE_OVERFLOW)
    s.step("RST + ACK", lambda: client.rst(wire.ACK), [])
    s.truth(client, "reset", syn_cookie=1, cookie_ack_dropped=1, client_reset=1)


@case(cookies=(1, 2))
def cookie_client_resets(s):
    """A scan that meets cookies: only sk_drops moves."""
    s.listen(1)
    if s.cookies == 1:
        for _ in range(2):
            s.step("SYN", s.client().syn, ["SA"])
    client = s.client()
    s.step("SYN", client.syn, ["SA"], **COOKIE_SENT)
    s.step("RST", client.rst, [], drops=1)
    s.truth(client, "aborted", syn_cookie=1, client_reset=1)


@case(cookies=(1,))
def cookie_skips_defer_accept(s):
    listener = s.listen(1, defer_accept=5)
    clients = [s.client() for _ in range(3)]
    for client in clients[:2]:
        s.step("SYN", client.syn, ["SA"])
    s.step("SYN with a cookie", clients[2].syn, ["SA"], **COOKIE_SENT)
    s.step("its bare ACK", clients[2].final_ack, [], SyncookiesRecv=1, **OPENED)
    assert listener.depth == 1
    s.truth(clients[2], "waiting", syn_cookie=1)
    s.step("bare ACK of a request", clients[0].final_ack, [], drops=1, TCPDeferAcceptDrop=1)


@case(cookies=(0, 1, 2))
def stray_without_recent_cookies(s):
    """On a fresh listener that never sent a cookie nobody's ACK is taken for one."""
    s.listen(5)
    client = s.client()
    client.ack = 777
    s.step("ACK", client.final_ack, ["R"], **RST_SENT)
    s.step("data", client.data, ["R"], **RST_SENT)
    s.step("FIN", client.fin, ["R"], **RST_SENT)
    s.step("RST", client.rst, [], drops=1)
    s.step("RST + ACK", lambda: client.rst(wire.ACK), [])


@case(cookies=(1,), tcp_synack_retries=1)
def expired_request_looks_like_a_bad_cookie(s):
    """The final ACK of a request that expired, on a listener that sent cookies lately."""
    listener = s.listen(1)
    first, second, cookie = s.client(), s.client(), s.client()
    s.step("SYN", first.syn, ["SA"])
    s.step("SYN", second.syn, ["SA"])
    s.step("SYN with a cookie", cookie.syn, ["SA"], **COOKIE_SENT)
    s.step("expiry", lambda: s.wait(first, 3.6), ["SA"], TCPTimeouts=4, TCPSynRetrans=2, RetransSegs=2)
    assert listener.half_open() == 0
    s.step("ACK", first.final_ack, ["R"], SyncookiesFailed=1, **RST_SENT)
    s.truth(first, "reset", server_reset=1)


@case(cookies=(1,))
def cookie_client_tries_again_while_full(s):
    listener, client = cookie_on_full(s)
    s.step("ACK", client.final_ack, [], **COOKIE_OVERFLOW)
    s.step("a SYN of the same attempt", client.syn, [], **SYN_OVERFLOW)
    s.accept(listener)
    s.step("ACK with room", client.final_ack, [], SyncookiesRecv=1, **OPENED)
    s.truth(client, "waiting", syn_cookie=1, cookie_ack_dropped=1, accept_queue_full_syn=1)
