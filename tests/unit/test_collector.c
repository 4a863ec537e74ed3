/* Metrics of a reporter that is given events as a live run gives them. */
#include "report/metrics/collector.h"

#include <criterion/criterion.h>

#include "reporter_stage.h"

static struct metrics metrics;

static const struct metrics *collect(void)
{
	cr_assert_eq(reporter_metrics(reporter, now_ns, &metrics), 0);
	return &metrics;
}

/* Until what is held back has been told. */
static const struct metrics *collect_settled(void)
{
	for (int i = 0; i < COLLECTOR_HOLD; i++) {
		now_ns += NS_PER_SEC;
		collect();
	}
	return &metrics;
}

Test(collector, a_listener_that_nobody_asked_for_is_all_zero)
{
	const struct metrics_listener *l;

	start(0);
	l = &collect()->rows[0];
	cr_expect_eq(metrics.rows_count, 1);
	cr_expect_not(metrics.shared);
	cr_expect_eq(metrics.updated_ns, now_ns);
	cr_expect_eq(metrics.start_ns, START);
	cr_expect(endpoint_equal(&l->local, &server));
	cr_expect_str_eq(l->comm, "it");
	cr_expect_eq(l->sockets, 1);
	cr_expect_eq(l->limit, LIMIT);
	cr_expect_eq(l->depth, -1, "it was never sampled");
	cr_expect_eq(l->depth_max, -1);
	cr_expect_eq(l->half_open, -1);
	cr_expect_eq(l->socket_drops, -1);
	reporter_free(reporter);
}

Test(collector, an_attempt_counts_when_it_is_finished)
{
	const struct metrics_listener *l;

	start(0);
	handshake(1, 30);
	now_ns += 20 * NS_PER_MS;
	looked_up(1, 77);
	l = &collect()->rows[0];
	cr_expect_eq(metrics.open, 1);
	cr_expect_eq(l->outcomes[OUTCOME_ACCEPTED], 0);
	end();
	l = &collect()->rows[0];
	cr_expect_eq(metrics.open, 0);
	cr_expect_eq(metrics.outcomes[OUTCOME_ACCEPTED], 1);
	cr_expect_eq(l->outcomes[OUTCOME_ACCEPTED], 1);
	cr_expect_eq(l->connect.count, 1);
	cr_expect_eq(l->connect.sum_ns, 30 * NS_PER_MS);
	cr_expect_eq(l->accept_wait.count, 1);
	cr_expect_eq(l->syns_again, 0);
	reporter_free(reporter);
}

/* Its end is seen, and then nothing comes but samples of an idle queue. */
Test(collector, an_attempt_counts_soon_after_its_end)
{
	start(0);
	handshake(1, 30);
	now_ns += 20 * NS_PER_MS;
	looked_up(1, 77);
	send_segment(1, true, TCP_FLAG_FIN | TCP_FLAG_ACK, 101, 501);
	send_segment(1, false, TCP_FLAG_FIN | TCP_FLAG_ACK, 501, 102);
	cr_expect_eq(collect()->rows[0].outcomes[OUTCOME_ACCEPTED], 0);
	for (int i = 0; i < 5; i++) {
		now_ns += NS_PER_SEC;
		sample(1, 0, 0);
		collect();
	}
	cr_expect_eq(metrics.rows[0].outcomes[OUTCOME_ACCEPTED], 1);
	cr_expect_eq(metrics.outcomes[OUTCOME_ACCEPTED], 1);
	cr_expect_eq(metrics.open, 0);
	reporter_free(reporter);
}

Test(collector, the_highest_depth_is_remembered_for_the_window)
{
	start(0);
	sample(1, 0, 0);
	sample(1, 2, 0);
	sample(1, 1, 0);
	cr_expect_eq(collect()->rows[0].depth, 1);
	cr_expect_eq(metrics.rows[0].depth_max, 2);
	now_ns += (METRICS_WINDOW_S - 1) * NS_PER_SEC;
	sample(1, 0, 0);
	cr_expect_eq(collect()->rows[0].depth, 0);
	cr_expect_eq(metrics.rows[0].depth_max, 2);
	now_ns += 2 * NS_PER_SEC;
	cr_expect_eq(collect()->rows[0].depth_max, 1, "so deep when the last second began");
	now_ns += METRICS_WINDOW_S * NS_PER_SEC;
	cr_expect_eq(collect()->rows[0].depth_max, 0);
	reporter_free(reporter);
}

Test(collector, a_drop_is_told_when_it_has_stood_for_a_while)
{
	const struct metrics_listener *l;

	start(0);
	collect();
	overflow();
	l = &collect()->rows[0];
	cr_expect_eq(l->drops[CAUSE_ACCEPT_QUEUE_FULL_SYN], 0);
	cr_expect_eq(l->socket_drops, 1, "the kernel's own count needs no verdict");
	l = &collect_settled()->rows[0];
	cr_expect_eq(l->drops[CAUSE_ACCEPT_QUEUE_FULL_SYN], 1);
	cr_expect_gt(l->full_ns, 50 * NS_PER_MS);
	reporter_free(reporter);
}

