"""A SYN flood against a recording: bench_flood.py SYNSCOPE FLOOD [--seconds S] [--rate N] [--max-open N].

In a network namespace of its own (tests/e2e/netns), with a second one for the senders. Fails when a
real client is not reported as it was, when a loss is not told, or when memory passes its bound.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SERVER, CLIENT, PORT = "192.0.2.1", "192.0.2.2", 8080
# What a record holds at most, in MiB: open attempts and their hash (128 bytes each), events that wait to be
# brought into order (1,048,576 of 280 bytes, in an array that doubles), the capture's ring, the tables of bounded size.
OPEN_BYTES, EVENTS_MIB, REST_MIB = 128, 448, 128

CLIENT_PROGRAM = """
import json, socket, sys, time
end, tried = time.monotonic() + float(sys.argv[1]), []
while time.monotonic() < end:
    client = socket.socket()
    client.settimeout(10)
    client.bind((sys.argv[2], 0))
    name, connected = "%s:%d" % client.getsockname(), True
    try:
        client.connect((sys.argv[3], int(sys.argv[4])))
    except OSError:
        connected = False
    client.close()
    tried.append((name, connected))
    time.sleep(0.05)
print(json.dumps(tried))
"""


def shell(command):
    subprocess.run(command.split(), check=True)


def make_link():
    """A process that holds the senders' namespace; syna is here, synb there."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "300"])
    own = os.readlink("/proc/self/ns/net")
    for _ in range(500):
        if os.readlink(f"/proc/{holder.pid}/ns/net") != own:
            break
        time.sleep(0.01)
    there = f"nsenter -t {holder.pid} -n "
    shell("ip link add syna type veth peer name synb")
    shell(f"ip link set synb netns {holder.pid}")
    for prefix, name, address, other in (("", "syna", SERVER, CLIENT), (there, "synb", CLIENT, SERVER)):
        shell(f"{prefix}ip addr add {address}/24 dev {name}")
        shell(f"{prefix}sysctl -q -w net.ipv6.conf.{name}.disable_ipv6=1")
        shell(f"{prefix}ip link set {name} up")
    listing = subprocess.run(["ip", "-j", "link", "show", "syna"], capture_output=True, text=True, check=True).stdout
    mac = json.loads(listing)[0]["address"]
    # Answers go out, and end there.
    shell(f"ip route add 198.18.0.0/15 via {CLIENT}")
    return holder, there.split(), mac


