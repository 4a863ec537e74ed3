"""The recorder as a service: options from a file, what the service manager and the journal hear, SIGHUP."""
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from manager import Manager
from running import until


@pytest.fixture
def manager(folder):
    made = Manager(folder.parent, watchdog_s=1)
    yield made
    made.close()


@pytest.fixture
def config():
    """Writes the file of options: config("rotate-time 1s", ...) -> its path."""
    # Where the user that the recorder becomes can read it.
    path = pathlib.Path(tempfile.mkdtemp(prefix="synscope-conf-")) / "recorder.conf"
    path.parent.chmod(0o755)

    def write(*lines):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    yield write
    shutil.rmtree(path.parent)


def parts(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.isdigit()) if folder.exists() else []


@pytest.fixture
def start(synscope, manager, folder, traffic):
    """Starts the recorder with this file, and waits until it is ready."""

    def start_service(path, *options):
        manager.start(synscope, "record", "-q", "-i", "lo", "-o", folder, "--config", path, *options, traffic.port)
        until(lambda: manager.heard("READY") or manager.process.poll() is not None, "READY=1")
        assert manager.process.poll() is None, manager.journal()

    return start_service


def stop(manager):
    manager.process.send_signal(signal.SIGTERM)
    assert manager.process.wait(timeout=60) == 0, manager.journal()


def test_the_manager_hears_of_its_life(manager, start, config, folder):
    start(config("rotate-time 1h"))
    assert parts(folder) == ["000001"], "READY=1 came before there was a recording"
    until(lambda: len(manager.heard("WATCHDOG")) >= 4, "four signs of life")
    until(lambda: manager.heard("STATUS"), "a status")
    assert "listeners" in manager.heard("STATUS")[-1]
    assert not manager.heard("STOPPING")
    stop(manager)
    assert manager.heard("STOPPING") == ["1"] and len(manager.heard("READY")) == 1


def test_signs_of_life_end_when_it_hangs(manager, start, config):
    start(config("rotate-time 1h"))
    until(lambda: manager.heard("WATCHDOG"), "a sign of life")
    manager.process.send_signal(signal.SIGSTOP)
    stat = pathlib.Path(f"/proc/{manager.process.pid}/stat")
    until(lambda: stat.read_text(encoding="utf-8").split(")")[1].split()[0] == "T", "a stop")
    before = len(manager.heard("WATCHDOG"))
    with pytest.raises(subprocess.TimeoutExpired):
        manager.process.wait(timeout=2)
    assert len(manager.heard("WATCHDOG")) == before
    manager.process.send_signal(signal.SIGCONT)
    until(lambda: len(manager.heard("WATCHDOG")) > before, "a sign of life")
    stop(manager)


def test_a_command_does_not_speak_for_it(manager, synscope, folder):
    seen = folder.parent / "environment"
    manager.start(synscope, "record", "-q", "-i", "lo", "-o", folder, "--", "sh", "-c", f"env > {seen}")
    assert manager.process.wait(timeout=60) == 0
    text = seen.read_text(encoding="utf-8")
    assert "PATH=" in text and "NOTIFY_SOCKET" not in text and "WATCHDOG_USEC" not in text
    assert manager.heard("READY") == ["1"]


