/*
 * Interface for the reporter: events in order of time -> tracker -> totals and
 * sinks -> the report. The same for a live run, a recording and a capture file.
 */
#ifndef REPORT_REPORTER_H
#define REPORT_REPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "event/recording/recording.h"
#include "event/skip.h"
#include "report/attempt/filter.h"
#include "report/attempt/report.h"
#include "report/metrics/metrics.h"
#include "report/sink/sink.h"
#include "report/watch/snapshot.h"

#define REPORTER_SINKS_MAX 4

struct reporter;

struct reporter_options {
	enum report_kind kind;
	const char *path; /* as the user gave it; must outlive the reporter */
	/* Of a recording or a live run: its host decides the verdicts. NULL for a capture alone. */
	const struct recording_meta *meta;
	uint32_t max_open;	     /* 0: the default */
	const struct filter *filter; /* the attempts that sinks and totals get; NULL: all */
	/*
	 * Snapshots will be asked for, with a window of so many intervals (WINDOW_SLOTS_MAX); 0:
	 * not.
	 */
	unsigned live_slots;
	bool metrics; /* reporter_metrics() will be asked */
	size_t sinks_count;
	struct sink *sinks[REPORTER_SINKS_MAX]; /* stay the caller's */
};

/* What the sources counted, known when they have ended. */
struct reporter_source {
	uint64_t packets;
	uint64_t packets_dropped;
	uint64_t skipped[SKIP_REASON_COUNT];
	uint64_t late_events;
	int64_t start_ns; /* TIME_UNKNOWN: of the first event */
	int64_t end_ns;	  /* TIME_UNKNOWN: of the last event */
	bool more_before; /* recorded, and not asked for (--since) */
	bool more_after;  /* --until */
	size_t notes_count;
	const char *const *notes; /* what the sources could not give, one line each */
	bool packets_missing;	  /* not captured, or not all of the recording's can be read */
	bool events_missing;	  /* the same of samples and counters */
};

int reporter_new(const struct reporter_options *options, struct reporter **out)
    __attribute__((warn_unused_result));

/* Observation began at this time, before the first event: said before that is given. */
void reporter_began(struct reporter *reporter, int64_t time_ns);

/* An event_fn with the reporter as its context. */
int reporter_event(void *reporter, const struct event *event) __attribute__((warn_unused_result));

/* See tracker_unsettled(). */
int reporter_unsettled(struct reporter *reporter,
		       int (*fn)(void *context, const struct flow *client_to_server), void *context)
    __attribute__((warn_unused_result));

/*
 * Observation of to begins at now_ns, and what is under way in from then is known to it: see
 * tracker_carry(). Returns how many are in accept queues besides, of which from has no packet.
 */
uint64_t reporter_carry(struct reporter *from, struct reporter *to, int64_t now_ns);

/*
 * The state at to_ns, up to which all events were given, or at the last event
 * when that is later; with live_slots alone. Legal after reporter_finish() too.
 * NULL when out of memory; else it is constant until the next call.
 */
const struct snapshot *reporter_snapshot(struct reporter *reporter, int64_t to_ns);

/* The interval ends where the last snapshot was taken, and a new one begins. */
void reporter_turn(struct reporter *reporter);

/*
 * The numbers as they are at to_ns, as in reporter_snapshot(); with options.metrics alone, and
 * about once a second. Legal after reporter_finish() too. 0 or -ENOMEM.
 */
int reporter_metrics(struct reporter *reporter, int64_t to_ns, struct metrics *out)
    __attribute__((warn_unused_result));

/*
 * Ends observation: finishes the open attempts, reconciles, and calls each
 * sink's finish(). Returns 0 or the first -errno of a sink. In a live run a sink
 * that failed before is left out, and its error comes here.
 */
int reporter_finish(struct reporter *reporter, const struct reporter_source *source)
    __attribute__((warn_unused_result));

/* Valid after reporter_finish(), until reporter_free(). */
const struct report *reporter_report(const struct reporter *reporter);

void reporter_free(struct reporter *reporter);

#endif
