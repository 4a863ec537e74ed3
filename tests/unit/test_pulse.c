#include "report/measure/pulse.h"

#include <criterion/criterion.h>

static struct pulse pulse;

Test(pulse, counts_and_rates_go_together)
{
	struct rates rates;
	struct rate_series series;

	cr_assert_eq(rates_init(&rates, 0), 0);
	pulse_init(&pulse, &rates, 0);
	pulse_syn(&pulse, 0, true);
	pulse_syn(&pulse, 1000, false);
	pulse_handshake(&pulse, 2 * RATES_BUCKET_NS, 5);
	pulse_accept(&pulse, 2 * RATES_BUCKET_NS, 5);
	pulse_drop(&pulse, 1, CAUSE_ACCEPT_QUEUE_FULL_SYN);
	cr_assert_eq(pulse.counts.attempts, 1);
	cr_assert_eq(pulse.counts.syns, 2);
	cr_assert_eq(pulse.counts.handshakes, 1);
	cr_assert_eq(pulse.counts.accepts, 1);
	cr_assert_eq(pulse_counts_drops(&pulse.counts), 1);
	series = rates_view(&rates, TIME_UNKNOWN);
	cr_assert_eq(series.count, 3);
	cr_assert_eq(series.buckets[0].syns, 2);
	cr_assert_eq(series.buckets[0].drops[CAUSE_ACCEPT_QUEUE_FULL_SYN], 1);
	cr_assert_eq(series.buckets[2].handshakes, 1);
	cr_assert_eq(series.buckets[2].accepts, 1);
	pulse_release(&pulse);
	rates_release(&rates);
}

Test(pulse, a_turn_begins_a_new_interval_and_keeps_the_totals)
{
	struct pulse_counts since;

	pulse_init(&pulse, NULL, 0);
	pulse_syn(&pulse, 0, true);
	pulse_drop(&pulse, 0, CAUSE_COOKIE_ACK_DROPPED);
	pulse_turn(&pulse);
	pulse_syn(&pulse, 0, true);
	pulse_accept(&pulse, 0, -1);
	since = pulse_since_turn(&pulse);
	cr_assert_eq(since.attempts, 1);
	cr_assert_eq(since.syns, 1);
	cr_assert_eq(since.accepts, 1);
	cr_assert_eq(pulse_counts_drops(&since), 0);
	cr_assert_eq(pulse.counts.syns, 2);
	cr_assert_eq(pulse_counts_drops(&pulse.counts), 1);
	pulse_counts_add(&since, &pulse.counts);
	cr_assert_eq(since.syns, 3);
	cr_assert_eq(since.drops[CAUSE_COOKIE_ACK_DROPPED], 1);
	pulse_release(&pulse);
}

Test(pulse, a_drop_that_was_none_is_taken_back)
{
	struct pulse_counts since;
	struct rates rates;

	cr_assert_eq(rates_init(&rates, 0), 0);
	pulse_init(&pulse, &rates, 0);
	pulse_drop(&pulse, 7, CAUSE_COOKIE_ACK_DROPPED);
	pulse_turn(&pulse);
	pulse_take_back_drop(&pulse, 7, CAUSE_COOKIE_ACK_DROPPED);
	since = pulse_since_turn(&pulse);
	cr_assert_eq(pulse_counts_drops(&since), -1);
	cr_assert_eq(pulse_counts_drops(&pulse.counts), 0);
	cr_assert_eq(rates.buckets[0].drops[CAUSE_COOKIE_ACK_DROPPED], 0);
	pulse_release(&pulse);
	rates_release(&rates);
}

Test(pulse, latencies_are_kept_for_a_live_view_alone)
{
	struct window_sum sum;

	pulse_init(&pulse, NULL, 0);
	pulse_handshake(&pulse, 0, 5);
	cr_assert_null(pulse.handshake);
	pulse_release(&pulse);

	pulse_init(&pulse, NULL, 2);
	pulse_handshake(&pulse, 0, 5);
	pulse_handshake(&pulse, 0, -1); /* not known */
	pulse_accept(&pulse, 0, -1);
	cr_assert_null(pulse.accept_wait);
	pulse_turn(&pulse);
	window_sum_init(&sum);
	window_sum_add(&sum, pulse.handshake);
	cr_assert_eq(sum.count, 1);
	pulse_turn(&pulse);
	window_sum_init(&sum);
	window_sum_add(&sum, pulse.handshake);
	cr_assert_eq(sum.count, 0);
	pulse_release(&pulse);
}
