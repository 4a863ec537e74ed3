/*
 * Interface for rates: how many SYNs, handshakes, accepts and drops there were
 * over time, in equal buckets from the start of the run. Memory is bounded:
 * when time goes beyond the last bucket, neighbours are added up and all
 * buckets become twice as wide.
 */
#ifndef REPORT_MEASURE_RATES_H
#define REPORT_MEASURE_RATES_H

#include <stdint.h>

#include "report/attempt/report.h"

#define RATES_BUCKETS_MAX 1024
/* The width before anything was added up: 1024 buckets are a second then. */
#define RATES_BUCKET_NS NS_PER_MS

struct rates {
	int64_t start_ns; /* TIME_UNKNOWN: the first time asked for will be it */
	int64_t bucket_ns;
	size_t count; /* up to the last bucket that was asked for */
	int64_t current_ns;
	struct rate_bucket *current; /* begins at current_ns; the last one asked for, or NULL */
	struct rate_bucket *buckets; /* RATES_BUCKETS_MAX */
};

/* 0 or -ENOMEM. */
int rates_init(struct rates *rates, int64_t start_ns) __attribute__((warn_unused_result));
void rates_release(struct rates *rates);

/* rates_at() where it is not the bucket of last time. */
struct rate_bucket *rates_find(struct rates *rates, int64_t time_ns);

/* The bucket of this time; of a time before the start, the first one. Valid until the next call. */
static inline struct rate_bucket *rates_at(struct rates *rates, int64_t time_ns)
{
	if (rates->current &&
	    (uint64_t)time_ns - (uint64_t)rates->current_ns < (uint64_t)rates->bucket_ns)
		return rates->current;
	return rates_find(rates, time_ns);
}

/* What there is, up to and with the bucket of end_ns (TIME_UNKNOWN: of the last event). */
struct rate_series rates_view(struct rates *rates, int64_t end_ns);

#endif
