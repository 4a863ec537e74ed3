"""Random bursts of clients at servers of every kind, and what a report must say of each.

The truth is of others: the clients' own results, the servers' logs of accept(), the kernel's counters, its tracepoint
of entries (tracer.py), and the packets (sniffing.py). See judge().
"""
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

import kernel
import recording
from sniffing import ACK, FIN, RST, SYN, Sniffer
from tracer import Tracer

HERE = pathlib.Path(__file__).parent
MODELS = ("iterative", "thread", "fork", "prefork", "reuseport", "young")
WHAT = ("request",) * 8 + ("early", "quiet", "half", "gone", "reset", "again", "again")

SYN_DROPS = ("accept-queue-full-syn", "syn-queue-full", "max-syn-backlog-reserve")
ACK_DROPS = ("accept-queue-full-ack", "cookie-ack-dropped")
# Between a packet's stamp and what the kernel does with it, and from one clock to the other.
SLACK_NS = 200_000
# Two captures stamp a packet each, under an emulated processor far apart.
SAME_NS = 50_000_000


class Mix:
    """What happens in a run: all of it follows from the seed."""

    def __init__(self, seed):
        rng = self.rng = random.Random(seed)
        self.seed, self.port = seed, 20000 + seed % 10000
        self.family = rng.choice((4, 4, 6, "dual"))
        self.sysctls = {
            "net.core.somaxconn": 4096,
            "net.ipv4.tcp_syncookies": rng.choice((0, 1, 1, 1, 2)),
            "net.ipv4.tcp_abort_on_overflow": rng.choice((0, 0, 0, 1)),
            "net.ipv4.tcp_max_syn_backlog": rng.choice((4096, 4096, 128, 32)),
            "net.ipv4.tcp_fastopen": rng.choice((0, 3, 0x403)),
            "net.ipv4.tcp_migrate_req": rng.choice((0, 0, 0, 1)),
        }
        self.model = rng.choice(MODELS)
        self.backlog = rng.choice((0, 1, 2, 3, 5, 8, 16, 32, 64))
        pause = rng.choice((0, 0.001, 0.005, 0.02))
        self.config = {
            "model": self.model, "address": {4: "127.0.0.1", 6: "::1", "dual": "::"}[self.family], "port": self.port,
            "backlog": self.backlog, "seed": seed, "workers": rng.choice((2, 3, 4)) if self.many() else 1,
            "hold_s": rng.choice(((0,), (0, 0.01), (0.05,), (0, 0, 0.2))), "pause_s": [0, 0, pause, 4 * pause],
            "fastopen": rng.choice((0, 0, 2, 16)), "defer_accept": rng.choice((0,) * 7 + (1, 3)),
        }
        self.visits = self.plan()
        self.commands = sorted(self.disturb())
        self.config["keeps"] = any(command.startswith(("listen", "worker")) for _, command in self.commands)

    def many(self):
        return self.model in ("prefork", "reuseport")

    def client(self):
        family = self.rng.choice((4, 6)) if self.family == "dual" else self.family
        return (f"127.0.0.{self.rng.randrange(2, 200)}", "127.0.0.1") if family == 4 else ("::1", "::1")

    def plan(self):
        rng, visits = self.rng, []
        what = WHAT + ("fastopen",) * 6 if self.sysctls["net.ipv4.tcp_fastopen"] else WHAT
        for _ in range(rng.randrange(2, 7)):
            begin, spread = rng.uniform(0.1, 3), rng.choice((0, 0.002, 0.02, 0.3))
            for _ in range(rng.randrange(5, 60)):
                client, server = self.client()
                visits.append({"at_s": begin + rng.uniform(0, spread), "client": client, "server": server,
                               "port": self.port, "what": rng.choice(what),
                               "patience_s": rng.choice((0.05, 0.4, 1.2, 2.2, 3.5))})
        return visits

    def disturb(self):
        """(seconds, commands to the server) that make it slow, other, or another one."""
        rng, made = self.rng, []
        for _ in range(rng.choice((0, 1, 1, 2))):
            at, kind = rng.uniform(0.2, 3), rng.random()
            if kind < 0.45:
                made += [(at, f"stop {rng.randrange(1, 5)}"), (at + rng.choice((0.02, 0.3, 1.5)), "continue 9")]
            elif kind < 0.7:
                made.append((at, f"listen {rng.choice((0, 1, 3, 10, 40))}"))
            elif kind < 0.85 or self.model != "reuseport":
                made += [(at, "close"), (at + rng.choice((0, 0.01, 0.3)), "open")]
            else:
                made.append((at, "worker"))
        return made

    def closes(self):
        return any(command in ("close", "worker") for _, command in self.commands)

    def __str__(self):
        return f"seed {self.seed}: {self.config} {self.sysctls} {len(self.visits)} visits {self.commands}"


