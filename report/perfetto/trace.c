/*
 * Perfetto's packets. Field numbers are those of protos/perfetto/trace in its
 * sources; they are part of the format and do not change.
 */
#include "report/perfetto/trace.h"

#include <errno.h>

enum {
	TRACE_PACKET = 1,

	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE_ID = 10,
	PACKET_TRACK_EVENT = 11,
	PACKET_INTERNED_DATA = 12,
	PACKET_SEQUENCE_FLAGS = 13,
	PACKET_PREVIOUS_DROPPED = 42,
	PACKET_TRACK_DESCRIPTOR = 60,
	PACKET_FIRST_ON_SEQUENCE = 87,

	SNAPSHOT_CLOCKS = 1,
	CLOCK_ID = 1,
	CLOCK_TIMESTAMP = 2,

	INTERNED_EVENT_NAMES = 2,
	INTERNED_NOTE_NAMES = 3,
	INTERNED_IID = 1,
	INTERNED_NAME = 2,

	TRACK_UUID = 1,
	TRACK_NAME = 2,
	TRACK_PROCESS = 3,
	TRACK_PARENT = 5,
	TRACK_COUNTER = 8,
	PROCESS_PID = 1,
	PROCESS_NAME = 6,
	COUNTER_UNIT = 3,

	EVENT_DEBUG_ANNOTATIONS = 4,
	EVENT_TYPE = 9,
	EVENT_NAME_IID = 10,
	EVENT_TRACK = 11,
	EVENT_NAME = 23,
	EVENT_COUNTER_VALUE = 30,
	EVENT_FLOWS = 47,
	EVENT_LAST_FLOWS = 48,

	NOTE_NAME_IID = 1,
	NOTE_INT = 4,
	NOTE_STRING = 6,
};

/* BuiltinClock */
#define CLOCK_IS_REALTIME 1
#define CLOCK_IS_BOOTTIME 6

#define UNIT_COUNT 2

/* SequenceFlags */
#define STATE_CLEARED 1
#define NEEDS_STATE   2

/* All packets come from one writer: any number but 0. */
#define SEQUENCE 1

static void begin_packet(struct trace *t, unsigned flags)
{
	protobuf_begin(&t->packet, TRACE_PACKET);
	protobuf_u64(&t->packet, PACKET_SEQUENCE_ID, SEQUENCE);
	if (flags)
		protobuf_u64(&t->packet, PACKET_SEQUENCE_FLAGS, flags);
}

static void end_packet(struct trace *t)
{
	protobuf_end(&t->packet);
	if (!protobuf_flush(&t->packet, &t->output))
		t->left_out++;
}

/* The format's times are unsigned: what lies before 1970 is put at its beginning. */
static uint64_t timestamp(int64_t time_ns)
{
	return time_ns > 0 ? (uint64_t)time_ns : 0;
}

static void put_clock(struct trace *t, unsigned clock, int64_t time_ns)
{
	protobuf_begin(&t->packet, SNAPSHOT_CLOCKS);
	protobuf_u64(&t->packet, CLOCK_ID, clock);
	protobuf_u64(&t->packet, CLOCK_TIMESTAMP, timestamp(time_ns));
	protobuf_end(&t->packet);
}

static void put_names(struct trace *t, unsigned field, const char *const *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		protobuf_begin(&t->packet, field);
		/* 0 is no name. */
		protobuf_u64(&t->packet, INTERNED_IID, i + 1);
		protobuf_string(&t->packet, INTERNED_NAME, names[i]);
		protobuf_end(&t->packet);
	}
}

void trace_init(struct trace *t, FILE *out, int64_t start_ns, const char *const *event_names,
		unsigned event_names_count, const char *const *note_names,
		unsigned note_names_count)
{
	output_init(&t->output, out);
	protobuf_init(&t->packet);
	t->next_track = 1;
	t->left_out = 0;

	begin_packet(t, STATE_CLEARED | NEEDS_STATE);
	protobuf_u64(&t->packet, PACKET_PREVIOUS_DROPPED, 1);
	protobuf_u64(&t->packet, PACKET_FIRST_ON_SEQUENCE, 1);
	protobuf_begin(&t->packet, PACKET_INTERNED_DATA);
	put_names(t, INTERNED_EVENT_NAMES, event_names, event_names_count);
	put_names(t, INTERNED_NOTE_NAMES, note_names, note_names_count);
	protobuf_end(&t->packet);
	end_packet(t);

	/*
	 * Times without a clock are BOOTTIME's: said to be the same as REALTIME's, which ours are.
	 */
	begin_packet(t, 0);
	protobuf_u64(&t->packet, PACKET_TIMESTAMP, timestamp(start_ns));
	protobuf_begin(&t->packet, PACKET_CLOCK_SNAPSHOT);
	put_clock(t, CLOCK_IS_BOOTTIME, start_ns);
	put_clock(t, CLOCK_IS_REALTIME, start_ns);
	protobuf_end(&t->packet);
	end_packet(t);
}

