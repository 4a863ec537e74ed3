"""The live view on a terminal: what it shows, and that the terminal is afterwards as it was."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from running import until
from terminal import Terminal

ENDINGS = {
    "Ctrl-C": lambda terminal: terminal.type(b"\x03"),
    "Ctrl-backslash": lambda terminal: terminal.type(b"\x1c"),
    "q": lambda terminal: terminal.type(b"q"),
    "SIGTERM": lambda terminal: terminal.process.send_signal(signal.SIGTERM),
    "SIGHUP": lambda terminal: terminal.process.send_signal(signal.SIGHUP),
    "two signals": lambda terminal: [terminal.process.send_signal(s) for s in (signal.SIGINT, signal.SIGTERM)],
}


@pytest.fixture
def terminal(synscope, namespace):
    terminals = []

    def start(*arguments, **options):
        terminals.append(Terminal([synscope, "watch", *map(str, arguments)], **options))
        return terminals[-1]

    yield start
    for one in terminals:
        one.close()


def test_a_full_queue_its_limit_and_its_drops_are_on_the_screen(terminal, listen):
    listener = listen(2)
    screen = terminal("-i", "lo", "-n", "200ms", listener.port)
    screen.until(lambda: screen.shows(rf"127\.0\.0\.1:{listener.port} "), "the listener")
    assert screen.screen is screen.alternate and not screen.cursor
    listener.connect(8)
    # Limit 2: three wait and the others' SYNs are dropped, again and again.
    screen.until(lambda: screen.shows(rf"127\.0\.0\.1:{listener.port} +█+ +3 +3 +2 "), "depth 3 of limit 2")
    screen.until(lambda: screen.shows(r"dropped [1-9]\d*, accept queue full: [1-9]\d* SYNs"), "the drops")
    screen.until(lambda: screen.shows(r"waiting +1 .*s\+"), "an attempt that waits")
    screen.until(lambda: screen.shows(r"(open|unanswered) +\d .*accept queue full: [1-9]\d* SYN"),
                 "an attempt without an answer")
    assert screen.colours
    listener.accept(3)
    screen.until(lambda: screen.shows(r"[1-9]\d* accepts,"), "accepts")
    screen.type(b"\x03")
    assert screen.end() == 0
    assert screen.is_restored()
    report = "\n".join(screen.text())
    assert "connection attempts:" in report and f"127.0.0.1:{listener.port} dropped" in report
    assert screen.stderr() == ""


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_terminal_is_as_it_was(terminal, listen, ending):
    listener = listen(5)
    screen = terminal("-i", "lo", "-n", "100ms", listener.port)
    screen.until(lambda: screen.shows(rf"127\.0\.0\.1:{listener.port} "), "the listener")
    listener.connect(2)
    screen.until(lambda: screen.shows(r"2 attempts"), "attempts")
    assert not screen.is_restored()
    ENDINGS[ending](screen)
    assert screen.end() == 0
    assert screen.is_restored()
    assert re.search(r"^2 connection attempts", "\n".join(screen.text()), re.M)


def test_a_resize_is_followed(terminal, listen):
    listener = listen(5)
    screen = terminal("-i", "lo", "-n", "10s", listener.port, rows=40, columns=150)
    screen.until(lambda: screen.shows("half-open"), "the wide layout")
    for rows, columns in ((12, 60), (50, 120), (3, 20), (1, 1), (24, 80)):
        frames = screen.frames
        screen.alternate.lines.clear()  # a real one cuts or wraps what was there
        screen.size(rows, columns)
        # Long before the next interval.
        screen.until(lambda: screen.frames > frames, f"a frame of {columns}x{rows}")
        assert len(screen.text()) <= rows
        assert all(len(line) <= columns for line in screen.text())
        assert screen.text()[0] == screen.text()[0][:columns] and "synscope"[:columns] in screen.text()[0]
    assert screen.shows(rf"127\.0\.0\.1:{listener.port}")
    screen.type(b"q")
    assert screen.end() == 0
    assert screen.is_restored()


def test_ctrl_z_gives_the_terminal_to_the_shell(terminal, listen):
    listener = listen(5)
    screen = terminal("-i", "lo", "-n", "100ms", listener.port)
    screen.until(lambda: screen.frames > 1, "frames")
    screen.type(b"\x1a")
    until(lambda: pathlib.Path(f"/proc/{screen.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T",
          "it stops")
    screen.read()
    assert screen.is_restored()
    screen.process.send_signal(signal.SIGCONT)
    screen.until(lambda: screen.screen is screen.alternate and screen.shows("synscope watch"), "it goes on")
    screen.type(b"q")
    assert screen.end() == 0
    assert screen.is_restored()


def test_no_colour_and_ascii(terminal, listen):
    listener = listen(1)
    listener.connect(4)
    screen = terminal("-i", "lo", "-n", "100ms", listener.port,
                      env={"NO_COLOR": "1", "LANG": "C", "LC_ALL": "C"})
    screen.until(lambda: screen.shows(r" #+ +2 +2 +1 "), "the bar")
    screen.type(b"q")
    assert screen.end() == 0
    assert not screen.colours
    assert all(line.isascii() for line in screen.alternate.text() + screen.main.text())


def test_an_interface_that_goes_away_leaves_the_terminal_whole(terminal, namespace):
    added = subprocess.run(["ip", "link", "add", "gone0", "type", "veth", "peer", "name", "gone1"], check=False)
    if added.returncode:
        pytest.skip("this kernel makes no interface that can go away")
    subprocess.run(["ip", "link", "set", "gone0", "up"], check=True)
    screen = terminal("-i", "gone0", "-n", "100ms", 8080)
    screen.until(lambda: screen.shows("No listener yet"), "a frame")
    subprocess.run(["ip", "link", "del", "gone0"], check=True)
    assert screen.end() == 1
    assert screen.is_restored()
    complaint = screen.stderr()
    assert len(complaint.splitlines()) == 1 and "gone0" in complaint
    assert "observed live" in "\n".join(screen.text())


def test_a_terminal_that_takes_nothing_does_not_stop_the_recording(terminal, listen, tmp_path, run):
    """Nobody reads the master: the terminal's buffer fills, and frames are left out."""
    tmp_path.chmod(0o755)
    listener = listen(5)
    screen = terminal("-i", "lo", "-n", "100ms", "-o", tmp_path / "r", listener.port)
    screen.until(lambda: screen.shows(rf"127\.0\.0\.1:{listener.port} "), "the listener")
    listener.connect(3)
    time.sleep(3)  # some thirty frames: more than a pseudo-terminal holds
    kept = (tmp_path / "r" / "packets.pcap").stat().st_size
    listener.connect(3)
    until(lambda: (tmp_path / "r" / "packets.pcap").stat().st_size > kept, "the recording goes on")
    screen.type(b"q")
    assert screen.end() == 0
    assert screen.is_restored()
    report = json.loads(run("report", tmp_path / "r", "-f", "json").stdout)
    assert report["summary"]["attempts"] == 6
    assert report["losses"]["packets-kernel"] == 0


