/*
 * The merge: a queue for each source, and the oldest head first.
 *
 * What a source delivers in order stands in a ring. What is older than the last
 * of that ring goes to a heap beside it, so that a source whose times run
 * backwards costs no more than the logarithm of what is held.
 */
#include "report/track/merge.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "event/array.h"

struct straggler {
	struct event event;
	uint64_t number; /* in the order of arrival */
};

struct lane {
	struct event *events; /* a ring of room elements */
	size_t room;
	size_t first;
	size_t count;
	struct straggler *heap; /* the oldest first, of equal ones the first to come */
	size_t heap_room;
	size_t heap_count;
	uint64_t stragglers; /* that ever were */
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
	for (int i = 0; i < SOURCE_COUNT; i++) {
		free(merge->lanes[i].events);
		free(merge->lanes[i].heap);
	}
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

static bool goes_before(const struct straggler *x, const struct straggler *y)
{
	if (x->event.time_ns != y->event.time_ns)
		return x->event.time_ns < y->event.time_ns;
	return x->number < y->number;
}

static int heap_add(struct lane *lane, const struct event *event)
{
	struct straggler added = {.event = *event, .number = lane->stragglers++};
	size_t at = lane->heap_count;

	if (at == lane->heap_room) {
		struct straggler *heap =
		    array_grow(lane->heap, &lane->heap_room, sizeof(*heap), 64, ARRAY_UNBOUNDED);

		if (!heap)
			return -ENOMEM;
		lane->heap = heap;
	}
	while (at && goes_before(&added, &lane->heap[(at - 1) / 2])) {
		lane->heap[at] = lane->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	lane->heap[at] = added;
	lane->heap_count++;
	return 0;
}

static void heap_remove_first(struct lane *lane)
{
	const struct straggler *last = &lane->heap[--lane->heap_count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < lane->heap_count) {
		if (child + 1 < lane->heap_count &&
		    goes_before(&lane->heap[child + 1], &lane->heap[child]))
			child++;
		if (!goes_before(&lane->heap[child], last))
			break;
		lane->heap[at] = lane->heap[child];
		at = child;
	}
	if (&lane->heap[at] != last)
		lane->heap[at] = *last;
}

/* Of equal times the one in the ring came first. */
static bool heap_is_next(const struct lane *lane)
{
	return lane->heap_count &&
	       (!lane->count || lane->heap[0].event.time_ns < lane->events[lane->first].time_ns);
}

static bool is_empty(const struct lane *lane)
{
	return !lane->count && !lane->heap_count;
}

static int64_t head_ns(const struct lane *lane)
{
	return heap_is_next(lane) ? lane->heap[0].event.time_ns : lane->events[lane->first].time_ns;
}

/* The lane whose head is the oldest, or NULL when all are empty. */
static struct lane *oldest(struct merge *m)
{
	struct lane *best = NULL;

	for (int i = 0; i < SOURCE_COUNT; i++) {
		struct lane *lane = &m->lanes[i];

		if (!is_empty(lane) && (!best || head_ns(lane) < head_ns(best)))
			best = lane;
	}
	return best;
}

static int give(struct merge *m, const struct event *event)
{
	m->count--;
	if (event->time_ns < m->passed_ns)
		m->late++;
	else
		m->passed_ns = event->time_ns;
	return m->fn(m->context, event);
}

static int pass(struct merge *m, struct lane *lane)
{
	const struct event *event;
	struct event own;

	if (heap_is_next(lane)) {
		own = lane->heap[0].event;
		heap_remove_first(lane);
		return give(m, &own);
	}
	event = &lane->events[lane->first];
	lane->first = (lane->first + 1) & (lane->room - 1);
	lane->count--;
	return give(m, event);
}

/*
 * Most are segments, and a third as large as the largest event: what is held is out of the caches.
 */
static size_t size_of(const struct event *event)
{
	if (event->kind == EVENT_SEGMENT)
		return offsetof(struct event, segment) + sizeof(event->segment);
	return sizeof(*event);
}

static int ring_add(struct lane *lane, const struct event *event)
{
	if (lane->count == lane->room) {
		int rc = grow(lane);

		if (rc)
			return rc;
	}
	memcpy(&lane->events[(lane->first + lane->count++) & (lane->room - 1)], event,
	       size_of(event));
	return 0;
}

static bool is_straggler(const struct lane *lane, const struct event *event)
{
	return lane->count &&
	       lane->events[(lane->first + lane->count - 1) & (lane->room - 1)].time_ns >
		   event->time_ns;
}

int merge_push(struct merge *merge, const struct event *event)
{
	return merge_push_by(merge, event->source, event);
}

int merge_push_by(struct merge *merge, enum source way, const struct event *event)
{
	struct lane *lane = &merge->lanes[way];
	int rc;

	if (merge->count == MERGE_EVENTS_MAX) {
		rc = pass(merge, oldest(merge));
		if (rc)
			return rc;
	}
	/* A source of several processes, or processors, can be out of order by a little. */
	rc = is_straggler(lane, event) ? heap_add(lane, event) : ring_add(lane, event);
	if (rc)
		return rc;
	lane->open = true;
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
		time_ns = head_ns(lane);
		for (int i = 0; i < SOURCE_COUNT; i++) {
			const struct lane *other = &merge->lanes[i];

			/* An equal time may still come from a source that goes first. */
			if (other->open && is_empty(other) && other->watermark_ns <= time_ns)
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
	return !is_empty(&merge->lanes[source]);
}

uint64_t merge_late(const struct merge *merge)
{
	return merge->late;
}
