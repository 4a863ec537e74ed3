#include "report/queue/queue.h"

#include <criterion/criterion.h>

#include "listener_stage.h"

Test(queues, syns_on_a_full_queue_are_dropped_by_name)
{
	start_full();
	for (int i = 3; i < 6; i++)
		syn(i);
	drops += 3;
	samples(60, 3);
	/* The server wakes, takes all; the three retry and get in. */
	for (int i = 0; i < 3; i++)
		accepted(i);
	sample(0);
	pass(1000000);
	for (int i = 3; i < 6; i++)
		handshake(i);
	sample(3);
	for (int i = 3; i < 6; i++)
		accepted(i);
	samples(60, 0);
	finish();
	for (int i = 0; i < 6; i++)
		cr_expect_eq(attempt_of(i)->outcome, OUTCOME_ACCEPTED);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(attempt_of(i)->causes_count,
			     0 + (attempt_of(i)->accept_wait_ns > 100 * NS_PER_MS));
	for (int i = 3; i < 6; i++) {
		assert_cause(i, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 1);
		cr_expect_eq(attempt_of(i)->marks[0].depth, 3);
		cr_expect_eq(attempt_of(i)->marks[0].limit, LIMIT);
		cr_expect(attempt_of(i)->marks[0].dropped);
	}
	cr_expect_eq(listeners[0].drops, 3);
	cr_expect_eq(listeners[0].sk_drops, 3);
	cr_expect_eq(listeners[0].queue_peak, 3);
	cr_expect_eq(listeners[0].disagreements, 0);
	cr_expect_eq(listeners[0].episodes_count, 2);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_SYN_ACCEPT_FULL], 3);
	end();
}

/* Captured, while its processor is held up by something else. */
Test(queues, what_a_sample_cannot_have_seen_yet_is_looked_for_in_the_next)
{
	start_full();
	samples(60, 3);
	syn(3);
	samples(3, 3);
	drops++;
	samples(60, 3);
	finish();
	assert_cause(3, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 1);
	cr_expect_eq(listeners[0].disagreements, 0);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_SYN_ACCEPT_FULL], 1);
	end();
}

/* accept() had made room before its report came: both segments were taken to be refused. */
Test(queues, who_entered_after_all_asks_for_no_other_place)
{
	struct event e = {.kind = EVENT_ACCEPT, .source = SOURCE_SERVER};

	start_full();
	pass(1000);
	handshake(3);
	handshake(4);
	pass(100);
	first_data(3);
	first_data(4);
	e.time_ns = now_ns + 100 * NS_PER_US;
	e.accept = (struct server_accept){
	    .flow = flow_of(0), .before_ns = now_ns - 500 * NS_PER_US, .pid = 9};
	deliver(&e);
	pass(200);
	drops += 4; /* of the last one */
	samples(60, 3);
	finish();
	cr_expect_eq(attempt_of(3)->causes_count, 0);
	assert_cause(4, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_BOUNDED, 2);
	cr_expect_eq(listeners[0].disagreements, 0);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_ACK_ACCEPT_FULL], 2);
	end();
}

/*
 * The place that accept() made was taken before its report came, by 3, whose own accept() shows it;
 * then 4 had none, and entered with what it sent later.
 */
static void give_a_place_twice(void)
{
	start_full();
	sample(3);
	syn(3);
	syn_ack(3);
	syn(4);
	syn_ack(4);
	ack(3);
	pass(10);
	accepted(0);
	pass(10);
	ack(4);
}

Test(queues, a_place_is_given_once)
{
	give_a_place_twice();
	for (int i = 1; i < 4; i++) {
		pass(100);
		accepted(i);
	}
	pass(100);
	first_data(4);
	drops += 2;
	samples(60, 1);
	accepted(4);
	samples(60, 0);
	finish();
	cr_expect_eq(attempt_of(3)->causes_count, 0);
	assert_cause(4, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_BOUNDED, 1);
	cr_expect_eq(listeners[0].disagreements, 0);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_ACK_ACCEPT_FULL], 1);
	end();
}

/* The same, and the sample looks while 3 is accepted, before 4 has sent anything more. */
Test(queues, a_place_is_given_once_and_the_other_waits)
{
	struct event e = {.kind = EVENT_SAMPLE, .source = SOURCE_SAMPLER};

	give_a_place_twice();
	for (int i = 1; i < 3; i++) {
		pass(100);
		accepted(i);
	}
	pass(200);
	accepted(3);
	drops += 2;
	e.time_ns = now_ns + 2000;
	e.sample = (struct sample){.cookie = 1,
				   .before_ns = now_ns - 3000,
				   .depth = 1,
				   .limit = LIMIT,
				   .drops = drops,
				   .drops_known = true};
	deliver(&e);
	samples(60, 0);
	first_data(4);
	sample(1);
	accepted(4);
	samples(60, 0);
	finish();
	assert_cause(4, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_BOUNDED, 1);
	cr_expect_eq(attempt_of(4)->outcome, OUTCOME_ACCEPTED);
	cr_expect_eq(listeners[0].disagreements, 0);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_ACK_ACCEPT_FULL], 1);
	end();
}

Test(queues, a_syn_that_no_counter_saw_is_not_the_queues)
{
	start(1, true);
	sample(0);
	syn(1);
	pass(5000);
	looked_up_free(1);
	samples(60, 0);
	finish();
	cr_assert_eq(attempt_of(1)->outcome, OUTCOME_UNANSWERED);
	assert_cause(1, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_EXACT, 1);
	cr_assert_eq(listeners[0].drops, 0);
	end();
}

/* Of the drops that the first sample shows nobody knows when they were. */
Test(queues, what_came_before_the_first_sample_may_be_among_its_drops)
{
	start(1, true);
	syn(1);
	pass(50000);
	drops += 5;
	samples(60, 0);
	syn(2);
	pass(5000);
	looked_up_free(2);
	samples(60, 0);
	finish();
	cr_expect_eq(attempt_of(1)->outcome, OUTCOME_UNANSWERED);
	cr_expect_eq(attempt_of(1)->causes_count, 0);
	assert_cause(2, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_EXACT, 1);
	end();
}

/* It was full by then: inferred, and no more of what the next samples show. */
Test(queues, a_queue_that_was_full_before_the_first_sample)
{
	start(1, true);
	syn(1);
	pass(50000);
	drops += 5;
	samples(60, 3);
	syn(2);
	drops++;
	samples(60, 3);
	finish();
	assert_cause(1, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_INFERRED, 1);
	assert_cause(2, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 1);
	cr_expect_eq(listeners[0].sk_drops, 1);
	cr_expect_eq(listeners[0].disagreements, 0);
	end();
}

