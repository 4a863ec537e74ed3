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
}

static bool was_hit(const struct attempt *a)
{
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++)
		if (cause_is_drop(a->causes[i].cause))
			return true;
	return false;
}

/* b - a, at the end of the range instead of beyond it: a file can hold any time. */
static int64_t between(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(b, a, &difference))
		return a < b ? INT64_MAX : 0;
	return difference;
}

/* -1: it never got through, as far as is known. */
static int64_t time_needed(const struct attempt *a)
{
	int64_t accepted = a->accept_ns != TIME_UNKNOWN ? a->accept_ns : a->accept_before_ns;

	if (a->outcome != OUTCOME_ACCEPTED && a->outcome != OUTCOME_ESTABLISHED)
		return -1;
	if (accepted != TIME_UNKNOWN && a->syn_ns != TIME_UNKNOWN)
		return between(a->syn_ns, accepted);
	return a->connect_ns;
}

void cost_add(struct cost *cost, const struct attempt *a)
{
	int64_t needed = time_needed(a);
	bool hit = was_hit(a);

	/* What another host's listener cost is not this host's doing. */
	if (a->role == ROLE_OUTBOUND || a->role == ROLE_FORWARDED)
		return;
	if (needed == -1)
		cost->never += hit;
	else
		histogram_add(hit	    ? &cost->hit
			      : a->syns > 1 ? &cost->again
					    : &cost->spared,
			      needed);
}