Test(collector, the_end_tells_what_was_held_back)
{
	start(0);
	collect();
	overflow();
	collect();
	end();
	cr_expect_eq(collect()->rows[0].drops[CAUSE_ACCEPT_QUEUE_FULL_SYN], 1);
	cr_expect_eq(metrics.rows[0].full_ns, reporter_report(reporter)->listeners[0].full_ns);
	reporter_free(reporter);
}

Test(collector, a_server_that_is_started_again_keeps_its_row)
{
	start(0);
	overflow();
	say_listener(1, LISTENER_CLOSED);
	now_ns += NS_PER_SEC;
	cr_expect_eq(collect()->rows[0].sockets, 0);
	cr_expect_eq(metrics.rows[0].depth, -1);
	say_listener(2, LISTENER_SEEN);
	sample(2, 0, 0);
	sample(2, 1, 0);
	collect_settled();
	cr_expect_eq(metrics.rows_count, 1);
	cr_expect_eq(metrics.rows[0].sockets, 1);
	cr_expect_eq(metrics.rows[0].depth, 1);
	cr_expect_eq(metrics.rows[0].socket_drops, 1);
	reporter_free(reporter);
}

Test(collector, of_several_sockets_the_nearest_to_its_limit_is_shown)
{
	start(0);
	say_listener(2, LISTENER_SEEN);
	sample(1, 0, 0);
	sample(2, 2, 0);
	cr_expect_eq(collect()->rows_count, 1);
	cr_expect_eq(metrics.rows[0].sockets, 2);
	cr_expect_eq(metrics.rows[0].depth, 2);
	cr_expect_eq(metrics.rows[0].limit, LIMIT);
	reporter_free(reporter);
}

Test(collector, listeners_beyond_the_bound_share_a_row)
{
	start(0);
	for (int i = 0; i < METRICS_LISTENERS_MAX + 9; i++) {
		server.port = (uint16_t)(1000 + i);
		say_listener((uint64_t)(100 + i), LISTENER_SEEN);
		sample((uint64_t)(100 + i), 1, (uint32_t)i);
		sample((uint64_t)(100 + i), 1, (uint32_t)i + 1);
	}
	collect();
	cr_expect(metrics.shared);
	cr_expect_eq(metrics.rows_count, METRICS_ROWS_MAX);
	cr_expect_eq(metrics.sharing, 10, "with the one that was there first");
	cr_expect_eq(metrics.rows[METRICS_ROWS_MAX - 1].sockets, 10);
	cr_expect_eq(metrics.rows[METRICS_ROWS_MAX - 1].socket_drops, 10);
	/* Told of again, they are the same. */
	collect();
	cr_expect_eq(metrics.sharing, 10);
	reporter_free(reporter);
}

static void count_overflows(enum counters_when when, uint64_t overflows)
{
	struct event e = {.kind = EVENT_COUNTERS, .source = SOURCE_SAMPLER};

	e.counters.when = when;
	e.counters.before_ns = now_ns - 1000;
	e.counters.known = UINT64_C(1) << COUNTER_LISTEN_OVERFLOWS;
	e.counters.value[COUNTER_LISTEN_OVERFLOWS] = overflows;
	deliver(&e);
}

Test(collector, what_no_attempt_explains_is_told_and_never_taken_back)
{
	start(0);
	count_overflows(COUNTERS_BEFORE, 100);
	cr_expect_eq(collect()->unexplained_count, 0, "there is no second reading");
	count_overflows(COUNTERS_DURING, 100);
	collect_settled();
	cr_assert_eq(metrics.unexplained_count, 1);
	cr_expect_eq(metrics.unexplained[0].counter, COUNTER_LISTEN_OVERFLOWS);
	cr_expect_eq(metrics.unexplained[0].count, 0);
	now_ns += NS_PER_SEC;
	count_overflows(COUNTERS_DURING, 107);
	for (int i = 0; i < COLLECTOR_PATIENCE - 1; i++)
		cr_expect_eq(collect()->unexplained[0].count, 0, "it may be explained yet");
	cr_expect_eq(collect()->unexplained[0].count, 7);
	now_ns += NS_PER_SEC;
	count_overflows(COUNTERS_DURING, 105);
	for (int i = 0; i < COLLECTOR_PATIENCE; i++)
		cr_expect_eq(collect()->unexplained[0].count, 7);
	reporter_free(reporter);
}

Test(collector, what_is_explained_late_was_never_unexplained)
{
	start(0);
	count_overflows(COUNTERS_BEFORE, 100);
	overflow();
	count_overflows(COUNTERS_DURING, 101);
	for (int i = 0; i < 2 * COLLECTOR_PATIENCE; i++)
		cr_expect_eq(collect()->unexplained[0].count, 0);
	end();
	cr_expect_eq(collect()->unexplained[0].count, 0);
	reporter_free(reporter);
}

Test(collector, the_end_tells_all_that_is_unexplained)
{
	start(0);
	count_overflows(COUNTERS_BEFORE, 100);
	collect();
	now_ns += NS_PER_SEC;
	count_overflows(COUNTERS_AFTER, 103);
	end();
	cr_expect_eq(collect()->unexplained[0].count, 3);
	reporter_free(reporter);
}
