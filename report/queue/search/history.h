/*
 * Interface for a history: one of the ways in which a listener's queues may have come to
 * where they are, and what the kernel's rules (docs/kernel.md) make of it when the next
 * packet arrives. What nobody recorded, an accept() above all, is what histories differ in.
 */
#ifndef REPORT_QUEUE_SEARCH_HISTORY_H
#define REPORT_QUEUE_SEARCH_HISTORY_H

#include <stdint.h>

#include "report/queue/queue.h"

/*
 * The kernel works on packets of one instant on several processors: what was captured after a
 * SYN may have met the SYN queue before it did, and the other way round.
 */
enum beside {
	BESIDE_MORE = 1,  /* with them it held more requests than by the order of the frames */
	BESIDE_FEWER = 2, /* or fewer */
};

struct history {
	int32_t depth;
	int32_t requests;
	int32_t unnamed;  /* requests that ended in silence: whose they were is not known yet */
	int64_t drops;	  /* sk_drops, since the listener was first seen */
	uint32_t cost;	  /* of what speaks against it: the cheapest is the most likely */
	uint32_t samples; /* how many of the pending samples looked by now */
	uint32_t step;	  /* the last of the chain that led here */
	uint32_t regret;  /* of those that left by the last sample: they may not have entered yet */
	uint64_t places;  /* a hash of where the attempts stand that have more to come */
};

/* What an arrival may do to a history. */
struct history_move {
	uint32_t leaves; /* unseen accepts just before it */
	int8_t depth;	 /* what it adds */
	int8_t requests;
	int8_t unnamed;
	int8_t drops;
	uint8_t place; /* of its attempt, after it */
	uint8_t kind;  /* enum arrival_kind: what it was then */
	bool dropped;  /* SYN, STRAY: the listener dropped it */
	bool cookie;
	uint32_t cost;
};

#define HISTORY_MOVES_MAX 6

/*
 * The moves of this arrival, whose attempt stands at place; beside: enum beside. Returns
 * how many: 1 at least.
 */
unsigned history_moves(const struct queue *queue, const struct history *history,
		       const struct arrival *arrival, uint8_t place, uint8_t beside,
		       struct history_move moves[HISTORY_MOVES_MAX]);

/* What it costs that a look found this where an attempt is taken to stand at place. */
uint32_t history_look_cost(enum found found, uint8_t place);

/* What a sample shows. */
struct history_sample {
	int64_t drops;
	uint32_t depth;
	bool torn; /* a final ACK arrived while it looked: its refusal is counted in two steps */
	/* Of what arrived so shortly before that it may not have been worked on by then: */
	uint32_t early_drops; /* how many it may have cost at the most */
	uint32_t early_entries;
};

/* What is wrong with a history if a sample shows this; the rest is put right in it. */
uint32_t history_sampled(struct history *history, const struct history_sample *sample,
			 uint32_t *leaves);

#endif
