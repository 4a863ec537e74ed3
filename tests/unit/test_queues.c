#include "report/queue/queue.h"

#include <criterion/criterion.h>

#include "listener_stage.h"

Test(queues, syns_on_a_full_queue_are_dropped_by_name)
{
	start(1, true);
	sample(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
	for (int i = 3; i < 6; i++)
		syn(i);
	drops += 3;
	for (int i = 0; i < 60; i++)
		sample(3);
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
	for (int i = 0; i < 60; i++)
		sample(0);
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
	start(1, true);
	sample(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
	for (int i = 0; i < 60; i++)
		sample(3);
	syn(3);
	for (int i = 0; i < 3; i++)
		sample(3);
	drops++;
	for (int i = 0; i < 60; i++)
		sample(3);
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

	start(1, true);
	sample(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
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
	for (int i = 0; i < 60; i++)
		sample(3);
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
	start(1, true);
	sample(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
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
	for (int i = 0; i < 60; i++)
		sample(1);
	accepted(4);
	for (int i = 0; i < 60; i++)
		sample(0);
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
	for (int i = 0; i < 60; i++)
		sample(0);
	first_data(4);
	sample(1);
	accepted(4);
	for (int i = 0; i < 60; i++)
		sample(0);
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
	for (int i = 0; i < 60; i++)
		sample(0);
	finish();
	cr_assert_eq(attempt_of(1)->outcome, OUTCOME_UNANSWERED);
	assert_cause(1, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_EXACT, 1);
	cr_assert_eq(listeners[0].drops, 0);
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
	for (int i = 0; i < 60; i++)
		sample(0);
	finish();
	assert_cause(1, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_INFERRED, 1);
	assert_cause(2, CAUSE_EXISTING_CONNECTION, CONFIDENCE_INFERRED, 1);
	assert_cause(3, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_INFERRED, 1);
	assert_cause(4, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_INFERRED, 1);
	for (int i = 1; i < 5; i++)
		cr_expect_eq(attempt_of(i)->outcome, OUTCOME_UNANSWERED);
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
	for (int i = 0; i < 60; i++)
		sample(3);
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
	for (int i = 0; i < 60; i++)
		sample(3);
	looked_up(0, 1, 77);
	sample(2);
	pass(900000);
	syn_ack(3);
	ack(3);
	for (int i = 0; i < 60; i++)
		sample(3);
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
	for (int i = 0; i < 60; i++)
		sample(3);
	looked_up(3, 3, 0);
	looked_up(0, 1, 77);
	sample(2);
	pass(100000);
	handshake(4);
	sample(3);
	for (int i = 1; i < 3; i++)
		looked_up(i, 1, 77);
	looked_up(4, 1, 77); /* its first ACK came after that of 3 */
	for (int i = 0; i < 60; i++)
		sample(0);
	pass(800000);
	syn_ack(3);
	ack(3);
	sample(1);
	looked_up(3, 1, 0);
	for (int i = 0; i < 60; i++)
		sample(1);
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
	for (int i = 0; i < 60; i++)
		sample(3);
	sample(0);
	for (int i = 0; i < 60; i++)
		sample(0);
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
	for (int i = 0; i < 60; i++)
		sample(0);
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
	for (int i = 0; i < 60; i++)
		sample(0);
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
	for (int i = 0; i < 60; i++)
		sample(0);
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
	for (int i = 0; i < 60; i++)
		sample(0);
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
	for (int i = 0; i < 60; i++)
		sample(3);
	pass(6000);
	ack(3);
	drops += dropped;
	pass(100);
	send_segment(3, true, TCP_FLAG_ACK | TCP_FLAG_PSH, 101, 501);
	pass(100);
	send_segment(3, true, TCP_FLAG_ACK, 151, 501 + 50);
	pass(6000);
	for (int i = 0; i < 60; i++)
		sample(0);
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
	for (int i = 0; i < 60; i++)
		sample(3);
	for (int i = 1; i < 4 && exact; i++)
		accepted(i);
	for (int i = 0; i < 60; i++)
		sample(0);
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
