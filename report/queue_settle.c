/*
 * Settling: the arrivals of a queue held against its samples.
 */
#include <string.h>

#include "report/arrival.h"
#include "report/histories.h"
#include "report/stamps.h"

/* Without samples an arrival is judged by the rebuilt depth alone after this. */
#define NO_SAMPLE_NS (2 * NS_PER_SEC)

/*
 * Where it is doubtful which answer a SYN got, timestamps are waited for as long, as they
 * come with what the server says first; but not among more arrivals than are searched well.
 */
#define AWAITED_NS	     (2 * NS_PER_SEC)
#define AWAITED_ARRIVALS_MAX 1024

static void drop_settled(struct queue *q)
{
	size_t n = 0;

	while (n < q->arrivals_count && q->arrivals[n].kind == ARRIVAL_SETTLED)
		n++;
	queue_forget(q, n);
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

/* Turns the judgement of one unproven final ACK round. */
static bool turn_round(struct queue *q, const struct queue_sample *s, enum arrival_kind from,
		       enum arrival_kind to, struct table *table)
{
	struct arrival *best = NULL;

	for (size_t i = 0; i < q->arrivals_count; i++) {
		struct arrival *a = &q->arrivals[i];

		if (a->kind != from || a->proven || arrival_order(a, s) == ARRIVED_AFTER ||
		    (to == ARRIVAL_ENTER && refused_since(q, a)))
			continue;
		/* Of those that entered the last is the doubtful one, of those refused the first.
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
	struct open_attempt *open = arrival_attempt(best, table);

	if (open && to == ARRIVAL_ENTER) {
		open->flags |= OPEN_ENTERED | OPEN_QUEUED;
		open->flags &= ~(uint32_t)OPEN_ACK_DROPPED;
	} else if (open) {
		open->flags |= OPEN_ACK_DROPPED;
		open->flags &= ~(uint32_t)(OPEN_ENTERED | OPEN_QUEUED);
	}
	return true;
}

static void depth_range(const struct queue *q, const struct queue_sample *s, int64_t *low,
			int64_t *high)
{
	*low = *high = q->base;
	for (size_t i = 0; i < q->arrivals_count; i++) {
		const struct arrival *a = &q->arrivals[i];
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

	if (!q->synced) {
		/* The first sample says what was there when observation began. */
		depth_range(q, s, &low, &high);
		q->base += depth - (depth > high ? high : depth < low ? low : depth);
		if (q->base < 0)
			q->base = 0;
		queue_correct_depth(q, (int)q->base);
		q->synced = true;
		series_add(&q->rebuilt, s->before_ns, (uint32_t)q->base);
		return 0;
	}
	for (;;) {
		depth_range(q, s, &low, &high);
		if (depth > high) {
			if (turn_round(q, s, ARRIVAL_REFUSED, ARRIVAL_ENTER, table))
				continue;
			q->disagreements += q->accept_exact;
			q->base += depth - high;
			queue_correct_depth(q, (int)(depth - high));
		} else if (depth < low - left) {
			if (!q->accept_exact) {
				left = low - depth;
				break;
			}
			if (turn_round(q, s, ARRIVAL_ENTER, ARRIVAL_REFUSED, table))
				continue;
			q->disagreements++;
			q->base -= low - depth;
			queue_correct_depth(q, (int)(depth - low));
		}
		break;
	}
	return left;
}

/* A SYN that a RST, an ICMP error or a bare ACK answered was not dropped either. */
static void see_answers(struct queue *q, const struct queue_sample *s, struct table *table)
{
	for (size_t i = 0; i < q->arrivals_count; i++) {
		struct arrival *a = &q->arrivals[i];
		const struct open_attempt *open;

		if (a->kind != ARRIVAL_SYN || a->answered)
			continue;
		if (s && arrival_order(a, s) == ARRIVED_AFTER)
			break;
		open = arrival_attempt(a, table);
		if (open && !(open->flags & OPEN_SYN_PENDING) && open->last_syn_ns == a->time_ns)
			a->answered = true;
	}
}

static struct drops_view view_drops(struct queue *q, const struct queue_sample *s)
{
	struct drops_view view = {.known = s->drops_known && q->group_settled,
				  .fullest = s->fullest};
	int64_t certain = 0, possible = 0, actual;

	if (!view.known)
		return view;
	actual = (int64_t)(uint32_t)(s->drops - q->group_first);
	for (size_t i = 0; i < q->arrivals_count; i++) {
		const struct arrival *a = &q->arrivals[i];
		enum arrival_order order = arrival_order(a, s);

		if (order == ARRIVED_BEFORE)
			certain += arrival_sk_drops(a);
		else if (order == ARRIVED_WITHIN)
			possible += arrival_sk_drops(a) + arrival_may_drop(a);
		if (order == ARRIVED_BEFORE && arrival_may_drop(a))
			view.asking++;
	}
	view.room_max = actual - q->drops_settled - certain;
	view.room_min = view.room_max - possible;
	return view;
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
	open->flags |= OPEN_ENTERED | OPEN_QUEUED;
	open->flags &= ~(uint32_t)OPEN_ACK_DROPPED;
}

/*
 * The socket dropped fewer packets than were judged to be refused: accept() made room between
 * two samples, and some final ACK entered. The last of them first, since room comes with time;
 * but none of a client that was looked for and found to be half-open or gone.
 */
static void reconcile_refused(struct queue *q, const struct queue_sample *s, struct table *table)
{
	int64_t excess = q->drops_settled - (int64_t)(uint32_t)(s->drops - q->group_first);

	if (!s->drops_known || q->siblings > 1)
		return;
	for (size_t i = 0; i < q->arrivals_count; i++)
		if (arrival_order(&q->arrivals[i], s) == ARRIVED_BEFORE)
			excess += arrival_sk_drops(&q->arrivals[i]);
	for (size_t i = q->arrivals_count; i-- > 0 && excess > 0;) {
		struct arrival *a = &q->arrivals[i];
		struct open_attempt *open;

		if (a->kind != ARRIVAL_REFUSED || a->proven ||
		    arrival_order(a, s) != ARRIVED_BEFORE)
			continue;
		open = arrival_attempt(a, table);
		if (!open || (open->flags & (OPEN_REQUEST | OPEN_GONE)))
			continue;
		excess -= arrival_sk_drops(a);
		enter_instead(q, a, open);
	}
}

/*
 * What can have let this one's client in instead: the first that it sent after it, and before
 * it was accepted. NULL: nothing that was there when this sample looked.
 */
static struct arrival *entry_instead(struct queue *q, const struct queue_sample *s,
				     const struct arrival *arrival)
{
	struct arrival *a = queue_newest(q, arrival->index, arrival->isn), *first = NULL;

	for (; a && a > arrival; a = queue_earlier(q, a))
		if (a->kind == ARRIVAL_LEAVE)
			first = NULL;
		else if (a->kind == ARRIVAL_AGAIN)
			first = a;
	return first && arrival_order(first, s) == ARRIVED_BEFORE ? first : NULL;
}

/* More than what was judged to be dropped before this sample; none where something else asks. */
static int64_t missing_drops(const struct queue *q, const struct queue_sample *s)
{
	int64_t missing = (int64_t)(uint32_t)(s->drops - q->group_first) - q->drops_settled;

	for (size_t i = 0; i < q->arrivals_count; i++) {
		const struct arrival *a = &q->arrivals[i];

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
 * only, when its report seemed to have made room for two. The last that entered was let in
 * by what it sent next.
 */
static void reconcile_entered(struct queue *q, const struct queue_sample *s)
{
	int64_t missing;

	if (!s->drops_known || q->siblings > 1 || !q->accept_exact)
		return;
	missing = missing_drops(q, s);
	for (size_t i = q->arrivals_count; i-- > 0 && missing > 0;) {
		struct arrival *a = &q->arrivals[i], *instead;
		int drops =
		    tally_sk_drops(a->cookie ? TALLY_COOKIE_ACK_FULL : TALLY_ACK_ACCEPT_FULL);

		if (a->kind != ARRIVAL_ENTER || a->proven || drops > missing ||
		    arrival_order(a, s) != ARRIVED_BEFORE)
			continue;
		instead = entry_instead(q, s, a);
		if (!instead)
			continue;
		a->kind = ARRIVAL_REFUSED;
		instead->kind = ARRIVAL_ENTER;
		if (!a->cookie) {
			queue_correct_half_open(q, a, 1);
			queue_correct_half_open(q, instead, -1);
		}
		missing -= drops;
	}
}

/*
 * What a sample shows too little of, among packets so young that they may not have been worked
 * on when it looked: then the next one is waited for, as long as that can be.
 */
static bool looked_early(struct queue *q, size_t sample, struct table *table)
{
	const struct queue_sample *s = &q->pending[sample];
	int64_t room, low, high;
	bool dropping = false, entering = false;

	if (sample + 1 == q->pending_count || !s->drops_known || !q->group_settled || !q->synced ||
	    (q->early_ns != TIME_UNKNOWN && s->before_ns - q->early_ns > STAMP_LEAD_MAX_NS))
		return false;
	see_answers(q, s, table);
	room = (int64_t)(uint32_t)(s->drops - q->group_first) - q->drops_settled;
	for (size_t i = 0; i < q->arrivals_count; i++) {
		const struct arrival *a = &q->arrivals[i];
		bool young = a->time_ns > s->before_ns - STAMP_LEAD_MAX_NS;
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

static void settle_sample(struct queue *q, const struct queue_sample *s, struct table *table,
			  struct details *details)
{
	int64_t left;
	struct drops_view view;

	if (s->drops_known && !q->group_settled) {
		q->group_settled = true;
		q->group_first = s->drops;
	}
	left = reconcile_depth(q, s, table);
	reconcile_refused(q, s, table);
	see_answers(q, s, table);
	reconcile_entered(q, s);
	view = view_drops(q, s);
	for (size_t i = 0; i < q->arrivals_count; i++) {
		struct arrival *a = &q->arrivals[i];

		if (arrival_order(a, s) != ARRIVED_BEFORE)
			break;
		arrival_settle(q, a, &view, table, details);
	}
	drop_settled(q);
	if (!q->accept_exact) {
		left -= q->owed;
		q->owed = 0;
	}
	if (left > 0) {
		queue_step(q, s->time_ns, -left);
		queue_correct_depth(q, (int)-left);
	}
}

static void settle_or_pass(struct queue *q, size_t sample, struct table *table,
			   struct details *details)
{
	if (looked_early(q, sample, table)) {
		if (q->early_ns == TIME_UNKNOWN)
			q->early_ns = q->pending[sample].before_ns;
		return;
	}
	q->early_ns = TIME_UNKNOWN;
	settle_sample(q, &q->pending[sample], table, details);
}

static void drop_pending(struct queue *q, size_t count)
{
	q->pending_count -= count;
	memmove(q->pending, q->pending + count, q->pending_count * sizeof(q->pending[0]));
}

/* From when on it is worth waiting for timestamps, among so few arrivals; INT64_MAX: not at all. */
static int64_t awaited_from(const struct queue *q, int64_t now_ns)
{
	if (q->arrivals_count > AWAITED_ARRIVALS_MAX)
		return INT64_MAX;
	for (size_t i = 0; i < q->arrivals_count; i++)
		if (q->arrivals[i].kind == ARRIVAL_SYN && q->arrivals[i].stamp == STAMP_AWAITED &&
		    q->arrivals[i].time_ns + AWAITED_NS > now_ns)
			return q->arrivals[i].time_ns;
	return INT64_MAX;
}

/* True when histories settle the queue now, or will when they have twice the delay to look at. */
static bool settle_by_histories(struct queue *q, int64_t now_ns, struct table *table,
				struct details *details)
{
	size_t count = 0;
	int64_t until_ns;

	if (!q->pending_count || !histories_needed(q))
		return false;
	if (q->pending[0].time_ns + 2 * SETTLE_DELAY_NS > now_ns &&
	    q->pending_count < QUEUE_SAMPLES_MAX)
		return true;
	until_ns = awaited_from(q, now_ns);
	while (count < q->pending_count && q->pending[count].time_ns < until_ns &&
	       q->pending[count].time_ns + SETTLE_DELAY_NS <= now_ns)
		count++;
	if (!count && until_ns != INT64_MAX && q->pending_count < QUEUE_SAMPLES_MAX)
		return true;
	if (!count)
		count = q->pending_count / 2;
	see_answers(q, NULL, table);
	if (!histories_settle(q, count, table, details))
		return false;
	drop_settled(q);
	drop_pending(q, count);
	return true;
}

void queue_settle(struct queue *queue, int64_t now_ns, struct table *table, struct details *details)
{
	size_t n = 0;

	if (settle_by_histories(queue, now_ns, table, details))
		return;
	while (n < queue->pending_count && queue->pending[n].time_ns + SETTLE_DELAY_NS <= now_ns)
		settle_or_pass(queue, n++, table, details);
	if (n) {
		drop_pending(queue, n);
		return;
	}
	if (queue->pending_count || !queue->arrivals_count)
		return;
	struct drops_view nothing = {.known = false};

	see_answers(queue, NULL, table);
	for (size_t i = 0; i < queue->arrivals_count; i++) {
		struct arrival *a = &queue->arrivals[i];

		if (a->time_ns + NO_SAMPLE_NS > now_ns)
			break;
		queue->synced = true;
		arrival_settle(queue, a, &nothing, table, details);
	}
	drop_settled(queue);
}

static bool same_sample(const struct queue_sample *a, const struct queue_sample *b)
{
	return a->depth == b->depth && a->drops == b->drops && a->fullest == b->fullest &&
	       a->drops_known == b->drops_known;
}

/* The last two samples say the same as this one, and nothing came since the first of them. */
static bool repeats(const struct queue *q, const struct queue_sample *s)
{
	const struct queue_sample *last;

	if (q->pending_count < 2)
		return false;
	last = &q->pending[q->pending_count - 1];
	if (!same_sample(last, s) || !same_sample(last - 1, s))
		return false;
	for (size_t i = q->arrivals_count; i-- > 0;) {
		const struct arrival *a = &q->arrivals[i];

		if (a->kind != ARRIVAL_LOOK && a->kind != ARRIVAL_COUNT)
			return arrival_order(a, last - 1) == ARRIVED_BEFORE;
	}
	return true;
}

static void push_sample(struct queue *q, const struct queue_sample *s, int64_t now_ns,
			struct table *table, struct details *details)
{
	queue_settle(q, now_ns, table, details);
	if (q->pending_count == QUEUE_SAMPLES_MAX) {
		/* More than the delay can hold: the oldest is settled early. */
		settle_sample(q, &q->pending[0], table, details);
		drop_pending(q, 1);
	}
	if (repeats(q, s))
		q->pending[q->pending_count - 1] = *s;
	else
		q->pending[q->pending_count++] = *s;
}

static void take_drops(struct queue *q, const struct sample *s)
{
	if (!s->drops_known)
		return;
	if (!q->drops_seen)
		q->first_drops = q->last_drops = s->drops;
	q->drops_seen = true;
	q->leader->group_drops += s->drops - q->last_drops;
	q->last_drops = s->drops;
}

void queue_take_sample(struct queue *queue, const struct sample *sample, int64_t time_ns,
		       struct table *table, struct details *details)
{
	struct queue *leader = queue->leader;
	struct queue_sample *round = &leader->round;

	queue->samples++;
	queue->listener.limit = sample->limit;
	queue->last_depth = sample->depth;
	if (sample->depth > queue->turn_peak)
		queue->turn_peak = sample->depth;
	if ((int64_t)sample->depth > queue->sampled_peak)
		queue->sampled_peak = sample->depth;
	series_add(&queue->sampled, time_ns, sample->depth);
	if (leader->round_count == 0)
		*round = (struct queue_sample){.before_ns = sample->before_ns, .drops_known = true};
	round->time_ns = time_ns;
	round->depth += sample->depth;
	take_drops(queue, sample);
	round->drops = leader->group_drops;
	round->drops_known &= sample->drops_known;
	if (leader->siblings > 1 && sample->depth > sample->limit &&
	    sample->depth + 1 > round->fullest)
		round->fullest = sample->depth + 1;
	/* Arrivals come in order: what is in it now, but for those of its own instant. */
	if (!leader->accept_exact && leader->siblings == 1)
		leader->depth = sample->depth;
	if (++leader->round_count < leader->siblings)
		return;
	leader->round_count = 0;
	push_sample(leader, round, time_ns, table, details);
}

void queue_end(struct queue *queue, int64_t end_ns, struct table *table, struct details *details)
{
	struct drops_view nothing = {.known = false};

	see_answers(queue, NULL, table);
	if (histories_needed(queue) && queue->pending_count &&
	    histories_settle(queue, queue->pending_count, table, details)) {
		drop_settled(queue);
		queue->pending_count = 0;
	}
	for (size_t i = 0; i < queue->pending_count; i++)
		settle_or_pass(queue, i, table, details);
	queue->pending_count = 0;
	see_answers(queue, NULL, table);
	for (size_t i = 0; i < queue->arrivals_count; i++)
		arrival_settle(queue, &queue->arrivals[i], &nothing, table, details);
	queue_forget(queue, queue->arrivals_count);
	queue_track_full(queue, end_ns, 0);
}
