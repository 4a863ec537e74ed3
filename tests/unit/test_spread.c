#include "report/measure/spread.h"

#include <criterion/criterion.h>

#include "event/clock.h"

Test(spread, a_value_on_a_bound_is_within_it)
{
	struct spread s = {0};

	spread_add(&s, spread_bounds_ns[0]);
	spread_add(&s, spread_bounds_ns[0] + 1);
	spread_add(&s, 0);
	cr_expect_eq(s.buckets[0], 2);
	cr_expect_eq(s.buckets[1], 1);
	cr_expect_eq(s.count, 3);
	cr_expect_eq(s.sum_s, 0);
	cr_expect_eq(s.sum_ns, 2 * spread_bounds_ns[0] + 1);
}

Test(spread, beyond_the_last_bound_counts_alone)
{
	struct spread s = {0};
	uint64_t in_buckets = 0;

	spread_add(&s, spread_bounds_ns[SPREAD_BOUNDS - 1] + 1);
	for (int i = 0; i < SPREAD_BOUNDS; i++)
		in_buckets += s.buckets[i];
	cr_expect_eq(s.count, 1);
	cr_expect_eq(in_buckets, 0);
}

Test(spread, what_is_not_known_is_left_out)
{
	struct spread s = {0};

	spread_add(&s, -1);
	cr_expect_eq(s.count, 0);
	cr_expect_eq(s.sum_ns, 0);
}

Test(spread, the_sum_has_room_for_more_than_64_bits_of_nanoseconds)
{
	struct spread s = {0}, all = {0};

	for (int i = 0; i < 3; i++)
		spread_add(&s, INT64_MAX);
	spread_merge(&all, &s);
	spread_merge(&all, &s);
	cr_expect_eq(all.count, 6);
	/* 6 * (2^63 - 1) ns */
	cr_expect_eq(all.sum_s, UINT64_C(55340232221));
	cr_expect_eq(all.sum_ns, 128654842);
}

Test(spread, the_bounds_ascend)
{
	for (int i = 1; i < SPREAD_BOUNDS; i++)
		cr_expect_gt(spread_bounds_ns[i], spread_bounds_ns[i - 1]);
}
