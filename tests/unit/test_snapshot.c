/* Snapshots of a reporter that is given events as a live run gives them. */
#include "report/watch/snapshot.h"

#include <criterion/criterion.h>

#include "reporter_stage.h"

static const struct snapshot *look(void)
{
	const struct snapshot *s = reporter_snapshot(reporter, now_ns);

	cr_assert_not_null(s);
	return s;
}

static void turn(void)
{
	look();
	reporter_turn(reporter);
}

Test(snapshot, a_listener_that_nobody_asked_for_is_all_zero)
{
	const struct snapshot *s;

	start(1);
	s = look();
	cr_assert_eq(s->listeners_count, 1);
	cr_assert_eq(s->listeners[0].limit, LIMIT);
	cr_assert_eq(s->listeners[0].depth, -1, "it was never sampled");
	cr_assert_eq(s->listeners[0].depth_peak, -1);
	cr_assert_eq(s->listeners[0].half_open, -1);
	cr_assert_str_eq(s->listeners[0].comm, "it");
	cr_assert_eq(s->counts.syns, 0);
	cr_assert_eq(s->worst_count, 0);
	cr_assert_eq(s->from_ns, START);
	cr_assert_eq(s->to_ns, now_ns);
	reporter_free(reporter);
}

Test(snapshot, handshakes_and_accepts_are_counted_when_they_happen)
{
	const struct snapshot *s;

	start(1);
	handshake(1, 30);
	s = look();
	cr_assert_eq(s->listeners[0].counts.attempts, 1);
	cr_assert_eq(s->listeners[0].counts.syns, 1);
	cr_assert_eq(s->listeners[0].counts.handshakes, 1);
	cr_assert_eq(s->listeners[0].counts.accepts, 0);
	cr_assert_eq(s->listeners[0].handshake.count, 1);
	cr_assert_eq(s->listeners[0].handshake.max, 30 * NS_PER_MS);
	cr_assert_eq(s->open, 1);
	turn();
	now_ns += 20 * NS_PER_MS;
	looked_up(1, 77);
	looked_up(1, 77); /* told again: not another accept */
	s = look();
	cr_assert_eq(s->listeners[0].counts.syns, 0);
	cr_assert_eq(s->listeners[0].counts.accepts, 1);
	cr_assert_eq(s->listeners[0].total.syns, 1);
	cr_assert_eq(s->listeners[0].accept_wait.max, 20 * NS_PER_MS);
	cr_assert_eq(s->listeners[0].handshake.count, 0, "of the interval before");
	cr_assert_eq(s->total.accepts, 1);
	reporter_free(reporter);
}

Test(snapshot, the_window_is_several_intervals)
{
	start(3);
	handshake(1, 10);
	for (int i = 0; i < 2; i++) {
		now_ns += NS_PER_SEC;
		turn();
		cr_assert_eq(look()->handshake.count, 1);
		cr_assert_eq(look()->counts.handshakes, 0);
	}
	now_ns += NS_PER_SEC;
	cr_assert_eq(look()->window_ns, now_ns - START);
	turn();
	cr_assert_eq(look()->handshake.count, 0);
	cr_assert_eq(look()->window_ns, 2 * NS_PER_SEC);
	reporter_free(reporter);
}

Test(snapshot, depth_is_the_last_sample_and_the_peak_that_of_the_interval)
{
	struct event e = {.kind = EVENT_HALF_OPEN, .source = SOURCE_SAMPLER};

	start(1);
	sample(1, 0, 0);
	sample(1, 2, 0);
	sample(1, 1, 0);
	e.half_open.cookie = 1;
	e.half_open.count = 5;
	deliver(&e);
	cr_assert_eq(look()->listeners[0].depth, 1);
	cr_assert_eq(look()->listeners[0].depth_peak, 2);
	cr_assert_eq(look()->listeners[0].half_open, 5);
	turn();
	cr_assert_eq(look()->listeners[0].depth_peak, 1);
	sample(1, 0, 0);
	cr_assert_eq(look()->listeners[0].depth, 0);
	cr_assert_eq(look()->listeners[0].depth_peak, 1, "it was so deep when the interval began");
	reporter_free(reporter);
}

