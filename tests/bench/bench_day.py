"""How much a day of recording takes: bench_day.py SYNSCOPE [SECONDS]. In a namespace of its own (tests/e2e/netns).

Records the bundled server under 1,000 connections a second on lo for a minute, as it is and in compressed parts, and scales: size is
proportional to connections, and to samples, of which there are as many each second of traffic.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

RATE, DAY = 1000, 24 * 3600


def main():
    synscope, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60
    for options, part, suffix in ([], "r", ""), (["--rotate-time", "1h"], "r/000001", ".zst"):
        measure(synscope, seconds, options, part, suffix)


def measure(synscope, seconds, options, part, suffix):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="synscope-day-"))
    folder.chmod(0o755)
    try:
        script = (f'"{synscope}" serve --listen 127.0.0.1:8080 --model iterative --service-time 0ms --backlog 512 & server=$!; '
                  f'sleep 0.5; "{synscope}" load --rate {RATE} --count {RATE * seconds} 127.0.0.1:8080 > /dev/null; '
                  f'kill $server; wait $server')
        subprocess.run([synscope, "record", "-q", "-i", "lo", "-o", folder / "r", *options, "127.0.0.1:8080", "--", "sh", "-c", script],
                       check=True, timeout=seconds + 60)
        meta = json.loads((folder / part / "meta.json").read_text(encoding="utf-8"))
        took = (meta["end_ns"] - meta["start_ns"]) / 1e9
        total = 0
        for name in ("packets.pcap" + suffix, "events.jsonl" + suffix):
            size = (folder / part / name).stat().st_size
            total += size
            print(f"{name}: {size / 1e6:.1f} MB in {took:.1f} s of {RATE} connections a second "
                  f"({size / (RATE * seconds):.0f} bytes a connection)")
        print(f"an hour: {total / took * 3600 / 1e9:.2f} GB, a day: {total / took * DAY / 1e9:.1f} GB")
        print("losses:", {kind: count for kind, count in meta["losses"].items() if count} or "none")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
