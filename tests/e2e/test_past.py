"""What was true when: limits, owners and listeners that change while a recording runs.

The server does what it is told and says itself who accepted whom.
"""
import os
import re
import signal

import pytest

import orders
from netspace import IS_ROOT, Netspace
from recording import Recording
from running import until

PORT = 7000

# The kernel tells of forks and exits in the initial namespaces alone.
SEES_EXITS = (IS_ROOT and os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"
              and os.readlink("/proc/self/ns/user") == "user:[4026531837]")


@pytest.fixture(name="space")
def _space():
    if not IS_ROOT:
        pytest.skip("entering another's network namespace takes root")
    try:
        space = Netspace()
    except OSError as error:
        pytest.skip(str(error))
    yield space
    space.close()


@pytest.fixture(name="make")
def _make(space):
    """make(orders.Process): a process in the namespace, which ends with the test."""
    made = []

    def make(kind):
        made.append(kind(space))
        return made[-1]

    yield make
    for process in made:
        process.close()


@pytest.fixture(name="record")
def _record(synscope, space, tmp_path):
    """record(): a recording of the port in the namespace, begun. Ends with the test at the latest."""
    tmp_path.chmod(0o755)
    started = []

    def record(*options):
        run = Recording(synscope, tmp_path / f"recording{len(started)}", "lo", [PORT],
                        ["--netns", str(space.pid), *options])
        started.append(run)
        run.start()
        return run

    yield record
    for run in started:
        run.kill()


