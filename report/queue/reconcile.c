/*
 * One sample against the arrivals: whose judgement is turned round where they differ.
 */
#include "report/queue/reconcile.h"

#include "report/queue/reason/reason.h"

void queue_see_answers(struct queue *q, const struct queue_sample *s, struct table *table)
{
	size_t count = s ? s->reach : q->arrivals.count;

	for (size_t i = 0; i < count; i++) {
		struct arrival *a = &q->arrivals.list[i];
		const struct open_attempt *open;

		if (a->kind != ARRIVAL_SYN || a->answered)
			continue;
		if (s && arrival_order(a, s) == ARRIVED_AFTER)
			break;
		open = arrival_attempt(a, table);
		if (open && !open_saw(open, SEEN_NO_ANSWER) && open->last_syn_ns == a->time_ns) {
			a->answered = true;
			a->met_old = open_saw(open, SEEN_CHALLENGE) && !a->challenged;
		}
	}
}

/* Whether its client has been found to be without a child since. */
static bool refused_since(struct queue *q, const struct arrival *arrival)
{
	const struct arrival *a = queue_newest(q, arrival->index, arrival->isn);

	for (; a && a > arrival; a = queue_earlier(q, a))
		if (a->kind == ARRIVAL_REFUSED && a->proven)
			return true;
	return false;
}

/* This one let its client in: what the client has sent since asks for no place. */
static void enter_with(struct queue *q, struct arrival *arrival)
{
	struct arrival *a = queue_newest(q, arrival->index, arrival->isn);

	arrival->kind = ARRIVAL_ENTER;
	for (; a && a > arrival; a = queue_earlier(q, a))
		if (a->kind == ARRIVAL_REFUSED)
			a->kind = ARRIVAL_AGAIN;
}

/* Where its attempt stands then; NULL: it is gone. */
static void correct(struct open_attempt *open, enum arrival_kind kind)
{
	if (open)
		open_move(open,
			  kind == ARRIVAL_ENTER ? MOVE_ENTERED_AFTER_ALL : MOVE_REFUSED_AFTER_ALL);
}

/* Turns the judgement of one unproven final ACK round. */
static bool turn_round(struct queue *q, const struct queue_sample *s, enum arrival_kind from,
		       enum arrival_kind to, struct table *table)
{
	struct arrival *best = NULL;

	for (size_t i = 0; i < s->reach; i++) {
		struct arrival *a = &q->arrivals.list[i];

		if (a->kind != from || a->proven || a->told == TOLD_DOUBT ||
		    arrival_order(a, s) == ARRIVED_AFTER ||
		    (to == ARRIVAL_ENTER && refused_since(q, a)))
			continue;
		/*
		 * Of those that entered the last is the doubtful one, of those refused the first.
		 */
		if (!best || from == ARRIVAL_ENTER)
			best = a;
	}
	if (!best)
		return false;
	if (to == ARRIVAL_ENTER)
		enter_with(q, best);
	else
		best->kind = (uint8_t)to;
	queue_correct_depth(q, to == ARRIVAL_ENTER ? 1 : -1);
	if (!best->cookie)
		queue_correct_half_open(q, best, to == ARRIVAL_ENTER ? -1 : 1);
	correct(arrival_attempt(best, table), to);
	return true;
}

static void depth_range(const struct queue *q, const struct queue_sample *s, int64_t *low,
			int64_t *high)
{
	*low = *high = q->settled.depth;
	for (size_t i = 0; i < s->reach; i++) {
		const struct arrival *a = &q->arrivals.list[i];
		int delta = arrival_delta(a);

		switch (arrival_order(a, s)) {
		case ARRIVED_BEFORE:
			*low += delta;
			*high += delta;
			break;
		case ARRIVED_WITHIN:
			if (delta < 0)
				*low += delta;
			else
				*high += delta;
			break;
		case ARRIVED_AFTER:
			break;
		}
	}
}

/* Makes the rebuilt depth agree with the sampled one. Returns departures to be inferred. */
static int64_t reconcile_depth(struct queue *q, const struct queue_sample *s, struct table *table)
{
	int64_t low, high, depth = s->depth, left = 0;

	if (!q->settled.known) {
		/* The first sample says what was there when observation began. */
		depth_range(q, s, &low, &high);
		q->settled.depth += depth - (depth > high ? high : depth < low ? low : depth);
		if (q->settled.depth < 0)
			q->settled.depth = 0;
		queue_correct_depth(q, (int)q->settled.depth);
		q->settled.known = true;
		queue_step(q, s->before_ns, 0);
		return 0;
	}
	for (;;) {
		depth_range(q, s, &low, &high);
		if (depth > high) {
			if (turn_round(q, s, ARRIVAL_REFUSED, ARRIVAL_ENTER, table))
				continue;
			q->sums.disagreements += q->accept_exact;
			q->settled.depth += depth - high;
			queue_correct_depth(q, (int)(depth - high));
		} else if (depth < low - left) {
			if (!q->accept_exact) {
				left = low - depth;
				break;
			}
			if (turn_round(q, s, ARRIVAL_ENTER, ARRIVAL_REFUSED, table))
				continue;
			q->sums.disagreements++;
			q->settled.depth -= low - depth;
			queue_correct_depth(q, (int)(depth - low));
		}
		break;
	}
	return left;
}