class Lines(threading.Thread):
    """Reads the attempts as they are printed: counts all, keeps those of real clients."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.outcomes, self.flood, self.evicted = stream, collections.defaultdict(list), collections.Counter(), 0

    def run(self):
        names = self.stream.readline().rstrip("\n").split("\t")
        outcome = names.index("outcome")
        for line in self.stream:
            fields = line.split("\t")
            if line.startswith(CLIENT):
                self.outcomes[fields[0]].append(fields[outcome])
            else:
                self.flood[fields[outcome]] += 1


def high_water_mib(pid):
    found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) // 1024 if found else 0


def accept_all(listener):
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("synscope")
    parser.add_argument("flood")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--max-open", type=int, default=0)
    o = parser.parse_args()
    if os.readlink("/proc/self/ns/net") == os.environ.get("SYNSCOPE_TEST_OUTSIDE", os.readlink("/proc/self/ns/net")):
        sys.exit("not in a network namespace of its own: run it by tests/e2e/netns")
    holder, there, mac = make_link()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="synscope-flood-"))
    folder.chmod(0o755)
    try:
        sys.exit(run(o, folder, there, mac))
    finally:
        holder.kill()
        holder.wait()
        shutil.rmtree(folder)


def run(o, folder, there, mac):
    listener = socket.create_server((SERVER, PORT), backlog=512)
    threading.Thread(target=accept_all, args=(listener,), daemon=True).start()
    options = ["--max-open", str(o.max_open)] if o.max_open else []
    record = subprocess.Popen([o.synscope, "record", "-f", "tsv", "-i", "syna", "-o", folder / "r", *options, f"{SERVER}:{PORT}"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = Lines(record.stdout)
    lines.start()
    while record.poll() is None and "NoNewPrivs:\t1" not in pathlib.Path(f"/proc/{record.pid}/status").read_text(encoding="ascii"):
        time.sleep(0.01)
    if record.poll() is not None:
        sys.exit(record.stderr.read())
    clients = subprocess.Popen([*there, sys.executable, "-c", CLIENT_PROGRAM, str(o.seconds + 2), CLIENT, SERVER, str(PORT)],
                               stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    flood = subprocess.Popen([*there, "sh", "-c", 'ip link set lo down; exec "$0" "$@"', o.flood, "synb", mac,
                              f"{SERVER}:{PORT}", str(o.rate), str(o.seconds)], stdout=subprocess.PIPE, text=True)
    memory = 0
    while flood.poll() is None or clients.poll() is None:
        memory = max(memory, high_water_mib(record.pid))
        time.sleep(0.1)
    sent, seconds = flood.stdout.read().split()
    tried = json.loads(clients.stdout.read())
    time.sleep(1)
    record.send_signal(signal.SIGTERM)
    while record.poll() is None:
        memory = max(memory, high_water_mib(record.pid))
        time.sleep(0.02)
    lines.join()
    listener.close()
    return judge(o, folder, int(sent), float(seconds), tried, lines, memory, record.returncode, record.stderr.read())


def judge_evictions(o, folder):
    """The table is small: what left it was counted, and was half-open, or a client that had finished."""
    output = subprocess.run([o.synscope, "report", "-f", "json", "--max-open", str(o.max_open), folder / "r"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, timeout=120).stdout
    report = json.loads(output)
    counted = sum(row["count"] for row in report["overflows"] if row["table"] == "open attempts")
    evicted = collections.Counter(a["outcome"] for a in report["attempts"] if a["evicted"])
    print(f"evicted: {counted} counted, {dict(evicted)}")
    if counted == 0 or counted != sum(evicted.values()):
        return ["what was evicted is not what was counted"]
    if not set(evicted) <= {"half-open", "accepted", "established"} or evicted["half-open"] < 0.99 * counted:
        return ["others than half-open attempts and finished ones were evicted"]
    return []


def judge(o, folder, sent, seconds, tried, lines, memory, status, complaints):
    meta = json.loads((folder / "r" / "meta.json").read_text(encoding="utf-8"))
    dropped = sum(meta["losses"][kind] for kind in ("packets-kernel", "packets-interface", "packets-backlog"))
    seen = sum(lines.flood.values())
    bound = (o.max_open or 1 << 20) * OPEN_BYTES // (1 << 20) + EVENTS_MIB + REST_MIB
    connected = [name for name, success in tried if success]
    wrong = [f"{name}: {lines.outcomes.get(name)}" for name in connected
             if not lines.outcomes.get(name) or not set(lines.outcomes[name]) <= {"accepted", "established"}]
    print(f"flood: {sent} SYNs in {seconds:.1f} s ({sent / seconds:.0f} a second), {seen} reported, "
          f"{dropped} packets said to be lost; {dict(lines.flood)}")
    print(f"clients: {len(connected)} of {len(tried)} connected, {len(connected) - len(wrong)} reported right")
    print(f"memory: {memory} MiB at most, bound {bound} MiB")
    failures = []
    if status not in (0, 3):
        failures.append(f"record ended with {status}: {complaints}")
    if memory > bound:
        failures.append("memory passed its bound")
    if len(connected) < len(tried) // 2:
        failures.append("too few clients got through to tell anything")
    if seen > sent:
        failures.append("more was reported than was sent")
    if not seen <= sent <= seen + dropped:
        failures.append(f"{sent - seen} SYNs are missing, {dropped} packets were said to be")
    if len(wrong) > (0 if not dropped else len(connected) // 2):
        failures.append("clients not reported right: " + ", ".join(wrong[:5]))
    if o.max_open:
        failures += judge_evictions(o, folder)
    for failure in failures:
        print("FAILED:", failure, complaints)
    return 1 if failures else 0


if __name__ == "__main__":
    main()
