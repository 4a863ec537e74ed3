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
import time

import pytest

from advising import Clients, depth_of, record
from following import GET, cgroup, number_in, play, serve  # pylint: disable=unused-import
from netspace import IS_ROOT
from running import until

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="these servers take root to start")


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
    after = played.followed(backlog, lambda came, before: came.prompt > before.prompt)
    assert after.served >= played.before.served


SLEEPING = """
import socket, time
listener = socket.create_server(("127.0.0.1", @PORT@), backlog=%d)
while True:
    client, _ = listener.accept()
    client.recv(100)
    time.sleep(0.01)
    try:
        client.sendall(b"served")
    except OSError:
        pass
    client.close()
"""


def test_bursts_of_clients_that_give_up(serve, play):
    """Whom the queue drops is gone before the next burst: a place for each of one burst is enough."""
    def bursts(port):
        came = Clients(port, 30, patience_s=0.6, at_once=True).join()
        for _ in range(2):
            until(lambda: not depth_of(port), "an empty queue")
            came.more(30).join()
        # A SYN that is not sent again by then is one of a client that gave up.
        time.sleep(1.2)
        return came

    played = play(lambda backlog: serve("/usr/bin/python3", "@FOLDER@/it.py", files={"it.py": SLEEPING % backlog}), bursts)
    advice, before = played.trouble("backlog-binds", 4)
    backlog = number_in(advice, r"a backlog of (\d+)")
    assert before.served < 90 and backlog < 31
    served, least, most = map(int, re.search(r"(\d+) of them were accepted before they were seen to leave; with it (\d+) to (\d+)",
                                             " ".join(advice["evidence"])).groups())
    assert served >= before.served
    # Followed, the clients' own count is what the replay says it is.
    played.followed(backlog, lambda came, before: before.served < came.served and least <= came.served <= most)


STARTUP = struct.pack(">II", 39, 196608) + b"user\0tester\0database\0postgres\0\0"

AUTHENTICATED = b"R\0\0\0\x08"


def works_in(process, folder):
    try:
        return (process / "cwd").readlink() == folder
    except OSError:
        return False


@pytest.fixture
def postgres(serve, folder):
    """postgres(setting=value...) -> the port; the first argument is what it answers when it is up."""
    binaries = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    owner = pwd.getpwnam("postgres")
    as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    data = folder / "data"
    data.mkdir()
    shutil.chown(data, owner.pw_uid, owner.pw_gid)
    subprocess.run([*as_owner, binaries / "initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync", "--no-locale"],
                   check=True, stdout=subprocess.DEVNULL, cwd="/")

    def start(reply=AUTHENTICATED, **settings):
        given = {"port": "@PORT@", "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off",
                 "shared_buffers": "16MB", "max_wal_senders": 0, **settings}
        flags = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        # Its children have sessions of their own, and end when they notice that it did.
        serve.end()
        until(lambda: not any(works_in(process, data) for process in pathlib.Path("/proc").glob("[0-9]*")), "its children's end")
        (data / "postmaster.pid").unlink(missing_ok=True)
        port = serve(*as_owner, binaries / "postgres", "-D", data, *flags)
        # What it recovers from the one before it takes its time.
        until(lambda: Clients(port, 1, reply=reply, request=STARTUP).join().served, "the database to be ready")
        return port

    return start


@pytest.fixture
def set_somaxconn():
    """Until the test is over: the others have the same namespace."""
    path = pathlib.Path("/proc/sys/net/core/somaxconn")
    before = path.read_text(encoding="ascii")
    yield lambda value: path.write_text(f"{value}\n", encoding="ascii")
    path.write_text(before, encoding="ascii")


def test_postgres_with_the_somaxconn_that_is_advised(play, postgres, set_somaxconn):
    def start(somaxconn):
        set_somaxconn(somaxconn)
        return postgres(max_connections=60)

    played = play(start, lambda port: Clients(port, 60, patience_s=4, reply=AUTHENTICATED, request=STARTUP))
    advice, before = played.trouble("somaxconn-binds", 2)
    assert "max_connections" in advice["text"] and "restart the server" in advice["text"]
    somaxconn = number_in(advice, r"net\.core\.somaxconn=(\d+)")
    assert 2 < somaxconn < 60
    after = played.followed(somaxconn, lambda came, before: came.prompt > before.prompt)
    assert after.served >= played.before.served


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


