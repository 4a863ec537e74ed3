"""A server that does with its sockets what it is told, line by line, in a network namespace of the test's."""
import json
import subprocess
import sys
import time

PROGRAM = r'''
import array, json, os, signal, socket, sys, time
LISTENERS, HELD, CHILDREN = {}, {}, {}

def listen(backlog, name="l", address="127.0.0.1", port=7000, reuseport=False):
    if name not in LISTENERS:
        s = LISTENERS[name] = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuseport:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind((address, port))
    LISTENERS[name].listen(backlog)
    return cookie(name)

def cookie(name="l"):
    return int.from_bytes(LISTENERS[name].getsockopt(socket.SOL_SOCKET, 57, 8), sys.byteorder)

def accept(count=1, name="l", answer=b"", close=True):
    """The clients' ports, and when accept() had returned each."""
    done = []
    for _ in range(count):
        s, peer = LISTENERS[name].accept()
        done.append([peer[1], os.getpid(), time.time_ns()])
        try:
            if answer:
                s.recv(1000)
                s.sendall(answer)
        except OSError:
            pass
        if close:
            s.close()
        else:
            HELD[peer[1]] = s
    return done

def drop(port):
    HELD.pop(port).close()

def close(name="l"):
    LISTENERS.pop(name).close()
    return time.time_ns()

def fork(close_listener=False, keep=False):
    """A child that takes orders over a socket; its pid. keep: it has the accepted connections too."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid:
        there.close()
        CHILDREN[pid] = here
        return pid
    here.close()
    CHILDREN.clear()
    if not keep:
        HELD.clear()
    if close_listener:
        for s in LISTENERS.values():
            s.close()
        LISTENERS.clear()
    globals()["UP"] = there
    while True:
        order = there.recv(4096)
        if not order:
            os._exit(0)
        there.send(json.dumps(eval(order)).encode())

def child(pid, order):
    CHILDREN[pid].send(order.encode())
    return json.loads(CHILDREN[pid].recv(1 << 20))

def hand_over(pid, name="l"):
    """The listener goes to the child, which takes it; this process has it no more."""
    CHILDREN[pid].send(b"take(%r)" % name)
    socket.send_fds(CHILDREN[pid], [b"x"], [LISTENERS[name].fileno()])
    CHILDREN[pid].recv(4096)
    return close(name)

def take(name):
    _, fds, _, _ = socket.recv_fds(UP, 1, 1)
    LISTENERS[name] = socket.socket(fileno=fds[0])

def end(pid):
    CHILDREN.pop(pid).close()
    os.waitpid(pid, 0)
    return time.time_ns()

print("up", flush=True)
for line in sys.stdin:
    print(json.dumps(eval(line)), flush=True)
'''


class Process:
    """Told what to do by do("listen(4)"): the result of that call. Ends with close()."""

    def __init__(self, space):
        # The name that /proc gives it is the interpreter's.
        self.process = subprocess.Popen(space.enter(sys.executable, "-c", PROGRAM), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.process.stdout.readline() == "up\n"
        self.pid = self.do("os.getpid()")

    def do(self, order):
        self.say(order)
        return self.result()

    def say(self, order):
        self.process.stdin.write(order.replace("\n", " ") + "\n")
        self.process.stdin.flush()

    def result(self):
        line = self.process.stdout.readline()
        assert line, "the server has ended"
        return json.loads(line)

    def kill(self):
        """As SIGKILL does it; when it was over."""
        self.process.kill()
        self.process.wait()
        return time.time_ns()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


CLIENTS = r'''
import json, socket, sys, time
HELD = {}

def connect(count=1, address="127.0.0.1", port=7000, request=b"", wait=True):
    """The clients' own ports. Not wait: those that are not answered yet are among them."""
    ports = []
    for _ in range(count):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        s.settimeout(30 if wait else 0)
        s.connect_ex((address, port))
        if request and wait:
            s.sendall(request)
        HELD[s.getsockname()[1]] = s
        ports.append(s.getsockname()[1])
    return ports

def finish(ports=None, timeout=30):
    """Reads each to its end and closes it: its port -> what it got, or the error."""
    got = {}
    for port in list(HELD) if ports is None else ports:
        s = HELD.pop(port)
        s.settimeout(timeout)
        try:
            data = b""
            while True:
                more = s.recv(4096)
                if not more:
                    break
                data += more
            got[port] = data.decode("latin1")
        except OSError as error:
            got[port] = type(error).__name__
        s.close()
    return got

print("up", flush=True)
for line in sys.stdin:
    print(json.dumps(eval(line)), flush=True)
'''


class Clients(Process):
    """The same for clients."""

    def __init__(self, space):
        self.process = subprocess.Popen(space.enter(sys.executable, "-c", CLIENTS), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.process.stdout.readline() == "up\n"
