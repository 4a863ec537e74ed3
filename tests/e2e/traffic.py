"""Clients that come one after the other, for the tests that break or end a recording meanwhile."""
import socket
import threading
import time

CLIENTS_MAX = 200_000  # of one test; it ends long before


class Traffic(threading.Thread):
    """Clients of a listener of its own, one after the other, and when each began."""

    def __init__(self, address="127.0.0.1", gap_s=0.002):
        super().__init__(daemon=True)
        self.listener = socket.create_server((address, 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.clients = []  # (time_ns, "address:port")
        self.gap_s, self.over = gap_s, False

    def run(self):
        while not self.over and len(self.clients) < CLIENTS_MAX:
            began = time.time_ns()
            try:
                with socket.create_connection(self.listener.getsockname(), timeout=5) as client:
                    host, port = client.getsockname()
                    self.clients.append((began, f"{host}:{port}"))
                    self.listener.accept()[0].close()
            except OSError:
                pass  # the interface may be gone
            time.sleep(self.gap_s)

    def stop(self):
        self.over = True
        self.join(30)
        self.listener.close()

    def between(self, first_ns, last_ns):
        return {client for began, client in list(self.clients) if first_ns <= began <= last_ns}
