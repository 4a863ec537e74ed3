/*
 * Interface for the latencies of one listener: a histogram each, made when its
 * first value comes. So many exist together at most; what finds no room is counted.
 */
#ifndef REPORT_MEASURE_LATENCIES_H
#define REPORT_MEASURE_LATENCIES_H

#include <stdint.h>

#include "report/attempt/attempt.h"
#include "report/attempt/report.h"
#include "report/measure/histogram.h"

/* Of all listeners together: 58 KiB each. */
#define LATENCIES_HISTOGRAMS_MAX 512

struct latencies {
	struct histogram *of[LATENCY_COUNT];
	uint64_t lost; /* values that had no histogram */
};

/* The attempt's latencies in ns, -1 where it has none. */
void latencies_of(const struct attempt *attempt, int64_t out[LATENCY_COUNT]);

/* *histograms counts those that exist, over all listeners. */
void latencies_add(struct latencies *latencies, unsigned *histograms,
		   const struct attempt *attempt);

void latencies_summary(const struct latencies *latencies,
		       struct latency_summary out[LATENCY_COUNT]);

void latencies_release(struct latencies *latencies);

#endif
