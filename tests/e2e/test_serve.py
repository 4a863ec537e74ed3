"""The bundled server under everything that can happen to a server."""
import collections
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import pathlib

import pytest

import kernel
from running import GET, Server, load, receive, reset, until

MODELS = ["fork", "iterative", "thread"]
STEPS = {"fork": ["accept", "fork", "first-byte", "reply", "close"],
         "iterative": ["accept", "first-byte", "reply", "close"],
         "thread": ["accept", "first-byte", "reply", "close"]}


@pytest.fixture
def serve(synscope, namespace, tmp_path):
    """Starts a server; it is gone after the test."""
    started = []

    def start(*arguments, **options):
        started.append(Server(synscope, tmp_path, *arguments, **options))
        return started[-1]

    yield start
    for server in started:
        server.kill()


def by_client(events):
    """The kinds of the events of each connection, in order."""
    kinds = collections.defaultdict(list)
    for event in events:
        if "client" in event:
            kinds[event["client"]].append(event)
    return kinds


def curl(server, *arguments):
    return subprocess.run(["curl", "--silent", "--show-error", "--max-time", "30", *arguments,
                           f"http://{server.endpoint}/"], capture_output=True, check=False)


@pytest.mark.parametrize("model", MODELS)
def test_curl_is_served_and_every_step_reported(serve, model):
    server = serve("--model", model, "--service-time", "1ms")
    count = 10
    for _ in range(count):
        done = curl(server, "--write-out", "%{http_code} %{local_port}")
        assert done.returncode == 0, done.stderr
        text, status, port = done.stdout.decode().rsplit(None, 2)
        assert status == "200"
        assert text.startswith("synscope: ") and text.endswith(f"127.0.0.1:{port}")
        assert f"({model})" in text
    assert server.stop() == 0

    events = server.events()
    assert events[0]["event"] == "listen"
    assert events[0]["local"] == server.endpoint
    assert {e["source"] for e in events} == {"server"}
    connections = by_client(events)
    assert len(connections) == count
    exits = [e["pid"] for e in events if e["event"] == "exit"]
    servants = []
    for steps in connections.values():
        # Parent and child report on their own, so only the times have the order.
        steps.sort(key=lambda e: e["time_ns"])
        kinds = [e["event"] for e in steps]
        assert sorted(kinds) == sorted(STEPS[model])
        assert kinds[0] == "accept"
        assert kinds[-3:] == ["first-byte", "reply", "close"] or model == "fork"
        assert {e["server"] for e in steps} == {server.endpoint}
        accept = steps[0]
        assert accept["before_ns"] <= accept["time_ns"]
        assert accept["pid"] == server.pid
        servants.append({e["pid"] for e in steps if e["event"] != "accept"})
        assert len(servants[-1]) == 1
    if model == "fork":
        assert sorted(exits) == sorted(pid for pids in servants for pid in pids)
        assert all(e["status"] == 0 for e in events if e["event"] == "exit")
    else:
        assert exits == []
    if model == "iterative":
        assert all(pids == {server.pid} for pids in servants)
    else:
        assert all(pids != {server.pid} for pids in servants)


@pytest.mark.parametrize("model", MODELS)
def test_head_and_post(serve, tmp_path, model):
    server = serve("--model", model, "--service-time", 0)
    head = curl(server, "--head")
    assert head.returncode == 0 and head.stdout.startswith(b"HTTP/1.1 200 OK\r\n")
    body = tmp_path / "body"
    body.write_bytes(b"x" * 700000)
    post = curl(server, "--data-binary", f"@{body}", "--header", "Expect:")
    assert post.returncode == 0, post.stderr
    assert post.stdout.startswith(b"synscope: ")


