#include "report/measure/gaps.h"

#include <criterion/criterion.h>

static struct gaps gaps;

static void at(int64_t ms)
{
	gaps_observed(&gaps, ms * NS_PER_MS, ms * NS_PER_MS + 1000);
}

static void every(int64_t from_ms, int64_t to_ms, int64_t step_ms)
{
	for (int64_t ms = from_ms; ms <= to_ms; ms += step_ms)
		at(ms);
}

Test(gaps, a_stall_is_one)
{
	every(0, 1000, 1);
	every(3500, 4000, 1);
	gaps_end(&gaps, 4100 * NS_PER_MS);
	cr_assert_eq(gaps.count, 1);
	cr_expect_eq(gaps.list[0].start_ns, 1000 * NS_PER_MS + 1000);
	cr_expect_eq(gaps.list[0].end_ns, 3500 * NS_PER_MS);
}

Test(gaps, the_end_may_be_one)
{
	every(0, 1000, 1);
	gaps_end(&gaps, 3000 * NS_PER_MS);
	gaps_end(&gaps, 3000 * NS_PER_MS);
	cr_assert_eq(gaps.count, 1);
	cr_expect_eq(gaps.list[0].end_ns, 3000 * NS_PER_MS);
}

Test(gaps, a_slow_pace_is_none)
{
	every(0, 60000, 1000);
	gaps_end(&gaps, 62000 * NS_PER_MS);
	cr_expect_eq(gaps.count, 0);
}

Test(gaps, an_observer_who_rests_hides_none)
{
	every(0, 1000, 1);
	every(1250, 60000, 250);
	cr_expect_eq(gaps.count, 0);
	every(60600, 61000, 1);
	cr_assert_eq(gaps.count, 1);
	cr_expect_eq(gaps.list[0].start_ns, 60000 * NS_PER_MS + 1000);
}

Test(gaps, a_busy_machine_makes_none)
{
	for (int64_t ms = 0; ms < 60000; ms += ms % 7 ? 1 : 300)
		at(ms);
	cr_expect_eq(gaps.count, 0);
}

Test(gaps, one_may_begin_or_end_at_any_time)
{
	every(0, 10, 1);
	gaps_observed(&gaps, INT64_MIN, INT64_MIN + 1);
	gaps_observed(&gaps, INT64_MAX - 1, INT64_MAX);
	gaps_end(&gaps, INT64_MIN);
	cr_expect_eq(gaps.count, 1);
}

Test(gaps, their_number_is_bounded_and_the_last_takes_in_the_others)
{
	for (int64_t i = 0; i < 2 * GAPS_MAX; i++)
		every(i * 10000, i * 10000 + 20, 1);
	cr_assert_eq(gaps.count, GAPS_MAX);
	cr_expect_eq(gaps.list[GAPS_MAX - 1].end_ns, (2 * GAPS_MAX - 1) * 10000 * NS_PER_MS);
}
