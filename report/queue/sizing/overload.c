/*
 * Replays the arrivals against a server that takes a waiting connection every gap_ns, as this one
 * did, and finds the busy time in which somebody would have waited the longest: from when the
 * queue was empty to when it is so again. Where observation began or ended within it, it is not
 * known how many more came, and a queue of any length may have been too short.
 */
#include "report/queue/sizing/sizing.h"

#include <stdlib.h>

struct busy {
	int64_t from_ns;
	int64_t free_ns; /* it is over */
	int64_t wait_max_ns;
	uint64_t came;
	bool began;
};

/* It was under way when observation began, and not accepted for a while after that. */
static bool is_cut_before(const struct sizing_client *c, int64_t start_ns)
{
	return c->began_before && (c->accept_ns == TIME_UNKNOWN ||
				   clock_since(c->accept_ns, start_ns) >= SIZING_NOTICED_NS);
}

/* And it waited in the queue then. */
static bool was_waiting(const struct sizing_client *c, int64_t start_ns)
{
	return is_cut_before(c, start_ns) && c->entered_ns != TIME_UNKNOWN &&
	       c->entered_ns <= start_ns;
}

static struct busy find_worst(const struct sizing *sizing, int64_t gap_ns, int64_t start_ns)
{
	struct busy now = {.free_ns = INT64_MIN}, worst = now;

	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		int64_t at_ns = now.free_ns > c->arrival_ns ? now.free_ns : c->arrival_ns;

		if (c->arrival_ns > now.free_ns)
			now = (struct busy){.from_ns = c->arrival_ns};
		if (clock_since(at_ns, c->arrival_ns) > now.wait_max_ns)
			now.wait_max_ns = clock_since(at_ns, c->arrival_ns);
		now.came++;
		now.began = now.began || was_waiting(c, start_ns);
		if (__builtin_add_overflow(at_ns, gap_ns, &now.free_ns))
			now.free_ns = INT64_MAX;
		/* The last of equals: what goes on is worse than what is over. */
		if (now.wait_max_ns >= worst.wait_max_ns)
			worst = now;
		else if (now.from_ns == worst.from_ns)
			worst.free_ns = now.free_ns, worst.came = now.came;
	}
	return worst;
}

/* Who comes to one end of what was observed and is not through soon. */
static void find_cuts(const struct sizing *sizing, int64_t start_ns, int64_t end_ns,
		      struct sizing_overload *answer)
{
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		if (is_cut_before(c, start_ns))
			answer->cut_before = true;
		if (c->waits && end_ns != TIME_UNKNOWN &&
		    clock_since(end_ns, c->arrival_ns) >= SIZING_NOTICED_NS)
			answer->cut_after = true;
	}
}

struct sizing_overload sizing_overload(const struct sizing *sizing,
				       const struct sizing_service *service, int64_t start_ns,
				       int64_t end_ns)
{
	struct sizing_overload answer = {0};
	struct busy worst;
	int64_t left_ns;

	find_cuts(sizing, start_ns, end_ns, &answer);
	if (!sizing->count || !service->known || end_ns == TIME_UNKNOWN)
		return answer;
	worst = find_worst(sizing, service->gap_ns, start_ns);
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		answer.waiting += c->waits;
		answer.taken += c->accept_ns != TIME_UNKNOWN && c->accept_ns >= worst.from_ns;
	}
	left_ns = clock_since(worst.free_ns, end_ns);
	answer.began = worst.began;
	answer.ended =
	    answer.waiting && left_ns >= SIZING_NOTICED_NS && left_ns >= worst.wait_max_ns / 2;
	answer.came = worst.came;
	answer.for_ns = clock_since(end_ns, worst.from_ns > start_ns ? worst.from_ns : start_ns);
	return answer;
}
