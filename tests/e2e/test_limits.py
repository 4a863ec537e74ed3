"""synscope-recorder.service: how exposed it is, and that the recorder works under the limits that it has."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from limits import Unit
from manager import Manager
from running import until

EXPOSURE_MAX = 2.0
LIMITS = pathlib.Path(__file__).parent / "limits.py"
USER = "daemon"  # any that is not root, and may not look into root's processes
# What the limits are there to prevent, tried under them: prints each that was possible.
ATTEMPTS = r"""
import ctypes, errno, os, socket, mmap
libc = ctypes.CDLL(None, use_errno=True)
def libc_call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
attempts = {
    "write to /etc": lambda: open("/etc/synscope-was-here", "w"),
    "write to /usr": lambda: open("/usr/synscope-was-here", "w"),
    "write to /proc/sys": lambda: open("/proc/sys/net/core/somaxconn", "w"),
    "see a home": lambda: os.stat("HOME"),
    "see another /tmp": lambda: open("/tmp/MARK"),
    "see a disk": lambda: open("/dev/MARK"),
    "load a module": lambda: libc_call("init_module", 0, 0, 0),
    "an IP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "a user namespace": lambda: libc_call("unshare", 0x10000000),
    "a mount": lambda: libc_call("mount", b"tmpfs", b"/tmp", b"tmpfs", 0, None),
    "memory to write and execute": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "another priority": lambda: libc_call("sched_setscheduler", 0, 1, ctypes.byref(ctypes.c_int(1))),
    "the clock": lambda: libc_call("settimeofday", ctypes.byref((ctypes.c_long * 2)(0, 0)), None),
    "another owner": lambda: os.chown("/tmp", 0, 0),
    "another user": lambda: os.setuid(0),
    "a set-user-ID file": lambda: (os.close(os.open("/tmp/mine", os.O_CREAT, 0o600)), os.chmod("/tmp/mine", 0o4700)),
    "perf events": lambda: libc_call("syscall", 298, 0, 0, -1, -1, 0),
}
for name, attempt in attempts.items():
    try:
        attempt()
        print("possible:", name)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOENT, errno.EAFNOSUPPORT, errno.ENOTDIR):
            print("other error:", name, error)
text = open("/proc/self/status").read()
print("capabilities:", *[line.split()[1] for line in text.splitlines() if line.startswith(("CapEff", "CapBnd", "CapAmb"))])
print("end")
"""


@pytest.fixture(scope="session")
def unit(synscope):
    path = pathlib.Path(synscope).resolve().parents[1] / "systemd" / "synscope-recorder.service"
    assert path.exists(), path
    return path


def limited(unit, folder, *command, keep=()):
    """The command line that runs command under the limits, with folder to write to."""
    options = [option for path in keep for option in ("--keep", str(path))]
    return [sys.executable, LIMITS, unit, "--user", USER, *options, "--writable", folder, "--", *command]


@pytest.fixture
def state(folder):
    """The StateDirectory, which is the recorder's own."""
    folder.mkdir()
    os.chmod(folder, 0o750)
    subprocess.run(["chown", f"{USER}:", folder], check=True)
    return folder


def in_initial_user_namespace():
    return pathlib.Path("/proc/self/uid_map").read_text(encoding="ascii").split() == ["0", "0", "4294967295"]


pytest.importorskip("seccomp", reason="no Python binding of libseccomp here")
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
needs_root = pytest.mark.skipif(os.geteuid() != 0 or not in_initial_user_namespace(),
                                reason="the limits of a service take root in the initial user namespace")


@needs_systemd
def test_exposure(unit):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={round(EXPOSURE_MAX * 10)}", unit],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Overall exposure level" in done.stdout


