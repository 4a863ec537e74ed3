/*
 * The window of a replay.
 */
#include "pipeline/replay_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event/array.h"

/* events.jsonl is in order of arrival, and packets of several devices are nearly in order. */
#define DISORDER_NS (5 * NS_PER_SEC)

/* The counters are read right after the listeners are sampled: so near is as of the same time. */
#define SAMPLE_AGE_MAX_NS (2 * NS_PER_MS)

void replay_window_init(struct replay_window *w, int64_t since_ns, int64_t until_ns)
{
	memset(w, 0, sizeof(*w));
	w->since_ns = since_ns;
	w->until_ns = until_ns;
	w->from_ns = w->to_ns = TIME_UNKNOWN;
	w->counters.time_ns = TIME_UNKNOWN;
}

int replay_window_open(struct replay_window *w, const struct recording_meta *meta,
		       struct reporter *reporter)
{
	const struct reporter_options options = {.kind = meta ? REPORT_RECORDING : REPORT_PCAP,
						 .meta = meta};

	w->reporter = reporter;
	return w->since_ns == INT64_MIN ? 0 : reporter_new(&options, &w->before);
}

static bool is_known_fact(enum event_kind kind)
{
	return kind == EVENT_LISTENER || kind == EVENT_LISTEN || kind == EVENT_OWNER ||
	       kind == EVENT_ADDRESS || kind == EVENT_COUNTERS || kind == EVENT_LOSS;
}

bool replay_window_wants(const struct replay_window *w, const struct event *event)
{
	if (is_known_fact(event->kind))
		return true;
	return (w->since_ns == INT64_MIN ||
		event->time_ns >= w->since_ns - REPLAY_WINDOW_KNOWN_NS) &&
	       (w->until_ns == INT64_MAX || event->time_ns <= w->until_ns + REPLAY_WINDOW_LATE_NS);
}

bool replay_window_is_past(const struct replay_window *w, const struct event *event)
{
	return w->until_ns < INT64_MAX - REPLAY_WINDOW_LATE_NS - DISORDER_NS &&
	       event->time_ns > w->until_ns + REPLAY_WINDOW_LATE_NS + DISORDER_NS;
}

static bool is_recent(const struct event *sample, int64_t time_ns)
{
	return sample->sample.before_ns >= time_ns - SAMPLE_AGE_MAX_NS;
}

static int keep(struct replay_events *events, const struct event *event)
{
	if (events->count == events->room) {
		struct event *list =
		    array_grow(events->list, &events->room, sizeof(*list), 16, ARRAY_UNBOUNDED);

		if (!list)
			return -ENOMEM;
		events->list = list;
	}
	events->list[events->count++] = *event;
	return 0;
}

/* A first sample again: the listeners are sampled in turn, each once. */
static int take_sample(struct replay_window *w, const struct event *event)
{
	if (event->kind != EVENT_SAMPLE)
		return 0;
	if (w->samples.count && (w->samples.list[0].sample.cookie == event->sample.cookie ||
				 !is_recent(&w->samples.list[0], event->time_ns)))
		w->samples.count = 0;
	return keep(&w->samples, event);
}

/* Without them, what a socket drops before it is sampled again would not be known of. */
static int say_samples(struct replay_window *w)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->samples.count; i++) {
		struct event event = w->samples.list[i];

		if (!is_recent(&event, w->from_ns))
			continue;
		event.time_ns = w->from_ns;
		rc = w->fn(w->context, &event);
	}
	return rc;
}

static int say_known(struct replay_window *w)
{
	struct event first;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->known.count; i++) {
		struct event event = w->known.events[i];

		event.time_ns = w->from_ns;
		rc = w->fn(w->context, &event);
	}
	if (rc == 0)
		rc = say_samples(w);
	if (rc || w->counters.time_ns == TIME_UNKNOWN)
		return rc;
	first = w->counters;
	first.time_ns = first.counters.before_ns = w->from_ns;
	first.counters.when = COUNTERS_BEFORE;
	return w->fn(w->context, &first);
}

/* A reading during observation leaves out what has not moved. */
static void take_counters(struct replay_window *w, const struct event *event)
{
	if (event->kind != EVENT_COUNTERS)
		return;
	if (w->counters.time_ns == TIME_UNKNOWN)
		w->counters = *event;
	counters_update(&w->counters.counters, &event->counters);
	w->counters.time_ns = event->time_ns;
	w->counters.counters.before_ns = event->counters.before_ns;
}

