"""The recorder for long: bench_soak.py SYNSCOPE [--life S] [--cycles N] [--rate N] [--sanitized]. In a network namespace of its own.

What a service does in hours, in minutes: parts of a second, under load, with incidents, killed and started again, and with a disk that
is full for a while. Checks that the parts keep to their size, that no connection is missing but for those that a kill or a full disk
costs (a second) and those that the recording says are lost, and that memory and descriptors do not grow. A cycle is a life that ends by
a full disk and one that ends by SIGKILL; the last life is twice as long and ends by SIGTERM. What the first life takes sets the size.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from manager import Manager  # noqa: E402  pylint: disable=wrong-import-position
from running import until  # noqa: E402  pylint: disable=wrong-import-position

MARK = "SYNSCOPE_SOAK_FOLDER"
DISK = 24 << 20
COST_NS = 1_000_000_000  # of a kill, and of a full disk
EDGE_NS = 500_000_000
GROWTH = 6 << 20


def parts(folder):
    return sorted(path for path in folder.iterdir() if path.name.isdigit()) if folder.exists() else []


def size_of(folder):
    total = 0
    for path in [folder, *parts(folder)]:
        try:
            with os.scandir(path) as entries:
                total += sum(entry.stat().st_size for entry in entries if entry.is_file())
        except FileNotFoundError:
            continue  # it has just been removed
    return total


class Watcher(threading.Thread):
    """What the recorder takes, every 100 ms: (pid, memory, descriptors, those of its helpers), and the most that the folder held."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.pid, self.over = folder, None, False
        self.samples, self.largest = [], 0

    def run(self):
        while not self.over:
            time.sleep(0.1)
            self.largest = max(self.largest, size_of(self.folder))
            if self.pid:
                try:
                    self.samples.append((self.pid, *self.take(self.pid)))
                except (FileNotFoundError, ProcessLookupError, IndexError):
                    pass

    @staticmethod
    def take(pid):
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        memory, descriptors = 0, []
        for one in [pid, *children]:
            text = pathlib.Path(f"/proc/{one}/status").read_text(encoding="utf-8")
            memory += int(text.split("VmRSS:")[1].split()[0]) << 10
            folder = pathlib.Path(f"/proc/{one}/fd")
            # Its parts have numbers, its sockets too: by kind.
            descriptors.append(sorted(re.sub(r"\d+", "N", os.readlink(path)) for path in folder.iterdir()))
        return memory, len(descriptors[0]), sum(map(len, descriptors[1:])), descriptors[0]


