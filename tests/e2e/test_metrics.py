"""Metrics as a file and over HTTP: against the report of the same run, the kernel's counters, and Prometheus' own readers."""
import collections
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from listening import Listener
from running import Server, load, until
from scraping import OPENMETRICS, Scrape, check, get, scrape

CLOSED = pathlib.Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] == "1"
BOUNDS_NS = [100_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
             250_000_000, 500_000_000, 10**9, 2_500_000_000, 5 * 10**9, 10 * 10**9, 30 * 10**9]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def address(namespace):
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def folder(tmp_path):
    """Whoever the program becomes can write there."""
    tmp_path.chmod(0o777)
    return tmp_path


@pytest.fixture
def start(synscope, namespace):
    """Runs the program until the test ends: start("watch", ...) -> Popen; it answers or its file is there."""
    started = []

    def run(*arguments, address=None, path=None, **options):
        process = subprocess.Popen([synscope, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, **options)
        started.append(process)

        def is_ready():
            assert process.poll() is None, process.communicate()[1]
            if path:
                return path.exists()
            try:
                return get(address)[0] == 200
            except OSError:
                return False

        until(is_ready, "metrics")
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def end(process, status=0):
    """(its standard output, its standard error), after Ctrl-C."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    return out, err


def exporter_of(process):
    """The process ID of the exporter."""
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    names = {pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip(): int(pid) for pid in children}
    return names["synscope-export"]


def socket_drops(port):
    """sk_drops of the listener, as ss shows it."""
    out = subprocess.run(["ss", "-Htlnm", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"skmem:\(.*,d(\d+)\)", out)[1])


def expect_totals(metrics, report, port):
    """Every total of the metrics is the report's."""
    (listener,) = [one for one in report["listeners"] if one["port"] == port]
    label = f"127.0.0.1:{port}"
    attempts = [a for a in report["attempts"] if a["listener"] == report["listeners"].index(listener)]
    assert metrics.by("attempts_total", "outcome") == report["summary"]["outcomes"]
    assert metrics.by("listener_attempts_total", "outcome", listener=label) == listener["outcomes"]
    drops = metrics.by("listener_drops_total", "cause", listener=label)
    assert drops == {cause: report["summary"]["cause_packets"][cause] for cause in drops}
    assert metrics.of("listener_socket_drops_total", listener=label) == listener["sk_drops"]
    assert metrics.of("listener_syn_retransmissions_total", listener=label) == sum(a["syns"] - 1 for a in attempts)
    full_ns = metrics.of("listener_accept_queue_full_seconds_total", listener=label) * 1e9
    assert full_ns == pytest.approx(listener["full_ns"], abs=2)
    for name, member in ("handshake_duration", "connect"), ("accept_wait", "accept_wait"):
        values = [a[f"{member}_ns"] for a in attempts if a[f"{member}_ns"] is not None]
        family = f"listener_{name}_seconds"
        assert metrics.of(f"{family}_count", listener=label) == len(values) == listener["latency_ns"][member]["count"]
        assert metrics.of(f"{family}_sum", listener=label) * 1e9 == pytest.approx(sum(values), rel=1e-9)
        buckets = {float(le): count for le, count in metrics.by(f"{family}_bucket", "le", listener=label).items()}
        assert buckets == {bound / 1e9: sum(value <= bound for value in values) for bound in BOUNDS_NS} | {
            float("inf"): len(values)}
    assert metrics.by("lost_total", "source") == report["losses"]
    for row in report["ledger"]:
        if row["counter"].startswith("sk_drops") or row["observed"] is None:
            continue
        unexplained = metrics.by("unexplained_total", "counter").get(row["counter"])
        assert unexplained in (None, max(0, row["unexplained"])), row
    assert metrics.of("listener_accept_queue_limit", listener=label) == listener["limit"]
    assert metrics.of("listener_accept_queue_depth_max", listener=label) == listener["sampled_peak"]
    assert metrics.of("open_attempts") == 0
    return drops


def test_totals_are_those_of_the_report(synscope, start, folder, address):
    """A queue overflows while it is scraped; the file that is left has the report's totals."""
    server = Server(synscope, folder, "-b", "3", "-c", "4", "-s", "50ms", events=False)
    try:
        port = server.address[1]
        process = start("record", "-o", folder / "r", "-i", "lo", "-f", "json", "--metrics", folder / "s.prom",
                        "--metrics-listen", address, server.endpoint, address=address)
        client = subprocess.Popen([synscope, "load", "-n", "40", "-d", "6s", "-t", "4s", server.endpoint],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        scrapes = []
        while client.poll() is None:
            scrapes.append(scrape(address, OPENMETRICS if len(scrapes) % 2 else None))
            time.sleep(0.3)
        until(lambda: scrape(address).of("listener_socket_drops_total", listener=server.endpoint) > 0, "drops while it runs")
        # Clients that believe they are connected go on: a few more are dropped meanwhile.
        least = socket_drops(port)
        out, err = end(process)
        most = socket_drops(port)
    finally:
        server.kill()
    report = json.loads(out)
    text = (folder / "s.prom").read_text(encoding="utf-8")
    check(text)
    check(scrapes[0].text)
    last = Scrape(text)
    drops = expect_totals(last, report, port)
    assert sum(drops.values()) > 0, "nothing overflowed"
    assert 0 < least <= last.of("listener_socket_drops_total", listener=server.endpoint) <= most
    for older, younger in zip(scrapes, scrapes[1:] + [last]):
        for key, value in older.counters().items():
            assert younger[key] >= value, f"{key} decreased"
    assert scrapes[0].types == scrapes[2].types
    assert "nobody" not in err


def test_both_formats_have_the_same_samples(start, listen, address):
    listener = listen(2)
    listener.connect(2)
    process = start("watch", "-q", "-i", "lo", "--metrics-listen", address, listener.port, address=address)
    label = f"127.0.0.1:{listener.port}"
    until(lambda: scrape(address).by("listener_accept_queue_depth", "listener") == {label: 2}, "the depth")

    def pair():
        plain, other = scrape(address), scrape(address, OPENMETRICS)
        time_of = "last_update_timestamp_seconds"
        return plain, other, plain.of(time_of) == other.of(time_of)

    plain, other, same = until(lambda: (found := pair())[2] and found, "two scrapes of one update")
    # prometheus_client gives an info the suffix only in OpenMetrics.
    assert same and dict(plain) == dict(other)
    assert other.types["synscope_listener"] == "info" and other.types["synscope_lost"] == "counter"
    assert other.text.endswith("\n# EOF\n")
    assert plain.of("listener_accept_queue_limit", listener=label) == 2
    info = [dict(labels) for (name, labels) in plain if name == "synscope_listener_info"]
    # These are whatever the tests run in: a booted systemd has a test of its own (tests/kernels/service).
    assert all(one.pop("unit") is not None and one.pop("container") is not None for one in info)
    assert info == [{"listener": label, "address": "127.0.0.1", "port": str(listener.port),
                     "owner": pathlib.Path(f"/proc/{os.getpid()}/comm").read_text(encoding="ascii").strip(),
                     "namespace": re.search(r"\d+", os.readlink("/proc/self/ns/net"))[0]}]
    assert end(process) == ("", ""), "quiet, and not on a terminal"


def test_what_http_answers(start, listen, address):
    start("watch", "-q", "-i", "lo", "--metrics-listen", address, listen(1).port, address=address)
    assert get(address, "/healthz")[::2] == (200, "ok\n")
    for path in "/", "/metric", "/metrics/", "/../metrics", "/healthz2":
        assert get(address, path)[0] == 404
    status, headers, body = get(address, method="HEAD")
    assert status == 200 and body == "" and int(headers["Content-Length"]) > 1000
    for method in "POST", "PUT", "DELETE", "OPTIONS":
        status, headers, _ = get(address, method=method)
        assert status == 405 and headers["Allow"] == "GET, HEAD"
    assert get(address, "/metrics?x=y")[0] == 200


def test_no_client_is_waited_for(start, listen, address):
    """Idle connections, garbage and endless heads: bounded, over in a while, and the recorder does not notice."""
    listener = listen(1)
    process = start("watch", "-i", "lo", "-f", "json", "-n", "200ms", "--metrics-listen", address, listener.port,
                    address=address)
    exporter = exporter_of(process)
    host, port = address.rsplit(":", 1)
    clients = []
    for number in range(60):
        client = socket.create_connection((host, int(port)), timeout=30)
        client.setblocking(False)
        clients.append(client)
        try:
            client.send([b"", b"\0\xff" * 500, b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 9000, b"GET /metrics HTTP/1.1\r\n",
                         b"GET /metrics HTTP/1.0\r\n\r\n"][number % 5])
        except OSError:
            pass
    objects = [json.loads(process.stdout.readline()) for _ in range(10)]
    assert all(one["to_ns"] > one["from_ns"] for one in objects)
    status = pathlib.Path(f"/proc/{exporter}/status").read_text(encoding="ascii")
    assert len(os.listdir(f"/proc/{exporter}/fd")) < 16 + 10
    if "asan" not in pathlib.Path(f"/proc/{exporter}/maps").read_text(encoding="utf-8"):
        assert int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) < 16 * 1024
    for client in clients:
        client.close()
    until(lambda: get(address)[0] == 200, "an answer after all that")
    assert exporter_of(process) == exporter
    end(process)


def test_the_file_is_replaced_as_a_whole(start, listen, folder):
    """Whoever has it open keeps the old one; no other name that a collector would read appears."""
    path = folder / "s.prom"
    process = start("watch", "-q", "-i", "lo", "--metrics", path, listen(1).port, path=path)
    first = path.stat()
    assert first.st_mode & 0o777 == 0o644
    with open(path, encoding="utf-8") as held:
        half = held.read(100)
        until(lambda: path.stat().st_ino != first.st_ino, "the next one")
        old = half + held.read()
    new = path.read_text(encoding="utf-8")
    for text in old, new:
        assert text.endswith("\n")
        check(text)
    update = "last_update_timestamp_seconds"
    assert Scrape(new).of(update) > Scrape(old).of(update)
    end(process)
    assert sorted(p.name for p in folder.iterdir()) == ["s.prom"]


@pytest.mark.skipif(CLOSED, reason="there is no other user in this user namespace")
def test_a_folder_that_may_not_be_written_is_one_line(run, tmp_path):
    tmp_path.chmod(0o755)
    for command in ("watch",), ("record", "-o", tmp_path / "r"):
        done = run(*command, "-q", "--metrics", tmp_path / "s.prom", "80")
        assert done.returncode == 1
        assert done.stderr == (f"synscope {command[0]}: --metrics: cannot write {tmp_path}/s.prom: permission denied for user "
                               "nobody: let that user write to the folder, or choose another with --user\n")
    assert list(tmp_path.iterdir()) == [], "nothing was begun"


@pytest.mark.skipif(CLOSED, reason="there is no other user in this user namespace")
def test_the_user_may_be_chosen(start, listen, tmp_path):
    """A folder of daemon's: what helps is what the message says."""
    tmp_path.chmod(0o755)
    (tmp_path / "metrics").mkdir()
    os.chown(tmp_path / "metrics", 1, 1)
    path = tmp_path / "metrics" / "s.prom"
    end(start("watch", "-q", "--user", "daemon", "-i", "lo", "--metrics", path, listen(1).port, path=path))
    assert path.stat().st_uid == 1


@pytest.mark.parametrize("value, status, words", [
    ("9100", 2, "invalid address '9100': expected ADDRESS:PORT, [ADDRESS]:PORT, unix:PATH or systemd"),
    (":9100", 2, "invalid address ':9100'"),
    ("127.0.0.1:0", 2, "invalid address '127.0.0.1:0'"),
    ("localhost:9100", 2, "invalid address 'localhost:9100'"),
    ("192.0.2.1:9100", 1, "cannot listen on 192.0.2.1:9100: Cannot assign requested address"),
    ("unix:", 2, "cannot listen on unix:: Invalid argument"),
    ("unix:/no-such-folder/socket", 1, "cannot listen on unix:/no-such-folder/socket: No such file or directory"),
    ("systemd", 1, "systemd passed no socket: start it from a .socket unit"),
])
def test_an_address_that_is_none_is_one_line(run, value, status, words):
    done = run("watch", "-q", "--metrics-listen", value, "80")
    assert done.returncode == status
    assert done.stderr.splitlines()[0].startswith(f"synscope watch: --metrics-listen: {words}")
    assert len(done.stderr.splitlines()) == status


@pytest.mark.parametrize("path, words", [("no/s.prom", "No such file or directory"), ("", "Is a directory"),
                                         ("d", "Is a directory")])
def test_a_file_that_cannot_be_is_one_line(run, folder, path, words):
    (folder / "d").mkdir()
    done = run("watch", "-q", "--metrics", f"{folder}/{path}", "80")
    assert done.returncode == 1
    assert done.stderr == f"synscope watch: --metrics: cannot write {folder}/{path}: {words}\n"


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "--max-time", "30", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False).stdout


