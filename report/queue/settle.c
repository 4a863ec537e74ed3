/*
 * Settling: the arrivals of a queue held against its samples.
 */
#include <string.h>

#include "report/queue/arrival.h"
#include "report/queue/listening.h"
#include "report/queue/reason/reason.h"
#include "report/queue/reconcile.h"
#include "report/queue/search/beam.h"
#include "report/queue/timestamps.h"

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

	while (n < q->arrivals.count && q->arrivals.list[n].kind == ARRIVAL_SETTLED)
		n++;
	queue_forget(q, n);
}

static struct drops_view view_drops(struct queue *q, const struct queue_sample *s)
{
	struct drops_view view = {.known = s->drops_known && q->sk_drops.group_settled,
				  .fullest = s->fullest};
	int64_t certain = 0, possible = 0, actual, fresh;
	bool carried = !q->sk_drops.shown; /* one may have counted in the sample before */

	if (!view.known)
		return view;
	actual = (int64_t)(uint32_t)(s->drops - q->sk_drops.group_first);
	fresh = (int64_t)(uint32_t)(s->drops - q->sk_drops.shown_drops);
	for (size_t i = 0; i < s->reach; i++) {
		const struct arrival *a = &q->arrivals.list[i];
		enum arrival_order order = arrival_order(a, s);

		view.shared |= a->kind == ARRIVAL_REFUSED && !arrival_is_told_drop(a);
		carried |= order == ARRIVED_BEFORE && a->time_ns <= q->sk_drops.shown_ns;
		if (order == ARRIVED_BEFORE)
			certain += arrival_sk_drops(a);
		else if (order == ARRIVED_WITHIN)
			possible += arrival_sk_drops(a) + arrival_may_drop(a);
		if (order == ARRIVED_BEFORE && arrival_may_drop(a)) {
			view.asking++;
			view.syns += a->kind == ARRIVAL_SYN && !a->challenged &&
				     reason_allows_overflow(q, a->time_ns, s->time_ns);
		}
	}
	view.room_max = actual - q->sk_drops.settled - certain;
	if (!carried && view.room_max > fresh - certain)
		view.room_max = fresh - certain;
	view.room_min = view.room_max - possible;
	view.shared |= fresh > certain; /* what came before has taken too much */
	view.mixed = view.room_max > 0 && view.room_min < view.asking;
	return view;
}

/*
 * What was dropped within the interval of the sample before this one is settled with this: both
 * must have seen one and the same member drop, or none.
 */
static struct queue *find_dropper(struct queue *q, const struct queue_sample *s)
{
	struct queue *last = q->samples.dropper;
	bool several = s->droppers || q->samples.droppers;

	q->samples.dropper = s->dropper;
	q->samples.droppers = s->droppers;
	if (several || (last && s->dropper && last != s->dropper))
		return NULL;
	return s->dropper ? s->dropper : last;
}

/*
 * Its sockets had dropped something by their first samples: whether what came before those is
 * among it nobody knows.
 */
static bool had_dropped(const struct queue *q)
{
	const struct listening *all = q->reasons ? q->reasons->listening : NULL;

	if (!q->grouped || !all)
		return q->sk_drops.first != 0;
	for (size_t i = 0; i < all->count; i++)
		if (all->queues[i]->leader == q && all->queues[i]->sk_drops.first)
			return true;
	return false;
}

static void settle_sample(struct queue *q, struct queue_sample *s, struct table *table,
			  struct details *details)
{
	bool blind = s->drops_known && !q->sk_drops.group_settled && had_dropped(q);
	int64_t left, fresh;
	struct drops_view view;

	if (s->drops_known && !q->sk_drops.group_settled) {
		q->sk_drops.group_settled = true;
		q->sk_drops.group_first = s->drops;
	}
	s->reach = arrivals_until(q, s);
	left = queue_reconcile(q, s, table);
	view = view_drops(q, s);
	view.known &= !blind;
	view.member = find_dropper(q, s);
	fresh = (int64_t)(uint32_t)(s->drops - q->sk_drops.shown_drops);
	if (s->drops_known) {
		q->sk_drops.shown = true;
		q->sk_drops.shown_drops = s->drops;
		q->sk_drops.shown_ns = s->time_ns;
	}
	for (size_t i = 0; i < q->arrivals.count; i++) {
		struct arrival *a = &q->arrivals.list[i];

		if (arrival_order(a, s) != ARRIVED_BEFORE)
			break;
		a->done_ns = s->time_ns;
		arrival_settle(q, a, &view, table, details);
	}
	if (blind)
		q->sk_drops.settled = 0;
	if (view.known && view.room_min > 0 && fresh > 0)
		queue_doubt_fates(q, s->before_ns, table, details);
	drop_settled(q);
	if (!q->accept_exact) {
		left -= q->settled.owed;
		q->settled.owed = 0;
	}
	if (left > 0) {
		queue_step(q, s->time_ns, -left);
		queue_correct_depth(q, (int)-left);
	}
	/* A lower limit makes full what was not. */
	if (q->limits.count > 1)
		queue_track_full(q, s->time_ns, q->settled.depth);
}