class Soak:
    def __init__(self, options, folder):
        self.options, self.disk, self.folder = options, folder, folder / "recording"
        self.watcher = Watcher(self.folder)
        self.good = []  # (from, to): when nothing is to be missing
        self.ends, self.ready_ns, self.manager = [], 0, None
        self.keep_size = 1 << 30
        # Three lives of parts are reported together, of which 128 can be.
        self.part_s = max(1, round(options.life / 30))
        self.queue = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="synscope-soak-run-"))
        self.base.chmod(0o755)
        self.starts = 0

    def start(self):
        """As the service manager starts it; False if it ended before it was ready."""
        self.starts += 1
        folder = self.base / str(self.starts)
        folder.mkdir()
        self.manager = Manager(folder)
        process = self.manager.start(self.options.synscope, "record", "-q", "-i", "lo", "-o", self.folder, "--append",
                                     "--rotate-time", f"{self.part_s}s", "--keep-time", "1h", "--keep-size", str(self.keep_size),
                                     "--keep-incidents", "4")
        until(lambda: self.manager.heard("READY") or process.poll() is not None, "READY=1")
        self.ready_ns = time.time_ns()
        if process.poll() is None:
            self.watcher.pid = process.pid
        return process.poll() is None

    def live(self, seconds):
        """Every other second a queue that holds one overflows."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            clients = []
            for _ in range(6):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(self.queue.getsockname())
                clients.append(client)
            time.sleep(min(2, max(0, end - time.monotonic())))
            for client in clients:
                client.close()
            assert self.manager.process.poll() is None, self.manager.journal()

    def ended(self, how, until_ns):
        self.good.append((self.ready_ns + EDGE_NS, until_ns))
        status = self.manager.process.wait(timeout=60)
        self.watcher.pid = None
        self.ends.append((how, status, self.manager.journal()))
        self.manager.close()

    def kill(self):
        self.manager.process.kill()
        self.ended("SIGKILL", time.time_ns() - COST_NS)

    def fill(self):
        """Until the recorder gives up, and for as long as it takes to start it three times in vain."""
        began = time.time_ns()
        with open(self.disk / "filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(1 << 16))
            except OSError:
                pass
        self.ended("full disk", began - COST_NS)
        assert self.ends[-1][1] == 1 and "No space left on device" in self.ends[-1][2][-1], self.ends[-1]
        for _ in range(3):
            if self.start():
                self.manager.process.wait(timeout=60)
                self.watcher.pid = None
            assert self.manager.process.returncode == 1, self.manager.journal()
            self.manager.close()
        (self.disk / "filler").unlink()

    def stop(self):
        # The clients' last packets are on their way.
        until_ns = time.time_ns() - EDGE_NS
        # What it closes at its end is no part of what it needs.
        self.watcher.pid = None
        self.manager.process.send_signal(signal.SIGTERM)
        self.ended("SIGTERM", until_ns)
        assert self.ends[-1][1] == 0, self.ends[-1]

    def run(self):
        self.watcher.start()
        for _ in range(self.options.cycles):
            assert self.start(), self.manager.journal()
            self.live(self.options.life)
            # The last life, and most of the one before, which is killed.
            self.keep_size = min(self.keep_size, size_of(self.folder) * 29 // 10)
            self.fill()
            assert self.start(), self.manager.journal()
            self.live(self.options.life)
            self.kill()
        assert self.start(), self.manager.journal()
        self.live(2 * self.options.life)
        self.stop()
        self.watcher.over = True
        self.watcher.join()

    def spans(self):
        """When there are parts, joined where one follows the other, and the losses that they tell of."""
        found, lost, largest = [], 0, 0
        for part in parts(self.folder):
            largest = max(largest, size_of(part))
            try:
                meta = json.loads((part / "meta.json").read_text(encoding="utf-8"))
            except (FileNotFoundError, ValueError):
                continue  # of a start in vain
            lost += sum(count for kind, count in meta["losses"].items() if kind.startswith("packets") or kind == "recording")
            last = int(part.name) == found[-1][2] + 1 if found else False
            end_ns = meta["end_ns"] or 1 << 62
            if last:
                found[-1] = (found[-1][0], end_ns, int(part.name))
            else:
                found.append((meta["start_ns"], end_ns, int(part.name)))
        return [(first, last) for first, last, _ in found], lost, largest

    def check(self, clients):
        spans, lost, largest = self.spans()
        first = int(parts(self.folder)[0].name)
        most = self.keep_size + largest + (64 << 10)
        print(f"{self.starts} starts, ends: {', '.join(how for how, _, _ in self.ends)}; part {first} to {parts(self.folder)[-1].name}")
        print(f"size: at most {self.watcher.largest >> 10} KiB, of {self.keep_size >> 10} KiB and a part of {largest >> 10} KiB")
        assert self.watcher.largest <= most, "more than --keep-size"
        assert first > 1, "nothing had to be removed: the size was not put to the test"
        assert list(self.folder.glob("*/incident.json")), "no part with an incident was kept"
        done = subprocess.run([self.options.synscope, "report", "-f", "json", self.folder], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        seen = {}
        for attempt in report["attempts"]:
            seen.setdefault(attempt["client"], []).append(attempt["syn_ns"] or 0)
        kept = [client for client in clients if any(a + EDGE_NS <= client["start_ns"] <= b - EDGE_NS for a, b in spans)]
        lives = [[client for client in kept if a <= client["start_ns"] <= b] for a, b in self.good]
        expected = [client for life in lives for client in life]
        missing = [client for client in expected
                   if not any(abs(syn_ns - client["start_ns"]) < 5_000_000_000 for syn_ns in seen.get(client["client"], []))]
        print(f"connections: {len(clients)}, {' + '.join(str(len(life)) for life in lives)} of them within what is kept, {len(missing)} missing, {lost} packets lost as told")
        assert all(len(life) > self.options.rate / 10 for life in lives[-2:]), "too few to say anything of the kill, and after it"
        assert len(missing) <= lost, missing[:10]
        self.check_growth()

    def check_growth(self):
        """Of the last life, which is the longest: its second quarter and its last."""
        last = [sample for sample in self.watcher.samples if sample[0] == self.watcher.samples[-1][0]]
        early, late = last[len(last) // 4:len(last) // 2], last[len(last) * 3 // 4:]
        memory = [max(sample[1] for sample in some) for some in (early, late)]
        own, helpers = ([min(sample[i] for sample in some) for some in (early, late)] for i in (2, 3))
        print(f"memory: {memory[0] >> 10} KiB, later {memory[1] >> 10} KiB; descriptors: {own[0]} + {helpers[0]}, later {own[1]} + {helpers[1]}")
        # One or two are those of what it does just then; a leak has one for each part, and there are some seven between.
        assert own[1] <= own[0] + 2, f"descriptors leak: {collections.Counter(late[-1][4]) - collections.Counter(early[0][4])}"
        # It keeps some of the processes that it looks into: their number is bounded, and may still grow.
        assert helpers[1] <= helpers[0] + 16, "descriptors of a helper leak"
        # A sanitizer keeps what was freed.
        assert self.options.sanitized or memory[1] <= memory[0] + GROWTH, "memory leaks"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("synscope")
    parser.add_argument("--life", type=float, default=60)
    parser.add_argument("--cycles", type=int, default=2)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--sanitized", action="store_true")
    options = parser.parse_args()
    if MARK not in os.environ:
        # A mount namespace of its own, for the disk.
        os.environ[MARK] = tempfile.mkdtemp(prefix="synscope-soak-")
        os.chmod(os.environ[MARK], 0o755)
        status = subprocess.call(["unshare", "--mount", sys.executable, *sys.argv])
        os.rmdir(os.environ[MARK])
        sys.exit(status)
    disk = pathlib.Path(os.environ.pop(MARK))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={max(DISK, int(options.rate * options.life * 4000))},mode=755", "tmpfs", disk], check=True)
    soak = Soak(options, disk)
    port, log = 8080, soak.base / "clients.jsonl"
    server = subprocess.Popen([options.synscope, "serve", "--listen", f"127.0.0.1:{port}", "--model", "thread", "--service-time", "0ms",
                               "--backlog", "512"], stderr=subprocess.DEVNULL)
    load = subprocess.Popen([options.synscope, "load", "--rate", str(options.rate), "--count", "1000000000", "--duration", "1h",
                             "--spread", "16", "-o", log, f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    try:
        soak.run()
    finally:
        for process in (load, server):
            process.terminate()
            process.wait(timeout=60)
        if soak.manager and soak.manager.process.poll() is None:
            soak.manager.process.kill()
            soak.manager.process.wait()
    clients = [json.loads(line) for line in log.read_text(encoding="ascii").splitlines()]
    soak.check([client for client in clients if client["client"] and client["connected_ns"]])
    subprocess.run(["rm", "-rf", soak.base], check=True)


if __name__ == "__main__":
    main()
