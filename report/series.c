/*
 * Series of depths.
 */
#include "report/series.h"

#include <stdlib.h>

void series_release(struct series *series)
{
	free(series->points);
	*series = (struct series){0};
}

static void fold(struct series *s)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < s->count; i += 2) {
		struct depth_point p = s->points[i];
		const struct depth_point *q = &s->points[i + 1];

		p.min = q->min < p.min ? q->min : p.min;
		p.max = q->max > p.max ? q->max : p.max;
		s->points[n++] = p;
		s->merged++;
	}
	if (s->count % 2)
		s->points[n++] = s->points[s->count - 1];
	s->count = n;
}

void series_add(struct series *series, int64_t time_ns, uint32_t depth)
{
	if (series->count) {
		const struct depth_point *last = &series->points[series->count - 1];

		if (last->min == depth && last->max == depth)
			return;
	}
	if (series->count == series->room) {
		size_t room = series->room ? series->room * 2 : 64;
		struct depth_point *points;

		if (series->room == SERIES_POINTS_MAX) {
			fold(series);
		} else {
			points = realloc(series->points, room * sizeof(*points));
			if (!points) {
				series->merged++;
				return;
			}
			series->points = points;
			series->room = room;
		}
	}
	series->points[series->count++] =
	    (struct depth_point){.time_ns = time_ns, .min = depth, .max = depth};
}

struct depth_series series_view(const struct series *series)
{
	return (struct depth_series){
	    .count = series->count, .points = series->points, .merged = series->merged};
}
