"""A listener whose queue fills and drains when the test says so."""
import socket


class Listener:
    """A listener that accepts when it is told to."""

    def __init__(self, backlog, address="127.0.0.1", port=0, reuseport=False):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuseport:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind((address, port))
        self.socket.listen(backlog)
        self.port = self.socket.getsockname()[1]
        self.clients = []
        self.served = []

    def connect(self, count=1):
        for _ in range(count):
            client = socket.socket(self.socket.family)
            client.setblocking(False)
            client.connect_ex(self.socket.getsockname())
            self.clients.append(client)

    def accept(self, count):
        self.served += [self.socket.accept()[0] for _ in range(count)]

    def close(self):
        for s in [self.socket, *self.clients, *self.served]:
            s.close()
