/*
 * Connections that their client reset while they waited. sock_diag does not find them any more,
 * but they keep their place, and accept() returns them in their turn. Where that is not
 * reported, the samples of the queue tell when it was.
 */
#include "report/track/parts.h"

void tracker_await_ghost(struct tracker *t, const struct open_attempt *a)
{
	struct tracker_ghosts *g = &t->ghosts;

	/* Where its final ACK may have been refused, nothing says that it was in the queue. */
	if (!open_is_queued(a) || open_knows(a, KNOWN_NEARLY_FULL) ||
	    !queues_accept_sampled(t->options.queues, a))
		return;
	if (g->count == TRACKER_GHOSTS_MAX) {
		g->refused++;
		return;
	}
	g->index[g->count] = table_index(t->table, a);
	g->isn[g->count++] = a->isn;
}

/* True when accept() has returned it, by the end of this sample. */
static bool conclude(struct tracker *t, struct open_attempt *a, int64_t time_ns)
{
	struct detail *d = details_open(t->details, a);

	if (queues_has_left(t->options.queues, a)) {
		queues_accepted_before(t->options.queues, a);
		tracker_accepted_before(t, a, time_ns);
		return true;
	}
	if (d)
		d->waiting_ns = queues_still_waiting_ns(t->options.queues, a, d->waiting_ns);
	return false;
}

void tracker_conclude_ghosts(struct tracker *t, int64_t time_ns)
{
	struct tracker_ghosts *g = &t->ghosts;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < g->count; i++) {
		struct open_attempt *a = table_at(t->table, g->index[i]);

		if (!open_is_used(a) || a->isn != g->isn[i] || !open_is_queued(a) ||
		    conclude(t, a, time_ns))
			continue;
		g->index[kept] = g->index[i];
		g->isn[kept++] = g->isn[i];
	}
	g->count = kept;
}