def test_unix_socket_and_the_one_that_was_left(start, listen, folder):
    path = folder / "socket"
    listener = listen(1)
    answered = lambda: curl("--unix-socket", path, "http://localhost/metrics")
    for _ in range(2):
        process = start("watch", "-q", "-i", "lo", "--metrics-listen", f"unix:{path}", listener.port, path=path)
        # The file may still be the old one, on which nobody listens.
        check(until(lambda: (text := answered()).startswith("#") and text, "metrics"))
        assert path.stat().st_mode & 0o777 == 0o666
        end(process)
        assert path.is_socket(), "the sandbox lets nobody remove it"


def test_a_unix_socket_in_use_is_not_taken(run, folder):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "socket"))
        other.listen(1)
        done = run("watch", "-q", "--metrics-listen", f"unix:{folder}/socket", "80")
        assert done.returncode == 1 and "Address already in use" in done.stderr
    (folder / "file").write_text("mine")
    assert run("watch", "-q", "--metrics-listen", f"unix:{folder}/file", "80").returncode == 1
    assert (folder / "file").read_text() == "mine"


def test_ipv6(start, listen, namespace):
    with socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", 0))
        address = f"[::1]:{s.getsockname()[1]}"
    start("watch", "-q", "-i", "lo", "--metrics-listen", address, listen(1).port, address=address)
    check(get(address)[2])


