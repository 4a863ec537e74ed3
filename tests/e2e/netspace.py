"""A network namespace of a test's own, seen from outside, where the program was started.

The kernel tells of forks in the initial network namespace alone. So these tests stay
where they were started, and only what they start enters the namespace: servers and
clients through enter(), the recording by its own --netns.
"""
import os
import pathlib
import subprocess

IS_ROOT = os.geteuid() == 0


class Netspace:
    """lo is up; sysctls: names to values, set before anything listens. Ends with close()."""

    def __init__(self, **sysctls):
        user = [] if IS_ROOT else ["--user", "--map-root-user"]
        script = ["ip link set lo up"]
        script += [f"echo {value} >/proc/sys/{name.replace('.', '/')}" for name, value in sysctls.items()]
        self.keeper = subprocess.Popen(
            ["unshare", *user, "--net", "sh", "-ec", "; ".join([*script, "echo up", "exec cat"])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.keeper.stdout.readline() != "up\n":
            raise OSError(f"no private network namespace: {self.keeper.stderr.read()}")

    @property
    def pid(self):
        return self.keeper.pid

    def enter(self, *command):
        """The command line that runs command in the namespace."""
        user = [] if IS_ROOT else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self.pid), *user, "--net", "--", *map(str, command)]

    def run(self, *command, **options):
        return subprocess.run(self.enter(*command), check=True, capture_output=True, text=True, **options)

    def counters(self):
        """TcpExt of the namespace."""
        lines = pathlib.Path(f"/proc/{self.pid}/net/netstat").read_text(encoding="ascii").splitlines()
        names, values = [line.split()[1:] for line in lines if line.startswith("TcpExt:")]
        return dict(zip(names, map(int, values)))

    def close(self):
        self.keeper.stdin.close()
        self.keeper.wait()
        self.keeper.stdout.close()
        self.keeper.stderr.close()