Test(snapshot, drops_are_counted_by_cause_and_the_queue_was_full)
{
	const struct snapshot *s;

	start(1);
	overflow();
	s = look();
	cr_assert_eq(s->listeners[0].counts.drops[CAUSE_ACCEPT_QUEUE_FULL_SYN], 1);
	cr_assert_eq(rate_counts_drops(&s->counts), 1);
	cr_assert_gt(s->listeners[0].full_ns, 50 * NS_PER_MS);
	cr_assert_eq(s->listeners[0].full_ns, s->listeners[0].full_all_ns);
	turn();
	s = look();
	cr_assert_eq(rate_counts_drops(&s->counts), 0);
	cr_assert_eq(rate_counts_drops(&s->total), 1);
	cr_assert_eq(s->listeners[0].full_ns, 0);
	sample(1, 2, 1);
	s = look();
	cr_assert_eq(s->listeners[0].full_ns, 2 * NS_PER_MS, "it is still full");
	reporter_free(reporter);
}

Test(snapshot, what_waits_is_among_the_worst_before_it_is_finished)
{
	const struct snapshot *s;

	start(1);
	sample(1, 0, 0);
	handshake(9, 1);
	looked_up(9, 33);
	for (int i = 0; i < 50; i++)
		sample(1, 0, 0);
	overflow();
	now_ns += 3 * NS_PER_SEC / 2;
	s = look();
	/* Unanswered for more than a second; two that wait; one that was served at once. */
	cr_assert_eq(s->worst_count, 4);
	cr_assert_eq(s->worst[0].outcome, OUTCOME_UNANSWERED);
	cr_assert_eq(s->worst[0].client.port, 40003);
	cr_assert_eq(s->worst[0].causes[0].cause, CAUSE_ACCEPT_QUEUE_FULL_SYN);
	cr_assert_eq(s->worst[1].outcome, OUTCOME_WAITING);
	cr_assert_eq(s->worst[2].outcome, OUTCOME_WAITING);
	cr_assert_eq(s->worst[3].outcome, OUTCOME_ACCEPTED);
	cr_assert_eq(s->worst[3].client.port, 40009);
	cr_assert_eq(s->worst[0].number, 0, "it is under way");
	cr_assert_eq(s->worst[1].listener, 0);
	reporter_free(reporter);
}

Test(snapshot, what_is_over_leaves_the_worst_with_the_window)
{
	start(2);
	handshake(1, 1);
	looked_up(1, 33);
	now_ns += NS_PER_SEC;
	cr_assert_eq(look()->worst_count, 1);
	turn();
	now_ns += NS_PER_SEC;
	cr_assert_eq(look()->worst_count, 1, "the window has two slots");
	turn();
	now_ns += NS_PER_SEC;
	cr_assert_eq(look()->worst_count, 0, "still open, but nothing happened to it since");
	reporter_free(reporter);
}

Test(snapshot, finished_attempts_are_remembered_for_the_window)
{
	start(4);
	handshake(1, 500);
	looked_up(1, 33);
	send_segment(1, true, TCP_FLAG_RST, 101, 0);
	now_ns += 3 * NS_PER_SEC; /* longer than it lingers */
	turn();
	sample(1, 0, 0);
	for (int i = 0; i < 3 * 4096; i++)
		looked_up(99, 0); /* nothing, but the tracker's hand moves on */
	cr_assert_eq(look()->open, 0);
	cr_assert_eq(look()->worst_count, 1);
	cr_assert_eq(look()->worst[0].number, 1);
	for (int i = 0; i < 4; i++)
		turn();
	cr_assert_eq(look()->worst_count, 0);
	reporter_free(reporter);
}

