"""synscope record around something that a test does: started before it, ended after it, its report read."""
import json
import os
import pathlib
import subprocess
import time

import assertions
import exactness
import kernel

START_S, STOP_S = 20, 60


class Recording:
    """Runs until stop(). The counters have been read, and the listeners found, when it returns from start()."""

    def __init__(self, program, folder, interface, ports, options=()):
        self.program, self.folder = program, pathlib.Path(folder)
        # A command that waits: it is started when the recorder is ready, and its end ends the recording.
        self.ready, self.over = self.folder.with_suffix(".ready"), self.folder.with_suffix(".over")
        os.mkfifo(self.over)
        script = f': > "{self.ready}"; read x < "{self.over}"'
        self.process = subprocess.Popen(
            [program, "record", "-o", str(folder), "-i", interface, "--format", "json", *options,
             *map(str, ports), "--", "/bin/sh", "-c", script],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_any_processor)
        self.report, self.status, self.complaints = None, None, ""
        self.here = "--netns" not in options  # in the test's own network namespace
        self.witness, self.counters = None, None

    def start(self):
        self.counters = kernel.counters() if self.here else None
        end = time.monotonic() + START_S
        while not self.ready.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise AssertionError("record did not start: " + self.process.communicate()[1])
            time.sleep(0.005)

    def stop(self, amid_drops=False):
        """Ends the recording; report is the parsed JSON of its standard output.

        amid_drops: some came before the counters were read first, or after they were read last.
        """
        if self.process.poll() is None:
            with open(self.over, "w", encoding="ascii") as over:
                over.write("over\n")
        output, self.complaints = self.process.communicate(timeout=STOP_S)
        self.status = self.process.returncode
        assert self.status in (0, 3, 4), f"record ended with {self.status}: {self.complaints}"
        self.report = json.loads(output)
        wrong = assertions.contradictions(self.report, amid_drops)
        wrong += exactness.of_counters(self.report, kernel.moved(self.counters)) if self.counters else []
        wrong += self.witness.compare(self.report) if self.witness else []
        assert not wrong, "\n".join(wrong)
        return self.report

    def was_late(self):
        """Whether something came when the live report had gone on, and is missing there; or samples and readings
        of the counters were so far apart that steps of a case lie between two of them."""
        return bool(self.report and (self.report["source"]["late_events"] or self.report["losses"]["samples-late"]))

    def replay(self):
        """The report of the folder that the recording left."""
        done = subprocess.run([self.program, "report", str(self.folder), "--format", "json"],
                              capture_output=True, text=True, timeout=STOP_S, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def text(self):
        """The same as text, its lines joined."""
        done = subprocess.run([self.program, "report", str(self.folder)], capture_output=True, text=True,
                              timeout=STOP_S, check=False)
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def _any_processor():
    """The test that starts it may have bound itself to one processor; the recorder is not to share it."""
    os.sched_setaffinity(0, range(os.cpu_count()))
