"""Servers as Debian packages them, each with its own configuration in a folder of the test's.

Each knows which processes accept (they are stopped to fill the queue), how real
clients talk to it, and what it says itself of who served whom.
"""
import collections
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import time

from netspace import IS_ROOT
from running import stop, until

PORT = 7000

# What a server says of one connection: the client's port, and the process that served it.
Claim = collections.namedtuple("Claim", "port pid")


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
    return found


def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[1])


class Server:
    """One of them, running. Ends with close()."""

    forks = True  # a process for each connection
    needs_root = False
    defers = False  # TCP_DEFER_ACCEPT

    def __init__(self, space, folder, backlog):
        self.space, self.folder, self.backlog = space, folder, backlog
        self.log = folder / "log"
        self.log.touch()
        with open(folder / "output", "wb") as output:
            self.process = subprocess.Popen(space.enter(*self.command()), stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output, start_new_session=True)
        until(lambda: self.listens() or self.process.poll() is not None, "listening")
        assert self.process.poll() is None, (folder / "output").read_text(encoding="utf-8")
        until(self.acceptors, "somebody who accepts")

    @classmethod
    def lacking(cls):
        """The programs that are not installed."""
        return [name for name in cls.programs if not shutil.which(name, path=SEARCH)]

    def listens(self):
        found = self.space.run("ss", "-Hltn", f"sport = :{PORT}").stdout
        return bool(found)

    @property
    def pid(self):
        """Of the process that called listen()."""
        return self.process.pid

    def acceptors(self):
        return [self.pid]

    @contextlib.contextmanager
    def stopped(self):
        """While nobody accepts. Yields a function that says when that ended, CLOCK_REALTIME."""
        pids, ended = self.acceptors(), []
        try:
            for pid in pids:
                stop(pid)
            yield lambda: ended[0]
        finally:
            ended.append(time.time_ns())
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def claims(self):
        """What the server itself says: a list of Claim."""
        raise NotImplementedError

    def lines(self, pattern):
        return re.findall(pattern, self.log.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


SEARCH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Web(Server):
    """Speaks HTTP: the clients are the load generator's."""

    def clients(self, synscope, count, output):
        """Starts them; the caller waits for the process."""
        return subprocess.Popen(self.space.enter(synscope, "load", "-n", count, "-t", "30s", "-o", output, PORT),
                                stderr=subprocess.DEVNULL)


class Nginx(Web):
    """Two worker processes that accept; the master does not."""

    programs = ["nginx"]
    forks = False

    def command(self):
        (self.folder / "nginx.conf").write_text(f"""
            {"user root;" if IS_ROOT else ""}
            daemon off;
            worker_processes 2;
            pid {self.folder}/pid;
            error_log {self.folder}/error.log;
            events {{ worker_connections 512; }}
            http {{
                log_format who '$remote_port $pid';
                access_log {self.log} who;
                client_body_temp_path {self.folder}/body;
                proxy_temp_path {self.folder}/proxy;
                fastcgi_temp_path {self.folder}/fastcgi;
                uwsgi_temp_path {self.folder}/uwsgi;
                scgi_temp_path {self.folder}/scgi;
                server {{
                    listen 127.0.0.1:{PORT} backlog={self.backlog};
                    location / {{ return 200 "served\\n"; }}
                }}
            }}""", encoding="ascii")
        return ["/usr/sbin/nginx", "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"]

    def acceptors(self):
        workers = children(self.pid)
        return workers if len(workers) == 2 else []

    def claims(self):
        return [Claim(int(port), int(pid)) for port, pid in self.lines(r"^(\d+) (\d+)$")]


class Apache(Web):
    """Prefork: a process for each connection that is under way, and each accepts for itself."""

    programs = ["apache2"]
    forks = False
    defers = True
    modules = "/usr/lib/apache2/modules"

    def command(self):
        (self.folder / "index.html").write_text("served\n", encoding="ascii")
        (self.folder / "apache.conf").write_text(f"""
            ServerRoot {self.folder}
            ServerName localhost
            LoadModule mpm_prefork_module {self.modules}/mod_mpm_prefork.so
            LoadModule authz_core_module {self.modules}/mod_authz_core.so
            LoadModule dir_module {self.modules}/mod_dir.so
            {"User www-data" if IS_ROOT else ""}
            {"Group www-data" if IS_ROOT else ""}
            PidFile {self.folder}/pid
            ErrorLog {self.folder}/error.log
            LogFormat "%{{remote}}p %P" who
            CustomLog {self.log} who
            DocumentRoot {self.folder}
            DirectoryIndex index.html
            KeepAlive Off
            StartServers 4
            MinSpareServers 4
            MaxSpareServers 4
            MaxRequestWorkers 4
            Listen 127.0.0.1:{PORT}
            ListenBacklog {self.backlog}
            """, encoding="ascii")
        os.chmod(self.folder, 0o755)
        return ["/usr/sbin/apache2", "-D", "FOREGROUND", "-f", self.folder / "apache.conf"]

    def acceptors(self):
        workers = children(self.pid)
        return workers if len(workers) == 4 else []

    def claims(self):
        return [Claim(int(port), int(pid)) for port, pid in self.lines(r"^(\d+) (\d+)$")]


class Threads(Web):
    """One process, a thread for each connection, as a JVM has it."""

    programs = []
    forks = False
    program = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"served\\n")
    def log_message(self, *arguments):
        log.write("%d %d\\n" % (self.client_address[1], os.getpid()))