/* Takes what stands before the window. True when the event is the first within. */
static bool begins(struct replay_window *w, const struct event *event, int *rc)
{
	*rc = folder_known_take(&w->known, event);
	if (*rc == 0 && event->time_ns < w->since_ns)
		*rc = take_sample(w, event);
	if (event->kind == EVENT_LOSS && event->loss.kind < LOSS_KIND_COUNT)
		w->losses[event->loss.kind] = event->loss.count;
	take_counters(w, event);
	return event->time_ns >= w->since_ns ||
	       (event->kind == EVENT_COUNTERS &&
		event->time_ns >= w->since_ns - REPLAY_WINDOW_EARLY_NS);
}

static int give(struct replay_window *w, const struct event *event)
{
	struct event own = *event;

	if (own.kind == EVENT_LOSS && own.loss.kind < LOSS_KIND_COUNT) {
		own.loss.count -= w->losses[own.loss.kind];
		w->losses_within[own.loss.kind] = own.loss.count;
	}
	w->packets += own.kind == EVENT_SEGMENT || own.kind == EVENT_ICMP;
	return w->fn(w->context, &own);
}

/* The counters were read: what came until then is in them. */
static int end_with_reading(struct replay_window *w, const struct event *event)
{
	struct event last = *event;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->held.count; i++)
		rc = give(w, &w->held.list[i]);
	last.counters = w->counters.counters;
	last.counters.when = COUNTERS_AFTER;
	w->ended = true;
	w->to_ns = last.time_ns;
	return rc ? rc : give(w, &last);
}

static int pass(struct replay_window *w, const struct event *event)
{
	take_counters(w, event);
	if (event->kind == EVENT_COUNTERS)
		return event->time_ns >= w->until_ns ? end_with_reading(w, event) : give(w, event);
	if (event->time_ns <= w->until_ns)
		return give(w, event);
	/* Later than that the host was idle, and its counters were not read. */
	if (w->cut)
		return event->time_ns > w->until_ns + REPLAY_WINDOW_CUT_NS ? replay_window_finish(w)
									   : keep(&w->held, event);
	if (event->time_ns <= w->until_ns + REPLAY_WINDOW_LATE_NS)
		return give(w, event);
	w->ended = true;
	w->to_ns = w->until_ns;
	return 0;
}

int replay_window_event(void *window, const struct event *event)
{
	struct replay_window *w = window;
	int rc = 0;

	if (!replay_window_is_set(w)) {
		take_counters(w, event); /* it may be cut */
		return w->fn(w->context, event);
	}
	if (w->ended)
		return 0;
	if (w->begun)
		return pass(w, event);
	if (event->time_ns > w->until_ns) {
		w->ended = true;
		return 0;
	}
	if (!begins(w, event, &rc) || rc)
		return rc || !w->before ? rc : reporter_event(w->before, event);
	w->begun = true;
	w->from_ns = event->time_ns;
	rc = say_known(w);
	if (w->before)
		w->others = reporter_carry(w->before, w->reporter, w->from_ns);
	reporter_free(w->before);
	w->before = NULL;
	/* The counters, and what is known, have been said just now. */
	return rc || is_known_fact(event->kind) ? rc : pass(w, event);
}

void replay_window_cut(struct replay_window *w, int64_t from_ns, int64_t until_ns)
{
	if (until_ns >= w->until_ns)
		return;
	w->until_ns = until_ns;
	w->cut = true;
	if (w->since_ns != INT64_MIN)
		return;
	w->begun = true;
	w->from_ns = from_ns;
}

int replay_window_finish(struct replay_window *w)
{
	struct event last = w->counters;

	if (!w->begun || w->ended)
		return 0;
	w->ended = true;
	w->to_ns = w->until_ns;
	if (last.time_ns == TIME_UNKNOWN)
		return 0;
	last.time_ns = w->until_ns;
	last.counters.when = COUNTERS_AFTER;
	return w->fn(w->context, &last);
}

void replay_window_release(struct replay_window *w)
{
	folder_known_release(&w->known);
	free(w->samples.list);
	free(w->held.list);
	reporter_free(w->before);
	w->before = NULL;
}
