#include "report/measure/window.h"

#include <criterion/criterion.h>

static struct window_sum sum;

static struct latency_summary summary_of(const struct window *window)
{
	window_sum_init(&sum);
	window_sum_add(&sum, window);
	return window_sum_summary(&sum);
}

Test(window, an_empty_one_is_all_zero)
{
	struct window *w = window_new(3);
	struct latency_summary s = summary_of(w);

	cr_assert_eq(s.count, 0);
	cr_assert_eq(s.p99, 0);
	window_free(w);
}

Test(window, percentiles_are_at_most_one_part_in_32_too_high)
{
	struct window *w = window_new(1);
	struct latency_summary s;

	for (int64_t i = 1; i <= 100000; i++)
		window_add(w, i * 997);
	s = summary_of(w);
	cr_assert_eq(s.count, 100000);
	cr_assert_eq(s.min, 997);
	cr_assert_eq(s.max, 99700000);
	cr_assert_geq(s.p50, 49850000);
	cr_assert_leq(s.p50, 49850000 + 49850000 / 32);
	cr_assert_geq(s.p99, 98703000);
	cr_assert_leq(s.p99, 99700000);
	window_free(w);
}

Test(window, every_value_is_its_own_percentile_within_the_bound)
{
	for (int bit = 0; bit < WINDOW_TOP_BITS; bit++) {
		struct window *w = window_new(1);
		int64_t value = (INT64_C(1) << bit) + (INT64_C(1) << bit) / 3;
		struct latency_summary s;

		window_add(w, value);
		window_add(w, INT64_MAX); /* so that the maximum does not help */
		s = summary_of(w);
		cr_assert_geq(s.p50, value, "bit %d", bit);
		cr_assert_leq(s.p50, value + value / 32, "bit %d", bit);
		window_free(w);
	}
}

Test(window, small_values_are_exact)
{
	for (int64_t value = 0; value < 64; value++) {
		struct window *w = window_new(1);

		window_add(w, value);
		window_add(w, 1000);
		cr_assert_eq(summary_of(w).p50, value);
		window_free(w);
	}
}

Test(window, values_out_of_range_are_brought_into_it)
{
	struct window *w = window_new(1);
	struct latency_summary s;

	window_add(w, -5);
	window_add(w, INT64_MAX);
	s = summary_of(w);
	cr_assert_eq(s.count, 2);
	cr_assert_eq(s.min, 0);
	cr_assert_eq(s.max, (INT64_C(1) << WINDOW_TOP_BITS) - 1);
	window_free(w);
}

Test(window, the_oldest_slot_is_forgotten)
{
	struct window *w = window_new(3);

	window_add(w, 1);
	window_turn(w);
	window_add(w, 2);
	window_turn(w);
	window_add(w, 3);
	cr_assert_eq(summary_of(w).count, 3);
	cr_assert_eq(summary_of(w).min, 1);
	window_turn(w);
	cr_assert_eq(summary_of(w).count, 2);
	cr_assert_eq(summary_of(w).min, 2);
	window_turn(w);
	window_turn(w);
	cr_assert_eq(summary_of(w).count, 0);
	window_free(w);
}

Test(window, one_slot_holds_one_interval)
{
	struct window *w = window_new(1);

	window_add(w, 7);
	window_turn(w);
	window_add(w, 9);
	cr_assert_eq(summary_of(w).count, 1);
	cr_assert_eq(summary_of(w).max, 9);
	window_free(w);
}

Test(window, several_are_summed_as_one)
{
	struct window *a = window_new(2), *b = window_new(1);
	struct latency_summary s;

	for (int64_t i = 0; i < 10; i++) {
		window_add(a, i);
		window_add(b, 20 + i);
	}
	window_sum_init(&sum);
	window_sum_add(&sum, a);
	window_sum_add(&sum, b);
	s = window_sum_summary(&sum);
	cr_assert_eq(s.count, 20);
	cr_assert_eq(s.min, 0);
	cr_assert_eq(s.p50, 9);
	cr_assert_eq(s.max, 29);
	window_free(a);
	window_free(b);
}
