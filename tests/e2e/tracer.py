"""The kernel's own tracer, beside the program under test: when which connection entered an accept queue.

In an instance of tracefs, in a mount namespace of its own: python3 tracer.py PORT prints a line when it traces, then a
line for each event until its standard input ends: time_ns (CLOCK_REALTIME), client, old and new state.
"""
import json
import os
import pathlib
import re
import select
import subprocess
import sys
import time

TRACING = pathlib.Path("/sys/kernel/tracing")
EVENT = re.compile(r"\[(\d+)\].*?\s(\d+)\.(\d+): inet_sock_set_state: .*sport=(\d+) dport=(\d+) .*daddr=(\S+) .*daddrv6=(\S+) "
                   r"oldstate=(\S+) newstate=(\S+)")


class Tracer:
    """Runs until entries() is called."""

    def __init__(self, port):
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", sys.executable, __file__, str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        if first != "tracing\n":
            raise OSError(f"no tracepoint here: {first}")

    def entries(self):
        """(client, time_ns) of each child that was made, in that order."""
        output, _ = self.process.communicate("", timeout=60)
        events = [json.loads(line) for line in output.splitlines()]
        assert not any("lost" in event for event in events), "the tracer lost events"
        return list(_entries(events))

    def kill(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait()
        self.process.stdout.close()


def _entries(events):
    """Some kernels do not say who its client is when a child is made: it is the next to be ESTABLISHED on that processor."""
    nameless = {}
    for event in events:
        nobody = event["client"].endswith(":0")
        if (event["old"], event["new"]) == ("TCP_LISTEN", "TCP_SYN_RECV"):
            if nobody:
                nameless[event["cpu"]] = event["time_ns"]
            else:
                yield event["client"], event["time_ns"]
        elif (event["old"], event["new"]) == ("TCP_SYN_RECV", "TCP_ESTABLISHED") and event["cpu"] in nameless:
            yield event["client"], nameless.pop(event["cpu"])


def offset_ns():
    """CLOCK_REALTIME less CLOCK_MONOTONIC, by the closest of some readings."""
    readings = []
    for _ in range(20):
        before, real, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after - before, real - (before + after) // 2))
    return min(readings)[1]


def tell(line, offset):
    event = EVENT.search(line)
    if event:
        cpu, seconds, micros, _, dport, v4, v6, old, new = event.groups()
        host = v4 if v6 == "::" or v6.startswith("::ffff:") else f"[{v6}]"
        print(json.dumps({"time_ns": int(seconds) * 10**9 + int(micros) * 1000 + offset, "client": f"{host}:{dport}",
                          "cpu": cpu, "old": old, "new": new}))
    elif "LOST" in line:
        print(json.dumps({"lost": line.strip()}))


def main(port):
    subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACING], check=False, capture_output=True)
    instance = TRACING / "instances" / f"synscope-test-{os.getpid()}"
    try:
        instance.mkdir()
    except OSError as error:
        print(error, flush=True)
        return
    try:
        (instance / "trace_clock").write_text("mono", encoding="ascii")
        (instance / "buffer_size_kb").write_text("4096", encoding="ascii")
        event = instance / "events/sock/inet_sock_set_state"
        (event / "filter").write_text(f"sport == {port}", encoding="ascii")
        offset = offset_ns()
        (event / "enable").write_text("1", encoding="ascii")
        print("tracing", flush=True)
        while not select.select([sys.stdin], [], [], 1)[0]:
            pass
        (event / "enable").write_text("0", encoding="ascii")
        with open(instance / "trace", encoding="ascii") as lines:
            for line in lines:
                tell(line, offset)
    finally:
        instance.rmdir()


if __name__ == "__main__":
    main(int(sys.argv[1]))