def thirty(port, request=GET, hold_s=0.0):
    return Clients(port, 30, patience_s=1, request=request, gap_s=0.03, hold_s=hold_s).join()


def impatient(port, request=GET, hold_s=0.0):
    """Thirty in a second, each of whom keeps a worker for 0.2 s: two are enough for ten of them. When all is over."""
    came = thirty(port, request, hold_s)
    until(lambda: not depth_of(port), "an empty queue")
    return came


def test_apache_with_the_workers_that_are_advised(serve, play):
    def start(workers):
        return serve("apache2", "-D", "FOREGROUND", "-f", "@FOLDER@/conf",
                     files={"conf": APACHE % (workers, workers), "index.html": "served\n"})

    played = play(start, lambda port: impatient(port, request=GET.replace(b"/ ", b"/index.html "), hold_s=0.2))
    advice, before = played.trouble("accept-rate", 2)
    assert "MaxRequestWorkers" in advice["text"]
    played.followed(number_in(advice, r"With (\d+) workers"), lambda came, before: came.served > before.served)


def test_haproxy_with_the_maxconn_that_is_advised_and_with_a_backlog(serve, play):
    def start(setting):
        return serve("haproxy", "-db", "-f", "@FOLDER@/conf", files={"conf": HAPROXY % setting})

    played = play(start, lambda port: impatient(port, hold_s=0.2))
    advice, before = played.trouble("application-limit", (2, 64))
    assert "no more than 2 connections at a time" in advice["text"] and "maxconn" in advice["text"]
    longer = impatient(start((2, 1024)), hold_s=0.2)
    after = played.followed((number_in(advice, r"With a limit of (\d+)"), 64), lambda came, before: came.served > before.served)
    assert after.served > longer.served, "a longer queue did as much"


def test_gunicorn_with_the_workers_that_are_advised(serve, play):
    def start(threads):
        return serve("gunicorn", "--chdir", "@FOLDER@", "--threads", threads, "-b", "127.0.0.1:@PORT@", "--backlog", "64",
                     "app:app", files={"app.py": GUNICORN})

    played = play(start, impatient)
    advice, before = played.trouble("accept-rate", 1)
    assert "--workers or --threads" in advice["text"]
    played.followed(number_in(advice, r"With (\d+) workers"), lambda came, before: came.served > before.served)


def test_php_fpm_with_the_children_that_are_advised(serve, play, folder):
    program = max(pathlib.Path("/usr/sbin").glob("php-fpm*"))

    def start(children):
        return serve(program, "-n", "-F", "-y", "@FOLDER@/conf",
                     files={"conf": FPM % children, "it.php": "<?php usleep(200000); echo 'served';"})

    played = play(start, lambda port: impatient(port, request=fastcgi(str(folder / "it.php"))))
    advice, before = played.trouble("accept-rate", 2)
    assert "pm.max_children" in advice["text"]
    played.followed(number_in(advice, r"With (\d+) workers"), lambda came, before: came.served > before.served)


LOCKED = """
import fcntl, os, socket, time
listener = socket.create_server(("127.0.0.1", @PORT@), backlog=64)
def work():
    lock = os.open("@FOLDER@/lock", os.O_CREAT | os.O_RDWR)
    while True:
        client, _ = listener.accept()
        client.recv(100)
        fcntl.flock(lock, fcntl.LOCK_EX)
        time.sleep(%f)
        fcntl.flock(lock, fcntl.LOCK_UN)
        try:
            client.sendall(b"served")
        except OSError:
            pass
        client.close()
for _ in range(%d):
    if os.fork() == 0:
        work()
os.wait()
"""


