"""synscope listeners: real sockets of this namespace, as a table, JSON and TSV, and what is refused."""
import json
import os
import re
import socket
import subprocess
import time

import pytest


def listen(address, backlog, family=socket.AF_INET, reuseport=False):
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(reuseport))
    listener.bind(address)
    listener.listen(backlog)
    return listener


def connect(port, count):
    clients = []
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        clients.append(client)
    return clients


@pytest.fixture
def house(sysctl):
    """A full queue, one that holds nothing, two siblings, and a long address."""
    sysctl("net.core.somaxconn", 100)
    sysctl("net.ipv4.tcp_syncookies", 0)
    listeners = [
        listen(("127.0.0.1", 8001), 5),
        listen(("::", 8002), 1000, socket.AF_INET6),
        listen(("127.0.0.1", 8003), 10, reuseport=True),
        listen(("127.0.0.1", 8003), 10, reuseport=True),
    ]
    clients = connect(8001, 8) + connect(8003, 4)
    time.sleep(0.05)
    yield listeners
    for s in clients + listeners:
        s.close()


def test_json_tells_all_that_the_kernel_does(run, house):
    done = run("listeners", "--all", "--format", "json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["schema"] == "synscope.listeners/1"
    assert report["somaxconn"] == 100
    assert report["counters"]["ListenOverflows"] >= 2
    full, dual, *siblings = report["listeners"]
    assert (full["address"], full["port"]) == ("127.0.0.1", 8001)
    assert (full["depth"], full["limit"], full["capacity"]) == (6, 5, 6)
    assert full["limit_set_by"] == "backlog"
    assert full["drops"] == 2
    assert full["waiting"] == 6
    assert full["ghosts"] == 0
    assert full["half_open"] == 0
    assert full["oldest_wait_ns"] >= 10_000_000
    assert full["pids"] == [os.getpid()]
    assert full["inode"] == os.fstat(house[0].fileno()).st_ino
    assert (dual["address"], dual["limit"], dual["limit_set_by"]) == ("::", 100, "either")
    assert dual["v6only"] is False
    assert dual["oldest_wait_ns"] is None
    assert [s["siblings"] for s in siblings] == [1, 1]
    assert sum(s["depth"] for s in siblings) == 4
    assert siblings[0]["cookie"] != siblings[1]["cookie"]


def test_text_fits_100_columns_and_says_full(run, house):
    done = run("listeners", env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0
    assert done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 100
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line and line[0] in "1["}
    assert " 6/6 full " in rows["127.0.0.1:8001"]
    assert " 0/101 " in rows["[::]:8002"]
    assert "#1/2" in done.stdout and "#2/2" in done.stdout
    assert "ListenOverflows" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\x1b[" in run("listeners", "--color", "always").stdout


def test_tsv_has_a_line_a_listener(run, house):
    done = run("listeners", "-f", "tsv")
    header, *lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) == 4
    assert all(len(line) == len(header) for line in lines)
    first = dict(zip(header, lines[0]))
    assert first["listener"] == "127.0.0.1:8001"
    assert first["depth"] == "6"
    assert first["pids"] == str(os.getpid())


def test_many_connections_are_walked_only_on_demand(run, house):
    """How many there are is the host's affair: it decides without --all, and the output says so."""
    assert json.loads(run("listeners", "--all", "-f", "json").stdout)["connections_read"] is True
    report = json.loads(run("listeners", "-f", "json").stdout)
    for listener in report["listeners"]:
        assert (listener["half_open"] is not None) == report["connections_read"]


def test_nobody_listens(run, namespace):
    done = run("listeners")
    assert done.returncode == 0
    assert done.stdout == "No listening sockets.\n"


def test_another_namespace_by_its_process(run, house):
    """A process in a namespace of its own has its own listeners."""
    script = ("import socket,sys\n"
              "s=socket.socket(); s.bind(('127.0.0.1',7777)); s.listen(3)\n"
              "print('ready',flush=True); sys.stdin.read()")
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "-rn"]
    other = subprocess.Popen([*unshare, "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
                              "/usr/bin/python3", "-c", script],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"ready\n"
        for option in ("--netns", "--pid"):
            done = run("listeners", option, other.pid, "-f", "json")
            assert done.returncode == 0, done.stderr
            found = json.loads(done.stdout)["listeners"]
            assert [(l["port"], l["pids"]) for l in found] == [(7777, [other.pid])]
    finally:
        other.stdin.close()
        other.wait(timeout=30)


def test_one_process_of_this_namespace(run, house):
    found = json.loads(run("listeners", "--pid", os.getpid(), "-f", "json").stdout)["listeners"]
    assert len(found) == 4
    assert json.loads(run("listeners", "--pid", os.getppid(), "-f", "json").stdout)["listeners"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody else")
def test_an_ordinary_user_sees_queues_and_is_told_what_not(run, house, synscope):
    nobody = {"user": 65534, "group": 65534}
    try:
        report = run("listeners", "--all", "-f", "json", **nobody)
    except OSError as error:
        pytest.skip(f"nobody may not execute the program, or there is no such user in this namespace: {error}")
    assert report.returncode == 0
    found = json.loads(report.stdout)
    assert found["listeners"][0]["depth"] == 6
    assert found["listeners"][0]["waiting"] == 6
    assert found["listeners"][0]["pids"] == []
    assert found["listeners"][0]["defer_accept_s"] is None
    assert found["processes_denied"] > 0
    assert "owners may be missing" in report.stderr
    assert "CAP_SYS_PTRACE" in run("listeners", **nobody).stdout


@pytest.mark.parametrize("arguments, status", [
    (["--format", "xml"], 2),
    (["--pid", "x"], 2),
    (["--pid", "0"], 2),
    (["--color", "blue"], 2),
    (["--no-such-option"], 2),
    (["8080"], 2),
    (["--pid", "2147483647"], 1),
    (["--netns", "2147483647"], 1),
    (["--netns", "no-such-namespace"], 1),
    (["--netns", "../../proc/self/ns/net"], 1),
    (["--netns", ""], 1),
])
def test_what_is_wrong_is_one_line(run, namespace, arguments, status):
    done = run("listeners", *arguments)
    assert done.returncode == status
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == (1 if status == 1 else 2)


def test_a_full_disk_is_an_error(synscope, house):
    for form in ("text", "json", "tsv"):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([synscope, "listeners", "-f", form], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert done.returncode == 1, form
        assert "space" in done.stderr


def test_help_teaches(run):
    done = run("listeners", "--help")
    assert done.returncode == 0
    assert "N + 1" in done.stdout
    assert "listeners" in run("--help").stdout


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_the_table_minds_the_width(run, listen, columns):
    """A number is shown whole or not at all."""
    ports = {listen(5).port, listen(5, "::1").port}
    done = run("listeners", env={**os.environ, "COLUMNS": str(columns)})
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert all(any(f":{port}" in line for line in lines) for port in ports)
    pids = re.findall(r"python3?\S* (\d+)", done.stdout)
    assert all(int(pid) == os.getpid() for pid in pids)
    assert pids or columns < 80
