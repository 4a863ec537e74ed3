"""What five minutes out of a long recording cost: bench_window.py SYNSCOPE MAKE_CAPTURE [RATE].

Parts of ten minutes at RATE connections a second (1,000), each with a sample a millisecond and a reading of the counters every 25 ms. The
period begins in the middle of one part and ends in the next; a day's other parts are there, and short. Against a recording of those
five minutes alone: elapsed and processor time, and the largest resident set.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

PART_S, PERIOD_S, PARTS = 600, 300, 144
START_S, BEGIN_S = 1_700_000_000, 450
PACKETS = 9
HOST = {"kernel": "6.1.0", "somaxconn": 4096, "tcp_max_syn_backlog": 2048, "tcp_syncookies": 1, "tcp_abort_on_overflow": 0,
        "tcp_synack_retries": 5, "tcp_syn_retries": 6, "tcp_syn_linear_timeouts": 4, "tcp_fastopen": 1, "tcp_migrate_req": 0}


def write_part(folder, make_capture, start_s, seconds, rate):
    folder.mkdir(parents=True)
    capture = folder / "packets.pcap"
    subprocess.run([make_capture, capture, str(rate * seconds), str(PACKETS), str(rate), str(start_s)], check=True)
    subprocess.run(["zstd", "-q", "-1", "--rm", capture], check=True)
    start, end = start_s * 10**9, (start_s + seconds) * 10**9
    with subprocess.Popen(["zstd", "-q", "-1", "-o", folder / "events.jsonl.zst"], stdin=subprocess.PIPE, text=True) as zstd:
        put = zstd.stdin.write
        lines = 0

        def counters(time_ns, when):
            put(f'{{"time_ns":{time_ns},"event":"counters","source":"sampler","before_ns":{time_ns - 1000},"when":"{when}",'
                '"value":{"ListenOverflows":0,"ListenDrops":0}}\n')

        put(f'{{"time_ns":{start},"event":"listener","source":"sampler","cookie":7,"local":"10.0.0.1:80","change":"seen","limit":4096,'
            '"inode":9,"uid":0,"interface":0,"v6only":false,"defer_accept_s":-1,"fastopen":-1,"pids":[],"comm":"bench"}\n')
        counters(start + 1000, "before")
        for ms in range(1, seconds * 1000):
            time_ns = start + ms * 10**6
            put(f'{{"time_ns":{time_ns},"event":"sample","source":"sampler","cookie":7,"before_ns":{time_ns - 9000},"depth":0,'
                '"limit":4096,"drops":0}\n')
            lines += 1
            if ms % 25 == 0:
                counters(time_ns + 10, "during")
                lines += 1
        counters(end, "after")
    meta = {"schema": "synscope.recording/1", "tool": {"name": "synscope", "version": "0"}, "start_ns": start, "end_ns": end,
            "host": HOST, "interface": "eth0", "filter": "tcp", "sample_interval_us": 1000, "targets": [],
            "sources": {"capture": {"on": True}, "sampler": {"on": True}}, "packets": 0, "events": 0, "losses": {}}
    (folder / "meta.json").write_text(json.dumps(meta), encoding="ascii")


def measure(command):
    """(elapsed seconds, processor seconds, MiB) of a report."""
    start = time.monotonic()
    with open(os.devnull, "wb") as nothing:
        process = subprocess.Popen(command, stdout=nothing)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command} failed")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def count_attempts(report):
    """One at a time: what this process holds would count as memory of those that it starts, see getrusage(2)."""
    with subprocess.Popen([*report, "-f", "tsv"], stdout=subprocess.PIPE) as process:
        count = sum(1 for _ in process.stdout) - 1
    if process.returncode:
        sys.exit(f"{report} failed")
    return count


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def main():
    synscope, make_capture = sys.argv[1:3]
    rate = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    with tempfile.TemporaryDirectory() as place:
        day, alone = pathlib.Path(place) / "day", pathlib.Path(place) / "alone"
        first = PARTS // 2
        for number in range(1, PARTS + 1):
            write_part(day / f"{number:06}", make_capture, START_S + (number - 1) * PART_S, PART_S if number in (first, first + 1) else 1, rate)
        since = START_S + (first - 1) * PART_S + BEGIN_S
        write_part(alone, make_capture, since, PERIOD_S, rate)
        out_of_day = [synscope, "report", day, "--since", stamp(since), "--until", stamp(since + PERIOD_S)]
        expected, found = rate * PERIOD_S, count_attempts(out_of_day)
        if not expected <= found <= expected * 1.01 + rate:
            sys.exit(f"{found} attempts, about {expected} expected")
        ours, reference = measure(out_of_day), measure([synscope, "report", alone])
    print(f"five minutes out of a day at {rate} connections a second: {ours[0]:.1f} s elapsed, {ours[1]:.1f} s of processor time, "
          f"{ours[2]:.0f} MiB; those five minutes alone: {reference[0]:.1f} s, {reference[1]:.1f} s, {reference[2]:.0f} MiB; "
          f"ratio {ours[1] / reference[1]:.2f}")


main()
