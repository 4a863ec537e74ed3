/*
 * The limits of one accept queue, when.
 */
#include "report/queue/past/limits.h"

#include <stdlib.h>

#include "event/array.h"

void limits_release(struct limits *limits)
{
	free(limits->points);
	*limits = (struct limits){0};
}

static bool make_room(struct limits *l)
{
	struct report_limit *points;

	if (l->count < l->room)
		return true;
	points = array_grow(l->points, &l->room, sizeof(*points), 4, QUEUE_LIMITS_MAX);
	if (!points)
		return false;
	l->points = points;
	return true;
}

static void widen(uint32_t limit, uint32_t *lowest, uint32_t *highest)
{
	if (limit < *lowest)
		*lowest = limit;
	if (limit > *highest)
		*highest = limit;
}

void limits_take(struct limits *l, uint32_t limit, int64_t time_ns)
{
	if (l->count && l->points[l->count - 1].limit == limit) {
		l->seen_ns = time_ns;
		return;
	}
	if (!make_room(l)) {
		if (!l->lost++)
			l->lost_lowest = l->lost_highest = limit;
		widen(limit, &l->lost_lowest, &l->lost_highest);
		return;
	}
	l->points[l->count++] = (struct report_limit){
	    .time_ns = time_ns,
	    .before_ns = l->count ? l->seen_ns : time_ns,
	    .limit = limit,
	};
	l->seen_ns = time_ns;
}

void limits_within(const struct limits *l, int64_t from_ns, int64_t to_ns, uint32_t *lowest,
		   uint32_t *highest)
{
	size_t i = l->count;

	*lowest = UINT32_MAX;
	*highest = 0;
	if (l->lost) {
		widen(l->lost_lowest, lowest, highest);
		widen(l->lost_highest, lowest, highest);
	}
	/* Backwards from the last that can have come by then, to the one that was there before. */
	while (i-- > 0) {
		const struct report_limit *p = &l->points[i];

		if (p->before_ns > to_ns && i > 0)
			continue;
		widen(p->limit, lowest, highest);
		if (p->time_ns <= from_ns)
			return;
	}
}
