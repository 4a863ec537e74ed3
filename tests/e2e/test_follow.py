"""Advice that is followed: servers as Debian packages them, in trouble under a recording; then with what was advised.

The clients' own account says whether more of them were served, or sooner. What decides are counts: of clients that
had patience for less than a SYN takes to be sent again, or for less than the server sleeps. Where the machine was too
slow for the trouble, or for its end, it is played again.
"""
import pathlib
import pwd
import re
import shutil
import struct
import subprocess

import pytest

from advising import Clients, end_group, free_port, is_listened_at, record
from netspace import IS_ROOT
from running import until

PLAYS = 6
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="these servers take root to start")


@pytest.fixture
def serve(folder):
    """serve(command) -> the port, when somebody listens there; {port} and {folder} in the command are filled in."""
    folder.mkdir(mode=0o755, exist_ok=True)
    running = []

    def start(*command, files=(), cwd="/"):
        end()
        port = free_port()
        for name, text in dict(files).items():
            (folder / name).write_text(text.replace("@PORT@", str(port)).replace("@FOLDER@", str(folder)), encoding="utf-8")
        words = [str(word).replace("@PORT@", str(port)).replace("@FOLDER@", str(folder)) for word in command]
        assert shutil.which(words[0], path="/usr/sbin:/usr/bin:/bin"), f"not installed, see scripts/packages: {words[0]}"
        with open(folder / "output", "ab") as output:
            running.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            start_new_session=True, cwd=cwd))
        until(lambda: is_listened_at(port) or running[-1].poll() is not None, "a listener")
        assert running[-1].poll() is None, (folder / "output").read_text(encoding="utf-8")
        return port

    def end():
        while running:
            end_group(running.pop())

    yield start
    end()


class Play:
    """One server without and with what is advised: start(setting) -> port, clients(port) -> Clients."""

    def __init__(self, synscope, folder, start, clients):
        self.synscope, self.folder, self.start, self.clients = synscope, folder, start, clients
        self.number = 0

    def trouble(self, rule, setting):
        """(the advice, the clients): it is among the advice, and first of all that helps clients."""
        for _ in range(PLAYS):
            port = self.start(setting)
            came = []
            self.number += 1
            report = record(self.synscope, self.folder / f"r{self.number}", port,
                            lambda: came.append(self.clients(port).join()))
            if report["advice"] and report["advice"][0]["rule"] == rule:
                return report["advice"][0], came[0]
            assert not {"backlog-binds", "somaxconn-binds"} & {one["rule"] for one in report["advice"]}, report["advice"]
        if not report["advice"]:
            pytest.skip("the server took them all: no advice to follow")
        raise AssertionError(f"not {rule}: {report['advice']}")

    def followed(self, setting, better):
        """The clients with it, when they fared better."""
        for _ in range(PLAYS):
            came = self.clients(self.start(setting)).join()
            if better(came):
                return came
        raise AssertionError(f"no better with {setting}: {came.served} served, {came.prompt} at once, {came.took}")


@pytest.fixture
def play(synscope, folder):
    return lambda start, clients: Play(synscope, folder, start, clients)


def number_in(advice, pattern):
    return int(re.search(pattern, advice["text"]).group(1))


# --- a queue that is too short ---

NGINX = """
daemon off; worker_processes 1; pid @FOLDER@/pid; error_log @FOLDER@/log;
events { worker_connections 1024; }
http { access_log off; server { listen 127.0.0.1:@PORT@ backlog=%d; location / { return 200 served; } } }
"""


def test_nginx_with_the_backlog_that_is_advised(serve, play):
    played = play(lambda backlog: serve("nginx", "-c", "@FOLDER@/conf", files={"conf": NGINX % backlog}),
                  lambda port: Clients(port, 150, patience_s=3, request=GET, at_once=True))
    advice, before = played.trouble("backlog-binds", 1)
    assert "The setting is the backlog= parameter of listen" in advice["text"]
    backlog = number_in(advice, r"a backlog of (\d+)")
    assert 1 < backlog < 150
    after = played.followed(backlog, lambda came: came.prompt > before.prompt)
    assert after.served >= before.served


