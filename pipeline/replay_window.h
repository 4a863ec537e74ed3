/*
 * Interface for the window of a replay: of all that was recorded, what happened from
 * since_ns to until_ns, as if it had been recorded then alone.
 *
 * It begins and ends at readings of the counters, up to a quarter of a second before
 * since_ns and the first after until_ns, so that what the kernel counted in it can be
 * explained. What is known of the host at its beginning is said first: listeners, their
 * owners, addresses, what a sample showed just before; and the attempts that were under way then.
 */
#ifndef PIPELINE_REPLAY_WINDOW_H
#define PIPELINE_REPLAY_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "event/recording/recording.h"
#include "pipeline/folder/known.h"
#include "report/reporter.h"

/* How far before since_ns a reading of the counters begins it, and how long after until_ns it waits
 * for one.
 */
#define REPLAY_WINDOW_EARLY_NS (250 * NS_PER_MS)
#define REPLAY_WINDOW_LATE_NS  NS_PER_SEC
/* The same where what was recorded is cut off. */
#define REPLAY_WINDOW_CUT_NS (100 * NS_PER_MS)
/*
 * How far before since_ns those are looked for: no client and no kernel waits longer before it
 * sends again (TCP_RTO_MAX is 120 s).
 */
#define REPLAY_WINDOW_KNOWN_NS (130 * NS_PER_SEC)

struct replay_events {
	struct event *list;
	size_t count;
	size_t room;
};

struct replay_window {
	int64_t since_ns; /* INT64_MIN: from the beginning */
	int64_t until_ns; /* INT64_MAX: to the end */
	uint64_t packets; /* segments and ICMP errors that are in it */
	bool begun;
	bool ended;
	bool cut; /* the recording's events or packets end before it does, and with them observation */
	int64_t from_ns; /* where it begins and ends indeed, once begun and ended */
	int64_t to_ns;
	struct event counters;		  /* the last reading, whole; time_ns TIME_UNKNOWN: none */
	struct replay_events samples;	  /* the last of each listener just before it */
	struct replay_events held; /* cut: after until_ns; if no reading follows they go */
	uint64_t losses[LOSS_KIND_COUNT]; /* before it */
	uint64_t losses_within[LOSS_KIND_COUNT]; /* in it */
	struct folder_known known;
	struct reporter *reporter; /* gets it in the end */
	struct reporter *before; /* of what comes before it; NULL: nothing does, or it has begun */
	uint64_t others; /* were in accept queues when it began, and no packet of theirs was read */
	event_fn fn;
	void *context;
};

/* All of it: fn gets each event as it is. */
void replay_window_init(struct replay_window *window, int64_t since_ns, int64_t until_ns);

/* Whether it is less than all. */
static inline bool replay_window_is_set(const struct replay_window *window)
{
	return window->since_ns != INT64_MIN || window->until_ns != INT64_MAX;
}

/* False for what fn cannot need: neither in the window nor what is known before it. */
bool replay_window_wants(const struct replay_window *window, const struct event *event);

/*
 * The events, or the packets, that were recorded end with until_ns, and observation with them: what
 * happened later would be judged by what was true before. from_ns: it began then, where since_ns
 * does not say.
 */
void replay_window_cut(struct replay_window *window, int64_t from_ns, int64_t until_ns);

/*
 * True for what comes so long after the window that nothing of it follows, though a source is not
 * quite in order.
 */
bool replay_window_is_past(const struct replay_window *window, const struct event *event);

/* An event_fn with the window: events in order of time. */
int replay_window_event(void *window, const struct event *event);

/*
 * The recording went on, and no counters were read soon after the window: the host was idle. Then
 * the last reading stands for its end. 0, or what fn returned.
 */
int replay_window_finish(struct replay_window *window);

void replay_window_release(struct replay_window *window);

/* Before the first event; fn gives what is in the window to this reporter. 0 or -errno. */
int replay_window_open(struct replay_window *window, const struct recording_meta *meta,
		       struct reporter *reporter) __attribute__((warn_unused_result));

#endif
