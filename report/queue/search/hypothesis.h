/*
 * Interface for a hypothesis of the beam search: one state that a listener's queues can be
 * in, and the transitions that the kernel's rules (docs/kernel.md) allow when the next packet
 * arrives. Times and units are those of struct queue.
 */
#ifndef REPORT_QUEUE_SEARCH_HYPOTHESIS_H
#define REPORT_QUEUE_SEARCH_HYPOTHESIS_H

#include <stdint.h>

#include "report/queue/queue.h"

/*
 * The kernel works on packets of one instant on several processors: what was captured after a
 * SYN may have met the SYN queue before it did, and the other way round.
 */
enum concurrency {
	CONCURRENT_MORE = 1,  /* with them it held more requests than by the order of the frames */
	CONCURRENT_FEWER = 2, /* or fewer */
};

struct hypothesis {
	int32_t depth;
	int32_t requests;
	int32_t unattributed; /* requests that ended in silence: whose they were is not known yet */
	int64_t drops;	      /* sk_drops, since the listener was first seen */
	uint32_t cost;	      /* of what speaks against it: the cheapest is the most likely */
	uint32_t samples;     /* how many of the pending samples looked by now */
	uint32_t step;	      /* the last of the chain that led here */
	uint32_t retractable; /* departures by the last sample that the next one may take back: who
				 left by it may not have entered by then */
	uint32_t ahead;	      /* departures counted before the report of their accept() */
	uint32_t entries;     /* of those whose accept() is reported */
	uint64_t placement_hash; /* of the places of the attempts that have more to come */
};

/* What an arrival may do to the state. */
struct transition {
	uint32_t leaves; /* accepts just before it that are unseen, or reported later */
	int8_t depth;	 /* what it adds */
	int8_t requests;
	int8_t unattributed;
	int8_t drops;
	uint8_t place; /* of its attempt, after it */
	uint8_t kind;  /* enum arrival_kind: what it was then */
	bool dropped;  /* SYN, STRAY: the listener dropped it */
	bool cookie;
	uint32_t cost;
};

#define TRANSITIONS_MAX 6

/*
 * What it costs that so many left, where accept() is reported: of those whose report comes
 * later only so many had begun by then (reported). No other can have returned.
 */
uint32_t hypothesis_leave_cost(const struct hypothesis *hypothesis, uint32_t leaves,
			       uint32_t reported);

/*
 * What it costs that an attempt enters before others that were accepted before it: so many
 * (precede) should have entered by then.
 */
uint32_t hypothesis_order_cost(const struct hypothesis *hypothesis, uint32_t precede);

/*
 * The transitions of this arrival, whose attempt stands at place; concurrent: enum concurrency.
 * Returns how many: 1 at least.
 */
unsigned hypothesis_transitions(const struct queue *queue, const struct hypothesis *hypothesis,
				const struct arrival *arrival, uint8_t place, uint8_t concurrent,
				struct transition transitions[TRANSITIONS_MAX]);

/* What it costs that a lookup found this where an attempt is taken to stand at place. */
uint32_t hypothesis_lookup_cost(enum found found, uint8_t place);

/* What a sample shows of the state. */
struct observation {
	int64_t drops;
	uint32_t depth;
	bool torn; /* a final ACK arrived while it looked: its refusal is counted in two steps */
	/* Of what arrived so shortly before that it may not have been worked on by then: */
	uint32_t early_drops; /* how many it may have cost at the most */
	uint32_t early_entries;
	bool reports;	   /* accept() is reported: */
	uint32_t reported; /* as in hypothesis_leave_cost() */
};

/*
 * The cost of a hypothesis if a sample observes this; it is put in agreement with the sample.
 * *leaves: how many must have left unseen.
 */
uint32_t hypothesis_observe(struct hypothesis *hypothesis, const struct observation *sample,
			    uint32_t *leaves);

#endif
