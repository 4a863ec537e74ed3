"""Cases of a segment that meets a request, and of the request's timer: the second and third table of docs/kernel.md."""
import wire
from stage import ACK_OVERFLOW, OPENED, RESENT, RST_SENT, SYN_OVERFLOW, case

ABORTED = {**ACK_OVERFLOW, "EmbryonicRsts": 1, "OutRsts": 1}


@case(cookies=(0, 1), abort=(0, 1))
def final_ack_with_room(s):
    listener = s.listen(5)
    for what, send, answer in (("ACK", lambda c: c.final_ack(), []),
                               ("ACK with data", lambda c: c.data(), ["A"]),
                               ("ACK with FIN", lambda c: c.fin_in_order(), [])):
        client = s.client()
        s.step("SYN", client.syn, ["SA"])
        s.step(what, lambda c=client, send=send: send(c), answer, **OPENED)
        s.truth(client, "waiting")
    assert (listener.depth, listener.waiting(), listener.half_open()) == (3, 3, 0)


@case(cookies=(0, 1))
def final_ack_dropped(s):
    listener = s.listen(1)
    client = s.request_on_full(listener)
    s.step("ACK", client.final_ack, [], **ACK_OVERFLOW)
    s.step("ACK again", client.final_ack, [], **ACK_OVERFLOW)
    s.step("data", client.data, [], **ACK_OVERFLOW)
    s.step("the same data again", client.data, [], **ACK_OVERFLOW)
    s.step("more data", lambda: client.data(b"y" * 100), [], **ACK_OVERFLOW)
    s.step("FIN", client.fin, [], **ACK_OVERFLOW)
    assert (listener.depth, listener.half_open()) == (2, 1)
    s.accept(listener)
    s.step("ACK with room", client.final_ack, [], **OPENED)
    assert (listener.depth, listener.half_open()) == (2, 0)
    s.truth(client, "waiting", accept_queue_full_ack=6)


@case(cookies=(0, 1))
def final_ack_with_data_dropped(s):
    listener = s.listen(1)
    client = s.request_on_full(listener)
    s.step("ACK with data", client.data, [], **ACK_OVERFLOW)
    s.accept(listener)
    s.step("the same with room", client.data, ["A"], **OPENED)
    s.truth(client, "waiting", accept_queue_full_ack=1)


@case(cookies=(0, 1))
def final_ack_with_fin_dropped(s):
    listener = s.listen(1)
    client = s.request_on_full(listener)
    s.step("ACK with FIN", client.fin, [], **ACK_OVERFLOW)
    s.step("ACK with data and FIN", lambda: client.fin(b"zz"), [], **ACK_OVERFLOW)
    s.accept(listener)
    s.step("ACK with FIN, with room", client.fin_in_order, [], **OPENED)
    s.truth(client, "waiting", accept_queue_full_ack=2)


@case(cookies=(0, 1))
def final_ack_dropped_then_resent_synack(s):
    """The kernel resends its SYN-ACK one second later, the client acknowledges again, and recovers."""
    listener = s.listen(1)
    client = s.request_on_full(listener)
    s.step("ACK", client.final_ack, [], **ACK_OVERFLOW)
    s.step("one second", lambda: s.wait(client, 1.4), ["SA"], TCPTimeouts=1, **RESENT)
    s.step("ACK, still full", client.final_ack, [], **ACK_OVERFLOW)
    s.accept(listener)
    s.step("two seconds more", lambda: s.wait(client, 2.3), ["SA"], TCPTimeouts=1, **RESENT)
    s.step("ACK with room", client.final_ack, [], **OPENED)
    s.truth(client, "waiting", accept_queue_full_ack=2)


