/*
 * Interface for the visits of an attempt to a queue: which of the arrivals are of one
 * attempt, where it stood before the first of them, and what later looks say of each.
 */
#ifndef REPORT_QUEUE_SEARCH_VISITS_H
#define REPORT_QUEUE_SEARCH_VISITS_H

#include "report/queue/queue.h"

#define VISIT_NO_SLOT UINT32_MAX

/* One arrival's attempt, among those of the search. */
struct visit {
	uint32_t slot; /* VISIT_NO_SLOT: it has no attempt */
	uint32_t arrival;
	uint32_t index;
	uint32_t isn;
	bool first;
	bool last;
	uint8_t place;	/* first: where it stands */
	uint8_t ahead;	/* enum found: what the next look at its attempt says of this arrival */
	uint8_t beside; /* enum beside: what others at its time may have changed before it */
};

/*
 * Of all arrivals of the queue, in their order. A slot is one attempt's from its first
 * arrival to its last. *slots: how many there are. The caller frees the array; NULL
 * without memory.
 */
struct visit *visits_of(const struct queue *queue, struct table *table, uint32_t *slots);

#endif
