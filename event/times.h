/*
 * Interface for lists of times, in order.
 */
#ifndef EVENT_TIMES_H
#define EVENT_TIMES_H

#include <stddef.h>
#include <stdint.h>

/* How many of the sorted times are not after this one. */
static inline size_t times_until(const int64_t *times_ns, size_t count, int64_t time_ns)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (times_ns[middle] <= time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* For qsort(3): the earlier one first; also for lengths of time. */
static inline int times_compare(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

#endif
