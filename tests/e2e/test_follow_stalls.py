"""Advice that is followed where something keeps the server from accept(), or nothing does.

As test_follow.py: the clients' own account says whether more of them were served, or sooner, and counts decide.
"""
import ctypes
import os
import pathlib
import signal
import subprocess

import pytest

from advising import COMPUTING, Clients, end_group, is_listened_at, record
from following import GET, PLAYS, cgroup, number_in, play, serve  # pylint: disable=unused-import
from netspace import IS_ROOT
from running import until
from test_follow import APACHE

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="these servers take root to start")

NGINX = """
daemon off; worker_processes 1; pid @FOLDER@/pid; error_log @FOLDER@/log;
events { worker_connections 1024; }
http { access_log off; server { listen 127.0.0.1:@PORT@ backlog=%d; location / { return 200 served; } } }
"""
PATIENCE_S = 1.4
# What the server and its clients do is looked at, little of the program: once is enough.
once = pytest.mark.skipif(bool(os.environ.get("SYNSCOPE_TEST_SHORT")), reason="the plain build does it")


def children_of(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


class Held:
    """nginx with a backlog, held by hold(its pids) while clients come; release() ends that."""

    def __init__(self, serve, folder, hold, release):
        self.serve, self.folder, self.hold, self.release, self.is_held = serve, folder, hold, release, False

    def start(self, setting, wrap=lambda *command: command):
        self.is_held, backlog = setting
        port = self.serve(*wrap("nginx", "-c", "@FOLDER@/conf"), files={"conf": NGINX % backlog})
        assert Clients(port, 1, request=GET).join().served == 1
        return port

    def clients(self, port):
        if not self.is_held:
            return Clients(port, 12, patience_s=PATIENCE_S, request=GET).join()
        master = int((self.folder / "pid").read_text(encoding="ascii"))
        self.hold([master, *children_of(master)])
        try:
            return Clients(port, 12, patience_s=PATIENCE_S, request=GET).join()
        finally:
            self.release()

    def follow(self, played, words):
        """Named with these words; a larger backlog does nothing, its end everything."""
        advice, before = played.trouble("owner-stopped", (True, 4))
        assert words in advice["text"] and before.served == 0
        assert played.clients(played.start((True, 1024))).served == 0
        played.followed((False, 4), lambda came, _: came.served == 12)
        return advice


def test_nginx_whose_cgroup_is_thawed_as_advised(cgroup, serve, play, folder):
    held = Held(serve, folder, lambda pids: cgroup.freeze(True), lambda: cgroup.freeze(False))
    advice = held.follow(play(lambda setting: held.start(setting, cgroup.wrap), held.clients), "find out who froze it")
    assert "frozen for" in advice["text"]


PTRACE_ATTACH, PTRACE_DETACH = 16, 17
WALL = 0x40000000  # __WALL


@once
def test_nginx_that_a_debugger_holds(serve, play, folder):
    """The worker alone: its master would not call accept()."""
    ptrace, traced = ctypes.CDLL(None, use_errno=True).ptrace, []
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def attach(pids):
        for pid in pids[1:]:
            assert ptrace(PTRACE_ATTACH, pid, None, None) == 0, os.strerror(ctypes.get_errno())
            os.waitpid(pid, WALL)
            traced.append(pid)

    def detach():
        while traced:
            ptrace(PTRACE_DETACH, traced.pop(), None, None)

    held = Held(serve, folder, attach, detach)
    advice = held.follow(play(held.start, held.clients), "find out who attached it")
    assert "a debugger held its owner nginx" in advice["text"]


@once
def test_a_server_without_a_processor(cgroup, serve, play):
    """It is idle's share beside a loop on the same processor: both in a cgroup, so that no other process counts."""
    processor = str(min(os.sched_getaffinity(0)))
    loops, setting = [], [None, None]

    def start(how):
        setting[:] = how
        port = serve(*cgroup.wrap("taskset", "-c", processor, "chrt", "-i", "0", "/usr/bin/python3", "@FOLDER@/it.py"),
                     files={"it.py": COMPUTING % how[1]})
        assert Clients(port, 1, patience_s=20).join().served == 1
        return port

    def clients(port):
        if setting[0] == "starved":
            loops.append(subprocess.Popen(cgroup.wrap("taskset", "-c", processor, "sh", "-c", "while :; do :; done"),
                                          start_new_session=True))
        try:
            return Clients(port, 12, patience_s=PATIENCE_S).join()
        finally:
            while loops:
                end_group(loops.pop())

    played = play(start, clients)
    advice, before = played.trouble("cpu-quota", ("starved", 4))
    assert "take load off the host" in advice["text"]
    longer = clients(start(("starved", 1024)))
    after = played.followed(("alone", 4), lambda came, before: came.served > before.served)
    assert after.served > longer.served


LEAKING = """
import os, signal, socket, subprocess, time

def listen():
    listener = socket.create_server(("127.0.0.1", @PORT@), backlog=%d)
    os.set_inheritable(listener.fileno(), True)
    return listener

told, tell = os.pipe()
if os.fork() == 0:
    listener = listen()
    os.write(tell, b"%%d" %% subprocess.Popen(["sleep", "60"], close_fds=False).pid)
    os._exit(1)
os.wait()
if "%s" == "closed":
    os.kill(int(os.read(told, 20)), signal.SIGKILL)
    while True:
        try:
            listener = listen()
            break
        except OSError:
            time.sleep(0.01)
    while True:
        client, _ = listener.accept()
        client.recv(100)
        client.sendall(b"served")
        client.close()
time.sleep(60)
"""


@once
def test_a_listener_that_a_helper_inherited(serve, play):
    """The server died, and its helper has the socket still."""
    def start(setting):
        port = serve("/usr/bin/python3", "@FOLDER@/it.py", files={"it.py": LEAKING % setting})
        until(lambda: setting[1] == "open" or Clients(port, 1, patience_s=1).join().served, "the server's next start")
        return port

    played = play(start, lambda port: Clients(port, 8, patience_s=PATIENCE_S).join())
    advice, before = played.trouble("nobody-accepts", (4, "open"))
    assert "The listener is open in sleep (pid " in advice["text"] and before.served == 0
    assert played.clients(start((1024, "open"))).served == 0
    played.followed((4, "closed"), lambda came, _: came.served == 8)


APP = """
import os, time

def app(environ, start_response):
    os.write(os.open("@FOLDER@/worked", os.O_WRONLY | os.O_APPEND | os.O_CREAT), b"x")
    time.sleep(0.1)
    start_response("200 OK", [("Content-Length", "6")])
    return [b"served"]
"""


@once
def test_gunicorn_whose_clients_gave_up(serve, play, folder):
    """A longer queue makes it work for more who have gone."""
    def start(setting):
        threads, backlog = setting
        port = serve("gunicorn", "--chdir", "@FOLDER@", "--threads", threads, "-b", "127.0.0.1:@PORT@", "--backlog", backlog,
                     "app:app", files={"app.py": APP})
        assert Clients(port, 1, request=GET).join().served == 1
        (folder / "worked").write_bytes(b"")
        return port

    def clients(port):
        came = Clients(port, 20, patience_s=0.45, request=GET, gap_s=0.01).join()
        # Who comes last is served last.
        assert Clients(port, 1, patience_s=60, request=GET).join().served == 1
        came.in_vain = (folder / "worked").stat().st_size - 1 - came.served
        return came

    played = play(start, clients)
    advice, before = played.trouble("accept-rate", (1, 64))
    gone, = [one for one in played.report["advice"] if one["rule"] == "clients-gone"]
    assert "A larger backlog makes it worse" in gone["text"] and 0 < gone["clients"] <= before.in_vain
    shorter = clients(start((1, 2)))
    assert shorter.in_vain < before.in_vain
    more = played.followed((number_in(advice, r"With (\d+) workers"), 64), lambda came, before: came.served > before.served)
    assert more.in_vain < before.in_vain


HANGING = """
import time

def app(environ, start_response):
    if environ["PATH_INFO"] == "/hang":
        open("@FOLDER@/asked", "w").close()
        time.sleep(1000)
    start_response("200 OK", [("Content-Length", "6")])
    return [b"served"]
"""


@once
def test_gunicorn_whose_only_worker_hangs(serve, play, folder):
    """Its master has the listener as well, and sleeps as it should."""
    def start(setting):
        workers, backlog = setting
        (folder / "asked").unlink(missing_ok=True)
        return serve("gunicorn", "--chdir", "@FOLDER@", "--workers", workers, "-b", "127.0.0.1:@PORT@", "--backlog", backlog,
                     "app:app", files={"app.py": HANGING})

    def clients(port):
        assert Clients(port, 1, request=GET).join().served == 1
        hung = Clients(port, 1, request=GET.replace(b"/ ", b"/hang "), patience_s=1.4)
        until((folder / "asked").exists, "it to hang")
        came = Clients(port, 16, request=GET, patience_s=1.3).join()
        hung.join()
        return came

    played = play(start, clients)
    advice, before = played.trouble("nobody-accepts", (1, 8))
    assert "(--workers or --threads)" in advice["text"] and before.served == 0
    assert clients(start((1, 1024))).served == 0
    played.followed((3, 8), lambda came, _: came.served == 16)


@once
def test_apache_with_the_keepalivetimeout_that_is_advised(serve, play):
    """Two clients who have been served, and stay, are all that it serves."""
    conf = APACHE % (2, 2)
    played = play(lambda seconds: serve("apache2", "-D", "FOREGROUND", "-f", "@FOLDER@/conf",
                                        files={"conf": conf.replace("Timeout 2", f"Timeout {seconds}"), "index.html": "served\n"}),
                  lambda port: Clients(port, 10, patience_s=1.4, request=GET.replace(b"/ ", b"/index.html "), hold_s=2.5))
    advice, before = played.trouble("nobody-accepts", 30)
    assert "(KeepAliveTimeout, Timeout)" in advice["text"] and before.served == 2
    played.followed("200ms", lambda came, before: came.served > before.served)


LOGGING = """
import os, socket
listener = socket.create_server(("127.0.0.1", @PORT@), backlog=8)
while True:
    client, _ = listener.accept()
    if client.recv(100) == b"log":
        open("@FOLDER@/asked", "w").close()
        os.write(1, b"x" * 65537)
    client.sendall(b"served")
    client.close()
"""


@once
def test_a_server_whose_log_nobody_reads(serve, play, folder):
    """Its standard output is a pipe that is full; the next of the line is there, and sleeps."""
    def start(setting):
        (folder / "asked").unlink(missing_ok=True)
        return serve("sh", "-c", f"/usr/bin/python3 @FOLDER@/it.py | {setting}", files={"it.py": LOGGING})

    def clients(port):
        for _ in range(8):
            assert Clients(port, 1).join().served == 1
        logs = Clients(port, 1, request=b"log", patience_s=1.4)
        until((folder / "asked").exists, "it to write")
        came = Clients(port, 8, patience_s=1.3).join()
        logs.join()
        return came

    played = play(start, clients)
    advice, before = played.trouble("nobody-accepts", "sleep 60")
    assert "log pipe" in advice["text"] and before.served == 0
    played.followed("cat >/dev/null", lambda came, _: came.served == 8)


FAILING = """
import socket, sys, time
time.sleep(0.3)
sys.exit(1) if sys.argv[1] == "fails" else None
listener = socket.socket(fileno=3)
while True:
    client, _ = listener.accept()
    client.recv(100)
    client.sendall(b"served")
    client.close()
"""


@once
def test_a_service_that_fails_at_its_first_client(serve, play):
    """The socket that it was given closes with it."""
    def start(setting):
        return serve("sh", "-c", "while :; do systemd-socket-activate -l 127.0.0.1:@PORT@ /usr/bin/python3 @FOLDER@/it.py "
                     f"{setting}; done", files={"it.py": FAILING})

    played = play(start, lambda port: Clients(port, 10, patience_s=4))
    advice, before = played.trouble("listener-closed", "fails")
    assert "its log says why" in advice["text"] and before.served == 0
    played.followed("runs", lambda came, _: came.served == 10)


def test_nginx_that_is_reloaded_in_place_of_a_restart(serve, play, folder):
    """Five come before, five while it starts again, and five after."""
    how = [None]

    def start(setting):
        how[0] = setting
        return serve("sh", "-c", "while :; do nginx -c @FOLDER@/conf; sleep 0.2; done", files={"conf": NGINX % 64})

    def clients(port):
        master = int((folder / "pid").read_text(encoding="ascii"))
        workers = children_of(master)
        came = Clients(port, 5, request=GET).join()
        if how[0] == "restart":
            os.kill(master, signal.SIGTERM)
            until(lambda: not is_listened_at(port), "its end")
        else:
            os.kill(master, signal.SIGHUP)
        came.more(5).join()
        if how[0] == "restart":
            until(lambda: is_listened_at(port), "its start")
        else:
            until(lambda: set(children_of(master)) - set(workers), "a new worker")
        return came.more(5).join()

    played = play(start, clients)
    advice, before = played.trouble("no-listener", "restart")
    assert "Reload instead of restarting" in advice["text"] and advice["clients"] == 5
    assert before.served == 10
    came = []
    port = start("reload")
    report = record(played.synscope, folder / "reloaded", port, lambda: came.append(clients(port)))
    assert came[0].served == 15
    assert not report["advice"] and not any(one["drops"] for one in report["listeners"])


def test_a_burst_that_the_queue_took(serve, synscope, folder):
    """The queue is there for this: nothing is to be done, and the report says so."""
    port = serve("/usr/bin/python3", "@FOLDER@/it.py", files={"it.py": COMPUTING.replace("0.02", "0.002") % 64})
    for play_number in range(PLAYS):
        came, path = [], folder / f"r{play_number}"
        report = record(synscope, path, port, lambda: came.append(Clients(port, 12, at_once=True).join()))
        assert came[0].served == 12
        # A busy machine may let them wait for longer than the queue is there for.
        if not report["summary"]["causes"]["slow-accept"]:
            break
    else:
        pytest.skip("this machine is so busy that each burst had to wait")
    assert not report["advice"] and report["summary"]["drops_seen"] is False
    peak = report["listeners"][0]["queue_peak"]
    text = subprocess.run([synscope, "report", path], capture_output=True, text=True, check=True).stdout
    assert 2 <= peak <= 12
    assert (f"No listener's queue dropped anything. At most {peak} connections waited at 127.0.0.1:{port}; its accept queue "
            "holds 65.") in " ".join(text.split())
    assert "What to do" not in text