class Run:
    """One mix, played under a recording."""

    def __init__(self, mix, synscope, folder, options=()):
        self.mix, self.folder = mix, folder
        self.log = folder / "accepts"
        self.recording = recording.Recording(synscope, folder / "recording", "lo", [mix.port], options)
        self.server, self.closed, self.contradictions = None, [], ""

    def tell(self, command):
        self.server.stdin.write(command + "\n")
        self.server.stdin.flush()
        assert self.server.stdout.readline() == "done\n"

    def command(self, start):
        for at, command in self.mix.commands:
            time.sleep(max(0, start + at - time.monotonic()))
            if command in ("close", "worker"):
                self.closed.append([time.time_ns(), 0])
            self.tell(command)
            if command in ("open", "worker"):
                self.closed[-1][1] = time.time_ns()

    def play(self):
        mix = self.mix
        sniffer, tracer = Sniffer(mix.port), Tracer(mix.port)
        self.server = subprocess.Popen([sys.executable, HERE / "models.py", json.dumps({**mix.config, "log": str(self.log)})],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert self.server.stdout.readline() == "done\n"
            self.recording.start()
            before = kernel.counters()
            visitors = subprocess.Popen([sys.executable, HERE / "visitors.py"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
            commands = threading.Thread(target=self.command, args=(time.monotonic() + 0.1,))
            commands.start()
            results, _ = visitors.communicate(json.dumps(mix.visits), timeout=90)
            commands.join()
            self.results = json.loads(results)
            time.sleep(1)
            self.moved = kernel.moved(before)
            self.after = kernel.counters()
            self.contradictions = ""
            try:
                self.recording.stop(amid_drops=True)
            except AssertionError as error:
                self.contradictions = str(error)
                if not self.recording.report:
                    raise
            self.report = self.recording.report
            if self.recording.was_late():
                self.report = self.recording.replay()
            self.entries, self.attempts = tracer.entries(), sniffer.stop()
        finally:
            self.recording.kill()
            tracer.kill()
            self.server.communicate("close\n")
        self.accepts = [json.loads(line) for line in self.log.read_text(encoding="ascii").splitlines()] \
            if self.log.exists() else []


class Truth:
    """Of one attempt: what its packets met."""

    def __init__(self, segments, entries, closed, mix, end_ns):
        segments = [segment for segment in segments if segment.at <= end_ns]
        self.isn = segments[0].seq
        self.client = segments[0].client
        self.syns = [s.at for s in segments if s.from_client and s.flags & (SYN | ACK) == SYN]
        self.synacks = [s for s in segments if not s.from_client and s.flags & SYN]
        last = segments[-1].at
        entered = [at for at in entries if self.syns[0] - SLACK_NS <= at <= last + 10**9 and at <= end_ns + SLACK_NS]
        self.entered = entered[0] if entered else None
        self.dropped = {}  # stamp of a packet -> whether it was dropped by a queue; None: that is not known
        self.resets = [s.at for s in segments if not s.from_client and s.flags & RST]
        self.client_resets = [s.at for s in segments if s.from_client and s.flags & RST]
        self.left = [s.at for s in segments if s.from_client and s.flags & (FIN | RST)]
        self.fast = self.entered is not None and self.synacks and self.entered < self.synacks[0].at + SLACK_NS // 4 and \
            not any(s.from_client and s.flags & ACK and s.at <= self.entered for s in segments)
        self.by_packets(segments, closed, mix.sysctls["net.ipv4.tcp_abort_on_overflow"], mix.config["defer_accept"])

    def by_packets(self, segments, closed, abort, defers):
        later = [s.at for s in segments if s.from_client]
        answers = [s for s in segments if not s.from_client]
        known_synack = None
        acks = []
        for i, segment in enumerate(segments):
            if not segment.from_client:
                if segment.flags & SYN:
                    known_synack = segment.at
                continue
            until = min((at for at in later if at > segment.at), default=None)
            answer = next((a for a in answers if a.at >= segment.at and (until is None or a.at < until)), None)
            near = any(begin - 5 * 10**6 <= segment.at <= (end or segment.at) + 5 * 10**6 for begin, end in closed)
            if segment.flags & (SYN | ACK) == SYN:
                self.dropped[segment.at] = answer is None or (answer.flags & SYN == 0 and answer.flags & RST == 0)
                if answer is not None and answer.at - segment.at > 10**7:
                    self.dropped[segment.at] = None
                if near:
                    self.dropped[segment.at] = None
            elif segment.flags & RST or known_synack is None or self.fast:
                continue
            elif self.entered is None or segment.at <= self.entered:
                refused = answer is not None and answer.flags & RST and answer.at - segment.at < 10**7
                if near or self.client_resets and self.client_resets[0] < segment.at:
                    self.dropped[segment.at] = None
                elif refused and (not abort or acks):
                    # Behind what was passed over in silence: not the number of a SYN cookie's ACK.
                    self.dropped[segment.at] = None if abort and defers else False
                else:
                    self.dropped[segment.at] = True
                acks.append(segment.at)
        if self.entered is not None and acks:
            # The last one let it in; of two close to that, either.
            self.dropped[acks[-1]] = False
            if len(acks) > 1 and self.entered - acks[-2] < SLACK_NS:
                self.dropped[acks[-2]] = self.dropped[acks[-1]] = None
        self.entering = acks[-1] if self.entered is not None and acks else None

    def bounds(self, of_syns):
        stamps = [at for at in self.dropped if (at in self.syns) == of_syns]
        sure = sum(self.dropped[at] is True for at in stamps)
        return sure, sure + sum(self.dropped[at] is None for at in stamps)


def packets_of(attempt, causes, confidence=None):
    return sum(cause["packets"] for cause in attempt["causes"]
               if cause["name"] in causes and confidence in (None, cause["confidence"]))


class Judge:
    """wrong: kinds of what is wrong in a report -> words. false: what is exact and false."""

    def __init__(self, run):
        self.run, self.report = run, run.report
        self.wrong, self.false = collections.defaultdict(list), []
        self.bpf = self.report["recording"]["bpf"]["entries"]
        self.end_ns = self.report["source"]["end_ns"]
        self.accepts, self.entries = collections.defaultdict(list), collections.defaultdict(list)
        for entry in run.accepts:
            self.accepts[entry["client"]].append(entry)
        for client, at in run.entries:
            self.entries[client].append(at)
        begun = collections.defaultdict(list)
        for (client, _), segments in run.attempts.items():
            begun[client].append(segments[0].at)
        # Until another attempt of the same addresses and ports begins, or the recording ends.
        self.over = {key: min([self.end_ns] + [at - 2 * SLACK_NS for at in begun[key[0]] if at > segments[0].at])
                     for key, segments in run.attempts.items()}
        self.truths = {key: Truth(segments, self.entries.get(key[0], []), run.closed, run.mix, self.over[key])
                       for key, segments in run.attempts.items() if segments[0].at <= self.end_ns}
        self.judge()

    def summary(self):
        """A line for each kind of what is wrong, with an example."""
        lines = [f"{self.run.mix}: {len(self.truths)} attempts, {len(self.false)} false"]
        lines += [f"  {kind}: {len(texts)}, as {texts[0]}" for kind, texts in sorted(self.wrong.items()) if texts]
        return "\n".join(lines)

    def say(self, kind, what):
        self.wrong[kind].append(what)

    def judge(self):
        attempts = {(a["client"], a["isn"]): a for a in self.report["attempts"]}
        for key in attempts.keys() ^ self.truths.keys():
            self.say("attempt", f"{key}: in the report {key in attempts}, on the wire {key in self.truths}")
        for key in attempts.keys() & self.truths.keys():
            attempt, truth = attempts[key], self.truths[key]
            accept = self.accept_of(key, truth)
            self.counts(attempt, truth)
            self.outcome(attempt, truth, accept)
            self.entry(attempt, truth)
            self.exact(attempt, truth, accept)
        self.sums()
        if self.run.contradictions:
            self.say("contradiction", self.run.contradictions)

    def accept_of(self, key, truth):
        """Of several attempts with the same addresses and ports who entered first was accepted first."""
        accepts, entries = self.accepts.get(key[0], []), self.entries.get(key[0], [])
        if sum(client == key[0] for client, _ in self.truths) > 1:
            number = entries.index(truth.entered) if truth.entered in entries else len(accepts)
            accepts = accepts[number:number + 1]
        return next((accept for accept in accepts if truth.syns[0] <= accept["after_ns"] <= self.end_ns), None)

    def counts(self, attempt, truth):
        name = f"{attempt['client']} {attempt['isn']}"
        if attempt["syns"] != len(truth.syns) or attempt["synacks"] != len(truth.synacks):
            self.say("count", f"{name}: {attempt['syns']} SYNs, {attempt['synacks']} SYN-ACKs; "
                              f"{len(truth.syns)}, {len(truth.synacks)} on the wire")
        for of_syns, causes in ((True, SYN_DROPS), (False, ACK_DROPS + ("defer-accept",))):
            least, most = truth.bounds(of_syns)
            told = packets_of(attempt, causes)
            if not least <= told <= most:
                self.say("count", f"{name}: {told} dropped by {causes}, {least} to {most} were; "
                                  f"{attempt['outcome']} {attempt['causes']}")

    def outcome(self, attempt, truth, accept):
        name, told = f"{attempt['client']} {attempt['isn']}", attempt["outcome"]
        if accept:
            right = {"accepted"}
        elif truth.entered is not None:
            right = {"waiting", "reset", "accepted"} if self.run.closed or not self.bpf else {"waiting", "reset"}
            if truth.resets and not truth.client_resets:
                right = {"reset", "accepted"} if self.run.closed else {"reset"}
        elif truth.synacks:
            right = {"zombie", "half-open", "open", "aborted", "reset"}
            if not any(dropped is True for at, dropped in truth.dropped.items() if at not in truth.syns):
                right -= {"zombie"} if not self.run.closed and not self.run.mix.config["defer_accept"] else set()
        elif truth.resets:
            right = {"refused"}
        else:
            right = {"unanswered", "open"}
        if told not in right:
            self.say("outcome", f"{name}: {told}, is one of {sorted(right)}; accept {accept} entered {truth.entered} "
                                f"{attempt['causes']}")

    def entry(self, attempt, truth):
        name, told = f"{attempt['client']} {attempt['isn']}", attempt["entered_ns"]
        if (told is None) != (truth.entered is None):
            if truth.entered is None or self.bpf or attempt["outcome"] == "accepted":
                self.say("entry", f"{name}: entered {told}, is {truth.entered}; {attempt['outcome']} {attempt['causes']}")
        elif told is not None:
            begin = (truth.entering or truth.entered) - SLACK_NS
            if not begin <= told <= truth.entered + SLACK_NS:
                self.say("entry", f"{name}: entered {told - truth.entered} ns after it did")

    def exact(self, attempt, truth, accept):
        name = f"{attempt['client']} {attempt['isn']}"
        for packet in attempt["packets"]:
            if packet.get("confidence") != "exact" or packet.get("cause") not in SYN_DROPS + ACK_DROPS:
                continue
            near = min(truth.dropped, key=lambda at: abs(at - packet["time_ns"]), default=None)
            if near is None or abs(near - packet["time_ns"]) > SAME_NS:
                self.false.append(f"{name}: no packet at {packet['time_ns']}: {packet}")
            elif truth.dropped[near] is False:
                self.false.append(f"{name}: was not dropped: {packet}")
        for of_syns, causes in ((True, SYN_DROPS), (False, ACK_DROPS)):
            told = packets_of(attempt, causes, "exact")
            if told > truth.bounds(of_syns)[1]:
                self.false.append(f"{name}: {told} exact by {causes}, {truth.bounds(of_syns)} were")
        exact = {cause["name"] for cause in attempt["causes"] if cause["confidence"] == "exact"}
        cookies = self.run.mix.sysctls["net.ipv4.tcp_syncookies"]
        if exact & {"syn-cookie", "cookie-ack-dropped"} and not cookies:
            self.false.append(f"{name}: a cookie, and there are none")
        if "accept-queue-full-ack" in exact and cookies == 2:
            self.false.append(f"{name}: a request's ACK, and there are cookies only")
        if "unanswered-no-counter" in exact and any(truth.dropped[at] is True for at in truth.syns):
            self.false.append(f"{name}: a queue dropped it, and no counter is said to have moved")
        if "client-left" in exact and accept and truth.left and truth.left[0] > accept["after_ns"]:
            self.false.append(f"{name}: left after accept()")
        if "listener-closed" in exact and (accept or not self.run.closed):
            self.false.append(f"{name}: listener-closed")
        if accept:
            if attempt["accept_pid"] not in (None, accept["pid"]):
                self.false.append(f"{name}: accept_pid {attempt['accept_pid']}, is {accept['pid']}")
            if (attempt["accept_after_ns"] or 0) > accept["after_ns"]:
                self.false.append(f"{name}: accept() after {attempt['accept_after_ns']}, returned {accept['after_ns']}")
            before = attempt["accept_before_ns"]
            if before is not None and before < accept["before_ns"]:
                self.false.append(f"{name}: accept() before {before}, called {accept['before_ns']}")
            if attempt["listener"] is not None:
                pids = self.report["listeners"][attempt["listener"]]["pids"]
                if self.run.mix.model == "reuseport" and pids and accept["pid"] not in pids:
                    self.false.append(f"{name}: listener of {pids}, accepted by {accept['pid']}")

    def sums(self):
        told, moved = self.report["summary"]["cause_packets"], self.run.moved
        ledger = {row["counter"]: row for row in self.report["ledger"]}
        overflows = moved.get("ListenOverflows", 0)
        for counter, causes in (("ListenOverflows", ("accept-queue-full-syn",) + ACK_DROPS),
                                ("TCPReqQFullDrop", ("syn-queue-full",)), ("SyncookiesSent", ("syn-cookie",))):
            counted = ledger[counter]["observed"] if counter in ledger and ledger[counter]["observed"] is not None \
                else moved.get(counter, 0)
            packets = sum(told[cause] for cause in causes)
            if packets != counted:
                self.say("sum", f"{packets} by {causes}, {counter} moved by {counted}")
        for row in self.report["ledger"]:
            if row["unexplained"]:
                self.say("ledger", f"{row['counter']} observed {row['observed']} explained {row['explained']} {row['parts']}")
        drops = [truth.bounds(of_syns) for truth in self.truths.values() for of_syns in (True, False)]
        counted = overflows + moved.get("TCPReqQFullDrop", 0) + moved.get("TCPDeferAcceptDrop", 0)
        least, most = sum(b[0] for b in drops), sum(b[1] for b in drops)
        reserve = moved.get("ListenDrops", 0) - overflows - moved.get("TCPReqQFullDrop", 0)
        if not least <= counted + reserve <= most:
            self.say("truth", f"{least} to {most} packets dropped on the wire, the counters moved by {counted} + {reserve}")
