"""Programs of others that run beside a test and answer over HTTP."""
import socket
import subprocess
import urllib.parse
import urllib.request

from running import until


def free_address():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{s.getsockname()[1]}"


class Daemon:
    """A program that answers at self.address, with a log and all that it writes in a folder."""

    def __init__(self, folder, program, *options):
        folder.mkdir(exist_ok=True)
        self.log = open(folder / f"{program}.log", "w+b")
        self.process = subprocess.Popen([program, *options], stdout=self.log, stderr=subprocess.STDOUT, cwd=folder)

    def get(self, path, **parameters):
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        with urllib.request.urlopen(f"http://{self.address}{path}{query}", timeout=30) as response:
            return response.read()

    def wait_for(self, path):
        """Until it answers."""
        def answers():
            try:
                return bool(self.get(path))
            except OSError:
                assert self.process.poll() is None, self.written()
                return False

        try:
            until(answers, self.process.args[0])
        except AssertionError:
            self.process.kill()
            raise

    def written(self):
        self.log.seek(0)
        return self.log.read().decode()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.log.close()
