"""What a recording costs nginx: bench_nginx.py SYNSCOPE [--pairs N] [--connections N].

ab makes a bounded number of new connections (no keep-alive) to nginx in a namespace of its own, with and
without "synscope record" beside it, in pairs that follow each other closely and change their order: what else
the machine does is in both of a pair. Once one connection after the other, where what a connection takes is
what counts; once fifty at a time, which is as much as the processors give: there whatever the recording
takes is taken away from the server. Prints the ratios of the wall times, the processor time of everybody
for a connection, and what was lost. Fails when anything was.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
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


def processor_s(pid):
    """Of a process and of its children that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / TICKS


def ab_run(space, connections, at_once):
    """(wall time, processor time of ab), without its start."""
    before = os.times()
    done = space.run("ab", "-q", "-n", connections, "-c", at_once, f"http://127.0.0.1:{servers.PORT}/")
    after = os.times()
    took = re.search(r"^Time taken for tests: +([\d.]+) seconds", done.stdout, re.MULTILINE)
    served = re.search(r"^Complete requests: +(\d+)", done.stdout, re.MULTILINE)
    assert int(served[1]) == connections, done.stdout
    return float(took[1]), sum(after[2:4]) - sum(before[2:4])


class Bench:
    def __init__(self, synscope, space, server, folder):
        self.synscope, self.space, self.server, self.folder = synscope, space, server, folder

    def run(self, connections, at_once):
        """One run: name -> seconds."""
        workers = self.server.acceptors()
        before = sum(map(processor_s, workers))
        wall, ab = ab_run(self.space, connections, at_once)
        return {"wall": wall, "ab": ab, "nginx": sum(map(processor_s, workers)) - before}

    def recorded(self, connections, at_once):
        """The same beside a recording: (seconds, losses, its report's summary)."""
        path = self.folder / "recording"
        command = [self.synscope, "record", "-q", "-o", path, "-i", "lo"]
        command = [*command, "--netns", self.space.pid] if IS_ROOT else self.space.enter(*command)
        process = subprocess.Popen([*map(str, command), str(servers.PORT), "--", "sh", "-c", "echo up; exec cat"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "up\n"
        scout = next(pid for pid in servers.children(process.pid)
                     if pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii") == "synscope-scout\n")
        before = {pid: processor_s(pid) for pid in (process.pid, scout)}
        took = self.run(connections, at_once)
        took["record"] = processor_s(process.pid) - before[process.pid]
        took["its scout"] = processor_s(scout) - before[scout]
        process.stdin.close()
        assert process.wait(60) == 0
        process.stdout.close()
        report = json.loads(subprocess.run([self.synscope, "report", path, "-f", "json"], check=True,
                                           stdout=subprocess.PIPE).stdout)
        shutil.rmtree(path)
        return took, report

    def pairs(self, count, connections, at_once):
        """Prints; returns the median ratio, and whether anything was lost."""
        bare, beside, late, lost = [], [], 0, {}
        self.run(connections, at_once)  # to warm up
        for i in range(count):
            if i % 2 == 0:
                bare.append(self.run(connections, at_once))
            took, report = self.recorded(connections, at_once)
            beside.append(took)
            if i % 2:
                bare.append(self.run(connections, at_once))
            losses = report["losses"]
            late += losses.pop("samples-late")
            # ab connects a few times more than it asks for.
            if report["summary"]["attempts"] < connections:
                lost["attempts"] = lost.get("attempts", 0) + connections - report["summary"]["attempts"]
            for name, value in losses.items():
                if isinstance(value, int) and value:
                    lost[name] = lost.get(name, 0) + value
        ratios = sorted(b["wall"] / a["wall"] for a, b in zip(bare, beside))
        quarter = len(ratios) // 4
        ratio = statistics.median(ratios)
        print(f"{at_once} at once: {count} pairs of {connections} connections, "
              f"{connections / statistics.median(a['wall'] for a in bare):.0f} a second without a recording")
        print(f"  wall time with / without: {ratio:.3f} (median; half of the pairs from {ratios[quarter]:.3f} "
              f"to {ratios[-1 - quarter]:.3f}); the aim is {AIM}: {'met' if ratio < AIM else 'not met'}")
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
            bench = Bench(options.synscope, space, server, folder)
            kept = [bench.pairs(options.pairs, options.connections, at_once) for at_once in (1, 50)]
        finally:
            server.close()
    finally:
        space.close()
        shutil.rmtree(folder)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