def test_options_come_from_the_file(run, config, folder, traffic, listen):
    listen(backlog=8)
    path = config("# all of them", "", "  rotate-time = 1h", "compress=none", f"port\t127.0.0.1:{traffic.port}", "no-bpf",
                  f"output {folder}", "duration 1s", "quiet")
    done = run("record", "-i", "lo", "--config", path)
    assert done.returncode == 0, done.stderr
    assert (folder / "000001" / "packets.pcap").exists(), "not compressed"
    events = [json.loads(line) for line in (folder / "000001" / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {event["local"] for event in events if event["event"] == "listener"} == {f"127.0.0.1:{traffic.port}"}


def test_what_follows_the_file_on_the_command_line_wins(run, config, folder):
    path = config("compress none", "rotate-time 1h")
    done = run("record", "-q", "-i", "lo", "-o", folder, "-d", "200ms", "--config", path, "--compress", "zstd")
    assert done.returncode == 0, done.stderr
    assert (folder / "000001" / "packets.pcap.zst").exists()


@pytest.mark.parametrize("line, said", [
    ("rotat-time 1s", "unknown option 'rotat-time'"), ("--rotate-time 1s", "unknown option '--rotate-time'"),
    ("rotate-time", "rotate-time: missing value"), ("append yes", "append: unexpected value 'yes'"),
    ("rotate-time 5x", "--rotate-time: invalid time '5x'"), ("port none:x", "none:x"),
    ("config other", "unknown option 'config'"), ("help", "unknown option 'help'"),
    ("user nobody-of-that-name", "--user: unknown user"), pytest.param("x" * 9000, "line too long", id="long")])
def test_a_mistake_is_one_line_that_names_its_place(run, config, folder, line, said):
    path = config("# first", "rotate-time 1h", line, "keep 3")
    done = run("record", "-q", "-o", folder, "--config", path, "-d", "100ms")
    assert done.returncode == 2 and not folder.exists()
    assert done.stderr.startswith(f"synscope record: {path}:3: ") and said in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_file_that_is_not_there_is_named(run, folder):
    done = run("record", "-o", folder, "--config", folder.parent / "gone.conf")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"--config: {folder.parent / 'gone.conf'}: No such file" in done.stderr


def test_sighup_applies_the_file_and_begins_a_part(manager, start, config, folder, run):
    start(config("rotate-time 1h"))
    manager.process.send_signal(signal.SIGHUP)
    until(lambda: len(manager.heard("READY")) == 2, "READY=1 again")
    assert parts(folder) == ["000001", "000002"] and int(manager.heard("MONOTONIC_USEC")[0]) > 0
    names = [name for message in manager.hear() for name in message if name in ("READY", "RELOADING")]
    assert names == ["READY", "RELOADING", "READY"]
    config("rotate-time 1s", "keep 2", "compress none")
    manager.process.send_signal(signal.SIGHUP)
    until(lambda: parts(folder) and parts(folder)[0] >= "000003", "the oldest parts to go")
    stop(manager)
    assert len(parts(folder)) == 2 and (folder / parts(folder)[-1] / "packets.pcap").exists()
    assert manager.journal() == []
    report = run("report", "-f", "json", folder)
    assert report.returncode == 0 and json.loads(report.stdout)["source"]["packets"] > 0


def test_sighup_with_a_mistake_changes_nothing(manager, start, config, folder):
    path = config("rotate-time 1h")
    start(path)
    config("rotate-time 1h", "keep many")
    manager.process.send_signal(signal.SIGHUP)
    until(lambda: len(manager.heard("READY")) == 2, "READY=1 again")
    config("rotate-time 1h", "interface nothing0")
    manager.process.send_signal(signal.SIGHUP)
    until(lambda: len(manager.heard("READY")) == 3, "READY=1 again")
    stop(manager)
    mistake, others = manager.journal()
    assert mistake.startswith(f"<3>synscope record: {path}:2: --keep: invalid number 'many'")
    assert others.startswith("<4>synscope record: only the options of the parts are read again")
    assert parts(folder) == ["000001", "000002"], "the mistake began a part"


def test_sighup_without_a_file_ends_it(manager, synscope, folder):
    manager.start(synscope, "record", "-q", "-i", "lo", "-o", folder)
    until(lambda: manager.heard("READY"), "READY=1")
    manager.process.send_signal(signal.SIGHUP)
    assert manager.process.wait(timeout=60) == 0


def test_priorities_are_for_the_journal_alone(manager, synscope, run, folder):
    manager.start(synscope, "record", "-o", folder, "--config", folder.parent / "gone.conf")
    assert manager.process.wait(timeout=60) == 1
    line, = manager.journal()
    assert line.startswith("<3>synscope record: --config: ")
    # It is inherited where standard error is another file by now.
    elsewhere = run("record", "-o", folder, "--config", folder.parent / "gone.conf", env=manager.environment)
    assert elsewhere.stderr.startswith("synscope record: --config: ")


def test_what_is_too_old_goes_at_the_start(run, folder):
    first = run("record", "-q", "-i", "lo", "-o", folder, "--rotate-time", "1s", "-d", "4s")
    assert first.returncode == 0 and len(parts(folder)) >= 4
    before = parts(folder)
    again = run("record", "-q", "-i", "lo", "-o", folder, "--rotate-time", "1h", "--append", "--keep", "2", "-d", "200ms")
    assert again.returncode == 0, again.stderr
    assert len(parts(folder)) == 2 and parts(folder)[0] == before[-1]


@pytest.mark.parametrize("arguments", [["record", "-o", "RECORDING", "--config", "FILE"], ["report", "FILE"]])
def test_capabilities_do_not_open_what_the_user_may_not_read(synscope, folder, arguments):
    """What setcap(8) gives the program is for /proc: it must not print lines of another user's files."""
    folder.mkdir()
    secret = folder / "secret"
    secret.write_text("secret line\n", encoding="utf-8")
    secret.chmod(0o600)
    folder.chmod(0o755)
    command = [synscope, *[str(secret) if part == "FILE" else str(folder / "new") if part == "RECORDING" else part for part in arguments]]
    capabilities = "-all,+dac_read_search,+sys_ptrace"
    done = subprocess.run(["setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups", f"--inh-caps={capabilities}",
                           f"--ambient-caps={capabilities}", *command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "secret line" not in done.stderr
    assert "Permission denied" in done.stderr, done.stderr
