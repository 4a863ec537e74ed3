"""What a recording takes by the kinds of traffic: bench_cost.py SYNSCOPE [--pairs N] [ROW...].

Rows: keep-alive, bulk, rate; each prints what it measured, always in pairs of one run, since what else the machine does is
in both of a pair. keep-alive: 60,000 requests over 20 connections to nginx. bulk: one connection each that carries
bytes one way and the other. rate: 1,000 new connections a second to the bundled server. Packets are counted in packets.pcap
itself, processor time is what the kernel says of each process. bench_nginx.py has the rows of new connections to nginx.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from bench_nginx import processor_s

import servers
from netspace import IS_ROOT, Netspace

KEPT_REQUESTS, KEPT_CONNECTIONS = 60_000, 20
RATE = 1000
PORT = servers.PORT

# One connection: "down" or "up", and how much; the server's side of it, and the client's.
SERVER = """
import socket, sys
way, size = sys.argv[1], int(sys.argv[2])
listener = socket.create_server(("127.0.0.1", int(sys.argv[3])))
print("up", flush=True)
connection = listener.accept()[0]
data = bytes(1 << 20)
while size > 0 and way == "down":
    connection.sendall(data)
    size -= len(data)
room = bytearray(1 << 20)
while way == "up" and connection.recv_into(room):
    pass
if way == "up":
    connection.sendall(b"!")
"""
CLIENT = """
import socket, sys
way, size = sys.argv[1], int(sys.argv[2])
connection = socket.create_connection(("127.0.0.1", int(sys.argv[3])))
data, room = bytes(1 << 20), bytearray(1 << 20)
while size > 0 and way == "up":
    connection.sendall(data)
    size -= len(data)
if way == "up":
    connection.shutdown(socket.SHUT_WR)
while connection.recv_into(room):
    pass
"""


class KeptNginx(servers.Nginx):
    """One that serves as many requests over a connection as its client likes."""

    def command(self):
        command = super().command()
        path = self.folder / "nginx.conf"
        path.write_text(path.read_text(encoding="ascii").replace("http {", "http { keepalive_requests 1000000;", 1),
                        encoding="ascii")
        return command


def packets_in(path):
    """By the file's own headers: how many frames."""
    data, offset, count = path.read_bytes(), 24, 0
    while offset < len(data):
        offset += 16 + struct.unpack_from("<I", data, offset + 8)[0]
        count += 1
    assert offset == len(data), path
    return count


