/*
 * Interface for lanes: intervals of time are put into as few rows as keep them
 * from overlapping within one. They come in any order; memory grows with the
 * lanes, that is with how many intervals overlap.
 */
#ifndef REPORT_MEASURE_LANES_H
#define REPORT_MEASURE_LANES_H

#include <stddef.h>
#include <stdint.h>

struct lane {
	int64_t end_ns;
	uint64_t id; /* the caller's */
};

/* All zero is empty. */
struct lanes {
	size_t count;
	size_t size;
	struct lane *lanes; /* by end */
};

/*
 * Takes the lane that ended last before start_ns and lets it end at end_ns. When
 * there is none a new one is made, with *next_id as its id, which is increased.
 * Returns the id, or 0 when out of memory.
 */
uint64_t lanes_take(struct lanes *lanes, int64_t start_ns, int64_t end_ns, uint64_t *next_id);

void lanes_release(struct lanes *lanes);

#endif
