#include "report/measure/histogram.h"

#include <criterion/criterion.h>

static struct histogram h;

Test(histogram, an_empty_one_is_all_zero)
{
	struct latency_summary s;

	histogram_init(&h);
	s = histogram_summary(&h);
	cr_assert_eq(s.count, 0);
	cr_assert_eq(s.max, 0);
	cr_assert_eq(histogram_bars(&h, NULL, 0), 0);
}

Test(histogram, percentiles_are_at_most_one_part_in_128_too_high)
{
	histogram_init(&h);
	for (int64_t i = 1; i <= 100000; i++)
		histogram_add(&h, i * 1000);
	for (unsigned p = 1; p <= 1000; p++) {
		int64_t exact = (int64_t)p * 100 * 1000;
		int64_t got = histogram_percentile(&h, p);

		cr_assert_geq(got, exact, "p%u", p);
		cr_assert_leq(got, exact + exact / 128, "p%u: %lld for %lld", p, (long long)got,
			      (long long)exact);
	}
	cr_assert_eq(histogram_percentile(&h, 1000), 100000 * 1000);
}

Test(histogram, one_value_is_every_percentile)
{
	struct latency_summary s;

	histogram_init(&h);
	histogram_add(&h, 123456789);
	s = histogram_summary(&h);
	cr_assert_eq(s.min, 123456789);
	cr_assert_eq(s.p50, 123456789);
	cr_assert_eq(s.p999, 123456789);
	cr_assert_eq(s.max, 123456789);
}

Test(histogram, extremes_are_held)
{
	struct latency_bar bars[8];
	uint64_t total = 0;
	size_t n;

	histogram_init(&h);
	histogram_add(&h, INT64_MAX);
	histogram_add(&h, 0);
	histogram_add(&h, -5);
	cr_assert_eq(histogram_summary(&h).min, -5);
	cr_assert_eq(histogram_summary(&h).max, INT64_MAX);
	n = histogram_bars(&h, bars, 8);
	cr_assert_eq(n, 2);
	for (size_t i = 0; i < n; i++) {
		cr_assert_lt(bars[i].from_ns, bars[i].to_ns);
		total += bars[i].count;
	}
	cr_assert_eq(total, 3);
}
