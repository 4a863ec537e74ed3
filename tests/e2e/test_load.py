"""The load generator: what it writes is the truth that reports are checked against."""
import json
import signal
import socket
import struct
import subprocess

import pytest

import kernel
from running import Server, load, until

MEMBERS = ["client", "server", "start_ns", "connected_ns", "first_byte_ns", "end_ns", "error", "syns",
           "status", "bytes"]
CONTRACT_NS = 1000000


@pytest.fixture
def serve(synscope, namespace, tmp_path):
    started = []

    def start(*arguments, **options):
        started.append(Server(synscope, tmp_path, *arguments, **options))
        return started[-1]

    yield start
    for server in started:
        server.kill()


class Taps:
    """The SYNs and SYN-ACKs on lo with the kernel's stamps; a way of its own to know them."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
        self.socket.bind(("lo", 3))
        self.socket.setblocking(False)

    def read(self):
        """{client: [times of its SYNs]}, {client: [times of SYN-ACKs to it]}"""
        syns, synacks = {}, {}
        while True:
            try:
                data, control, _, address = self.socket.recvmsg(256, 64)
            except BlockingIOError:
                return syns, synacks
            if address[2] == socket.PACKET_OUTGOING:
                continue
            seconds, nanoseconds = struct.unpack("=qq", control[0][2])
            if data[0] >> 4 == 4:
                tcp = data[(data[0] & 15) * 4:]
                source, destination = (socket.inet_ntoa(data[i:i + 4]) for i in (12, 16))
            else:
                tcp = data[40:]
                source, destination = ("[" + socket.inet_ntop(socket.AF_INET6, data[i:i + 16]) + "]"
                                       for i in (8, 24))
            sport, dport = struct.unpack("!HH", tcp[:4])
            time_ns = seconds * 10**9 + nanoseconds
            if tcp[13] & 0x12 == 0x02:
                syns.setdefault(f"{source}:{sport}", []).append(time_ns)
            elif tcp[13] & 0x12 == 0x12:
                synacks.setdefault(f"{destination}:{dport}", []).append(time_ns)


def check_against_packets(clients, taps):
    syns, synacks = taps.read()
    assert set(syns) == {c["client"] for c in clients}
    for client in clients:
        name = client["client"]
        assert client["syns"] == len(syns[name])
        assert (client["connected_ns"] is not None) == (name in synacks), client
        if name in synacks:
            connect_ns = client["connected_ns"] - client["start_ns"]
            assert abs(connect_ns - (synacks[name][0] - syns[name][0])) <= CONTRACT_NS, client


@pytest.mark.parametrize("family", ["127.0.0.1:0", "[::1]:0"])
def test_every_client_has_its_line(serve, synscope, family):
    server = serve("--listen", family, "--service-time", "1ms", "--backlog", 1000)
    endpoint = server.endpoint
    taps = Taps()
    clients, summary = load(synscope, "--count", 50, endpoint)
    assert len(clients) == 50
    for client in clients:
        assert list(client) == MEMBERS
        assert client["server"] == endpoint
        assert client["error"] is None and client["status"] == 200 and client["bytes"] > 0
        assert client["start_ns"] < client["connected_ns"] < client["first_byte_ns"] <= client["end_ns"]
    check_against_packets(clients, taps)
    assert "50 started, 50 connected, 50 answered; 50 SYNs" in summary
    assert server.stop() == 0
    accepted = {e["client"]: e for e in server.events("accept")}
    assert set(accepted) == {c["client"] for c in clients}


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0"])
def test_a_burst_that_overflows_agrees_with_the_packets(serve, synscope, listen):
    """The scenario of the demo: most SYNs are dropped and sent again."""
    server = serve("--listen", listen, "--backlog", 5, "--max-children", 8, "--service-time", "200ms")
    taps = Taps()
    clients, _ = load(synscope, "--count", 60, "--timeout", "4s", server.endpoint)
    assert len(clients) == 60
    assert sum(c["syns"] > 1 for c in clients) >= 30
    check_against_packets(clients, taps)


def test_dropped_syns_are_counted(namespace, synscope):
    before = kernel.counters()
    with socket.create_server(("127.0.0.1", 8080), backlog=0) as listener:
        clients, summary = load(synscope, "--count", 5, "--timeout", "2500ms", "8080")
        assert listener.accept()
    moved = kernel.moved(before)
    assert [c["error"] for c in clients] == ["timeout"] * 5
    connected = [c for c in clients if c["connected_ns"] is not None]
    assert len(connected) == 1 and connected[0]["syns"] == 1
    assert all(c["syns"] == 3 for c in clients if c not in connected)
    assert moved["TCPSynRetrans"] == sum(c["syns"] - 1 for c in clients) == 8
    assert "5 timeout" in summary


def test_the_kernel_gives_up_first(sysctl, synscope):
    sysctl("net.ipv4.tcp_syn_retries", 1)
    sysctl("net.ipv4.tcp_syn_linear_timeouts", 0)
    with socket.create_server(("127.0.0.1", 8080), backlog=0) as listener:
        clients, _ = load(synscope, "--count", 3, "--timeout", "5s", "8080")
        assert listener.accept()
    lost = [c for c in clients if c["connected_ns"] is None]
    assert [(c["error"], c["syns"]) for c in lost] == [("ETIMEDOUT", 2)] * 2


def test_refused(namespace, synscope):
    clients, summary = load(synscope, "--count", 3, "127.0.0.1:9")
    assert [(c["error"], c["syns"], c["connected_ns"]) for c in clients] == \
        [("ECONNREFUSED", 1, None)] * 3
    assert "3 ECONNREFUSED" in summary


def test_no_route_means_no_syn(namespace, synscope):
    clients, _ = load(synscope, "--count", 1, "192.0.2.1:80")
    assert [(c["error"], c["syns"], c["client"]) for c in clients] == [("ENETUNREACH", 0, None)]


def test_a_server_that_closes_or_resets_without_a_reply(namespace, synscope):
    with socket.create_server(("127.0.0.1", 8080), backlog=10) as listener:
        process = subprocess.Popen([synscope, "load", "--count", "2", "8080"], stdout=subprocess.PIPE)
        try:
            first, _ = listener.accept()
            second, _ = listener.accept()
            first.recv(1000)
            first.close()
            second.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            second.close()
            out = process.communicate(timeout=30)[0]
        finally:
            process.kill()
            process.wait()
    clients = [json.loads(line) for line in out.splitlines()]
    assert sorted(c["error"] for c in clients) == ["ECONNRESET", "closed"]
    assert all(c["connected_ns"] and c["first_byte_ns"] is None for c in clients)


def test_a_rate_is_kept_to(serve, synscope):
    server = serve("--service-time", 0)
    clients, _ = load(synscope, "--count", 100, "--rate", 400, server.endpoint)
    starts = sorted(c["start_ns"] for c in clients)
    # None can start before it is due, whatever the machine does.
    assert all(start - starts[0] >= i * 10**9 // 400 - CONTRACT_NS * 5 for i, start in enumerate(starts))
    assert starts[-1] - starts[0] > 200 * 10**6


def test_sigint_stops_and_tells_what_was_done(serve, synscope, tmp_path):
    server = serve("--model", "iterative", "--service-time", "30s", "--backlog", 1000)
    with open(tmp_path / "clients.jsonl", "wb") as out:
        process = subprocess.Popen([synscope, "load", "--count", "100000", "--rate", "100",
                                    server.endpoint], stdout=out, stderr=subprocess.PIPE)
    try:
        until(lambda: server.events("first-byte"), "it has begun")
        process.send_signal(signal.SIGINT)
        summary = process.communicate(timeout=30)[1].decode()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    clients = [json.loads(line) for line in (tmp_path / "clients.jsonl").read_text().splitlines()]
    assert clients and {c["error"] for c in clients} == {"stopped"}
    assert f"{len(clients)} started" in summary
    assert f"{100000 - len(clients)} not started: interrupted" in summary


def test_the_duration_bounds_it(serve, synscope):
    server = serve("--service-time", "30s")
    clients, summary = load(synscope, "--count", 1000000, "--rate", 50, "--duration", "300ms",
                            server.endpoint)
    assert 0 < len(clients) < 1000000
    assert {c["error"] for c in clients} == {"stopped"}
    assert "time limit reached" in summary


def test_few_descriptors_make_it_late_not_wrong(serve, synscope):
    server = serve("--service-time", "1ms", "--backlog", 1000)
    clients, summary = load(synscope, "--count", 300, server.endpoint,
                            preexec_fn=lambda: limit_descriptors(60))
    assert [c["error"] for c in clients] == [None] * 300
    assert "delayed: out of file descriptors" in summary


def test_no_more_than_so_many_at_once(serve, synscope):
    server = serve("--service-time", "5ms", "--backlog", 1000)
    clients, _ = load(synscope, "--count", 40, "--concurrency", 7, server.endpoint)
    assert [c["error"] for c in clients] == [None] * 40
    ends = sorted([(c["start_ns"], 1) for c in clients] + [(c["end_ns"], -1) for c in clients])
    open_now = most = 0
    for _, change in ends:
        open_now += change
        most = max(most, open_now)
    assert most == 7


def limit_descriptors(count):
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def test_source_addresses_are_taken_in_turn(serve, synscope):
    server = serve("--service-time", 0, "--backlog", 1000)
    clients, _ = load(synscope, "--count", 20, "--spread", 5, server.endpoint)
    hosts = sorted(c["client"].split(":")[0] for c in clients)
    assert hosts == sorted([f"127.1.0.{i}" for i in range(1, 6)] * 4)
    assert server.stop() == 0
    assert {e["client"] for e in server.events("accept")} == {c["client"] for c in clients}


def test_a_client_that_meets_itself_is_told(sysctl, synscope):
    """Without a listener on a port that the kernel gives to clients, TCP connects to itself."""
    sysctl("net.ipv4.ip_local_port_range", "40000 40000")
    clients, _ = load(synscope, "--count", 1, "127.0.0.1:40000")
    assert [c["error"] for c in clients] == ["self-connect"]


def test_no_ports_left_is_an_error_of_the_client(serve, sysctl, synscope):
    server = serve("--listen", "127.0.0.1:8080", "--service-time", "300ms")
    sysctl("net.ipv4.ip_local_port_range", "40002 40003")
    clients, _ = load(synscope, "--count", 4, server.endpoint)
    errors = [c["error"] for c in clients]
    assert sorted(errors, key=str) == ["EADDRNOTAVAIL", "EADDRNOTAVAIL", None, None]
    assert all(c["syns"] == 0 for c in clients if c["error"])


def test_a_full_disk_is_one_line_and_status_1(serve, run):
    server = serve("--service-time", 0)
    done = run("load", "--count", 10, "--output", "/dev/full", server.endpoint)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


def test_an_output_that_cannot_be_made_is_named(run):
    done = run("load", "--output", "/no/such/folder/clients.jsonl", "8080")
    assert done.returncode == 1
    assert "/no/such/folder/clients.jsonl" in done.stderr


@pytest.mark.parametrize("arguments", [
    [], ["8080", "8081"], ["no-such-name"], ["--count", "0", "8080"], ["--rate", "x", "8080"],
    ["--timeout", "0", "8080"], ["--duration", "", "8080"], ["--spread", "2", "[::1]:80"],
    ["127.0.0.1:0"], ["--no-such-option", "8080"],
])
def test_wrong_usage_is_status_2(run, arguments):
    done = run("load", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "synscope load --help" in done.stderr


def test_help_has_examples(run):
    done = run("load", "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "Examples:" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