def test_a_socket_from_systemd(synscope, start, listen, address):
    """As sd_listen_fds(3) has it: descriptor 3, and the environment names the process."""
    host, port = address.rsplit(":", 1)
    with socket.socket() as passed:
        passed.bind((host, int(port)))
        passed.listen(10)
        command = 'exec 3<&"$1"; shift; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        process = subprocess.Popen(["/bin/bash", "-c", command, "bash", str(passed.fileno()), synscope, "watch", "-q", "-i", "lo",
                                    "--metrics-listen", "systemd", str(listen(1).port)],
                                   pass_fds=[passed.fileno()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: process.poll() is not None or get(address)[0] == 200, "metrics")
            check(get(address)[2])
        finally:
            end(process)
        assert passed.getsockname()


def test_without_the_right_to_capture(synscope, start, folder, address):
    """Depths, limits and drops are there; of attempts nothing is said, not even 0."""
    server = Server(synscope, folder, "-b", "3", "-c", "4", "-s", "50ms", events=False)
    try:
        process = start("watch", "-q", "-i", "lo", "--metrics", folder / "s.prom", "--metrics-listen", address, server.endpoint,
                        address=address, preexec_fn=lambda: drop_capabilities())
        load(synscope, "-n", "40", "-d", "4s", "-t", "4s", server.endpoint)
        until(lambda: scrape(address).by("listener_accept_queue_depth", "listener") == {server.endpoint: 0}, "the end of the load")
        least = socket_drops(server.address[1])
        end(process)
        most = socket_drops(server.address[1])
    finally:
        server.kill()
    metrics = Scrape((folder / "s.prom").read_text(encoding="utf-8"))
    label = {"listener": server.endpoint}
    assert metrics.of("source_up", source="capture") == 0 and metrics.of("source_up", source="sampler") == 1
    assert metrics.of("listener_accept_queue_limit", **label) == 3
    # The deepest of its samples, which may not have met the full queue.
    assert 1 <= metrics.of("listener_accept_queue_depth_max", **label) <= 4
    assert 0 < least <= metrics.of("listener_socket_drops_total", **label) <= most
    for name in ("listener_attempts_total", "listener_drops_total", "unexplained_total", "attempts_total",
                 "listener_accept_queue_full_seconds_total", "listener_handshake_duration_seconds_count"):
        assert not any(full == f"synscope_{name}" for full, _ in metrics), name


