/*
 * Interface for histories: of all the ways in which the arrivals of a queue can have met
 * it, the likeliest one that its samples, look-ups and counts allow.
 *
 * Theory of operation. Where accept() is not reported, who found room in a queue that is
 * nearly full depends on when somebody left. So all of it is tried: from the state that
 * is settled every arrival is followed through (history.h has the rules), with somebody
 * leaving before it or nobody, and so is every instant at which a sample can have looked.
 * Histories that come to the same state are one from there on, the cheaper of the two;
 * what a sample contradicts becomes dear. Half of the pending samples are settled by the
 * cheapest history of all; the other half is there to know by. At most HISTORIES_MAX are
 * followed at a time.
 */
#ifndef REPORT_QUEUE_SEARCH_HISTORIES_H
#define REPORT_QUEUE_SEARCH_HISTORIES_H

#include <stdbool.h>
#include <stddef.h>

#include "report/queue/queue.h"

#define HISTORIES_MAX 192

/* Arrivals and samples leave doubts that histories can settle. */
bool histories_needed(const struct queue *queue);

/*
 * Settles the first count pending samples, and the arrivals that came before the last of
 * them; what is left gets the likeliest judgement. False, and nothing is done, without
 * memory, and where more arrived than can be searched in time.
 */
bool histories_settle(struct queue *queue, size_t count, struct table *table,
		      struct details *details);

#endif
