/*
 * Interface for windows: latencies of the last seconds. A window is a ring of
 * slots, each a small log-linear histogram; when it is turned, the oldest slot is
 * forgotten and a new one begins. A percentile is at most 1/32 too high; count,
 * minimum and maximum are exact, but that values beyond 73 minutes count as
 * those.
 */
#ifndef REPORT_MEASURE_WINDOW_H
#define REPORT_MEASURE_WINDOW_H

#include <stdint.h>

#include "report/attempt/report.h"

#define WINDOW_SLOTS_MAX 32
#define WINDOW_SUB_BITS	 5
#define WINDOW_TOP_BITS	 42 /* values below 2^42 ns are told apart */
#define WINDOW_BUCKETS	 ((WINDOW_TOP_BITS - WINDOW_SUB_BITS + 1) << WINDOW_SUB_BITS)

struct window;

/* slots from 1 to WINDOW_SLOTS_MAX, about 5 KiB each. NULL when out of memory. */
struct window *window_new(unsigned slots);
void window_free(struct window *window);

/* Negative values (timestamps that run backwards) count as 0. */
void window_add(struct window *window, int64_t value);
void window_turn(struct window *window);

/* All values of one or more windows together. */
struct window_sum {
	uint64_t count;
	int64_t min;
	int64_t max;
	uint64_t buckets[WINDOW_BUCKETS];
};

void window_sum_init(struct window_sum *sum);
void window_sum_add(struct window_sum *sum, const struct window *window);
struct latency_summary window_sum_summary(const struct window_sum *sum);

#endif