def drop_capabilities():
    """In the child, of a namespace's root: without them it may not capture."""
    import ctypes  # pylint: disable=import-outside-toplevel
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc.prctl(28, 1 << 0, 0, 0, 0)  # SECBIT_NOROOT: execve() gives none back
    assert libc.syscall(126, header, nothing) == 0 or os._exit(99)


def descriptors_of(pid):
    """What it has open; the connection of the last scrape may be closed meanwhile."""
    held = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            held.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            continue
    return held


def test_the_exporter_has_given_up_everything(start, listen, folder, address):
    process = start("record", "-q", "-o", folder / "r", "-i", "lo", "--metrics", folder / "s.prom", "--metrics-listen", address,
                    listen(1).port, address=address)
    pid = exporter_of(process)
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    for capabilities in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(status[capabilities], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"
    if not CLOSED:
        assert status["Uid"].split()[1] != "0"
    if "asan" not in pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="utf-8"):
        assert status["Seccomp"].strip() == "2"
    # Nothing of the recording, and no packet socket: its pair, the listener, the folder, epoll.
    held = descriptors_of(pid)
    assert not [name for name in held if "/r/" in name]
    packets = pathlib.Path("/proc/net/packet").read_text(encoding="ascii").splitlines()[1:]
    inodes = {line.split()[-1] for line in packets}
    assert inodes, "the recorder captures"
    assert not [name for name in held if name.removeprefix("socket:[").rstrip("]") in inodes]


