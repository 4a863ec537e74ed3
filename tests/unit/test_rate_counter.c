#include "report/measure/rate_counter.h"

#include <criterion/criterion.h>

static struct rate_counter counter;

Test(counter, counts_and_rates_go_together)
{
	struct rates rates;
	struct rate_series series;

	cr_assert_eq(rates_init(&rates, 0), 0);
	rate_counter_init(&counter, &rates, 0);
	rate_counter_syn(&counter, 0, true);
	rate_counter_syn(&counter, 1000, false);
	rate_counter_handshake(&counter, 2 * RATES_BUCKET_NS, 5);
	rate_counter_accept(&counter, 2 * RATES_BUCKET_NS, 5);
	rate_counter_drop(&counter, 1, CAUSE_ACCEPT_QUEUE_FULL_SYN);
	cr_assert_eq(counter.counts.attempts, 1);
	cr_assert_eq(counter.counts.syns, 2);
	cr_assert_eq(counter.counts.handshakes, 1);
	cr_assert_eq(counter.counts.accepts, 1);
	cr_assert_eq(rate_counts_drops(&counter.counts), 1);
	series = rates_view(&rates, TIME_UNKNOWN);
	cr_assert_eq(series.count, 3);
	cr_assert_eq(series.buckets[0].syns, 2);
	cr_assert_eq(series.buckets[0].drops[CAUSE_ACCEPT_QUEUE_FULL_SYN], 1);
	cr_assert_eq(series.buckets[2].handshakes, 1);
	cr_assert_eq(series.buckets[2].accepts, 1);
	rate_counter_release(&counter);
	rates_release(&rates);
}

Test(counter, a_turn_begins_a_new_interval_and_keeps_the_totals)
{
	struct rate_counts since;

	rate_counter_init(&counter, NULL, 0);
	rate_counter_syn(&counter, 0, true);
	rate_counter_drop(&counter, 0, CAUSE_COOKIE_ACK_DROPPED);
	rate_counter_turn(&counter);
	rate_counter_syn(&counter, 0, true);
	rate_counter_accept(&counter, 0, -1);
	since = rate_counter_since_turn(&counter);
	cr_assert_eq(since.attempts, 1);
	cr_assert_eq(since.syns, 1);
	cr_assert_eq(since.accepts, 1);
	cr_assert_eq(rate_counts_drops(&since), 0);
	cr_assert_eq(counter.counts.syns, 2);
	cr_assert_eq(rate_counts_drops(&counter.counts), 1);
	rate_counts_add(&since, &counter.counts);
	cr_assert_eq(since.syns, 3);
	cr_assert_eq(since.drops[CAUSE_COOKIE_ACK_DROPPED], 1);
	rate_counter_release(&counter);
}

Test(counter, a_drop_that_was_none_is_taken_back)
{
	struct rate_counts since;
	struct rates rates;

	cr_assert_eq(rates_init(&rates, 0), 0);
	rate_counter_init(&counter, &rates, 0);
	rate_counter_drop(&counter, 7, CAUSE_COOKIE_ACK_DROPPED);
	rate_counter_turn(&counter);
	rate_counter_take_back_drop(&counter, 7, CAUSE_COOKIE_ACK_DROPPED);
	since = rate_counter_since_turn(&counter);
	cr_assert_eq(rate_counts_drops(&since), -1);
	cr_assert_eq(rate_counts_drops(&counter.counts), 0);
	cr_assert_eq(rates.buckets[0].drops[CAUSE_COOKIE_ACK_DROPPED], 0);
	rate_counter_release(&counter);
	rates_release(&rates);
}

Test(counter, latencies_are_kept_for_a_live_view_alone)
{
	struct window_sum sum;

	rate_counter_init(&counter, NULL, 0);
	rate_counter_handshake(&counter, 0, 5);
	cr_assert_null(counter.handshake);
	rate_counter_release(&counter);

	rate_counter_init(&counter, NULL, 2);
	rate_counter_handshake(&counter, 0, 5);
	rate_counter_handshake(&counter, 0, -1); /* not known */
	rate_counter_accept(&counter, 0, -1);
	cr_assert_null(counter.accept_wait);
	rate_counter_turn(&counter);
	window_sum_init(&sum);
	window_sum_add(&sum, counter.handshake);
	cr_assert_eq(sum.count, 1);
	rate_counter_turn(&counter);
	window_sum_init(&sum);
	window_sum_add(&sum, counter.handshake);
	cr_assert_eq(sum.count, 0);
	rate_counter_release(&counter);
}
