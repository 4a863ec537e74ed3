/*
 * What drops cost the clients, attempt by attempt.
 */
#include "report/measure/cost.h"

#include <stdbool.h>

void cost_init(struct cost *cost)
{
	cost->never = 0;
	histogram_init(&cost->hit);
	histogram_init(&cost->again);
	histogram_init(&cost->spared);
	cost->waiting = 0;
	cost->waiting_since_ns = TIME_UNKNOWN;
}

static bool was_hit(const struct attempt *a)
{
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++)
		if (cause_is_drop(a->causes[i].cause))
			return true;
	return false;
}

static bool got_through(const struct attempt *a)
{
	return a->outcome == OUTCOME_ACCEPTED || a->outcome == OUTCOME_ESTABLISHED;
}

/* One that waits or is under way may get through yet. The page has the same list (rows.js). */
static bool failed(const struct attempt *a)
{
	return !got_through(a) && a->outcome != OUTCOME_WAITING && a->outcome != OUTCOME_OPEN &&
	       a->outcome != OUTCOME_JOINED;
}

/* -1: it never got through, or how long it needed is not known. */
static int64_t time_needed(const struct attempt *a)
{
	int64_t accepted = a->accept_ns != TIME_UNKNOWN ? a->accept_ns : a->accept_before_ns;

	/* Its first SYN was before. */
	if (!got_through(a) || a->began_before)
		return -1;
	if (accepted != TIME_UNKNOWN && a->syn_ns != TIME_UNKNOWN)
		return clock_since(accepted, a->syn_ns);
	return a->connect_ns;
}

/*
 * Whether it is the retransmission of its SYN that it waited for: a second one right behind the
 * first, which had been answered, costs nothing, and a slow accept() is something else.
 */
static bool waited_for_syn(const struct attempt *a, int64_t needed)
{
	int64_t last_ns = TIME_UNKNOWN;

	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++)
		if (a->marks[i].kind == MARK_SYN)
			last_ns = a->marks[i].time_ns;
	if (a->syns <= 1 || last_ns == TIME_UNKNOWN || a->syn_ns == TIME_UNKNOWN)
		return a->syns > 1;
	return clock_since(last_ns, a->syn_ns) >= needed / 2;
}

static void add_waiting(struct cost *cost, const struct attempt *a)
{
	int64_t since_ns = a->entered_ns != TIME_UNKNOWN ? a->entered_ns : a->ack_ns;

	if (a->outcome != OUTCOME_WAITING)
		return;
	cost->waiting++;
	if (since_ns != TIME_UNKNOWN &&
	    (cost->waiting_since_ns == TIME_UNKNOWN || since_ns < cost->waiting_since_ns))
		cost->waiting_since_ns = since_ns;
}

void cost_add(struct cost *cost, const struct attempt *a)
{
	int64_t needed = time_needed(a);
	bool hit = was_hit(a);

	/* What another host's listener cost is not this host's doing. */
	if (a->role == ROLE_OUTBOUND || a->role == ROLE_FORWARDED)
		return;
	add_waiting(cost, a);
	if (needed == -1)
		cost->never += hit && failed(a);
	else
		histogram_add(hit			  ? &cost->hit
			      : waited_for_syn(a, needed) ? &cost->again
							  : &cost->spared,
			      needed);
}
