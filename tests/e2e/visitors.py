"""Clients of a plan: python3 visitors.py < PLAN (JSON), a list of visits; prints what each saw.

A visit: at_s (when it comes), client and server (addresses), port, what (below), patience_s. Printed: client, number (of
its visit), outcome, heard, began_ns, connected_ns, ended_ns.

request: sends one when it is connected, and waits for the reply. early: one that is sent with the final ACK, as far as
the kernel can. quiet: says nothing, and leaves. half: closes its half behind its request. gone: closes at once, reset:
with a RST. fastopen: its request is in the SYN. again: gives up, and comes anew from another port.
"""
import heapq
import json
import select
import socket
import struct
import sys
import time

MSG_FASTOPEN = 0x20000000
LINGER = struct.pack("ii", 1, 0)


class Visit:
    def __init__(self, number, plan):
        self.plan, self.number = plan, number
        self.socket = socket.socket(socket.AF_INET6 if ":" in plan["server"] else socket.AF_INET)
        self.socket.setblocking(False)
        self.result = {"number": number, "outcome": "TimeoutError", "heard": False, "began_ns": time.time_ns(),
                       "connected_ns": None, "what": plan["what"]}

    def begin(self):
        self.socket.bind((self.plan["client"], 0))
        if self.plan["what"] == "early":
            # Nothing is sent before there is something to send with the ACK.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        address = (self.plan["server"], self.plan["port"])
        try:
            if self.plan["what"] == "fastopen":
                self.socket.sendto(b"request", MSG_FASTOPEN, address)
            else:
                self.socket.connect(address)
        except BlockingIOError:
            pass
        host, port = self.socket.getsockname()[:2]
        self.result["client"] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def connected(self):
        """Whether it goes on waiting."""
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.result["outcome"] = type(OSError(error, "")).__name__
            return False
        self.result["outcome"], self.result["connected_ns"] = "connected", time.time_ns()
        what = self.plan["what"]
        try:
            if what in ("request", "early", "half", "again"):
                self.socket.send(b"request")
            if what == "half":
                self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:  # it was reset just now
            self.result["after"] = type(error).__name__
            return False
        return what not in ("gone", "reset")

    def hear(self):
        try:
            self.result["heard"] = self.socket.recv(100) != b""
        except OSError as error:
            self.result["after"] = type(error).__name__

    def end(self):
        if self.plan["what"] == "reset":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        self.result["ended_ns"] = time.time_ns()
        self.socket.close()


def main():
    start, results, agenda, visits = time.monotonic(), [], [], {}
    for number, plan in enumerate(json.load(sys.stdin)):
        heapq.heappush(agenda, (plan["at_s"], number, "begin", plan))
    poll = select.epoll()

    def end(visit):
        poll.unregister(visit.socket)
        del visits[visit.socket.fileno()]
        visit.end()
        results.append(visit.result)

    while agenda or visits:
        now = time.monotonic() - start
        while agenda and agenda[0][0] <= now:
            _, number, what, plan = heapq.heappop(agenda)
            if what == "end":
                visit = plan
                if visits.get(visit.socket.fileno()) is visit:
                    if visit.result["outcome"] == "TimeoutError" and visit.plan["what"] == "again":
                        anew = dict(visit.plan, what="request")
                        heapq.heappush(agenda, (now, number, "begin", anew))
                    end(visit)
                continue
            visit = Visit(number, plan)
            try:
                visit.begin()
            except OSError as error:
                visit.result["outcome"] = type(error).__name__
            visits[visit.socket.fileno()] = visit
            poll.register(visit.socket, select.EPOLLOUT)
            heapq.heappush(agenda, (now + plan["patience_s"], number, "end", visit))
        until = agenda[0][0] - (time.monotonic() - start) if agenda else 1
        for descriptor, _ in poll.poll(max(0, until)):
            visit = visits[descriptor]
            if visit.result["connected_ns"] is None:
                if visit.connected():
                    poll.modify(descriptor, select.EPOLLIN)
                else:
                    end(visit)
            else:
                visit.hear()
                end(visit)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