/* TIME_WAIT without timestamps counts nothing, and its ACK, or a SYN-ACK, may go unseen. */
Test(queues, what_a_syn_met_is_not_certain_unless_somebody_looked)
{
	start(1, true);
	sample(0);
	for (int i = 1; i < 5; i++)
		syn(i);
	looked_up_free(1); /* as of before */
	pass(5000);
	looked_up(2, 6, 0); /* TIME_WAIT */
	looked_up(3, 3, 0); /* a request */
	samples(60, 0);
	finish();
	assert_cause(1, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_INFERRED, 1);
	assert_cause(2, CAUSE_EXISTING_CONNECTION, CONFIDENCE_INFERRED, 1);
	assert_cause(3, CAUSE_ANSWER_STOPPED, CONFIDENCE_INFERRED, 1);
	assert_cause(4, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_INFERRED, 1);
	for (int i = 1; i < 5; i++)
		cr_expect_eq(attempt_of(i)->outcome, OUTCOME_UNANSWERED);
	end();
}

/* The queue is full, and a request of client 4 waits for its final ACK. */
static void fill_beside_a_request(void)
{
	start(1, false);
	sample(0);
	syn(4);
	syn_ack(4);
	handshake(1);
	pass(500);
	handshake(2);
	pass(500);
	handshake(3);
	pass(500);
	sample(3);
	sample(3);
}

/* Somebody looked, and nobody is accepted until the end. */
static void find_request(void)
{
	pass(2000);
	looked_up(4, 3, 0); /* SYN_RECV */
	samples(200, 3);
	finish();
}

Test(queues, a_firewall_may_drop_a_final_ack_beside_syns_that_a_full_queue_drops)
{
	fill_beside_a_request();
	syn(5);
	pass(10);
	syn(6);
	pass(10);
	ack(4);
	drops += 2; /* as many as of one final ACK, and ListenOverflows counts two */
	sample(3);
	find_request();
	assert_cause(5, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_INFERRED, 1);
	assert_cause(6, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_INFERRED, 1);
	assert_cause(4, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_INFERRED, 1);
	end();
}

Test(queues, beside_a_final_ack_without_effect_no_syn_was_certainly_stopped)
{
	fill_beside_a_request();
	syn(5);
	pass(10);
	ack(4);
	drop_acks(1);
	sample(3);
	pass(500);
	looked_up_free(5);
	find_request();
	assert_cause(5, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_INFERRED, 1);
	assert_cause(4, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_INFERRED, 1);
	end();
}

/* Two with cookies, as like as two of the same instant can be: who of them met the queue? */
Test(queues, beside_a_final_ack_without_effect_no_other_was_certainly_dropped)
{
	start(2, false);
	sample(0);
	for (int i = 0; i < 5; i++) {
		syn(i);
		syn_ack(i);
		cookies_wanted++;
	}
	for (int i = 0; i < 3; i++)
		ack(i);
	sample(3);
	pass(500);
	ack(3); /* a firewall takes it, or that of 4 */
	pass(10);
	ack(4);
	drops += 1;
	samples(60, 3);
	looked_up(3, 0, 0);
	looked_up(4, 0, 0);
	samples(60, 3);
	finish();
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK_FULL], 1);
	for (int i = 3; i < 5; i++)
		for (uint32_t c = 0; c < attempt_of(i)->causes_count; c++) {
			const struct attempt_cause *cause = &attempt_of(i)->causes[c];

			cr_expect(cause->cause == CAUSE_SYN_COOKIE ||
				      cause->confidence == CONFIDENCE_INFERRED,
				  "client %d: %s", i, cause_name(cause->cause));
		}
	end();
}

Test(queues, a_final_ack_on_a_full_queue_makes_a_zombie)
{
	start(1, false);
	sample(0);
	/* Four shake hands before the first of them is queued: one is too many. */
	for (int i = 0; i < 4; i++) {
		syn(i);
		syn_ack(i);
	}
	for (int i = 0; i < 4; i++)
		ack(i);
	drops += 1; /* the SYN queue was full for the last, so it has a cookie */
	sample(3);
	looked_up(3, 0, 0);
	samples(60, 3);
	finish();
	cr_expect_eq(attempt_of(3)->outcome, OUTCOME_ZOMBIE, "%s",
		     outcome_name(attempt_of(3)->outcome));
	assert_cause(3, CAUSE_COOKIE_ACK_DROPPED, CONFIDENCE_EXACT, 1);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(attempt_of(i)->outcome, OUTCOME_WAITING);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK_FULL], 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_SYN_COOKIE], 1);
	end();
}

Test(queues, a_request_repeats_its_syn_ack_and_recovers)
{
	start(0, false);
	sample(0);
	for (int i = 0; i < 3; i++)
		syn(i), syn_ack(i);
	for (int i = 0; i < 2; i++)
		ack(i);
	syn(3), syn_ack(3);
	ack(2);
	ack(3); /* dropped: its request stays */
	drop_acks(1);
	samples(60, 3);
	looked_up(0, 1, 77);
	sample(2);
	pass(900000);
	syn_ack(3);
	ack(3);
	samples(60, 3);
	looked_up(3, 1, 0);
	finish();
	assert_cause(3, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_EXACT, 1);
	cr_expect_eq(attempt_of(3)->outcome, OUTCOME_WAITING, "%s",
		     outcome_name(attempt_of(3)->outcome));
	cr_expect_eq(attempt_of(0)->outcome, OUTCOME_ACCEPTED);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_ACK_ACCEPT_FULL], 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_SYNACK_REPEATED], 1);
	end();
}

/* Its place in the queue is that of the ACK that entered, not that of the first. */
Test(queues, who_entered_late_is_not_overtaken)
{
	start(0, false);
	sample(0);
	for (int i = 0; i < 3; i++)
		syn(i), syn_ack(i);
	ack(0), ack(1);
	syn(3), syn_ack(3);
	ack(2);
	ack(3); /* refused */
	drop_acks(1);
	samples(60, 3);
	looked_up(3, 3, 0);
	looked_up(0, 1, 77);
	sample(2);
	pass(100000);
	handshake(4);
	sample(3);
	for (int i = 1; i < 3; i++)
		looked_up(i, 1, 77);
	looked_up(4, 1, 77); /* its first ACK came after that of 3 */
	samples(60, 0);
	pass(800000);
	syn_ack(3);
	ack(3);
	sample(1);
	looked_up(3, 1, 0);
	samples(60, 1);
	finish();
	cr_expect_eq(attempt_of(3)->outcome, OUTCOME_WAITING, "%s",
		     outcome_name(attempt_of(3)->outcome));
	assert_cause(3, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_EXACT, 1);
	end();
}

