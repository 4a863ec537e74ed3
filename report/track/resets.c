/*
 * What RSTs say of accept(), with the samples that follow them.
 *
 * A server's: an accept queue sends none, unless its listener closes: so where
 * the listener was open after it, accept() had returned the connection, and whoever had it
 * closed it. That shows with the next sample of the listener.
 *
 * A client's, while it waited: sock_diag does not find such a ghost any more, but it keeps its
 * place, and accept() returns it in its turn. Where that is not reported, the samples of the
 * queue tell when it was.
 */
#include "report/track/parts.h"

void tracker_await_sample(struct tracker *t, const struct open_attempt *a)
{
	struct tracker_resets *r = &t->resets;

	if (!open_saw(a, SEEN_RST_UNASKED) || a->moved_by != MOVE_LISTENER_CLOSED ||
	    r->count == TRACKER_RESETS_MAX)
		return; /* it is concluded when it is finished */
	r->index[r->count] = table_index(t->table, a);
	r->isn[r->count++] = a->isn;
}

int64_t tracker_reset_ns(const struct tracker *t, const struct open_attempt *a)
{
	const struct detail *d = details_at(t->details, a->detail);
	int64_t time_ns = TIME_UNKNOWN;

	if (!open_saw(a, SEEN_RST_SERVER))
		return TIME_UNKNOWN;
	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;) {
		const struct detail_mark *mark = details_mark(t->details, m);

		if (mark->mark.kind == MARK_RST_SERVER)
			time_ns = mark->mark.time_ns;
		m = mark->next;
	}
	return time_ns != TIME_UNKNOWN ? time_ns : a->end_ns;
}

bool tracker_conclude_reset(struct tracker *t, struct open_attempt *a)
{
	int64_t time_ns;

	if (!t->options.queues || !open_saw(a, SEEN_RST_UNASKED) ||
	    a->moved_by != MOVE_LISTENER_CLOSED || !queues_accept_sampled(t->options.queues, a))
		return false;
	time_ns = tracker_reset_ns(t, a);
	if (!queues_open_after(t->options.queues, a, time_ns))
		return false;
	queues_accepted_before(t->options.queues, a);
	tracker_accepted_before(t, a, time_ns);
	return true;
}

void tracker_conclude_resets(struct tracker *t)
{
	struct tracker_resets *r = &t->resets;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		struct open_attempt *a = table_at(t->table, r->index[i]);

		if (!open_is_used(a) || a->isn != r->isn[i] || tracker_conclude_reset(t, a))
			continue;
		r->index[kept] = r->index[i];
		r->isn[kept++] = r->isn[i];
	}
	r->count = kept;
}

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