@case()
def data_dropped_then_bare_ack_enters(s):
    """A bare ACK answers the SYN-ACK that comes again, and enters; the data that were dropped come again behind it."""
    listener = s.listen(1)
    client = s.request_on_full(listener)
    s.step("ACK", client.final_ack, [], **ACK_OVERFLOW)
    s.step("data", client.data, [], **ACK_OVERFLOW)
    s.accept(listener)
    s.step("one second", lambda: s.wait(client, 1.4), ["SA"], TCPTimeouts=1, **RESENT)
    s.step("ACK with room", client.final_ack, [], **OPENED)
    s.step("the data again", client.data, ["A"])
    s.truth(client, "waiting", accept_queue_full_ack=2)


@case(cookies=(0, 1), tcp_synack_retries=1)
def final_ack_dropped_then_expiry(s):
    listener = s.listen(1)
    client = s.request_on_full(listener)
    s.step("ACK", client.final_ack, [], **ACK_OVERFLOW)
    s.step("one SYN-ACK more, and the end", lambda: s.wait(client, 3.6), ["SA"], TCPTimeouts=2, **RESENT)
    assert listener.half_open() == 0
    s.truth(client, "zombie", accept_queue_full_ack=1)


@case(tcp_synack_retries=1)
def zombie_that_speaks_is_reset(s):
    listener = s.listen(1)
    client = s.request_on_full(listener)
    s.step("ACK", client.final_ack, [], **ACK_OVERFLOW)
    s.step("expiry", lambda: s.wait(client, 3.6), ["SA"], TCPTimeouts=2, **RESENT)
    s.step("data", client.data, ["R"], **RST_SENT)
    s.truth(client, "reset", accept_queue_full_ack=1, server_reset=1)


@case(cookies=(0, 1), abort=(1,))
def abort_on_overflow(s):
    listener = s.listen(1)
    for what, send in (("ACK", lambda c: c.final_ack()), ("data", lambda c: c.data()),
                       ("FIN", lambda c: c.fin())):
        client = s.request_on_full(listener)
        s.step(what, lambda c=client, send=send: send(c), ["R"], **ABORTED)
        assert listener.half_open() == 0
        s.step("ACK after the RST", client.final_ack, ["R"], **RST_SENT)
        s.truth(client, "reset", accept_queue_full_ack=1, server_reset=1)
        s.accept(listener)


@case(cookies=(0, 1), tcp_invalid_ratelimit=100)
def syn_again(s):
    s.listen(5)
    client = s.client()
    s.step("SYN", client.syn, ["SA"])
    s.step("again", client.syn, ["SA"], drops=1, **RESENT)
    s.step("again, too soon", client.syn, [], drops=1, TCPACKSkippedSynRecv=1)
    s.pause(0.15)
    s.step("again, after the time of tcp_invalid_ratelimit", client.syn, ["SA"], drops=1, **RESENT)
    s.step("ACK", client.final_ack, [], **OPENED)
    s.truth(client, "waiting")


@case(cookies=(0, 1))
def syn_again_on_full(s):
    listener = s.listen(1)
    client = s.request_on_full(listener)
    s.step("SYN again: a request is answered, full or not", client.syn, ["SA"], drops=1, **RESENT)
    s.step("ACK", client.final_ack, [], **ACK_OVERFLOW)
    s.accept(listener)
    s.step("ACK with room", client.final_ack, [], **OPENED)
    s.truth(client, "waiting", accept_queue_full_ack=1)


@case(cookies=(0, 1))
def refused_in_syn_recv(s):
    """What a request refuses moves sk_drops, and little else."""
    listener = s.listen(9)
    client = s.client()
    s.step("SYN", client.syn, ["SA"])
    s.step("ACK of something else", lambda: client.final_ack(ack_offset=9), ["R"], **RST_SENT)
    other = s.again(client, isn=99999)
    s.step("SYN of another ISN", other.syn, ["A"], drops=1)
    s.step("no flag", lambda: (client.raw(0, client.seq), client.kinds())[1], [], drops=1)
    client.seq += 9
    s.step("ACK in the window, not next", client.final_ack, [], **OPENED)
    assert (listener.depth, listener.half_open()) == (1, 0)


