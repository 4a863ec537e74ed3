"""What a recording costs nginx: bench_nginx.py SYNSCOPE [--pairs N] [--connections N] [--nice N] [--stopped | --deaf].

ab makes a bounded number of new connections (no keep-alive) to nginx in a namespace of its own, with and
without "synscope record" beside it. Two runs without and one with it follow each other closely, in every order:
what else the machine does is in all three. The two without, compared with each other, say how much of a ratio is
noise. Once one connection after the other, where what a connection takes is
what counts; once fifty at a time, which is as much as the processors give: there whatever the recording
takes is taken away from the server. Prints the ratios of the wall times, the processor time of everybody
for a connection, and what was lost. Fails when anything was. --stopped lets the recorder stand still while ab
runs: what is left is the kernel's part, which copies packets into a ring. --deaf has a packet socket in the
recorder's place whose filter takes no packet: what any capture costs before it captures.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import servers  # pylint: disable=wrong-import-position
from netspace import IS_ROOT, Netspace  # pylint: disable=wrong-import-position

TICKS = os.sysconf("SC_CLK_TCK")
BACKLOG = 1024
AIM = 1.05

# SO_ATTACH_FILTER with "ret #0", PACKET_IGNORE_OUTGOING, ETH_P_ALL.
DEAF = """
import ctypes, socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
s.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", 1, ctypes.addressof(program)))
s.setsockopt(263, 23, 1)
s.bind(("lo", 3))
print("up", flush=True)
sys.stdin.read()
"""


def processor_s(pid):
    """Of a process of one thread: to the nanosecond where the kernel counts so, else in ticks."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except FileNotFoundError:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:13])) / TICKS


def children_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ab_run(space, connections, at_once):
    """(wall time, processor time of ab), without its start."""
    before = children_s()
    done = space.run("ab", "-q", "-n", connections, "-c", at_once, f"http://127.0.0.1:{servers.PORT}/")
    after = children_s()
    took = re.search(r"^Time taken for tests: +([\d.]+) seconds", done.stdout, re.MULTILINE)
    served = re.search(r"^Complete requests: +(\d+)", done.stdout, re.MULTILINE)
    assert int(served[1]) == connections, done.stdout
    return float(took[1]), after - before


def half(ratios):
    """What the middle half of them is."""
    ratios = sorted(ratios)
    quarter = len(ratios) // 4
    return f"half of them from {ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f}"


