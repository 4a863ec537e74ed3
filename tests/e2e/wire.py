"""A TCP client made by hand, on a TUN device: it decides when each segment leaves.

The kernel under test has the server's addresses; the clients' addresses are
routed to the TUN device, so that the kernel's answers arrive here and no
kernel ever answers for a client. Nothing here knows what a kernel ought to do.

What it does not do: retransmit, keep a window, reassemble. A Client keeps the
sequence numbers of one attempt, no more.
"""
import fcntl
import ipaddress
import os
import select
import socket
import struct
import subprocess
import time

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

SERVER = {4: "192.0.2.1", 6: "2001:db8:1::1"}
CLIENTS = {4: "198.51.100.0/24", 6: "2001:db8:2::/64"}
DEVICE = "wire0"

_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001
_BARRIER_S = 5


class NoDevice(Exception):
    """This machine lets nobody make a TUN device; the text says why."""


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_packet(source, destination, protocol, payload, ttl=64):
    """One IPv4 or IPv6 packet around a payload that has its checksum already."""
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + \
            source.packed + destination.packed + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, ttl, protocol, 0) + \
        source.packed + destination.packed
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def pseudo_header(source, destination, protocol, length):
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if source.version == 6:
        return source.packed + destination.packed + struct.pack("!II", length, protocol)
    return source.packed + destination.packed + struct.pack("!BBH", 0, protocol, length)


def with_checksum(source, destination, protocol, offset, payload):
    """Fills in the checksum at an offset of a TCP or ICMPv6 payload."""
    total = checksum(pseudo_header(source, destination, protocol, len(payload)) + payload)
    return payload[:offset] + struct.pack("!H", total) + payload[offset + 2:]


def tcp_options(mss=None, timestamp=None, fastopen=None, wscale=None, sack=False):
    """RFC 9293, 7323, 7413. timestamp is (value, echo); fastopen b"" asks for a cookie."""
    options = b""
    if mss is not None:
        options += struct.pack("!BBH", 2, 4, mss)
    if sack:
        options += b"\4\2"
    if timestamp is not None:
        options += struct.pack("!BBII", 8, 10, *timestamp)
    if wscale is not None:
        options += struct.pack("!BBB", 3, 3, wscale)
    if fastopen is not None:
        options += struct.pack("!BB", 34, 2 + len(fastopen)) + fastopen
    return options + b"\1" * (-len(options) % 4)


class Segment:
    """One TCP segment that the kernel sent, as far as the tests ask."""

    def __init__(self, source, destination, data):
        self.source, self.destination = source, destination
        self.sport, self.dport, self.seq, self.ack, offset, self.flags, self.window = \
            struct.unpack("!HHIIBBH", data[:16])
        length = (offset >> 4) * 4
        self.payload = data[length:]
        self.options = {}
        rest = data[20:length]
        while rest and rest[0] != 0:
            if rest[0] == 1:
                rest = rest[1:]
                continue
            self.options[rest[0]] = rest[2:rest[1]]
            rest = rest[rest[1]:]

    @property
    def kind(self):
        """"SA", "R", "RA", "A", "FA": the flags that matter."""
        return "".join(letter for letter, bit in
                       (("S", SYN), ("F", FIN), ("R", RST), ("A", ACK)) if self.flags & bit)

    def __repr__(self):
        return f"{self.kind} {self.source}.{self.sport} > {self.destination}.{self.dport} " \
               f"seq {self.seq} ack {self.ack} length {len(self.payload)}"


def _run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)


