#include "report/measure/lanes.h"

#include <criterion/criterion.h>

Test(lanes, what_overlaps_gets_lanes_of_its_own)
{
	struct lanes lanes = {0};
	uint64_t next = 10;

	cr_assert_eq(lanes_take(&lanes, 0, 5, &next), 10);
	cr_assert_eq(lanes_take(&lanes, 2, 8, &next), 11);
	cr_assert_eq(lanes_take(&lanes, 4, 6, &next), 12);
	cr_assert_eq(next, 13);
	lanes_release(&lanes);
}

Test(lanes, the_lane_that_ended_last_is_taken)
{
	struct lanes lanes = {0};
	uint64_t next = 1;

	lanes_take(&lanes, 0, 5, &next);
	lanes_take(&lanes, 0, 7, &next);
	cr_assert_eq(lanes_take(&lanes, 7, 9, &next), 2, "2 ended at 7, 1 already at 5");
	cr_assert_eq(lanes_take(&lanes, 6, 9, &next), 1);
	cr_assert_eq(lanes_take(&lanes, 8, 9, &next), 3);
	lanes_release(&lanes);
}

Test(lanes, no_two_intervals_of_a_lane_overlap)
{
	enum { N = 2000 };
	static int64_t from[N], to[N];
	static uint64_t id[N];
	struct lanes lanes = {0};
	uint64_t next = 1;
	uint32_t random = 7;

	for (int i = 0; i < N; i++) {
		random = random * 1664525u + 1013904223u;
		from[i] = random % 5000;
		to[i] = from[i] + (random >> 16) % 40;
		id[i] = lanes_take(&lanes, from[i], to[i], &next);
		cr_assert_neq(id[i], 0);
	}
	for (int i = 0; i < N; i++)
		for (int j = i + 1; j < N; j++)
			cr_assert(id[i] != id[j] || to[i] <= from[j] || to[j] <= from[i],
				  "lane %d has %d-%d and %d-%d", (int)id[i], (int)from[i],
				  (int)to[i], (int)from[j], (int)to[j]);
	lanes_release(&lanes);
}
