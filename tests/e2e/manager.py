"""What a service manager is to the program: the socket of sd_notify(3), and a journal at standard error."""
import os
import socket
import subprocess


class Manager:
    """Starts the recorder and hears what it says; messages are a list of {NAME: VALUE}."""

    def __init__(self, folder, watchdog_s=0):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.socket.setblocking(False)
        self.messages, self.process = [], None
        self.errors = open(folder / "journal", "w+", encoding="utf-8")
        status = os.fstat(self.errors.fileno())
        self.environment = {**os.environ, "NOTIFY_SOCKET": self.path,
                            "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        if watchdog_s:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1_000_000))

    def start(self, *command, **options):
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=self.errors,
                                        env=self.environment, **options)
        return self.process

    def hear(self):
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except BlockingIOError:
                return self.messages
            self.messages.append(dict(line.split("=", 1) for line in text.splitlines()))

    def heard(self, name):
        """The values that came with this name, in order."""
        return [message[name] for message in self.hear() if name in message]

    def journal(self):
        self.errors.seek(0)
        return self.errors.read().splitlines()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.socket.close()
        self.errors.close()