@pytest.mark.parametrize("workers", [3, 20])
def test_workers_that_wait_for_one_lock(serve, play, workers):
    """More of them serve nobody more; what they wait for, made faster, does."""
    def start(setting):
        return serve("/usr/bin/python3", "@FOLDER@/it.py", files={"it.py": LOCKED % setting})

    # More than there are workers, in any case; all of them are served, but one after the other.
    played = play(start, lambda port: Clients(port, 60, request=b"x", gap_s=0.005).join())
    advice, before = played.trouble("accept-rate", (0.05, workers))
    assert all(re.search(r"With \d+ workers", one["text"]) is None for one in played.report["advice"])
    assert "make it faster" in advice["text"] or "would be served sooner is not known" in advice["text"]
    more = played.clients(start((0.05, 3 * workers)))
    after = played.followed((0.005, workers), lambda came, before: max(came.took) < max(before.took))
    assert before.served == 60 and max(after.took) < max(more.took)


PACED = """
import select, socket, sys, threading
how, limit = sys.argv[1], int(sys.argv[2])
listener, room = socket.create_server(("127.0.0.1", @PORT@), backlog=int(sys.argv[3])), threading.Semaphore(limit)

def serve(client):
    with client:
        client.recv(100)
        client.sendall(b"served")
        client.recv(100)
    room.release()

while how == "threads":
    room.acquire()
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()

# An event loop, which does not look at its listener while it has so many.
clients, asked = {}, set()
while True:
    for ready in select.select([*clients.values(), *[listener][:len(clients) < limit]], [], [])[0]:
        if ready is listener:
            client, _ = listener.accept()
            clients[client.fileno()] = client
        elif ready not in asked:
            asked.add(ready)
            ready.recv(100)
            ready.sendall(b"served")
        else:
            asked.discard(ready)
            del clients[ready.fileno()]
            ready.close()
"""


@pytest.mark.parametrize("how", ["threads", "loop"])
def test_a_server_that_accepts_so_many_at_a_time(serve, play, how):
    """A limit of its own, whatever it is made of: a longer queue serves nobody sooner."""
    def start(setting):
        return serve("/usr/bin/python3", "@FOLDER@/it.py", how, *setting, files={"it.py": PACED})

    def clients(port):
        came = Clients(port, 30, patience_s=1, request=b"x", gap_s=0.005, hold_s=0.2).join()
        until(lambda: not depth_of(port), "an empty queue")
        return came

    played = play(start, clients)
    advice, before = played.trouble("application-limit", (3, 64))
    assert "it takes no more than 3 connections at a time" in advice["text"] and "semaphore" in advice["text"]
    longer = clients(start((3, 1024)))
    after = played.followed((number_in(advice, r"With a limit of (\d+)"), 64), lambda came, before: came.served > before.served)
    assert after.served > longer.served, "a longer queue did as much"


def test_memcached_with_the_connections_that_are_advised(serve, play):
    def start(connections):
        return serve("memcached", "-u", "root", "-U", "0", "-l", "127.0.0.1", "-p", "@PORT@", "-c", connections, "-t", "1",
                     "-o", "no_maxconns_fast")

    # It listens with a backlog of 0 while it is full.
    played = play(start, lambda port: Clients(port, 40, patience_s=0.9, request=b"version\r\n", reply=b"VERSION", hold_s=1.5,
                                              gap_s=0.01))
    advice, before = played.trouble("application-limit", 16)
    assert "listen() again with a backlog of 0 or 1" in advice["text"] and "(-c" in advice["text"]
    played.followed(1024, lambda came, before: came.served > before.served)


NGINX_FULL = """
daemon off; user root; worker_processes 1; pid @FOLDER@/pid; error_log @FOLDER@/log;
events { worker_connections %d; }
http { access_log off; server { listen 127.0.0.1:@PORT@ backlog=%d;
  location / { default_type text/plain; limit_rate 1k; root @FOLDER@; } } }
"""


