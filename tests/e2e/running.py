"""The bundled server and load generator as running processes, for the tests that watch them."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

PATIENCE_S = 30


def until(condition, what):
    """Waits for condition() to be true and returns it; a bound in time only so that a failure ends."""
    end = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {PATIENCE_S} s in vain: {what}"
        time.sleep(0.005)


def state(pid, task=None):
    """R, S, T, ...: proc_pid_stat(5)."""
    path = pathlib.Path(f"/proc/{pid}/task/{task or pid}/stat")
    return path.read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]


def stop(pid):
    """None of its threads runs any more when this returns: one in accept() may take another connection before."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: all(state(pid, task) == "T" for task in os.listdir(f"/proc/{pid}/task")), "stopped")


def peaks_of_full(limit):
    """How deep a full accept queue can have been: one more for each processor that let somebody in at once."""
    return range(limit + 1, limit + os.cpu_count() + 1)


def is_sandboxed(pid):
    """Whether it has given up its privileges: record and watch observe from then on."""
    try:
        return "NoNewPrivs:\t1" in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return False


class Server:
    """synscope serve; knows where it listens, and collects its events when it has a file for them."""

    def __init__(self, synscope, folder, *arguments, events=True, wrapper=(), env=None):
        self.events_path = folder / f"events-{time.monotonic_ns()}.jsonl"
        self.stderr_path = folder / f"stderr-{time.monotonic_ns()}"
        command = [*wrapper, synscope, "serve", *map(str, arguments)]
        if "--listen" not in command:
            command += ["--listen", "127.0.0.1:0"]
        if events:
            command += ["--events", self.events_path]
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(command, stderr=stderr, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **(env or {})})
        until(lambda: self.addresses() or self.process.poll() is not None, "listening")
        assert self.process.poll() is None, self.stderr()
        # With --events the server is a child of the process that was started.
        self.pid = self.children(self.process.pid)[0] if events else self.process.pid

    def stderr(self):
        return self.stderr_path.read_text(encoding="ascii")

    def addresses(self):
        """("127.0.0.1", port) of each endpoint."""
        found = re.findall(r"listening on (\S+):(\d+) \(", self.stderr())
        return [(address.strip("[]"), int(port)) for address, port in found]

    @property
    def address(self):
        return self.addresses()[0]

    @property
    def endpoint(self):
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def events(self, kind=None):
        """Those written by now: a last line without its end is not there yet."""
        lines = self.events_path.read_text(encoding="ascii").split("\n")[:-1]
        return [e for e in map(json.loads, lines) if kind in (None, e["event"])]

    @staticmethod
    def children(pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [int(child) for child in children.read().split()]

    def stop(self, number=signal.SIGTERM):
        """Its exit status, after it has had its time to finish."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def kill(self):
        """For the end of a test: whatever is left of it."""
        if self.process.poll() is None:
            if self.pid != self.process.pid:
                os.kill(self.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()

    def connect(self, request=b""):
        client = socket.create_connection(self.address, timeout=PATIENCE_S)
        if request:
            client.sendall(request)
        return client


GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


def receive(client):
    """All that the server says until it closes."""
    data = b""
    while True:
        more = client.recv(65536)
        if not more:
            return data
        data += more


def reset(client):
    """Closes with a RST instead of a FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


def load(synscope, *arguments, timeout=120, **options):
    """Runs synscope load; (its lines, its stderr)."""
    done = subprocess.run([synscope, "load", *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, check=False, **options)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == (0 if any(line["connected_ns"] for line in lines) else 1), done.stderr
    return lines, done.stderr
