"""An ordinary host: the test's own namespace with devices, addresses and NAT, and its neighbours, each a
namespace at the other end of a veth pair."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

import exactness
import kernel
import running
from netspace import Netspace

STACKS = {
    "veth": [],
    "bridge": ["bridge"],
    "macvlan": ["macvlan"],
    "ipvlan": ["ipvlan"],
    "vlan": ["vlan"],
    "bond": ["bond"],
    "bridge-vlan": ["bridge", "vlan"],
    "bridge-macvlan": ["bridge", "macvlan"],
}

ADDRESSES = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}

# Connects `count` times at once, `gap_s` apart, sends a line, reads to the end or for `wait_s`; prints how each went.
CLIENTS = """
import json, socket, sys, threading, time
address, port, count, gap_s, wait_s = sys.argv[1], *map(float, sys.argv[2:6])
results = []
def connect():
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.settimeout(wait_s)
    result = {"port": 0, "outcome": "connected", "heard": False, "began_ns": time.time_ns()}
    try:
        s.connect((address, int(port)))
        result["connected_ns"] = time.time_ns()
        result["port"] = s.getsockname()[1]
        s.sendall(b"hello")
        result["heard"] = s.recv(16) != b""
    except OSError as error:
        if not result["port"]:
            result["port"] = s.getsockname()[1]
            result["outcome"] = type(error).__name__
    host = s.getsockname()[0]
    result["client"] = f"[{host}]:{result['port']}" if ":" in host else f"{host}:{result['port']}"
    result["ended_ns"] = time.time_ns()
    results.append(result)
    s.close()
threads = []
for _ in range(int(count)):
    threads.append(threading.Thread(target=connect))
    threads[-1].start()
    time.sleep(gap_s)
for thread in threads:
    thread.join()
print(json.dumps(results))
"""

# Listens, says so, and serves every connection; SIGSTOP is how it becomes slow. Logs each accept(): when it was
# called, and when it had returned.
SERVER = """
import json, os, signal, socket, sys, threading, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.socket(family)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if "reuseport" in sys.argv:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
if "transparent" in sys.argv:
    listener.setsockopt(*((socket.IPPROTO_IPV6, 75) if family == socket.AF_INET6 else (socket.SOL_IP, 19)), 1)
for word in sys.argv:
    if word.startswith("device="):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, word.removeprefix("device=").encode())
if "reuseport" in sys.argv:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
if family == socket.AF_INET6 and "v6only" in sys.argv:
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(int(sys.argv[3]))
print("listening", flush=True)
if "handed" in sys.argv and os.fork():
    time.sleep(60)
signal.alarm(60)
def serve(connection):
    try:
        if connection.recv(16):
            connection.sendall(b"ok")
        connection.recv(16)
    except OSError:
        pass
    connection.close()
