/*
 * What the likeliest hypothesis makes of each arrival and each sample.
 */
#include "report/queue/search/backtrace.h"

#include <stdlib.h>

#include "report/queue/arrival.h"

static void judge_now(const struct backtrace *backtrace, struct queue *q, const struct step *step,
		      struct table *table)
{
	struct arrival *a = &q->arrivals.list[step->at];
	struct open_attempt *open = arrival_attempt(a, table);
	uint8_t place = step->transition.place;

	if (a->kind == ARRIVAL_LOOKUP || a->kind == ARRIVAL_COUNT)
		return;
	a->cookie = step->transition.cookie;
	if (a->kind == ARRIVAL_SYN && a->cookie && a->time_ns > q->last_cookie_ns)
		q->last_cookie_ns = a->time_ns;
	if (a->wants_place)
		a->kind = step->transition.kind;
	if (!open || !backtrace->contexts[step->at].last)
		return;
	if (step->transition.cookie)
		open_move(open, MOVE_COOKIE);
	else if ((place & (PLACE_COOKIE | PLACE_REQUEST)) || step->transition.kind == ARRIVAL_ENTER)
		open_move(open, MOVE_REQUEST);
	if (open_is_certain(open) || open_saw(open, SEEN_FASTOPEN))
		return;
	if ((place & PLACE_ENTERED) && !open_has_child(open))
		open_move(open, MOVE_ENTERED_AFTER_ALL);
	else if (!(place & PLACE_ENTERED) && open_has_child(open))
		open_move(open, MOVE_REFUSED_AFTER_ALL);
}

static void settle_arrival(struct queue *q, const struct step *step, struct table *table,
			   struct details *details)
{
	struct arrival *a = &q->arrivals.list[step->at];
	struct drops_view nothing = {.known = true};

	if (step->transition.leaves) {
		queue_step(q, a->time_ns, -(int64_t)step->transition.leaves);
		q->settled.owed += q->accept_exact ? step->transition.leaves : 0;
	}
	if (a->kind != ARRIVAL_LOOKUP && a->kind != ARRIVAL_COUNT)
		a->kind = step->transition.kind;
	a->half_open = q->settled.requests < 0 ? 0 : (uint32_t)q->settled.requests;
	a->cookie = step->transition.cookie;
	a->dropped = step->transition.dropped;
	a->acknowledges |= a->wants_place && a->kind == ARRIVAL_STRAY;
	a->decided = true;
	arrival_settle(q, a, &nothing, table, details);
	q->settled.requests = step->requests;
	q->settled.unattributed = step->unattributed;
}

/* A sample that shows fewer drops than had come by then cannot say what was worked on. */
static void mark_early(const struct backtrace *backtrace, struct queue *q)
{
	for (uint32_t i = backtrace->first; i != STEP_NONE; i = backtrace->steps[i].previous) {
		const struct step *step = &backtrace->steps[i];
		struct queue_sample *sample;

		if (step->at < backtrace->arrivals)
			continue;
		sample = &q->samples.pending[step->at - backtrace->arrivals];
		sample->early =
		    sample->drops_known &&
		    step->drops > (int64_t)(uint32_t)(sample->drops - q->sk_drops.group_first);
		sample->off = step->off;
	}
}

static bool shows(const struct arrival *a, const struct queue_sample *sample)
{
	return !sample->early && arrival_order(a, sample) == ARRIVED_BEFORE;
}

/* What arrived between two samples, as far as it matters for who was dropped. */
struct between {
	uint32_t syns; /* without an answer */
	uint32_t dropped;
	bool may_enter; /* a final ACK that entered, or was stopped before the listener, or was not,
			   in place of a SYN's drop */
	bool may_not;
	bool stray;
	bool off;	 /* other packets than these moved sk_drops, or were not counted */
	uint32_t movers; /* whatever can have moved it */
	int64_t most;	 /* the depth of the accept queue, at the most */
	int64_t limit;
};

static void count_between(const struct arrival *a, struct between *b)
{
	/* Whoever arrives while it cannot be full yet enters. */
	bool room = b->most <= b->limit;

	if (a->kind == ARRIVAL_SYN && !a->answered) {
		b->syns++;
		b->dropped += a->dropped;
	}
	b->stray |= a->kind == ARRIVAL_STRAY && !a->proven && !a->passed_over;
	b->may_not |= a->wants_place && !a->proven && a->kind == ARRIVAL_ENTER && !room;
	b->may_enter |= a->wants_place && a->kind == ARRIVAL_REFUSED && !arrival_is_told_drop(a);
	b->movers += (a->kind != ARRIVAL_SYN || !a->answered) && arrival_drops_most(a) > 0;
	b->most += a->kind == ARRIVAL_ENTER || a->kind == ARRIVAL_REFUSED;
}

static bool is_sure(const struct between *b)
{
	if (b->stray || b->off)
		return false;
	return b->dropped ? b->dropped == b->syns && !b->may_not : !b->may_enter;
}

/* The first sample from k on that says what was worked on; pending_count: none. */
static size_t next_shown(const struct queue_samples *samples, size_t k)
{
	while (k < samples->pending_count && samples->pending[k].early)
		k++;
	return k;
}