@pytest.mark.parametrize("model", MODELS)
def test_sigterm_finishes_what_is_served(serve, model):
    server = serve("--model", model, "--service-time", "500ms")
    clients = [server.connect(GET) for _ in range(1 if model == "iterative" else 4)]
    until(lambda: len(server.events("first-byte")) == len(clients), "requests read")
    server.process.send_signal(signal.SIGTERM)
    if model != "iterative":
        def refused():
            with socket.socket() as late:
                return late.connect_ex(server.address) != 0
        until(refused, "the listener is closed, in the children too")
    assert all(receive(client).startswith(b"HTTP/1.1 200 OK") for client in clients)
    assert server.process.wait(30) == 0
    if model == "fork":
        # A late one may have come just in time, and has asked for nothing.
        assert [event["status"] for event in server.events("exit")].count(0) == len(clients)
    assert f"answered {len(clients)}" in server.stderr()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops(serve, number):
    assert serve(events=False).stop(number) == 0
    assert serve().stop(number) == 0


@pytest.mark.parametrize("model", ["fork", "thread"])
def test_at_the_cap_nobody_is_accepted(serve, model):
    server = serve("--model", model, "--max-children", 2, "--service-time", "300ms", "--backlog", 9)
    clients = [server.connect(GET) for _ in range(6)]
    until(lambda: len(server.events("first-byte")) >= 2, "two are served")
    assert len(server.events("accept")) == 2
    queued = [s["rqueue"] for s in kernel.sockets(4, [kernel.LISTEN])
              if s["sport"] == server.address[1]]
    assert queued == [4]
    assert all(receive(client).startswith(b"HTTP/1.1 200 OK") for client in clients)
    assert server.stop() == 0
    busy = most = 0
    ends = "exit" if model == "fork" else "close"
    for event in sorted(server.events(), key=lambda e: e["time_ns"]):
        busy += (event["event"] == "accept") - (event["event"] == ends)
        most = max(most, busy)
    # A thread is counted as active a little longer than its connection is open, never shorter.
    assert most == 2


@pytest.mark.parametrize("model", MODELS)
def test_out_of_descriptors_it_waits_and_goes_on(serve, model):
    server = serve("--model", model, "--service-time", "1ms")
    in_use = len(os.listdir(f"/proc/{server.pid}/fd"))
    before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (in_use, before[1]))
    clients = [server.connect(GET) for _ in range(3)]
    until(lambda: voluntary_switches(server.pid) > 20, "it tries again")
    assert server.events("accept") == []
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
    assert all(receive(client).startswith(b"HTTP/1.1 200 OK") for client in clients)
    assert server.stop() == 0
    assert "accept() failures" in server.stderr()


def voluntary_switches(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("voluntary"))


@pytest.fixture
def unprivileged(synscope):
    """RLIMIT_NPROC binds nobody who is root outside of user namespaces."""
    if os.getuid() != 0 or not os.path.exists("/proc/self/uid_map"):
        return synscope, ()
    with open("/proc/self/uid_map", encoding="ascii") as uid_map:
        if uid_map.read().split() != ["0", "0", "4294967295"]:
            return synscope, ()
    return synscope, ("setpriv", "--reuid=65534", "--clear-groups")


@pytest.mark.parametrize("model", ["fork", "thread"])
def test_without_processes_it_waits_and_goes_on(unprivileged, namespace, tmp_path, model):
    synscope, wrapper = unprivileged
    with tempfile.TemporaryDirectory() as folder:
        # Where everybody can run it, wherever it was built.
        os.chmod(folder, 0o755)
        program = shutil.copy(synscope, folder)
        server = Server(program, tmp_path, "--model", model, "--service-time", "1ms", events=False,
                        wrapper=wrapper)
        try:
            subprocess.run([*wrapper, "prlimit", f"--pid={server.pid}", "--nproc=1:"], check=True)
            clients = [server.connect(GET) for _ in range(3)]
            until(lambda: voluntary_switches(server.pid) > 20, "it tries again")
            subprocess.run([*wrapper, "prlimit", f"--pid={server.pid}", "--nproc=1000:"], check=True)
            assert all(receive(client).startswith(b"HTTP/1.1 200 OK") for client in clients)
            assert server.stop() == 0
            assert "failures to start a child" in server.stderr()
        finally:
            server.kill()


