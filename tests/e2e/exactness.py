"""False claims: what a report says is exact, against what the test knows from elsewhere.

A Witness knows what the kernel's counters moved while a recording ran, what the clients saw, and who accepted whom
and when, by the servers' own logs. Each exact cause, each outcome, process, time of accept() and way that it can
compare is counted as compared; what it finds false comes back in words. conftest.py prints the sums at the end.
"""
import collections
import json

compared, false = collections.Counter(), []

# What an exact cause counts in, at least once for each of its packets.
COUNTERS = {
    "ListenOverflows": {"accept-queue-full-syn", "accept-queue-full-ack", "cookie-ack-dropped"},
    "ListenDrops": {"accept-queue-full-syn", "accept-queue-full-ack", "cookie-ack-dropped", "syn-queue-full",
                    "max-syn-backlog-reserve", "no-route"},
    "TCPReqQFullDrop": {"syn-queue-full"},
    "SyncookiesSent": {"syn-cookie"},
    "IPReversePathFilter": {"rp-filter"},
    "TCPMinTTLDrop": {"ttl-too-small"},
    "TCPDeferAcceptDrop": {"defer-accept"},
}

# A SYN that is lost is sent again after a second.
AT_ONCE_NS = 900_000_000
# What stopped the first SYN of a client, if that is so.
STOPPED = {"accept-queue-full-syn", "syn-queue-full", "max-syn-backlog-reserve", "unanswered-no-counter", "rp-filter",
           "existing-connection", "discarded-before-queue", "md5-mismatch", "ttl-too-small"}
NEVER_ACCEPTED = {"zombie", "refused", "unreachable", "unanswered", "half-open", "aborted"}
NEVER_CONNECTED = {"refused", "unreachable", "unanswered"}


def note(kind, claims):
    """claims: (what is claimed, whether it is true) each; the false ones in words."""
    claims = list(claims)
    compared[kind] += len(claims)
    wrong = [f"{kind}: {what}" for what, is_true in claims if not is_true]
    false.extend(wrong)
    return wrong


def exact(attempt):
    """The exact causes of an attempt: name, packets."""
    return [(cause["name"], cause["packets"]) for cause in attempt["causes"] if cause["confidence"] == "exact"]


def of_counters(report, moved):
    """moved: what each counter of the namespace moved meanwhile, or more."""
    sums = collections.Counter()
    for attempt in report["attempts"]:
        for cause, packets in exact(attempt):
            sums[cause] += packets
    wrong = []
    for counter, causes in COUNTERS.items():
        packets, count = sum(sums[cause] for cause in causes), moved.get(counter, 0)
        if packets:
            wrong += note("cause", [(f"{packets} packets exact by {', '.join(sorted(causes))}, {counter} moved by {count}",
                                     packets <= count)])
    return wrong


def of_truth(attempt, truth):
    """truth: all causes of the attempt, and how many packets each has."""
    return note("cause", [(f"{attempt['client']} {attempt['isn']}: {cause} exact for {packets} packets, is {truth}",
                           packets <= truth.get(cause, 0)) for cause, packets in exact(attempt)
                          if cause not in ("slow-accept", "client-left", "closed-unserved", "synack-unacknowledged")])


class Witness:
    """Of one test: clients and servers of it."""

    def __init__(self):
        self.clients, self.logs = [], []

    def saw(self, clients):
        """Results of hosts.Clients."""
        self.clients += clients

    def accepted(self):
        """(address, port) of a client -> what the servers logged of its connections, in order of time."""
        logged = collections.defaultdict(list)
        for path in self.logs:
            with open(path, encoding="ascii") as lines:
                for line in lines:
                    entry = json.loads(line)
                    logged[entry["client"]].append(entry)
        return logged

    def compare(self, report):
        """What of the report is false."""
        logged, wrong = self.accepted(), []
        for attempt in report["attempts"]:
            wrong += self._of_client(attempt)
            if not attempt["began_before"]:
                wrong += _of_accept(attempt, report, logged.get(attempt["client"], []))
        return wrong

    def _of_client(self, attempt):
        for client in self.clients:
            if client["client"] == attempt["client"] and attempt["syn_ns"] is not None and \
                    client["began_ns"] <= attempt["syn_ns"] <= client["ended_ns"]:
                return _of_result(attempt, client)
        return []


def _of_result(attempt, client):
    name, connected = attempt["client"], client["outcome"] == "connected"
    # A SYNPROXY answers whatever the listener does.
    at_once = connected and not attempt["answered_in_front"] and \
        client["connected_ns"] - client["began_ns"] < AT_ONCE_NS
    claims = [(f"{name}: {attempt['outcome']}, and the client was {client['outcome']}",
               not (connected and attempt["outcome"] in NEVER_CONNECTED)),
              (f"{name}: {attempt['outcome']}, and the client heard the server",
               not (client["heard"] and attempt["outcome"] in NEVER_ACCEPTED)),
              (f"{name}: refused, and the client was {client['outcome']}",
               attempt["outcome"] != "refused" or client["outcome"] == "ConnectionRefusedError")]
    wrong = note("outcome", claims)
    return wrong + note("cause", [(f"{name}: {cause} exact, and the client connected at once", not at_once)
                                  for cause, _ in exact(attempt) if cause in STOPPED]
                        + [(f"{name}: {cause} exact, and the client heard the server", not client["heard"])
                           for cause, _ in exact(attempt) if cause in ("client-left", "closed-unserved")])


def _of_accept(attempt, report, entries):
    if attempt["syn_ns"] is None:
        return []
    entries = [entry for entry in entries if attempt["syn_ns"] <= entry["after_ns"] <= report["source"]["end_ns"]]
    if not entries:
        return []
    entry, name = entries[0], attempt["client"]
    wrong = note("way", [(f"{name}: {attempt['role']}, and a server here accepted it", attempt["role"] == "inbound")])
    wrong += note("outcome", [(f"{name}: {attempt['outcome']}, and pid {entry['pid']} accepted it",
                               attempt["outcome"] not in NEVER_ACCEPTED | {"waiting"})])
    if attempt["accept_pid"] is not None:
        wrong += note("accept_pid", [(f"{name}: {attempt['accept_pid']} accepted it, it was {entry['pid']}",
                                      attempt["accept_pid"] == entry["pid"])])
    for member, stamp, sign in (("accept_after_ns", "after_ns", 1), ("accept_before_ns", "before_ns", -1)):
        if attempt[member] is not None:
            wrong += note("accept time", [(f"{name}: {member} {attempt[member]}, {stamp} of the server {entry[stamp]}",
                                           sign * (entry[stamp] - attempt[member]) >= 0)])
    return wrong


def summary():
    """The last line of a run; empty when nothing was compared."""
    if not compared:
        return ""
    what = ", ".join(f"{count} by {kind}" for kind, count in sorted(compared.items()))
    return f"exact claims compared: {sum(compared.values())} ({what}); false: {len(false)}"

