"""What a running recording may still do: nothing but record."""
import os
import pathlib
import signal
import subprocess
import time

import pytest


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    pytest.fail(what)


@pytest.fixture
def recording(synscope, namespace, tmp_path):
    """A running record of an idle port; ended by the test, or here."""
    tmp_path.chmod(0o755)
    folder = tmp_path / "recording"
    process = subprocess.Popen([synscope, "record", "-q", "-o", folder, "-i", "lo", "127.0.0.1:8080"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: status_of(process.pid)["NoNewPrivs"].strip() == "1" or process.poll() is not None,
             "it keeps its privileges")
    yield process, folder
    if process.poll() is None:
        process.kill()
    process.communicate()


def under_sanitizer(pid):
    return "asan" in pathlib.Path(f"/proc/{pid}/maps").read_text()


def test_a_running_recording_has_given_up_everything(recording):
    process, _ = recording
    status = status_of(process.pid)
    for capabilities in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(status[capabilities], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"
    if not under_sanitizer(process.pid):
        wait_for(lambda: status_of(process.pid)["Seccomp"].strip() == "2", "no seccomp filter")


def test_root_becomes_nobody_and_gives_him_the_folder(recording):
    process, folder = recording
    uid_map = pathlib.Path("/proc/self/uid_map").read_text().split()
    if os.geteuid() != 0 or int(uid_map[2]) < 65535:
        pytest.skip("there is no other user in this user namespace")
    uid = int(status_of(process.pid)["Uid"].split()[1])
    assert uid != 0
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    for name in ("packets.pcap", "events.jsonl", "meta.json"):
        stat = (folder / name).stat()
        assert stat.st_uid == uid
        assert stat.st_mode & 0o777 == 0o640
    assert folder.stat().st_mode & 0o777 == 0o750


def test_sigterm_ends_a_recording_that_can_be_reported(recording, run):
    process, folder = recording
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert run("report", folder).returncode == 0


def test_an_unknown_user_is_one_line(run, tmp_path):
    result = run("record", "-o", tmp_path / "x", "--user", "no-such-user", "80")
    assert result.returncode == 2
    assert "no-such-user" in result.stderr
    assert not (tmp_path / "x").exists()


def test_command_ends_with_the_recording(synscope, namespace, tmp_path):
    """Its guardian ends it, also when the recording is killed."""
    tmp_path.chmod(0o755)
    pid_file = tmp_path / "pid"
    process = subprocess.Popen([synscope, "record", "-q", "-o", tmp_path / "r", "-i", "lo", "8080", "--",
                                "sh", "-c", f"echo $$ > {pid_file}; exec sleep 60"],
                               stderr=subprocess.DEVNULL)
    wait_for(lambda: pid_file.exists() and pid_file.read_text().strip(), "the command did not start")
    command = pathlib.Path("/proc") / pid_file.read_text().strip()
    assert command.exists()
    process.kill()
    process.wait()
    wait_for(lambda: not command.exists(), "the command outlived the recording")