Test(queues, accepts_that_nobody_reports_are_seen_in_the_depth)
{
	start(1, false);
	sample(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
	sample(3);
	sample(1);
	handshake(4);
	handshake(5);
	samples(60, 3);
	sample(0);
	samples(60, 0);
	finish();
	cr_expect_eq(listeners[0].drops, 0);
	cr_expect_eq(listeners[0].queue_peak, 3);
	cr_expect_eq(listeners[0].rebuilt.points[listeners[0].rebuilt.count - 1].max, 0);
	end();
}

static int64_t counted_accepts(void)
{
	return queues_at(queues, 0)->counter.counts.accepts;
}

/* Each is counted once, when it becomes known, whatever shows it first. */
Test(queues, accepts_are_counted_as_they_become_known)
{
	start(1, false);
	sample(0);
	for (int i = 0; i < 3; i++) {
		handshake(i);
		pass(10);
		entered(i, (uint32_t)i);
		pass(20000);
	}
	cr_expect_eq(counted_accepts(), 0);
	sample(2);
	cr_expect_eq(counted_accepts(), 1);
	looked_up(0, 1, 77); /* as the sample has shown */
	cr_expect_eq(counted_accepts(), 1);
	looked_up(1, 1, 77); /* before a sample does */
	cr_expect_eq(counted_accepts(), 2);
	handshake(3);
	pass(10);
	entered(3, 0);
	cr_expect_eq(counted_accepts(), 3);
	samples(60, 0);
	finish();
	for (int i = 0; i < 4; i++)
		cr_expect_eq(attempt_of(i)->outcome, OUTCOME_ACCEPTED);
	cr_expect_eq(counted_accepts(), 4);
	end();
}

/* First in, first out: the first is known to be accepted by what was found of the second. */
Test(queues, an_accept_that_the_order_shows_is_counted_too)
{
	start(1, false);
	sample(0);
	for (int i = 0; i < 2; i++) {
		handshake(i);
		pass(10);
		entered(i, (uint32_t)i);
		pass(20000);
	}
	looked_up(1, 1, 77);
	finish();
	for (int i = 0; i < 2; i++)
		cr_expect_eq(attempt_of(i)->outcome, OUTCOME_ACCEPTED, "%d %s", i,
			     outcome_name(attempt_of(i)->outcome));
	cr_expect_eq(counted_accepts(), 2);
	end();
}

Test(queues, sk_drops_counts_from_the_first_reading_of_the_counters_to_the_last)
{
	start(1, true);
	sample(0);
	drops++; /* of a scanner, say */
	sample(0);
	count(COUNTERS_BEFORE);
	drops += 2;
	sample(0);
	count(COUNTERS_AFTER);
	drops++;
	sample(0);
	finish();
	cr_expect_eq(listeners[0].sk_drops, 2);
	end();
}

Test(queues, drops_beside_what_the_counters_were_read_for_are_counted_apart)
{
	start_full();
	samples(60, 3);
	syn(3);
	drops++;
	samples(60, 3);
	pass(1000);
	count(COUNTERS_AFTER);
	pass(1000);
	syn(4);
	drops++;
	for (int i = 0; i < 60; i++)
		sample_without_counters(3);
	finish();
	cr_expect_eq(listeners[0].drops, 2);
	cr_expect_eq(listeners[0].drops_beside, 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_SYN_ACCEPT_FULL], 1);
	end();
}

/* Each of its SYNs is answered by the connection of its addresses and ports that the server has. */
Test(queues, every_syn_that_an_old_connection_answers_is_counted)
{
	struct event e = {.kind = EVENT_COUNTERS, .source = SOURCE_SAMPLER};

	start(1, true);
	for (uint64_t i = 1; i <= 3; i++) {
		sample(0);
		syn(0);
		pass(30);
		send_segment(0, false, TCP_FLAG_ACK, 7000, 9000);
		pass(1000);
		e.time_ns = now_ns;
		e.counters = (struct counters){.when = COUNTERS_DURING,
					       .before_ns = now_ns - 500 * NS_PER_US,
					       .known = UINT64_C(1) << COUNTER_SYN_CHALLENGE};
		e.counters.value[COUNTER_SYN_CHALLENGE] = i;
		deliver(&e);
		for (int k = 0; k < 60; k++)
			sample_without_counters(0);
		pass(1000000);
	}
	finish();
	assert_cause(0, CAUSE_EXISTING_CONNECTION, CONFIDENCE_EXACT, 3);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_SYN_CHALLENGED], 3);
	end();
}

/* A bare ACK, of a listener with TCP_DEFER_ACCEPT, that makes no child. */
static uint32_t bare_ack(bool counted)
{
	struct event e = {.kind = EVENT_LISTENER, .source = SOURCE_SAMPLER};
	uint32_t causes;

	start(1, true);
	e.time_ns = now_ns;
	e.listener = (struct listener){.cookie = 1,
				       .local = server,
				       .change = LISTENER_CHANGED,
				       .limit = LIMIT,
				       .defer_accept_s = 9};
	deliver(&e);
	sample(0);
	handshake(0);
	if (counted) {
		drops++;
		not_overflows++;
		deferrals++;
	}
	samples(60, 0);
	finish();
	causes = attempt_of(0)->causes_count;
	if (counted)
		assert_cause(0, CAUSE_DEFER_ACCEPT, CONFIDENCE_EXACT, 1);
	end();
	return causes;
}

Test(queues, tcp_defer_accept_is_told_where_its_counter_moved)
{
	cr_expect_eq(bare_ack(true), 1);
	cr_expect_eq(bare_ack(false), 0);
}

/* Its SYN-ACK comes again before the bare ACK that was deferred is settled. */
Test(queues, a_bare_ack_is_deferred_once)
{
	struct event e = {.kind = EVENT_LISTENER, .source = SOURCE_SAMPLER};

	start(1, false);
	e.time_ns = now_ns;
	e.listener = (struct listener){.cookie = 1,
				       .local = server,
				       .change = LISTENER_CHANGED,
				       .limit = LIMIT,
				       .defer_accept_s = 1};
	deliver(&e);
	sample(0);
	handshake(0);
	drops++;
	not_overflows++;
	deferrals++;
	pass(1000);
	syn_ack(0);
	for (int i = 0; i < 60; i++)
		sample(0);
	finish();
	assert_cause(0, CAUSE_DEFER_ACCEPT, CONFIDENCE_EXACT, 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_DEFERRED_ACK], 1);
	end();
}