/* The next of these; off: or some sample between does not agree with what arrived. */
static size_t next_off(const struct queue_samples *samples, size_t k, bool *off)
{
	k = next_shown(samples, k);
	*off |= k < samples->pending_count && samples->pending[k].off;
	return k;
}

static int64_t depth_before(const struct queue *q, size_t k)
{
	while (k > 0 && q->samples.pending[k - 1].early)
		k--;
	return k ? (int64_t)q->samples.pending[k - 1].depth : q->settled.depth;
}

/*
 * Between two samples the SYNs without an answer were dropped all, or none: nothing else fits.
 * Where it was some of them, the likeliest hypothesis names them, and any other is as good. A
 * sample with arrivals beside it parts nothing.
 */
static void find_sure(struct queue *q)
{
	struct queue_samples *samples = &q->samples;
	size_t from = 0, k = 0;

	while (from < q->arrivals.count) {
		struct between between = {0};
		size_t i = from;

		while (k < samples->pending_count &&
		       !shows(&q->arrivals.list[from], &samples->pending[k]))
			k++;
		if (k == samples->pending_count)
			return;
		between.off = samples->pending[k].off;
		between.limit = (int64_t)queue_limit_at(q, q->arrivals.list[from].time_ns);
		between.most = depth_before(q, k);
		for (; i < q->arrivals.count; i++) {
			enum arrival_order order =
			    arrival_order(&q->arrivals.list[i], &samples->pending[k]);

			if (order == ARRIVED_AFTER)
				break;
			if (order == ARRIVED_WITHIN)
				k = next_off(samples, k + 1, &between.off);
			if (k == samples->pending_count)
				return;
			q->arrivals.list[i].done_ns = samples->pending[k].time_ns;
			count_between(&q->arrivals.list[i], &between);
		}
		for (; from < i; from++) {
			struct arrival *a = &q->arrivals.list[from];

			a->sure = q->sk_drops.shown && a->time_ns > q->sk_drops.shown_ns &&
				  (a->wants_place ? between.movers == 1 && !between.off
						  : a->kind == ARRIVAL_SYN && !a->answered &&
							is_sure(&between));
		}
	}
}

static void settle_sample(struct queue *q, const struct queue_sample *sample, int64_t drops)
{
	int64_t left = q->settled.depth - (int64_t)sample->depth;

	if (sample->drops_known) {
		q->sk_drops.shown = true;
		q->sk_drops.shown_drops = sample->drops;
		q->sk_drops.shown_ns = sample->time_ns;
	}
	if (left && q->accept_exact)
		q->settled.owed = left > -q->settled.owed ? q->settled.owed + left : 0;
	if (left)
		queue_step(q, sample->time_ns, -left);
	if (sample->drops_known)
		q->sk_drops.settled = drops;
}

/* Those that were looked for after they were refused, and not found: no doubt is left of them. */
static void prove_refused(const struct backtrace *backtrace, struct queue *q)
{
	bool *absent = calloc(backtrace->slots + 1, sizeof(*absent));

	if (!absent)
		return;
	for (size_t i = backtrace->arrivals; i-- > 0;) {
		const struct arrival_context *context = &backtrace->contexts[i];
		struct arrival *a = &q->arrivals.list[i];

		if (context->slot == NO_SLOT)
			continue;
		if (a->kind == ARRIVAL_LOOKUP && a->found != FOUND_DOUBT && a->found != FOUND_CHILD)
			absent[context->slot] = true;
		if (a->wants_place)
			a->proven = a->kind == ARRIVAL_REFUSED &&
				    (absent[context->slot] || a->told == TOLD_REFUSED);
		if (context->first)
			absent[context->slot] = false;
	}
	free(absent);
}

void backtrace_settle(const struct backtrace *backtrace, struct queue *q, size_t count,
		      struct table *table, struct details *details)
{
	int64_t requests = q->settled.requests;

	for (uint32_t i = backtrace->first; i != STEP_NONE; i = backtrace->steps[i].previous) {
		if (backtrace->steps[i].at < backtrace->arrivals)
			judge_now(backtrace, q, &backtrace->steps[i], table);
		requests = backtrace->steps[i].requests;
	}
	q->now.half_open = requests < 0 ? 0 : requests;
	prove_refused(backtrace, q);
	mark_early(backtrace, q);
	for (uint32_t i = backtrace->first; i != STEP_NONE; i = backtrace->steps[i].previous)
		if (backtrace->steps[i].at < backtrace->arrivals)
			q->arrivals.list[backtrace->steps[i].at].dropped =
			    backtrace->steps[i].transition.dropped;
	find_sure(q);
	for (uint32_t i = backtrace->first; i != STEP_NONE; i = backtrace->steps[i].previous) {
		const struct step *step = &backtrace->steps[i];

		if (step->at < backtrace->arrivals) {
			settle_arrival(q, step, table, details);
			continue;
		}
		settle_sample(q, &q->samples.pending[step->at - backtrace->arrivals], step->drops);
		if (step->at - backtrace->arrivals + 1 == count)
			break;
	}
}