def test_nginx_with_the_worker_connections_that_are_advised_and_with_a_backlog(serve, play, folder):
    def start(setting):
        return serve("nginx", "-c", "@FOLDER@/conf", files={"conf": NGINX_FULL % setting, "page": "served\n" + 4096 * "."})

    # Each reads its page slowly: its connection is none that nginx may close to make room.
    played = play(start, lambda port: Clients(port, 40, patience_s=2, request=GET.replace(b"/ ", b"/page "), hold_s=1,
                                              gap_s=0.01))
    advice, before = played.trouble("application-limit", (12, 511))
    assert "worker_connections" in advice["text"] and "no backlog helps" in advice["text"]
    assert "at most 10 others were open at a time" in advice["evidence"]
    assert advice["clients"] == 40 - before.served
    assert "worker_connections are not enough" in (folder / "log").read_text(encoding="utf-8")
    longer = played.clients(start((12, 4096))).join()
    after = played.followed((1024, 511), lambda came, _: came.served == 40)
    assert after.served > longer.served


# --- servers that say so before they close ---


@pytest.fixture
def sshd(serve, folder):
    """sshd(its MaxStartups) -> the port; what it logs is in the folder's "output"."""
    folder.mkdir(mode=0o755, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host"], check=True)
    return lambda startups: serve(
        "unshare", "--mount", "sh", "-ec", 'mount -t tmpfs none /run; mkdir /run/sshd; exec /usr/sbin/sshd -D -e -f "$0"',
        "@FOLDER@/conf", files={"conf": "Port @PORT@\nListenAddress 127.0.0.1\nHostKey @FOLDER@/host\nPidFile none\nUsePAM no\n"
                                        f"LogLevel VERBOSE\nMaxStartups {startups}:100:{startups}\n"})


def test_sshd_with_the_maxstartups_that_is_advised(sshd, play, folder):
    played = play(sshd, lambda port: Clients(port, 12, patience_s=3, request=b"SSH-2.0-it\r\n", reply=b"SSH-2.0", hold_s=1,
                                              gap_s=0.02))
    advice, before = played.trouble("application-limit", 3)
    assert 'with "Exceeded MaxStartups"' in advice["text"] and "(MaxStartups" in advice["text"]
    log = (folder / "output").read_text(encoding="utf-8")
    assert advice["clients"] == 12 - before.served and "past MaxStartups" in log
    played.followed(12, lambda came, _: came.served == 12)


def test_postgres_with_the_max_connections_that_is_advised(serve, play, postgres):
    played = play(lambda most: postgres(max_connections=most, superuser_reserved_connections=0),
                  lambda port: Clients(port, 16, patience_s=4, reply=AUTHENTICATED, request=STARTUP, hold_s=1, gap_s=0.02))
    advice, before = played.trouble("application-limit", 5)
    assert "SQLSTATE 53300" in advice["text"] and "(max_connections" in advice["text"]
    assert advice["clients"] == 16 - before.served == sum(b"53300" in reply for reply in before.replies)
    played.followed(20, lambda came, _: came.served == 16)


def test_postgres_that_is_not_ready(serve, play, postgres, folder):
    """A standby that takes no queries says what one that starts says; psql asks for TLS first, and then hears it."""
    psqls = []

    def clients(port):
        psqls.append(subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "tester", "-c", "", "postgres"],
                                    stderr=subprocess.PIPE, text=True, check=False))
        return Clients(port, 6, patience_s=4, reply=AUTHENTICATED, request=STARTUP)

    played = play(lambda setting: postgres(AUTHENTICATED if setting == "on" else b"57P03", hot_standby=setting,
                                              max_wal_senders=10), clients)
    (folder / "data" / "standby.signal").touch()
    advice, before = played.trouble("server-not-ready", "off")
    assert "SQLSTATE 57P03" in advice["text"] and "hot_standby" in advice["text"]
    assert "the database system is" in psqls[-1].stderr and before.served == 0
    assert advice["clients"] == 7 == 1 + sum(b"57P03" in reply for reply in before.replies)
    played.followed("on", lambda came, _: came.served == 6)
    assert psqls[-1].returncode == 0


