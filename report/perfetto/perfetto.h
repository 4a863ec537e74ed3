/*
 * Interface between the parts of the Perfetto report: the sink (perfetto.c), its
 * tracks (tracks.c) and what an attempt puts on them (attempt.c).
 */
#ifndef REPORT_PERFETTO_PERFETTO_H
#define REPORT_PERFETTO_PERFETTO_H

#include <stddef.h>
#include <stdint.h>

#include "report/attempt/phase.h"
#include "report/attempt/report.h"
#include "report/measure/lanes.h"
#include "report/perfetto/trace.h"
#include "report/sink/sink.h"
#include "report/sink/attempt_buffer.h"

/* Event names after those of the phases and of the causes. */
enum {
	NAME_PHASES = 0,
	NAME_CAUSES = NAME_PHASES + PHASE_COUNT,
	NAME_MARKS = NAME_CAUSES + CAUSE_COUNT,
	NAME_FULL = NAME_MARKS + MARK_KIND_COUNT,
	NAME_ACCEPT,
	NAME_FIRST_BYTE,
	NAME_REPLY,
	NAME_SERVER_CLOSE,
	NAME_COUNT,
};

enum {
	NOTE_SERVER,
	NOTE_NUMBER,
	NOTE_ISN,
	NOTE_OUTCOME,
	NOTE_CAUSES,
	NOTE_SYNS,
	NOTE_SYNACKS,
	NOTE_CONNECT,
	NOTE_ACCEPT_WAIT,
	NOTE_QUEUE_WAIT,
	NOTE_CHILD,
	NOTE_CLIENT,
	NOTE_CONFIDENCE,
	NOTE_FRAME,
	NOTE_DEPTH,
	NOTE_LIMIT,
	NOTE_COUNT,
};

/* Where attempts of one listener go; the last group is for those of none. */
struct group {
	uint64_t track;
	uint64_t drops_track;
	struct lanes attempts;
};

/* A process that accepts. Pre-forked servers have a few; beyond the bound they share one track. */
#define PROCESSES_MAX 1024

struct process {
	int32_t pid;
	uint64_t track;
	uint64_t accept_track;
	struct lanes children;
};

struct perfetto {
	struct sink sink;
	FILE *out;
	struct attempt_buffer *buffer;
	const struct report *report;
	size_t groups_count;
	struct group *groups;
	size_t processes_count;
	struct process processes[PROCESSES_MAX];
	struct trace trace;
};

/* The tracks of a listener: counters, full episodes, room for its attempts. */
void perfetto_write_listener(struct perfetto *perfetto, struct group *group,
			     const struct report_listener *listener);

/* Where the attempt belongs; made when it is first asked for. */
struct group *perfetto_group(struct perfetto *perfetto, const struct attempt *attempt);
struct process *perfetto_process(struct perfetto *perfetto, int32_t pid);

/*
 * A track called name, under parent, on which nothing else is in [from_ns, to_ns].
 * Returns 0 when out of memory.
 */
uint64_t perfetto_lane(struct perfetto *perfetto, struct lanes *lanes, int64_t from_ns,
		       int64_t to_ns, uint64_t parent, const char *name);

/* Everything of one attempt. Returns 0 or -ENOMEM. */
int perfetto_write_attempt(struct perfetto *perfetto, const struct attempt *attempt);

#endif
