"""What record does to folders that are there, to a second recorder, and with the status of COMMAND."""
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess

import pytest

from running import until

FILES = ("packets.pcap", "events.jsonl", "meta.json")


def needs_other_users():
    uid_map = pathlib.Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    if os.geteuid() != 0 or int(uid_map[2]) < 65535:
        pytest.skip("there is no other user in this user namespace")


def state(path):
    status = path.stat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


def one_line(text):
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


# Folders that are there

@pytest.fixture(params=["named", "current"])
def existing(request, tmp_path):
    """(folder, the -o argument, the working directory)"""
    tmp_path.chmod(0o755)
    folder = tmp_path / "home"
    folder.mkdir()
    return (folder, folder, None) if request.param == "named" else (folder, ".", folder)


@pytest.mark.parametrize("command, mode", [(("record", "-d", "200ms"), 0o700), (("record", "-q", "-d", "200ms"), 0o1777),
                                           (("watch", "-q", "-d", "200ms"), 0o755)])
def test_a_folder_that_was_there_keeps_owner_and_mode(run, namespace, existing, command, mode):
    needs_other_users()
    folder, output, cwd = existing
    folder.chmod(mode)
    before = state(folder)
    (folder / "mine").write_text("mine")
    mine = state(folder / "mine")
    result = run(*command, "-i", "lo", "-o", output, "1", cwd=cwd)
    assert result.returncode == 0, result.stderr
    assert state(folder) == before
    assert state(folder / "mine") == mine
    assert sorted(os.listdir(folder)) == sorted([*FILES, "mine"])
    for name in FILES:
        assert state(folder / name)[0] != 0
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["end_ns"] is not None
    assert run("report", folder).returncode == 0


def test_another_users_folder_stays_theirs(run, namespace, tmp_path):
    needs_other_users()
    tmp_path.chmod(0o755)
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o750)
    os.chown(folder, 12345, 12346)
    before = state(folder)
    result = run("record", "-q", "-d", "200ms", "-i", "lo", "-o", folder, "1")
    assert result.returncode == 0, result.stderr
    assert state(folder) == before
    assert json.loads((folder / "meta.json").read_text())["end_ns"] is not None


def test_a_new_folder_is_given_to_the_user(run, namespace, tmp_path):
    needs_other_users()
    tmp_path.chmod(0o755)
    for name, arguments in (("one", ()), ("parts", ("--rotate-time", "1s"))):
        folder = tmp_path / name
        result = run("record", "-q", "-d", "200ms", "-i", "lo", *arguments, "-o", folder, "1")
        assert result.returncode == 0, result.stderr
        made = [folder, *folder.rglob("*")]
        assert len(made) >= 4
        assert all(state(path)[0] != 0 for path in made)


def test_parts_in_a_folder_that_may_not_be_written_are_refused_at_once(run, namespace, tmp_path):
    needs_other_users()
    tmp_path.chmod(0o755)
    folder = tmp_path / "roots"
    folder.mkdir(mode=0o755)
    result = run("record", "-q", "-d", "200ms", "-i", "lo", "--rotate-time", "1s", "-o", folder, "1")
    assert result.returncode == 1
    assert "cannot write to it" in result.stderr.splitlines()[-1]
    assert os.listdir(folder) == []
    result = run("record", "-q", "-d", "1500ms", "-i", "lo", "--rotate-time", "1s", "--user", "root", "-o", folder, "1")
    assert result.returncode == 0, result.stderr
    assert "000002" in os.listdir(folder)


# Two recorders

