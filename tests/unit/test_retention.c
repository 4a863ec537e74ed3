#include "pipeline/folder/retention.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000000)

/* Parts 1 to count of ten seconds and 100 bytes each. */
static struct retention parts(uint32_t count, struct retention_policy policy)
{
	struct retention r = {.policy = policy};

	for (uint32_t n = 1; n <= count; n++) {
		struct retention_part part = {
		    .number = n,
		    .start_ns = 10 * (n - 1) * SECOND,
		    .end_ns = 10 * n * SECOND,
		    .bytes = 100,
		};

		cr_assert_eq(retention_add(&r, &part), 0);
	}
	return r;
}

/* What goes at that time, as digits: 1 then 2 is 12. */
static uint32_t removed(struct retention *r, int64_t now_ns)
{
	uint32_t digits = 0, number;

	while ((number = retention_next(r, now_ns, 100)))
		digits = 10 * digits + number;
	retention_release(r);
	return digits;
}

Test(retention, keeps_all_without_a_policy)
{
	struct retention r = parts(200, (struct retention_policy){0});

	cr_expect_eq(removed(&r, INT64_MAX), 0);
}

Test(retention, keeps_so_many)
{
	/* With the one that is written they are six. */
	struct retention r = parts(5, (struct retention_policy){.keep = 3});

	cr_expect_eq(removed(&r, 50 * SECOND), 123);
}

Test(retention, keeps_so_long)
{
	struct retention r = parts(5, (struct retention_policy){.keep_time_ns = 25 * SECOND});

	/* Those that ended before 27 s. */
	cr_expect_eq(removed(&r, 52 * SECOND), 12);
}

Test(retention, keeps_so_much)
{
	struct retention r = parts(5, (struct retention_policy){.keep_bytes = 350});

	cr_expect_eq(removed(&r, 50 * SECOND), 123);
}

Test(retention, never_removes_what_is_written)
{
	struct retention r = parts(2, (struct retention_policy){.keep_bytes = 1});

	cr_expect_eq(removed(&r, 50 * SECOND), 12);
}

Test(retention, an_incident_outlives_the_others)
{
	struct retention_policy policy = {
	    .keep = 2, .keep_time_ns = 15 * SECOND, .keep_incidents = 2};
	struct retention r = parts(6, policy);

	cr_expect_eq(retention_incident(&r, 15 * SECOND), 2);
	cr_expect_eq(retention_incident(&r, 16 * SECOND), 0, "told once");
	cr_expect_eq(retention_incident(&r, 35 * SECOND), 4);
	cr_expect_eq(retention_incident(&r, 61 * SECOND), 0, "of the part that is written");
	cr_expect_eq(removed(&r, 60 * SECOND), 135);
}

Test(retention, of_too_many_incidents_the_oldest_is_one_of_the_others)
{
	struct retention r = parts(6, (struct retention_policy){.keep = 1, .keep_incidents = 2});

	for (int n = 0; n < 4; n++)
		cr_expect_eq(retention_incident(&r, (10 * n + 5) * SECOND), (uint32_t)n + 1);
	cr_expect_eq(removed(&r, 60 * SECOND), 1256);
}

Test(retention, a_size_takes_incidents_last)
{
	struct retention r =
	    parts(4, (struct retention_policy){.keep_bytes = 250, .keep_incidents = 9});

	cr_expect_eq(retention_incident(&r, 5 * SECOND), 1);
	cr_expect_eq(retention_incident(&r, 15 * SECOND), 2);
	cr_expect_eq(removed(&r, 40 * SECOND), 341);
}