/* Nobody knows yet what the listener does with bare ACKs: its counter does. */
static void bare_acks_at_first(bool deferred)
{
	defer_accept_s = -1;
	start(1, false);
	defer_accept_s = 0;
	sample(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
	if (deferred) {
		drops += 3;
		not_overflows += 3;
		deferrals += 3;
	}
	pass(1000);
	samples(60, deferred ? 0 : 3);
	for (int i = 0; i < 3; i++)
		send_segment(i, true, TCP_FLAG_RST | TCP_FLAG_ACK, 101, 501);
	samples(60, deferred ? 0 : 3);
	finish();
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_DEFERRED_ACK], deferred ? 3 : 0);
	for (int i = 0; i < 3; i++) {
		cr_expect_neq(attempt_of(i)->outcome, OUTCOME_ACCEPTED);
		if (deferred)
			assert_cause(i, CAUSE_DEFER_ACCEPT, CONFIDENCE_INFERRED, 1);
	}
	end();
}

Test(queues, a_bare_ack_is_deferred_where_its_counter_says_so)
{
	bare_acks_at_first(true);
	bare_acks_at_first(false);
}

/* A cookie takes no data of the SYN: one that met TIME_WAIT got none, though all others do. */
Test(queues, who_enters_with_its_syn_had_no_cookie)
{
	start(2, false);
	sample(0);
	syn(0);
	send_segment(0, false, TCP_FLAG_SYN | TCP_FLAG_ACK, 500, 101 + 86);
	send_segment(0, true, TCP_FLAG_ACK, 101 + 86, 501);
	handshake(1);
	cookies_wanted++;
	for (int i = 0; i < 60; i++)
		sample(2);
	finish();
	for (uint32_t i = 0; i < attempt_of(0)->causes_count; i++)
		cr_expect_neq(attempt_of(0)->causes[i].cause, CAUSE_SYN_COOKIE);
	assert_cause(1, CAUSE_SYN_COOKIE, CONFIDENCE_EXACT, 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_SYN_COOKIE], 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK], 1);
	end();
}

/* Two processors may each take one of its segments for the ACK of its cookie. */
Test(queues, two_segments_at_once_may_be_counted_as_two_cookies)
{
	start(2, false);
	sample(0);
	handshake(0);
	cookies_wanted++;
	pass(20);
	first_data(0);
	for (int i = 0; i < 60; i++)
		sample(1);
	pass(20);
	send_segment(0, true, TCP_FLAG_ACK | TCP_FLAG_FIN, 187, 501);
	finish();
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK], 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_RACE], 1);
	end();
}

/* ListenDrops moved for a SYN, and nothing else: the answer is that of just after it. */
static void dropped_alone(bool asked, bool found, enum cause cause, enum confidence confidence)
{
	struct event e = {.kind = EVENT_ROUTE, .source = SOURCE_SAMPLER};

	start(1, true);
	sample(0);
	syn(0);
	drops++;
	only_drops++;
	pass(6000);
	e.time_ns = now_ns;
	e.route = (struct route_back){.flow = flow_of(0), .before_ns = now_ns - 10, .found = found};
	if (asked)
		deliver(&e);
	samples(60, 0);
	finish();
	assert_cause(0, cause, confidence, 1);
	end();
}

Test(queues, a_route_that_is_missing_is_told_by_the_kernel_s_own_answer)
{
	dropped_alone(false, false, CAUSE_NO_ROUTE, CONFIDENCE_INFERRED);
	dropped_alone(true, false, CAUSE_NO_ROUTE, CONFIDENCE_BOUNDED);
	dropped_alone(true, true, CAUSE_DISCARDED_BEFORE_QUEUE, CONFIDENCE_INFERRED);
}

/* Of three SYNs between two readings the full queue dropped two, and one had no signature. */
Test(queues, which_of_several_lacked_a_signature_is_not_certain)
{
	start_full();
	samples(60, 3);
	for (int i = 3; i < 6; i++)
		syn(i);
	drops += 3;
	not_overflows++;
	unsigned_ones++;
	samples(60, 3);
	finish();
	for (int i = 3; i < 6; i++) {
		cr_assert_eq(attempt_of(i)->causes_count, 1);
		cr_expect_eq(attempt_of(i)->causes[0].confidence, CONFIDENCE_INFERRED, "%d: %s", i,
			     cause_name(attempt_of(i)->causes[0].cause));
	}
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_SYN_ACCEPT_FULL], 2);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_MD5_NOT_FOUND], 1);
	end();
}

static void own(const char *address)
{
	struct event e = {.kind = EVENT_ADDRESS, .source = SOURCE_SAMPLER, .time_ns = now_ns};

	struct endpoint endpoint;

	cr_assert_eq(endpoint_parse(address, &endpoint), 0);
	e.address.prefix = (struct address_prefix){.address = endpoint.address, .bits = 128};
	deliver(&e);
}

/* A failover: the virtual IP comes to this host between a client's SYNs. */
Test(queues, a_syn_that_is_sent_again_meets_the_listener_of_an_address_that_came)
{
	start(1, true);
	own("10.0.0.9:80");
	sample(0);
	syn(0);
	samples(60, 0);
	own("10.0.0.1:80");
	handshake(0);
	samples(60, 1);
	finish();
	cr_expect_eq(attempt_of(0)->role, ROLE_INBOUND);
	cr_expect_eq(attempt_of(0)->listener, 0);
	cr_expect_eq(attempt_of(0)->syns, 2);
	cr_expect_not(attempt_of(0)->not_here);
	end();
}

/* Another listener's packets have too small a TTL: at the same time as one here lacks a signature.
 */
static void drop_beside_another(int i)
{
	syn(i);
	drops++;
	not_overflows++;
	unsigned_ones++;
	far_ones++;
	for (int n = 0; n < 60; n++)
		sample(0);
}

Test(queues, of_several_reasons_it_is_the_one_that_this_listener_is_known_for)
{
	start(1, true);
	sample(0);
	drop_beside_another(0);
	syn(1);
	drops++;
	not_overflows++;
	unsigned_ones++;
	for (int n = 0; n < 60; n++)
		sample(0);
	drop_beside_another(2);
	finish();
	cr_assert_eq(attempt_of(0)->causes_count, 1);
	cr_expect_eq(attempt_of(0)->causes[0].cause, CAUSE_DISCARDED_BEFORE_QUEUE);
	cr_expect_eq(attempt_of(0)->causes[0].confidence, CONFIDENCE_INFERRED);
	assert_cause(1, CAUSE_MD5_MISMATCH, CONFIDENCE_BOUNDED, 1);
	cr_assert_eq(attempt_of(2)->causes_count, 1);
	cr_expect_eq(attempt_of(2)->causes[0].cause, CAUSE_MD5_MISMATCH);
	end();
}

Test(queues, scanners_raise_sk_drops_and_drop_nothing)
{
	start(1, true);
	sample(0);
	for (int i = 0; i < 2; i++) {
		syn(i);
		syn_ack(i);
		send_segment(i, true, TCP_FLAG_RST, 101, 0);
	}
	drops += 2;
	samples(60, 0);
	finish();
	for (int i = 0; i < 2; i++)
		cr_expect_eq(attempt_of(i)->outcome, OUTCOME_ABORTED);
	cr_expect_eq(listeners[0].drops, 0);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_RST_SYN_RECV], 2);
	end();
}

