#include "report/measure/latencies.h"

#include <criterion/criterion.h>
#include <string.h>

static struct attempt attempt;

static void blank(void)
{
	memset(&attempt, 0, sizeof(attempt));
	attempt.syn_to_synack_ns = attempt.synack_to_ack_ns = attempt.connect_ns = -1;
	attempt.accept_wait_ns = attempt.accept_to_fork_ns = -1;
}

TestSuite(latencies, .init = blank);

Test(latencies, are_of_what_was_added)
{
	struct latency_summary summary[LATENCY_COUNT];
	struct latencies latencies = {0};
	unsigned histograms = 0;

	attempt.accept_wait_ns = 5;
	latencies_add(&latencies, &histograms, &attempt);
	attempt.accept_wait_ns = 7;
	latencies_add(&latencies, &histograms, &attempt);
	cr_expect_eq(histograms, 1);
	latencies_summary(&latencies, summary);
	cr_expect_eq(summary[LATENCY_ACCEPT_WAIT].count, 2);
	cr_expect_eq(summary[LATENCY_ACCEPT_WAIT].min, 5);
	cr_expect_eq(summary[LATENCY_ACCEPT_WAIT].max, 7);
	cr_expect_eq(summary[LATENCY_CONNECT].count, 0);
	latencies_release(&latencies);
}

Test(latencies, beyond_the_bound_are_counted)
{
	struct latencies latencies = {0};
	unsigned histograms = LATENCIES_HISTOGRAMS_MAX;

	attempt.connect_ns = 5;
	latencies_add(&latencies, &histograms, &attempt);
	cr_expect_eq(latencies.lost, 1);
	cr_expect_eq(histograms, LATENCIES_HISTOGRAMS_MAX);
	latencies_release(&latencies);
}
