#include "report/queue/search/hypothesis.h"
#include "report/queue/timestamps.h"

#include <criterion/criterion.h>

/* A limit of 2: each queue holds 3. */
static struct host host;
static struct queue queue;
static struct transition transitions[TRANSITIONS_MAX];
static unsigned count;
static uint8_t concurrent;
static uint32_t limit = 2;

static void take(const struct arrival *arrival, uint8_t place, int32_t depth, int32_t requests,
		 int64_t cookies)
{
	struct hypothesis hypothesis = {.depth = depth, .requests = requests};

	host.tcp_syncookies = cookies;
	host.tcp_max_syn_backlog = 4096;
	queue.host = &host;
	queue.listener.limit = limit;
	queue.limit_known = true;
	queue.siblings = 1;
	count =
	    hypothesis_transitions(&queue, &hypothesis, arrival, place, concurrent, transitions);
	cr_assert(count >= 1 && count <= TRANSITIONS_MAX);
}

/* What speaks for itself. */
static const struct transition *cheapest(void)
{
	const struct transition *best = &transitions[0];

	for (unsigned i = 1; i < count; i++)
		if (transitions[i].cost < best->cost)
			best = &transitions[i];
	return best;
}

static const struct transition *without_leaves(void)
{
	const struct transition *best = NULL;

	for (unsigned i = 0; i < count; i++)
		if (!transitions[i].leaves && (!best || transitions[i].cost < best->cost))
			best = &transitions[i];
	cr_assert(best);
	return best;
}

static const struct arrival answered = {.kind = ARRIVAL_SYN, .answered = true, .synacked = true};
static const struct arrival unanswered = {.kind = ARRIVAL_SYN};
static const struct arrival ack = {.kind = ARRIVAL_ENTER, .wants_place = true};

Test(hypothesis, a_syn_is_a_request_until_the_syn_queue_is_full)
{
	take(&answered, 0, 0, 2, 1);
	cr_expect_eq(cheapest()->place, PLACE_REQUEST);
	cr_expect_eq(cheapest()->requests, 1);
	take(&answered, 0, 0, 3, 1);
	cr_expect_eq(cheapest()->place, PLACE_COOKIE);
	cr_expect_eq(cheapest()->requests, 0);
	cr_expect(cheapest()->cookie);
	take(&answered, 0, 0, 0, 2);
	cr_expect_eq(cheapest()->place, PLACE_COOKIE);
}

Test(hypothesis, a_request_where_a_cookie_was_due_says_that_requests_had_ended)
{
	take(&answered, 0, 0, 5, 1);
	cr_assert_eq(count, 2);
	for (unsigned i = 0; i < count; i++)
		if (transitions[i].place == PLACE_REQUEST)
			cr_expect_eq(5 + transitions[i].requests, 3, "2 at most, and this one");
	cr_expect_gt(transitions[1].cost, transitions[0].cost);
	take(&answered, 0, 0, 9, 1);
	cr_expect_eq(count, 1, "not as many as that");
}

Test(hypothesis, what_arrives_beside_a_syn_may_count_before_it)
{
	concurrent = CONCURRENT_FEWER;
	take(&answered, 0, 0, 3, 1);
	cr_assert_eq(count, 3);
	cr_expect_eq(transitions[1].place, PLACE_REQUEST);
	cr_expect_eq(transitions[1].requests, 1, "and nobody has ended");
	cr_expect_eq(transitions[1].unattributed, 0);
	cr_expect_gt(transitions[1].cost, transitions[0].cost);
	cr_expect_lt(transitions[1].cost, transitions[2].cost);
	concurrent = CONCURRENT_MORE;
	take(&answered, 0, 0, 3, 1);
	cr_expect_eq(count, 2, "there were more than that anyway");
	take(&answered, 0, 0, 2, 1);
	cr_assert_eq(count, 3);
	cr_expect_eq(transitions[1].place, PLACE_COOKIE);
	cr_expect_eq(transitions[1].requests, 0);
}

