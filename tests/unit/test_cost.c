#include "report/measure/cost.h"
#include "report/measure/totals.h"

#include <criterion/criterion.h>

#include "event/clock.h"

/* Accepted, after so many milliseconds, with SYNs sent at these. */
static struct attempt accepted(int64_t accept_ms, int64_t second_syn_us)
{
	struct attempt a = {.outcome = OUTCOME_ACCEPTED,
			    .syn_ns = NS_PER_SEC,
			    .accept_ns = NS_PER_SEC + accept_ms * NS_PER_MS,
			    .accept_before_ns = TIME_UNKNOWN,
			    .syns = 2,
			    .marks_count = 3};

	a.marks[0] = (struct mark){.kind = MARK_SYN, .time_ns = a.syn_ns};
	a.marks[1] =
	    (struct mark){.kind = MARK_SYN, .time_ns = a.syn_ns + second_syn_us * NS_PER_US};
	a.marks[2] = (struct mark){.kind = MARK_ACK, .time_ns = a.accept_ns};
	return a;
}

Test(cost, who_waited_for_the_retransmission_of_a_syn_is_told_so)
{
	struct attempt a = accepted(1050, 1000000);
	struct cost cost;

	cost_init(&cost);
	cost_add(&cost, &a);
	a.marks_count = 0; /* none is kept: then it is the only known reason */
	cost_add(&cost, &a);
	cr_expect_eq(cost.again.count, 2);
	cr_expect_eq(cost.spared.count, 0);
}

/* It may be served yet: it is told among those that wait. */
Test(cost, who_still_waits_at_the_end_has_not_failed)
{
	struct attempt a = accepted(0, 1000000);
	struct cost cost;

	a.causes_count = 1;
	a.causes[0] = (struct attempt_cause){.cause = CAUSE_ACCEPT_QUEUE_FULL_SYN, .packets = 1};
	a.outcome = OUTCOME_WAITING;
	a.accept_ns = TIME_UNKNOWN;
	a.entered_ns = a.ack_ns = 3 * NS_PER_SEC;
	cost_init(&cost);
	cost_add(&cost, &a);
	cr_expect_eq(cost.never, 0);
	cr_expect_eq(cost.waiting, 1);
	cr_expect_eq(cost.waiting_since_ns, 3 * NS_PER_SEC);
	a.outcome = OUTCOME_ZOMBIE;
	cost_add(&cost, &a);
	cr_expect_eq(cost.never, 1);
}

Test(cost, a_duplicate_right_behind_the_first_costs_nothing)
{
	struct attempt a = accepted(1900, 10);
	struct cost cost;

	cost_init(&cost);
	cost_add(&cost, &a);
	cr_expect_eq(cost.again.count, 0);
	cr_expect_eq(cost.spared.count, 1);
	a = accepted(5000, 1000000); /* most of it is a slow accept() */
	cost_add(&cost, &a);
	cr_expect_eq(cost.again.count, 0);
	cr_expect_eq(cost.spared.count, 2);
}

/* It went on to be answered, and its ACK came. */
Test(cost, a_syn_that_was_stopped_is_no_final_ack)
{
	struct attempt a = accepted(1050, 1000000);
	struct totals totals = {0};

	a.synacks = 1;
	a.causes_count = 1;
	a.causes[0] = (struct attempt_cause){.cause = CAUSE_UNANSWERED_NO_COUNTER, .packets = 1};
	a.marks[0].cause_known = true;
	a.marks[0].cause = CAUSE_UNANSWERED_NO_COUNTER;
	totals_add(&totals, &a);
	cr_expect_eq(totals.acks_stopped, 0);
	a.causes[0].packets = 3;
	totals_add(&totals, &a);
	cr_expect_eq(totals.acks_stopped, 1);
	cr_expect_eq(totals.acks_stopped_packets, 2);
}
