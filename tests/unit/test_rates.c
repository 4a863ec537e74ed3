#include "report/measure/rates.h"

#include <criterion/criterion.h>

#define START (INT64_C(1700000000) * NS_PER_SEC)

static struct rates rates;

static uint64_t total_syns(const struct rate_series *series)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < series->count; i++)
		sum += series->buckets[i].syns;
	return sum;
}

Test(rates, nothing_seen_has_no_buckets)
{
	cr_assert_eq(rates_init(&rates, TIME_UNKNOWN), 0);
	cr_assert_eq(rates_view(&rates, START).count, 0);
	rates_release(&rates);
}

Test(rates, the_first_time_asked_for_is_the_start)
{
	struct rate_series series;

	cr_assert_eq(rates_init(&rates, TIME_UNKNOWN), 0);
	rates_at(&rates, START)->syns++;
	rates_at(&rates, START + RATES_BUCKET_NS)->accepts++;
	series = rates_view(&rates, TIME_UNKNOWN);
	cr_assert_eq(series.count, 2);
	cr_assert_eq(series.bucket_ns, RATES_BUCKET_NS);
	cr_assert_eq(series.buckets[0].syns, 1);
	cr_assert_eq(series.buckets[1].accepts, 1);
	rates_release(&rates);
}

Test(rates, a_bucket_begins_with_its_first_nanosecond_and_ends_before_the_next)
{
	cr_assert_eq(rates_init(&rates, START), 0);
	rates_at(&rates, START + RATES_BUCKET_NS - 1)->syns++;
	rates_at(&rates, START + RATES_BUCKET_NS)->syns++;
	rates_at(&rates, START + 2 * RATES_BUCKET_NS - 1)->syns++;
	rates_at(&rates, START)->syns++; /* back again */
	cr_assert_eq(rates.buckets[0].syns, 2);
	cr_assert_eq(rates.buckets[1].syns, 2);
	rates_release(&rates);
}

Test(rates, the_end_makes_the_axis_longer)
{
	struct rate_series series;

	cr_assert_eq(rates_init(&rates, START), 0);
	rates_at(&rates, START)->syns++;
	series = rates_view(&rates, START + 10 * RATES_BUCKET_NS);
	cr_assert_eq(series.count, 11);
	cr_assert_eq(total_syns(&series), 1);
	rates_release(&rates);
}

Test(rates, beyond_the_bound_buckets_become_twice_as_wide)
{
	struct rate_series series;

	cr_assert_eq(rates_init(&rates, START), 0);
	for (int64_t i = 0; i < RATES_BUCKETS_MAX; i++)
		rates_at(&rates, START + i * RATES_BUCKET_NS)->syns = (uint32_t)i;
	rates_at(&rates, START + RATES_BUCKETS_MAX * RATES_BUCKET_NS)->syns += 5;
	series = rates_view(&rates, TIME_UNKNOWN);
	cr_assert_eq(series.bucket_ns, 2 * RATES_BUCKET_NS);
	cr_assert_eq(series.count, RATES_BUCKETS_MAX / 2 + 1);
	for (uint32_t i = 0; i < RATES_BUCKETS_MAX / 2; i++)
		cr_assert_eq(series.buckets[i].syns, 4 * i + 1, "bucket %u", i);
	cr_assert_eq(series.buckets[RATES_BUCKETS_MAX / 2].syns, 5);
	rates_release(&rates);
}

Test(rates, an_odd_number_of_buckets_loses_none)
{
	struct rate_series series;

	cr_assert_eq(rates_init(&rates, START), 0);
	for (int64_t i = 0; i < 3; i++)
		rates_at(&rates, START + i * RATES_BUCKET_NS)->syns++;
	rates_at(&rates, START + 1500 * RATES_BUCKET_NS)->syns++;
	series = rates_view(&rates, TIME_UNKNOWN);
	cr_assert_eq(series.buckets[0].syns, 2);
	cr_assert_eq(series.buckets[1].syns, 1);
	cr_assert_eq(series.buckets[750].syns, 1);
	cr_assert_eq(series.count, 751);
	rates_release(&rates);
}

Test(rates, any_time_has_a_bucket)
{
	static const int64_t times[] = {INT64_MAX, INT64_MIN + 1, 0, START, INT64_MAX - 1, -1};
	struct rate_series series;

	cr_assert_eq(rates_init(&rates, INT64_MIN + 1), 0);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		rates_at(&rates, times[i])->syns++;
	series = rates_view(&rates, INT64_MAX);
	cr_assert_leq(series.count, RATES_BUCKETS_MAX);
	cr_assert_eq(total_syns(&series), 6);
	rates_release(&rates);
}

Test(rates, what_came_before_the_start_is_in_the_first_bucket)
{
	cr_assert_eq(rates_init(&rates, START), 0);
	rates_at(&rates, START - 5 * NS_PER_SEC)->syns++;
	rates_at(&rates, INT64_MIN + 1)->syns++;
	cr_assert_eq(rates.buckets[0].syns, 2);
	cr_assert_eq(rates.bucket_ns, RATES_BUCKET_NS);
	rates_release(&rates);
}

Test(rates, a_full_count_stays_full)
{
	struct rate_series series;

	cr_assert_eq(rates_init(&rates, START), 0);
	rates_at(&rates, START)->drops[CAUSE_SYN_QUEUE_FULL] = UINT32_MAX;
	rates_at(&rates, START + RATES_BUCKET_NS)->drops[CAUSE_SYN_QUEUE_FULL] = 2;
	rates_at(&rates, START + 2 * RATES_BUCKETS_MAX * RATES_BUCKET_NS - 1)->syns++;
	series = rates_view(&rates, TIME_UNKNOWN);
	cr_assert_eq(series.buckets[0].drops[CAUSE_SYN_QUEUE_FULL], UINT32_MAX);
	rates_release(&rates);
}
