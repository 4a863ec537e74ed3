/*
 * Lanes, kept sorted by their ends: best fit by binary search.
 */
#include "report/measure/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "event/array.h"

/* How many lanes end at or before time_ns. */
static size_t ended(const struct lanes *lanes, int64_t time_ns)
{
	size_t low = 0, high = lanes->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (lanes->lanes[middle].end_ns <= time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint64_t lanes_take(struct lanes *lanes, int64_t start_ns, int64_t end_ns, uint64_t *next_id)
{
	size_t free_lanes = ended(lanes, start_ns);
	struct lane lane = {.end_ns = end_ns};
	size_t at;

	if (free_lanes) {
		at = free_lanes - 1;
		lane.id = lanes->lanes[at].id;
		lanes->count--;
		memmove(&lanes->lanes[at], &lanes->lanes[at + 1],
			(lanes->count - at) * sizeof(*lanes->lanes));
	} else {
		if (lanes->count == lanes->size) {
			struct lane *grown = array_grow(lanes->lanes, &lanes->size, sizeof(*grown),
							16, ARRAY_UNBOUNDED);

			if (!grown)
				return 0;
			lanes->lanes = grown;
		}
		lane.id = (*next_id)++;
	}
	at = ended(lanes, end_ns);
	memmove(&lanes->lanes[at + 1], &lanes->lanes[at],
		(lanes->count - at) * sizeof(*lanes->lanes));
	lanes->lanes[at] = lane;
	lanes->count++;
	return lane.id;
}

void lanes_release(struct lanes *lanes)
{
	free(lanes->lanes);
	*lanes = (struct lanes){0};
}
