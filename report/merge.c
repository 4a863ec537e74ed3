/*
 * The merge: a queue for each source, and the oldest head first.
 */
#include "report/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lane {
	struct event *events; /* a ring of room elements */
	size_t room;
	size_t first;
	size_t count;
	int64_t watermark_ns;
	bool open;
};

struct merge {
	event_fn fn;
	void *context;
	struct lane lanes[SOURCE_COUNT];
	size_t count;
	int64_t passed_ns;
	uint64_t late;
};

int merge_new(event_fn fn, void *context, struct merge **out)
{
	struct merge *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->fn = fn;
	m->context = context;
	m->passed_ns = TIME_UNKNOWN;
	for (int i = 0; i < SOURCE_COUNT; i++)
		m->lanes[i].watermark_ns = TIME_UNKNOWN;
	*out = m;
	return 0;
}

void merge_free(struct merge *merge)
{
	if (!merge)
		return;
	for (int i = 0; i < SOURCE_COUNT; i++)
		free(merge->lanes[i].events);
	free(merge);
}

static int grow(struct lane *lane)
{
	size_t room = lane->room ? lane->room * 2 : 256;
	struct event *events = malloc(room * sizeof(*events));

	if (!events)
		return -ENOMEM;
	for (size_t i = 0; i < lane->count; i++)
		events[i] = lane->events[(lane->first + i) & (lane->room - 1)];
	free(lane->events);
	lane->events = events;
	lane->room = room;
	lane->first = 0;
	return 0;
}

/* The lane whose head is the oldest, or NULL when all are empty. */
static struct lane *oldest(struct merge *m)
{
	struct lane *best = NULL;

	for (int i = 0; i < SOURCE_COUNT; i++) {
		struct lane *lane = &m->lanes[i];

		if (lane->count && (!best || lane->events[lane->first].time_ns <
						 best->events[best->first].time_ns))
			best = lane;
	}
	return best;
}

static int pass(struct merge *m, struct lane *lane)
{
	const struct event *event = &lane->events[lane->first];

	lane->first = (lane->first + 1) & (lane->room - 1);
	lane->count--;
	m->count--;
	if (event->time_ns < m->passed_ns)
		m->late++;
	else
		m->passed_ns = event->time_ns;
	return m->fn(m->context, event);
}

int merge_push(struct merge *merge, const struct event *event)
{
	struct lane *lane = &merge->lanes[event->source];
	size_t at;
	int rc;

	if (merge->count == MERGE_EVENTS_MAX) {
		rc = pass(merge, oldest(merge));
		if (rc)
			return rc;
	}
	if (lane->count == lane->room) {
		rc = grow(lane);
		if (rc)
			return rc;
	}
	lane->open = true;
	/* A source of several processes, or processors, can be out of order by a little. */
	at = lane->count++;
	while (at &&
	       lane->events[(lane->first + at - 1) & (lane->room - 1)].time_ns > event->time_ns) {
		lane->events[(lane->first + at) & (lane->room - 1)] =
		    lane->events[(lane->first + at - 1) & (lane->room - 1)];
		at--;
	}
	lane->events[(lane->first + at) & (lane->room - 1)] = *event;
	merge->count++;
	return 0;
}

void merge_watermark(struct merge *merge, enum source source, int64_t time_ns)
{
	struct lane *lane = &merge->lanes[source];

	lane->open = true;
	if (time_ns > lane->watermark_ns)
		lane->watermark_ns = time_ns;
}

void merge_close(struct merge *merge, enum source source)
{
	merge->lanes[source].open = false;
}

int merge_run(struct merge *merge)
{
	for (;;) {
		struct lane *lane = oldest(merge);
		int64_t time_ns;
		int rc;

		if (!lane)
			return 0;
		time_ns = lane->events[lane->first].time_ns;
		for (int i = 0; i < SOURCE_COUNT; i++) {
			const struct lane *other = &merge->lanes[i];

			/* An equal time may still come from a source that goes first. */
			if (other->open && !other->count && other->watermark_ns <= time_ns)
				return 0;
		}
		rc = pass(merge, lane);
		if (rc)
			return rc;
	}
}

int merge_restart(struct merge *merge)
{
	struct lane *lane;
	int rc = 0;

	while (rc == 0 && (lane = oldest(merge)))
		rc = pass(merge, lane);
	for (int i = 0; i < SOURCE_COUNT; i++)
		merge->lanes[i].watermark_ns = TIME_UNKNOWN;
	merge->passed_ns = TIME_UNKNOWN;
	return rc;
}

bool merge_waiting(const struct merge *merge, enum source source)
{
	return merge->lanes[source].count > 0;
}

uint64_t merge_late(const struct merge *merge)
{
	return merge->late;
}
