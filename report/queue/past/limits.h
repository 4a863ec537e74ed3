/*
 * Interface for the limits of one accept queue as they were, when: listen() may be called
 * again at any time, and what a packet meant depends on the limit of then.
 */
#ifndef REPORT_QUEUE_PAST_LIMITS_H
#define REPORT_QUEUE_PAST_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "report/attempt/report.h"

#define QUEUE_LIMITS_MAX 4096

struct limits {
	struct report_limit *points; /* in order of time, each other than the one before */
	size_t count;
	size_t room;
	uint64_t lost; /* changes beyond QUEUE_LIMITS_MAX, or without memory */
	uint32_t lost_lowest;
	uint32_t lost_highest;
	int64_t seen_ns; /* the last of them was seen then */
};

/* Zero is ready. */
void limits_release(struct limits *limits);

/* The limit as it was seen at time_ns. */
void limits_take(struct limits *limits, uint32_t limit, int64_t time_ns);

/*
 * The limits that were in force at some instant within [from_ns, to_ns], as far as is known:
 * the lowest and the highest of them. Before the first was seen: that one.
 */
void limits_within(const struct limits *limits, int64_t from_ns, int64_t to_ns, uint32_t *lowest,
		   uint32_t *highest);

#endif