def test_postgres_with_the_somaxconn_that_is_advised(serve, play, folder):
    binaries = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    owner = pwd.getpwnam("postgres")
    as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    folder.mkdir(mode=0o755, exist_ok=True)
    for path in (folder, *folder.parents):
        if path.stat().st_uid == 0 and not path.stat().st_mode & 1:
            path.chmod(path.stat().st_mode | 0o111)
    data = folder / "data"
    data.mkdir()
    shutil.chown(data, owner.pw_uid, owner.pw_gid)
    subprocess.run([*as_owner, binaries / "initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync", "--no-locale"],
                   check=True, stdout=subprocess.DEVNULL, cwd="/")
    flags = [word for setting in ("port=@PORT@", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off",
                                  "max_connections=60", "shared_buffers=16MB") for word in ("-c", setting)]
    startup = struct.pack(">I", 196608) + b"user\0tester\0database\0postgres\0\0"

    def start(somaxconn):
        pathlib.Path("/proc/sys/net/core/somaxconn").write_text(f"{somaxconn}\n", encoding="ascii")
        (data / "postmaster.pid").unlink(missing_ok=True)
        return serve(*as_owner, binaries / "postgres", "-D", data, *flags)

    played = play(start, lambda port: Clients(port, 60, patience_s=4, reply=b"R",
                                              request=struct.pack(">I", len(startup) + 4) + startup))
    advice, before = played.trouble("somaxconn-binds", 2)
    assert "max_connections" in advice["text"] and "restart the server" in advice["text"]
    somaxconn = number_in(advice, r"net\.core\.somaxconn=(\d+)")
    assert 2 < somaxconn < 60
    after = played.followed(somaxconn, lambda came: came.prompt > before.prompt)
    assert after.served >= before.served


# --- too few workers, or a limit on connections ---

APACHE = """
ServerRoot @FOLDER@
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
User www-data
Group www-data
ServerName here
PidFile @FOLDER@/pid
ErrorLog @FOLDER@/log
Listen 127.0.0.1:@PORT@
ListenBacklog 64
DocumentRoot @FOLDER@
StartServers %d
MinSpareServers 1
MaxRequestWorkers %d
KeepAliveTimeout 2
"""

HAPROXY = """
defaults
 mode http
 timeout connect 5s
 timeout client 5s
 timeout server 5s
frontend it
 bind 127.0.0.1:@PORT@
 maxconn %d
 backlog %d
 http-request return status 200 content-type text/plain string served
"""

GUNICORN = """
import time

def app(environ, start_response):
    time.sleep(0.2)
    start_response("200 OK", [("Content-Length", "6")])
    return [b"served"]
"""

FPM = """
[global]
error_log = @FOLDER@/log
daemonize = no
[www]
user = www-data
group = www-data
listen = 127.0.0.1:@PORT@
listen.backlog = 64
pm = static
pm.max_children = %d
"""


def fastcgi(script):
    def part(kind, content):
        return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content

    def pair(name, value):
        return bytes([len(name), len(value)]) + name.encode() + value.encode()

    return (part(1, struct.pack(">HB5x", 1, 0)) + part(4, pair("SCRIPT_FILENAME", script) + pair("REQUEST_METHOD", "GET"))
            + part(4, b"") + part(5, b""))


def impatient(port, request=GET, hold_s=0.0):
    """Thirty in a second, each of whom keeps a worker for 0.2 s: two are enough for ten of them."""
    return Clients(port, 30, patience_s=1, request=request, gap_s=0.03, hold_s=hold_s)


def test_apache_with_the_workers_that_are_advised(serve, play):
    def start(workers):
        return serve("apache2", "-D", "FOREGROUND", "-f", "@FOLDER@/conf",
                     files={"conf": APACHE % (workers, workers), "index.html": "served\n"})

    played = play(start, lambda port: impatient(port, request=GET.replace(b"/ ", b"/index.html "), hold_s=0.2))
    advice, before = played.trouble("accept-rate", 2)
    assert "MaxRequestWorkers" in advice["text"]
    played.followed(number_in(advice, r"With (\d+) workers"), lambda came: came.served > before.served)


def test_haproxy_with_the_maxconn_that_is_advised_and_with_a_backlog(serve, play):
    def start(setting):
        return serve("haproxy", "-db", "-f", "@FOLDER@/conf", files={"conf": HAPROXY % setting})

    played = play(start, lambda port: impatient(port, hold_s=0.2))
    advice, before = played.trouble("application-limit", (2, 64))
    assert "no more than 2 connections at a time" in advice["text"] and "maxconn" in advice["text"]
    longer = impatient(start((2, 1024)), hold_s=0.2).join()
    after = played.followed((number_in(advice, r"With a limit of (\d+)"), 64), lambda came: came.served > before.served)
    assert after.served > longer.served, "a longer queue did as much"


def test_gunicorn_with_the_workers_that_are_advised(serve, play):
    def start(threads):
        return serve("gunicorn", "--chdir", "@FOLDER@", "--threads", threads, "-b", "127.0.0.1:@PORT@", "--backlog", "64",
                     "app:app", files={"app.py": GUNICORN})

    played = play(start, impatient)
    advice, before = played.trouble("accept-rate", 1)
    assert "--workers or --threads" in advice["text"]
    played.followed(number_in(advice, r"With (\d+) workers"), lambda came: came.served > before.served)