class Bench:
    def __init__(self, command, space, server, folder, *, stopped=False, deaf=False):
        self.command, self.space, self.server, self.folder = command, space, server, folder
        self.stopped, self.deaf = stopped, deaf

    def run(self, connections, at_once):
        """One run: name -> seconds."""
        workers = self.server.acceptors()
        before = sum(map(processor_s, workers))
        wall, ab = ab_run(self.space, connections, at_once)
        return {"wall": wall, "ab": ab, "nginx": sum(map(processor_s, workers)) - before}

    def recorded(self, connections, at_once):
        """The same beside a recording: (seconds, losses, its report's summary)."""
        path = self.folder / "recording"
        command = [*self.command, "record", "-q", "-o", path, "-i", "lo"]
        command = [*command, "--netns", self.space.pid] if IS_ROOT else self.space.enter(*command)
        process = subprocess.Popen([*map(str, command), str(servers.PORT), "--", "sh", "-c", "echo up; exec cat"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "up\n"
        scout = next(pid for pid in servers.children(process.pid)
                     if pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii") == "synscope-scout\n")
        before = {pid: processor_s(pid) for pid in (process.pid, scout)}
        if self.stopped:
            for pid in before:
                os.kill(pid, signal.SIGSTOP)
        took = self.run(connections, at_once)
        took["record"] = processor_s(process.pid) - before[process.pid]
        took["its scout"] = processor_s(scout) - before[scout]
        if self.stopped:
            for pid in before:
                os.kill(pid, signal.SIGCONT)
        process.stdin.close()
        assert process.wait(60) == 0
        process.stdout.close()
        report = json.loads(subprocess.run([self.command[-1], "report", path, "-f", "json"], check=True,
                                           stdout=subprocess.PIPE).stdout)
        shutil.rmtree(path)
        return took, report

    def captured(self, connections, at_once):
        """Beside the socket that takes nothing: as recorded()."""
        process = subprocess.Popen(self.space.enter("/usr/bin/python3", "-c", DEAF), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "up\n"
        took = self.run(connections, at_once)
        process.stdin.close()
        assert process.wait(60) == 0
        process.stdout.close()
        return took, {"losses": {"samples-late": 0}, "summary": {"attempts": connections}}

    def trio(self, i, connections, at_once):
        """Two runs without and one with a recording, the i-th order of the three."""
        bare = []
        for k in range(3):
            if k == i % 3:
                took, report = (self.captured if self.deaf else self.recorded)(connections, at_once)
            else:
                bare.append(self.run(connections, at_once))
        return bare, took, report

    def pairs(self, count, connections, at_once):
        """Prints; returns the median ratio, and whether anything was lost."""
        bare, beside, late, lost = [], [], 0, {}
        self.run(connections, at_once)  # to warm up
        for i in range(count):
            without, took, report = self.trio(i, connections, at_once)
            bare.append(without)
            beside.append(took)
            losses = report["losses"]
            late += losses.pop("samples-late")
            # ab connects a few times more than it asks for.
            if report["summary"]["attempts"] < connections:
                lost["attempts"] = lost.get("attempts", 0) + connections - report["summary"]["attempts"]
            for name, value in losses.items():
                if isinstance(value, int) and value:
                    lost[name] = lost.get(name, 0) + value
        ratios = [2 * b["wall"] / (x["wall"] + y["wall"]) for (x, y), b in zip(bare, beside)]
        ratio = statistics.median(ratios)
        # Of either order, so that it is about 1: what is of interest is how far from it they are.
        noise = [x["wall"] / y["wall"] for x, y in bare] + [y["wall"] / x["wall"] for x, y in bare]
        bare = [run for two in bare for run in two]
        print(f"{at_once} at once: {count} times {connections} connections, "
              f"{connections / statistics.median(a['wall'] for a in bare):.0f} a second without a recording")
        print(f"  wall time with / without: {ratio:.3f} (median; {half(ratios)}); "
              f"the aim is {AIM}: {'met' if ratio < AIM else 'not met'}")
        loud = statistics.quantiles(noise)[-1] >= AIM
        print(f"  two runs without, one by the other: {half(noise)}"
              + ("; too much noise for this aim" if loud else ""))
        each = 1e6 / connections
        alone = {name: statistics.mean(a[name] for a in bare) * each for name in ("ab", "nginx")}
        with_it = {name: statistics.mean(b[name] for b in beside) * each for name in beside[0] if name != "wall"}
        print("  processor time a connection, us: without " + ", ".join(f"{n} {v:.1f}" for n, v in alone.items())
              + "; with " + ", ".join(f"{n} {v:.1f}" for n, v in with_it.items())
              + f"; in all {sum(with_it.values()) / sum(alone.values()):.3f} times as much")
        print(f"  lost: {lost or 'nothing'}; samples late: {late}")
        return not lost


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("synscope")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--nice", type=int, default=0, help="record with this nice value")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--stopped", action="store_true", help="the kernel's part alone")
    part.add_argument("--deaf", action="store_true", help="a packet socket that takes nothing, and no recording")
    options = parser.parse_args()
    lacking = servers.Nginx.lacking() + ([] if shutil.which("ab") else ["ab"])
    if lacking:
        print("not installed:", *lacking)
        return 77
    folder = pathlib.Path(tempfile.mkdtemp(prefix="synscope-nginx-"))
    folder.chmod(0o755)
    # Thousands of TIME_WAITs of one client: all ports, and none of them kept from use.
    space = Netspace(**{"net.core.somaxconn": BACKLOG, "net.ipv4.ip_local_port_range": "'1024 65535'",
                        "net.ipv4.tcp_tw_reuse": 1})
    try:
        server = servers.Nginx(space, folder, BACKLOG)
        try:
            command = ["nice", "-n", options.nice] if options.nice else []
            bench = Bench([*command, options.synscope], space, server, folder, stopped=options.stopped,
                          deaf=options.deaf)
            kept = [bench.pairs(options.pairs, options.connections, at_once) for at_once in (1, 50)]
        finally:
            server.close()
    finally:
        space.close()
        shutil.rmtree(folder)
    return 0 if all(kept) or options.stopped else 1


if __name__ == "__main__":
    sys.exit(main())
