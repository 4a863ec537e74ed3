"""The live view on a pipe, what it watches, and what it and record say of bad arguments."""
import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from running import GET, Server, load


@pytest.fixture
def objects(synscope, namespace):
    """watch -f json as a generator of its objects; ends with SIGINT."""
    started = []

    class Objects:
        def __init__(self, *arguments):
            self.process = subprocess.Popen(
                [synscope, "watch", "-f", "json", "-n", "200ms", *map(str, arguments)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            started.append(self.process)
            self.seen = []

        def until(self, condition, what):
            while not (self.seen and condition(self.seen[-1])):
                line = self.process.stdout.readline()
                assert line, f"it ended: {what}: {self.process.stderr.read()}"
                self.seen.append(json.loads(line))
                assert len(self.seen) < 150, f"waited in vain: {what}"
            return self.seen[-1]

        def end(self):
            self.process.send_signal(signal.SIGINT)
            out, err = self.process.communicate(timeout=30)
            self.seen += [json.loads(line) for line in out.splitlines()]
            assert self.process.returncode == 0, err
            return self.seen

    yield Objects
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def listener_of(snapshot, port):
    return next((one for one in snapshot["listeners"] if one["port"] == port), None)


# --- no terminal ---

def test_lines_and_then_the_report(run, listen):
    listener = listen(1)
    listener.connect(4)
    done = run("watch", "-i", "lo", "-n", "500ms", "-d", "2200ms", listener.port)
    assert done.returncode == 0 and done.stderr == ""
    lines, report = done.stdout.split("\n\n", 1)
    lines = [dict(word.split("=", 1) for word in line.split(" ")) for line in lines.splitlines()]
    assert 3 <= len(lines) <= 5
    for line in lines:
        assert line["fullest"] == f"127.0.0.1:{listener.port}"
        assert (line["limit"], line["peak"]) == ("1", "2")
    assert "observed live" in report


def test_quiet_has_no_report(run, listen):
    listener = listen(1)
    done = run("watch", "-q", "-i", "lo", "-n", "300ms", "-d", "1s", listener.port)
    assert done.returncode == 0
    assert all(line.startswith("time=") for line in done.stdout.splitlines())


def test_the_sums_of_the_objects_are_those_of_the_report(synscope, objects, run, tmp_path):
    tmp_path.chmod(0o755)
    server = Server(synscope, tmp_path, "-b", "3", "-c", "4", "-s", "50ms", events=False)
    try:
        watch = objects("-i", "lo", "-o", tmp_path / "r", server.endpoint)
        watch.until(lambda o: listener_of(o, server.address[1]), "the listener")
        load(synscope, "-n", "40", "-d", "8s", "-t", "4s", server.endpoint)
        seen = watch.end()
    finally:
        server.kill()
    report = json.loads(run("report", tmp_path / "r", "-f", "json").stdout)
    attempts = report["attempts"]
    assert len(attempts) == 40
    sums = collections.Counter()
    drops = collections.Counter()
    for one in seen:
        assert one["schema"] == "synscope.watch/1"
        sums.update({name: one[name] for name in ("attempts", "syns", "handshakes", "accepts")})
        drops.update(one["drops"])
        parts = one["listeners"] + [one["no_listener"]]
        for name in ("attempts", "syns", "handshakes", "accepts"):
            assert one[name] == sum(part[name] for part in parts)
    assert sums == {
        "attempts": 40,
        "syns": sum(a["syns"] for a in attempts),
        "handshakes": sum(a["ack_ns"] is not None for a in attempts),
        "accepts": report["summary"]["outcomes"]["accepted"],
    }
    assert sum(drops.values()) > 0
    for cause, packets in drops.items():
        assert packets == report["summary"]["cause_packets"][cause], cause
    # The rates of the report are another way to the same sums.
    buckets = report["rates"]["buckets"]
    assert sum(b["syns"] for b in buckets) == sums["syns"]
    assert sum(b["handshakes"] for b in buckets) == sums["handshakes"]
    assert sum(b["accepts"] for b in buckets) == sums["accepts"]
    assert sum(sum(b["drops"].values()) for b in buckets) == sum(drops.values())
    # Intervals follow each other, and the last one says that it is.
    assert all(a["to_ns"] == b["from_ns"] for a, b in zip(seen, seen[1:]))
    assert [one["last"] for one in seen] == [False] * (len(seen) - 1) + [True]
    assert seen[-1]["total"] == {**sums, "drops": dict(drops)}


def test_a_reader_that_goes_away_is_no_failure(synscope, namespace):
    watch = subprocess.Popen([synscope, "watch", "-f", "json", "-n", "100ms", "-i", "lo", "8080"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert json.loads(watch.stdout.readline())["schema"] == "synscope.watch/1"
    watch.stdout.close()
    assert watch.wait(30) == 0
    errors = watch.stderr.read()
    watch.stderr.close()
    assert "synscope watch: no listener yet" in errors and len(errors.splitlines()) == 1


@pytest.mark.parametrize("format_", ["text", "json", "tsv"])
def test_nor_is_it_one_for_a_report(synscope, run, tmp_path, namespace, format_):
    tmp_path.chmod(0o755)
    assert run("record", "-q", "-o", tmp_path / "r", "-i", "lo", "-d", "200ms").returncode == 0
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([synscope, "report", tmp_path / "r", "-f", format_], stdout=writer,
                          stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_is_one_line(synscope, namespace):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([synscope, "watch", "-f", "json", "-n", "100ms", "-i", "lo", "-d", "5s"],
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "No space left" in done.stderr


# --- what is watched ---

def test_without_a_port_every_listener_is_there(objects, listen):
    four, six = listen(3), listen(4, "::1")
    watch = objects()
    watch.until(lambda o: listener_of(o, four.port) and listener_of(o, six.port), "both listeners")
    four.connect(2)
    six.connect(1)
    watch.until(lambda o: o["total"]["handshakes"] == 3, "their handshakes")
    seen = watch.end()
    last = seen[-1]
    assert listener_of(last, four.port)["address"] == "127.0.0.1"
    assert listener_of(last, six.port)["address"] == "::1"
    assert listener_of(last, six.port)["limit"] == 4
    assert sum(listener_of(o, six.port)["syns"] for o in seen if listener_of(o, six.port)) == 1
    assert sum(listener_of(o, four.port)["syns"] for o in seen if listener_of(o, four.port)) == 2


def test_several_ports_and_no_other(objects, listen):
    one, two, other = listen(3), listen(4, "::1"), listen(5)
    watch = objects("-i", "lo", f"127.0.0.1:{one.port}", two.port)
    watch.until(lambda o: listener_of(o, one.port) and listener_of(o, two.port), "both listeners")
    for listener in (one, two, other):
        listener.connect(1)
    watch.until(lambda o: o["total"]["handshakes"] == 2, "two handshakes")
    seen = watch.end()
    assert seen[-1]["total"]["syns"] == 2
    assert not any(listener_of(o, other.port) for o in seen)


def test_a_listener_that_comes_later_and_goes(objects, listen):
    probe = listen(1)
    port = probe.port
    probe.close()
    watch = objects("-i", "lo", port)
    watch.until(lambda o: True, "an object")
    assert watch.seen[-1]["listeners"] == []
    client = socket.socket()
    assert client.connect_ex(("127.0.0.1", port)) != 0
    refused = watch.until(lambda o: o["total"]["syns"] == 1, "the SYN that was refused")
    assert refused["no_listener"]["syns"] == 1
    watch.until(lambda o: True, "one more")
    assert any(a["outcome"] == "refused" for o in watch.seen for a in o["worst"])
    listener = listen(7, port=port)
    watch.until(lambda o: listener_of(o, port), "the listener")
    assert listener_of(watch.seen[-1], port)["limit"] == 7
    listener.connect(2)
    watch.until(lambda o: listener_of(o, port) and listener_of(o, port)["depth"] == 2, "its depth")
    listener.close()
    # Told of once as closed when that is news, and never again.
    watch.until(lambda o: not listener_of(o, port) or listener_of(o, port)["closed"], "its end")
    watch.until(lambda o: not listener_of(o, port), "silence")
    client.close()
    assert watch.end()[-1]["total"]["handshakes"] == 2


def test_siblings_have_a_depth_each(objects, listen):
    # Each has room for all: the kernel may give them to one of the two.
    first = listen(8, reuseport=True)
    second = listen(8, port=first.port, reuseport=True)
    watch = objects("-i", "lo", first.port)
    watch.until(lambda o: len(o["listeners"]) == 2, "both siblings")
    first.connect(6)
    snapshot = watch.until(lambda o: sum(one["depth"] or 0 for one in o["listeners"]) == 6, "six that wait")
    assert all(one["reuseport"] for one in snapshot["listeners"])
    assert len({one["counted_at"] for one in snapshot["listeners"]}) == 1
    assert snapshot["total"]["handshakes"] == 6
    second.close()
    watch.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root of the namespace around both")
def test_the_listeners_of_another_namespace(objects, namespace):
    script = ("import socket,sys\n"
              "s=socket.socket(); s.bind(('127.0.0.1',7777)); s.listen(3)\n"
              "print('ready',flush=True); sys.stdin.read()")
    other = subprocess.Popen(["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
                              "/usr/bin/python3", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"ready\n"
        watched = objects("--netns", other.pid, "-i", "lo")
        found = watched.until(lambda snapshot: snapshot["listeners"], "the listener there")
        assert [(one["port"], one["limit"]) for one in found["listeners"]] == [(7777, 3)]
        watched.end()
    finally:
        other.stdin.close()
        other.wait(timeout=30)


def test_accepts_of_an_ordinary_server_are_seen(objects, listen):
    listener = listen(5)
    watch = objects("-i", "lo", listener.port)
    watch.until(lambda o: listener_of(o, listener.port), "the listener")
    listener.connect(2)
    watch.until(lambda o: o["total"]["handshakes"] == 2, "handshakes")
    time.sleep(0.3)
    listener.accept(2)
    watch.until(lambda o: o["total"]["accepts"] == 2, "accepts")
    waits = [o["accept_wait_ns"] for o in watch.seen if o["accept_wait_ns"]["count"]]
    assert min(w["min"] for w in waits) >= 3e8
    for server in listener.served:
        server.sendall(GET)
    watch.end()


# --- bad arguments, for watch and record alike ---

COMMANDS = {"watch": ["watch", "-f", "json"], "record": ["record", "-o", "FOLDER"]}


@pytest.fixture(params=COMMANDS)
def command(request, tmp_path):
    tmp_path.chmod(0o755)
    return [str(tmp_path / "r") if word == "FOLDER" else word for word in COMMANDS[request.param]]


def assert_one_line(done, status, *words):
    assert done.returncode == status
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Try ")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def test_an_interface_that_does_not_exist(run, command, namespace, tmp_path):
    assert_one_line(run(*command, "-i", "nosuch0", "8080"), 1, "nosuch0")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("port", ["0", "70000", "host:80", "127.0.0.1:", "", "[::1:80"])
def test_what_is_no_port(run, command, namespace, port):
    assert_one_line(run(*command, port), 2, "invalid port")


def test_more_ports_than_it_takes(run, command, namespace):
    assert_one_line(run(*command, *range(1, 66)), 2, "64")


@pytest.mark.parametrize("option", ["--interval=1ms", "--interval=x", "--duration=0", "--sample-interval=1us",
                                    "--format=html", "--no-such-option", "--user=no-such-user"])
def test_wrong_options_of_watch(run, namespace, option):
    done = run("watch", option, "8080")
    assert done.returncode == 2
    assert done.stdout == "" and "Try 'synscope watch --help'" in done.stderr


def test_drops_fail_when_that_is_asked(run, listen):
    listener = listen(1)
    arguments = ["watch", "-f", "json", "-i", "lo", "-n", "200ms", "-d", "1500ms", "--fail-on", "drops", listener.port]
    assert run(*arguments).returncode == 0
    listener.connect(5)
    assert run(*arguments).returncode == 3


@pytest.fixture
def ordinary(synscope, namespace, tmp_path):
    """A function: runs the program without capabilities, as another user where there is one in this namespace."""
    tmp_path.chmod(0o777)
    tmp_path.parent.chmod(0o755)
    setpriv = shutil.which("setpriv", path="/usr/bin:/usr/sbin")
    if os.geteuid() != 0 or not setpriv:
        pytest.skip("takes root and setpriv")
    uid_map = pathlib.Path("/proc/self/uid_map").read_text().split()
    other = ["--reuid=65534", "--regid=65534", "--clear-groups"] if int(uid_map[2]) > 65534 else []

    def run_it(*arguments):
        return subprocess.run([setpriv, *other, "--bounding-set=-all", "--inh-caps=-all", synscope,
                               *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)

    return run_it


def test_a_port_that_nobody_listens_on(run, command, namespace):
    done = run(*command, "-i", "lo", "-d", "600ms", "8080")
    assert done.returncode == 0
    assert "no listener yet" in done.stderr


def test_all_listeners_are_recorded(run, listen, tmp_path):
    tmp_path.chmod(0o755)
    four, six = listen(3), listen(4, "::1")
    done = run("record", "-q", "-o", tmp_path / "r", "-d", "800ms")
    assert done.returncode == 0, done.stderr
    report = json.loads(run("report", tmp_path / "r", "-f", "json").stdout)
    assert {(one["address"], one["port"], one["limit"]) for one in report["listeners"]} >= {
        ("127.0.0.1", four.port, 3), ("::1", six.port, 4)}


def test_without_the_permission_it_says_what_is_needed(ordinary, listen, command, tmp_path):
    """Queues, limits and counters answer everybody; what does not is said, a line each."""
    tmp_path.chmod(0o777)
    listener = listen(2)
    listener.connect(5)
    done = ordinary(*command, "-i", "lo", "-d", "1200ms", listener.port)
    assert done.returncode == 0, done.stderr
    unseen = done.stderr.splitlines()
    assert all("setcap" in line for line in unseen)
    assert sum("cap_net_raw" in line for line in unseen) == 1
    # Where the tests have no other user, the listener's owner is this one.
    probe = sum("cap_bpf" in line for line in unseen)
    assert sum("cap_sys_ptrace" in line for line in unseen) == len(unseen) - 1 - probe <= 1
    # In this namespace nobody is told of forks: that is for the report.
    assert command[0] == "watch" or "fork and exit events" in " ".join(done.stdout.split())
    # A gate is not open for want of packets; those who try again may be dropped meanwhile, which the counters prove.
    done = ordinary(*command[:1], "--force", *command[1:], "--fail-on", "drops", "-i", "lo", "-d", "1s", listener.port)
    assert done.returncode in (3, 4), done.stderr
    assert sum("cap_net_raw" in line for line in done.stderr.splitlines()) == 1


# Listens, connects, and accepts each connection when the recording has listed all of them, and looked since the one before.
WAITING = """
import json, pathlib, socket, sys, time
port, folder, truth = int(sys.argv[1]), pathlib.Path(sys.argv[2]), []
listener = socket.create_server(("127.0.0.1", port), backlog=8)
clients = []
for _ in range(4):
    clients.append(socket.create_connection(("127.0.0.1", port)))
    truth.append({"port": clients[-1].getsockname()[1], "connected_ns": time.time_ns()})
end = time.monotonic() + 40
def looked(since_ns):
    lines = (folder / "events.jsonl").read_text().splitlines()
    return any(line.endswith("}") and json.loads(line)["time_ns"] > since_ns for line in lines[-2:])
while (folder / "events.jsonl").read_text().count('"waiting"') < 4 and time.monotonic() < end:
    time.sleep(0.02)
accepted = []
for one in truth:
    one["before_ns"] = time.time_ns()
    accepted.append(listener.accept()[0])
    one["after_ns"] = time.time_ns()
    while not looked(one["after_ns"]) and time.monotonic() < end:
        time.sleep(0.02)
(folder.parent / "truth").write_text(json.dumps(truth))
"""


def test_without_packets_who_waits_is_seen_and_followed(ordinary, tmp_path):
    """By the sockets that nobody has accepted: everybody may list them."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    folder, metrics = tmp_path / "r", tmp_path / "s.prom"
    done = ordinary("record", "-f", "json", "-o", folder, "--metrics", metrics, port, "--", sys.executable, "-c", WAITING,
                    port, folder)
    assert done.returncode == 0, done.stderr
    attempts = json.loads(done.stdout)["attempts"]
    by_port = {int(attempt["client"].rsplit(":", 1)[1]): attempt for attempt in attempts}
    truth = json.loads((tmp_path / "truth").read_text(encoding="ascii"))
    assert set(by_port) == {one["port"] for one in truth}
    for one in truth:
        attempt = by_port[one["port"]]
        assert attempt["outcome"] == "accepted" and attempt["began_before"] is True
        assert attempt["accept_after_ns"] <= one["after_ns"] and one["before_ns"] <= attempt["accept_before_ns"]
        # The kernel tells ages in its ticks.
        assert attempt["accept_wait_ns"] >= one["before_ns"] - one["connected_ns"] - 20_000_000
        assert attempt["entered_ns"] <= one["connected_ns"] + 20_000_000
    assert 'synscope_listener_accept_wait_seconds_count{listener="127.0.0.1:%d"} 4\n' % port in metrics.read_text(encoding="ascii")


def test_without_packets_the_queues_are_recorded_all_the_same(ordinary, listen, run, tmp_path):
    listener = listen(2)
    listener.connect(5)
    folder = tmp_path / "r"
    done = ordinary("record", "-o", folder, "-f", "json", "-d", "1200ms", listener.port)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    replayed = json.loads(run("report", folder, "-f", "json").stdout)
    text = run("report", folder, "--fail-on", "drops")
    # Clients that try again may be dropped while it records: the counters prove it.
    assert (text.returncode, report["summary"]["drops_seen"]) in ((4, None), (3, True))
    first = " ".join(text.stdout.split("\n\n")[1].split())
    assert "there are no captured packets" in first
    assert "dropped anything" not in first and ("was not observed" in first or "The kernel counted drops" in first)
    for one in (report, replayed):
        # Those that were under way are known from their sockets.
        assert all(attempt["began_before"] for attempt in one["attempts"])
        assert one["summary"]["drops_seen"] in (None, True)
        assert all(listener["drops"] in (None, 0) for listener in one["listeners"])
        sampled, = one["listeners"]
        assert (sampled["limit"], sampled["queue_peak"]) == (2, 3)
        assert sampled["samples"] > 2
        # It is full from the first sample to the last one.
        assert sampled["full_ns"] > 0
        assert one["recording"]["sources"]["capture"]["on"] is False
        assert one["recording"]["sources"]["sampler"]["on"] is True
    done = ordinary("watch", "-q", "-n", "200ms", "-d", "1s", "-f", "json", listener.port)
    assert done.returncode == 0 and done.stderr == ""
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["packets_captured"] is False
    assert (last["listeners"][0]["depth"], last["listeners"][0]["limit"]) == (3, 2)
    done = ordinary("watch", "-q", "-n", "200ms", "-d", "1s", listener.port)
    assert all(" attempts=- " in line and " drops=- " in line for line in done.stdout.splitlines() if line)