class Wire:
    """The device. Everything that the kernel sends is read, and kept until somebody takes it."""

    def __init__(self):
        try:
            self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(self.fd, _TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN_NO_PI))
        except OSError as error:
            raise NoDevice(f"no TUN device: {error}") from error
        # A packet is queued on the processor that wrote it: moving between them would let one overtake another.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        for name in ("all", DEVICE):
            for entry, value in (("rp_filter", 0), ("accept_local", 0)):
                with open(f"/proc/sys/net/ipv4/conf/{name}/{entry}", "w", encoding="ascii") as out:
                    out.write(str(value))
        with open(f"/proc/sys/net/ipv6/conf/{DEVICE}/addr_gen_mode", "w", encoding="ascii") as out:
            out.write("1")
        _run("ip", "link", "set", DEVICE, "txqueuelen", "20000", "up")
        _run("ip", "address", "add", SERVER[4] + "/32", "dev", DEVICE)
        _run("ip", "address", "add", SERVER[6] + "/128", "dev", DEVICE, "nodad")
        for network in CLIENTS.values():
            _run("ip", "route", "add", network, "dev", DEVICE)
        self.received = []
        self._barrier = 0

    def close(self):
        os.close(self.fd)

    def send(self, packet):
        """The kernel has processed the packet when barrier() returns, mostly already now."""
        os.write(self.fd, packet)

    def _read(self, timeout):
        """Takes one packet; returns its echo identifier if it answers a barrier."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        if not poll.poll(max(0, timeout * 1000)):
            return False
        packet = os.read(self.fd, 65536)
        if packet[0] >> 4 == 4:
            protocol, header = packet[9], (packet[0] & 15) * 4
            source, destination = packet[12:16], packet[16:20]
        else:
            protocol, header = packet[6], 40
            source, destination = packet[8:24], packet[24:40]
        data = packet[header:]
        if protocol == socket.IPPROTO_TCP:
            self.received.append(Segment(str(ipaddress.ip_address(source)),
                                         str(ipaddress.ip_address(destination)), data))
        elif protocol == socket.IPPROTO_ICMP and data[0] == 0:
            return struct.unpack("!H", data[4:6])[0]
        return True

    def barrier(self):
        """Returns when the kernel has processed all that was sent and its answers are in received.

        An echo request goes the same way as the segments, and nothing overtakes on it.
        """
        self._barrier = self._barrier % 0xFFFF + 1
        request = struct.pack("!BBHHH", 8, 0, 0, self._barrier, 0)
        request = request[:2] + struct.pack("!H", checksum(request)) + request[4:]
        client = str(ipaddress.ip_network(CLIENTS[4])[254])
        self.send(ip_packet(client, SERVER[4], socket.IPPROTO_ICMP, request))
        end = time.monotonic() + _BARRIER_S
        while True:
            answer = self._read(end - time.monotonic())
            if answer is False:
                raise TimeoutError("the kernel did not answer an echo request")
            if answer is not True and answer == self._barrier:
                return

    def take(self, wanted=lambda segment: True):
        """Removes the segments that are wanted from what was received until now, and returns them."""
        self.barrier()
        taken = [s for s in self.received if wanted(s)]
        self.received = [s for s in self.received if not wanted(s)]
        return taken

    def wait(self, wanted, timeout):
        """Waits for the first segment that is wanted; None when none comes. For timers of the kernel."""
        end = time.monotonic() + timeout
        while True:
            for segment in self.received:
                if wanted(segment):
                    self.received.remove(segment)
                    return segment
            if self._read(end - time.monotonic()) is False:
                return None


class Client:
    """One attempt: a 4-tuple and a client ISN."""

    def __init__(self, wire, family, number, port, isn=1000, **options):
        """number picks the address and the port of the client. options: see tcp_options()."""
        self.wire, self.family, self.port = wire, family, port
        self.address = str(ipaddress.ip_network(CLIENTS[family])[1 + number % 250])
        self.sport = 10000 + number
        self.isn, self.seq, self.ack = isn, isn + 1, 0
        self.options = options
        self.echo = 0
        self.heard = None  # the server's last timestamp

    def _options(self):
        return {"timestamp": (self.options["timestamp"][0], self.echo)} \
            if self.options.get("timestamp") else {}

    def raw(self, flags, seq, ack=0, payload=b"", **options):
        header = tcp_options(**options)
        data = struct.pack("!HHIIBBHHH", self.sport, self.port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                           (5 + len(header) // 4) << 4, flags, 64000, 0, 0) + header + payload
        data = with_checksum(self.address, SERVER[self.family], socket.IPPROTO_TCP, 16, data)
        self.wire.send(ip_packet(self.address, SERVER[self.family], socket.IPPROTO_TCP, data))

    def is_mine(self, segment):
        return (segment.destination, segment.dport, segment.sport) == \
            (self.address, self.sport, self.port)

    def answers(self):
        """What the kernel has answered since the last time; learns the server's sequence numbers."""
        segments = self.wire.take(self.is_mine)
        self.learn(segments)
        return segments

    def learn(self, segments):
        for segment in segments:
            if 8 in segment.options:
                self.heard = struct.unpack("!II", segment.options[8])[0]
            if segment.flags & SYN:
                self.ack = segment.seq + 1
                if 8 in segment.options:
                    self.echo = struct.unpack("!II", segment.options[8])[0]

    def kinds(self):
        return [segment.kind for segment in self.answers()]

    def syn(self, payload=b"", **options):
        options = {"mss": 1460, **self.options, **options}
        self.raw(SYN, self.isn, payload=payload, **options)
        return self.kinds()

    def final_ack(self, **changes):
        """Acknowledges the SYN-ACK. changes: flags, payload, ack_offset."""
        self.raw(ACK | changes.get("flags", 0), self.seq, self.ack + changes.get("ack_offset", 0),
                 changes.get("payload", b""), **self._options())
        return self.kinds()

    def data(self, payload=b"x"):
        """A data segment as a client sends it that believes it is connected. Always the same bytes."""
        return self.final_ack(flags=PSH, payload=payload)

    def rst(self, flags=0):
        self.raw(RST | flags, self.seq, self.ack if flags & ACK else 0)
        return self.kinds()

    def fin(self, payload=b""):
        return self.final_ack(flags=FIN, payload=payload)

    def fin_in_order(self):
        """A FIN that the kernel takes. Its ACK comes at once or up to 40 ms later: it is left out."""
        return [kind for kind in self.fin() if kind != "A"]

    def icmp_error(self, kind, code, seq=None):
        """An ICMP error about the SYN-ACK, from a router on the way; kind is the type of the family's ICMP."""
        server = SERVER[self.family]
        segment = struct.pack("!HHIIBBHHH", self.port, self.sport,
                              (self.ack - 1 if seq is None else seq) & 0xFFFFFFFF, self.seq,
                              0x50, SYN | ACK, 64000, 0, 0)
        quoted = ip_packet(server, self.address, socket.IPPROTO_TCP, segment)
        message = struct.pack("!BBHI", kind, code, 0, 0) + quoted
        if self.family == 4:
            protocol = socket.IPPROTO_ICMP
            message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
        else:
            protocol = socket.IPPROTO_ICMPV6
            message = with_checksum(self.address, server, protocol, 2, message)
        self.wire.send(ip_packet(self.address, server, protocol, message))
        return self.kinds()

    def connect(self):
        """The whole handshake; True when the SYN was answered by a SYN-ACK."""
        if self.syn() != ["SA"]:
            return False
        self.final_ack()
        return True
