/*
 * What later packets and lookups prove of a final ACK, and the corrections of what was
 * judged before.
 */
#include "report/queue/arrival.h"
#include "report/queue/reason/reason.h"

/* A bare ACK that a listener with room did not take: TCP_DEFER_ACCEPT waits for data. */
static void prove_deferred(struct queue *q, struct open_attempt *attempt, struct mark *mark)
{
	open_move(attempt, MOVE_DEFERRED_AFTER_ALL);
	if (!mark || mark->cause_known)
		return;
	mark->cause_known = true;
	mark->cause = CAUSE_DEFER_ACCEPT;
	mark->confidence = CONFIDENCE_INFERRED; /* a filter may have taken it */
	queue_tally(q, TALLY_DEFERRED_ACK, mark->time_ns, 1);
}

static void prove_dropped(struct queue *q, const struct open_attempt *attempt, struct mark *mark)
{
	bool cookie = open_knows(attempt, KNOWN_COOKIE);

	if (!mark)
		return;
	/* That it did not enter is certain now; for what reason, the counters alone can tell. */
	mark->refused = true;
	if (mark->cause_known && mark->counted)
		mark->confidence = CONFIDENCE_EXACT;
	if (mark->cause_known)
		return;
	/* What it met before observation began, no counter of this report has counted. */
	if (open_knows(attempt, KNOWN_BEFORE) && mark->time_ns < q->window->from_ns) {
		mark->dropped = true;
		return;
	}
	mark->confidence = CONFIDENCE_INFERRED;
	mark->dropped = mark->cause_known = true;
	mark->cause = cookie ? CAUSE_COOKIE_ACK_DROPPED : CAUSE_ACCEPT_QUEUE_FULL_ACK;
	mark->limit = queue_limit_at(q, mark->time_ns);
	mark->depth = !q->grouped ? mark->limit + 1 : MARK_DEPTH_UNKNOWN;
	mark->dropper = q->grouped ? 0 : (uint16_t)(q->index + 1);
	queue_count_drop(q, NULL, mark->time_ns, mark->cause);
	queue_tally(q, cookie ? TALLY_COOKIE_ACK_FULL : TALLY_ACK_ACCEPT_FULL, mark->time_ns, 1);
	if (cookie)
		queue_tally(q, TALLY_COOKIE_ACK, mark->time_ns, -1);
}

/* Its SYN, and its final ACKs that were dropped and settled as the other kind. */
static void correct_marks(struct queue *q, const struct open_attempt *attempt,
			  struct details *details, bool cookie)
{
	const struct detail *d = details_at(details, attempt->detail);
	enum cause was = cookie ? CAUSE_ACCEPT_QUEUE_FULL_ACK : CAUSE_COOKIE_ACK_DROPPED;
	enum cause is = cookie ? CAUSE_COOKIE_ACK_DROPPED : CAUSE_ACCEPT_QUEUE_FULL_ACK;
	enum tally gains = cookie ? TALLY_COOKIE_ACK_FULL : TALLY_ACK_ACCEPT_FULL;
	enum tally loses = cookie ? TALLY_ACK_ACCEPT_FULL : TALLY_COOKIE_ACK_FULL;

	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;
	     m = details_mark(details, m)->next) {
		struct mark *mark = &details_mark(details, m)->mark;

		if (cookie && mark->kind == MARK_SYN && mark->time_ns == attempt->last_syn_ns) {
			mark->cause_known = true;
			mark->cause = CAUSE_SYN_COOKIE;
			mark->confidence = CONFIDENCE_EXACT;
		} else if (!cookie && mark->cause_known && mark->cause == CAUSE_SYN_COOKIE) {
			mark->cause_known = false;
		}
		if (!mark->cause_known || !mark->dropped || mark->cause != was)
			continue;
		mark->cause = is;
		queue_tally(q, loses, mark->time_ns, -1);
		queue_tally(q, gains, mark->time_ns, 1);
	}
}

void queue_prove_cookie(struct queue *queue, struct open_attempt *attempt, uint32_t index,
			struct details *details, bool cookie)
{
	struct arrival *syn = queue_find(queue, ARRIVAL_SYN, index, attempt->isn);
	int change = cookie ? 1 : -1;

	if (syn)
		syn->cookie_proven = cookie;
	if (cookie && attempt->last_synack_ns > queue->last_cookie_ns)
		queue->last_cookie_ns = attempt->last_synack_ns;
	if (cookie == open_knows(attempt, KNOWN_COOKIE))
		return;
	open_move(attempt, cookie ? MOVE_COOKIE_PROVEN : MOVE_REQUEST_PROVEN);
	queue->now.half_open -= change;
	if (queue->now.half_open < 0)
		queue->now.half_open = 0;
	for (struct arrival *a = queue_newest(queue, index, attempt->isn); a;
	     a = queue_earlier(queue, a))
		a->cookie = cookie;
	if (syn || !attempt->settled || cookie == !!(attempt->settled & PLACE_COOKIE))
		return;
	queue_tally(queue, TALLY_SYN_COOKIE, attempt->last_syn_ns, change);
	attempt->settled &= PLACE_ENTERED;
	if (cookie)
		attempt->settled |= PLACE_COOKIE;
	if (attempt->settled & PLACE_ENTERED) {
		queue_tally(queue, TALLY_COOKIE_ACK, attempt->ack_ns, change);
	} else {
		attempt->settled |= cookie ? 0 : PLACE_REQUEST;
		queue->settled.requests -= change;
	}
	if (queue->settled.requests < 0)
		queue->settled.requests = 0;
	if (details_open(details, attempt))
		correct_marks(queue, attempt, details, cookie);
}

