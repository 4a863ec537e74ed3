/*
 * Interface for spreads: latencies in a few buckets whose bounds never change, as Prometheus wants
 * them. Two spreads can be added up. For percentiles there is histogram.h.
 */
#ifndef REPORT_MEASURE_SPREAD_H
#define REPORT_MEASURE_SPREAD_H

#include <stdint.h>

#define SPREAD_BOUNDS 16

struct spread {
	uint64_t count;
	uint64_t sum_s;			 /* the sum of all values is this, */
	uint32_t sum_ns;		 /* and this, below one second */
	uint64_t buckets[SPREAD_BOUNDS]; /* values up to this bound, and above the one before */
};

/* The bounds, ascending; what is above the last counts in count alone. */
extern const int64_t spread_bounds_ns[SPREAD_BOUNDS];

/* Negative values are not known: left out. */
void spread_add(struct spread *spread, int64_t value_ns);

void spread_merge(struct spread *to, const struct spread *from);

#endif
