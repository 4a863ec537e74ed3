#include "report/measure/series.h"

#include <criterion/criterion.h>

/* The point that holds at time_ns. */
static const struct depth_point *at(const struct depth_series *series, int64_t time_ns)
{
	const struct depth_point *found = NULL;

	for (size_t i = 0; i < series->count && series->points[i].time_ns <= time_ns; i++)
		found = &series->points[i];
	return found;
}

Test(series, few_steps_are_kept_as_they_are)
{
	struct series series = {0};
	struct depth_series view;

	series_add(&series, 10, 1);
	series_add(&series, 20, 1);
	series_add(&series, 30, 4);
	series_add(&series, 30, 5);
	view = series_view(&series);
	cr_assert_eq(view.count, 3);
	cr_assert_eq(view.merged, 0);
	cr_assert_eq(view.points[1].time_ns, 30);
	cr_assert_eq(view.points[1].max, 4);
	cr_assert_eq(view.points[2].min, 5);
	series_release(&series);
	cr_assert_eq(series_view(&series).count, 0);
}

/* Whatever was folded, the depth that was is within the range that is told. */
Test(series, the_truth_is_always_within_the_range)
{
	enum { STEPS = 60000 };
	static int64_t times[STEPS];
	static uint32_t depths[STEPS];
	struct series series = {0};
	struct depth_series view;
	uint32_t random = 3;
	int64_t now = 1000;
	size_t next = 0;

	for (int i = 0; i < STEPS; i++) {
		random = random * 1664525u + 1013904223u;
		/* Now and then a long rest. */
		now += (random >> 8) % 50 + ((random >> 20) % 500 == 0 ? 500000 : 0);
		times[i] = now;
		depths[i] = (random >> 16) % 6;
		series_add(&series, now, depths[i]);
	}
	view = series_view(&series);
	cr_assert_leq(view.count, SERIES_POINTS_MAX + 1);
	cr_assert_gt(view.count, SERIES_POINTS_MAX / 16);
	cr_assert_gt(view.merged, 0);
	for (int i = 0; i < STEPS; i++) {
		while (next + 1 < view.count && view.points[next + 1].time_ns <= times[i])
			next++;
		cr_assert_leq(view.points[next].min, depths[i], "step %d", i);
		cr_assert_geq(view.points[next].max, depths[i], "step %d", i);
	}
	for (size_t i = 1; i < view.count; i++)
		cr_assert_lt(view.points[i - 1].time_ns, view.points[i].time_ns);
	series_release(&series);
}

Test(series, the_beginning_is_as_fine_as_the_end)
{
	enum { STEPS = 500000 };
	struct series series = {0};
	struct depth_series view;
	int64_t longest[2] = {0, 0};

	for (int i = 0; i < STEPS; i++)
		series_add(&series, i * 1000, (uint32_t)i % 2);
	view = series_view(&series);
	for (size_t i = 1; i < view.count; i++) {
		int64_t length = view.points[i].time_ns - view.points[i - 1].time_ns;
		int64_t *half = &longest[i > view.count / 2];

		*half = length > *half ? length : *half;
	}
	cr_assert_eq(longest[0], longest[1], "%lld and %lld", (long long)longest[0],
		     (long long)longest[1]);
	series_release(&series);
}

/* A burst that was folded must not look as if it went on through the rest after it. */
Test(series, a_rest_after_a_burst_is_a_rest)
{
	enum { BURST = 20000 };
	struct series series = {0};
	struct depth_series view;
	const struct depth_point *point;
	int64_t now = 0;

	for (int i = 0; i < BURST; i++)
		series_add(&series, now++, (uint32_t)(i % 100));
	series_add(&series, now, 7);
	view = series_view(&series);
	point = at(&view, now + 1000000);
	cr_assert_eq(point->min, 7, "at the end");
	cr_assert_eq(point->max, 7, "at the end");
	for (int i = 0; i < BURST; i++)
		series_add(&series, 50000000 + i, (uint32_t)(i % 100) + 1);
	view = series_view(&series);
	point = at(&view, 25000000);
	cr_assert_eq(point->min, 7, "between two bursts it is %u to %u", point->min, point->max);
	cr_assert_eq(point->max, 7);
	series_release(&series);
}
