"""A few thousand attempts at once: healthy, slow, overflowing, scanned, refused, firewalled."""
import json
import subprocess

import pytest

import crowd
import kernel
import recording
import stage
import verdicts
import wire

SECONDS = 16


@pytest.fixture(scope="module")
def device(namespace):
    try:
        device = wire.Wire()
    except wire.NoDevice as reason:
        pytest.skip(str(reason))
    yield device
    device.close()


@pytest.fixture
def packet_filter(namespace):
    """A function that drops what is for a port."""

    def drop(port):
        rules = f"table inet synscope_test {{\n chain c {{\n type filter hook input priority 0;\n" \
                f" tcp dport {port} drop\n }}\n}}\n"
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)

    yield drop
    subprocess.run(["nft", "flush", "ruleset"], check=True)


def plan(people, services, unreachable):
    """Who comes when. Each service gets its own crowd."""
    pick = people.random
    for service in services["healthy"] + services["deferring"]:
        for _ in range(350):
            people.at(pick.uniform(0, SECONDS - 4), lambda s=service: people.visitor(s))
    for service in services["healthy"]:
        for _ in range(250):
            people.at(pick.uniform(0, SECONDS - 4), lambda s=service: people.scanner(s))
        for _ in range(10):
            people.at(pick.uniform(0, SECONDS - 4), lambda s=service: people.vanisher(s))
    for service in services["slow"]:
        for _ in range(200):
            people.at(pick.uniform(0, SECONDS - 4), lambda s=service: people.visitor(s))
    for service in services["overflowing"]:
        for burst in range(14):
            for _ in range(12):
                people.at(0.3 + burst * 0.5 + pick.uniform(0, 0.02),
                          lambda s=service: pick.choice((people.visitor, people.quiet_visitor))(s))
    for family in (4, 6):
        for _ in range(100):
            for port in unreachable:
                people.at(pick.uniform(0, SECONDS - 4), lambda f=family, p=port: people.stranger(f, p))
    for group in services.values():
        for service in group:
            if service.accept_every:
                people.at(0.1, lambda s=service: people.accept(s), ever=True)


def observed_differs(report, least, most):
    """The kernel's timers send SYN-ACKs again also between the script's readings and the recorder's."""
    return [f"{row['counter']}: observed {row['observed']}, the script {least.get(row['counter'], 0)}"
            for row in report["ledger"] if not row["counter"].startswith("sk_drops")
            and not least.get(row["counter"], 0) <= row["observed"] <= most.get(row["counter"], 0)]


class Unplayable(Exception):
    """The kernel and the script disagree about what was played: this machine is too slow for so many."""


def perform(people, services, unreachable, recorder):
    """(report, what the kernel counted, what it counted at most)."""
    earlier = kernel.counters()
    try:
        recorder.start()
        before = kernel.counters()
        plan(people, services, unreachable)
        try:
            people.run(SECONDS)
        except AssertionError as error:
            raise Unplayable from error
        counted = kernel.moved(before)
        report = recorder.stop()
        most = kernel.moved(earlier)
    finally:
        recorder.kill()
        for group in services.values():
            for service in group:
                service.listener.close()
    # After seven seconds the kernel prunes requests; an ACK that comes too late for its own is another case.
    if people.late > 2 or {name: counted.get(name, 0) for name in people.counted} != people.counted:
        raise Unplayable(f"{people.late} late; {counted}, the script {people.counted}")
    return report, counted, most


def play(device, synscope, packet_filter, folder, seed):
    """What is wrong in the report of one crowd."""
    device.take()
    people = crowd.Crowd(device, seed)
    # Requests outlive their listener: ports of its own for each crowd.
    port = 8000 + 10 * seed
    closed, filtered = port + 4, port + 5
    packet_filter(filtered)
    services = {
        "healthy": [crowd.Service(f, port, 128) for f in (4, 6)],
        "deferring": [crowd.Service(f, port + 1, 128, defer_accept=30) for f in (4, 6)],
        "slow": [crowd.Service(f, port + 2, 64, accept_every=0.03) for f in (4, 6)],
        "overflowing": [crowd.Service(f, port + 3, 4, accept_every=0.04) for f in (4, 6)],
        "filtered": [crowd.Service(f, filtered, 16, accept_every=1) for f in (4, 6)],
    }
    recorder = recording.Recording(synscope, folder / f"recording{seed}", wire.DEVICE,
                                   range(port, port + 6), ["--fail-on", "drops"])
    report, counted, most = perform(people, services, (closed, filtered), recorder)
    truths = people.truth()
    (folder / f"truth{seed}.json").write_text(json.dumps([vars(t) for t in truths.values()]), encoding="utf-8")
    assert report["summary"]["attempts"] == len(truths) > 2000
    assert recorder.status == 3
    return verdicts.attempts_differ(truths, report) + verdicts.ledger_differs(None, report) + \
        observed_differs(report, counted, most)


# One attempt, and the rows of the counters that it moved. The timer of a request can fire 260 ms late
# (docs/kernel.md): then the request ends unseen just before an ACK, about once in 50,000 attempts, and neither
# packets nor looks tell it from a cookie. A rule that is wrong is wrong in another crowd too.
CHANCE = 5


@pytest.mark.parametrize("seed", (1, 2))
def test_crowd(device, sysctl, synscope, packet_filter, tmp_path, seed):
    for name, value in stage.SYSCTLS.items():
        sysctl(name, value)
    sysctl("net.ipv4.tcp_syncookies", 1)
    sysctl("net.ipv4.tcp_abort_on_overflow", 0)
    # A crowd of other people where the first one could not be played, or left a doubt.
    for more in (2, 1, 0):
        try:
            wrong = play(device, synscope, packet_filter, tmp_path, seed + 2 * more)
        except Unplayable:
            if not more:
                raise
            continue
        if not wrong:
            return
        assert more and len(wrong) <= CHANCE, f"{len(wrong)}:\n" + "\n".join(wrong[:60])
