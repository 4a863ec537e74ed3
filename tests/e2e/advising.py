"""A recording while clients come, and the clients' own account: what the tests of the advice share."""
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import threading
import time

from running import until


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def is_listened_at(port):
    return f":{port:04X} 00000000:0000 0A" in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii")


# A client takes 20 ms of a processor.
COMPUTING = """
import socket, time
listener = socket.create_server(("127.0.0.1", @PORT@), backlog=%d)
while True:
    client, _ = listener.accept()
    client.recv(100)
    end = time.thread_time() + 0.02
    while time.thread_time() < end:
        pass
    client.sendall(b"served")
    client.close()
"""


def depth_of(port):
    """Of the accept queue, as proc_net_tcp(5) has it: the rx_queue of the listener."""
    for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, _, state, queues, *_ = line.split()
        if state == "0A" and local.endswith(f":{port:04X}"):
            return int(queues.split(":")[1], 16)
    return None


def end_group(process):
    """Of one that was started with start_new_session, and all that it forked."""
    for number in (signal.SIGCONT, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
    process.wait()


def knows_owners(path):
    """The events are written every half second."""
    try:
        lines = (path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    return any('"event":"owner"' in line for line in lines)


def record(synscope, path, port, act):
    """The report of what act() did."""
    path.parent.mkdir(mode=0o755, exist_ok=True)
    process = subprocess.Popen([synscope, "record", "-f", "json", "-i", "lo", "-o", path, str(port)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: (path / "meta.json").exists() or process.poll() is not None, "a recording")
        until(lambda: process.poll() is not None or knows_owners(path), "the owners")
        act()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    report = json.loads(output)
    again = subprocess.run([synscope, "report", "-f", "json", path], capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["advice"] == report["advice"], "the recording says something else"
    return report


# A dropped SYN is sent again after a second: whoever is connected by then was not dropped.
PROMPT_S = 0.9


class Clients:
    """So many, each gap_s after the one before; each connects, asks, waits for its answer as long as it has patience,
    and holds its connection for hold_s, or until the server closes it."""

    def __init__(self, port, count, patience_s=8.0, request=b"x", reply=b"served", gap_s=0.0, hold_s=0.0,
                 at_once=False):
        self.port, self.patience_s, self.request, self.reply, self.hold_s = port, patience_s, request, reply, hold_s
        self.served, self.prompt, self.took, self.replies, self.lock = 0, 0, [], [], threading.Lock()
        self.threads, self.gap_s, self.at_once = [], gap_s, at_once
        self.more(count)

    def more(self, count):
        """So many others, as these."""
        began = []
        # At once: all connect before the first of them asks; a thread of each comes when it is scheduled.
        for _ in range(count):
            began.append((socket.socket(), time.monotonic()))
            began[-1][0].setblocking(False)
            began[-1][0].connect_ex(("127.0.0.1", self.port))
            if not self.at_once:
                self.follow(began.pop())
                time.sleep(self.gap_s)
        for client in began:
            self.follow(client)
        return self

    def follow(self, client):
        self.threads.append(threading.Thread(target=self.one, args=client))
        self.threads[-1].start()

    def one(self, client, began):
        reply, connected = b"", None
        try:
            with client:
                poll = select.poll()
                poll.register(client, select.POLLOUT)
                if not poll.poll(self.patience_s * 1000):
                    raise TimeoutError
                connected = time.monotonic() - began
                client.settimeout(max(0.01, self.patience_s - connected))
                client.sendall(self.request)
                while self.reply not in reply and (more := client.recv(4096)):
                    reply += more
                took = time.monotonic() - began
                if self.reply in reply:
                    self.hold(client)
        except OSError:
            took = time.monotonic() - began
        served = self.reply in reply
        with self.lock:
            self.served += served
            self.prompt += served and connected < PROMPT_S
            self.took.append(took)
            self.replies.append(reply)

    def hold(self, client):
        """Idle, until the server closes it."""
        end = time.monotonic() + self.hold_s
        try:
            while (left := end - time.monotonic()) > 0:
                client.settimeout(left)
                if not client.recv(4096):
                    break
        except OSError:
            pass

    def join(self):
        for thread in self.threads:
            thread.join()
        return self
