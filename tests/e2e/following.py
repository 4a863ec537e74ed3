"""Servers that run alone, or in a cgroup, without and with what is advised: what the tests that follow advice share."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from advising import end_group, free_port, is_listened_at, record
from running import until

PLAYS = 6
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture
def serve(folder):
    """serve(command) -> the port, when somebody listens there; {port} and {folder} in the command are filled in."""
    folder.mkdir(mode=0o755, exist_ok=True)
    # Servers that give up root are to get there.
    for path in (folder, *folder.parents):
        if path.stat().st_uid == 0 and not path.stat().st_mode & 1:
            path.chmod(path.stat().st_mode | 0o111)
    running = []

    def start(*command, files=(), cwd="/"):
        end()
        port = free_port()
        for name, text in dict(files).items():
            (folder / name).write_text(text.replace("@PORT@", str(port)).replace("@FOLDER@", str(folder)), encoding="utf-8")
        words = [str(word).replace("@PORT@", str(port)).replace("@FOLDER@", str(folder)) for word in command]
        assert shutil.which(words[0], path="/usr/sbin:/usr/bin:/bin"), f"not installed, see scripts/packages: {words[0]}"
        with open(folder / "output", "ab") as output:
            running.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            start_new_session=True, cwd=cwd))
        until(lambda: is_listened_at(port) or running[-1].poll() is not None, "a listener")
        assert running[-1].poll() is None, (folder / "output").read_text(encoding="utf-8")
        return port

    def end():
        while running:
            end_group(running.pop())

    start.end = end
    yield start
    end()


class Play:
    """One server without and with what is advised: start(setting) -> port, clients(port) -> Clients."""

    def __init__(self, synscope, folder, start, clients):
        self.synscope, self.folder, self.start, self.clients = synscope, folder, start, clients
        self.number, self.report = 0, None
        self.without, self.before = None, None

    def trouble(self, rule, setting):
        """(the advice, the clients): it is among the advice, and first of all that helps clients."""
        starved = False
        for _ in range(PLAYS):
            port = self.start(setting)
            came = []
            self.number += 1
            report = record(self.synscope, self.folder / f"r{self.number}", port,
                            lambda: came.append(self.clients(port).join()))
            self.report = report
            if report["advice"] and report["advice"][0]["rule"] == rule:
                self.without, self.before = setting, came[0]
                return report["advice"][0], came[0]
            assert not {"backlog-binds", "somaxconn-binds"} & {one["rule"] for one in report["advice"]}, report["advice"]
            starved |= "a host with more work than CPUs" in str(report["advice"])
        if not report["advice"]:
            pytest.skip("the server took them all: no advice to follow")
        if starved:
            pytest.skip("this machine is so busy that the server had no CPU, as the advice says")
        raise AssertionError(f"not {rule}: {report['advice']}")

    def followed(self, setting, better):
        """The clients with it, when better(they, those without it): both played again while this machine is as busy."""
        for _ in range(PLAYS):
            came = self.clients(self.start(setting)).join()
            if better(came, self.before):
                return came
            self.before = self.clients(self.start(self.without)).join()
        raise AssertionError(f"no better with {setting}: {came.served} served, {came.prompt} at once, {came.took}; "
                             f"without {self.before.served}, {self.before.prompt}, {self.before.took}")


@pytest.fixture
def play(synscope, folder):
    return lambda start, clients: Play(synscope, folder, start, clients)


def number_in(advice, pattern):
    found = re.search(pattern, advice["text"])
    assert found, advice
    return int(found.group(1))


class Cgroup:
    """Two of the test's own, one in the other, for cpu and freezing: version 1 or 2, whichever this machine has.

    The quota is that of the outer one, what runs is in the inner one."""

    def __init__(self, name):
        root = pathlib.Path("/sys/fs/cgroup")
        self.v2 = (root / "cgroup.controllers").exists()
        parents = [root] if self.v2 else [root / "cpu", root / "freezer"]
        self.outer = [parent / name for parent in parents]
        self.inner = [outer / "inner" for outer in self.outer]
        for parent, outer, inner in zip(parents, self.outer, self.inner):
            if self.v2:
                (parent / "cgroup.subtree_control").write_text("+cpu", encoding="ascii")
            outer.mkdir()
            if self.v2:
                (outer / "cgroup.subtree_control").write_text("+cpu", encoding="ascii")
            inner.mkdir()

    def remove(self):
        for outer, inner in zip(self.outer, self.inner):
            until(lambda: not (inner / "cgroup.procs").read_text(encoding="ascii"), "its processes to end")
            inner.rmdir()
            outer.rmdir()

    def wrap(self, *command):
        """The command that runs this one in it."""
        files = " ".join(str(inner / "cgroup.procs") for inner in self.inner)
        return ["sh", "-ec", 'for file in $0; do echo $$ >$file; done; exec "$@"', files, *command]

    def quota(self, percent):
        """None: as much as there is."""
        if self.v2:
            (self.outer[0] / "cpu.max").write_text(f"{percent * 1000 if percent else 'max'} 100000", encoding="ascii")
        else:
            (self.outer[0] / "cpu.cfs_quota_us").write_text(str(percent * 1000 if percent else -1), encoding="ascii")

    def throttled(self):
        """Periods, by the kernel's count."""
        return int(re.search(r"nr_throttled (\d+)", (self.outer[0] / "cpu.stat").read_text(encoding="ascii")).group(1))

    def freeze(self, frozen):
        """Returns when it is so."""
        if self.v2:
            (self.outer[0] / "cgroup.freeze").write_text(str(int(frozen)), encoding="ascii")
            state, word = self.inner[0] / "cgroup.events", f"frozen {int(frozen)}"
        else:
            (self.outer[1] / "freezer.state").write_text("FROZEN" if frozen else "THAWED", encoding="ascii")
            state, word = self.inner[1] / "freezer.state", "FROZEN" if frozen else "THAWED"
        until(lambda: word in state.read_text(encoding="ascii"), word)


@pytest.fixture
def cgroup(serve):
    try:
        made = Cgroup(f"synscope-test-{os.getpid()}")
    except OSError as error:
        pytest.skip(f"no cgroup with a CPU quota can be made here: {error}")
    yield made
    # Version 1 does not let one that is frozen be killed.
    made.freeze(False)
    made.quota(None)
    serve.end()
    made.remove()