/* This final ACK, taken to be refused, had entered; what stood for it later had not. */
static void enter_instead(struct queue *q, struct arrival *a, struct open_attempt *open)
{
	struct arrival *entered = queue_find(q, ARRIVAL_ENTER, a->index, a->isn);

	enter_with(q, a);
	if (entered) {
		entered->kind = ARRIVAL_SETTLED;
		a->proven = entered->proven;
		return;
	}
	queue_correct_depth(q, 1);
	if (!a->cookie)
		queue_correct_half_open(q, a, -1);
	correct(open, ARRIVAL_ENTER);
}

void queue_meet_sibling(struct queue *q, struct table *table)
{
	for (size_t i = 0; i < q->arrivals.count; i++) {
		struct arrival *a = &q->arrivals.list[i];
		struct open_attempt *open;

		if (a->kind != ARRIVAL_REFUSED || a->proven || a->told != TOLD_NOTHING ||
		    a->dropped_at || a->aborted)
			continue;
		open = arrival_attempt(a, table);
		if (open && !open_knows(open, KNOWN_NO_CHILD))
			enter_instead(q, a, open);
	}
}

/*
 * The socket dropped fewer packets than were judged to be refused: accept() made room between
 * two samples, and some final ACK entered. The last of them first, since room comes with time;
 * but none of a client that was looked for and found to be half-open or gone.
 */
static void reconcile_refused(struct queue *q, const struct queue_sample *s, struct table *table)
{
	int64_t excess =
	    q->sk_drops.settled - (int64_t)(uint32_t)(s->drops - q->sk_drops.group_first);

	if (!s->drops_known || q->grouped)
		return;
	for (size_t i = 0; i < s->reach; i++)
		if (arrival_order(&q->arrivals.list[i], s) == ARRIVED_BEFORE)
			excess += arrival_sk_drops(&q->arrivals.list[i]);
	for (size_t i = s->reach; i-- > 0 && excess > 0;) {
		struct arrival *a = &q->arrivals.list[i];
		struct open_attempt *open;

		if (a->kind != ARRIVAL_REFUSED || a->proven ||
		    arrival_order(a, s) != ARRIVED_BEFORE)
			continue;
		open = arrival_attempt(a, table);
		if (!open || open_knows(open, KNOWN_NO_CHILD))
			continue;
		excess -= arrival_sk_drops(a);
		enter_instead(q, a, open);
	}
}

/* What can let this one's client in instead: the first that it sent after it, or NULL. */
static struct arrival *sent_next(struct queue *q, const struct arrival *arrival)
{
	struct arrival *a = queue_newest(q, arrival->index, arrival->isn), *first = NULL;

	for (; a && a > arrival; a = queue_earlier(q, a))
		if (a->kind == ARRIVAL_AGAIN)
			first = a;
	return first;
}

/* It had not entered: what its client sent next did, or will. */
static void refuse_instead(struct queue *q, struct arrival *a, struct arrival *next,
			   struct table *table)
{
	a->kind = ARRIVAL_REFUSED;
	if (next)
		next->proven |= a->proven; /* that one of them entered */
	a->proven = false;
	if (!a->cookie)
		queue_correct_half_open(q, a, 1);
	if (!next) {
		queue_correct_depth(q, -1);
		correct(arrival_attempt(a, table), ARRIVAL_REFUSED);
		return;
	}
	next->kind = ARRIVAL_ENTER;
	if (!a->cookie)
		queue_correct_half_open(q, next, -1);
}

/* More than what was judged to be dropped before this sample; none where something else asks. */
static int64_t missing_drops(const struct queue *q, const struct queue_sample *s)
{
	int64_t missing =
	    (int64_t)(uint32_t)(s->drops - q->sk_drops.group_first) - q->sk_drops.settled;

	for (size_t i = 0; i < s->reach; i++) {
		const struct arrival *a = &q->arrivals.list[i];

		if (arrival_order(a, s) == ARRIVED_AFTER)
			continue;
		if (arrival_may_drop(a))
			return 0;
		missing -= arrival_sk_drops(a);
	}
	return missing;
}