@pytest.fixture
def recording(synscope, namespace, tmp_path):
    tmp_path.chmod(0o755)
    folder = tmp_path / "recording"
    process = subprocess.Popen([synscope, "record", "-q", "-o", folder, "-i", "lo", "1"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: (folder / "meta.json").exists(), "a recording")
    yield process, folder
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("command", ["record", "watch", "demo"])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_folder_that_is_recorded_to_is_not_for_another(recording, run, command, force):
    process, folder = recording
    before = {name: (folder / name).stat().st_ino for name in FILES}
    target = () if command == "demo" else ("-d", "200ms", "-i", "lo", "1")
    result = run(command, "-o", folder, *force, *target)
    assert result.returncode == 1
    assert f"process {process.pid} is recording there" in one_line(result.stderr)
    assert {name: (folder / name).stat().st_ino for name in FILES} == before
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert run("report", folder).returncode == 0
    assert run("record", "-q", "-o", folder, "-d", "200ms", "-i", "lo", "1").returncode == 1
    assert run("record", "-q", "-o", folder, "-d", "200ms", "-i", "lo", "--force", "1").returncode == 0


def test_parts_are_locked_as_a_whole(synscope, namespace, tmp_path, run):
    tmp_path.chmod(0o755)
    folder = tmp_path / "parts"
    process = subprocess.Popen([synscope, "record", "-q", "-o", folder, "-i", "lo", "--rotate-time", "1s", "1"],
                               stderr=subprocess.PIPE)
    try:
        until(lambda: (folder / "000002").exists(), "the second part")
        result = run("record", "-q", "-o", folder, "--force", "-d", "200ms", "-i", "lo", "1")
        assert result.returncode == 1
        assert f"process {process.pid} is recording there" in one_line(result.stderr)
        assert (folder / "000001").exists()
    finally:
        process.terminate()
        assert process.wait(30) == 0
        process.communicate()


def test_a_recorder_that_was_killed_leaves_no_lock(synscope, namespace, tmp_path, run):
    """Nor does the guardian of its COMMAND hold one."""
    tmp_path.chmod(0o755)
    folder = tmp_path / "r"
    process = subprocess.Popen([synscope, "record", "-q", "-o", folder, "-i", "lo", "1", "--",
                                "sh", "-c", f"trap '' TERM; echo $$ > {tmp_path}/pid; sleep 30 & wait; wait"],
                               stderr=subprocess.DEVNULL)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "COMMAND")
    process.kill()
    process.wait()
    try:
        result = run("record", "-q", "-o", folder, "--force", "-d", "200ms", "-i", "lo", "1")
        assert result.returncode == 0, result.stderr
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


# COMMAND

@pytest.fixture
def record(run, namespace, tmp_path):
    tmp_path.chmod(0o755)

    def start(*command, options=("-q",), folder="r"):
        return run("record", *options, "-o", tmp_path / folder, "-i", "lo", "1", "--", *command)

    return start


@pytest.mark.parametrize("options", [("-q",), ("-q", "--fail-on", "drops"), ("-f", "json", "--fail-on", "drops")])
@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 1", 1), ("exit 42", 42), ("kill -9 $$", 137),
                                            ("kill -15 $$", 143)])
def test_the_status_of_command_is_passed_on(record, tmp_path, options, script, status):
    result = record("sh", "-c", script, options=options)
    # A wrong port is no green gate: nothing listens on this one, and nobody connects to it.
    observed = "--fail-on" not in options
    assert result.returncode == (status or (0 if observed else 4)), result.stderr
    assert ("nothing listened" in result.stderr) != observed
    assert (tmp_path / "r" / "meta.json").exists()
    if 0 < status < 128:
        assert f"sh exited with status {status}" in result.stderr
    elif status:
        assert f"sh was killed by signal {status - 128} (" in result.stderr


@pytest.mark.parametrize("options, mixed", [((), True), (("-q",), True), (("-f", "json"), False), (("-f", "tsv"), False),
                                             (("-q", "--rows", "-"), False)])
def test_what_command_prints_does_not_mix_with_data(record, options, mixed):
    result = record("echo", "printed by COMMAND", options=options)
    assert result.returncode == 0, result.stderr
    assert ("printed by COMMAND" in result.stdout, "printed by COMMAND" in result.stderr) == (mixed, not mixed)
    if "json" in options:
        json.loads(result.stdout)


def not_executable(folder):
    path = folder / "script"
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o644)
    return path


def no_interpreter(folder):
    path = folder / "script"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("make, status", [(lambda _: "/no/such/program", 127), (lambda _: "no-such-program", 127),
                                          (lambda _: "", 127), (not_executable, 126), (lambda folder: folder, 126),
                                          (no_interpreter, 127)])
def test_a_command_that_cannot_start_leaves_nothing_behind(record, tmp_path, make, status):
    command = make(tmp_path)
    before = sorted(os.listdir(tmp_path))
    result = record(command)
    assert result.returncode == status, result.stderr
    assert str(command) in one_line(result.stderr)
    assert sorted(os.listdir(tmp_path)) == before
    assert record("true").returncode == 0