@needs_systemd
def test_systemd_understands_the_unit(unit, tmp_path):
    # Its program and pages may not be installed.
    text = unit.read_text(encoding="utf-8").replace(Unit(unit)["ExecStart"].split()[0], "/bin/true")
    copy = tmp_path / unit.name
    copy.write_text("\n".join(line for line in text.splitlines() if not line.startswith("Documentation=")), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and unit.name not in done.stderr, done.stderr


@needs_systemd
@needs_root
def test_the_limits_limit(unit, state, tmp_path_factory):
    mark = tmp_path_factory.mktemp("mark") / "file"
    mark.touch()
    device = next(path for path in pathlib.Path("/dev").iterdir() if path.name not in ("null", "zero", "full", "random", "urandom", "tty"))
    home = next(path for path in pathlib.Path("/root").iterdir())
    script = ATTEMPTS.replace("HOME", str(home)).replace("/tmp/MARK", str(mark)).replace("/dev/MARK", str(device))
    done = subprocess.run(limited(unit, state, sys.executable, "-c", script), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    # net_admin 12, net_raw 13, sys_ptrace 19, dac_read_search 2, perfmon 38, bpf 39
    wanted = f"{sum(1 << number for number in (2, 12, 13, 19, 38, 39)):016x}"
    assert done.stdout.splitlines() == [f"capabilities: {wanted} {wanted} {wanted}", "end"], done.stdout
    # And without the limits, so that the attempts are worth something.
    free = subprocess.run([sys.executable, "-c", script.replace('"a mount"', '"-": lambda: None, "x"').replace('"the clock"', '"y"')],
                          capture_output=True, text=True, timeout=60, check=False, preexec_fn=lambda: os.umask(0o77))
    for path in ("/etc/synscope-was-here", "/usr/synscope-was-here", "/tmp/mine"):
        pathlib.Path(path).unlink(missing_ok=True)
    assert free.stdout.count("possible:") >= 10, free.stdout


def sources(folder):
    """The sources of the last part that were on."""
    part = sorted(path for path in folder.iterdir() if path.name.isdigit())[-1]
    meta = json.loads((part / "meta.json").read_text(encoding="utf-8"))
    return [name for name, source in meta["sources"].items() if source["on"]], meta["bpf"]


@needs_systemd
@needs_root
def test_the_recorder_works_under_the_limits(unit, state, synscope, listen, traffic, run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("free")
    free = run("record", "-q", "-o", folder / "recording", "-d", "1s", "--rotate-time", "1h")
    assert free.returncode == 0
    config = folder / "recorder.conf"
    options = "metrics-listen systemd\nkeep-incidents 5\nkeep 20\n"
    config.write_text(f"{options}rotate-time 1h\n", encoding="utf-8")
    for path in (folder, folder.parent):
        path.chmod(0o755)
    manager = Manager(folder, watchdog_s=1)
    # LeakSanitizer stops the process by ptrace(2), which the limits do not allow.
    manager.environment["ASAN_OPTIONS"] = "abort_on_error=1:detect_leaks=0"
    server = socket.create_server(("127.0.0.1", 0))
    try:
        # Sanitizers look for their symbolizer, and valgrind is not it: the program alone is kept.
        # As systemd passes a socket: as descriptor 3 of the process with this number.
        manager.start("sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh",
                      *limited(unit, state, synscope, "record", "-q", "--append", "-o", state, "--config", config,
                               keep=[synscope, folder]),
                      preexec_fn=lambda: os.dup2(server.fileno(), 3), close_fds=False)
        until(lambda: manager.heard("READY") or manager.process.poll() is not None, "READY=1")
        assert manager.process.poll() is None, manager.journal()
        queue = listen(backlog=1)
        before = clients_until(traffic, 50)
        queue.connect(8)  # it overflows
        until(lambda: len(manager.heard("WATCHDOG")) > 2, "signs of life")
        clients_until(traffic, before + 100)
        until(lambda: f'listener="127.0.0.1:{traffic.port}"' in scrape(server), "metrics")
        config.write_text(f"{options}rotate-time 1s\n", encoding="utf-8")
        manager.process.send_signal(signal.SIGHUP)
        until(lambda: manager.process.poll() is not None or
              (list(state.glob("*/incident.json")) and (state / "000004").exists()), "an incident, and parts")
        assert manager.process.poll() is None, manager.journal()
        tasks, peak = usage(manager.process.pid)
        manager.process.send_signal(signal.SIGTERM)
        assert manager.process.wait(timeout=60) == 0, manager.journal()
        journal = manager.journal()
    finally:
        manager.close()
        server.close()
    limits = Unit(unit)
    assert tasks <= int(limits["TasksMax"])
    if not sanitized(synscope):
        assert peak < int(limits["MemoryMax"].removesuffix("M")) << 20
    # Whatever it has to do without, it does without as root.
    assert sources(state) == sources(folder / "recording")
    assert not [line for line in journal if not line.startswith("<5>")], journal
    done = run("report", "-f", "json", state)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["source"]["packets"] > 0 and report["summary"]["attempts"] >= 100
    owners = {listener["port"]: [owner["pid"] for owner in listener["owners"]] for listener in report["listeners"]}
    assert os.getpid() in owners[traffic.port], "the owner is root's, and not found"
    assert report["summary"]["drops_seen"]
    assert all(path.stat().st_mode & 0o7777 == 0o640 for path in state.glob("*/*"))


def scrape(server):
    """What the exporter answers at the socket that it was passed."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.getsockname()[1]}/metrics", timeout=30) as answer:
        return answer.read().decode()


def sanitized(synscope):
    return b"__asan_init" in pathlib.Path(synscope).read_bytes()


def clients_until(traffic, count):
    until(lambda: len(traffic.clients) >= count, "clients")
    return len(traffic.clients)


def usage(pid):
    """Tasks of a process and its children, and the sum of their largest memory, in bytes."""
    tasks, peak = 0, 0
    for one in [pid, *map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())]:
        tasks += len(os.listdir(f"/proc/{one}/task"))
        text = pathlib.Path(f"/proc/{one}/status").read_text(encoding="utf-8")
        peak += int(text.split("VmHWM:")[1].split()[0]) << 10
    return tasks, peak