log = open(sys.argv[4], "a", buffering=1)
while True:
    before_ns = time.time_ns()
    connection, client = listener.accept()
    host = client[0].removeprefix("::ffff:")
    log.write(json.dumps({"client": f"[{host}]:{client[1]}" if ":" in host else f"{host}:{client[1]}",
                          "pid": os.getpid(), "before_ns": before_ns, "after_ns": time.time_ns()}) + "\\n")
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
"""


def ip(*arguments, inside=None):
    command = ["ip", *map(str, arguments)]
    done = subprocess.run(inside.enter(*command) if inside else command, capture_output=True, text=True, check=False)
    if done.returncode and "Unknown device type" in done.stderr:
        pytest.skip(f"this kernel has no such device: ip {' '.join(map(str, arguments))}")
    assert done.returncode == 0, f"{command}: {done.stderr}"


def nft(rules, inside=None):
    command = ["nft", rules]
    done = subprocess.run(inside.enter(*command) if inside else command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nft does not work here: {done.stderr.splitlines()[0] if done.stderr else done.returncode}")


# Of the test that runs: what its clients and its servers say.
witness = exactness.Witness()


class Host:
    """Ends with close(), which leaves the namespace as it was."""

    def __init__(self):
        global witness
        witness = exactness.Witness()
        self.logs = tempfile.mkdtemp(prefix="synscope-logs-")
        self.peers, self.devices, self.processes, self.tables = [], [], [], []
        for name in ("all", "default"):
            with open(f"/proc/sys/net/ipv6/conf/{name}/accept_dad", "w", encoding="ascii") as file:
                file.write("0")

    def peer(self):
        peer = Netspace(**{"net.ipv6.conf.all.accept_dad": 0, "net.ipv6.conf.default.accept_dad": 0})
        self.peers.append(peer)
        return peer

    def pair(self, peer, mine, theirs):
        """A veth pair to the peer; both ends are up."""
        ip("link", "add", mine, "type", "veth", "peer", "name", theirs)
        self.devices.append(mine)
        ip("link", "set", theirs, "netns", peer.pid)
        ip("link", "set", mine, "up")
        ip("link", "set", theirs, "up", inside=peer)

    def on_top(self, kind, lower, name, peer=None, lower_peer=None):
        """A device above one of ours, and with a VLAN one above the peer's."""
        if kind == "bridge":
            ip("link", "add", name, "type", "bridge")
            self.devices.append(name)
            ip("link", "set", lower, "master", name)
        elif kind == "bond":
            ip("link", "add", name, "type", "bond", "mode", "active-backup")
            self.devices.append(name)
            ip("link", "set", lower, "down")
            ip("link", "set", lower, "master", name)
        elif kind == "macvlan":
            ip("link", "add", "link", lower, "name", name, "type", "macvlan", "mode", "bridge")
        elif kind == "ipvlan":
            ip("link", "add", "link", lower, "name", name, "type", "ipvlan", "mode", "l2")
        elif kind == "vlan":
            ip("link", "add", "link", lower, "name", name, "type", "vlan", "id", 7)
            ip("link", "add", "link", lower_peer, "name", "v7", "type", "vlan", "id", 7, inside=peer)
            ip("link", "set", "v7", "up", inside=peer)
        ip("link", "set", name, "up")
        return "v7" if kind == "vlan" else lower_peer

    @staticmethod
    def addresses(device, *addresses, inside=None):
        for address in addresses:
            length = 64 if ":" in address else 24
            nodad = ["nodad"] if ":" in address else []
            ip("addr", "add", f"{address}/{length}", "dev", device, *nodad, inside=inside)

    def serve(self, address, port, backlog, *words, inside=None):
        """A server, when it listens."""
        log = os.path.join(self.logs, f"server{len(self.processes)}")
        command = [sys.executable, "-c", SERVER, address, str(port), str(backlog), log, *words]
        process = subprocess.Popen(inside.enter(*command) if inside else command, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        assert process.stdout.readline() == "listening\n"
        if not inside:
            witness.logs.append(log)
        return process

    @staticmethod
    def until_accepted(count):
        """Waits until the servers of this host have said of so many connections that accept() gave them."""
        running.until(lambda: sum(pathlib.Path(log).read_text(encoding="ascii").count("\n") for log in witness.logs) >= count, "accepted")

    def nat(self, rules):
        nft(f"table inet test {{ {rules} }}")
        self.tables.append("inet test")

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()
        for table in self.tables:
            subprocess.run(["nft", f"delete table {table}"], check=False)
        for device in reversed(self.devices):
            subprocess.run(["ip", "link", "del", device], check=False, capture_output=True)
        for peer in self.peers:
            peer.close()
        shutil.rmtree(self.logs)


class Clients:
    """Clients in a peer's namespace, or here; results() when all of them have ended."""

    def __init__(self, peer, address, port, count, gap_s=0.002, wait_s=5):
        command = [sys.executable, "-c", CLIENTS, address, *map(str, (port, count, gap_s, wait_s))]
        self.process = subprocess.Popen(peer.enter(*command) if peer else command, stdout=subprocess.PIPE, text=True)

    def results(self):
        output, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        results = json.loads(output)
        witness.saw(results)
        return results


def routed(address, device, inside=None, via=None):
    ip("route", "add", address, *(["via", via] if via else []), "dev", device, inside=inside)


def sysctl(name, value):
    path = f"/proc/sys/{name.replace('.', '/')}"
    if os.path.exists(path):
        with open(path, "w", encoding="ascii") as file:
            file.write(str(value))


def stack_up(host, kind):
    """The peer, with our address on the topmost device of the stack."""
    peer = host.peer()
    host.pair(peer, "s0", "c0")
    lower, theirs = "s0", "c0"
    # The device that has the address answers for it, and no other.
    sysctl("net.ipv4.conf.all.arp_ignore", 1)
    for number, above in enumerate(STACKS[kind]):
        theirs = host.on_top(above, lower, f"t{number}", peer, theirs)
        lower = f"t{number}"
    host.addresses(lower, *(mine for mine, _ in ADDRESSES.values()))
    host.addresses(theirs, *(theirs_ for _, theirs_ in ADDRESSES.values()), inside=peer)
    return peer


def overflows():
    return kernel.counters().get("ListenOverflows", 0)


def attempts_of(report, role="inbound"):
    return [attempt for attempt in report["attempts"] if attempt["role"] == role]


def causes(attempts):
    return {cause["name"] for attempt in attempts for cause in attempt["causes"]}


def stopped(process):
    """The server does nothing until continued(): its queue fills."""
    running.stop(process.pid)


def continued(process):
    process.send_signal(signal.SIGCONT)
