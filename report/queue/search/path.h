/*
 * Interface for the path of the likeliest history: its steps from arrival to arrival and
 * from sample to sample, and what they settle.
 */
#ifndef REPORT_QUEUE_SEARCH_PATH_H
#define REPORT_QUEUE_SEARCH_PATH_H

#include "report/queue/queue.h"
#include "report/queue/search/history.h"
#include "report/queue/search/visits.h"

#define STEP_NONE UINT32_MAX

struct step {
	uint32_t previous;
	uint32_t at;	  /* arrival, or sample counted from the number of arrivals */
	int32_t requests; /* after it */
	int32_t unnamed;
	int64_t drops; /* of a sample: after it */
	struct history_move move;
};

struct path {
	struct step *steps;
	uint32_t first;	 /* each step's previous is the next one here */
	size_t arrivals; /* as many as the queue has */
	const struct visit *visits;
	uint32_t slots; /* of the visits */
};

/* Settles the first count pending samples, and what came before the last; judges the rest. */
void path_settle(const struct path *path, struct queue *queue, size_t count, struct table *table,
		 struct details *details);

#endif