/* What only who has accepted a connection can do. */
Test(queues, a_server_that_spoke_had_accepted)
{
	int64_t spoke_ns;

	start(1, false);
	sample(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
	pass(200);
	spoke_ns = now_ns;
	send_segment(0, false, TCP_FLAG_FIN | TCP_FLAG_ACK, 501, 101);
	send_segment(1, true, TCP_FLAG_ACK, 101, 501 + 50); /* of the server's data */
	pass(100);
	looked_up(2, 5, 0); /* FIN_WAIT2: it has no inode any more */
	samples(60, 0);
	finish();
	for (int i = 0; i < 3; i++) {
		const struct attempt *a = attempt_of(i);

		cr_expect_eq(a->outcome, OUTCOME_ACCEPTED, "%d %s", i, outcome_name(a->outcome));
		cr_expect_eq(a->accept_before_ns, spoke_ns + (i == 2 ? 100 * NS_PER_US : 0));
		cr_expect_eq(a->accept_after_ns, a->ack_ns);
		cr_expect_eq(a->accept_ns, TIME_UNKNOWN);
	}
	end();
}

/* The first may have been accepted at once, and nobody looked; the second was seen waiting. */
Test(queues, an_accept_is_late_when_it_cannot_have_been_in_time)
{
	const struct attempt *a;

	start(1, false);
	sample(0);
	handshake(0);
	handshake(1);
	pass(200000);
	looked_up(0, 1, 1000);
	looked_up_since(1, 1, 1001, now_ns - 80 * NS_PER_MS);
	sample(0);
	finish();
	a = attempt_of(0);
	cr_expect_geq(a->queue_wait_ns, 200 * NS_PER_MS);
	cr_expect_eq(a->causes_count, 0);
	a = attempt_of(1);
	cr_assert_eq(a->causes_count, 1);
	cr_expect_eq(a->causes[0].cause, CAUSE_SLOW_ACCEPT);
	cr_expect_eq(a->causes[0].confidence, CONFIDENCE_BOUNDED);
	end();
}

/* The look was late, and found what is left of the one before: TIME_WAIT. */
Test(queues, what_nobody_has_answered_is_not_accepted)
{
	start(1, false);
	sample(0);
	syn(0);
	looked_up(0, 6, 0);
	samples(60, 0);
	finish();
	cr_expect_eq(attempt_of(0)->outcome, OUTCOME_UNANSWERED);
	cr_expect_eq(attempt_of(0)->accept_before_ns, TIME_UNKNOWN);
	end();
}

Test(queues, a_listener_that_resets_had_not_accepted)
{
	start(1, false);
	sample(0);
	handshake(0);
	send_segment(0, false, TCP_FLAG_RST | TCP_FLAG_ACK, 501, 101);
	finish();
	cr_expect_eq(attempt_of(0)->outcome, OUTCOME_RESET);
	end();
}

/* The queue looked full to the ACK, and to the data behind it, until a sample said otherwise. */
static void ack_and_data_between_samples(uint32_t dropped)
{
	start(1, false);
	sample(0);
	for (int i = 0; i < 4; i++) {
		syn(i);
		syn_ack(i); /* of the last a cookie: the SYN queue was full */
	}
	for (int i = 0; i < 3; i++)
		ack(i);
	samples(60, 3);
	pass(6000);
	ack(3);
	drops += dropped;
	pass(100);
	send_segment(3, true, TCP_FLAG_ACK | TCP_FLAG_PSH, 101, 501);
	pass(100);
	send_segment(3, true, TCP_FLAG_ACK, 151, 501 + 50);
	pass(6000);
	samples(60, 0);
	finish();
	cr_expect_eq(attempt_of(3)->outcome, OUTCOME_ACCEPTED);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK], 1);
}

Test(queues, the_ack_that_the_socket_did_not_drop_had_entered)
{
	ack_and_data_between_samples(0);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK_FULL], 0);
	for (uint32_t i = 0; i < attempt_of(3)->causes_count; i++)
		cr_expect(!cause_is_drop(attempt_of(3)->causes[i].cause));
	end();
}

Test(queues, the_ack_that_the_socket_dropped_had_not)
{
	ack_and_data_between_samples(1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK_FULL], 1);
	assert_cause(3, CAUSE_COOKIE_ACK_DROPPED, CONFIDENCE_BOUNDED, 1);
	end();
}

/* A place is made, an entry is told: it was that of the ACK, or of the data right behind it. */
static void ack_and_data_right_before_the_entry(bool exact, uint32_t dropped)
{
	start(1, exact);
	sample(0);
	for (int i = 0; i < 4; i++) {
		syn(i);
		syn_ack(i); /* of the last a cookie: the SYN queue was full */
	}
	for (int i = 0; i < 3; i++) {
		ack(i);
		pass(5);
		entered(i, (uint32_t)i);
	}
	pass(5);
	ack(3);
	drops += dropped;
	pass(20);
	if (exact)
		accepted(0);
	pass(250);
	first_data(3);
	pass(15);
	entered(3, 2);
	pass(15);
	send_segment(3, false, TCP_FLAG_ACK, 501, 101 + 86);
	pass(6000);
	samples(60, 3);
	for (int i = 1; i < 4 && exact; i++)
		accepted(i);
	samples(60, 0);
	finish();
	cr_expect_eq(attempt_of(3)->outcome, OUTCOME_ACCEPTED);
	cr_expect_eq(listeners[0].disagreements, 0);
	cr_expect_eq(listeners[0].sk_drops, dropped);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK], 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK_FULL], dropped);
	if (dropped)
		assert_cause(3, CAUSE_COOKIE_ACK_DROPPED, CONFIDENCE_BOUNDED, 1);
	end();
}

Test(queues, an_entry_right_behind_two_segments_is_of_the_one_that_was_not_dropped)
{
	for (int exact = 0; exact < 2; exact++)
		for (uint32_t dropped = 0; dropped < 2; dropped++)
			ack_and_data_right_before_the_entry(exact, dropped);
}

/* Where somebody waits already, the kernel tells whose queue it entered. */
Test(queues, of_siblings_the_entry_tells_which)
{
	start(1, false);
	join(2);
	for (int i = 0; i < 3; i++) {
		handshake(i);
		now_ns++;
		entered_at(i, (uint64_t)i, i > 0);
	}
	cr_assert_eq(tracker_finish(tracker, now_ns), 0);
	cr_assert_eq(queues_report(queues, &listeners), 2);
	cr_assert_eq(got_count, 3);
	cr_expect_eq(got[0].listener, -1);
	cr_expect_eq(got[1].listener, 0);
	cr_expect_eq(got[2].listener, 1);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(listeners[i].attempts, 1);
		cr_expect_eq(listeners[i].group_attempts, 1);
	}
	end();
}

