"""What breaks while it records, and what is left then: nothing is lost in silence.

Each test breaks one thing. SYNSCOPE_KILLS says how often a recording is killed (10).
"""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time

import pytest

from running import is_sandboxed, until

KILLS = int(os.environ.get("SYNSCOPE_KILLS", "10"))
SECOND = 1_000_000_000


@pytest.fixture
def start(synscope, namespace):
    """Starts record; it is recording when this returns."""
    started = []

    def start_record(folder, *arguments, interface="lo", command=(synscope,)):
        process = subprocess.Popen([*command, "record", "-o", folder, "-i", interface, *map(str, arguments)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        until(lambda: is_sandboxed(process.pid) or process.poll() is not None, "recording")
        return process

    yield start_record
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def one_line(text):
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


def report_of(run, folder, status=0):
    result = run("report", "-f", "json", folder)
    assert result.returncode == status, result.stderr
    return json.loads(result.stdout), result.stderr


def clients_of(report):
    return {attempt["client"] for attempt in report["attempts"]}


def seconds_of(traffic, count):
    """Waits until so many more clients have come."""
    goal = len(traffic.clients) + count
    until(lambda: len(traffic.clients) >= goal, "clients")


# Signals

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_the_report(start, run, traffic, folder, number):
    process = start(folder, "-f", "json", traffic.port)
    began = time.time_ns()
    seconds_of(traffic, 20)
    ended = time.time_ns()
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert traffic.between(began, ended - SECOND // 10) <= clients_of(json.loads(output))
    replayed, complaints = report_of(run, folder)
    assert clients_of(replayed) == clients_of(json.loads(output))
    assert "was interrupted" not in complaints


def test_a_hang_up_that_is_ignored_stays_so(start, traffic, folder):
    process = start(folder, "-q", traffic.port, command=("nohup", os.environ["SYNSCOPE"]))
    process.send_signal(signal.SIGHUP)
    seconds_of(traffic, 20)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_demo_with_the_report(synscope, namespace, number):
    process = subprocess.Popen([synscope, "demo", "-f", "json", "--clients", "200", "--rate", "20"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    report = json.loads(output)
    assert 0 < report["summary"]["attempts"] < 200, errors


def test_a_reader_that_leaves_does_not_end_the_recording(start, run, traffic, folder):
    process = start(folder, "-f", "tsv", traffic.port)
    assert process.stdout is not None
    process.stdout.close()
    began = time.time_ns()
    seconds_of(traffic, 1200)  # more lines than a buffer holds
    ended = time.time_ns()
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    errors = process.stderr.read()
    assert process.wait(60) == 0, errors
    assert traffic.between(began, ended - SECOND // 10) <= clients_of(report_of(run, folder)[0])


def test_a_recorder_that_was_stopped_has_lost_no_packet(start, run, traffic, folder):
    """For some seconds, at 500 connections a second: not how long it took fills the ring, but how much came."""
    process = start(folder, traffic.port)
    process.send_signal(signal.SIGSTOP)
    began = time.time_ns()
    until(lambda: len(traffic.between(began, time.time_ns())) >= 1500, "1500 clients")
    ended = time.time_ns()
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    report, _ = report_of(run, folder)
    assert report["losses"]["packets-kernel"] == 0 and report["source"]["packets_dropped"] == 0
    assert traffic.between(began, ended - SECOND // 10) <= clients_of(report)


def test_a_reader_that_leaves_is_no_failure_of_a_report(synscope, recorded):
    for name in (recorded, recorded / "packets.pcap"):
        for form in ("text", "tsv", "json", "html", "perfetto"):
            script = f'"{synscope}" report -f {form} "{name}" | true; exit "${{PIPESTATUS[0]}}"'
            result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
            assert result.returncode == 0 and result.stderr == "", (form, result.stderr)


# Full disks

@pytest.mark.parametrize("form", ["text", "json", "tsv", "html", "perfetto"])
def test_a_report_on_a_full_disk_fails(run, recorded, form):
    for name in (recorded, recorded / "packets.pcap"):
        result = run("report", "-f", form, "-o", "/dev/full", name)
        assert result.returncode == 1
        assert one_line(result.stderr) == "synscope report: /dev/full: No space left on device"
        with open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run([os.environ["SYNSCOPE"], "report", "-f", form, name], stdout=full,
                                    stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert result.returncode == 1
        assert one_line(result.stderr) == "synscope report: standard output: No space left on device"


def record_until_full(synscope, traffic, tmp_path, size, *options):
    """Records on a disk of this size -> where the recording was copied, what was printed, and the packets and events
    that the last line says are kept."""
    tmp_path.chmod(0o755)
    mount, kept = tmp_path / "disk", tmp_path / "kept"
    mount.mkdir()
    script = (f'mount -t tmpfs -o size={size},mode=755 none "{mount}" && '
              f'"{synscope}" record -f json -i lo -o "{mount}/r" {" ".join(options)} {traffic.port}; status=$?; '
              f'cp -r "{mount}/r" "{kept}"; exit $status')
    result = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True,
                            timeout=120, check=False)
    assert result.returncode == 1, result.stderr
    line = one_line(result.stderr)
    assert "No space left on device; the recording stops here, with " in line
    words = line.split()
    packets, events = int(words[words.index("packets") - 1]), int(words[words.index("events") - 1])
    return kept, json.loads(result.stdout), packets, events


@pytest.mark.parametrize("size", ["64k", "400k"])
def test_a_disk_that_fills_leaves_whole_blocks_of_a_compressed_part(synscope, run, traffic, tmp_path, size):
    kept, live, packets, events = record_until_full(synscope, traffic, tmp_path, size, "--rotate-time", "1h")
    report, _ = report_of(run, kept)
    assert report["source"]["packets"] == packets and packets + events > 0
    lines = subprocess.run(["zstdcat", kept / "000001" / "events.jsonl.zst"], capture_output=True, check=False).stdout
    assert lines.count(b"\n") == events and lines.endswith(b"\n")
    assert clients_of(report) <= clients_of(live)


@pytest.mark.parametrize("size", ["64k", "400k"])
def test_a_disk_that_fills_ends_the_recording_with_what_it_holds(synscope, run, traffic, tmp_path, size):
    kept, live, packets, events = record_until_full(synscope, traffic, tmp_path, size)
    report, complaints = report_of(run, kept)
    assert report["source"]["packets"] == packets
    assert (kept / "events.jsonl").read_bytes().count(b"\n") == events
    assert (kept / "events.jsonl").read_bytes().endswith(b"\n")
    assert packets + events > 0
    assert clients_of(report) <= clients_of(live)
    assert "the recording was interrupted" in complaints


# The recording

def check_kill(start, run, traffic, folder, after_s, options=()):
    process = start(folder, "-q", *options, traffic.port)
    began = time.time_ns()
    time.sleep(after_s)
    killed = time.time_ns()
    process.kill()
    process.communicate()
    report, complaints = report_of(run, folder)
    assert "the recording was interrupted" in complaints
    missing = traffic.between(began, killed - SECOND) - clients_of(report)
    assert not missing, f"killed after {after_s:.3f} s: {len(missing)} attempts older than a second are missing"
    return len(report["attempts"])


def test_a_recording_that_is_killed_lacks_at_most_its_last_second(start, run, traffic, tmp_path):
    tmp_path.chmod(0o755)
    attempts = 0
    for kill in range(KILLS):
        # In parts it is compressed.
        options = ("--rotate-time", "1s") if kill % 2 else ()
        attempts += check_kill(start, run, traffic, tmp_path / str(kill), random.uniform(0, 2.5), options)
        shutil.rmtree(tmp_path / str(kill))
    print(f"killed {KILLS} times: {attempts} attempts reported, none older than a second lost")


def test_killed_before_it_records(synscope, namespace, run, tmp_path):
    """At any moment: there is a report, or one line that says why there is none."""
    tmp_path.chmod(0o755)
    for kill in range(10):
        process = subprocess.Popen([synscope, "record", "-q", "-o", tmp_path / str(kill), "-i", "lo", "1"],
                                   stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0, 0.03))
        process.kill()
        process.wait()
        result = run("report", tmp_path / str(kill))
        assert result.returncode == 0 or one_line(result.stderr).startswith(f"synscope report: {tmp_path}/{kill}")


def test_a_folder_that_vanishes_is_told(start, traffic, folder):
    process = start(folder, "-f", "json", traffic.port)
    began = time.time_ns()
    seconds_of(traffic, 20)
    shutil.rmtree(folder)
    seconds_of(traffic, 20)
    ended = time.time_ns()
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "removed during the recording" in one_line(errors)
    assert traffic.between(began, ended - SECOND // 10) <= clients_of(json.loads(output))


# The host

@pytest.fixture
def veth(namespace):
    """A pair of interfaces, one end in a child's namespace: synscope-a is here, and has 192.0.2.1."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "120"])
    until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != os.readlink("/proc/self/ns/net"), "a namespace")
    for command in ("ip link add syna type veth peer name synb",
                    f"ip link set synb netns {holder.pid}",
                    "ip addr add 192.0.2.1/24 dev syna", "ip link set syna up",
                    f"nsenter -t {holder.pid} -n ip addr add 192.0.2.2/24 dev synb",
                    f"nsenter -t {holder.pid} -n ip link set synb up"):
        subprocess.run(command.split(), check=True)
    yield ["nsenter", "-t", str(holder.pid), "-n"]
    holder.kill()
    holder.wait()
    subprocess.run(["ip", "link", "del", "syna"], check=False, stderr=subprocess.DEVNULL)


def record_on_veth(start, veth, folder):
    """A recording of syna that has seen three clients."""
    process = start(folder, "-f", "json", interface="syna")
    for _ in range(3):
        subprocess.run([*veth, "bash", "-c", ": < /dev/tcp/192.0.2.1/1"], check=False, stderr=subprocess.DEVNULL)
    return process


def test_an_interface_that_goes_away_ends_it(start, run, veth, folder):
    process = record_on_veth(start, veth, folder)
    time.sleep(0.2)
    subprocess.run(["ip", "link", "del", "syna"], check=True)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert one_line(errors) == "synscope record: syna: the interface is gone; the recording up to then is kept"
    live, (replayed, _) = json.loads(output), report_of(run, folder)
    assert live["summary"]["outcomes"]["refused"] == 3
    assert replayed["summary"] == live["summary"]


def test_an_interface_that_goes_down_may_come_back(start, run, veth, folder):
    process = record_on_veth(start, veth, folder)
    subprocess.run(["ip", "link", "set", "syna", "down"], check=True)
    time.sleep(0.3)
    subprocess.run(["ip", "link", "set", "syna", "up"], check=True)
    subprocess.run([*veth, "bash", "-c", ": < /dev/tcp/192.0.2.1/1"], check=False, stderr=subprocess.DEVNULL)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert json.loads(output)["summary"]["outcomes"]["refused"] == 4
    assert report_of(run, folder)[0]["summary"] == json.loads(output)["summary"]


def test_a_listener_that_closes_and_comes_back(start, run, namespace, folder):
    listener = socket.create_server(("127.0.0.1", 0), backlog=4)
    port = listener.getsockname()[1]
    process = start(folder, "-f", "json", port)

    def connect():
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            listener.accept()[0].close()
            return client.getsockname()[1]

    first = connect()
    time.sleep(1.2)  # listeners are looked for once a second
    listener.close()
    with socket.socket() as refused:
        with pytest.raises(ConnectionRefusedError):
            refused.connect(("127.0.0.1", port))
    time.sleep(1.2)
    listener = socket.create_server(("127.0.0.1", port), backlog=9)
    time.sleep(1.2)
    second = connect()
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    listener.close()
    assert process.returncode == 0, errors
    report = json.loads(output)
    outcomes = {attempt["client"]: attempt["outcome"] for attempt in report["attempts"]}
    assert outcomes[f"127.0.0.1:{first}"] == outcomes[f"127.0.0.1:{second}"] == "accepted"
    assert sorted(outcomes.values()) == ["accepted", "accepted", "refused"]
    assert sorted(l["limit"] for l in report["listeners"]) == [4, 9]
    assert report_of(run, folder)[0]["summary"] == report["summary"]


@pytest.mark.parametrize("fault", ["lost", "interrupted", "always-interrupted"])
def test_netlink_answers_that_are_at_fault(start, run, traffic, folder, fault):
    """ENOBUFS, and dumps during which the sockets changed: asked again; what stays unanswered is counted."""
    if "SYNSCOPE_TEST_SHORT" in os.environ:
        pytest.skip("a sanitizer is to be the first library")
    process = start(folder, "-f", "json", traffic.port,
                    command=("env", f"LD_PRELOAD={os.environ['SYNSCOPE_FAULTY']}", f"SYNSCOPE_FAULT={fault}", os.environ["SYNSCOPE"]))
    began = time.time_ns()
    seconds_of(traffic, 300)
    ended = time.time_ns()
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    report = json.loads(output)
    assert traffic.between(began, ended - SECOND // 10) <= clients_of(report)
    assert {attempt["outcome"] for attempt in report["attempts"]} <= {"accepted", "established", "open", "waiting"}
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    # Of three answers one is interrupted: a dump of that many, as at the start that of what is under way, is given up.
    assert meta["losses"]["netlink"] <= 1 or fault != "interrupted"
    assert meta["losses"]["netlink"] > 0 or fault != "always-interrupted"
    assert report_of(run, folder)[0]["summary"] == report["summary"]


def test_a_server_that_is_killed_leaves_its_events(start, synscope, run, folder):
    """The bundled server below a recording: what it said until then is kept, and how it ended is told."""
    process = start(folder, "-f", "json", "127.0.0.1:8080", "--", synscope, "serve", "--listen", "127.0.0.1:8080",
                    "--service-time", "10ms")
    until(lambda: _connects(8080), "the server")
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", 8080), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            client.recv(1000)
    # Its children are the guardian of the command, whose child is the server, and the scout.
    server = next(child for other in _children(process.pid) for child in _children(other))
    os.kill(server, signal.SIGKILL)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL
    assert "was killed by signal 9" in errors
    report = json.loads(output)
    assert report["summary"]["outcomes"]["accepted"] >= 5
    assert report_of(run, folder)[0]["summary"] == report["summary"]


def test_a_server_that_is_killed_fails_the_demo(synscope, namespace):
    process = subprocess.Popen([synscope, "demo", "-f", "json", "--clients", "400", "--rate", "40"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    server = until(lambda: _server_of(process.pid), "the server")
    time.sleep(1)
    os.kill(server, signal.SIGKILL)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert "the server was killed by signal 9" in errors
    assert 0 < json.loads(output)["summary"]["attempts"]


def _children(pid):
    try:
        return [int(child) for child in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except FileNotFoundError:
        return []


def _server_of(demo):
    """The demo's first child is its server; there are two as soon as the load runs."""
    children = _children(demo)
    return children[0] if len(children) >= 2 else None


def _connects(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except ConnectionRefusedError:
        return False


# Recordings that are not whole

@pytest.fixture(scope="module")
def recorded(synscope, namespace, tmp_path_factory):
    """A whole one, not to be changed."""
    path = tmp_path_factory.mktemp("whole") / "recording"
    subprocess.run([synscope, "demo", "-f", "json", "-o", path, "--clients", "12"], check=True,
                   stdout=subprocess.DEVNULL, timeout=60)
    return path


def damage_remove(name):
    return lambda folder: (folder / name).unlink()


def damage_cut(name, keep):
    """keep(size) bytes stay."""
    return lambda folder: os.truncate(folder / name, keep((folder / name).stat().st_size))


def damage_lines(folder):
    """Whole lines are gone: nothing in the file itself says so."""
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))


def damage_overwrite(name, text):
    return lambda folder: (folder / name).write_bytes(text)


DAMAGES = {
    "no meta": (damage_remove("meta.json"), "meta: "),
    "no events": (damage_remove("events.jsonl"), "events: "),
    "no packets": (damage_remove("packets.pcap"), "packets: "),
    "empty meta": (damage_cut("meta.json", lambda size: 0), "meta: "),
    "empty events": (damage_cut("events.jsonl", lambda size: 0), "recorded lines are missing"),
    "empty packets": (damage_cut("packets.pcap", lambda size: 0), "packets: "),
    "half a meta": (damage_cut("meta.json", lambda size: size // 2), "meta: "),
    "half a line": (damage_cut("events.jsonl", lambda size: size - 5), "is incomplete"),
    "three lines": (damage_lines, "recorded lines are missing"),
    "half a frame": (damage_cut("packets.pcap", lambda size: size - 5), "recorded frames are missing"),
    "half the packets": (damage_cut("packets.pcap", lambda size: size // 2), "recorded frames are missing"),
    "the header alone": (damage_cut("packets.pcap", lambda size: 24), "recorded frames are missing"),
    "other packets": (damage_overwrite("packets.pcap", b"no capture at all, but long enough for one"), "packets: "),
    "other events": (damage_overwrite("events.jsonl", b"\x00\xff{}\n[]\n"), "are not events"),
    "other meta": (damage_overwrite("meta.json", b"[]\n"), "meta: "),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_recording_gives_what_there_is_and_says_what_is_missing(run, recorded, folder, name):
    damage, expected = DAMAGES[name]
    shutil.copytree(recorded, folder)
    damage(folder)
    report, complaints = report_of(run, folder)
    assert expected in complaints, complaints
    if "packets" not in name and "header" not in name:
        whole, _ = report_of(run, recorded)
        assert report["summary"]["attempts"] >= whole["summary"]["attempts"] - 1
    text = run("report", folder)
    assert text.returncode == 0
    assert expected in " ".join(text.stdout.split()), "the text report is silent about it"


# Of its size, so much is kept: the run is over in the last part of it.
KEPT = [(4, 5, "packets.pcap"), (1, 2, "packets.pcap"), (4, 5, "events.jsonl"), (2, 3, "events.jsonl"), (1, 2, "events.jsonl")]


@pytest.mark.parametrize("part, of, name", KEPT)
def test_what_is_cut_off_is_not_made_up(run, recorded, folder, part, of, name):
    """The one file ends before the other. What comes after that is not judged by what was true before: nothing is
    said that the whole recording does not say."""
    shutil.copytree(recorded, folder)
    damage_cut(name, lambda size: size * part // of)(folder)
    report, _ = report_of(run, folder)
    whole, _ = report_of(run, recorded)
    assert report["source"]["end_ns"] < whole["source"]["end_ns"]
    known = {attempt["client"]: attempt for attempt in whole["attempts"]}
    for attempt in report["attempts"]:
        other = known[attempt["client"]]
        # It was under way when observation ended, or it is as it was.
        assert attempt["outcome"] in ("open", "waiting", "established", other["outcome"])
        told = {(cause["name"]) for cause in attempt["causes"]}
        assert told <= {cause["name"] for cause in other["causes"]} | {"slow-accept"}, (attempt, other)
    for cause, packets in report["summary"]["cause_packets"].items():
        assert packets <= whole["summary"]["cause_packets"][cause] or cause == "slow-accept"
    over = [row for row in report["ledger"] if (row["unexplained"] or 0) < 0]
    assert not over, "more is explained than was counted"


def test_a_whole_recording_is_not_complained_about(run, recorded):
    assert report_of(run, recorded)[1] == ""


def test_nothing_at_all_is_one_line(run, folder):
    folder.mkdir()
    result = run("report", folder)
    assert result.returncode == 1 and str(folder) in one_line(result.stderr)
    for name in ("meta.json", "events.jsonl", "packets.pcap"):
        (folder / name).touch()
    result = run("report", folder)
    assert "meta: " in result.stdout + result.stderr and "packets: " in result.stdout + result.stderr