def test_the_run_outlives_the_exporter(start, listen, folder, address):
    process = start("record", "-o", folder / "r", "-f", "json", "-i", "lo", "--metrics-listen", address, listen(1).port,
                    address=address)
    os.kill(exporter_of(process), signal.SIGKILL)
    line = process.stderr.readline()
    assert line == ("synscope record: the process for metrics was killed by signal 9 (Killed); there are no metrics from now on; "
                    "please report this\n")
    out, err = end(process)
    assert err == "" and json.loads(out)["schema"]


def test_the_exporter_does_not_outlive_the_run(start, listen, address):
    process = start("watch", "-q", "-i", "lo", "--metrics-listen", address, listen(1).port, address=address)
    pid = exporter_of(process)
    process.kill()
    process.wait()
    until(lambda: not pathlib.Path(f"/proc/{pid}").exists() or
          pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[2] == "Z", "its end")


def test_a_full_disk_is_told_once_and_passes(start, listen, folder):
    """The disk of the file is full for a while; there is a new file when there is room again."""
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "none", disk], capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs may be mounted in this user namespace")
    try:
        process = start("watch", "-q", "-i", "lo", "--metrics", disk / "s.prom", listen(1).port, path=disk / "s.prom")
        with open(disk / "ballast", "wb") as ballast:
            with pytest.raises(OSError):
                while True:
                    os.write(ballast.fileno(), b"x" * 4096)
        line = process.stderr.readline()
        assert line == (f"synscope watch: --metrics: cannot write {disk}/s.prom: No space left on device; trying again\n")
        check((disk / "s.prom").read_text(encoding="utf-8"))
        before = (disk / "s.prom").stat().st_ino
        (disk / "ballast").unlink()
        until(lambda: (disk / "s.prom").stat().st_ino != before, "a new file")
        assert end(process) == ("", "")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_more_listeners_than_rows(start, namespace):
    """The first 500 have a row each, the others one together: nothing is lost from the sums."""
    listeners = [Listener(4) for _ in range(520)]
    # Chosen now: one of so many would take a port that was free before them.
    address = f"127.0.0.1:{free_port()}"
    try:
        for number, listener in enumerate(listeners):
            listener.connect(1 + number % 3)
        process = start("watch", "-q", "-i", "lo", "--metrics-listen", address, address=address)
        ports = {str(listener.port) for listener in listeners}

        def complete():
            metrics = scrape(address)
            return metrics.by("listener_sockets", "listener").get("other", 0) >= 20 and metrics

        metrics = until(complete, "all listeners")
        check(metrics.text)
        sockets = metrics.by("listener_sockets", "listener")
        assert len(sockets) == 501
        # The exporter's own listener is one too.
        assert sum(sockets.values()) == 521 and sockets["other"] == 21 == metrics.of("listeners_sharing_total")
        named = {label.rsplit(":", 1)[1] for label in sockets if label != "other"}
        assert len(named & ports) >= 499
        end(process)
    finally:
        for listener in listeners:
            listener.close()


