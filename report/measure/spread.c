/*
 * Spreads: see the header.
 */
#include "report/measure/spread.h"

#include <stddef.h>

#include "event/clock.h"

/* From a handshake on lo to clients that have retransmitted several times. */
const int64_t spread_bounds_ns[SPREAD_BOUNDS] = {
    100 * NS_PER_US,  500 * NS_PER_US, 1 * NS_PER_MS,	2500 * NS_PER_US,
    5 * NS_PER_MS,    10 * NS_PER_MS,  25 * NS_PER_MS,	50 * NS_PER_MS,
    100 * NS_PER_MS,  250 * NS_PER_MS, 500 * NS_PER_MS, 1 * NS_PER_SEC,
    2500 * NS_PER_MS, 5 * NS_PER_SEC,  10 * NS_PER_SEC, 30 * NS_PER_SEC,
};

static void add_sum(struct spread *s, uint64_t sum_s, uint32_t sum_ns)
{
	s->sum_s += sum_s;
	s->sum_ns += sum_ns;
	if (s->sum_ns >= NS_PER_SEC) {
		s->sum_ns -= NS_PER_SEC;
		s->sum_s++;
	}
}

void spread_add(struct spread *spread, int64_t value_ns)
{
	if (value_ns < 0)
		return;
	spread->count++;
	add_sum(spread, (uint64_t)(value_ns / NS_PER_SEC), (uint32_t)(value_ns % NS_PER_SEC));
	for (size_t i = 0; i < SPREAD_BOUNDS; i++)
		if (value_ns <= spread_bounds_ns[i]) {
			spread->buckets[i]++;
			return;
		}
}

void spread_merge(struct spread *to, const struct spread *from)
{
	to->count += from->count;
	add_sum(to, from->sum_s, from->sum_ns);
	for (size_t i = 0; i < SPREAD_BOUNDS; i++)
		to->buckets[i] += from->buckets[i];
}