/* No full queue dropped this final ACK after all. */
static void take_back(struct queue *queue, const struct mark *ack)
{
	bool cookie = ack->cause == CAUSE_COOKIE_ACK_DROPPED;

	queue_take_back_drop(queue, ack);
	queue_tally(queue, cookie ? TALLY_COOKIE_ACK_FULL : TALLY_ACK_ACCEPT_FULL, ack->time_ns,
		    -1);
	if (cookie)
		queue_tally(queue, TALLY_COOKIE_ACK, ack->time_ns, 1);
}

void queue_prove_entered(struct queue *queue, struct open_attempt *attempt, struct details *details)
{
	const struct detail *d = details_at(details, attempt->detail);
	struct mark *last = NULL;

	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;
	     m = details_mark(details, m)->next) {
		struct mark *mark = &details_mark(details, m)->mark;

		if (mark->dropped && mark_stands_for_ack(mark))
			last = mark;
	}
	if (!last)
		return;
	last->dropped = last->cause_known = last->refused = false;
	if (cause_is_drop(last->cause))
		take_back(queue, last);
	if ((attempt->settled & PLACE_REQUEST) && queue->settled.requests > 0)
		queue->settled.requests--;
	attempt->settled &= PLACE_COOKIE;
	attempt->settled |= PLACE_ENTERED;
}

/* A final ACK that had room, and of which only sk_drops can tell now what became of it. */
static void arrive_disliked(struct queue *queue, const struct mark *mark,
			    const struct open_attempt *attempt, uint32_t index)
{
	struct arrival *a = queue_arrive(queue, ARRIVAL_STRAY, mark->time_ns, attempt, index);

	if (!a)
		return;
	a->acknowledges = true;
	if (a->cookie && (attempt->settled & PLACE_ENTERED))
		queue_tally(queue, TALLY_COOKIE_ACK, mark->time_ns, -1);
}

/* queues_front_ack() has told why the request did not take it. */
static bool is_rejected(const struct open_attempt *attempt, const struct mark *ack)
{
	return attempt->front && open_knows(attempt, KNOWN_DISLIKED) &&
	       ack->time_ns == attempt->ack_ns;
}

void queue_prove_refused(struct queue *queue, struct open_attempt *attempt, uint32_t index,
			 struct details *details, enum open_move shown)
{
	struct arrival *a = queue_find(queue, ARRIVAL_REFUSED, index, attempt->isn);
	bool was_queued = open_is_queued(attempt);
	bool had_room =
	    !open_knows(attempt, KNOWN_NEARLY_FULL) && !open_knows(attempt, KNOWN_COOKIE);
	bool overflowed = true; /* as far as ListenOverflows tells */
	bool defers = queue->defers_s != 0;
	const struct detail *d;
	struct mark *last = NULL;

	open_move(attempt, shown);
	if (a) {
		a->proven = true;
		return;
	}
	a = queue_find(queue, ARRIVAL_STRAY, index, attempt->isn);
	if (a && (a->wants_place || a->rejected))
		return; /* the search thinks so, too, and settles it; or it is known */
	a = queue_find(queue, ARRIVAL_ENTER, index, attempt->isn);
	if (a)
		overflowed = reason_allows_overflow(queue, a->time_ns, a->done_ns);
	had_room |= !overflowed;
	if (a && a->dropped_at == 1 + DROP_ACK_ACCEPT_QUEUE)
		had_room = false;
	if (a && !a->proven) {
		if (was_queued)
			queue_correct_depth(queue, -1);
		a->proven = true;
		if (!had_room) {
			a->kind = ARRIVAL_REFUSED;
			return;
		}
		if (defers) {
			a->kind = ARRIVAL_DEFERRED;
			open_move(attempt, MOVE_DEFERRED_AFTER_ALL);
			return;
		}
		/* The request did not like it: PAWS, or out of its window (tcp_check_req). */
		open_move(attempt, MOVE_DISLIKED);
		a->kind = ARRIVAL_STRAY;
		a->proven = false;
		a->acknowledges = true;
		return;
	}
	if (queue_find(queue, ARRIVAL_DEFERRED, index, attempt->isn))
		return; /* it is taken for that, and yet to be settled */
	/* Settled by now: its mark and the sums are put right. */
	d = details_open(details, attempt);
	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;
	     m = details_mark(details, m)->next) {
		struct mark *mark = &details_mark(details, m)->mark;

		/* A segment that has a FIN too has two: the first is judged. */
		if (mark_stands_for_ack(mark) && !(last && last->time_ns == mark->time_ns))
			last = mark;
	}
	if (last)
		overflowed = reason_allows_overflow(queue, last->time_ns, TIME_UNKNOWN);
	had_room |= !overflowed;
	if (last && last->cause_known && last->dropped && !cause_is_drop(last->cause))
		last = NULL; /* it has its reason */
	else if (!had_room || (last && last->cause_known && last->dropped))
		prove_dropped(queue, attempt, last);
	else if (defers)
		prove_deferred(queue, attempt, last);
	else if (last && !is_rejected(attempt, last))
		arrive_disliked(queue, last, attempt, index);
	if ((attempt->settled & PLACE_ENTERED) && !open_knows(attempt, KNOWN_COOKIE)) {
		queue->settled.requests++;
		attempt->settled |= PLACE_REQUEST;
	}
	attempt->settled &= PLACE_REQUEST | PLACE_COOKIE;
	/*
	 * The depth stays: samples have confirmed it since, so somebody else is in this
	 * place, who is known when accept() returns him (queue_prove_entered).
	 */
	if (was_queued && queue->accept_exact)
		return;
	if (was_queued && queue->settled.depth > 0) {
		queue->settled.depth--;
		queue_correct_depth(queue, -1);
	}
}
