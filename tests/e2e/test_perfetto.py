"""The Perfetto trace, read by protoc's generated code and held to the format's published rules."""
import collections
import importlib
import pathlib
import subprocess
import sys

import pytest

BEGIN, END, INSTANT, COUNTER = 1, 2, 3, 4
NEEDS_STATE = 2
HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """The classes that protoc makes of perfetto.proto."""
    folder = tmp_path_factory.mktemp("proto")
    subprocess.run(["protoc", f"--proto_path={HERE}", f"--python_out={folder}", "perfetto.proto"], check=True)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("perfetto_pb2")
    finally:
        sys.path.remove(str(folder))


class Reading:
    """A trace as a trace processor sees it: events by time, each on its track, names resolved."""

    def __init__(self, schema, data):
        trace = schema.Trace()
        assert trace.ParseFromString(data) == len(data)
        self.tracks = {}
        self.names = {}
        self.notes = {}
        self.events = []
        self.clocks = {}
        cleared = False
        for packet in trace.packet:
            assert not packet.UnknownFields(), "a field that the format does not have"
            assert packet.trusted_packet_sequence_id > 0
            cleared = cleared or bool(packet.sequence_flags & 1)
            assert cleared or not packet.sequence_flags & NEEDS_STATE
            for name in packet.interned_data.event_names:
                assert name.iid > 0 and name.iid not in self.names
                self.names[name.iid] = name.name
            for name in packet.interned_data.debug_annotation_names:
                assert name.iid > 0 and name.iid not in self.notes
                self.notes[name.iid] = name.name
            kind = packet.WhichOneof("data")
            if kind == "track_descriptor":
                self._track(packet.track_descriptor)
            elif kind == "track_event":
                self._event(packet)
            elif kind == "clock_snapshot":
                self.clocks = {clock.clock_id: clock.timestamp for clock in packet.clock_snapshot.clocks}
        self.first = trace.packet[0]
        # By time, and as they stand in the file where times are equal: what a trace processor does.
        self.events.sort(key=lambda event: event["t"])

    def _track(self, track):
        assert track.uuid > 0 and track.uuid not in self.tracks
        assert not track.HasField("parent_uuid") or track.parent_uuid in self.tracks
        self.tracks[track.uuid] = track

    def _event(self, packet):
        event = packet.track_event
        assert event.track_uuid in self.tracks, "an event on a track that was not described before"
        assert (event.type == COUNTER) == self.tracks[event.track_uuid].HasField("counter")
        named = event.WhichOneof("name_field")
        if named == "name_iid" or event.debug_annotations:
            assert packet.sequence_flags & NEEDS_STATE
        assert bool(named) == (event.type in (BEGIN, INSTANT))
        notes = {}
        for note in event.debug_annotations:
            assert self.notes[note.name_iid] not in notes, "an argument twice"
            notes[self.notes[note.name_iid]] = [getattr(note, note.WhichOneof("value"))]
        self.events.append({
            "t": packet.timestamp, "type": event.type, "track": event.track_uuid, "value": event.counter_value,
            "name": self.names[event.name_iid] if named == "name_iid" else event.name,
            "notes": notes, "flows": [*event.flow_ids, *event.terminating_flow_ids], "last": list(event.terminating_flow_ids)})

    def name(self, track):
        return self.tracks[track].name or self.tracks[track].process.process_name

    def on(self, name):
        return [event for event in self.events if self.name(event["track"]) == name]

    def slices(self):
        """Finished slices {name, track, from, to, depth, notes}; a BEGIN without END, or the other way round, is an error."""
        stacks = collections.defaultdict(list)
        finished = []
        for event in self.events:
            stack = stacks[event["track"]]
            if event["type"] == BEGIN:
                stack.append(event)
            elif event["type"] == END:
                begin = stack.pop()
                finished.append({**begin, "from": begin["t"], "to": event["t"], "depth": len(stack)})
        assert not any(stacks.values()), "a slice that does not end"
        return finished


@pytest.fixture(scope="module")
def reading(schema, synthetic):
    return Reading(schema, synthetic("perfetto", 60))


@pytest.fixture(scope="module")
def report(synthetic_json):
    return synthetic_json(60)


def test_it_begins_as_the_format_asks(reading):
    assert reading.first.sequence_flags & 1, "names are used before the state was cleared"
    assert reading.first.first_packet_on_sequence
    # BOOTTIME, the clock of packets that name none, stands still against REALTIME.
    assert reading.clocks[6] == reading.clocks[1] > 0


def test_every_attempt_is_a_slice_with_its_phases(reading, report):
    attempts = [slice_ for slice_ in reading.slices() if reading.name(slice_["track"]) == "attempts" and slice_["depth"] == 0]
    assert len(attempts) == len(report["attempts"])
    by_number = {slice_["notes"]["attempt"][0]: slice_ for slice_ in attempts}
    for number, expected in enumerate(report["attempts"]):
        found = next(slice_ for slice_ in attempts if slice_["name"] == expected["client"] and slice_["notes"]["isn"] == [expected["isn"]])
        assert found["from"] == expected["syn_ns"], number
        assert found["notes"]["outcome"] == [expected["outcome"]]
        assert found["notes"]["server"] == [expected["server"]]
        assert found["notes"].get("causes", [""]) == [",".join(cause["name"] for cause in expected["causes"])]
        assert found["notes"]["syns"] == [expected["syns"]]
        assert found["notes"].get("connect_ns", [None]) == [expected["connect_ns"]]
    assert len(by_number) == len(attempts)


