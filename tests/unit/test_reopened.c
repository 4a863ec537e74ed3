/*
 * A listener closes, and another one opens at its place: what its clients meet then.
 */
#include "report/queue/queue.h"

#include <criterion/criterion.h>

#include "listener_stage.h"

static void say(uint64_t cookie, enum listener_change change)
{
	struct event e = {.kind = EVENT_LISTENER, .source = SOURCE_SAMPLER, .time_ns = now_ns};

	e.listener =
	    (struct listener){.cookie = cookie, .local = server, .limit = LIMIT, .change = change};
	deliver(&e);
}

/* The one that opened second: it drops nothing. */
static void sample_second(uint32_t depth)
{
	sample_of(2, depth, 0);
	count_after_sample();
}

/* The queue is full, and has dropped the ACK of the cookie of client 3. */
static void drop_a_cookie(void)
{
	start(2, false);
	sample(0);
	fill_with_cookies();
	pass(200);
	ack(3);
	drops++;
	samples(80, 3);
}

static void reopen(void)
{
	say(1, LISTENER_CLOSED);
	for (int i = 0; i < 3; i++)
		send_segment(i, false, TCP_FLAG_RST | TCP_FLAG_ACK, 501, 101);
	pass(2000);
	say(2, LISTENER_SEEN);
	sample_second(0);
}

static void finish_both(void)
{
	pass(5000000);
	cr_assert_eq(tracker_finish(tracker, now_ns), 0);
	cr_assert_eq(queues_report(queues, &listeners), 2);
}

Test(reopened, a_cookie_is_good_for_the_next_listener)
{
	drop_a_cookie();
	reopen();
	syn(4);
	syn_ack(4);
	cookies_wanted++;
	pass(50000);
	send_segment(3, true, TCP_FLAG_ACK | TCP_FLAG_FIN, 101, 501);
	pass(5);
	entered(3, 0);
	for (int i = 0; i < 80; i++)
		sample_second(1);
	for (int i = 0; i < 10; i++)
		sample_second(0);
	pass(10);
	send_segment(3, false, TCP_FLAG_ACK | TCP_FLAG_FIN, 501, 102);
	finish_both();
	assert_cause(3, CAUSE_COOKIE_ACK_DROPPED, CONFIDENCE_BOUNDED, 1);
	cr_expect_eq(attempt_of(3)->outcome, OUTCOME_ACCEPTED);
	cr_expect_eq(attempt_of(3)->listener, 1);
	cr_expect_geq(attempt_of(3)->accept_before_ns, attempt_of(3)->entered_ns);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_ACK_FULL], 1);
	cr_expect_eq(queues_tallies(queues, 1)[TALLY_COOKIE_ACK], 1);
	end();
}

/* One that has sent no cookie takes none, and counts no failed one. */
Test(reopened, a_listener_without_cookies_takes_none)
{
	drop_a_cookie();
	reopen();
	pass(50000);
	send_segment(3, true, TCP_FLAG_ACK | TCP_FLAG_FIN, 101, 501);
	pass(5);
	send_segment(3, false, TCP_FLAG_RST, 501, 0);
	for (int i = 0; i < 80; i++)
		sample_second(0);
	finish_both();
	cr_expect_eq(attempt_of(3)->outcome, OUTCOME_RESET);
	assert_cause(3, CAUSE_LISTENER_CLOSED, CONFIDENCE_BOUNDED, 1);
	cr_expect_eq(queues_tallies(queues, 0)[TALLY_COOKIE_BAD], 0);
	cr_expect_eq(queues_tallies(queues, 1)[TALLY_COOKIE_BAD], 0);
	end();
}