/*
 * The socket dropped more packets than were judged to be refused: accept() made room for one
 * only, when its report seemed to have made room for two. The last that entered had not; nor
 * had what it sent next by then, where the sample does not show so many.
 */
static void reconcile_entered(struct queue *q, const struct queue_sample *s, struct table *table)
{
	int64_t missing, low, high;

	if (!s->drops_known || q->grouped || !q->accept_exact)
		return;
	missing = missing_drops(q, s);
	depth_range(q, s, &low, &high);
	for (size_t i = s->reach; i-- > 0 && missing > 0;) {
		struct arrival *a = &q->arrivals.list[i], *next;
		int drops =
		    tally_sk_drops(a->cookie ? TALLY_COOKIE_ACK_FULL : TALLY_ACK_ACCEPT_FULL);

		if (a->kind != ARRIVAL_ENTER || (a->proven && a->told != TOLD_DOUBT) ||
		    drops > missing || arrival_order(a, s) != ARRIVED_BEFORE)
			continue;
		next = sent_next(q, a);
		if (!next || arrival_order(next, s) != ARRIVED_BEFORE) {
			if (s->depth >= high)
				continue;
			high--;
		}
		refuse_instead(q, a, next, table);
		missing -= drops;
	}
}

bool queue_sampled_early(struct queue *q, size_t sample, struct table *table)
{
	struct queue_sample *s = &q->samples.pending[sample];
	int64_t room, low, high;
	bool dropping = false, entering = false;

	if (sample + 1 == q->samples.pending_count || !s->drops_known ||
	    !q->sk_drops.group_settled || !q->settled.known ||
	    (q->samples.early_ns != TIME_UNKNOWN &&
	     s->before_ns - q->samples.early_ns > CAPTURE_LEAD_MAX_NS))
		return false;
	s->reach = arrivals_until(q, s);
	queue_see_answers(q, s, table);
	room = (int64_t)(uint32_t)(s->drops - q->sk_drops.group_first) - q->sk_drops.settled;
	for (size_t i = 0; i < s->reach; i++) {
		const struct arrival *a = &q->arrivals.list[i];
		bool young = a->time_ns > s->before_ns - CAPTURE_LEAD_MAX_NS;
		int drops = arrival_sk_drops(a) + arrival_may_drop(a);

		if (arrival_order(a, s) != ARRIVED_BEFORE)
			continue;
		room -= drops;
		dropping |= young && drops;
		entering |= young && a->kind == ARRIVAL_ENTER;
	}
	depth_range(q, s, &low, &high);
	return (dropping && room < 0) || (entering && q->accept_exact && s->depth < low);
}

/* It had not entered, and no queue was the reason: what its client sent next did, or will. */
static void dislike(struct queue *q, struct arrival *a, struct arrival *next, struct table *table)
{
	struct open_attempt *open = arrival_attempt(a, table);

	if (next) {
		next->kind = ARRIVAL_ENTER;
		next->proven = a->proven;
	} else {
		queue_correct_depth(q, -1);
		if (!a->cookie)
			queue_correct_half_open(q, a, 1);
		correct(open, ARRIVAL_REFUSED);
		if (open)
			open_move(open, MOVE_DISLIKED);
	}
	a->kind = ARRIVAL_STRAY;
	a->acknowledges = true;
	a->proven = false;
}

/*
 * The socket dropped packets, ListenOverflows did not move, and the depth did not rise with
 * those that are taken to have entered: some of them did not, and no queue was the reason.
 * left: how many are missing in the depth. Returns how many still are.
 */
static int64_t reconcile_disliked(struct queue *q, const struct queue_sample *s,
				  struct table *table, int64_t left)
{
	int64_t missing;

	if (left <= 0 || !s->drops_known || q->grouped || q->accept_exact)
		return left;
	missing = missing_drops(q, s);
	for (size_t i = s->reach; i-- > 0 && missing > 0 && left > 0;) {
		struct arrival *a = &q->arrivals.list[i], *next;

		if (a->kind != ARRIVAL_ENTER || arrival_order(a, s) != ARRIVED_BEFORE ||
		    reason_allows_overflow(q, a->time_ns, s->time_ns))
			continue;
		next = sent_next(q, a);
		if (next ? arrival_order(next, s) == ARRIVED_BEFORE : a->proven)
			continue;
		dislike(q, a, next, table);
		left--;
		missing--;
	}
	return left;
}

int64_t queue_reconcile(struct queue *q, const struct queue_sample *s, struct table *table)
{
	int64_t left = reconcile_depth(q, s, table);

	reconcile_refused(q, s, table);
	queue_see_answers(q, s, table);
	reconcile_entered(q, s, table);
	return reconcile_disliked(q, s, table, left);
}
