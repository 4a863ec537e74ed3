/*
 * Interface for the context of an arrival in the beam search, known before the search: which
 * arrivals are of one attempt, where it stood before the first of them, what later lookups say
 * of each, and what was at work beside it.
 */
#ifndef REPORT_QUEUE_SEARCH_ARRIVAL_CONTEXT_H
#define REPORT_QUEUE_SEARCH_ARRIVAL_CONTEXT_H

#include "report/queue/queue.h"

#define NO_SLOT UINT32_MAX

struct arrival_context {
	uint32_t slot; /* NO_SLOT: it has no attempt */
	uint32_t arrival;
	uint32_t index;
	uint32_t isn;
	bool first;
	bool last;
	uint8_t place; /* first: where it stands */
	uint8_t
	    lookahead; /* enum found: what the next lookup of its attempt says of this arrival */
	uint8_t
	    concurrent;	  /* enum concurrency: what others at its time may have changed before it */
	bool reported;	  /* accept() of its attempt is, after it */
	uint32_t precede; /* so many of those that have not entered by the first arrival are
			     accepted before its attempt, by the reports, and so enter before it */
};

/*
 * Of all arrivals of the queue, in their order. A slot is one attempt's from its first
 * arrival to its last. *slots: how many there are. The caller frees the array; NULL
 * without memory.
 */
struct arrival_context *arrival_contexts_of(const struct queue *queue, struct table *table,
					    uint32_t *slots);

#endif
