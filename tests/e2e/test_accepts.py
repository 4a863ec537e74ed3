"""When accept() took each connection of a server that knows nothing of it: as a bound, and as a point."""
import os
import random
import socket
import time

import pytest

import recording

BURSTS, BURST = 12, 5


def serve(listener, rng):
    """Bursts of clients, accepted one after the other with pauses. client -> (accept() called, returned), ns."""
    times = {}
    for _ in range(BURSTS):
        clients = [socket.create_connection(listener.getsockname()) for _ in range(BURST)]
        time.sleep(rng.random() * 0.003)
        for _ in clients:
            called = time.time_ns()
            peer, (host, port) = listener.accept()
            times[f"{host}:{port}"] = (called, time.time_ns())
            peer.close()
            time.sleep(rng.random() * 0.002)
        for client in clients:
            client.close()
    return times


@pytest.fixture
def watched(synscope, namespace, tmp_path):
    """A function: records the server above with these options -> its own times, the report, its replay."""
    started = []

    def watch(*options):
        # What came too late for the live report is in its place in the replay: then another one.
        for number in range(3):
            found = watch_once(number, options)
            if not started[-1].was_late():
                break
        return found

    def watch_once(number, options):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(64)
            target = "127.0.0.1:%d" % listener.getsockname()[1]
            run = recording.Recording(synscope, tmp_path / f"recording{number}", "lo", [target], options)
            started.append(run)
            run.start()
            times = serve(listener, random.Random(7))
            report = run.stop()
            return times, report, run.replay()

    yield watch
    for run in started:
        run.kill()


def attempts_of(report, times):
    attempts = {attempt["client"]: attempt for attempt in report["attempts"]}
    assert attempts.keys() == times.keys()
    assert {attempt["outcome"] for attempt in attempts.values()} == {"accepted"}
    return attempts


def check_bounds(attempts, times):
    """accept() hands the connection over between its call and its return: the bound must hold that too."""
    bounded = 0
    for client, (called, returned) in times.items():
        attempt = attempts[client]
        assert attempt["accept_after_ns"] <= returned
        assert attempt["accept_before_ns"] >= called
        assert attempt["accept_after_ns"] <= attempt["accept_before_ns"]
        bounded += attempt["accept_after_ns"] > attempt["ack_ns"]
    return bounded


def test_sampled_bounds_hold_each_accept(watched):
    # Where the kernel has fexit, BPF programs would tell each exactly.
    times, report, replay = watched("--no-bpf")
    attempts = attempts_of(report, times)
    # Some were seen waiting before they were seen accepted; the others are bounded by their handshake.
    assert check_bounds(attempts, times) > 0
    assert all(attempt["accept_ns"] is None for attempt in attempts.values())
    assert replay["attempts"] == report["attempts"]


def test_exact_times_are_points_within_the_call(watched):
    times, report, replay = watched("--exact-accepts")
    source = report["recording"]["sources"]["bpf"]
    if not source["on"]:
        assert "accept()" in source["note"]
        assert os.geteuid() != 0 or "built in" in source["note"] or "CAP_BPF" in source["note"]
        pytest.skip(source["note"])
    attempts = attempts_of(report, times)
    for client, (called, returned) in times.items():
        attempt = attempts[client]
        # The kernel's clock was shifted to this one, by less than this.
        assert called - 100_000 <= attempt["accept_ns"] <= returned + 100_000
        assert attempt["accept_pid"] == os.getpid()
    assert replay["attempts"] == report["attempts"]