def test_its_own_listener_is_a_listener(start, run, listen, address):
    start("watch", "-q", "-i", "lo", "--metrics-listen", address, listen(1).port, address=address)
    listeners = json.loads(run("listeners", "-f", "json").stdout)["listeners"]
    assert [one["comm"] for one in listeners if one["port"] == int(address.rsplit(":", 1)[1])] in (
        ["synscope-export"], ["synscope"])


def test_a_server_that_is_started_again_keeps_its_row(synscope, start, folder, address):
    """Its counters go on: they are of the address and port, not of the socket."""
    port = free_port()
    process = start("record", "-o", folder / "r", "-f", "json", "-i", "lo", "--metrics", folder / "s.prom", "--metrics-listen",
                    address, f"127.0.0.1:{port}", address=address)
    for _ in range(2):
        server = Server(synscope, folder, "--listen", f"127.0.0.1:{port}", events=False)
        until(lambda: scrape(address).by("listener_sockets", "listener") == {f"127.0.0.1:{port}": 1}, "the listener")
        load(synscope, "-n", "5", "-d", "500ms", f"127.0.0.1:{port}")
        server.kill()
        until(lambda: scrape(address).by("listener_sockets", "listener") == {f"127.0.0.1:{port}": 0}, "its end")
    out, _ = end(process)
    report = json.loads(out)
    assert len(report["listeners"]) == 2
    outcomes = collections.Counter()
    for listener in report["listeners"]:
        outcomes.update(listener["outcomes"])
    metrics = Scrape((folder / "s.prom").read_text(encoding="utf-8"))
    assert metrics.by("listener_attempts_total", "outcome", listener=f"127.0.0.1:{port}") == outcomes
    assert outcomes["accepted"] == 10


def test_metrics_of_an_observed_namespace_are_served_here(synscope, start, folder, address):
    """--netns is for what is observed: whoever scrapes is here."""
    other = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up; echo up; exec sleep 1000"], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"up\n"
        process = start("watch", "-q", "-i", "lo", "--netns", other.pid, "--metrics-listen", address, address=address)
        namespace = re.search(r"\d+", os.readlink(f"/proc/{other.pid}/ns/net"))[0]
        server = subprocess.Popen(["nsenter", "-t", str(other.pid), "-n", synscope, "serve", "--listen", "127.0.0.1:80"],
                                  stderr=subprocess.DEVNULL)
        try:
            until(lambda: "127.0.0.1:80" in scrape(address).by("listener_info", "listener", namespace=namespace), "the listener")
        finally:
            server.kill()
            server.wait()
        end(process)
    finally:
        other.kill()
        other.communicate()
