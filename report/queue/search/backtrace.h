/*
 * Interface for the backtrace of the beam search: the steps of the likeliest hypothesis, from
 * arrival to arrival and from sample to sample, and what they settle.
 */
#ifndef REPORT_QUEUE_SEARCH_BACKTRACE_H
#define REPORT_QUEUE_SEARCH_BACKTRACE_H

#include "report/queue/queue.h"
#include "report/queue/search/hypothesis.h"
#include "report/queue/search/arrival_context.h"

#define STEP_NONE UINT32_MAX

/* One transition of one hypothesis. */
struct step {
	uint32_t previous;
	uint32_t at;	  /* arrival, or sample counted from the number of arrivals */
	int32_t requests; /* after it */
	int32_t unattributed;
	int64_t drops; /* of a sample: after it */
	bool off;      /* and before it they were others */
	struct transition transition;
};

struct backtrace {
	struct step *steps;
	uint32_t first;	 /* each step's previous is the next one here */
	size_t arrivals; /* as many as the queue has */
	const struct arrival_context *contexts;
	uint32_t slots; /* of the contexts */
};

/* Settles the first count pending samples, and what came before the last; judges the rest. */
void backtrace_settle(const struct backtrace *backtrace, struct queue *queue, size_t count,
		      struct table *table, struct details *details);

#endif
