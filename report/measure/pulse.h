/*
 * Interface for pulses: what happens at one listener, counted at the moment when
 * it happens and not when an attempt is finished, which is seconds later. Cheap:
 * a few additions for an event. Latencies of the last seconds are kept only for
 * a live view.
 */
#ifndef REPORT_MEASURE_PULSE_H
#define REPORT_MEASURE_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#include "report/measure/rates.h"
#include "report/measure/window.h"

/* Of an interval drops can be negative: more were taken back than came. */
struct pulse_counts {
	int64_t attempts;   /* first SYNs */
	int64_t syns;	    /* of every sort */
	int64_t handshakes; /* first final ACKs, whether the queue had room for them or not */
	int64_t accepts;    /* accept() returned one, or is known to have done so */
	int64_t drops[CAUSE_COUNT]; /* packets, under the causes that are drops */
};

struct pulse {
	struct rates *rates; /* of the whole run; not owned; NULL: none */
	unsigned slots;	     /* of the windows; 0: nobody looks on */
	struct pulse_counts counts;
	struct pulse_counts turned; /* counts at the last turn */
	struct window *handshake;   /* first SYN to final ACK; NULL: no value yet */
	struct window *accept_wait; /* the same from final ACK to accept() */
};

void pulse_init(struct pulse *pulse, struct rates *rates, unsigned slots);
void pulse_release(struct pulse *pulse);

void pulse_syn(struct pulse *pulse, int64_t time_ns, bool first);

/* latency_ns, wait_ns: -1 where not known. */
void pulse_handshake(struct pulse *pulse, int64_t time_ns, int64_t latency_ns);
void pulse_accept(struct pulse *pulse, int64_t time_ns, int64_t wait_ns);

/* The listener dropped a packet that came at time_ns: told when it was settled, a while later. */
void pulse_drop(struct pulse *pulse, int64_t time_ns, enum cause cause);

/* What pulse_drop() was told turned out not to be one. */
void pulse_take_back_drop(struct pulse *pulse, int64_t time_ns, enum cause cause);

/* A new interval begins. */
void pulse_turn(struct pulse *pulse);

/* What was counted since the last turn. */
struct pulse_counts pulse_since_turn(const struct pulse *pulse);

void pulse_counts_add(struct pulse_counts *sum, const struct pulse_counts *counts);

/* Drops of every cause. */
int64_t pulse_counts_drops(const struct pulse_counts *counts);

#endif