static void settle_or_pass(struct queue *q, size_t sample, struct table *table,
			   struct details *details)
{
	if (queue_sampled_early(q, sample, table)) {
		struct queue_sample *next = &q->samples.pending[sample + 1];
		const struct queue_sample *s = &q->samples.pending[sample];

		if (q->samples.early_ns == TIME_UNKNOWN)
			q->samples.early_ns = s->before_ns;
		next->droppers |=
		    s->droppers || (s->dropper && next->dropper && s->dropper != next->dropper);
		if (!next->dropper)
			next->dropper = s->dropper;
		return;
	}
	q->samples.early_ns = TIME_UNKNOWN;
	settle_sample(q, &q->samples.pending[sample], table, details);
}

static void drop_pending(struct queue *q, size_t count)
{
	q->samples.pending_count -= count;
	memmove(q->samples.pending, q->samples.pending + count,
		q->samples.pending_count * sizeof(q->samples.pending[0]));
}

/* From when on it is worth waiting for timestamps, among so few arrivals; INT64_MAX: not at all. */
static int64_t awaited_from(const struct queue *q, int64_t now_ns)
{
	if (q->arrivals.count > AWAITED_ARRIVALS_MAX)
		return INT64_MAX;
	for (size_t i = 0; i < q->arrivals.count; i++)
		if (q->arrivals.list[i].kind == ARRIVAL_SYN &&
		    q->arrivals.list[i].timestamp == TIMESTAMP_AWAITED &&
		    q->arrivals.list[i].time_ns + AWAITED_NS > now_ns)
			return q->arrivals.list[i].time_ns;
	return INT64_MAX;
}

/*
 * Where listen() was called again, samples do not tell on which side of it a SYN came; nor does
 * anything where all are cookies, but for those that met TIME_WAIT.
 */
static void exclude_cookies(struct queue *q)
{
	if (q->limits.count <= 1 && q->host->tcp_syncookies != 2)
		return;
	for (size_t i = 0; i < q->arrivals.count; i++) {
		struct arrival *a = &q->arrivals.list[i];

		a->no_cookie = a->kind == ARRIVAL_SYN && reason_excludes_cookie(q, a);
	}
}

/* Where it was not known whether the listener has TCP_DEFER_ACCEPT: its counter may say no. */
static void exclude_deferrals(struct queue *q)
{
	for (size_t i = 0; i < q->arrivals.count && q->defers_s != 0; i++) {
		struct arrival *a = &q->arrivals.list[i];

		a->bare = a->bare && reason_allows_deferral(q, a);
	}
}

/* True when the beam search settles the queue now, or will when twice the delay has passed. */
static bool settle_by_beam(struct queue *q, int64_t now_ns, struct table *table,
			   struct details *details)
{
	size_t count = 0;
	int64_t until_ns;

	if (!q->samples.pending_count || !beam_is_needed(q))
		return false;
	if (q->samples.pending[0].time_ns + 2 * SETTLE_DELAY_NS > now_ns &&
	    q->samples.pending_count < QUEUE_SAMPLES_MAX)
		return true;
	until_ns = awaited_from(q, now_ns);
	while (count < q->samples.pending_count && q->samples.pending[count].time_ns < until_ns &&
	       q->samples.pending[count].time_ns + SETTLE_DELAY_NS <= now_ns)
		count++;
	if (!count && until_ns != INT64_MAX && q->samples.pending_count < QUEUE_SAMPLES_MAX)
		return true;
	if (!count)
		count = q->samples.pending_count / 2;
	queue_see_answers(q, NULL, table);
	exclude_cookies(q);
	exclude_deferrals(q);
	if (!beam_settle(q, count, table, details))
		return false;
	drop_settled(q);
	drop_pending(q, count);
	return true;
}