Test(snapshot, no_more_worst_than_the_bound_and_the_worst_of_them)
{
	const struct snapshot *s;

	start(1);
	for (int i = 0; i < 60; i++) {
		syn(i);
		now_ns += 10 * NS_PER_MS;
	}
	s = look();
	cr_assert_eq(s->worst_count, SNAPSHOT_WORST_MAX);
	for (int i = 0; i < SNAPSHOT_WORST_MAX; i++)
		cr_assert_eq(s->worst[i].client.port, 40000 + i, "the oldest first");
	reporter_free(reporter);
}

Test(snapshot, a_port_without_a_listener_is_elsewhere)
{
	const struct snapshot *s;

	start(1);
	server.port = 81;
	syn(1);
	send_segment(1, false, TCP_FLAG_RST | TCP_FLAG_ACK, 0, 101);
	s = look();
	cr_assert_eq(s->elsewhere.syns, 1);
	cr_assert_eq(s->elsewhere_total.attempts, 1);
	cr_assert_eq(s->counts.syns, 1);
	cr_assert_eq(s->listeners[0].total.syns, 0);
	cr_assert_eq(s->worst[0].outcome, OUTCOME_REFUSED);
	cr_assert_eq(s->worst[0].listener, -1);
	reporter_free(reporter);
}

Test(snapshot, siblings_share_their_counts_and_not_their_depth)
{
	const struct snapshot *s;

	start(1);
	say_listener(2, LISTENER_SEEN);
	sample(1, 2, 0);
	sample(2, 0, 0);
	syn(1);
	s = look();
	cr_assert_eq(s->listeners_count, 2);
	cr_assert(s->listeners[0].reuseport && s->listeners[1].reuseport);
	cr_assert_eq(s->listeners[0].leader, 0);
	cr_assert_eq(s->listeners[1].leader, 0);
	cr_assert_eq(s->listeners[0].depth, 2);
	cr_assert_eq(s->listeners[1].depth, 0);
	cr_assert_eq(s->listeners[0].total.syns, 1);
	cr_assert_eq(s->listeners[1].total.syns, 0);
	say_listener(1, LISTENER_CLOSED);
	cr_assert(look()->listeners[0].closed);
	reporter_free(reporter);
}

Test(snapshot, after_the_end_the_totals_are_those_of_the_report)
{
	const struct report *report;
	const struct snapshot *s;
	struct rate_bucket sum = {0};

	start(2);
	overflow();
	looked_up(1, 44);
	syn(3);
	syn(4);
	end();
	s = look();
	report = reporter_report(reporter);
	for (size_t i = 0; i < report->rates.count; i++) {
		sum.syns += report->rates.buckets[i].syns;
		sum.handshakes += report->rates.buckets[i].handshakes;
		sum.accepts += report->rates.buckets[i].accepts;
		for (int c = 0; c < CAUSE_COUNT; c++)
			sum.drops[c] += report->rates.buckets[i].drops[c];
	}
	cr_assert_eq(s->total.attempts, (int64_t)report->attempts);
	cr_assert_eq(s->total.syns, 5);
	cr_assert_eq(sum.syns, 5);
	cr_assert_eq(s->total.handshakes, 2);
	cr_assert_eq(sum.handshakes, 2);
	cr_assert_eq(s->total.accepts, (int64_t)report->outcomes[OUTCOME_ACCEPTED]);
	cr_assert_eq(sum.accepts, 1);
	for (int c = 0; c < CAUSE_COUNT; c++) {
		cr_assert_eq(s->total.drops[c],
			     cause_is_drop(c) ? (int64_t)report->cause_packets[c] : 0, "%s",
			     cause_name(c));
		cr_assert_eq(s->total.drops[c], sum.drops[c]);
	}
	cr_assert_geq(s->total.drops[CAUSE_ACCEPT_QUEUE_FULL_SYN], 1);
	reporter_free(reporter);
}