def test_a_killed_child_is_reaped_and_told(serve):
    server = serve("--service-time", "30s")
    client = server.connect(GET)
    child = until(lambda: [e["pid"] for e in server.events("first-byte")], "the request is read")[0]
    os.kill(child, signal.SIGKILL)
    exits = until(lambda: server.events("exit"), "the child is reaped")
    assert [(e["pid"], e["status"]) for e in exits] == [(child, signal.SIGKILL)]
    assert receive(client) == b""
    assert server.children(server.pid) == []
    assert server.stop() == 0
    assert "1 children killed" in server.stderr()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("garbage, status", [
    (b"\x16\x03\x01\x02\x00\x01\x00", b"400"),
    (b"GET /\r\n\r\n", b"400"),
    (b"A" * 10000, b"431"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
])
def test_garbage_is_answered_and_closed(serve, model, garbage, status):
    server = serve("--model", model)
    assert receive(server.connect(garbage)).startswith(b"HTTP/1.1 " + status + b" ")
    assert receive(server.connect(GET)).startswith(b"HTTP/1.1 200 OK")
    assert server.stop() == 0
    assert ", 1 malformed" in server.stderr()


@pytest.mark.parametrize("model", MODELS)
def test_who_says_nothing_is_let_go(serve, model):
    server = serve("--model", model, "--request-timeout", "200ms", "--service-time", 0)
    assert receive(server.connect()) == b""
    assert receive(server.connect(GET[:-2])).startswith(b"HTTP/1.1 408 ")
    assert receive(server.connect(GET)).startswith(b"HTTP/1.1 200 OK")
    assert server.stop() == 0
    assert ", 2 silent" in server.stderr()


@pytest.mark.parametrize("model", MODELS)
def test_who_resets_does_no_harm(serve, model):
    server = serve("--model", model, "--max-children", 1, "--service-time", "100ms")
    first = server.connect(GET)
    until(lambda: server.events("first-byte"), "the only servant is busy")
    # Both wait in the queue when they reset; the server gets them all the same.
    reset(server.connect())
    reset(server.connect(GET))
    last = server.connect(GET)
    assert receive(first).startswith(b"HTTP/1.1 200 OK")
    assert receive(last).startswith(b"HTTP/1.1 200 OK")
    assert server.stop() == 0
    kinds = [sorted(e["event"] for e in steps) for steps in by_client(server.events()).values()]
    assert len(kinds) == 4
    assert all("accept" in k and "close" in k for k in kinds)
    # What was sent before the reset is read all the same.
    assert ", 1 closed by the client before the request, 1 closed by the client before the reply" in server.stderr()


def test_a_client_that_resets_while_it_is_served(serve):
    server = serve("--service-time", "200ms")
    client = server.connect(GET)
    until(lambda: server.events("first-byte"), "the request is read")
    reset(client)
    until(lambda: server.events("exit"), "the child is done")
    assert server.stop() == 0
    assert ", 1 closed by the client before the reply" in server.stderr()


def test_both_families_and_a_port_of_its_choice(serve):
    server = serve("--listen", "0", "--listen", "[::1]:0", "--service-time", 0)
    (any_address, port), (loopback, other) = server.addresses()
    assert any_address == "::" and loopback == "::1"
    assert 0 < port != other > 0
    for address in ("127.0.0.1", port), ("::1", port), ("::1", other):
        with socket.create_connection(address) as client:
            client.sendall(GET)
            assert receive(client).startswith(b"HTTP/1.1 200 OK")
    assert server.stop() == 0
    clients = [e["server"] for e in server.events("accept")]
    assert clients == [f"127.0.0.1:{port}", f"[::1]:{port}", f"[::1]:{other}"]


def test_any_address_of_each_family_on_one_port(serve):
    server = serve("--listen", "0.0.0.0:8088", "--listen", "[::]:8088", "--service-time", 0)
    for host in "127.0.0.1", "::1":
        with socket.create_connection((host, 8088)) as client:
            client.sendall(GET)
            assert receive(client).startswith(b"HTTP/1.1 200 OK")


def test_a_port_in_use_is_named(serve, run):
    server = serve()
    done = run("serve", "--listen", server.endpoint)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert server.endpoint in done.stderr and "port 0 picks a free one" in done.stderr


def test_an_address_of_somebody_else_is_named(run, namespace):
    done = run("serve", "--listen", "192.0.2.1:80")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "192.0.2.1:80" in done.stderr and "no interface" in done.stderr


@pytest.mark.parametrize("arguments", [
    ["--backlog", "-1"], ["--backlog", "many"], ["--model", "prefork"], ["--listen", "localhost:80"],
    ["--listen", "127.0.0.1:65536"], ["--service-time", "1 day"], ["--max-children", "1.5"],
    ["--request-timeout", "0"], ["--events-buffer", "100"], ["--no-such-option"], ["8080"], ["--listen"],
])
def test_wrong_usage_is_status_2(run, arguments):
    done = run("serve", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "synscope serve --help" in done.stderr


def test_events_that_nobody_reads_are_counted(synscope, namespace, tmp_path):
    """Nobody takes the lines: the server goes on, and what is missing in the end is said."""
    count = 1000
    with open(tmp_path / "stderr", "wb") as stderr:
        process = subprocess.Popen([synscope, "serve", "--listen", "127.0.0.1:8080", "--service-time",
                                    "0", "--backlog", "1000", "--max-children", "0",
                                    "--events-buffer", "2048", "--events", "-"],
                                   stdout=subprocess.PIPE, stderr=stderr)
    try:
        until(lambda: b"listening" in (tmp_path / "stderr").read_bytes(), "listening")
        clients, _ = load(synscope, "--count", count, "--concurrency", 16, "8080")
        assert [c["error"] for c in clients] == [None] * count
        process.terminate()
        lines = process.stdout.read().decode().splitlines()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    told = [line for line in lines if '"event":"loss"' not in line]
    losses = [line for line in lines if '"event":"loss"' in line]
    assert losses and '"server-events"' in losses[-1]
    lost = int(losses[-1].split('"count":')[1].rstrip("}"))
    assert lost > 0
    assert len(told) + lost == 1 + 6 * count
    assert f", {lost} events lost" in (tmp_path / "stderr").read_text(encoding="ascii")


def test_a_descriptor_of_another_kind_is_named(synscope, namespace):
    reader, writer = os.pipe()
    done = subprocess.run([synscope, "serve", "--listen", "127.0.0.1:0"], capture_output=True,
                          text=True, timeout=30, check=False, pass_fds=[writer],
                          env={**os.environ, "SYNSCOPE_EVENTS_FD": str(writer)})
    os.close(reader)
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"descriptor {writer}: not a synscope channel" in done.stderr


@pytest.mark.parametrize("value", ["99", "x", "-1", ""])
def test_a_descriptor_that_is_not_there_is_named(run, value):
    done = run("serve", "--listen", "127.0.0.1:0", env={**os.environ, "SYNSCOPE_EVENTS_FD": value})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"SYNSCOPE_EVENTS_FD={value}" in done.stderr


def test_a_full_disk_ends_the_events_with_one_line(synscope, namespace):
    done = subprocess.run([synscope, "serve", "--listen", "127.0.0.1:0", "--events", "/dev/full"],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr


def test_events_of_a_recording_are_not_taken_twice(run):
    done = run("serve", "--events", "-", env={**os.environ, "SYNSCOPE_EVENTS_FD": "1"})
    assert done.returncode == 2
    assert "SYNSCOPE_EVENTS_FD" in done.stderr


def test_help_has_examples(run):
    done = run("serve", "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "Examples:" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
