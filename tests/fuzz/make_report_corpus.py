#!/usr/bin/python3
"""Writes the corpus of the whole report's fuzz target: tests/fuzz/corpus/report/*.

Cut out of the recording that the golden tests read, small enough for a search. fuzz_report.c says
what the first two bytes mean.
"""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent / "golden" / "recordings" / "overflow"
TARGET = HERE / "corpus" / "report"
FORMATS = {"text": 0, "tsv": 1, "json": 2, "html": 3, "perfetto": 4}
RECORDING, SMALL, UTF8, TIMELINE, ATTEMPT = 8, 16, 32, 64, 128
WIDTH = 40


def lines(clients=None):
    """The events without the samples and counters that say nothing new; of these clients alone."""
    kept, last = [], None
    events = [json.loads(line) for line in (SOURCE / "events.jsonl").read_bytes().splitlines()]
    moved = {name for event in events if event["event"] == "counters" for name, value in event["value"].items() if value}
    for event in events:
        if event["event"] == "counters":
            if event["when"] == "during":
                continue
            event["value"] = {name: event["value"][name] for name in sorted(moved)}
        elif event["event"] in ("sample", "half-open"):
            state = (event.get("depth"), event.get("drops"))
            if state == last or event["event"] == "half-open":
                continue
            last = state
        elif clients and event.get("client", clients[0]) not in clients:
            continue
        elif clients and event["event"] == "exit":
            continue
        kept.append(json.dumps(event, separators=(",", ":")).encode() + b"\n")
    return b"".join(kept)


def capture(clients):
    """The packets of these clients: a nanosecond pcap of Ethernet and IPv4."""
    content, kept, at = (SOURCE / "packets.pcap").read_bytes(), [], 24
    ports = {int(client.rpartition(":")[2]) for client in clients}
    while at < len(content):
        end = at + 16 + struct.unpack_from("<I", content, at + 8)[0]
        if ports & set(struct.unpack_from(">HH", content, at + 16 + 14 + 20)):
            kept.append(content[at:end])
        at = end
    return content[:24] + b"".join(kept)


def some_clients():
    """One that was accepted at once, and the last one, which was not."""
    clients = [json.loads(line)["client"] for line in (SOURCE / "events.jsonl").read_bytes().splitlines()
               if b'"accept"' in line]
    return clients[0], clients[-1]


def flood():
    """A capture with more open attempts than a small table holds."""
    header = struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 128, 101)
    frames = b""
    for i in range(40):
        packet = (struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, i, 0, 64, 6, 0, b"\xc0\0\2\7", b"\xc0\0\2\1")
                  + struct.pack(">HHIIBBHHH", 1024 + i, 80, i * 65536, 0, 0x50, 2, 64240, 0, 0))
        frames += struct.pack("<IIII", 1700000000, i * 1000, len(packet), len(packet)) + packet
    return header + frames


def main():
    meta, events, packets = ((SOURCE / "meta.json").read_bytes(), lines(), (SOURCE / "packets.pcap").read_bytes())
    recording = b"\n--\n".join((meta, events, packets))
    few_events, few_packets = lines(some_clients()), capture(some_clients())
    few = b"\n--\n".join((meta, few_events, few_packets))
    TARGET.mkdir(parents=True, exist_ok=True)

    def write(name, choice, content):
        (TARGET / name).write_bytes(bytes((choice, WIDTH)) + content)

    for name, number in FORMATS.items():
        write(f"recording-{name}", number | RECORDING, few)
        write(f"capture-{name}", number, few_packets)
    write("recording-timeline", RECORDING | TIMELINE | UTF8, few)
    write("recording-attempt", RECORDING | ATTEMPT, few)
    write("recording-whole", FORMATS["json"] | RECORDING, recording)
    write("capture-small", FORMATS["text"] | SMALL, flood())
    write("no-meta", RECORDING, b"\n--\n" + few_events + b"\n--\n" + few_packets)
    write("no-events", RECORDING, meta + b"\n--\n\n--\n" + few_packets)
    write("no-packets", RECORDING, meta + b"\n--\n" + few_events)
    write("cut-packets", RECORDING, few[:-30])
    write("no-capture", FORMATS["json"], b"no capture at all")
    write("empty", RECORDING, b"")


if __name__ == "__main__":
    main()
