"""A server that tells what accept() gave it: python3 accepting.py FAMILY BACKLOG WHAT [OPTION...]

Prints the port it listens on, then a JSON object for each connection that accept() returned:
client, called_ns, returned_ns (around accept()), left (its client had closed already: the socket
was in CLOSE_WAIT or later), reset (by its client: an error waited on the socket), read.

WHAT it does with each: serve (read, reply, wait for the end), greet (speak first, then wait for the
end), close (at once), fork (a child serves). Options: fastopen, mptcp, pause=SECONDS before each accept().
"""
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

CLOSE_WAIT, CLOSE = 8, 7
MPTCP = 262
FASTOPEN = 23


def listen(family, backlog, options):
    kind = MPTCP if "mptcp" in options else 0
    listener = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM, kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "mptcp" in options:
        listener.bind(("::" if family == 6 else "0.0.0.0", 0))
    else:
        listener.bind(("::1" if family == 6 else "127.0.0.1", 0))
    if "fastopen" in options:
        listener.setsockopt(socket.IPPROTO_TCP, FASTOPEN, 64)
    listener.listen(backlog)
    return listener


def state_of(connection):
    return struct.unpack_from("B", connection.getsockopt(socket.IPPROTO_TCP, 11, 104))[0]


def work(connection, what):
    """What it could read first; None where there was an error."""
    first = b""
    try:
        if what == "greet":
            connection.sendall(b"220 hello\r\n")
        elif what != "close":
            first = connection.recv(100)
            connection.sendall(b"reply")
        while what != "close" and connection.recv(100):
            pass
    except OSError:
        first = None
    connection.close()
    return first


def main():
    family, backlog, what, *options = sys.argv[1:]
    pause = next((float(option[6:]) for option in options if option.startswith("pause=")), 0)
    listener = listen(int(family), int(backlog), options)
    if what == "fork":
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print(listener.getsockname()[1], flush=True)
    while True:
        time.sleep(pause)
        called = time.time_ns()
        connection, peer = listener.accept()
        returned = time.time_ns()
        told = {"client": f"[{peer[0]}]:{peer[1]}" if family == "6" else f"{peer[0]}:{peer[1]}",
                "called_ns": called, "returned_ns": returned}
        if "mptcp" not in options:
            state = state_of(connection)
            told["left"], told["reset"] = state == CLOSE_WAIT, state == CLOSE
        print(json.dumps(told), flush=True)
        if what == "close":
            connection.close()
        elif what == "fork":
            if os.fork() == 0:
                work(connection, "serve")
                os._exit(0)
            connection.close()
        else:
            threading.Thread(target=work, args=(connection, what), daemon=True).start()


if __name__ == "__main__":
    main()