http.server.ThreadingHTTPServer.request_queue_size = int(sys.argv[2])
log = open(sys.argv[3], "a", 1)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

    def command(self):
        return ["/usr/bin/python3", "-c", self.program, PORT, self.backlog, self.log]

    def claims(self):
        return [Claim(int(port), int(pid)) for port, pid in self.lines(r"^(\d+) (\d+)$")]


class Socat(Web):
    """Accepts, forks, goes on."""

    programs = ["socat"]

    def command(self):
        (self.folder / "reply").write_text("HTTP/1.0 200 OK\r\n\r\nserved\n", encoding="ascii")
        # The child lives as long as its shell: long enough to be seen.
        return ["socat", "-d", "-d", "-lf", self.log,
                f"TCP-LISTEN:{PORT},bind=127.0.0.1,fork,reuseaddr,backlog={self.backlog}",
                f"SYSTEM:read line; cat {self.folder}/reply"]

    def claims(self):
        # Lines of the parent alone: it says both, one after the other. A child forks too, for its shell.
        said = self.lines(rf"socat\[{self.pid}\] N (accepting connection from AF=2 127\.0\.0\.1:|forked off child "
                          r"process )(\d+)")
        numbers = [int(number) for _, number in said]
        return [Claim(port, pid) for port, pid in zip(numbers[::2], numbers[1::2])]


class Sshd(Server):
    """Forks; the child holds the connection, and forks again once or twice for its privileges."""

    programs = ["sshd", "ssh", "ssh-keygen"]
    needs_root = True

    def command(self):
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        shutil.copy(self.folder / "user.pub", self.folder / "authorized")
        (self.folder / "config").write_text(f"""
            Port {PORT}
            ListenAddress 127.0.0.1
            HostKey {self.folder}/host
            PidFile none
            UsePAM no
            StrictModes no
            PermitRootLogin prohibit-password
            AuthorizedKeysFile {self.folder}/authorized
            MaxStartups 200
            PrintMotd no
            PrintLastLog no
            """, encoding="ascii")
        # The package makes this folder when the host boots.
        return ["unshare", "--mount", "sh", "-ec",
                "mount -t tmpfs none /run; mkdir /run/sshd; exec /usr/sbin/sshd -D -e -f \"$0\"",
                self.folder / "config"]

    def clients(self, synscope, count, output):
        """Each prints the port that it comes from, and the processes above its shell."""
        script = ('p=$PPID; line=${SSH_CLIENT#* }; line=${line%% *}; '
                  'while [ "$p" -gt 1 ]; do line="$line $p"; p=$(cut -d" " -f4 /proc/$p/stat); done; echo "$line"')
        one = ["ssh", "-q", "-F", "none", "-p", str(PORT), "-i", str(self.folder / "user"),
               "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
               "-o", "ConnectTimeout=30", "root@127.0.0.1", script]
        return burst(self.space, one, count, self.log)

    def claims(self):
        found = []
        for line in self.lines(r"^[\d ]+$"):
            port, *above = map(int, line.split())
            found.append(Claim(port, above[above.index(self.pid) - 1]))
        return found