/* The kernel tells of each that a full queue drops: the other was taken by something in front of
 * it. */
Test(queues, a_syn_that_is_not_told_of_met_no_full_queue)
{
	struct event e = {.kind = EVENT_DROP, .source = SOURCE_BPF};

	entries_told = drops_told = true;
	start(1, false);
	entries_told = drops_told = false;
	sample(0);
	for (int i = 0; i < 3; i++) {
		handshake(i);
		entered(i, (uint32_t)i);
		pass(5);
	}
	sample(3);
	pass(500);
	syn(3);
	e.time_ns = ++now_ns;
	e.drop = (struct queue_drop){.flow = flow_of(3),
				     .listener = 1,
				     .depth = 3,
				     .limit = LIMIT,
				     .place = DROP_SYN_ACCEPT_QUEUE};
	deliver(&e);
	drops++;
	pass(10);
	syn(4);
	samples(80, 3);
	finish();
	assert_cause(3, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 1);
	assert_cause(4, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_INFERRED, 1);
	end();
}

/* First in, first out, in the queue of each of them: who was reset there comes out all the same. */
Test(queues, of_siblings_the_depth_of_each_tells_who_was_accepted)
{
	start(1, false);
	join(2);
	for (int i = 0; i < 2; i++) {
		handshake(i);
		now_ns++;
		entered_at(i, (uint64_t)i + 1, 0);
		pass(2000);
		send_segment(i, true, TCP_FLAG_RST | TCP_FLAG_ACK, 101, 501);
	}
	for (int i = 0; i < 20; i++)
		for (uint64_t cookie = 1; cookie <= 2; cookie++)
			sample_of(cookie, cookie == 2, 0);
	cr_assert_eq(tracker_finish(tracker, now_ns), 0);
	cr_assert_eq(queues_report(queues, &listeners), 2);
	cr_expect_eq(attempt_of(0)->outcome, OUTCOME_ACCEPTED);
	cr_expect_eq(attempt_of(0)->listener, 0);
	cr_expect_eq(attempt_of(1)->outcome, OUTCOME_RESET);
	end();
}

/* A RST answers what is no cookie any more; what came before it had met a full queue. */
Test(queues, what_was_dropped_before_a_reset_was_dropped)
{
	entries_told = true;
	start(2, false);
	entries_told = false;
	sample(0);
	fill_with_cookies();
	ack(3);
	pass(1000);
	first_data(3);
	pass(5);
	send_segment(3, true, TCP_FLAG_ACK | TCP_FLAG_FIN, 187, 501);
	pass(2);
	send_segment(3, false, TCP_FLAG_RST, 501, 0);
	drops += 2;
	samples(80, 3);
	finish();
	cr_expect_eq(listeners[0].disagreements, 0);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK_FULL], 2);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_BAD], 1);
	end();
}

/* The timer sent it when the final ACK was at work: it is no proof against what the kernel tells.
 */
Test(queues, a_syn_ack_on_its_way_refuses_nobody_who_has_entered)
{
	entries_told = drops_told = true;
	start(1, false);
	entries_told = drops_told = false;
	sample(0);
	handshake(0);
	pass(5);
	entered(0, 0);
	pass(100);
	syn_ack(0);
	samples(60, 1);
	finish();
	cr_expect_eq(attempt_of(0)->outcome, OUTCOME_WAITING);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_SYNACK_REPEATED], 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_ACK_ACCEPT_FULL], 0);
	end();
}

/* An ACK behind its end that is a valid cookie by chance: another connection, of nobody's SYN. */
Test(queues, who_enters_again_without_a_syn_is_somebody_else)
{
	struct event e = {.kind = EVENT_ACCEPT, .source = SOURCE_BPF};
	int64_t entered_ns, accept_ns;

	start(1, false);
	sample(0);
	handshake(0);
	pass(5);
	entered_ns = now_ns;
	entered(0, 0);
	sample(1);
	accept_ns = e.time_ns = now_ns;
	e.accept = (struct server_accept){.flow = flow_of(0), .before_ns = now_ns, .pid = 9};
	deliver(&e);
	first_data(0);
	send_segment(0, false, TCP_FLAG_ACK | TCP_FLAG_FIN, 501, 187);
	send_segment(0, true, TCP_FLAG_ACK | TCP_FLAG_FIN, 187, 502);
	samples(20, 0);
	entered(0, 0);
	samples(20, 1);
	e.time_ns = now_ns;
	e.accept = (struct server_accept){.flow = flow_of(0), .before_ns = now_ns, .pid = 10};
	deliver(&e);
	samples(20, 0);
	finish();
	cr_expect_eq(attempt_of(0)->entered_ns, entered_ns);
	cr_expect_eq(attempt_of(0)->accept_ns, accept_ns);
	cr_expect_eq(attempt_of(0)->accept_pid, 9);
	end();
}

/* Between the two the child is in SYN_RECV itself, for as long as its processor is held up. */
Test(queues, a_look_at_who_has_just_entered_refuses_nobody)
{
	start(1, false);
	sample(0);
	handshake(1);
	now_ns++;
	entered(1, 0);
	pass(900);
	looked_up(1, 3, 0); /* SYN_RECV */
	samples(60, 1);
	finish();
	cr_expect_eq(attempt_of(1)->causes_count, 0);
	cr_expect_eq(attempt_of(1)->outcome, OUTCOME_WAITING);
	end();
}

/* Its FIN is the first segment that is seen: what the server sent before it is not known. */
Test(queues, who_waited_before_observation_may_have_had_a_reply)
{
	struct event e = {.kind = EVENT_WAITING, .source = SOURCE_SAMPLER};

	start(1, true);
	e.time_ns = now_ns;
	e.waiting = (struct waiting){.flow = flow_of(0),
				     .before_ns = now_ns - 1000,
				     .born_ns = now_ns - 2000,
				     .listener = 1,
				     .state = 1};
	deliver(&e);
	accepted(0);
	send_segment(0, false, TCP_FLAG_ACK | TCP_FLAG_FIN, 589, 187);
	sample(0);
	finish();
	cr_assert_eq(got_count, 1);
	cr_expect_eq(got[0].outcome, OUTCOME_ACCEPTED);
	cr_expect_null(attempt_find_cause(&got[0], CAUSE_CLOSED_UNSERVED));
	end();
}

