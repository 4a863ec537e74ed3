/*
 * Interface for gaps: the times at which nothing was observed of what else is observed
 * again and again, since the observer was stopped or starved, or what it wrote is lost.
 */
#ifndef REPORT_MEASURE_GAPS_H
#define REPORT_MEASURE_GAPS_H

#include <stddef.h>
#include <stdint.h>

#include "report/attempt/report.h"

#define GAPS_MAX 16
/* Shorter ones are of a busy machine. */
#define GAP_NS (500 * NS_PER_MS)

/* All zero is empty. */
struct gaps {
	uint64_t count_seen;
	int64_t last_ns; /* of the last observation; meaningless before the first */
	int64_t pace_ns; /* from one to the next, on the average of the last ones */
	size_t count;
	struct depth_gap list[GAPS_MAX]; /* the last of them takes in those that do not fit */
};

/* Observed at some time within from_ns and to_ns. */
void gaps_observed(struct gaps *gaps, int64_t from_ns, int64_t to_ns);

/* Observation ended at end_ns; legal more than once. */
void gaps_end(struct gaps *gaps, int64_t end_ns);

#endif
