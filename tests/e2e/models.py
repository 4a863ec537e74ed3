"""A server of a chosen model that logs what accept() gave it: python3 models.py CONFIG (JSON).

CONFIG: model (below), address, port, backlog, workers, hold_s and pause_s (lists to choose from), seed, fastopen,
defer_accept, keeps (this process keeps the listener open, and does not accept), log. Each accept() is a line of the log: client, pid, before_ns and after_ns (around the call), and the
inode of the listener. Reads commands, a line each, and answers "done": "listen N" (again, with another backlog),
"close" (the listener, and who accepts from it), "open" (a new one in its place), "worker" (replaces one of them).

iterative: one after the other. thread: a thread serves each. fork: a child serves each. prefork: workers accept from one
listener. reuseport: each worker has a listener of its own. young: children accept, each as soon as it is forked, a few
connections, beside their parent.
"""
import json
import os
import random
import signal
import socket
import sys
import threading
import time


class Service:
    def __init__(self, config):
        self.config, self.random = config, random.Random(config["seed"])
        self.listener, self.workers = None, []
        self.log = os.open(config["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def listen(self):
        address = self.config["address"]
        listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.config["model"] == "reuseport":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if address == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if self.config["defer_accept"]:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, self.config["defer_accept"])
        if self.config["fastopen"]:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, self.config["fastopen"])
        listener.bind((address, self.config["port"]))
        listener.listen(self.config["backlog"])
        return listener

    def take(self, listener):
        """One connection, and a line of the log."""
        inode, before_ns = os.fstat(listener.fileno()).st_ino, time.time_ns()
        connection, client = listener.accept()
        host = client[0].removeprefix("::ffff:")
        entry = {"client": f"[{host}]:{client[1]}" if ":" in host else f"{host}:{client[1]}", "pid": os.getpid(),
                 "before_ns": before_ns, "after_ns": time.time_ns(), "inode": inode}
        os.write(self.log, (json.dumps(entry) + "\n").encode())
        return connection

    def serve(self, connection, hold_s):
        with connection:
            connection.settimeout(2)
            try:
                if connection.recv(100):
                    time.sleep(hold_s)
                    connection.sendall(b"reply")
            except OSError:
                pass

    def accept_for_ever(self, listener, threads=False, children=False):
        while True:
            connection = self.take(listener)
            hold_s = self.random.choice(self.config["hold_s"])
            if threads:
                threading.Thread(target=self.serve, args=(connection, hold_s), daemon=True).start()
            elif children:
                if os.fork() == 0:
                    self.serve(connection, hold_s)
                    os._exit(0)
                connection.close()
            else:
                self.serve(connection, hold_s)
            time.sleep(self.random.choice(self.config["pause_s"]))

    def young(self):
        """Has children that take one or two connections and end."""
        while True:
            if self.random.random() < 0.5:
                if os.fork() == 0:
                    signal.alarm(20)
                    for _ in range(self.random.choice((1, 1, 2))):
                        self.serve(self.take(self.listener), self.random.choice(self.config["hold_s"]))
                    os._exit(0)
            else:
                self.serve(self.take(self.listener), 0)
            time.sleep(self.random.choice(self.config["pause_s"]))

    def work(self, listener):
        """What a worker does, until it is killed."""
        model = self.config["model"]
        if model == "young":
            self.young()
        self.accept_for_ever(listener, threads=model in ("thread", "reuseport"), children=model == "fork")

    def hire(self):
        """A worker."""
        own = self.config["model"] == "reuseport"
        ready, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            # Its children end with it.
            os.setpgid(0, 0)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            os.close(ready)
            listener = self.listener
            while own and not listener:
                try:
                    listener = self.listen()
                except OSError:
                    time.sleep(0.005)
            os.write(told, b"x")
            os.close(told)
            self.work(listener)
        os.close(told)
        os.read(ready, 1)
        os.close(ready)
        self.workers.append(pid)

    def fire(self, pid):
        for send in (os.killpg, os.kill):
            try:
                send(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.waitpid(pid, 0)
        self.workers.remove(pid)

    def open(self):
        while self.config["model"] != "reuseport" and not self.listener:
            try:
                self.listener = self.listen()
            except OSError:
                time.sleep(0.005)  # a child of one that was killed still has the port
        for _ in range(self.config["workers"]):
            self.hire()
        if self.listener and not self.config["keeps"]:
            self.listener.close()
            self.listener = None

    def close(self):
        if self.listener:
            self.listener.close()
            self.listener = None
        for pid in list(self.workers):
            self.fire(pid)

    def command(self, word, *numbers):
        if word == "listen" and self.listener:
            self.config["backlog"] = int(numbers[0])
            self.listener.listen(self.config["backlog"])
        elif word == "close":
            self.close()
        elif word == "open":
            self.open()
        elif word == "worker" and self.workers:
            self.fire(self.random.choice(self.workers))
            self.hire()
        elif word in ("stop", "continue"):
            for pid in self.workers[:int(numbers[0])]:
                os.killpg(pid, signal.SIGSTOP if word == "stop" else signal.SIGCONT)


def main():
    service = Service(json.loads(sys.argv[1]))
    service.open()
    print("done", flush=True)
    for line in sys.stdin:
        service.command(*line.split())
        print("done", flush=True)
    service.close()


if __name__ == "__main__":
    main()