def test_a_dumb_terminal_gets_lines(terminal, listen):
    listener = listen(5)
    screen = terminal("-i", "lo", "-n", "100ms", listener.port, env={"TERM": "dumb"})
    screen.until(lambda: screen.shows(r"(?m)^time=\S+ attempts=0 "), "a line")
    screen.process.send_signal(signal.SIGINT)
    assert screen.end() == 0
    assert screen.frames == 0
    assert screen.is_restored()


def test_the_keys_are_listed_when_asked_for(terminal, listen):
    screen = terminal("-i", "lo", "-n", "1s", listen(5).port, rows=30, columns=80)
    screen.until(lambda: screen.shows(r"\?: keys"), "the hint")
    assert not screen.shows("Ctrl-Z")
    screen.type(b"?")
    screen.until(lambda: screen.shows("quit; the report follows") and screen.shows("Ctrl-Z"), "the keys")
    screen.type(b"?")
    screen.until(lambda: not screen.shows("Ctrl-Z"), "no keys")


def test_numbers_are_whole_on_a_narrow_screen(terminal, listen):
    """Of a pid, a prefix is another pid."""
    listener = listen(5)
    whole = re.compile(rf"(?<!\d){os.getpid()}(?!\d)")
    for columns in (40, 60, 80, 97, 98, 99, 100, 101, 120, 140):
        screen = terminal("-i", "lo", "-n", "1s", listener.port, rows=20, columns=columns)
        screen.until(lambda: any(str(listener.port) in line for line in screen.text()[3:]), "the listener")
        for line in screen.text():
            assert len(line) <= columns
            for number in re.findall(r"python3?\S* (\d+)", line):
                assert whole.search(number), line
        screen.type(b"q")