class Recording:
    """Beside it what is recorded; used: processor time of all its processes, s; packets: how many frames it kept."""

    def __init__(self, synscope, space, folder, options=()):
        self.path = folder / "recording"
        command = [synscope, "record", "-q", "-o", self.path, "-i", "lo", *options]
        command = [*command, "--netns", space.pid] if IS_ROOT else space.enter(*command)
        self.process = subprocess.Popen([*map(str, command), str(PORT), "--", "sh", "-c", "echo up; exec cat"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "up\n"

    def processes(self):
        """Name -> seconds."""
        found = {}
        for pid in [self.process.pid, *servers.children(self.process.pid)]:
            name = pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
            if name.startswith("synscope"):
                found[name] = found.get(name, 0) + processor_s(pid)
        return found

    def __enter__(self):
        self.before = self.processes()
        return self

    def __exit__(self, *_):
        self.used = {name: took - self.before.get(name, 0) for name, took in self.processes().items()}
        self.process.stdin.close()
        assert self.process.wait(120) == 0
        self.process.stdout.close()
        self.packets = packets_in(self.path / "packets.pcap")
        self.bytes = sum(file.stat().st_size for file in self.path.iterdir())
        meta = json.loads((self.path / "meta.json").read_text(encoding="utf-8"))
        self.lost = {name: count for name, count in meta["losses"].items() if count and name != "samples-late"}
        self.bpf = meta["bpf"]
        shutil.rmtree(self.path)


def kept_run(space):
    """(requests a second, processor time of ab)."""
    before = os.times()
    done = space.run("ab", "-q", "-k", "-n", KEPT_REQUESTS, "-c", KEPT_CONNECTIONS, f"http://127.0.0.1:{PORT}/")
    after = os.times()
    served = re.search(r"^Keep-Alive requests: +(\d+)", done.stdout, re.MULTILINE)
    assert int(served[1]) == KEPT_REQUESTS, done.stdout
    rate = re.search(r"^Requests per second: +([\d.]+)", done.stdout, re.MULTILINE)
    return float(rate[1]), after.children_user + after.children_system - before.children_user - before.children_system


def keep_alive(synscope, folder, pairs):
    space = Netspace()
    server = KeptNginx(space, folder, 512)
    shares, times, packets = [], [], {(): [], ("--no-bpf",): []}
    bpf = {}

    def beside():
        workers = server.acceptors()
        before = sum(map(processor_s, workers))
        rate, ab_s = kept_run(space)
        return rate, ab_s + sum(map(processor_s, workers)) - before

    try:
        beside()
        for i in range(pairs):
            for options, counts in packets.items():
                runs = {}
                for recorded in (i % 2, 1 - i % 2):
                    if not recorded:
                        runs[0] = beside()
                        continue
                    with Recording(synscope, space, folder, options) as recording:
                        runs[1] = beside()
                    counts.append(recording.packets)
                    bpf[options] = recording.bpf["filter"]
                if not options:
                    shares.append(runs[1][0] / runs[0][0])
                    times.append((runs[1][1] + sum(recording.used.values())) / runs[0][1])
    finally:
        server.close()
        space.close()
    print(f"keep-alive: {KEPT_REQUESTS} requests over {KEPT_CONNECTIONS} connections, {pairs} pairs")
    for options, counts in packets.items():
        print(f"  packets recorded{' '.join(('', *options))} (BPF filter: {bpf[options]}): {max(counts)} at most")
    print(f"  requests a second, with / without: {statistics.median(shares):.3f} (median; {min(shares):.3f} to {max(shares):.3f})")
    print(f"  processor time of ab, nginx and the recording, with / without: {statistics.median(times):.3f} "
          f"({min(times):.3f} to {max(times):.3f})")


def bulk(synscope, folder, size):
    for way in ("down", "up"):
        line = []
        for options in ((), ("--no-bpf",)):
            space = Netspace()
            try:
                with Recording(synscope, space, folder, options) as recording:
                    server = subprocess.Popen(space.enter("/usr/bin/python3", "-c", SERVER, way, size, PORT),
                                              stdout=subprocess.PIPE, text=True)
                    assert server.stdout.readline() == "up\n"
                    space.run("/usr/bin/python3", "-c", CLIENT, way, size, PORT)
                    assert server.wait(60) == 0
                    server.stdout.close()
            finally:
                space.close()
            line.append(f"{recording.packets} packets, {recording.bytes / 1e6:.2f} MB, lost {recording.lost or 'nothing'}"
                        + "".join(f" ({o})" for o in options))
        print(f"bulk: {size / 1e9:.1f} GB {way} over one connection: {'; '.join(line)}")


def rate_run(synscope, space, server, seconds):
    """(wall time, processor time of the server and the load generator)."""
    before, begin = os.times(), time.monotonic()
    used = processor_s(server.pid)
    subprocess.run(space.enter(synscope, "load", "--rate", RATE, "--count", RATE * seconds, f"127.0.0.1:{PORT}"),
                   check=True, capture_output=True)
    after = os.times()
    return (time.monotonic() - begin, processor_s(server.pid) - used + after.children_user + after.children_system
            - before.children_user - before.children_system)


def rate(synscope, folder, pairs, seconds):
    space = Netspace()
    server = subprocess.Popen(space.enter(synscope, "serve", "--listen", f"127.0.0.1:{PORT}", "--model", "iterative",
                                          "--service-time", "0ms", "--backlog", 512), stderr=subprocess.PIPE, text=True)
    assert "listening" in server.stderr.readline()
    shares = {(): [], ("--no-bpf",): []}
    beside, idle = [], []
    try:
        for i in range(pairs):
            for options, found in shares.items():
                runs = {}
                for recorded in (i % 2, 1 - i % 2):
                    if not recorded:
                        runs[0] = rate_run(synscope, space, server, seconds)
                        continue
                    with Recording(synscope, space, folder, options) as recording:
                        runs[1] = rate_run(synscope, space, server, seconds)
                        busy = recording.processes()
                        time.sleep(seconds)
                        idle.append(sum(recording.processes().values()) - sum(busy.values()))
                    if recording.lost:
                        print("  lost:", recording.lost)
                    found.append({name: (took - recording.before[name]) / runs[1][0] for name, took in busy.items()})
                beside.append(runs[1][1] / runs[0][1])
    finally:
        server.terminate()
        server.wait()
        server.stderr.close()
        space.close()
    print(f"rate: {RATE} new connections a second for {seconds} s, {pairs} pairs; shares of a core, medians")
    for options, found in shares.items():
        parts = ", ".join(f"{name} {statistics.median(f.get(name, 0) for f in found):.4f}" for name in sorted(found[0]))
        print(f"  record{' '.join(('', *options))}: {statistics.median([sum(f.values()) for f in found]):.4f} ({parts})")
    both = [sum(a.values()) / sum(b.values()) for a, b in zip(*shares.values())]
    print(f"  with BPF programs / without: {statistics.median(both):.3f}; processor time of the server and its clients, "
          f"with / without a recording: {statistics.median(beside):.3f}")
    print(f"  without connections: {statistics.median(idle) / seconds:.4f}: other processes of the host that are forked are told too")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("synscope")
    parser.add_argument("rows", nargs="*", help="keep-alive, bulk, rate: all of them")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="how long a run of rate takes")
    parser.add_argument("--bulk", type=int, default=4_000_000_000, help="bytes each way")
    options = parser.parse_args()
    rows = options.rows or ["keep-alive", "bulk", "rate"]
    lacking = ["ab or nginx"] if "keep-alive" in rows and (servers.Nginx.lacking() or not shutil.which("ab")) else []
    if lacking:
        print("not installed:", *lacking)
        return 77
    folder = pathlib.Path(tempfile.mkdtemp(prefix="synscope-cost-"))
    folder.chmod(0o755)
    try:
        for row in rows:
            if row == "keep-alive":
                keep_alive(options.synscope, folder, options.pairs)
            elif row == "bulk":
                bulk(options.synscope, folder, options.bulk)
            else:
                rate(options.synscope, folder, options.pairs, options.seconds)
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
