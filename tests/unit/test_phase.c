#include "report/attempt/phase.h"

#include <criterion/criterion.h>
#include <string.h>

#include "event/clock.h"

static struct attempt blank(void)
{
	struct attempt a;

	memset(&a, 0, sizeof(a));
	a.syn_ns = a.synack_ns = a.ack_ns = a.entered_ns = a.accept_ns = a.accept_after_ns =
	    a.client_left_ns = TIME_UNKNOWN;
	a.accept_before_ns = a.fork_ns = a.first_byte_ns = a.reply_ns = TIME_UNKNOWN;
	a.close_ns = a.exit_ns = a.end_ns = TIME_UNKNOWN;
	return a;
}

/* Expects the phases as "phase from to" triples, ended by PHASE_COUNT. */
static void expect(const struct attempt *a, const int64_t *expected)
{
	struct attempt_phase phases[ATTEMPT_PHASES_MAX];
	size_t count = attempt_phases(a, 1000, phases);

	for (size_t i = 0; i < count; i++, expected += 3) {
		cr_assert_eq(phases[i].phase, expected[0], "phase %zu is \"%s\"", i,
			     phase_name(phases[i].phase));
		cr_assert_eq(phases[i].from_ns, expected[1], "phase %zu begins at %lld", i,
			     (long long)phases[i].from_ns);
		cr_assert_eq(phases[i].to_ns, expected[2], "phase %zu ends at %lld", i,
			     (long long)phases[i].to_ns);
	}
	cr_assert_eq(expected[0], PHASE_COUNT, "only %zu phases", count);
}

Test(phase, an_accepted_attempt_has_all_of_them)
{
	struct attempt a = blank();

	a.outcome = OUTCOME_ACCEPTED;
	a.syn_ns = 10;
	a.synack_ns = 20;
	a.ack_ns = 30;
	a.accept_ns = 50;
	a.fork_ns = 55;
	a.reply_ns = 90;
	a.close_ns = 95;
	a.exit_ns = 99;
	expect(&a, (const int64_t[]){PHASE_CONNECT, 10, 20, PHASE_HANDSHAKE, 20, 30, PHASE_WAIT, 30,
				     50, PHASE_SPAWN, 50, 55, PHASE_SERVE, 55, 90, PHASE_CLOSE, 90,
				     99, PHASE_COUNT});
}

Test(phase, a_bounded_accept_is_shown_as_its_bound)
{
	struct attempt a = blank();

	a.outcome = OUTCOME_ACCEPTED;
	a.syn_ns = 10;
	a.synack_ns = 20;
	a.ack_ns = 30;
	a.accept_after_ns = 40;
	a.accept_before_ns = 60;
	a.end_ns = 80;
	expect(&a, (const int64_t[]){PHASE_CONNECT, 10, 20, PHASE_HANDSHAKE, 20, 30, PHASE_WAIT, 30,
				     40, PHASE_BOUND, 40, 60, PHASE_SERVE, 60, 80, PHASE_COUNT});
}

Test(phase, whose_ack_is_dropped_is_not_in_the_queue_yet)
{
	struct attempt a = blank();

	a.outcome = OUTCOME_ACCEPTED;
	a.syn_ns = 10;
	a.synack_ns = 20;
	a.ack_ns = 30;
	a.accept_ns = 90;
	a.entered_ns = 60;
	expect(&a, (const int64_t[]){PHASE_CONNECT, 10, 20, PHASE_HANDSHAKE, 20, 30, PHASE_ZOMBIE,
				     30, 60, PHASE_WAIT, 60, 90, PHASE_COUNT});
	a.causes_count = 1;
	a.causes[0].cause = CAUSE_DEFER_ACCEPT;
	expect(&a, (const int64_t[]){PHASE_CONNECT, 10, 20, PHASE_HANDSHAKE, 20, 30,
				     PHASE_HANDSHAKE, 30, 60, PHASE_WAIT, 60, 90, PHASE_COUNT});
}

Test(phase, what_never_came_ends_with_the_last_thing_known)
{
	struct attempt a = blank();

	a.outcome = OUTCOME_UNANSWERED;
	a.syn_ns = 10;
	a.marks_count = 2;
	a.marks[0] = (struct mark){.time_ns = 10, .kind = MARK_SYN};
	a.marks[1] = (struct mark){.time_ns = 300, .kind = MARK_SYN};
	expect(&a, (const int64_t[]){PHASE_CONNECT, 10, 300, PHASE_COUNT});
	a.outcome = OUTCOME_HALF_OPEN;
	a.synack_ns = 12;
	expect(&a, (const int64_t[]){PHASE_CONNECT, 10, 12, PHASE_HANDSHAKE, 12, 300, PHASE_COUNT});
	a.outcome = OUTCOME_ZOMBIE;
	a.ack_ns = 14;
	expect(&a, (const int64_t[]){PHASE_CONNECT, 10, 12, PHASE_HANDSHAKE, 12, 14, PHASE_ZOMBIE,
				     14, 300, PHASE_COUNT});
}

Test(phase, what_was_under_way_reaches_to_the_end)
{
	struct attempt a = blank();

	a.outcome = OUTCOME_WAITING;
	a.syn_ns = 10;
	a.synack_ns = 20;
	a.ack_ns = 30;
	expect(&a, (const int64_t[]){PHASE_CONNECT, 10, 20, PHASE_HANDSHAKE, 20, 30, PHASE_WAIT, 30,
				     1000, PHASE_COUNT});
	cr_assert_eq(attempt_last_ns(&a, 1000), 1000);
	a.outcome = OUTCOME_ESTABLISHED;
	cr_assert_eq(attempt_last_ns(&a, 1000), 30);
}

Test(phase, times_that_run_backwards_make_no_negative_phase)
{
	struct attempt a = blank();
	struct attempt_phase phases[ATTEMPT_PHASES_MAX];
	size_t count;

	a.outcome = OUTCOME_ACCEPTED;
	a.syn_ns = 100;
	a.synack_ns = 90;
	a.ack_ns = 95;
	a.accept_ns = 80;
	a.fork_ns = 70;
	a.reply_ns = 60;
	count = attempt_phases(&a, 1000, phases);
	for (size_t i = 0; i < count; i++)
		cr_assert_lt(phases[i].from_ns, phases[i].to_ns);
}

Test(phase, nothing_known_is_no_phase)
{
	struct attempt a = blank();
	struct attempt_phase phases[ATTEMPT_PHASES_MAX];

	cr_assert_eq(attempt_phases(&a, 1000, phases), 0);
	cr_assert_eq(attempt_first_ns(&a), TIME_UNKNOWN);
}