def burst(space, command, count, output):
    """count copies of command at once; ends when the last does."""
    script = ('n=$1; shift; while [ $n -gt 0 ]; do "$@" & n=$((n-1)); done; wait')
    with open(output, "ab") as out:
        return subprocess.Popen(space.enter("sh", "-c", script, "sh", str(count), *command),
                                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)


class Postgres(Server):
    """The postmaster accepts and forks a backend for each connection."""

    programs = ["psql"]

    @classmethod
    def binaries(cls):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
        return found[-1] if found else None

    @classmethod
    def lacking(cls):
        return super().lacking() + ([] if cls.binaries() else ["postgres"])

    def as_owner(self, *command):
        """It refuses to run as root."""
        if not IS_ROOT:
            return list(command)
        owner = pwd.getpwnam("postgres")
        return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", *command]

    def command(self):
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if IS_ROOT:
            owner = pwd.getpwnam("postgres")
            for path in (data, self.log):
                os.chown(path, owner.pw_uid, owner.pw_gid)
            for path in (self.folder, *self.folder.parents):
                if path.stat().st_uid == 0 and not path.stat().st_mode & 1:
                    os.chmod(path, path.stat().st_mode | 0o111)
        subprocess.run(self.as_owner(self.binaries() / "initdb", "-D", data, "-U", "tester", "-A", "trust",
                                     "--no-sync", "--no-locale", "-E", "UTF8"),
                       check=True, stdout=subprocess.DEVNULL, cwd="/")
        options = {"port": PORT, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
                   "fsync": "off", "log_connections": "on", "log_line_prefix": "%p %r ",
                   "logging_collector": "off", "max_connections": 100, "shared_buffers": "16MB"}
        flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return self.as_owner("sh", "-c", 'cd /; log=$1; shift; exec "$@" >"$log" 2>&1', "sh", self.log,
                             self.binaries() / "postgres", "-D", data, *flags)

    def clients(self, synscope, count, output):
        one = ["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(PORT), "-U", "tester", "-d", "postgres",
               "-c", "select inet_client_port(), pg_backend_pid()"]
        return burst(self.space, one, count, self.folder / "replies")

    def claims(self):
        return [Claim(int(port), int(pid)) for pid, port in self.lines(
            r"^(\d+) 127\.0\.0\.1\((\d+)\) LOG:  connection authorized")]


HOLD = """
import socket, sys
clients = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]
for client in clients:
    client.sendall(b"GET / HTTP/1.0\\r\\n")
print("up", flush=True)
sys.stdin.read()
for client in clients:
    client.sendall(b"\\r\\n")
for client in clients:
    while client.recv(4096):
        pass
"""


@contextlib.contextmanager
def holding(space, count):
    """While so many clients of a Web are under way with their request. When it ends they have been served."""
    process = subprocess.Popen(space.enter("/usr/bin/python3", "-c", HOLD, PORT, count),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "up\n"
        yield
        process.stdin.close()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


ALL = [Postgres, Sshd, Nginx, Threads, Socat, Apache]
PREFORKED = [Nginx, Apache]
# Several processes that accept from one queue, or several threads.
SHARED = [*PREFORKED, Threads]
