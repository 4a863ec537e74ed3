"""Packets of a port on lo, taken beside the program under test: who sent what when, and what became of it."""
import collections
import socket
import struct
import threading

FIN, SYN, RST, ACK = 1, 2, 4, 16
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE, _ETH_P_ALL = 35, 33, 3

# client: it comes from there; at: of the packet, as the kernel stamped it, nanoseconds.
Segment = collections.namedtuple("Segment", "at client from_client flags seq ack length")


class Sniffer(threading.Thread):
    """Takes packets until stop()."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.segments, self.over = port, [], threading.Event()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.bind(("lo", _ETH_P_ALL))
        self.socket.settimeout(0.1)
        self.start()

    def run(self):
        while True:
            try:
                frame, ancillary, _, address = self.socket.recvmsg(2048, 64)
            except TimeoutError:
                if self.over.is_set():
                    return
                continue
            if address[2] == socket.PACKET_OUTGOING:
                continue
            seconds, nanoseconds = struct.unpack("=qq", ancillary[0][2])
            segment = self.decode(frame, seconds * 10**9 + nanoseconds)
            if segment:
                self.segments.append(segment)

    def decode(self, frame, at):
        kind = struct.unpack_from("!H", frame, 12)[0]
        if kind == 0x0800 and frame[23] == 6:
            start, total = 14 + 4 * (frame[14] & 15), 14 + struct.unpack_from("!H", frame, 16)[0]
            source, destination = (socket.inet_ntop(socket.AF_INET, frame[i:i + 4]) for i in (26, 30))
        elif kind == 0x86dd and frame[20] == 6:
            start, total = 54, 54 + struct.unpack_from("!H", frame, 18)[0]
            source, destination = (f"[{socket.inet_ntop(socket.AF_INET6, frame[i:i + 16])}]" for i in (22, 38))
        else:
            return None
        sport, dport, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", frame, start)
        if self.port not in (sport, dport):
            return None
        client = f"{source}:{sport}" if dport == self.port else f"{destination}:{dport}"
        return Segment(at, client, dport == self.port, flags, seq, ack, total - start - 4 * (offset >> 4))

    def stop(self):
        """(client, ISN) -> the segments of each attempt, in order of time."""
        self.over.set()
        self.join()
        self.socket.close()
        attempts, latest = collections.defaultdict(list), {}
        for segment in sorted(self.segments, key=lambda s: s.at):
            if segment.from_client and segment.flags & (SYN | ACK) == SYN:
                latest[segment.client] = segment.seq
            if segment.client in latest:
                attempts[segment.client, latest[segment.client]].append(segment)
        return attempts
