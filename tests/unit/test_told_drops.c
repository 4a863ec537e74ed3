#include "report/queue/entry/drops.h"

#include "tests/unit/listener_stage.h"

/* The kernel tells that the listener dropped it. */
static void dropped(int client, enum drop_place place, uint32_t depth)
{
	struct event e = {.kind = EVENT_DROP, .source = SOURCE_BPF, .time_ns = now_ns};

	e.drop = (struct queue_drop){
	    .flow = flow_of(client), .listener = 1, .depth = depth, .limit = LIMIT, .place = place};
	deliver(&e);
}

static void fill(void)
{
	start(0, false);
	sample(0);
	for (int i = 0; i <= LIMIT; i++) {
		handshake(i);
		pass(10);
		entered(i, (uint32_t)i);
		pass(5000);
	}
	sample(LIMIT + 1);
}

static bool has_cause(int client, enum cause cause)
{
	const struct attempt *a = attempt_of(client);

	for (uint32_t i = 0; i < a->causes_count; i++)
		if (a->causes[i].cause == cause)
			return true;
	return false;
}

/* Two SYNs at once, and one drop: sk_drops cannot say whose it is. */
static void two_at_once(bool told)
{
	fill();
	syn(8);
	pass(2);
	syn(9);
	pass(4);
	drops++;
	if (told)
		dropped(9, DROP_SYN_ACCEPT_QUEUE, LIMIT + 1);
	pass(5000);
	for (int i = 0; i < 200; i++)
		sample(LIMIT + 1);
	finish();
}

Test(told_drops, of_two_at_once_it_is_the_one_that_is_told)
{
	two_at_once(true);
	assert_cause(9, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 1);
	cr_expect_not(has_cause(8, CAUSE_ACCEPT_QUEUE_FULL_SYN));
	cr_expect_eq(listeners[0].drops, 1);
	cr_expect_eq(listeners[0].disagreements, 0);
	end();
}

Test(told_drops, untold_neither_is_exact)
{
	two_at_once(false);
	for (int client = 8; client <= 9; client++) {
		const struct attempt *a = attempt_of(client);

		for (uint32_t i = 0; i < a->causes_count; i++)
			cr_expect_neq(a->causes[i].confidence, CONFIDENCE_EXACT, "%d", client);
	}
	end();
}

/* The queue had filled and drained between two samples, which show room. */
Test(told_drops, what_is_told_stands_against_samples_and_is_shown)
{
	start(0, false);
	sample(0);
	syn(8);
	pass(5);
	dropped(8, DROP_SYN_ACCEPT_QUEUE, LIMIT + 1);
	pass(5000);
	samples(200, 0);
	finish();
	assert_cause(8, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 1);
	cr_expect_gt(listeners[0].disagreements, 0, "sk_drops has not moved");
	end();
}

/* Each copy of its own: the first was dropped, the second found room. */
Test(told_drops, a_drop_is_of_the_segment_right_before_it)
{
	fill();
	syn(8);
	pass(5);
	drops++;
	dropped(8, DROP_SYN_ACCEPT_QUEUE, LIMIT + 1);
	sample(LIMIT + 1);
	looked_up(0, 1, 77);
	sample(LIMIT);
	pass(1000000);
	handshake(8);
	pass(10);
	entered(8, LIMIT);
	for (int i = 0; i < 100; i++)
		sample(LIMIT + 1);
	finish();
	assert_cause(8, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 1);
	cr_expect_eq(listeners[0].drops, 1);
	end();
}

/* A final ACK that was not taken, and the queue that refused it. */
Test(told_drops, a_final_ack_is_refused_by_the_queue_that_was_full)
{
	fill();
	syn(8);
	syn_ack(8);
	ack(8);
	pass(5);
	drops += 2;
	not_overflows++;
	dropped(8, DROP_ACK_ACCEPT_QUEUE, LIMIT + 1);
	pass(5000);
	for (int i = 0; i < 200; i++)
		sample(LIMIT + 1);
	finish();
	assert_cause(8, CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_EXACT, 1);
	cr_expect_eq(listeners[0].drops, 1);
	cr_expect_eq(listeners[0].disagreements, 0);
	end();
}
