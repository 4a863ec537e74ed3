"""Listeners that appear while it is recorded, and get their first clients at once: those attempts have their listener."""
import json
import time

import pytest

import recording
from listening import Listener

PORT = 8080
TIMES, CLIENTS, BACKLOG = 8, 5, 1


# So far apart are samples where nothing happens and whatever does wakes the recorder.
RESTS_NS = 200_000_000


def wait_until_it_rests(folder):
    """Until three samples of its only listener are that far apart. False where it does not rest."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        events = [json.loads(line) for line in (folder / "events.jsonl").read_bytes().split(b"\n")[:-1]]
        times = [event["time_ns"] for event in events if event["event"] == "sample"][-3:]
        if len(times) == 3 and times[2] - times[1] >= RESTS_NS and times[1] - times[0] >= RESTS_NS:
            return True
        time.sleep(0.1)
    return False


def check(report, waiting, refused):
    attempts = {f"{attempt['client']} {attempt['server'].rsplit(':', 1)[1]}": attempt for attempt in report["attempts"]}
    assert attempts.keys() == waiting | refused
    assert {client for client, attempt in attempts.items() if attempt["entered_ns"] is not None} == waiting
    for client in refused:
        causes = {cause["name"]: cause["packets"] for cause in attempts[client]["causes"]}
        assert causes == {"accept-queue-full-syn": attempts[client]["syns"]}, attempts[client]


def with_entries(run, report):
    """The report, once more of a recorder that was held up."""
    if not report["recording"]["bpf"]["entries"]:
        pytest.skip("entries are not told here: " + report["recording"]["sources"]["bpf"]["note"])
    return run.replay() if run.was_late() else report


@pytest.mark.parametrize("known", [True, False], ids=["one-was-there", "none-was-there"])
def test_first_clients_of_a_new_listener(synscope, sysctl, tmp_path, known):
    # The first two of each wait, the others are refused, each time that they try.
    sysctl("net.ipv4.tcp_syncookies", 0)
    tmp_path.chmod(0o755)
    listeners = [Listener(5, port=PORT + TIMES)] if known else []
    run = recording.Recording(synscope, tmp_path / "recording", "lo", [PORT + i for i in range(TIMES + 1)])
    waiting, refused = set(), set()
    try:
        run.start()
        for i in range(TIMES):
            # Long enough that it looks for nothing often.
            time.sleep(0.4)
            listener = Listener(BACKLOG, port=PORT + i)
            listeners.append(listener)
            listener.connect(CLIENTS)
            # A port of a client's is given again to one of another server.
            names = ["{}:{} {}".format(*client.getsockname(), PORT + i) for client in listener.clients]
            waiting.update(names[:BACKLOG + 1])
            refused.update(names[BACKLOG + 1:])
        # They try no more, so that nothing comes when the counters are read for the last time.
        for listener in listeners:
            for client in listener.clients[BACKLOG + 1:]:
                client.close()
        time.sleep(0.3)
        report = run.stop()
    finally:
        run.kill()
        for listener in listeners:
            listener.close()
    check(with_entries(run, report), waiting, refused)


def test_first_clients_while_the_recorder_rests(synscope, sysctl, tmp_path):
    sysctl("net.ipv4.tcp_syncookies", 0)
    tmp_path.chmod(0o755)
    listeners = [Listener(5, port=PORT + 1)]
    run = recording.Recording(synscope, tmp_path / "recording", "lo", [PORT, PORT + 1])
    try:
        run.start()
        rests = wait_until_it_rests(tmp_path / "recording")
        listeners.append(Listener(BACKLOG, port=PORT))
        listeners[1].connect(CLIENTS)
        names = ["{}:{} {}".format(*client.getsockname(), PORT) for client in listeners[1].clients]
        for client in listeners[1].clients[BACKLOG + 1:]:
            client.close()
        time.sleep(0.3)
        report = run.stop()
    finally:
        run.kill()
        for listener in listeners:
            listener.close()
    report = with_entries(run, report)
    assert rests
    check(report, set(names[:BACKLOG + 1]), set(names[BACKLOG + 1:]))