Test(hypothesis, a_stamp_tells_a_cookie_from_a_request)
{
	static const struct {
		enum timestamp timestamp;
		int32_t requests; /* 3 are too many for another */
		uint8_t place;
	} cases[] = {
	    {TIMESTAMP_COOKIE, 1, PLACE_COOKIE},
	    {TIMESTAMP_COOKIE, 3, PLACE_COOKIE},
	    {TIMESTAMP_REQUEST, 2, PLACE_REQUEST},
	    {TIMESTAMP_REQUEST, 9, PLACE_REQUEST},
	    {TIMESTAMP_COOKIE_LIKELY, 2, PLACE_COOKIE},
	    {TIMESTAMP_REQUEST_LIKELY, 3, PLACE_REQUEST},
	    {TIMESTAMP_REQUEST_LIKELY, 1, PLACE_REQUEST},
	    {TIMESTAMP_NOTHING, 2, PLACE_REQUEST},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arrival a = answered;

		a.timestamp = (uint8_t)cases[i].timestamp;
		take(&a, 0, 0, cases[i].requests, 1);
		cr_expect_eq(cheapest()->place, cases[i].place, "case %zu", i);
	}
}

Test(hypothesis, whose_syn_is_answered_found_room)
{
	take(&answered, 0, 3, 0, 1);
	cr_expect_eq(cheapest()->leaves, 1);
	cr_expect_eq(cheapest()->cost, 0);
	cr_expect_gt(without_leaves()->cost, 0);
}

Test(hypothesis, a_syn_without_an_answer_met_a_full_queue_or_something_in_front_of_it)
{
	take(&unanswered, 0, 3, 0, 1);
	cr_expect(cheapest()->dropped);
	cr_expect_eq(cheapest()->drops, 1);
	take(&unanswered, 0, 2, 0, 1);
	cr_expect_not(cheapest()->dropped);
	cr_expect_eq(cheapest()->drops, 0);
	take(&unanswered, 0, 2, 3, 0);
	cr_expect(cheapest()->dropped, "the SYN queue is full, and no cookies");
	host.tcp_max_syn_backlog = 16;
}

Test(hypothesis, a_syn_for_which_there_is_a_request_is_a_repeated_one)
{
	take(&unanswered, PLACE_REQUEST, 3, 1, 1);
	cr_expect_eq(cheapest()->kind, ARRIVAL_REPEAT);
	cr_expect_eq(cheapest()->drops, 1);
	cr_expect_eq(cheapest()->requests, 0);
	take(&unanswered, PLACE_ENTERED, 3, 1, 1);
	cr_expect_eq(cheapest()->drops, 0, "its socket takes it");
}

Test(hypothesis, a_final_ack_enters_where_there_is_room)
{
	take(&ack, PLACE_REQUEST, 2, 1, 1);
	cr_expect_eq(cheapest()->kind, ARRIVAL_ENTER);
	cr_expect_eq(cheapest()->depth, 1);
	cr_expect_eq(cheapest()->requests, -1);
	cr_expect_eq(cheapest()->drops, 0);
	take(&ack, PLACE_COOKIE, 2, 0, 1);
	cr_expect_eq(cheapest()->place, PLACE_COOKIE | PLACE_ENTERED);
	cr_expect_eq(cheapest()->requests, 0);
}

Test(hypothesis, with_much_room_a_final_ack_is_refused_only_if_a_look_says_so)
{
	struct arrival refused = {.kind = ARRIVAL_REFUSED, .wants_place = true};

	limit = 40;
	take(&ack, PLACE_REQUEST, 0, 1, 1);
	cr_expect_eq(count, 1);
	take(&refused, PLACE_REQUEST, 0, 1, 1);
	cr_expect_gt(count, 1);
	take(&ack, PLACE_REQUEST, 38, 1, 1);
	cr_expect_gt(count, 1, "with little two processors may count in another order");
}