def test_memcached_that_answers_with_an_error(serve, play):
    def start(connections):
        return serve("memcached", "-u", "root", "-U", "0", "-l", "127.0.0.1", "-p", "@PORT@", "-c", connections, "-t", "1",
                     "-o", "maxconns_fast")

    played = play(start, lambda port: Clients(port, 30, patience_s=2, request=b"version\r\n", reply=b"VERSION", hold_s=1,
                                              gap_s=0.01))
    advice, before = played.trouble("application-limit", 24)
    assert 'with "ERROR Too many open connections"' in advice["text"] and "(-c" in advice["text"]
    assert advice["clients"] == 30 - before.served
    played.followed(1024, lambda came, _: came.served == 30)


NGINX_CLOSES = """
daemon off; user root; worker_processes 1; pid @FOLDER@/pid; error_log @FOLDER@/log;
events { worker_connections 1024; }
http { access_log off; server { listen 127.0.0.1:@PORT@; location /gone { return 444; }
  location /moved { keepalive_timeout 0; return 301 /; } location / { return 200 served; } } }
"""


@pytest.mark.parametrize("path, reply", [(b"/gone ", b"none"), (b"/moved ", b"301")])
def test_a_server_that_closes_at_once_for_another_reason(serve, synscope, folder, path, reply):
    """Beside as many idle connections, all the time, as a limit might have been."""
    port = serve("nginx", "-c", "@FOLDER@/conf", files={"conf": NGINX_CLOSES})
    idle = []

    def act():
        idle.append(Clients(port, 5, request=GET, hold_s=1.5))
        Clients(port, 20, request=GET.replace(b"/ ", path), reply=reply, gap_s=0.01).join()
        idle[0].join()

    report = record(synscope, folder / "r", port, act)
    assert idle[0].served == 5
    # On a busy machine one or the other is not seen to be accepted before it is over.
    unserved = report["summary"]["causes"]["closed-unserved"]
    assert 15 <= unserved <= 20 if reply == b"none" else unserved == 0
    assert [advice["rule"] for advice in report["advice"]] == (["closed-unserved"] if reply == b"none" else [])


def test_sshd_that_is_looked_at_and_refuses_nobody(sshd, synscope, folder):
    """Health checks: one reads the greeting and goes, one says what sshd does not take."""
    port = sshd(10)
    report = record(synscope, folder / "r", port,
                    lambda: [Clients(port, 3, request=request, reply=b"SSH-2.0").join()
                             for request in (b"SSH-2.0-it\r\n", b"SSH-1.0\r\n")])
    assert not report["summary"]["causes"]["closed-unserved"] and not report["summary"]["causes"]["server-full"]
    assert not {"application-limit", "closed-unserved"} & {advice["rule"] for advice in report["advice"]}


# --- a CPU quota ---

COMPUTING = """
import time

def app(environ, start_response):
    end = time.thread_time() + 0.01
    while time.thread_time() < end:
        pass
    start_response("200 OK", [("Content-Length", "6")])
    return [b"served"]
"""


def test_gunicorn_with_the_cpu_quota_that_is_advised_and_with_a_backlog(cgroup, serve, play):
    def start(setting):
        percent, backlog = setting
        cgroup.quota(None)
        port = serve(*cgroup.wrap("gunicorn", "--chdir", "@FOLDER@", "-b", "127.0.0.1:@PORT@", "--backlog", backlog, "app:app"),
                     files={"app.py": COMPUTING})
        assert Clients(port, 1, patience_s=60, request=GET).join().served == 1
        cgroup.quota(percent)
        return port

    played = play(start, thirty)
    advice, before = played.trouble("cpu-quota", (8, 64))
    assert "CPUQuota= of its systemd unit" in advice["text"] and cgroup.throttled()
    longer = thirty(start((8, 1024)))
    after = played.followed((None, 64), lambda came, before: came.served > before.served)
    assert after.served > longer.served, "a longer queue did as much"


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
    played.followed("wait", lambda came, before: came.served > before.served)


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
    played.followed("before", lambda came, before: came.served == 20 and min(came.took) < min(before.took))