/* The list was made after this, and the look for its age, some time later, found it accepted. */
Test(queues, who_was_accepted_while_it_was_listed_had_not_been_before)
{
	struct event e = {.kind = EVENT_WAITING, .source = SOURCE_SAMPLER};
	int64_t asked_ns = now_ns - 300000;

	start(1, true);
	e.time_ns = now_ns;
	e.waiting = (struct waiting){.flow = flow_of(0),
				     .before_ns = asked_ns,
				     .born_ns = TIME_UNKNOWN,
				     .listener = 1,
				     .state = 1};
	deliver(&e);
	looked_up(0, 1, 4711);
	sample(0);
	finish();
	cr_assert_eq(got_count, 1);
	cr_expect_eq(got[0].outcome, OUTCOME_ACCEPTED);
	cr_expect_eq(got[0].accept_after_ns, asked_ns);
	end();
}

/* Without packets the depth tells that somebody was accepted: nothing else takes anybody out. */
Test(queues, samples_alone_show_that_somebody_was_accepted)
{
	struct event e = {.kind = EVENT_ACTIVITY, .source = SOURCE_SAMPLER};

	start(1, false);
	for (int i = 0; i < 40; i++) {
		sample(i % 2 ? 2 : 3);
		pass(100000);
		e.time_ns = now_ns;
		e.activity =
		    (struct owner_activity){.cookie = 1, .pid = 9, .state = 'S', .threads = 1};
		deliver(&e);
	}
	cr_expect_eq(queue_accepts(queues_at(queues, 0)), 20);
	cr_expect_gt(queues_at(queues, 0)->stalls.sum.taken, 10);
	finish();
	end();
}

/* An owner, a child of it that was not looked at, another process, and one that ends on its own. */
Test(queues, owners_that_a_signal_ended_are_known)
{
	static const struct proc_exit exits[] = {
	    {9, 9, 9}, {10, 10, 139}, {11, 11, 9}, {12, 12, 256}};
	struct event e = {.kind = EVENT_OWNER, .source = SOURCE_SAMPLER};
	const struct sizing_exit *killed;
	size_t count;

	start(1, false);
	sample(0);
	for (int32_t pid = 9; pid <= 12; pid += 3) {
		e.time_ns = now_ns;
		e.owner = (struct owner_change){
		    .cookie = 1, .pid = pid, .owns = true, .before_ns = TIME_UNKNOWN};
		deliver(&e);
	}
	pass(1000);
	e = (struct event){.kind = EVENT_PROC_FORK, .source = SOURCE_PROC, .time_ns = now_ns};
	e.proc_fork = (struct proc_fork){.parent_pid = 9, .child_pid = 10, .child_tid = 10};
	deliver(&e);
	for (int i = 3; i >= 0; i--) {
		pass(1000);
		e = (struct event){
		    .kind = EVENT_PROC_EXIT, .source = SOURCE_PROC, .time_ns = now_ns};
		e.proc_exit = exits[i];
		deliver(&e);
	}
	killed = queues_killed_owners(queues, 0, &count);
	cr_assert_eq(count, 2);
	cr_expect_eq(killed[0].pid, 10);
	cr_expect_eq(killed[0].signal, 11);
	cr_expect_eq(killed[1].pid, 9);
	cr_expect_eq(killed[1].signal, 9);
	finish();
	end();
}

/* Two final ACKs of requests on a full queue are reset; the counters move for so many of them. */
static void reset_two(uint32_t counted)
{
	aborts = 1;
	embryonic = 0;
	start(1, false);
	sample(0);
	for (int i = 4; i < 6; i++) {
		syn(i);
		syn_ack(i);
	}
	for (int i = 1; i < 4; i++) {
		handshake(i);
		pass(500);
	}
	sample(3);
	sample(3);
	for (int i = 4; i < 6; i++) {
		ack(i);
		send_segment(i, false, TCP_FLAG_RST, 501, 0);
	}
	drop_acks(2);
	embryonic = counted;
	samples(200, 3);
	finish();
	aborts = 0;
	embryonic = 0;
	for (int i = 4; i < 6; i++) {
		enum confidence sure = counted == 2 ? CONFIDENCE_EXACT : CONFIDENCE_INFERRED;

		cr_expect_eq(attempt_of(i)->outcome, OUTCOME_RESET);
		assert_cause(i, CAUSE_SERVER_RESET, sure, 1);
	}
	end();
}

Test(queues, the_counter_of_reset_requests_tells_that_the_kernel_reset_them)
{
	reset_two(2);
}

Test(queues, one_of_two_resets_may_be_a_firewalls)
{
	reset_two(1);
}

/* The server's first data. */
static void reply(int client)
{
	struct event e = {.kind = EVENT_SEGMENT, .source = SOURCE_CAPTURE, .time_ns = now_ns};

	e.segment.flow = flow_of(client);
	e.segment.flow = flow_reverse(&e.segment.flow);
	e.segment.flags = TCP_FLAG_ACK | TCP_FLAG_PSH;
	e.segment.seq = 501;
	e.segment.ack = 111;
	e.segment.payload = 10;
	deliver(&e);
}

Test(queues, how_long_a_client_waits_after_accept)
{
	start_full();
	/* One asks before it is accepted, one later; and one asks for nothing. */
	first_data(0);
	pass(1000);
	for (int i = 0; i < 3; i++)
		accepted(i);
	pass(2000000);
	first_data(1);
	pass(1000000);
	reply(0);
	reply(1);
	finish();
	cr_expect_eq(attempt_of(0)->answer_wait_ns, 3 * NS_PER_SEC);
	cr_expect_eq(attempt_of(1)->answer_wait_ns, NS_PER_SEC);
	cr_expect_eq(attempt_of(2)->answer_wait_ns, -1);
	cr_expect_not(attempt_of(0)->silent);
	cr_expect_not(attempt_of(1)->silent);
	cr_expect(attempt_of(2)->silent);
	end();
}

/* A second listener of the same port, which is bound to lo: from where a client came nobody knows.
 */
static void bind_another(uint64_t cookie)
{
	struct event e = {.kind = EVENT_LISTENER, .source = SOURCE_SAMPLER, .time_ns = now_ns};

	e.listener = (struct listener){.cookie = cookie,
				       .local = server,
				       .limit = LIMIT,
				       .interface = 1,
				       .device_ports_count = 0};
	deliver(&e);
}

/* The one that is there may be the other: that nobody has left is not shown. */
Test(queues, who_may_be_of_another_listener_proves_nothing_of_who_waits_here)
{
	start(1, false);
	sample(0);
	handshake(0);
	pass(5);
	entered(0, 0);
	pass(10000);
	sample(1);
	pass(10000);
	bind_another(2);
	handshake(1);
	pass(5);
	entered_at(1, 0, 0);
	pass(10000);
	samples(3, 1);
	samples(3, 0);
	cr_assert_eq(tracker_finish(tracker, now_ns), 0);
	cr_expect_eq(attempt_of(1)->listener, -1);
	cr_expect_eq(attempt_of(0)->outcome, OUTCOME_ACCEPTED);
	cr_expect_lt(attempt_of(0)->accept_after_ns, attempt_of(1)->syn_ns);
	end();
}

