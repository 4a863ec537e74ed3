"""What `report` of a large capture costs in each format for programs, as a ratio to an empty pcap_loop() on the same file.

  report_ratio.py SYNSCOPE MAKE_CAPTURE PCAP_LOOP [CONNECTIONS]

The runs alternate, and each pair gives a ratio of processor times (user and system) and of elapsed times; the
median of the pairs is printed. The file is read once before, so that it is in the page cache for both.
"""
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

PAIRS = 7


def measure(command):
    """(processor seconds, elapsed seconds) of a command whose output goes nowhere."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    with open(os.devnull, "wb") as nothing:
        subprocess.run(command, stdout=nothing, check=True)
    elapsed = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), elapsed


def main():
    synscope, make_capture, pcap_loop = sys.argv[1:4]
    connections = int(sys.argv[4]) if len(sys.argv) > 4 else 200_000
    with tempfile.TemporaryDirectory() as folder:
        capture = pathlib.Path(folder) / "many.pcap"
        subprocess.run([make_capture, capture, str(connections)], check=True)
        for form in ("tsv", "json", "jsonl"):
            compare([synscope, "report", capture, "--format", form], [pcap_loop, capture], form, connections)


def compare(report, loop, form, connections):
    clients = subprocess.run(report, capture_output=True, check=True).stdout.count(b"\t10.0.0.1:80\t" if form == "tsv" else b'"server":"10.0.0.1:80"')
    if clients != connections:
        sys.exit(f"{form}: {clients} attempts for {connections} connections")
    measure(loop)
    pairs = [(measure(report), measure(loop)) for _ in range(PAIRS)]
    processor = statistics.median(ours[0] / reference[0] for ours, reference in pairs)
    elapsed = statistics.median(ours[1] / reference[1] for ours, reference in pairs)
    print(f"report --format {form} of {connections} connections, against an empty pcap_loop: "
          f"{processor:.2f} times the processor time, {elapsed:.2f} times the elapsed time "
          f"(median of {PAIRS} pairs; {statistics.median(p[0][1] for p in pairs) * 1000:.0f} ms and "
          f"{statistics.median(p[1][1] for p in pairs) * 1000:.0f} ms)")


main()