void queue_settle(struct queue *queue, int64_t now_ns, struct table *table, struct details *details)
{
	size_t n = 0;

	if (settle_by_beam(queue, now_ns, table, details))
		return;
	while (n < queue->samples.pending_count &&
	       queue->samples.pending[n].time_ns + SETTLE_DELAY_NS <= now_ns)
		settle_or_pass(queue, n++, table, details);
	if (n) {
		drop_pending(queue, n);
		return;
	}
	if (queue->samples.pending_count || !queue->arrivals.count)
		return;
	struct drops_view nothing = {.known = false};

	queue_see_answers(queue, NULL, table);
	for (size_t i = 0; i < queue->arrivals.count; i++) {
		struct arrival *a = &queue->arrivals.list[i];

		if (a->time_ns + NO_SAMPLE_NS > now_ns)
			break;
		queue->settled.known = true;
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

	if (q->samples.pending_count < 2)
		return false;
	last = &q->samples.pending[q->samples.pending_count - 1];
	if (!same_sample(last, s) || !same_sample(last - 1, s))
		return false;
	for (size_t i = q->arrivals.count; i-- > 0;) {
		const struct arrival *a = &q->arrivals.list[i];

		if (a->kind != ARRIVAL_LOOKUP && a->kind != ARRIVAL_COUNT)
			return arrival_order(a, last - 1) == ARRIVED_BEFORE;
	}
	return true;
}

static void push_sample(struct queue *q, const struct queue_sample *s, int64_t now_ns,
			struct table *table, struct details *details)
{
	queue_settle(q, now_ns, table, details);
	if (q->samples.pending_count == QUEUE_SAMPLES_MAX) {
		/* More than the delay can hold: the oldest is settled early. */
		settle_sample(q, &q->samples.pending[0], table, details);
		drop_pending(q, 1);
	}
	if (repeats(q, s))
		q->samples.pending[q->samples.pending_count - 1] = *s;
	else
		q->samples.pending[q->samples.pending_count++] = *s;
}

static void take_drops(struct queue *q, const struct sample *s)
{
	if (!s->drops_known)
		return;
	if (!q->sk_drops.seen)
		q->sk_drops.first = q->sk_drops.last = s->drops;
	q->sk_drops.seen = true;
	q->leader->sk_drops.group += s->drops - q->sk_drops.last;
	if (s->drops != q->sk_drops.last) {
		struct queue_sample *round = &q->leader->samples.round;

		round->droppers |= round->dropper && round->dropper != q;
		round->dropper = q;
	}
	q->sk_drops.last = s->drops;
}

void queue_take_sample(struct queue *queue, const struct sample *sample, int64_t time_ns,
		       struct table *table, struct details *details)
{
	struct queue *leader = queue->leader;
	struct queue_sample *round = &leader->samples.round;

	if (queue->samples.count++ && sample->depth < queue->samples.last_depth)
		queue->samples.left += queue->samples.last_depth - sample->depth;
	waiting_observe(&queue->waiting, sample->depth, sample->before_ns, time_ns, table, details);
	queue->listener.limit = sample->limit;
	limits_take(&queue->limits, sample->limit, time_ns);
	if (sample->before_ns > queue->open_ns)
		queue->open_ns = sample->before_ns;
	stillness_sample(&queue->stillness, sample->depth, sample->before_ns);
	queue->samples.last_depth = sample->depth;
	if (sample->depth > queue->samples.turn_peak)
		queue->samples.turn_peak = sample->depth;
	if (sample->depth > queue->samples.news_peak)
		queue->samples.news_peak = sample->depth;
	if ((int64_t)sample->depth > queue->samples.peak)
		queue->samples.peak = sample->depth;
	gaps_observed(&queue->samples.gaps, sample->before_ns, time_ns);
	series_add(&queue->samples.series, time_ns, sample->depth);
	/* One that a change of the group cut short has seen who dropped something. */
	if (leader->samples.round_count == 0)
		*round = (struct queue_sample){.before_ns = sample->before_ns,
					       .drops_known = true,
					       .dropper = round->dropper,
					       .droppers = round->droppers};
	round->time_ns = time_ns;
	round->depth += sample->depth;
	take_drops(queue, sample);
	round->drops = leader->sk_drops.group;
	round->drops_known &= sample->drops_known;
	if (sample->depth > sample->limit && sample->depth + 1 > round->fullest)
		round->fullest = sample->depth + 1;
	if (queue->grouped || queue->window->blind)
		queue_set_full(queue, sample->before_ns, sample->depth > sample->limit);
	/* Arrivals come in order: what is in it now, but for those of its own instant. */
	if (!leader->accept_exact && !leader->grouped)
		leader->now.depth = sample->depth;
	if (++leader->samples.round_count < leader->siblings)
		return;
	leader->samples.round_count = 0;
	push_sample(leader, round, time_ns, table, details);
	round->dropper = NULL;
	round->droppers = false;
}

void queue_end(struct queue *queue, int64_t end_ns, struct table *table, struct details *details)
{
	struct drops_view nothing = {.known = false};

	queue_see_answers(queue, NULL, table);
	exclude_cookies(queue);
	exclude_deferrals(queue);
	if (beam_is_needed(queue) && queue->samples.pending_count &&
	    beam_settle(queue, queue->samples.pending_count, table, details)) {
		drop_settled(queue);
		queue->samples.pending_count = 0;
	}
	for (size_t i = 0; i < queue->samples.pending_count; i++)
		settle_or_pass(queue, i, table, details);
	queue->samples.pending_count = 0;
	queue_see_answers(queue, NULL, table);
	for (size_t i = 0; i < queue->arrivals.count; i++)
		arrival_settle(queue, &queue->arrivals.list[i], &nothing, table, details);
	queue_forget(queue, queue->arrivals.count);
	queue_set_full(queue, end_ns, false);
}
