"""Listeners that appear while it is recorded, and get their first clients at once: those attempts have their listener."""
import time

import pytest

import recording
from listening import Listener

PORT = 8080
TIMES, CLIENTS, BACKLOG = 8, 5, 1


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
    if not report["recording"]["bpf"]["entries"]:
        pytest.skip("entries are not told here: " + report["recording"]["sources"]["bpf"]["note"])
    if run.was_late():
        report = run.replay()
    attempts = {f"{attempt['client']} {attempt['server'].rsplit(':', 1)[1]}": attempt for attempt in report["attempts"]}
    assert attempts.keys() == waiting | refused
    assert {client for client, attempt in attempts.items() if attempt["entered_ns"] is not None} == waiting
    for client in refused:
        causes = {cause["name"]: cause["packets"] for cause in attempts[client]["causes"]}
        assert causes == {"accept-queue-full-syn": attempts[client]["syns"]}, attempts[client]