/* One of two SYNs was dropped here; the other one may have met another listener, or this one. */
Test(queues, beside_a_syn_of_another_listener_no_drop_is_certain)
{
	start_full();
	samples(60, 3);
	syn(3);
	bind_another(2);
	pass(10);
	syn(4);
	drops++;
	samples(60, 3);
	pass(5000000);
	cr_assert_eq(tracker_finish(tracker, now_ns), 0);
	cr_expect_eq(attempt_of(4)->listener, -1);
	assert_cause(3, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_INFERRED, 1);
	end();
}

/*
 * 3 came to a sibling that is found later, and was accepted there between its final ACK
 * and its data; the queue of the listener that was known was full, and dropped two SYNs.
 */
static void come_to_a_sibling_that_is_found_later(void)
{
	struct event e = {.kind = EVENT_SAMPLE, .source = SOURCE_SAMPLER};

	start(1, false);
	sample(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
	samples(60, 3);
	handshake(3);
	syn(4);
	syn(5);
	drops += 2;
	pass(900);
	first_data(3);
	pass(40);
	looked_up(3, 1, 77); /* ESTABLISHED */
	pass(1000);
	join(2);
	e.sample = (struct sample){.cookie = 2, .limit = LIMIT, .drops_known = true};
	for (int i = 0; i < 60; i++) {
		sample(3);
		e.sample.before_ns = now_ns - 500;
		e.time_ns = now_ns;
		deliver(&e);
	}
	pass(5000000);
	cr_assert_eq(tracker_finish(tracker, now_ns), 0);
}

Test(queues, who_came_before_a_sibling_was_found_may_be_of_that_one)
{
	come_to_a_sibling_that_is_found_later();
	cr_expect_eq(attempt_of(3)->outcome, OUTCOME_ACCEPTED);
	cr_expect_eq(attempt_of(3)->causes_count, 0);
	cr_expect_eq(attempt_of(3)->accept_after_ns, attempt_of(3)->ack_ns);
	cr_expect_eq(attempt_of(3)->entered_ns, attempt_of(3)->ack_ns);
	end();
}

/* A list of the sockets of this namespace shows its own: it has sent so many SYNs. */
static void listed_as_client(int client, uint32_t syns)
{
	struct event e = {.kind = EVENT_WAITING, .source = SOURCE_SAMPLER, .time_ns = now_ns};

	e.waiting = (struct waiting){.flow = flow_of(client),
				     .before_ns = now_ns - 1000,
				     .born_ns = TIME_UNKNOWN,
				     .state = 2,
				     .syns = syns};
	deliver(&e);
}

/* The first SYN that is captured may be its second, though no gap shows it. */
Test(queues, who_has_sent_more_syns_than_were_captured_began_before)
{
	start(1, true);
	sample(0);
	for (int i = 0; i < 5; i++)
		syn(i);
	pass(300000);
	listed_as_client(0, 1);
	listed_as_client(1, 2);
	listed_as_client(2, 0); /* an older recording */
	pass(700000);
	syn(3);
	listed_as_client(3, 2);
	listed_as_client(4, 3);
	for (int i = 0; i < 5; i++)
		syn(i);
	sample(0);
	finish();
	for (int i = 0; i < 5; i++)
		cr_expect_eq(attempt_of(i)->began_before, i == 1 || i == 4, "client %d", i);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_LOCAL_SYN_REPEATED], 2);
	end();
}

/* Of two listeners, one of them bound to lo, it is the one that the connection is bound as. */
Test(queues, what_a_connection_is_bound_to_tells_its_listener)
{
	struct event e = {.kind = EVENT_ENTRY, .source = SOURCE_BPF};

	start(1, false);
	bind_another(2);
	for (int i = 0; i < 4; i++) {
		handshake(i);
		pass(5);
		e.time_ns = now_ns;
		/* To none; to lo; not told; to a device that no listener is bound to. */
		e.entry = (struct queue_entry){
		    .flow = flow_of(i), .limit = LIMIT, .bound = i < 3 ? (1 + i) % 3 : 7};
		deliver(&e);
	}
	pass(5000000);
	cr_assert_eq(tracker_finish(tracker, now_ns), 0);
	cr_expect_eq(attempt_of(0)->listener, 0);
	cr_expect_eq(attempt_of(1)->listener, 1);
	cr_expect_eq(attempt_of(2)->listener, -1);
	cr_expect_eq(attempt_of(3)->listener, -1);
	cr_expect_eq(queues_undecided(queues), 2);
	end();
}

static void listener_is(uint64_t cookie, enum listener_change change)
{
	struct event e = {.kind = EVENT_LISTENER, .source = SOURCE_SAMPLER, .time_ns = ++now_ns};

	e.listener =
	    (struct listener){.cookie = cookie, .local = server, .limit = LIMIT, .change = change};
	deliver(&e);
}

/* A packet is captured some microseconds before it meets a listener. */
Test(queues, who_entered_after_its_listener_closed_is_of_the_next_one)
{
	start(1, false);
	sample(0);
	syn(0);
	pass(3);
	listener_is(1, LISTENER_CLOSED);
	listener_is(2, LISTENER_SEEN);
	pass(3);
	syn_ack(0);
	ack(0);
	pass(5);
	entered_at(0, 0, 0);
	pass(1000);
	looked_up(0, 1, 77); /* ESTABLISHED */
	pass(5000000);
	cr_assert_eq(tracker_finish(tracker, now_ns), 0);
	cr_expect_eq(attempt_of(0)->outcome, OUTCOME_ACCEPTED);
	cr_expect_eq(attempt_of(0)->listener, 1);
	cr_expect_geq(attempt_of(0)->accept_before_ns, attempt_of(0)->entered_ns);
	end();
}

/* On a slow machine the counters are read for the first time long after packets are captured. */
Test(queues, what_was_settled_before_the_first_reading_is_not_compared)
{
	start(1, true);
	sample_without_counters(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
	for (int i = 0; i < 60; i++)
		sample_without_counters(3);
	syn(3);
	drops++;
	for (int i = 0; i < 160; i++)
		sample_without_counters(3);
	count(COUNTERS_BEFORE);
	syn(4);
	drops++;
	for (int i = 0; i < 160; i++)
		sample(3);
	finish();
	cr_expect_eq(listeners[0].drops, 2);
	cr_expect_eq(listeners[0].drops_beside, 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_SYN_ACCEPT_FULL], 1);
	end();
}