@case(cookies=(0, 1))
def paws_in_syn_recv(s):
    s.listen(9)
    s.untold = 2  # which ACK the request refused, PAWS or not, no sample tells
    client = s.client(timestamp=(1_000_000, 0))

    def send(value, echo):
        def action():
            client.raw(wire.ACK, client.seq, client.ack, timestamp=(value, echo))
            return client.kinds()
        return action

    s.step("SYN", client.syn, ["SA"])
    s.step("ACK with an old timestamp", send(900_000, client.echo), ["A"], drops=1, PAWSEstab=1)
    s.step("ACK with an echo of nothing", send(1_000_001, client.echo + 50_000), [], drops=1,
           TSEcrRejected=1, TCPACKSkippedSynRecv=1)
    s.step("ACK", client.final_ack, [], **OPENED)
    s.truth(client, "waiting")


@case(cookies=(0, 1))
def client_resets_half_open(s):
    """A scanner."""
    listener = s.listen(9)
    for flags in (0, wire.ACK):
        client = s.client()
        s.step("SYN", client.syn, ["SA"])
        s.step("RST", lambda c=client, f=flags: c.rst(f), [], drops=1, EmbryonicRsts=1, AttemptFails=1)
        s.truth(client, "aborted", client_reset=1)
    assert listener.half_open() == 0
    s.step("RST again", client.rst, [], drops=1)
    s.step("ACK after it", client.final_ack, ["R"], **RST_SENT)
    client = s.client()
    s.step("SYN", client.syn, ["SA"])
    client.seq += 1000
    s.step("RST in the window, not exact", client.rst, ["A"], drops=1, TCPChallengeACK=1)
    client.seq += 100_000
    s.step("RST off the window", client.rst, [], drops=1)
    assert listener.half_open() == 1
    s.truth(client, "aborted", client_reset=1)


@case(cookies=(0, 1), tcp_synack_retries=1)
def synack_never_acknowledged(s):
    listener = s.listen(9)
    client = s.client()
    s.step("SYN", client.syn, ["SA"])
    s.step("expiry", lambda: s.wait(client, 3.6), ["SA"], TCPTimeouts=2, **RESENT)
    assert listener.half_open() == 0
    s.truth(client, "half-open", synack_unacknowledged=2)


@case(families=(4,))
def old_requests_expire_early(s):
    """A SYN queue that is half full of old requests prunes them after two resends, not tcp_synack_retries.

    Six are more than half of eight; when two are gone, the other four may stay.
    """
    listener = s.listen(8)
    clients = [s.client() for _ in range(6)]
    for client in clients:
        s.step("SYN", client.syn, ["SA"])
    s.step("seven seconds", lambda: s.wait(s.client(), 7.6), [], TCPTimeouts=6 + 6 + 6,
           TCPSynRetrans=6 + 6 + 4, RetransSegs=6 + 6 + 4)
    assert listener.half_open() == 4


@case(cookies=(0, 1))
def defer_accept(s):
    listener = s.listen(5, defer_accept=5)
    client = s.client()
    s.step("SYN", client.syn, ["SA"])
    s.step("bare ACK", client.final_ack, [], drops=1, TCPDeferAcceptDrop=1)
    s.step("bare ACK again", client.final_ack, [], drops=1, TCPDeferAcceptDrop=1)
    assert (listener.depth, listener.half_open()) == (0, 1)
    s.step("data", client.data, ["A"], **OPENED)
    assert (listener.depth, listener.half_open()) == (1, 0)
    s.truth(client, "waiting", defer_accept=2)
    finished = s.client()
    s.step("SYN", finished.syn, ["SA"])
    s.step("ACK with FIN", finished.fin_in_order, [], **OPENED)
    s.truth(finished, "waiting")
    scanner = s.client()
    s.step("SYN", scanner.syn, ["SA"])
    s.step("bare ACK", scanner.final_ack, [], drops=1, TCPDeferAcceptDrop=1)
    s.step("RST", scanner.rst, [], drops=1, EmbryonicRsts=1, AttemptFails=1)


