#!/usr/bin/python3
"""Writes the corpora of netlink/'s fuzz targets: diag, proc and counters.

Every file is made here; names say what is in them. Integers are little-endian, as on the machines
where the targets run.
"""
import pathlib
import socket
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"

SOCK_DIAG_BY_FAMILY, GETSOCK, ERROR, DONE = 20, 18, 2, 3
SKMEMINFO, INFO, SKV6ONLY = 7, 2, 11
LISTEN, ESTABLISHED, SYN_RECV = 10, 1, 3
SEQUENCE = 7


def message(kind, payload, flags=2, sequence=SEQUENCE, length=None):
    total = 16 + len(payload) if length is None else length
    return struct.pack("<IHHII", total, kind, flags, sequence, 99) + payload + b"\0" * (-len(payload) % 4)


def attribute(kind, payload, length=None):
    total = 4 + len(payload) if length is None else length
    return struct.pack("<HH", total, kind) + payload + b"\0" * (-len(payload) % 4)


def sock(state, family=socket.AF_INET, source="192.0.2.1", remote="0.0.0.0", ports=(8080, 0), queues=(6, 5),
         inode=4711, attributes=b""):
    pad = lambda a: socket.inet_pton(family, a).ljust(16, b"\0")
    return (struct.pack("<BBBB", family, state, 0, 0) + struct.pack(">HH", *ports) + pad(source) + pad(remote)
            + struct.pack("<III", 0, 0x11223344, 0x55667788) + struct.pack("<IIIII", 0, *queues, 1000, inode)
            + attributes)


DROPS = attribute(SKMEMINFO, struct.pack("<9I", 0, 0, 0, 0, 0, 0, 0, 0, 42))
AGE = attribute(INFO, b"\0" * 44 + struct.pack("<I", 852) + b"\0" * 60)
LISTENER = message(SOCK_DIAG_BY_FAMILY, sock(LISTEN, attributes=DROPS))
CHILD = message(GETSOCK, sock(ESTABLISHED, remote="192.0.2.7", ports=(8080, 40000), inode=0, attributes=AGE))
END = message(DONE, struct.pack("<i", 0))

DIAG = {
    "listener": LISTENER,
    "child": CHILD,
    "dump": LISTENER + CHILD + END,
    "ipv6": message(GETSOCK, sock(LISTEN, socket.AF_INET6, "2001:db8::1", "::",
                                  attributes=attribute(SKV6ONLY, b"\1") + DROPS)),
    "request": message(GETSOCK, sock(SYN_RECV, remote="192.0.2.7", ports=(8080, 40000), queues=(0, 0), inode=0)),
    "interrupted": message(GETSOCK, sock(LISTEN), flags=0x12) + message(DONE, struct.pack("<i", 0), flags=0x12),
    "error": message(ERROR, struct.pack("<i", -2) + b"\0" * 16),
    "error-in-done": message(DONE, struct.pack("<i", -22)),
    "error-short": message(ERROR, b"\0"),
    "other-sequence": message(GETSOCK, sock(LISTEN), sequence=6),
    "other-type": message(77, b"\0" * 80),
    "other-family": message(GETSOCK, b"\1" + sock(LISTEN)[1:]),
    "truncated": LISTENER[:60],
    "truncated-header": LISTENER[:9],
    "length-beyond": message(GETSOCK, sock(LISTEN), length=4096),
    "length-below": message(GETSOCK, sock(LISTEN), length=3),
    "length-odd": message(GETSOCK, sock(LISTEN), length=87) + END,
    "body-short": message(GETSOCK, sock(LISTEN)[:40]),
    "attribute-zero": message(GETSOCK, sock(LISTEN, attributes=attribute(SKMEMINFO, b"", length=0))),
    "attribute-beyond": message(GETSOCK, sock(LISTEN, attributes=attribute(SKMEMINFO, b"1234", length=200))),
    "attribute-old": message(GETSOCK, sock(LISTEN, attributes=attribute(SKMEMINFO, b"\0" * 32)
                                           + attribute(INFO, b"\0" * 44))),
    "empty": b"",
}

FORK, EXEC, EXIT = 1, 2, 0x80000000


def connector(what, part, idx=1, val=1, length=None, kind=DONE, total=None):
    event = struct.pack("<IIQ", what, 1, 123456789) + part
    size = len(event) if length is None else length
    return message(kind, struct.pack("<IIIIHH", idx, val, 99, 3, size, 0) + event, flags=0, length=total)


FORKED = struct.pack("<4i", 10, 10, 21, 20)
EXITED = struct.pack("<2i2I2i", 20, 20, 256, 17, 10, 10)

PROC = {
    "fork": connector(FORK, FORKED),
    "exit": connector(EXIT, EXITED),
    "exit-old": connector(EXIT, EXITED[:16]),
    "exec": connector(EXEC, FORKED),
    "unknown": connector(0x00800000, EXITED),
    "answer": connector(0, struct.pack("<I", 1) + b"\0" * 20),
    "other-connector": connector(FORK, FORKED, idx=7),
    "netlink-error": connector(FORK, FORKED, kind=ERROR),
    "fork-short": connector(FORK, FORKED[:8]),
    "exit-short": connector(EXIT, EXITED[:8]),
    "length-beyond": connector(FORK, FORKED, length=60000),
    "length-below": connector(FORK, FORKED, length=3),
    "total-beyond": connector(FORK, FORKED, total=4096),
    "total-below": connector(FORK, FORKED, total=8),
    "cut": connector(FORK, FORKED)[:30],
    "empty": b"",
}

NETSTAT = ("TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPSynRetrans\n"
           "TcpExt: 11 5 6 18446744073709551615\n"
           "IpExt: InNoRoutes ListenDrops\nIpExt: 1 999\n")
SNMP = ("Ip: Forwarding DefaultTTL\nIp: 1 64\n"
        "Tcp: RtoAlgorithm MaxConn ActiveOpens OutRsts\nTcp: 1 -1 7 9\n")

COUNTERS = {
    "netstat": NETSTAT,
    "snmp": SNMP,
    "both": SNMP + NETSTAT,
    "names-alone": "TcpExt: ListenDrops\n",
    "fewer-values": "TcpExt: SyncookiesSent ListenDrops\nTcpExt: 1\n",
    "more-values": "TcpExt: ListenDrops\nTcpExt: 1 2 3\n",
    "negative": "TcpExt: ListenDrops\nTcpExt: -3\n",
    "too-large": "TcpExt: ListenDrops\nTcpExt: 18446744073709551616\n",
    "no-number": "TcpExt: ListenDrops\nTcpExt: many\n",
    "other-group": "TcpExt: ListenDrops\nIpExt: 3\n",
    "no-colon": "TcpExt ListenDrops\nTcpExt 3\n",
    "blank": "\n\n  \n",
    "empty": "",
}


def main():
    texts = {name: text.encode("ascii") for name, text in COUNTERS.items()}
    for target, files in {"diag": DIAG, "proc": PROC, "counters": texts}.items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
