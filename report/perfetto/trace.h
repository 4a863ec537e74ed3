/*
 * Interface for writing a Perfetto trace: tracks and the events on them, in
 * the TrackEvent format (perfetto.dev/docs/reference/synthetic-track-event),
 * with interned names. Knows nothing about connections.
 */
#ifndef REPORT_PERFETTO_TRACE_H
#define REPORT_PERFETTO_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/perfetto/protobuf.h"
#include "report/sink/output.h"

/* TrackEvent.Type */
enum trace_event {
	TRACE_SLICE_BEGIN = 1,
	TRACE_SLICE_END = 2,
	TRACE_INSTANT = 3,
	TRACE_COUNTER = 4,
};

struct trace {
	struct output output;
	struct protobuf packet;
	uint64_t next_track; /* 0 is the trace's own */
	uint64_t left_out;   /* packets that were too long */
};

/*
 * Names that occur often are given once, here: event_names[i] is the name i of
 * trace_event_begin(), note_names[i] the name i of the notes. start_ns is
 * CLOCK_REALTIME, as are all times of the trace.
 */
void trace_init(struct trace *trace, FILE *out, int64_t start_ns, const char *const *event_names,
		unsigned event_names_count, const char *const *note_names,
		unsigned note_names_count);

/*
 * Returns the track's number. parent 0: at the top. Tracks of the same name and parent are shown as
 * one.
 */
uint64_t trace_track(struct trace *trace, uint64_t parent, const char *name);

/* The same with a number that was taken from next_track before. */
void trace_track_numbered(struct trace *trace, uint64_t track, uint64_t parent, const char *name);
uint64_t trace_counter_track(struct trace *trace, uint64_t parent, const char *name);
uint64_t trace_process(struct trace *trace, int32_t pid, const char *name);

void trace_counter(struct trace *trace, uint64_t track, int64_t time_ns, int64_t value);
void trace_slice_end(struct trace *trace, uint64_t track, int64_t time_ns);

/* An event with more to it: begin, any of the three below it, end. */
void trace_event_begin(struct trace *trace, enum trace_event type, uint64_t track, int64_t time_ns,
		       unsigned name);
/* The same with a name that occurs once. */
void trace_event_begin_named(struct trace *trace, enum trace_event type, uint64_t track,
			     int64_t time_ns, const char *name);
/* Arrows lead from event to event of the same flow, in order of time; last: here it ends. */
void trace_flow(struct trace *trace, uint64_t flow, bool last);
void trace_note(struct trace *trace, unsigned name, int64_t value);
void trace_note_text(struct trace *trace, unsigned name, const char *value);
void trace_event_end(struct trace *trace);

/* Returns the first error of the output, -EMSGSIZE when a packet was left out, or 0. */
int trace_finish(struct trace *trace) __attribute__((warn_unused_result));

#endif