def test_phases_follow_each_other_within_their_attempt(reading, report):
    waits = {}
    for slice_ in reading.slices():
        assert slice_["from"] <= slice_["to"]
        if slice_["name"] == "in the accept queue":
            assert slice_["depth"] == 1
            waits[slice_["from"]] = slice_["to"]
    queued = [attempt for attempt in report["attempts"] if attempt["accept_ns"] is not None
              and not any(packet["kind"] == "ack" and packet.get("dropped") for packet in attempt["packets"])]
    assert len(queued) > 40
    for expected in queued:
        assert waits[expected["ack_ns"]] == expected["accept_ns"]


def test_slices_of_a_track_nest(reading):
    """What begins within another slice ends within it: the format's rule for slices of one track."""
    by_track = collections.defaultdict(list)
    for slice_ in reading.slices():
        by_track[slice_["track"]].append(slice_)
    for slices in by_track.values():
        for parent in slices:
            for child in slices:
                if child["depth"] > parent["depth"] and parent["from"] <= child["from"] < parent["to"]:
                    assert child["to"] <= parent["to"]


def test_the_queue_is_a_counter(reading, report):
    listener = report["listeners"][0]
    for name in ("accept queue (rebuilt)", "accept queue (sampled)"):
        values = [event["value"] for event in reading.on(name)]
        assert values and max(values) == listener["queue_peak"] == listener["capacity"]
    full = [(slice_["from"], slice_["to"]) for slice_ in reading.slices() if reading.name(slice_["track"]) == "accept queue full"]
    assert full == [(episode["start_ns"], episode["end_ns"]) for episode in listener["full_episodes"]]
    group = next(track for track in reading.tracks.values() if track.name == "listener " + listener["address"] + ":" + str(listener["port"])
                 or track.name == "listener " + listener["address"])
    assert group.uuid == reading.tracks[reading.on("accept queue (rebuilt)")[0]["track"]].parent_uuid


def test_drops_are_instants(reading, report):
    drops = collections.Counter(event["name"] for event in reading.on("dropped packets") if event["type"] == INSTANT)
    expected = collections.Counter()
    for attempt in report["attempts"]:
        for cause in attempt["causes"]:
            expected[cause["name"]] += cause["packets"]
    assert drops["accept-queue-full-syn"] == expected["accept-queue-full-syn"] > 0
    assert drops["accept-queue-full-ack"] == expected["accept-queue-full-ack"] > 0


def test_children_live_under_their_server(reading, report):
    process = next(track for track in reading.tracks.values() if track.HasField("process"))
    assert process.process.pid == 4242
    assert process.process.process_name == "serve"
    children = {slice_["notes"]["child_pid"][0]: slice_ for slice_ in reading.slices() if reading.name(slice_["track"]) == "children"}
    forked = [attempt for attempt in report["attempts"] if attempt["fork_ns"] is not None]
    assert len(children) == len(forked) > 0
    for attempt in forked:
        child = children[attempt["child_pid"]]
        assert child["from"] == attempt["fork_ns"]
        assert child["name"] == f"child {attempt['child_pid']}"
        assert reading.tracks[child["track"]].parent_uuid == process.uuid


def test_arrows_lead_from_handshake_to_accept_to_fork(reading, report):
    flows = collections.defaultdict(list)
    for event in reading.events:
        for flow in event["flows"]:
            flows[flow].append((reading.name(event["track"]), event["name"], flow in event["last"]))
    accepted = [attempt for attempt in report["attempts"] if attempt["accept_ns"] is not None]
    assert len(flows) == len(accepted)
    for steps in flows.values():
        assert [step[0] for step in steps] in (["attempts", "accept()", "children"], ["attempts", "accept()"])
        assert steps[0][1] == "waiting for the final ACK"
        assert [step[2] for step in steps] == [False] * (len(steps) - 1) + [True]


def test_a_hundred_thousand_attempts(schema, synthetic):
    data = synthetic("perfetto", 100000)
    assert len(data) < 100e6
    trace = schema.Trace()
    assert trace.ParseFromString(data) == len(data)
    tracks = {}
    depths = collections.Counter()
    attempts = 0
    for packet in trace.packet:
        if packet.HasField("track_event"):
            event = packet.track_event
            track, kind = event.track_uuid, event.type
            if kind == BEGIN:
                attempts += depths[track] == 0 and tracks[track] == "attempts"
                depths[track] += 1
            elif kind == END:
                depths[track] -= 1
                assert depths[track] >= 0
        elif packet.HasField("track_descriptor"):
            tracks[packet.track_descriptor.uuid] = packet.track_descriptor.name
    assert attempts == 100013
    assert not any(depths.values())
    # Lanes are shared: about as many of them as attempts are open at once.
    assert list(tracks.values()).count("attempts") < 20000


def test_hostile_names_stay_text(schema, synthetic):
    reading = Reading(schema, synthetic("perfetto", 5, "hostile"))
    process = next(track for track in reading.tracks.values() if track.HasField("process"))
    assert process.process.process_name == "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;\u2028\ufffd"


def test_a_full_disk_is_an_error(synthetic_program):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([synthetic_program, "perfetto", "5000"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"No space left" in done.stderr
