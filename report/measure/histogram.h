/*
 * Interface for latency histograms: fixed memory, log-linear buckets, so that a
 * percentile is at most 1/128 too high; count, minimum and maximum are exact.
 * Buckets double in width with each power of two, as in HdrHistogram.
 */
#ifndef REPORT_MEASURE_HISTOGRAM_H
#define REPORT_MEASURE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "report/attempt/report.h"

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_BUCKETS  ((64 - HISTOGRAM_SUB_BITS) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t count;
	int64_t min;
	int64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *histogram);

/*
 * Negative values (timestamps that run backwards) count as 0 in the buckets, and as they are in
 * min.
 */
void histogram_add(struct histogram *histogram, int64_t value);

/* The value that permille/1000 of the values do not exceed; within [min, max]. 0 when empty. */
int64_t histogram_percentile(const struct histogram *histogram, unsigned permille);

struct latency_summary histogram_summary(const struct histogram *histogram);

/*
 * Bars for a chart: one for each quarter of a power of two that has values in
 * it. Returns their number; bars (room for at most max) may be NULL to ask.
 */
size_t histogram_bars(const struct histogram *histogram, struct latency_bar *bars, size_t max);

#endif
