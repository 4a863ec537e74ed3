"""What holds of every report, whatever happened: see contradictions()."""

QUEUE_SYN = {"accept-queue-full-syn", "accept-queue-full-ack", "cookie-ack-dropped"}


def _ordered(attempt, *names):
    """The names of two neighbours that are the wrong way round; what is not known is passed over."""
    known = [(name, attempt[name]) for name in names if attempt.get(name) is not None]
    return [f"{later} before {earlier}" for (earlier, a), (later, b) in zip(known, known[1:]) if b < a]


def _of_attempt(attempt, cookies):
    wrong = _ordered(attempt, "syn_ns", "synack_ns") + _ordered(attempt, "accept_after_ns", "accept_before_ns") + \
        _ordered(attempt, "entered_ns", "accept_before_ns")
    counted = {}
    for packet in attempt["packets"]:
        cause = packet.get("cause")
        if not cause:
            continue
        counted[cause] = counted.get(cause, 0) + 1
        depth, limit = packet.get("depth"), packet.get("limit")
        if cause in QUEUE_SYN and packet["confidence"] == "exact" and depth is not None and depth <= limit:
            wrong.append(f"{cause} exact at depth {depth}, limit {limit}")
        if cause == "unanswered-no-counter" and packet["kind"] == "syn" and packet["dropped"]:
            wrong.append("dropped by the listener, and no counter moved")
        if cause == "max-syn-backlog-reserve" and cookies not in (0, None):
            wrong.append(f"{cause} with tcp_syncookies {cookies}")
    for cause in attempt["causes"]:
        packets = counted.get(cause["name"])
        if packets is not None and not attempt["packets_lost"] and cause["packets"] < packets:
            wrong.append(f"{cause['name']}: {cause['packets']} packets, {packets} of them listed")
    return wrong


# Two processors may work on two final ACKs at once: the capture's order is not the queue's then.
APART_NS = 5_000_000


def _out_of_order(report):
    """First in, first out: who entered a queue well before another left it no later."""
    wrong, queues = [], {}
    for attempt in report["attempts"]:
        if attempt["outcome"] == "accepted" and attempt["listener"] is not None and attempt["entered_ns"] and \
                not attempt["began_before"] and not report["listeners"][attempt["listener"]]["reuseport"]:
            queues.setdefault(attempt["listener"], []).append(attempt)
    for queue in queues.values():
        latest = None  # the one whose accept() is known to have come last, of those that entered well before
        queue.sort(key=lambda attempt: attempt["entered_ns"])
        behind = 0
        for attempt in queue:
            while queue[behind]["entered_ns"] + APART_NS < attempt["entered_ns"]:
                after = queue[behind]["accept_ns"] or queue[behind]["accept_after_ns"]
                if after and (latest is None or after > latest[0]):
                    latest = (after, queue[behind]["client"])
                behind += 1
            before = attempt["accept_ns"] or attempt["accept_before_ns"]
            if latest and before and before + APART_NS < latest[0]:
                wrong.append(f"{attempt['client']} entered after {latest[1]}, and was accepted before it")
            if attempt["fork_ns"] and attempt["fork_ns"] + APART_NS < attempt["entered_ns"]:
                wrong.append(f"{attempt['client']}: its child was forked before it entered")
    return wrong


def contradictions(report, amid_drops=False):
    """In words: what a report says of one thing and denies of another. Empty when it is sound.

    amid_drops: more were dropped than while the counters were watched.
    """
    host, packets, wrong = report.get("host") or {}, report["summary"]["cause_packets"], []
    cookies = (host.get("sysctls") or host).get("tcp_syncookies") if host else None
    for attempt in report["attempts"]:
        wrong += [f"{attempt['client']} {attempt['isn']}: {text}" for text in _of_attempt(attempt, cookies)]
    rows = {row["counter"]: row for row in report["ledger"]}
    for counter, causes in (("ListenOverflows", QUEUE_SYN), ("TCPReqQFullDrop", {"syn-queue-full"}),
                            ("IPReversePathFilter", {"rp-filter"})):
        row, count = rows.get(counter), sum(packets[cause] for cause in causes)
        if row and row["observed"] is not None and count > row["observed"] and not amid_drops:
            wrong.append(f"{count} drops by {', '.join(sorted(causes))}; {counter} moved by {row['observed']}")
    return wrong + _out_of_order(report)
