"""What may be written on the command line, and what is said of what may not."""
import json
import os
import pathlib
import pty
import socket
import subprocess

import pytest

RECORDING = pathlib.Path(__file__).resolve().parent.parent / "golden" / "recordings" / "overflow"


@pytest.fixture
def targets(run, namespace, tmp_path):
    """A function: what record watches when it is told this."""
    tmp_path.chmod(0o755)

    def watched(*arguments):
        folder = tmp_path / f"r{len(list(tmp_path.iterdir()))}"
        done = run("record", "-q", "-o", folder, "-d", "100ms", "-i", "lo", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads((folder / "meta.json").read_text())["targets"], done.stderr

    return watched


def test_names_are_asked_for_once_at_start(targets):
    assert targets("http")[0] == ["[::]:80"]
    assert set(targets("localhost:81")[0]) <= {"127.0.0.1:81", "[::1]:81"}
    assert targets("127.0.0.1:http", "[::1]:https", "*:ssh")[0] == ["127.0.0.1:80", "[::1]:443", "[::]:22"]
    assert targets("[fe80::1%lo]:80")[0] == ["[fe80::1]:80"]


@pytest.mark.parametrize("command, where", [("record", ("-o", "/nonexistent/x")), ("watch", ()), ("load", ())])
@pytest.mark.parametrize("text, says", [("no-such-service", "service of /etc/services"), ("127.0.0.1:nope", "service of"),
                                        ("no.such.host.invalid:80", "invalid port|invalid server"), ("::1:80:x", "expected PORT"),
                                        ("[::1", "expected PORT"), ("[::1%nope]:80", "invalid port|invalid server"), ("", "expected PORT"), ("70000", "invalid"),
                                        ("localhost:70000", "invalid")])
def test_what_is_no_name_is_said_to_be_none(run, namespace, command, where, text, says):
    done = run(command, *where, text)
    assert done.returncode == 2
    assert any(part in done.stderr for part in says.split("|")), done.stderr
    assert done.stderr.startswith(f"synscope {command}: ")


def test_load_takes_names_too(run, namespace):
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = run("load", "-n", 1, "-t", "1s", f"localhost:{server.getsockname()[1]}")
    assert json.loads(done.stdout)["connected_ns"] or json.loads(done.stdout)["server"].startswith("[::1]")


def test_an_address_of_another_host_is_said_at_start(targets):
    found, errors = targets("192.0.2.77:80", "127.0.0.1:80", "80", "[2001:db8::77]:80", "[fe80::1%lo]:80")
    assert len(found) == 5
    told = [line for line in errors.splitlines() if "not an address of this host" in line]
    assert [line.split(": ")[1] for line in told] == ["192.0.2.77:80", "[2001:db8::77]:80"]


def test_days(run, namespace, listen, tmp_path):
    done = run("load", "-n", 1, "-d", "1d", listen(5).port, "-t", "300ms")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["record", "watch", "report", "demo", "serve", "load", "listeners"])
def test_complaints_of_getopt_name_the_command(run, command):
    done = run(command, "--no-such-option")
    assert done.returncode == 2
    assert done.stderr.startswith(f"synscope {command}: ")


# Formats that are for files

def on_terminal(synscope, *arguments):
    master, slave = pty.openpty()
    try:
        return subprocess.run([synscope, *map(str, arguments)], stdout=slave, stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False)
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("form", ["html", "perfetto"])
def test_no_page_is_written_to_a_terminal(synscope, namespace, tmp_path, form):
    done = on_terminal(synscope, "report", RECORDING, "-f", form)
    assert done.returncode == 2 and "-o FILE" in done.stderr
    done = on_terminal(synscope, "record", "-o", tmp_path / "r", "-d", "1s", "-i", "lo", "-f", form, "1")
    assert done.returncode == 2 and "> FILE" in done.stderr
    assert not (tmp_path / "r").exists()
    assert on_terminal(synscope, "report", RECORDING, "-f", form, "-o", tmp_path / "page").returncode == 0
    assert (tmp_path / "page").stat().st_size > 1000


# --attempt

@pytest.fixture(scope="module")
def attempts(synscope):
    done = subprocess.run([synscope, "report", RECORDING, "-f", "json"], capture_output=True, check=True)
    return json.loads(done.stdout)["attempts"]


@pytest.mark.parametrize("choose", [
    lambda a: a["client"], lambda a: a["client"].rpartition(":")[0], lambda a: ":" + a["client"].rpartition(":")[2],
    lambda a: str(a["number"]), lambda a: f"#{a['number']}", lambda a: a["client"].rpartition(":")[0] + "/24",
    lambda a: "0.0.0.0/0", lambda a: "::/0", lambda a: a["client"].rpartition(":")[0] + "/32"])
def test_an_attempt_is_chosen(run, attempts, choose):
    done = run("report", RECORDING, "--attempt", choose(attempts[0]))
    assert done.returncode == 0, done.stderr
    assert attempts[0]["client"] in done.stdout or attempts[1]["client"] in done.stdout


@pytest.mark.parametrize("wanted", ["192.0.2.99", "198.51.100.0/24", "#999999", "2001:db8::/32", "192.0.2.99:1"])
def test_an_attempt_that_is_not_there_is_a_failure(run, wanted):
    done = run("report", RECORDING, "--attempt", wanted)
    assert done.returncode == 1
    assert done.stderr == f"synscope report: --attempt: no attempt matches '{wanted}'\n"


@pytest.mark.parametrize("wanted", ["nonsense", "192.0.2.0/33", "1.2.3", "#", "[::1]:x", ""])
def test_what_is_no_choice_is_wrong_usage(run, wanted):
    done = run("report", RECORDING, "--attempt", wanted)
    assert done.returncode == 2 and "ADDRESS/BITS" in done.stderr


# Progress

def test_a_command_that_is_missing_is_wrong_usage(run, namespace, tmp_path):
    result = run("record", "-o", tmp_path / "folder", 80, "--")
    assert result.returncode == 2
    assert result.stderr.startswith("synscope record: missing COMMAND after --\n")
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("command", [["watch", "-d", "200ms", "80"], ["record", "-d", "200ms", "80"], ["listeners"], ["--version"]],
                         ids=lambda words: words[0])
def test_a_closed_standard_output_is_named_and_no_file_takes_its_place(synscope, namespace, tmp_path, command):
    """sh closes it; what is printed must not go into the packets."""
    if command[0] == "record":
        command = [*command, "-o", str(tmp_path / "folder")]
    result = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", synscope, *command], stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].endswith("standard output: Bad file descriptor")
    for path in tmp_path.glob("folder/packets.pcap"):
        assert path.read_bytes()[:4] == b"\x4d\x3c\xb2\xa1"


def test_progress_does_not_mix_with_the_output_of_command(synscope, namespace, tmp_path):
    tmp_path.chmod(0o755)
    master, slave = pty.openpty()
    try:
        subprocess.run([synscope, "record", "-o", tmp_path / "r", "-f", "json", "-i", "lo", "1", "--",
                        "sh", "-c", "sleep 0.7; echo from COMMAND; sleep 0.5"],
                       stdout=subprocess.DEVNULL, stderr=slave, timeout=60, check=True)
        os.set_blocking(master, False)
        shown = os.read(master, 65536)
    except BlockingIOError:
        shown = b""
    finally:
        os.close(master)
        os.close(slave)
    assert b"Ctrl-C" not in shown and b"\r\x1b" not in shown
