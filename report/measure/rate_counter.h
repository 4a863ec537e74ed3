/*
 * Interface for rate counters: what happens at one listener, counted at the moment when
 * it happens and not when an attempt is finished, which is seconds later. Cheap:
 * a few additions for an event. Latencies of the last seconds are kept only for
 * a live view.
 */
#ifndef REPORT_MEASURE_RATE_COUNTER_H
#define REPORT_MEASURE_RATE_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "report/measure/rates.h"
#include "report/measure/window.h"

/* Of an interval drops can be negative: more were taken back than came. */
struct rate_counts {
	int64_t attempts;   /* first SYNs */
	int64_t syns;	    /* of every sort */
	int64_t handshakes; /* first final ACKs, whether the queue had room for them or not */
	int64_t accepts;    /* accept() returned one, or is known to have done so */
	int64_t drops[CAUSE_COUNT]; /* packets, under the causes that are drops */
};

struct rate_counter {
	struct rates *rates; /* of the whole run; not owned; NULL: none */
	unsigned slots;	     /* of the windows; 0: nobody looks on */
	struct rate_counts counts;
	struct rate_counts turned;  /* counts at the last turn */
	struct window *handshake;   /* first SYN to final ACK; NULL: no value yet */
	struct window *accept_wait; /* the same from final ACK to accept() */
};

void rate_counter_init(struct rate_counter *counter, struct rates *rates, unsigned slots);
void rate_counter_release(struct rate_counter *counter);

void rate_counter_syn(struct rate_counter *counter, int64_t time_ns, bool first);

/* latency_ns, wait_ns: -1 where not known. */
void rate_counter_handshake(struct rate_counter *counter, int64_t time_ns, int64_t latency_ns);
void rate_counter_accept(struct rate_counter *counter, int64_t time_ns, int64_t wait_ns);

/* The listener dropped a packet that came at time_ns: told when it was settled, a while later. */
void rate_counter_drop(struct rate_counter *counter, int64_t time_ns, enum cause cause);

/* What rate_counter_drop() was told turned out not to be one. */
void rate_counter_take_back_drop(struct rate_counter *counter, int64_t time_ns, enum cause cause);

/* A new interval begins. */
void rate_counter_turn(struct rate_counter *counter);

/* What was counted since the last turn. */
struct rate_counts rate_counter_since_turn(const struct rate_counter *counter);

void rate_counts_add(struct rate_counts *sum, const struct rate_counts *counts);

/* Drops of every cause. */
int64_t rate_counts_drops(const struct rate_counts *counts);

#endif
