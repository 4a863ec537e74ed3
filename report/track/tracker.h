/*
 * Interface for the tracker: events in order of time -> open attempts ->
 * finished attempts. The only place that knows what an attempt is while it is
 * under way; memory grows with the open ones alone.
 */
#ifndef REPORT_TRACK_TRACKER_H
#define REPORT_TRACK_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "event/host.h"
#include "report/attempt/attempt.h"
#include "report/attempt/report.h"
#include "report/measure/rate_counter.h"

/* Open attempts of one 4-tuple, each with an ISN of its own; then one of them gives way. */
#define TRACKER_FLOW_MAX 64

/*
 * Attempts whose client reset them while they waited for an accept() that is looked for; of
 * more than that it is not known when accept() returned them.
 */
#define TRACKER_GHOSTS_MAX 1024

struct detail;
struct open_attempt;
struct queues;
struct tracker;

struct tracker_options {
	uint32_t max_open;     /* 0: TABLE_DEFAULT_MAX */
	struct queues *queues; /* the listeners, or NULL when packets are all there is */
	bool all_interfaces;   /* a packet that passes through is captured twice, in and out */
	struct rates *rates;   /* of the run, or NULL; must outlive the tracker */
	unsigned live_slots;   /* see rate_counter_init() */
	/* Gets each attempt once, constant, valid during the call. Returns 0 or -errno. */
	int (*finished)(void *context, const struct attempt *attempt);
	void *context;
};

struct tracker_stats {
	uint64_t attempts;	 /* begun */
	uint64_t other_segments; /* of no attempt that was seen to begin */
	uint32_t open;
	uint32_t open_peak;
	uint32_t open_max;
	uint64_t evicted;
	uint64_t seen_syn_acks;	  /* of attempts */
	uint64_t unseen_syn_acks; /* that clients acknowledged, though they were not captured */
	/*
	 * Connections that entered an accept queue, or that NAT led to an address of this host,
	 * and of which no packet was captured: at least so many.
	 */
	uint64_t without_packets;
	struct endpoint without_asked; /* what one of them asked for, if NAT led it; else port 0 */
	struct endpoint without_server;
	uint64_t fronted; /* attempts that something in front of the listener answered */
	uint64_t stray_syn_acks;  /* whose SYN was not captured */
	uint64_t ghosts_refused; /* resets in accept queues, beyond TRACKER_GHOSTS_MAX */
	uint64_t crowded; /* gave way to others of their 4-tuple */
	uint64_t details_refused;
	uint64_t marks_refused;
};

int tracker_new(const struct tracker_options *options, struct tracker **out)
    __attribute__((warn_unused_result));
void tracker_free(struct tracker *tracker);

/* Returns 0, or what finished() returned if that was not 0. */
int tracker_event(struct tracker *tracker, const struct event *event)
    __attribute__((warn_unused_result));

/* Observation ended at end_ns: finishes every open attempt, in order of their first SYN. */
int tracker_finish(struct tracker *tracker, int64_t end_ns) __attribute__((warn_unused_result));

/*
 * Calls fn for the flow (client to server) of each open attempt of a watched
 * listener whose final ACK was seen and whose accept was not: a lookup of its
 * socket would tell. Returns 0, or what fn returned if not 0.
 */
int tracker_unsettled(const struct tracker *tracker,
		      int (*fn)(void *context, const struct flow *client_to_server), void *context)
    __attribute__((warn_unused_result));

/* Calls fn for each open attempt; detail may be NULL. Both are for looking at, during the call. */
void tracker_each_open(const struct tracker *tracker,
		       void (*fn)(void *context, const struct open_attempt *open,
				  const struct detail *detail),
		       void *context);

/*
 * The attempt as it would be if observation ended at now_ns; its number is 0.
 * open must be one that tracker_each_open() gave, with no event since.
 */
void tracker_look(const struct tracker *tracker, const struct open_attempt *open, int64_t now_ns,
		  struct attempt *out);

/*
 * Gives each attempt that is still under way at now_ns to a tracker whose observation begins
 * then. From keeps them.
 */
void tracker_carry(struct tracker *from, struct tracker *to, int64_t now_ns);

/* Of attempts whose listener is not known, or all where there are no queues. */
struct rate_counter *tracker_elsewhere(struct tracker *tracker);

/*
 * Finishes what is over, without waiting for events to come: for numbers that are read while little
 * happens. About once a second; in a large table each time a part of it. 0, or what the receiver of
 * attempts returned.
 */
int tracker_sweep(struct tracker *tracker) __attribute__((warn_unused_result));

void tracker_stats(const struct tracker *tracker, struct tracker_stats *stats);

#endif