Test(hypothesis, a_final_ack_on_a_full_queue_is_refused_or_somebody_left)
{
	take(&ack, PLACE_REQUEST, 3, 1, 1);
	cr_expect_eq(without_leaves()->kind, ARRIVAL_REFUSED);
	cr_expect_eq(without_leaves()->drops, 2);
	cr_expect_eq(without_leaves()->place, PLACE_REQUEST, "its request stays");
	for (unsigned i = 0; i < count; i++)
		if (transitions[i].kind == ARRIVAL_ENTER && !transitions[i].cost)
			cr_expect_eq(transitions[i].leaves, 1);
	take(&ack, PLACE_COOKIE, 3, 0, 1);
	cr_expect_eq(without_leaves()->drops, 1);
}

Test(hypothesis, what_comes_after_the_entry_is_nothing_to_the_listener)
{
	take(&ack, PLACE_COOKIE | PLACE_ENTERED, 3, 0, 1);
	cr_expect_eq(count, 1);
	cr_expect_eq(cheapest()->kind, ARRIVAL_AGAIN);
	cr_expect_eq(cheapest()->drops, 0);
	cr_expect_eq(cheapest()->depth, 0);
}

Test(hypothesis, a_bare_ack_is_deferred_but_not_that_of_a_cookie)
{
	struct arrival bare = {.kind = ARRIVAL_DEFERRED, .wants_place = true, .deferred = true};

	take(&bare, PLACE_REQUEST, 0, 1, 1);
	cr_expect_eq(cheapest()->kind, ARRIVAL_DEFERRED);
	cr_expect_eq(cheapest()->drops, 1);
	take(&bare, PLACE_COOKIE, 0, 0, 1);
	cr_expect_eq(cheapest()->kind, ARRIVAL_ENTER);
}

Test(hypothesis, a_reset_ends_a_request_and_nothing_else)
{
	struct arrival rst = {.kind = ARRIVAL_RST, .exact = true};

	take(&rst, PLACE_REQUEST, 0, 1, 1);
	cr_expect_eq(cheapest()->kind, ARRIVAL_RST);
	cr_expect_eq(cheapest()->requests, -1);
	cr_expect_eq(cheapest()->drops, 1);
	take(&rst, PLACE_COOKIE, 0, 0, 1);
	cr_expect_eq(cheapest()->kind, ARRIVAL_STRAY);
	cr_expect_eq(cheapest()->drops, 1);
	rst.kind = ARRIVAL_STRAY; /* it was taken for a cookie's */
	take(&rst, PLACE_REQUEST, 0, 1, 1);
	cr_expect_eq(cheapest()->kind, ARRIVAL_RST);
}

Test(hypothesis, a_look_contradicts_who_stands_elsewhere)
{
	cr_expect_eq(hypothesis_lookup_cost(FOUND_CHILD, PLACE_ENTERED), 0);
	cr_expect_gt(hypothesis_lookup_cost(FOUND_CHILD, PLACE_REQUEST), 0);
	cr_expect_eq(hypothesis_lookup_cost(FOUND_REQUEST, PLACE_REQUEST), 0);
	cr_expect_gt(hypothesis_lookup_cost(FOUND_REQUEST, PLACE_COOKIE), 0);
	cr_expect_eq(hypothesis_lookup_cost(FOUND_NOTHING, PLACE_COOKIE), 0);
	cr_expect_gt(hypothesis_lookup_cost(FOUND_NOTHING, PLACE_REQUEST), 0);
	cr_expect_eq(hypothesis_lookup_cost(FOUND_DOUBT, PLACE_REQUEST), 0);
}

Test(hypothesis, a_request_that_is_not_found_any_more_has_expired)
{
	struct arrival look = {.kind = ARRIVAL_LOOKUP, .found = FOUND_EXPIRED};

	take(&look, PLACE_REQUEST, 0, 3, 1);
	cr_expect_eq(cheapest()->requests, -1);
	cr_expect_eq(cheapest()->place, 0);
	cr_expect_eq(cheapest()->cost, 0);
}

