#include "report/queue/sizing.h"

#include <criterion/criterion.h>

static struct sizing sizing;

static void client(int64_t arrival_ms, int64_t accept_ms, int64_t end_ms, bool dropped)
{
	struct attempt a = {
	    .syn_ns = arrival_ms * NS_PER_MS,
	    .accept_ns = accept_ms < 0 ? TIME_UNKNOWN : accept_ms * NS_PER_MS,
	    .accept_before_ns = TIME_UNKNOWN,
	    .entered_ns = TIME_UNKNOWN,
	    .client_left_ns = TIME_UNKNOWN,
	    .exit_ns = TIME_UNKNOWN,
	    .close_ns = end_ms < 0 ? TIME_UNKNOWN : end_ms * NS_PER_MS,
	    .end_ns = TIME_UNKNOWN,
	    .outcome = accept_ms < 0 ? OUTCOME_UNANSWERED : OUTCOME_ACCEPTED,
	};

	if (dropped) {
		a.causes_count = 1;
		a.causes[0].cause = CAUSE_ACCEPT_QUEUE_FULL_SYN;
	}
	sizing_add(&sizing, &a);
}

Test(sizing, a_burst_needs_a_queue_for_all_that_come_before_the_first_accept)
{
	struct sizing_backlog b;

	/* Ten at once; an accept every 100 ms from 50 ms on. */
	for (int i = 0; i < 10; i++)
		client(0, 50 + 100 * i, 150 + 100 * i, i > 5);
	b = sizing_backlog(&sizing);
	cr_assert(b.known);
	cr_assert_eq(b.depth_peak, 10);
	cr_assert_eq(b.backlog, 9);
	sizing_release(&sizing);
}

Test(sizing, clients_that_come_apart_need_none)
{
	struct sizing_backlog b;

	for (int i = 0; i < 10; i++)
		client(1000 * i, 1000 * i + 1, 1000 * i + 5, false);
	b = sizing_backlog(&sizing);
	cr_assert_eq(b.depth_peak, 1);
	cr_assert_eq(b.backlog, 0);
	sizing_release(&sizing);
}

Test(sizing, those_who_gave_up_take_their_place_in_the_queue)
{
	struct sizing_backlog b;

	client(0, 100, 200, false);
	client(0, -1, -1, true);
	client(0, -1, -1, true);
	client(0, -1, -1, false); /* a firewall's, not the queue's */
	b = sizing_backlog(&sizing);
	cr_assert_eq(b.clients, 3);
	cr_assert_eq(b.depth_peak, 3);
	sizing_release(&sizing);
}

Test(sizing, children_are_the_fewest_that_keep_the_wait_short)
{
	struct sizing_children c;

	/* Sixty at once, 200 ms each: within 100 ms nobody can be second in line. */
	for (int i = 0; i < 60; i++)
		client(0, i, i + 200, false);
	c = sizing_children(&sizing, 100 * NS_PER_MS);
	cr_assert(c.known);
	cr_assert_eq(c.children, 60);
	/* Within 200 ms half of them can. */
	c = sizing_children(&sizing, 200 * NS_PER_MS);
	cr_assert_eq(c.children, 30);
	cr_assert_eq(c.wait_max_ns, 200 * NS_PER_MS);
	/* All one after the other. */
	c = sizing_children(&sizing, 59 * 200 * NS_PER_MS);
	cr_assert_eq(c.children, 1);
	sizing_release(&sizing);
}

Test(sizing, workers_that_are_all_busy_are_told_from_a_burst)
{
	struct sizing_service s;

	/* Two at a time, 200 ms each. */
	for (int i = 0; i < 20; i++)
		client(0, 200 * (i / 2), 200 * (i / 2) + 199, false);
	s = sizing_service(&sizing);
	cr_assert_eq(s.concurrent, 2);
	cr_assert(s.saturated);
	sizing_release(&sizing);
	/* A process for each, made 10 ms after the one before: that many are open at the end alone.
	 */
	for (int i = 0; i < 20; i++)
		client(0, 20 + 10 * i, 1000, false);
	s = sizing_service(&sizing);
	cr_assert_eq(s.concurrent, 20);
	cr_assert_not(s.saturated);
	sizing_release(&sizing);
}

Test(sizing, how_long_nobody_was_accepted_at_first)
{
	struct sizing_service s;

	for (int i = 0; i < 10; i++)
		client(100 * i, 1500 + i, 1600, false);
	client(2000, 2001, 2002, false);
	s = sizing_service(&sizing);
	cr_assert_eq(s.first_ns, 1500 * NS_PER_MS);
	cr_assert_eq(s.first_count, 10);
	sizing_release(&sizing);
}

Test(sizing, without_a_known_accept_there_is_no_answer)
{
	client(0, -1, -1, true);
	cr_assert_not(sizing_backlog(&sizing).known);
	cr_assert_not(sizing_children(&sizing, 1).known);
	sizing_release(&sizing);
	cr_assert_not(sizing_backlog(&sizing).known);
}
