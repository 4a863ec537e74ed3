"""A terminal for programs that draw: a pseudo-terminal, and what its screen shows.

It knows the sequences that the live view may send and fails on every other one."""
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

PATIENCE_S = 30
SEQUENCE = re.compile(rb"\x1b\[(\?)?([0-9;]*)([A-Za-z])")


class Screen:
    """One of the two screens of a terminal."""

    def __init__(self):
        self.lines = {}
        self.row = self.column = 0

    def put(self, character):
        line = self.lines.setdefault(self.row, {})
        line[self.column] = character
        self.column += 1

    def erase(self, row, first):
        for column in [c for c in self.lines.get(row, {}) if c >= first]:
            del self.lines[row][column]

    def text(self):
        rows = []
        for row in range(max(self.lines, default=-1) + 1):
            line = self.lines.get(row, {})
            rows.append("".join(line.get(c, " ") for c in range(max(line, default=-1) + 1)).rstrip())
        return rows


class Terminal:
    """Runs a program on a terminal of its own, of which it is the session leader."""

    def __init__(self, command, rows=30, columns=100, env=None, stderr=subprocess.PIPE):
        self.master, self.slave = os.openpty()
        self.size(rows, columns)
        self.modes_before = termios.tcgetattr(self.slave)
        self.main, self.alternate = Screen(), Screen()
        self.screen = self.main
        self.cursor = self.wrap = True
        self.updating = False
        self.colours = False
        self.frames = 0
        self.pending = b""
        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, stderr=stderr, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **(env or {})})

    def size(self, rows, columns):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys)

    def read(self, timeout=0.05):
        """Takes in what was written by now."""
        while select.select([self.master], [], [], timeout)[0]:
            data = os.read(self.master, 65536)
            if not data:
                return
            self.feed(data)
            timeout = 0

    def until(self, condition, what):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, f"waited in vain: {what}\n" + "\n".join(self.text())
            self.read()

    def shows(self, pattern):
        return re.search(pattern, "\n".join(self.text()))

    def text(self):
        return self.screen.text()

    def feed(self, data):
        data = self.pending + data
        position = 0
        while position < len(data):
            byte = data[position]
            if byte == 0x1b:
                match = SEQUENCE.match(data, position)
                if not match:
                    assert len(data) - position < 16, f"no sequence: {data[position:position + 16]!r}"
                    break  # the rest of it comes with the next piece
                self.obey(match)
                position = match.end()
            elif byte < 0x80:
                self.control_or_character(byte)
                position += 1
            else:
                length = 2 if byte < 0xe0 else 3 if byte < 0xf0 else 4
                if len(data) - position < length:
                    break
                self.character(data[position:position + length].decode())
                position += length
        self.pending = data[position:]

    def control_or_character(self, byte):
        if byte == 0x0d:
            self.screen.column = 0
        elif byte == 0x0a:
            self.screen.row += 1
            if self.screen is self.alternate:
                assert self.screen.row < self.rows or not self.updating, "a frame scrolls the screen"
        elif byte == 0x18:
            pass
        else:
            assert byte >= 0x20, f"control character {byte:#x}"
            self.character(chr(byte))

    def character(self, character):
        if self.screen is self.alternate:
            assert self.screen.column < self.columns, "a line is wider than the screen"
        self.screen.put(character)

    def obey(self, match):
        private, parameters, final = match[1], match[2].decode(), match[3].decode()
        if private and final in "hl":
            self.set_mode(int(parameters), final == "h")
        elif final == "H":
            assert parameters == ""
            self.screen.row = self.screen.column = 0
        elif final == "K":
            assert parameters == ""
            self.screen.erase(self.screen.row, self.screen.column)
        elif final == "J":
            assert parameters != "2" or not self.updating, "a frame erases the screen: it flickers"
            for row in [r for r in self.screen.lines if r > self.screen.row or parameters == "2"]:
                del self.screen.lines[row]
            self.screen.erase(self.screen.row, 0 if parameters == "2" else self.screen.column)
        else:
            assert final == "m", f"unknown sequence {match[0]!r}"
            self.colours |= re.search(r"\b3[0-7]\b", parameters) is not None

    def set_mode(self, mode, on):
        if mode == 1049:
            self.screen = self.alternate if on else self.main
            if on:
                self.alternate.__init__()
        elif mode == 25:
            self.cursor = on
        elif mode == 7:
            self.wrap = on
        else:
            assert mode == 2026, f"unknown mode {mode}"
            self.updating = on
            self.frames += not on

    def end(self):
        """The exit status, after everything that it wrote was taken in."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < end, "it does not end\n" + "\n".join(self.text())
            self.read()
        self.read()
        return self.process.returncode

    def is_restored(self):
        return (self.screen is self.main and self.cursor and self.wrap and not self.updating
                and termios.tcgetattr(self.slave) == self.modes_before)

    def stderr(self):
        return self.process.stderr.read().decode()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)
