#include "report/queue/search/beam.h"

#include <criterion/criterion.h>

#include "listener_stage.h"

/* Clients 0, 1 and 2 fill the queue; further ones have a request or, beyond three, a cookie. */
static void fill(void)
{
	start(1, false);
	sample(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
	sample(3);
}

static void answered(int client)
{
	syn(client);
	syn_ack(client);
	pass(10);
}

static void data(int client)
{
	send_segment(client, true, TCP_FLAG_ACK | TCP_FLAG_PSH, 101, 501);
}

static void assert_not_dropped(int client)
{
	const struct attempt *a = attempt_of(client);

	for (uint32_t i = 0; i < a->causes_count; i++)
		cr_expect(!cause_is_drop(a->causes[i].cause), "client %d: %s", client,
			  cause_name(a->causes[i].cause));
}

static uint64_t tally(enum tally t)
{
	return queues_tallies(queues, 0)[t];
}

/* There was room when their SYNs came: client 0 had left. */
static void two_for_one_place(int requests)
{
	start(1, false);
	sample(0);
	handshake(0);
	handshake(1);
	pass(2000); /* what came before is over */
	for (int i = 2; i < 2 + requests; i++)
		answered(i);
	sample(2);
	pass(200);
}

Test(beam, the_weight_of_its_ack_tells_who_was_refused)
{
	/* 2, 3, 4 have requests, 5 a cookie. */
	two_for_one_place(4);
	ack(2); /* the last place */
	pass(200);
	ack(3); /* somebody left before it or after it: */
	pass(200);
	ack(5);
	drops += 1; /* a cookie was refused, no request */
	samples(120, 3);
	finish();
	assert_not_dropped(3);
	assert_cause(5, CAUSE_COOKIE_ACK_DROPPED, CONFIDENCE_BOUNDED, 1);
	cr_expect_eq(tally(TALLY_COOKIE_ACK_FULL), 1);
	cr_expect_eq(tally(TALLY_ACK_ACCEPT_FULL), 0);
	end();
}

Test(beam, the_other_weight_tells_the_other)
{
	two_for_one_place(4);
	ack(2);
	pass(200);
	ack(3);
	pass(200);
	ack(5);
	drops += 2;
	samples(120, 3);
	finish();
	assert_not_dropped(5);
	assert_cause(3, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_BOUNDED, 1);
	cr_expect_eq(tally(TALLY_COOKIE_ACK), 1);
	end();
}

Test(beam, a_look_tells_who_of_two_alike_found_room)
{
	two_for_one_place(3);
	ack(2);
	pass(200);
	ack(3);
	pass(200);
	ack(4);
	drop_acks(1);
	sample(3);
	looked_up(3, 3, 0); /* still a request */
	samples(120, 3);
	finish();
	assert_cause(3, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_EXACT, 1);
	assert_not_dropped(4);
	cr_expect_eq(tally(TALLY_ACK_ACCEPT_FULL), 1);
	end();
}

Test(beam, and_a_child_tells_that_it_did)
{
	two_for_one_place(3);
	ack(2);
	pass(200);
	ack(3);
	pass(200);
	ack(4);
	drops += 2;
	sample(3);
	looked_up(3, 1, 0); /* its socket, that nobody has accepted */
	samples(120, 3);
	finish();
	assert_cause(4, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_BOUNDED, 1);
	assert_not_dropped(3);
	end();
}

/* Judged at once, 3 enters with its ACK; in truth it was its data that did. */
Test(beam, what_follows_a_final_ack_may_be_the_one_that_entered)
{
	two_for_one_place(4);
	ack(2);
	samples(3, 3);
	pass(200);
	ack(5);
	drops += 1;
	samples(3, 3);
	pass(200);
	data(5); /* there is room by now */
	samples(3, 3);
	looked_up(5, 1, 0);
	samples(120, 3);
	finish();
	assert_cause(5, CAUSE_COOKIE_ACK_DROPPED, CONFIDENCE_BOUNDED, 1);
	cr_expect_eq(tally(TALLY_COOKIE_ACK), 1);
	cr_expect_eq(attempt_of(5)->outcome, OUTCOME_WAITING, "%s",
		     outcome_name(attempt_of(5)->outcome));
	end();
}

Test(beam, a_syn_that_is_not_counted_is_not_the_full_queues)
{
	fill();
	pass(200);
	syn(3);
	drops++;
	sample(3);
	pass(20000); /* so that nobody can have worked on 3 after this */
	syn(4); /* a packet filter took it */
	pass(5000);
	looked_up_free(4);
	samples(120, 3);
	finish();
	assert_cause(3, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 1);
	assert_cause(4, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_EXACT, 1);
	cr_expect_eq(listeners[0].drops, 1);
	end();
}

Test(beam, a_look_tells_a_cookie_from_a_request)
{
	struct event e = {.kind = EVENT_CHILD, .source = SOURCE_SAMPLER};

	two_for_one_place(3); /* as many as the SYN queue holds: */
	answered(5);	      /* this one has a cookie, by the count */
	answered(6);	      /* and so has this one */
	pass(1000);
	looked_up(5, 3, 0); /* but it has a request: somebody's had ended in silence */
	now_ns += 10000;
	e.time_ns = now_ns;
	e.child = (struct child){.flow = flow_of(6),
				 .before_ns = now_ns - 1000,
				 .waiting_ns = TIME_UNKNOWN,
				 .listener = 1};
	deliver(&e);
	samples(120, 3);
	finish();
	cr_expect_eq(tally(TALLY_SYN_COOKIE), 1);
	assert_cause(6, CAUSE_SYN_COOKIE, CONFIDENCE_EXACT, 1);
	for (uint32_t i = 0; i < attempt_of(5)->causes_count; i++)
		cr_expect_neq(attempt_of(5)->causes[i].cause, CAUSE_SYN_COOKIE);
	end();
}

/* By the count 5 has a request, but its SYN-ACK's timestamp is a cookie's. */
static void cookie_below_the_limit(int samples_before)
{
	two_for_one_place(2);
	behind_ms = 20;
	answered(5);
	behind_ms = 0;
	ack(5);
	pass(1000);
	looked_up(5, 1, 0);
	for (int i = 0; i < samples_before; i++)
		sample(3);
	send_segment(5, false, TCP_FLAG_ACK | TCP_FLAG_FIN, 501, 101);
	behind_ms = -1;
	samples(120, 3);
	finish();
	cr_expect_eq(tally(TALLY_SYN_COOKIE), 1);
	cr_expect_eq(tally(TALLY_COOKIE_ACK), 1);
	assert_cause(5, CAUSE_SYN_COOKIE, CONFIDENCE_EXACT, 1);
	end();
}

Test(beam, a_timestamp_tells_a_cookie_from_a_request)
{
	cookie_below_the_limit(200);
}

Test(beam, a_timestamp_that_comes_late_corrects_what_was_settled)
{
	cookie_below_the_limit(4000);
}

Test(beam, a_sample_may_have_looked_before_or_after_what_came_meanwhile)
{
	struct event e = {.kind = EVENT_SAMPLE, .source = SOURCE_SAMPLER};

	fill();
	pass(2000);
	syn(3);
	pass(20);
	/* Asked for before the SYN came, answered after it, and true in between. */
	e.time_ns = now_ns;
	e.sample = (struct sample){.cookie = 1,
				   .before_ns = now_ns - 100000,
				   .depth = 3,
				   .limit = LIMIT,
				   .drops = drops,
				   .drops_known = true};
	deliver(&e);
	drops++;
	samples(120, 3);
	finish();
	assert_cause(3, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 1);
	end();
}

/* So many that not all hypotheses can be followed: lookups are heeded before that. */
Test(beam, a_burst_between_two_samples_is_told_by_its_looks)
{
	enum { FIRST = 3, LAST = 22, LUCKY = 9 };

	start(1, false);
	sample(0);
	handshake(0);
	handshake(1);
	for (int i = FIRST; i <= LAST; i++)
		answered(i);
	sample(2);
	handshake(2);
	sample(3);
	pass(200);
	for (int i = FIRST; i <= LAST; i++) {
		ack(i);
		pass(50);
	}
	/* FIRST to FIRST + 2 have requests; one place became free, before LUCKY came. */
	drop_acks(3);
	drops += LAST - FIRST + 1 - 4;
	sample(3);
	for (int i = FIRST; i <= LAST; i++)
		looked_up(i, i == LUCKY ? 1 : (i < FIRST + 3 ? 3 : 0), 0);
	samples(120, 3);
	finish();
	assert_not_dropped(LUCKY);
	for (int i = FIRST; i <= LAST; i++)
		if (i != LUCKY)
			assert_cause(i,
				     i < FIRST + 3 ? CAUSE_ACCEPT_QUEUE_FULL_ACK
						   : CAUSE_COOKIE_ACK_DROPPED,
				     CONFIDENCE_EXACT, 1);
	cr_expect_eq(tally(TALLY_ACK_ACCEPT_FULL), 3);
	cr_expect_eq(tally(TALLY_COOKIE_ACK_FULL), LAST - FIRST + 1 - 4);
	end();
}

/* accept() of this client is reported; it returned since the server was asked us before. */
static void accepted_since(int client, int64_t us)
{
	struct event e = {.kind = EVENT_ACCEPT, .source = SOURCE_SERVER, .time_ns = now_ns};

	e.accept = (struct server_accept){
	    .flow = flow_of(client), .before_ns = now_ns - us * NS_PER_US, .pid = 9};
	deliver(&e);
}

static void fill_reported(void)
{
	start_full();
	sample(3);
}

/* Who had a place before the report of the accept() that made it was not refused by anybody. */
Test(beam, a_place_can_be_taken_before_its_accept_is_reported)
{
	fill_reported();
	syn(3);
	pass(150);
	answered(4);
	ack(4);
	pass(10);
	data(4);
	pass(10);
	syn(5);
	pass(30);
	accepted_since(0, 150);
	drops += 2;
	samples(60, 3);
	finish();
	assert_not_dropped(4);
	cr_expect_eq(tally(TALLY_SYN_ACCEPT_FULL), 2);
	cr_expect_eq(tally(TALLY_ACK_ACCEPT_FULL), 0);
	cr_expect_eq(listeners[0].disagreements, 0);
	end();
}

/* Of three that can have taken it, the one had it that is accepted before the others. */
Test(beam, who_is_accepted_first_has_entered_first)
{
	start(1, true);
	sample(0);
	for (int i = 3; i < 6; i++)
		answered(i);
	for (int i = 0; i < 3; i++)
		handshake(i);
	sample(3);
	for (int i = 3; i < 6; i++) {
		ack(i);
		pass(5);
	}
	accepted_since(0, 120);
	drops += 4;
	sample(3);
	for (int i = 1; i < 3; i++) {
		accepted_since(i, 5);
		pass(10);
	}
	data(3);
	pass(10);
	data(5);
	pass(10);
	accepted_since(4, 5);
	pass(10);
	accepted_since(3, 5);
	pass(10);
	accepted_since(5, 5);
	samples(60, 0);
	finish();
	assert_not_dropped(4);
	assert_cause(3, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_BOUNDED, 1);
	assert_cause(5, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_BOUNDED, 1);
	cr_expect_eq(listeners[0].disagreements, 0);
	end();
}
