"""What the kernel says of itself: counters, listeners, sockets. Read in the namespace of the caller."""
import os
import socket
import struct

import wire

LISTEN, SYN_RECV, ESTABLISHED, CLOSE_WAIT = 10, 3, 1, 8

_SOCK_DIAG_BY_FAMILY = 20
_DUMP = 0x301
_SKMEMINFO = 7

# Traffic, not events: they move with every segment.
_TRAFFIC = {"InSegs", "OutSegs", "TCPPureAcks", "TCPHPAcks", "TCPHPHits", "TCPOrigDataSent",
            "TCPDelivered", "TCPAutoCorking", "DelayedACKs", "CurrEstab", "TCPRcvCoalesce",
            "RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "TCPAckCompressed", "DelayedACKLocked"}


# Of IP: what is dropped. The same name in IPv6 has "Ip6" before it.
_IP = ("InHdrErrors", "InAddrErrors", "InDiscards", "OutDiscards", "OutNoRoutes", "InNoRoutes", "InUnknownProtos")


def counters():
    """Every counter of Tcp and TcpExt by name, and those of IP, IPv6 and xfrm that tell of drops."""
    values = {}
    for path, groups in (("/proc/net/netstat", ("TcpExt", "IpExt")), ("/proc/net/snmp", ("Tcp", "Ip"))):
        with open(path, encoding="ascii") as lines:
            lines = lines.read().splitlines()
        for names, numbers in zip(lines[::2], lines[1::2]):
            group = names.split(":")[0]
            if group in groups:
                values.update((name, int(number)) for name, number in zip(names.split()[1:], numbers.split()[1:])
                              if group.startswith("Tcp") or name in _IP)
    for path in ("/proc/net/snmp6", "/proc/net/xfrm_stat"):
        try:
            with open(path, encoding="ascii") as lines:
                pairs = [line.split() for line in lines]
        except FileNotFoundError:
            continue
        values.update((name, int(number)) for name, number in pairs
                      if name.startswith("Xfrm") or name.removeprefix("Ip6") in _IP)
    return {name: value for name, value in values.items() if name not in _TRAFFIC}


def moved(before, after=None):
    """The counters that changed, by how much."""
    after = counters() if after is None else after
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def sockets(family, states):
    """A dump of sock_diag: dictionaries with state, local port, remote, rqueue, wqueue, inode, drops."""
    number = socket.AF_INET if family == 4 else socket.AF_INET6
    mask = sum(1 << state for state in states)
    request = struct.pack("=BBBBI", number, socket.IPPROTO_TCP, 1 << (_SKMEMINFO - 1), 0, mask) + \
        bytes(40) + b"\xff" * 8
    found = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:
        netlink.send(struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _DUMP, 1, 0) +
                     request)
        while True:
            data = netlink.recv(1 << 18)
            while data:
                length, kind = struct.unpack("=IH", data[:6])
                if kind == 3:
                    return found
                if kind != _SOCK_DIAG_BY_FAMILY:
                    raise OSError(f"sock_diag answered with a message of type {kind}")
                found.append(_socket(data[16:length]))
                data = data[(length + 3) & ~3:]


def _socket(message):
    size = 4 if message[0] == socket.AF_INET else 16
    rqueue, wqueue, _, inode = struct.unpack("=IIII", message[56:72])
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    entry = {
        "state": message[1],
        "sport": struct.unpack("!H", message[4:6])[0],
        "dport": struct.unpack("!H", message[6:8])[0],
        "destination": socket.inet_ntop(family, message[24:24 + size]),
        "rqueue": rqueue, "wqueue": wqueue, "inode": inode, "drops": None,
    }
    rest = message[72:]
    while len(rest) >= 4:
        length, kind = struct.unpack("=HH", rest[:4])
        if kind == _SKMEMINFO and length >= 4 + 9 * 4:
            entry["drops"] = struct.unpack("=9I", rest[4:40])[8]
        rest = rest[(length + 3) & ~3:]
    return entry


class Listener:
    """A listening socket that accepts on command only."""

    def __init__(self, family, backlog, port=8080, defer_accept=0, fastopen=0, reuseport=False,
                 address=None):
        self.family, self.port = family, port
        self.socket = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6,
                                    socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuseport:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if defer_accept:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, defer_accept)
        if fastopen:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, fastopen)
        self.socket.bind((address or wire.SERVER[family], port))
        self.socket.listen(backlog)
        self.inode = os.fstat(self.socket.fileno()).st_ino
        self.accepted = []
        self.closed = False

    def accept(self):
        """Takes the oldest entry; (address, port) of its client, or None when there is none."""
        try:
            connection, client = self.socket.accept()
        except BlockingIOError:
            return None
        connection.setblocking(False)
        self.accepted.append(connection)
        return client[:2]

    def _entry(self):
        for entry in sockets(self.family, [LISTEN]):
            if entry["inode"] == self.inode:
                return entry
        raise LookupError("the listener is not in sock_diag")

    @property
    def depth(self):
        return self._entry()["rqueue"]

    @property
    def limit(self):
        return self._entry()["wqueue"]

    @property
    def drops(self):
        return self._entry()["drops"]

    def half_open(self):
        return sum(1 for s in sockets(self.family, [SYN_RECV]) if s["sport"] == self.port)

    def waiting(self):
        """Visible children that nobody has accepted."""
        return sum(1 for s in sockets(self.family, [ESTABLISHED, CLOSE_WAIT])
                   if s["sport"] == self.port and s["inode"] == 0)

    def close(self):
        for connection in self.accepted:
            connection.close()
        self.socket.close()
        self.closed = True
