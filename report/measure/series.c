/*
 * Series of depths.
 */
#include "report/measure/series.h"

#include <stdlib.h>

void series_release(struct series *series)
{
	free(series->points);
	*series = (struct series){0};
}

/* The end of the interval that time_ns is in. Intervals are counted from the first point. */
static int64_t interval_end(const struct series *s, int64_t time_ns)
{
	int64_t since = time_ns - s->points[0].time_ns;

	return s->points[0].time_ns + (since / s->step_ns + 1) * s->step_ns;
}

static bool in_interval(const struct series *s, const struct depth_point *p, int64_t time_ns)
{
	return s->step_ns && time_ns < interval_end(s, p->time_ns);
}

static void fold_in(struct depth_point *p, uint32_t min, uint32_t max)
{
	p->min = min < p->min ? min : p->min;
	p->max = max > p->max ? max : p->max;
}

/*
 * Folds by longer intervals until half of the points are free. A folded point
 * holds until the next one; where that is further away than its interval, a
 * point at the interval's end says what the depth had settled on. Two come out
 * of two or more, so that there is always room.
 */
static void fold(struct series *s)
{
	struct depth_point *points = s->points;

	if (!s->step_ns)
		s->step_ns = (points[s->count - 1].time_ns - points[0].time_ns) / SERIES_POINTS_MAX;
	if (s->step_ns < 1)
		s->step_ns = 1;
	while (s->count > SERIES_POINTS_MAX / 2) {
		size_t n = 0;

		s->step_ns *= 2;
		for (size_t i = 0; i < s->count; n++) {
			struct depth_point p = points[i];
			size_t first = i++;

			while (i < s->count && in_interval(s, &p, points[i].time_ns)) {
				fold_in(&p, points[i].min, points[i].max);
				s->merged++;
				i++;
			}
			if (i - first > 1 && i < s->count &&
			    points[i - 1].min == points[i - 1].max &&
			    points[i].time_ns > interval_end(s, p.time_ns)) {
				uint32_t settled = points[i - 1].min;

				points[n++] = p;
				p = (struct depth_point){interval_end(s, p.time_ns), settled,
							 settled};
			}
			points[n] = p;
		}
		s->count = n;
	}
}

/* Room for one more point, and for the one that settles behind it. */
static bool make_room(struct series *s)
{
	if (s->count == SERIES_POINTS_MAX)
		fold(s);
	if (s->count + 2 > s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct depth_point *points;

		if (room > SERIES_POINTS_MAX)
			room = SERIES_POINTS_MAX + 1;
		points = realloc(s->points, room * sizeof(*points));
		if (!points)
			return false;
		s->points = points;
		s->room = room;
	}
	return true;
}

static bool append(struct series *s, int64_t time_ns, uint32_t depth)
{
	if (!make_room(s))
		return false;
	s->points[s->count++] =
	    (struct depth_point){.time_ns = time_ns, .min = depth, .max = depth};
	return true;
}

void series_add(struct series *s, int64_t time_ns, uint32_t depth)
{
	struct depth_point *last = s->count ? &s->points[s->count - 1] : NULL;
	bool settled = s->settling;

	if (last && s->depth == depth)
		return;
	s->settling = false;
	if (last && in_interval(s, last, time_ns)) {
		fold_in(last, depth, depth);
		s->merged++;
		s->depth = depth;
		s->points[s->count] =
		    (struct depth_point){interval_end(s, last->time_ns), depth, depth};
		s->settling = true;
		return;
	}
	if (settled && s->points[s->count].time_ns < time_ns &&
	    !append(s, s->points[s->count].time_ns, s->depth))
		s->merged++;
	if (!append(s, time_ns, depth))
		s->merged++;
	s->depth = depth;
}

struct depth_series series_view(const struct series *series)
{
	return (struct depth_series){.count = series->count + series->settling,
				     .points = series->points,
				     .merged = series->merged};
}