@pytest.mark.parametrize("options", [("-q",), ("-q", "--rotate-time", "1s")])
def test_nor_does_it_touch_what_was_there(record, tmp_path, options):
    """Of a folder that was there, it stays; of a recording that --force would replace, all of it."""
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "mine").write_text("mine")
    assert record(no_interpreter(tmp_path), options=(*options, "--user", "root")).returncode == 127
    assert os.listdir(tmp_path / "r") == ["mine"]
    assert record("true").returncode == 0
    before = {name: (tmp_path / "r" / name).read_bytes() for name in FILES}
    assert record("no-such-program", options=(*options, "--force")).returncode == 127
    assert {name: (tmp_path / "r" / name).read_bytes() for name in FILES} == before


def test_a_command_that_is_told_to_end_has_not_failed(run, namespace, tmp_path):
    tmp_path.chmod(0o755)
    for folder, command in (("a", ("sleep", "60")), ("b", ("sh", "-c", "trap 'exit 143' TERM; while :; do sleep 0.05; done"))):
        result = run("record", "-q", "-o", tmp_path / folder, "-i", "lo", "-d", "300ms", "1", "--", *command)
        assert result.returncode == 0, result.stderr
    result = run("record", "-q", "-o", tmp_path / "c", "-i", "lo", "-d", "300ms", "1", "--",
                 "sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.05; done")
    assert result.returncode == 9


# What was not seen

def test_connections_that_the_capture_missed_are_told_of(run, namespace, listen, synscope, tmp_path):
    """On an interface that they do not take."""
    tmp_path.chmod(0o755)
    listener = listen(8)
    subprocess.run(["ip", "link", "add", "syn-idle", "type", "veth", "peer", "name", "syn-peer"], check=True)
    subprocess.run(["ip", "link", "set", "syn-idle", "up"], check=True)
    process = subprocess.Popen([synscope, "record", "-o", tmp_path / "r", "-i", "syn-idle", str(listener.port)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: (tmp_path / "r" / "meta.json").exists(), "a recording")
        # The counters are read last of all that is opened, and privileges given up after that.
        until(lambda: "NoNewPrivs:\t1" in pathlib.Path(f"/proc/{process.pid}/status").read_text(), "recording")
        listener.connect(5)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
        subprocess.run(["ip", "link", "del", "syn-idle"], check=True)
    first = " ".join(output.split("\n\n")[1].split())
    assert first.startswith("No connection attempt was seen: no packet was captured on interface syn-idle; the kernel "
                            "counted 5 incoming connections in this network namespace")


# Helper processes

def helper_of(process):
    """The process that looks into others'."""
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    return next(int(child) for child in children
                if pathlib.Path(f"/proc/{child}/comm").read_text(encoding="ascii").startswith("synscope-"))


@pytest.mark.parametrize("command", ["record", "watch"])
def test_a_helper_that_ends_is_reported(synscope, namespace, listen, run, tmp_path, command):
    tmp_path.chmod(0o755)
    listener = listen(8)
    folder = tmp_path / "r"
    process = subprocess.Popen([synscope, command, "-o", folder, "-i", "lo", str(listener.port)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: "NoNewPrivs:\t1" in pathlib.Path(f"/proc/{process.pid}/status").read_text(), "recording")
        helper = helper_of(process)
        os.kill(helper, signal.SIGKILL)
        until(lambda: not pathlib.Path(f"/proc/{helper}").exists(), "the end of the helper")
        listener.connect(3)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert sum("the helper process for owners, forks and exits was killed by signal 9" in line
               for line in errors.splitlines()) == 1
    report = json.loads(run("report", folder, "-f", "json").stdout)
    assert report["summary"]["attempts"] == 3
    assert any("killed by signal 9" in note for note in report["notes"])
    assert "killed by signal 9" in " ".join(output.split())


@pytest.mark.parametrize("listeners", [60, 300])
def test_many_listeners_are_all_owned(run, namespace, tmp_path, listeners):
    """A large qsort() of glibc's makes system calls of its own."""
    tmp_path.chmod(0o755)
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(listeners)]
    try:
        result = run("record", "-f", "json", "-d", "500ms", "-o", tmp_path / "r", "-i", "lo")
    finally:
        for one in opened:
            one.close()
    assert result.returncode == 0
    assert "not allowed" not in result.stderr and "helper" not in result.stderr
    report = json.loads(result.stdout)
    own = [one for one in report["listeners"] if os.getpid() in one["pids"]]
    assert len(own) >= listeners