@case(cookies=(0, 1))
def defer_accept_on_full(s):
    listener = s.listen(1, defer_accept=5)
    first, second, client = s.client(), s.client(), s.client()
    s.step("SYN", first.syn, ["SA"])
    s.step("data", first.data, ["A"], **OPENED)
    s.step("SYN", second.syn, ["SA"])
    s.step("SYN", client.syn, ["SA"])
    s.step("data", second.data, ["A"], **OPENED)
    s.step("bare ACK on the full queue", client.final_ack, [], drops=1, TCPDeferAcceptDrop=1)
    s.step("data on the full queue", client.data, [], **ACK_OVERFLOW)
    s.accept(listener)
    s.step("data with room", client.data, ["A"], **OPENED)
    s.truth(client, "waiting", defer_accept=1, accept_queue_full_ack=1)


@case(cookies=(0, 1))
def defer_accept_runs_out(s):
    """After the option's time the SYN-ACK is resent, and a bare ACK is enough."""
    listener = s.listen(5, defer_accept=1)
    client = s.client()
    s.step("SYN", client.syn, ["SA"])
    s.step("bare ACK", client.final_ack, [], drops=1, TCPDeferAcceptDrop=1)
    s.step("one second", lambda: s.wait(client, 1.4), ["SA"], TCPTimeouts=1, **RESENT)
    s.step("bare ACK", client.final_ack, [], **OPENED)
    assert listener.depth == 1
    s.truth(client, "waiting", defer_accept=1)


@case(families=(4,))
def defer_accept_is_silent_first(s):
    """Three seconds are two time-outs: the first passes in silence."""
    s.listen(5, defer_accept=3)
    client = s.client()
    s.step("SYN", client.syn, ["SA"])
    s.step("bare ACK", client.final_ack, [], drops=1, TCPDeferAcceptDrop=1)
    s.step("one second", lambda: s.wait(client, 1.4), [], TCPTimeouts=1)
    s.step("three seconds", lambda: s.wait(client, 2.2), ["SA"], TCPTimeouts=1, **RESENT)
    s.step("bare ACK", client.final_ack, [], **OPENED)
    s.truth(client, "waiting", defer_accept=1)


# ICMP type, code -> whether it ends a request.
ICMP_ERRORS = {
    4: {(3, 0): True, (3, 1): True, (3, 2): False, (3, 3): False, (3, 4): False, (3, 9): False,
        (3, 13): False, (11, 0): True, (11, 1): False, (12, 0): True, (4, 0): False},
    6: {(1, 0): False, (1, 1): True, (1, 2): False, (1, 3): False, (1, 4): True, (1, 5): True,
        (1, 6): True, (3, 0): False, (4, 0): True, (4, 1): True},
}


@case(cookies=(0, 1))
def icmp_error_against_a_request(s):
    listener = s.listen(99)
    open_requests = 0
    for (kind, code), ends in ICMP_ERRORS[s.family].items():
        client = s.client()
        s.step("SYN", client.syn, ["SA"])
        # "Fragment reassembly time exceeded" does not get as far as TCP.
        stray = {} if (kind, code) == (11, 1) else {"OutOfWindowIcmps": 1}

        def error(seq=None, c=client, k=kind, n=code):
            return c.icmp_error(k, n, seq)

        s.step(f"ICMP {kind}/{code} about another segment", lambda e=error: e(seq=7), [], **stray)
        s.step(f"ICMP {kind}/{code}", error, [], **({"drops": 1, "ListenDrops": 1} if ends else {}))
        open_requests += not ends
        assert listener.half_open() == open_requests
        s.truth(client, "half-open")