def test_php_fpm_with_the_children_that_are_advised(serve, play, folder):
    program = max(pathlib.Path("/usr/sbin").glob("php-fpm*"))

    def start(children):
        return serve(program, "-n", "-F", "-y", "@FOLDER@/conf",
                     files={"conf": FPM % children, "it.php": "<?php usleep(200000); echo 'served';"})

    played = play(start, lambda port: impatient(port, request=fastcgi(str(folder / "it.php"))))
    advice, before = played.trouble("accept-rate", 2)
    assert "pm.max_children" in advice["text"]
    played.followed(number_in(advice, r"With (\d+) workers"), lambda came: came.served > before.served)


def test_memcached_with_the_connections_that_are_advised(serve, play):
    def start(connections):
        return serve("memcached", "-u", "root", "-U", "0", "-l", "127.0.0.1", "-p", "@PORT@", "-c", connections, "-t", "1",
                     "-o", "no_maxconns_fast")

    # It listens with a backlog of 0 while it is full.
    played = play(start, lambda port: Clients(port, 40, patience_s=0.9, request=b"version\r\n", reply=b"VERSION", hold_s=1.5,
                                              gap_s=0.01))
    advice, before = played.trouble("application-limit", 16)
    assert "listen() again with a backlog of 0 or 1" in advice["text"] and "(-c" in advice["text"]
    played.followed(1024, lambda came: came.served > before.served)


def test_sshd_past_its_maxstartups_needs_no_backlog(serve, synscope, folder):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host"], check=True)
    port = serve("unshare", "--mount", "sh", "-ec",
                 'mount -t tmpfs none /run; mkdir /run/sshd; exec /usr/sbin/sshd -D -e -f "$0"', "@FOLDER@/conf",
                 files={"conf": "Port @PORT@\nListenAddress 127.0.0.1\nHostKey @FOLDER@/host\nPidFile none\nUsePAM no\n"
                                "MaxStartups 3:100:3\n"})
    came = []
    report = record(synscope, folder / "r", port, lambda: came.append(
        Clients(port, 12, patience_s=3, request=b"SSH-2.0-it\r\n", reply=b"SSH-2.0", hold_s=1).join()))
    assert came[0].served < 12
    assert report["summary"]["outcomes"]["accepted"] == 12
    assert not {"backlog-binds", "somaxconn-binds", "accept-rate"} & {one["rule"] for one in report["advice"]}


# --- a loop that is blocked, a server that is not there yet ---

NODE = """
require('http').createServer((request, response) => {
    const end = () => response.end('served');
    if (request.url != '/block') return end();
    if (process.argv[2] != 'block') return setTimeout(end, 1500);
    const until = Date.now() + 1500;
    while (Date.now() < until);
    end();
}).listen(@PORT@, '127.0.0.1');
"""


def test_node_with_the_work_out_of_its_event_loop(serve, play):
    def clients(port):
        for _ in range(5):
            Clients(port, 1, request=GET).join()
        blocker = Clients(port, 1, request=GET.replace(b"/ ", b"/block "))
        until(lambda: established(port), "it to be asked")
        came = Clients(port, 20, patience_s=0.7, request=GET).join()
        blocker.join()
        return came

    def established(port):
        """The request of the only client there is has been read: nothing of it waits in the socket."""
        lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        return any(line[1].endswith(f":{port:04X}") and line[3] == "01" and line[4].endswith(":00000000") and line[9] != "0"
                   for line in lines)

    played = play(lambda how: serve("node", "@FOLDER@/it.js", how, files={"it.js": NODE}), clients)
    advice, before = played.trouble("blocked-loop", "block")
    assert "node" in advice["text"] and "the cluster module" in advice["text"]
    played.followed("wait", lambda came: came.served > before.served)


ACTIVATED = """
import socket, sys, time
time.sleep(1.2)
listener = socket.socket(fileno=3) if sys.argv[1] == "activated" else socket.create_server(("127.0.0.1", @PORT@))
while True:
    client, _ = listener.accept()
    client.recv(100)
    client.sendall(b"served")
    client.close()
"""


def test_a_server_that_is_started_by_its_first_client(serve, play):
    def start(how):
        command = ["/usr/bin/python3", "@FOLDER@/it.py", how]
        if how == "activated":
            command = ["systemd-socket-activate", "-l", "127.0.0.1:@PORT@", *command]
        return serve(*command, files={"it.py": ACTIVATED})

    played = play(start, lambda port: Clients(port, 20, patience_s=4))
    advice, before = played.trouble("slow-start", "activated")
    assert "socket activation" in advice["text"]
    assert min(before.took) > 0.8
    # Followed: it is started before they come.
    played.followed("before", lambda came: came.served == 20 and min(came.took) < min(before.took))