Test(hypothesis, a_request_that_a_count_has_missed_is_not_missed_twice)
{
	struct arrival look = {.kind = ARRIVAL_LOOKUP, .found = FOUND_EXPIRED};
	struct hypothesis hypothesis = {.requests = 3, .unattributed = 1};

	queue.host = &host;
	count = hypothesis_transitions(&queue, &hypothesis, &look, PLACE_REQUEST, 0, transitions);
	cr_assert_eq(count, 1);
	cr_expect_eq(transitions[0].requests, 0);
	cr_expect_eq(transitions[0].unattributed, -1);
	cr_expect_eq(transitions[0].place, 0);
}

Test(hypothesis, a_count_takes_away_what_expired_in_silence)
{
	struct arrival counted = {.kind = ARRIVAL_COUNT, .half_open = 1, .found = FOUND_REQUEST};

	take(&counted, 0, 0, 3, 1);
	cr_expect_eq(cheapest()->requests, -2);
	cr_expect_eq(cheapest()->unattributed, 2);
	cr_expect_gt(cheapest()->cost, 0);
	counted.found = FOUND_DOUBT;
	take(&counted, 0, 0, 3, 1);
	cr_expect_eq(cheapest()->requests, 0);
	cr_expect_eq(cheapest()->cost, 0);
}

static uint32_t sampled(struct hypothesis *hypothesis, uint32_t depth, int64_t drops,
			uint32_t *leaves)
{
	return hypothesis_observe(hypothesis, &(struct observation){.depth = depth, .drops = drops},
				  leaves);
}

Test(hypothesis, a_sample_shows_who_left_and_contradicts_the_rest)
{
	struct hypothesis hypothesis = {.depth = 3, .drops = 7};
	uint32_t leaves;

	cr_expect_eq(sampled(&hypothesis, 1, 7, &leaves), 0);
	cr_expect_eq(leaves, 2);
	cr_expect_eq(hypothesis.depth, 1);
	cr_expect_gt(sampled(&hypothesis, 1, 8, &leaves), 0);
	cr_expect_eq(hypothesis.drops, 8, "it goes on from there");
	cr_expect_gt(sampled(&hypothesis, 2, 8, &leaves), 0);
	cr_expect_eq(leaves, 0);
	cr_expect_eq(hypothesis.depth, 2);
}

/* tcp_listendrop() counts once, and who discards the segment once more. */
Test(hypothesis, a_sample_may_see_half_of_a_refused_ack)
{
	struct hypothesis hypothesis = {.depth = 3, .drops = 7};
	uint32_t leaves;

	struct observation half = {.depth = 3, .drops = 6, .torn = true};

	cr_expect_lt(hypothesis_observe(&hypothesis, &half, &leaves), 5);
	cr_expect_eq(hypothesis.drops, 7, "the other half is still to come");
	cr_expect_geq(sampled(&hypothesis, 3, 6, &leaves), 15);
	cr_expect_eq(hypothesis.drops, 6);
}

/* It was captured, and its processor had something else to do until the sample had looked. */
Test(hypothesis, a_sample_may_look_before_a_packet_is_worked_on)
{
	struct hypothesis hypothesis = {.depth = 3, .drops = 7};
	struct observation early = {.depth = 1, .drops = 5, .early_entries = 1, .early_drops = 2};
	uint32_t leaves, cost;

	cost = hypothesis_observe(&hypothesis, &early, &leaves);
	cr_expect_lt(cost, 10);
	cr_expect_eq(leaves, 2);
	cr_expect_eq(hypothesis.drops, 7, "they are still to come");
	cr_expect_lt(sampled(&hypothesis, 2, 7, &leaves), 10, "one had not entered yet");
	cr_expect_geq(sampled(&hypothesis, 3, 7, &leaves), 15, "and only one");
	early.drops = 4;
	cr_expect_geq(hypothesis_observe(&hypothesis, &early, &leaves), 15,
		      "more than that can cost");
}