static void begin_track(struct trace *t, uint64_t track, uint64_t parent, const char *name)
{
	begin_packet(t, 0);
	protobuf_begin(&t->packet, PACKET_TRACK_DESCRIPTOR);
	protobuf_u64(&t->packet, TRACK_UUID, track);
	if (parent)
		protobuf_u64(&t->packet, TRACK_PARENT, parent);
	if (name)
		protobuf_string(&t->packet, TRACK_NAME, name);
}

static void end_track(struct trace *t)
{
	protobuf_end(&t->packet);
	end_packet(t);
}

void trace_track_numbered(struct trace *t, uint64_t track, uint64_t parent, const char *name)
{
	begin_track(t, track, parent, name);
	end_track(t);
}

uint64_t trace_track(struct trace *t, uint64_t parent, const char *name)
{
	uint64_t track = t->next_track++;

	trace_track_numbered(t, track, parent, name);
	return track;
}

uint64_t trace_counter_track(struct trace *t, uint64_t parent, const char *name)
{
	uint64_t track = t->next_track++;

	begin_track(t, track, parent, name);
	protobuf_begin(&t->packet, TRACK_COUNTER);
	protobuf_u64(&t->packet, COUNTER_UNIT, UNIT_COUNT);
	protobuf_end(&t->packet);
	end_track(t);
	return track;
}

uint64_t trace_process(struct trace *t, int32_t pid, const char *name)
{
	uint64_t track = t->next_track++;

	begin_track(t, track, 0, NULL);
	protobuf_begin(&t->packet, TRACK_PROCESS);
	protobuf_i64(&t->packet, PROCESS_PID, pid);
	protobuf_string(&t->packet, PROCESS_NAME, name);
	protobuf_end(&t->packet);
	end_track(t);
	return track;
}

static void begin_event(struct trace *t, enum trace_event type, uint64_t track, int64_t time_ns,
			unsigned flags)
{
	begin_packet(t, flags);
	protobuf_u64(&t->packet, PACKET_TIMESTAMP, timestamp(time_ns));
	protobuf_begin(&t->packet, PACKET_TRACK_EVENT);
	protobuf_u64(&t->packet, EVENT_TYPE, type);
	protobuf_u64(&t->packet, EVENT_TRACK, track);
}

void trace_counter(struct trace *t, uint64_t track, int64_t time_ns, int64_t value)
{
	begin_event(t, TRACE_COUNTER, track, time_ns, 0);
	protobuf_i64(&t->packet, EVENT_COUNTER_VALUE, value);
	trace_event_end(t);
}

void trace_slice_end(struct trace *t, uint64_t track, int64_t time_ns)
{
	begin_event(t, TRACE_SLICE_END, track, time_ns, 0);
	trace_event_end(t);
}

void trace_event_begin(struct trace *t, enum trace_event type, uint64_t track, int64_t time_ns,
		       unsigned name)
{
	begin_event(t, type, track, time_ns, NEEDS_STATE);
	protobuf_u64(&t->packet, EVENT_NAME_IID, name + 1);
}

void trace_event_begin_named(struct trace *t, enum trace_event type, uint64_t track,
			     int64_t time_ns, const char *name)
{
	/* Its notes have interned names. */
	begin_event(t, type, track, time_ns, NEEDS_STATE);
	protobuf_string(&t->packet, EVENT_NAME, name);
}

void trace_flow(struct trace *t, uint64_t flow, bool last)
{
	protobuf_fixed64(&t->packet, last ? EVENT_LAST_FLOWS : EVENT_FLOWS, flow);
}

void trace_note(struct trace *t, unsigned name, int64_t value)
{
	protobuf_begin(&t->packet, EVENT_DEBUG_ANNOTATIONS);
	protobuf_u64(&t->packet, NOTE_NAME_IID, name + 1);
	protobuf_i64(&t->packet, NOTE_INT, value);
	protobuf_end(&t->packet);
}

void trace_note_text(struct trace *t, unsigned name, const char *value)
{
	protobuf_begin(&t->packet, EVENT_DEBUG_ANNOTATIONS);
	protobuf_u64(&t->packet, NOTE_NAME_IID, name + 1);
	protobuf_string(&t->packet, NOTE_STRING, value);
	protobuf_end(&t->packet);
}

void trace_event_end(struct trace *t)
{
	protobuf_end(&t->packet);
	end_packet(t);
}

int trace_finish(struct trace *t)
{
	int rc = output_finish(&t->output);

	return !rc && t->left_out ? -EMSGSIZE : rc;
}