@pytest.fixture(name="address", params=["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
def _address(request):
    return request.param


def lines(run, kind):
    """What the recording's folder says by now."""
    text = (run.folder / "events.jsonl").read_text(encoding="ascii").split("\n")[:-1]
    return [line for line in text if f'"event":"{kind}"' in line]


def end(run, amid_drops=False):
    """The report of the run, which is that of its replay."""
    report = run.stop(amid_drops)
    replay = run.replay()
    if not run.was_late():
        for name in ("listeners", "attempts"):
            assert report[name] == replay[name]
    return replay


def by_port(report):
    return {int(re.search(r":(\d+)$", attempt["client"]).group(1)): attempt for attempt in report["attempts"]}


def settle(run, kind, count):
    """Until the folder has so many lines of this kind: what is told is written every half second."""
    until(lambda: len(lines(run, kind)) >= count, f"{count} lines of {kind}")


def see(run, server):
    """A worker of the server that has been seen with the listener: its pid."""
    settle(run, "owner", 1)
    worker = server.do("fork()")
    settle(run, "owner", 2)
    return worker


def test_the_limit_is_that_of_then(space, make, record, address):
    """listen() again, with another backlog, as memcached does when it has all the connections it may have."""
    server, clients = make(orders.Process), make(orders.Clients)
    server.do(f"listen(4, address={address!r})")
    run = record()
    server.do("listen(0)")
    settle(run, "listener", 2)
    before = space.counters()["ListenOverflows"]
    waiting, = clients.do(f"connect(address={address!r})")
    dropped, = clients.do(f"connect(address={address!r}, wait=False)")
    until(lambda: space.counters()["ListenOverflows"] > before, "an overflow")
    server.do("listen(7)")
    settle(run, "listener", 3)
    server.do("accept(2)")
    overflows = space.counters()["ListenOverflows"] - before
    report = end(run)
    listener, = report["listeners"]
    assert [point["limit"] for point in listener["limits"]] == [4, 0, 7]
    times = [point["time_ns"] for point in listener["limits"]]
    assert times == sorted(times)
    assert listener["limit"] == 7
    # One has a place where the limit is 0, and with that the queue was full.
    attempts = by_port(report)
    assert attempts[waiting]["syns"] == 1
    packets = [packet for packet in attempts[dropped]["packets"] if packet["dropped"]]
    assert len(packets) == overflows
    for packet in packets:
        assert (packet["cause"], packet["depth"], packet["limit"]) == ("accept-queue-full-syn", 1, 0)
    assert listener["full_ns"] > 0
    assert all(times[1] <= episode["start_ns"] for episode in listener["full_episodes"])
    assert not [row for row in report["ledger"] if row["unexplained"]]


def test_who_had_the_listener_accepted(make, record, address):
    """Handed over by SCM_RIGHTS in the midst of it: each accept() belongs to the owner of then."""
    server, clients = make(orders.Process), make(orders.Clients)
    heir = server.do("fork()")
    server.do(f"listen(8, address={address!r})")
    run = record()
    connect = f"connect(address={address!r})"
    truth = []
    for _ in range(3):
        clients.do(connect)
        truth += server.do("accept()")
    # Two walks have begun since: what a worker that comes and goes shows.
    server.do(f"end({see(run, server)})")
    settle(run, "owner", 3)
    server.do(f"hand_over({heir})")
    settle(run, "owner", 5)
    for _ in range(3):
        clients.do(connect)
        truth += server.do(f'child({heir}, "accept()")')
    report = end(run)
    attempts = by_port(report)
    assert {pid for _, pid, _ in truth} == {server.pid, heir}
    for port, pid, _ in truth:
        sure = SEES_EXITS or pid == heir
        assert attempts[port]["accept_pid"] in ({pid} if sure else {pid, None}), attempts[port]
    listener, = report["listeners"]
    owners = [owner for owner in listener["owners"] if owner["pid"] in (server.pid, heir)]
    assert [owner["pid"] for owner in owners] == [server.pid, heir]
    assert all(owner["comm"].startswith("python") for owner in listener["owners"])
    assert owners[0]["from_ns"] <= report["source"]["start_ns"] + 1_000_000_000
    assert owners[0]["to_ns"] is not None and owners[1]["to_ns"] is None
    assert listener["pids"] == [heir]


def test_a_child_has_the_listener_from_its_fork_to_its_end(make, record):
    """A worker that its parent forks: both can accept, and where nobody looked it is not known who did."""
    server, clients = make(orders.Process), make(orders.Clients)
    server.do("listen(8)")
    run = record()
    clients.do("connect()")
    truth = server.do("accept()")
    settle(run, "owner", 1)
    worker = server.do("fork()")
    settle(run, "owner", 2)
    clients.do("connect()")
    truth += server.do(f'child({worker}, "accept()")')
    ended_ns = server.do(f"end({worker})")
    settle(run, "owner", 3)
    clients.do("connect()")
    truth += server.do("accept()")
    report = end(run)
    attempts = by_port(report)
    listener, = report["listeners"]
    first, second = listener["owners"]
    assert (first["pid"], second["pid"]) == (server.pid, worker)
    assert first["to_ns"] is None
    assert second["to_ns"] is not None
    if SEES_EXITS:
        assert second["from_ns"] < second["to_ns"] <= ended_ns
    for (port, pid, _), sure in zip(truth, (True, False, True)):
        assert attempts[port]["accept_pid"] == pid or (not sure and attempts[port]["accept_pid"] is None)


def queue_end(listener, which):
    """The last point of one of its drawings: [time_ns, min, max]."""
    return listener["depth"][which]["points"][-1]


def test_what_a_hung_server_left_stays_with_its_listener(space, make, record, address):
    """Its queue full, killed, another server in its place: an end to the one, and another listener."""
    hung, clients = make(orders.Process), make(orders.Clients)
    hung.do(f"listen(4, address={address!r})")
    run = record()
    clients.do(f"connect(2, address={address!r})")
    first = hung.do("accept(2)")
    before = space.counters()["ListenOverflows"]
    clients.do(f"connect(9, address={address!r}, wait=False)")
    # Five have a place; the other four are turned away.
    until(lambda: space.counters()["ListenOverflows"] - before >= 4, "an overflow")
    killed_ns = hung.kill()
    settle(run, "listener", 2)
    until(lambda: any('"closed"' in line for line in lines(run, "listener")), "the end of the listener")
    overflows = space.counters()["ListenOverflows"] - before
    heir = make(orders.Process)
    heir.do(f"listen(16, address={address!r})")
    until(lambda: lines(run, "listener")[-1].count('"closed"') == 0, "the new listener")
    clients.do(f"connect(2, address={address!r})")
    second = heir.do("accept(2)")
    # And those whose SYN comes again.
    again = heir.do("accept(4)")
    report = end(run)

    attempts = by_port(report)
    old, new = report["listeners"]
    assert (old["closed"], new["closed"]) == (True, False)
    assert old["cookie"] != new["cookie"]
    for port, pid, _ in first + second + again:
        assert attempts[port]["outcome"] == "accepted"
        assert attempts[port]["accept_pid"] in (pid, None)
        assert attempts[port]["listener"] == (0 if pid == hung.pid else 1)
    # Five waited when it closed: not a whim of the server, nor a firewall.
    waited = [a for a in attempts.values() if a["outcome"] == "reset"]
    assert len(waited) == 5
    for attempt in waited:
        assert [cause["name"] for cause in attempt["causes"]] == ["listener-closed"], attempt
        assert attempt["listener"] == 0
        reset, = [packet for packet in attempt["packets"] if packet["kind"] == "rst-server"]
        assert reset["time_ns"] <= killed_ns
    assert report["summary"]["causes"]["listener-closed"] == 5
    # Its drops are its own, and nothing of it comes after its end.
    assert (old["drops"], new["drops"]) == (overflows, 0)
    assert (old["attempts"], new["attempts"]) == (7, 6)
    closed_ns = max(owner["to_ns"] for owner in old["owners"])
    assert all(episode["end_ns"] <= closed_ns for episode in old["full_episodes"])
    assert queue_end(old, "rebuilt")[1:] == queue_end(old, "sampled")[1:] == [0, 0]
    assert queue_end(old, "sampled")[0] <= new["depth"]["sampled"]["points"][0][0]
    assert {owner["pid"] for owner in new["owners"]} == {heir.pid}
    assert not [row for row in report["ledger"] if row["unexplained"]]


def test_what_waits_when_a_listener_closes_is_said_to(make, record, address):
    """close() of a listener on its queue, the server lives on; a half-open one finds out when it speaks."""
    server, clients = make(orders.Process), make(orders.Clients)
    server.do(f"listen(8, address={address!r})")
    run = record()
    clients.do(f"connect(3, address={address!r})")
    server.do("accept(close=False)")
    closed_ns = server.do("close()")
    until(lambda: any('"closed"' in line for line in lines(run, "listener")), "the end of the listener")
    report = end(run)
    listener, = report["listeners"]
    outcomes = sorted((a["outcome"], [c["name"] for c in a["causes"]]) for a in report["attempts"])
    assert outcomes == [("accepted", []), ("reset", ["listener-closed"]), ("reset", ["listener-closed"])]
    assert listener["closed"]
    assert [owner["pid"] for owner in listener["owners"]] == [server.pid]
    assert listener["owners"][0]["to_ns"] >= closed_ns - 1_000_000_000
    assert queue_end(listener, "rebuilt")[1:] == [0, 0]
    assert not [row for row in report["ledger"] if row["unexplained"]]


def test_started_in_the_middle(space, make, record, address):
    """The queue has been full for a while: who waits is listed, and followed; who is resent for is no newcomer."""
    server, clients = make(orders.Process), make(orders.Clients)
    server.do(f"listen(4, address={address!r})")
    waiting = clients.do(f"connect(5, address={address!r})")
    overflows = space.counters()["ListenOverflows"]
    turned_away = clients.do(f"connect(4, address={address!r}, wait=False)")
    until(lambda: space.counters()["ListenOverflows"] - overflows >= 4, "an overflow")
    outside = space.counters()["ListenOverflows"]
    run = record()
    # The counters have been read by now; who was captured before that has drops that the ledger does not compare.
    overflows = space.counters()["ListenOverflows"]
    # Each of them is turned away again.
    until(lambda: space.counters()["ListenOverflows"] - overflows >= 4, "SYNs sent again")
    accepted = server.do("accept(5)")
    outside, overflows = (space.counters()["ListenOverflows"] - before for before in (outside, overflows))
    accepted += server.do("accept(4)")
    newcomer, = clients.do(f"connect(address={address!r})")
    accepted += server.do("accept()")
    report = end(run, amid_drops=True)

    attempts = by_port(report)
    assert sorted(attempts) == sorted([*waiting, *turned_away, newcomer])
    assert {port for port in attempts if attempts[port]["began_before"]} == {*waiting, *turned_away}
    assert report["summary"]["began_before"] == 9
    assert sum("under way when observation began" in note for note in report["notes"]) == 1
    for port, pid, returned_ns in accepted:
        attempt = attempts[port]
        assert attempt["outcome"] == "accepted", attempt
        assert attempt["accept_pid"] in (pid, None)
        assert attempt["accept_after_ns"] <= returned_ns, attempt
    start_ns = report["source"]["start_ns"]
    for port in waiting:
        attempt = attempts[port]
        assert attempt["syn_ns"] is None and attempt["ack_ns"] is None and attempt["syns"] == 0
        assert attempt["entered_ns"] < start_ns
        assert attempt["queue_wait_ns"] > 0
    for port in turned_away:
        assert attempts[port]["syns"] >= 2
        assert "accept-queue-full-syn" in [cause["name"] for cause in attempts[port]["causes"]]
    listener, = report["listeners"]
    assert listener["queue_peak"] == 5
    assert overflows <= listener["drops"] <= outside
    compared = listener["drops"] - listener["drops_uncompared"]
    assert [row["observed"] for row in report["ledger"] if row["counter"] == "ListenOverflows"] == [compared]
    # Full from the first sample on.
    first = listener["full_episodes"][0]
    assert first["start_ns"] <= listener["depth"]["sampled"]["points"][0][0]
    assert listener["full_ns"] >= first["end_ns"] - first["start_ns"] > 0
    assert not [row for row in report["ledger"] if row["unexplained"]]


def test_what_waited_and_is_gone_at_once_was_accepted(space, make, record, address):
    """Their clients have closed before: between two looks their sockets are accepted, closed and gone."""
    server, clients = make(orders.Process), make(orders.Clients)
    server.do(f"listen(4, address={address!r})")
    waiting = clients.do(f"connect(5, address={address!r})")
    clients.do("[HELD.pop(port).close() for port in list(HELD)]")
    run = record()
    settle(run, "waiting", 5)
    accepted = server.do("accept(5)")
    newcomer, = clients.do(f"connect(address={address!r})")
    accepted += server.do("accept()")
    report = end(run)
    attempts = by_port(report)
    assert sorted(attempts) == sorted([*waiting, newcomer]) == sorted(port for port, *_ in accepted)
    assert {attempt["outcome"] for attempt in attempts.values()} == {"accepted"}
    for port, pid, returned_ns in accepted:
        assert attempts[port]["accept_pid"] in (pid, None)
        assert (attempts[port]["accept_after_ns"] or 0) <= returned_ns


def test_ended_in_the_middle(space, make, record, address):
    """SYNs are being resent when the recording ends: nobody knows yet what becomes of them."""
    server, clients = make(orders.Process), make(orders.Clients)
    server.do(f"listen(0, address={address!r})")
    run = record()
    waiting, = clients.do(f"connect(1, address={address!r})")
    before = space.counters()["ListenOverflows"]
    resent, = clients.do(f"connect(1, address={address!r}, wait=False)")
    until(lambda: space.counters()["ListenOverflows"] - before >= 2, "a SYN sent again")
    report = end(run)
    attempts = by_port(report)
    assert attempts[waiting]["outcome"] == "waiting"
    assert attempts[resent]["outcome"] == "open"
    assert [cause["name"] for cause in attempts[resent]["causes"]] == ["accept-queue-full-syn"]
    assert not [a for a in attempts.values() if a["began_before"]]
    assert report["listeners"][0]["drops"] == space.counters()["ListenOverflows"] - before


def test_the_first_clients_of_a_new_listener_are_its_own(make, record, address):
    """It begins to listen while observed, and has served some before a dump can show it."""
    server, clients = make(orders.Process), make(orders.Clients)
    run = record()
    server.do(f"listen(8, address={address!r})")
    ports, served = [], []
    for _ in range(3):
        ports += clients.do(f"connect(2, address={address!r})")
        served += server.do("accept(2, close=False)")
    until(lambda: lines(run, "listener"), "the listener")
    settle(run, "child", 1)
    report = end(run)
    attempts = by_port(report)
    assert sorted(attempts) == sorted(ports)
    for port, pid, returned_ns in served:
        attempt = attempts[port]
        assert attempt["listener"] == 0, attempt
        assert attempt["outcome"] == "accepted", attempt
        assert attempt["accept_pid"] in (pid, None)
        assert attempt["accept_after_ns"] <= returned_ns
        assert not attempt["causes"]
    listener, = report["listeners"]
    assert listener["attempts"] == 6
    assert not [row for row in report["ledger"] if row["unexplained"]]


def test_a_stuck_sibling_has_its_own_drops(space, make, record, address):
    """Of two SO_REUSEPORT siblings one does not accept: what it drops is not the idle one's."""
    stuck, idle, clients = make(orders.Process), make(orders.Process), make(orders.Clients)
    options = f"address={address!r}, reuseport=True"
    cookies = {stuck.do(f"listen(2, {options})"): stuck, idle.do(f"listen(64, {options})"): idle}
    run = record()
    before = space.counters()["ListenOverflows"]
    # By the hash of their ports some meet the one and some the other: until the stuck one is full, and drops.
    for _ in range(64):
        clients.do(f"connect(1, address={address!r}, wait=False)")
        if space.counters()["ListenOverflows"] - before >= 3:
            break
    overflows = space.counters()["ListenOverflows"] - before
    assert overflows >= 3
    # A sample of the full queue, and of its drops.
    until(lambda: any(f'"drops":{overflows}' in line for line in lines(run, "sample")), "the sample")
    report = end(run)
    listeners = {listener["cookie"]: listener for listener in report["listeners"]}
    assert listeners.keys() == cookies.keys()
    for cookie, server in cookies.items():
        listener = listeners[cookie]
        assert listener["reuseport"]
        assert [owner["pid"] for owner in listener["owners"]] == [server.pid]
        assert listener["drops"] == listener["sk_drops"] == (overflows if server is stuck else 0)
        assert (listener["full_ns"] > 0) == (server is stuck)
        if server is stuck:
            assert listener["queue_peak"] == 3
    dropped = [a for a in report["attempts"] if a["causes"]]
    assert sum(packet["dropped"] for a in dropped for packet in a["packets"]) == overflows
    for attempt in dropped:
        # By what the kernel counted; not known is an answer, the idle one is none.
        assert attempt["listener"] is None or report["listeners"][attempt["listener"]]["cookie"] != \
            next(cookie for cookie, server in cookies.items() if server is idle), attempt
        for packet in attempt["packets"]:
            assert not packet["dropped"] or attempt["listener"] is None or packet["limit"] == 2
    # No larger backlog is advised to the idle one, nor one that is no larger to the other.
    for advice in report["advice"]:
        numbers = re.findall(r"With a backlog of (\d+)", advice["text"])
        assert all(int(number) > 2 for number in numbers), advice


def test_a_killed_process_refused_nobody(make, record, address):
    """SIGKILL, as of the OOM killer, just after accept(): a close without a reply that no server decided on."""
    server, clients = make(orders.Process), make(orders.Clients)
    server.do(f"listen(8, address={address!r})")
    run = record()
    settle(run, "owner", 1)
    child = server.do("fork()")
    clients.do(f"connect(2, address={address!r}, request=b'x')")
    port = server.do(f"child({child}, 'accept(close=False)')")[0][0]
    os.kill(child, signal.SIGKILL)
    until(lambda: any(f'"pid":{child},' in line for line in lines(run, "proc-exit")), "its end")
    # The other one is answered by nobody, and still open.
    server.do("accept(close=False)")
    report = end(run)
    advice, = [one for one in report["advice"] if one["rule"] in ("owner-killed", "closed-unserved")]
    assert by_port(report)[port]["outcome"] == "accepted"
    assert advice["rule"] == "owner-killed" and advice["clients"] == 1
    assert f"process {child} ended (signal 9)" in advice["text"]


def test_who_serves_a_connection_has_not_accepted_it(make, record, address):
    """inetd, or systemd with Accept=yes: one accepts, and a child that still has the listener serves."""
    server, clients = make(orders.Process), make(orders.Clients)
    server.do(f"listen(8, address={address!r})")
    run = record()
    settle(run, "owner", 1)
    served = {}
    for number in range(3):
        clients.do(f"connect(address={address!r})")
        (port, _, _), = server.do("accept(close=False)")
        served[port] = server.do("fork(keep=True)")
        server.do(f"drop({port})")
        settle(run, "holder", number + 1)
    report = end(run)
    attempts = by_port(report)
    assert attempts.keys() == served.keys()
    for port, child in served.items():
        attempt = attempts[port]
        assert attempt["outcome"] == "accepted"
        assert attempt["accept_pid"] in (server.pid, None), (attempt, child)
