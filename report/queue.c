/*
 * One listener's queue: arrivals, samples, and how they are settled. What an
 * arrival is when it comes, is decided in queues.c.
 */
#include "report/queue.h"

#include <stdlib.h>
#include <string.h>

/* A packet is stamped before the kernel works on it: it may enter this much later. */
#define STAMP_LEAD_NS (100 * NS_PER_US)
/* Without samples an arrival is judged by the rebuilt depth alone after this. */
#define NO_SAMPLE_NS (2 * NS_PER_SEC)

void queue_init(struct queue *queue, const struct listener *listener, const struct host *host,
		const struct queue_window *window)
{
	memset(queue, 0, sizeof(*queue));
	queue->listener = *listener;
	queue->host = host;
	queue->window = window;
	queue->last_cookie_ns = TIME_UNKNOWN;
	queue->leader = queue;
	queue->siblings = 1;
	queue->backlog = -1;
	queue->half_open_counted = -1;
	queue->limit_known = true;
	queue->sampled_peak = queue->rebuilt_peak = -1;
	queue->last_accepted_ack_ns = TIME_UNKNOWN;
}

void queue_release(struct queue *queue)
{
	free(queue->arrivals);
	free(queue->episodes);
	pulse_release(&queue->pulse);
	sizing_release(&queue->sizing);
	series_release(&queue->sampled);
	series_release(&queue->rebuilt);
	series_release(&queue->half_open_series);
}

void queue_tally(struct queue *queue, enum tally tally, int64_t time_ns, int count)
{
	if (time_ns >= queue->window->from_ns && time_ns <= queue->window->to_ns)
		queue->tallies[tally] += (uint64_t)(int64_t)count;
}

/* A packet that the queues dropped. */
static void count_drop(struct queue *q, int64_t time_ns, enum cause cause)
{
	q->drops++;
	pulse_drop(&q->pulse, time_ns, cause);
}

/* It was no drop after all. */
static void take_back_drop(struct queue *q, int64_t time_ns, enum cause cause)
{
	q->drops--;
	pulse_take_back_drop(&q->pulse, time_ns, cause);
}

bool queue_is_full(const struct queue *queue)
{
	return queue->limit_known && queue->siblings == 1 &&
	       queue->depth > (int64_t)queue->listener.limit;
}

void queue_correct_depth(struct queue *queue, int change)
{
	if (!queue->accept_exact && queue->siblings == 1)
		return;
	queue->depth += change;
	if (queue->depth < 0)
		queue->depth = 0;
}

/* A final ACK took its request along after all, or left it: for all who came later. */
static void correct_half_open(struct queue *q, const struct arrival *from, int change)
{
	q->half_open += change;
	if (q->half_open < 0)
		q->half_open = 0;
	for (size_t i = (size_t)(from - q->arrivals); i < q->arrivals_count; i++)
		if (change > 0 || q->arrivals[i].half_open > 0)
			q->arrivals[i].half_open += (uint32_t)change;
}

struct arrival *queue_arrive(struct queue *queue, enum arrival_kind kind, int64_t time_ns,
			     const struct open_attempt *attempt, uint32_t index)
{
	struct arrival *a;

	if (queue->arrivals_count == queue->arrivals_room) {
		size_t room = queue->arrivals_room ? queue->arrivals_room * 2 : 64;
		struct arrival *bigger;

		if (room > QUEUE_ARRIVALS_MAX) {
			queue->arrivals_lost++;
			return NULL;
		}
		bigger = realloc(queue->arrivals, room * sizeof(*bigger));
		if (!bigger) {
			queue->arrivals_lost++;
			return NULL;
		}
		queue->arrivals = bigger;
		queue->arrivals_room = room;
	}
	a = &queue->arrivals[queue->arrivals_count++];
	*a = (struct arrival){
	    .time_ns = time_ns,
	    .from_ns = time_ns,
	    .index = index,
	    .isn = attempt->isn,
	    .half_open = queue->half_open < 0 ? 0 : (uint32_t)queue->half_open,
	    .kind = (uint8_t)kind,
	    .cookie = attempt->flags & OPEN_COOKIE,
	};
	return a;
}

struct arrival *queue_find(struct queue *queue, enum arrival_kind kind, uint32_t index,
			   uint32_t isn)
{
	/* Answers follow within microseconds: what is looked for is near the end. */
	for (size_t i = queue->arrivals_count, looked = 0; i-- > 0 && looked < 1024; looked++) {
		struct arrival *a = &queue->arrivals[i];

		if (a->kind == kind && a->index == index && a->isn == isn)
			return a;
	}
	return NULL;
}

static int delta_of(const struct arrival *a)
{
	if (a->kind == ARRIVAL_ENTER)
		return 1;
	return a->kind == ARRIVAL_LEAVE ? -1 : 0;
}

/* What an arrival adds to sk_drops; those that may_drop() are decided apart. */
static int sk_drops_of(const struct arrival *a)
{
	switch ((enum arrival_kind)a->kind) {
	case ARRIVAL_REPEAT:
		return tally_sk_drops(TALLY_SYN_REPEATED);
	case ARRIVAL_REFUSED:
		return tally_sk_drops(a->cookie ? TALLY_COOKIE_ACK_FULL : TALLY_ACK_ACCEPT_FULL);
	case ARRIVAL_DEFERRED:
		return tally_sk_drops(TALLY_DEFERRED_ACK);
	case ARRIVAL_RST:
		return tally_sk_drops(TALLY_RST_SYN_RECV);
	case ARRIVAL_STRAY:
		return a->proven ? tally_sk_drops(TALLY_STRAY) : 0;
	case ARRIVAL_ICMP:
		return tally_sk_drops(TALLY_ICMP_REQUEST);
	case ARRIVAL_SYN:
	case ARRIVAL_ENTER:
	case ARRIVAL_LEAVE:
	case ARRIVAL_SETTLED:
		break;
	}
	return 0;
}

/* Whether sk_drops counted it, only sk_drops itself can tell. */
static bool may_drop(const struct arrival *a)
{
	return (a->kind == ARRIVAL_SYN && !a->answered) || (a->kind == ARRIVAL_STRAY && !a->proven);
}

/* Did it certainly, possibly or certainly not happen before the sample looked? */
enum order { BEFORE, WITHIN, AFTER };

static enum order order_of(const struct arrival *a, const struct queue_sample *s)
{
	if (a->kind == ARRIVAL_LEAVE) {
		if (a->time_ns <= s->before_ns)
			return BEFORE;
		return a->from_ns > s->time_ns ? AFTER : WITHIN;
	}
	if (a->time_ns + STAMP_LEAD_NS <= s->before_ns)
		return BEFORE;
	return a->time_ns > s->time_ns ? AFTER : WITHIN;
}

static void track_full(struct queue *q, int64_t time_ns, int64_t depth)
{
	bool full = q->limit_known && q->siblings == 1 && depth > (int64_t)q->listener.limit;

	if (full == q->full)
		return;
	q->full = full;
	if (full) {
		q->full_since_ns = time_ns;
		return;
	}
	q->full_ns += time_ns - q->full_since_ns;
	if (q->episodes_count == QUEUE_EPISODES_MAX) {
		q->episodes_lost++;
		return;
	}
	if (!q->episodes) {
		q->episodes = calloc(QUEUE_EPISODES_MAX, sizeof(*q->episodes));
		if (!q->episodes) {
			q->episodes_lost++;
			return;
		}
	}
	q->episodes[q->episodes_count++] =
	    (struct full_episode){.start_ns = q->full_since_ns, .end_ns = time_ns};
}

static void step(struct queue *q, int64_t time_ns, int64_t change)
{
	q->base += change;
	if (q->base < 0)
		q->base = 0;
	series_add(&q->rebuilt, time_ns, (uint32_t)q->base);
	if (q->base > q->rebuilt_peak)
		q->rebuilt_peak = q->base;
	track_full(q, time_ns, q->base);
}

static struct open_attempt *attempt_of(const struct arrival *a, struct table *table)
{
	struct open_attempt *open = table_at(table, a->index);

	return open && (open->flags & OPEN_USED) && open->isn == a->isn ? open : NULL;
}

/* Any segment of a client whose final ACK was dropped is a final ACK again. */
static bool stands_for_ack(const struct mark *mark)
{
	return mark->kind == MARK_ACK || mark->kind == MARK_DATA || mark->kind == MARK_FIN_CLIENT;
}

/* Writes a verdict on the mark of this packet. */
static void judge(struct queue *q, const struct arrival *a, enum mark_kind kind, bool dropped,
		  enum cause cause, enum confidence confidence, uint32_t depth, struct table *table,
		  struct details *details)
{
	struct open_attempt *open = attempt_of(a, table);
	const struct detail *d = open ? details_open(details, open) : NULL;

	if (!d)
		return;
	for (uint32_t m = d->first_mark; m != DETAIL_NONE;) {
		struct detail_mark *mark = details_mark(details, m);

		if (mark->mark.time_ns == a->time_ns &&
		    (mark->mark.kind == kind ||
		     (kind == MARK_ACK && stands_for_ack(&mark->mark)))) {
			mark->mark.dropped = dropped;
			mark->mark.cause_known = true;
			mark->mark.cause = cause;
			mark->mark.confidence = confidence;
			mark->mark.depth = depth;
			mark->mark.limit = q->listener.limit;
			return;
		}
		m = mark->next;
	}
}

/* How sure the drops of one settling are. */
struct drops_view {
	bool known;
	int64_t room_min; /* packets of may_drop() that sk_drops has room for */
	int64_t room_max;
	int64_t asking; /* and those that ask for it */
	uint32_t fullest;
};

/* Which rule of tcp_conn_request() took a SYN that the listener dropped. */
static enum tally rule_of(const struct queue *q, const struct arrival *a, bool full)
{
	bool syn_queue_full =
	    q->limit_known && q->siblings == 1 && a->half_open > q->listener.limit;

	switch (q->host->tcp_syncookies) {
	case 0:
		if (syn_queue_full)
			return TALLY_SYN_QUEUE_FULL;
		return full ? TALLY_SYN_ACCEPT_FULL : TALLY_SYN_RESERVE;
	case 2:
		return TALLY_SYN_BOTH_FULL;
	default:
		return syn_queue_full ? TALLY_SYN_BOTH_FULL : TALLY_SYN_ACCEPT_FULL;
	}
}

static enum cause cause_of(enum tally tally)
{
	if (tally == TALLY_SYN_QUEUE_FULL)
		return CAUSE_SYN_QUEUE_FULL;
	if (tally == TALLY_SYN_RESERVE)
		return CAUSE_MAX_SYN_BACKLOG_RESERVE;
	return CAUSE_ACCEPT_QUEUE_FULL_SYN;
}

static void take_room(struct drops_view *view)
{
	view->room_max--;
	view->room_min--;
	view->asking--;
}

static void settle_stray(struct queue *q, const struct arrival *a, struct drops_view *view)
{
	if (!a->proven) {
		/* Its socket took it, if one lived. */
		if (!view->known || view->room_max <= 0)
			return;
		take_room(view);
		q->drops_settled++;
	}
	queue_tally(q, TALLY_STRAY, a->time_ns, 1);
}

/*
 * A SYN without an answer. The listener dropped it when its sk_drops has room
 * for it and a rule fits; otherwise something in front of the listener, or
 * behind its answer, did.
 */
static void settle_syn(struct queue *q, struct arrival *a, struct drops_view *view,
		       struct table *table, struct details *details)
{
	bool alone = q->siblings == 1;
	bool full =
	    q->limit_known && (alone ? q->base > (int64_t)q->listener.limit : view->fullest > 0);
	/* An accept() that is stamped late can make the depth look one too small. */
	bool nearly = q->limit_known && alone && q->base == (int64_t)q->listener.limit;
	uint32_t depth =
	    alone ? (uint32_t)q->base : (view->fullest ? view->fullest - 1 : MARK_DEPTH_UNKNOWN);
	enum tally tally = rule_of(q, a, full);
	enum confidence confidence = CONFIDENCE_INFERRED;

	if (a->answered) {
		if (a->cookie)
			judge(q, a, MARK_SYN, false, CAUSE_SYN_COOKIE, CONFIDENCE_EXACT, depth,
			      table, details);
		return;
	}
	if (a->requested && q->half_open > 0)
		q->half_open--;
	if (a->challenged) {
		settle_stray(q, a, view);
		return;
	}
	if (view->known && view->room_max <= 0) {
		judge(q, a, MARK_SYN, false, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_EXACT, depth,
		      table, details);
		return;
	}
	if (cause_of(tally) == CAUSE_ACCEPT_QUEUE_FULL_SYN && !full && !(nearly && view->known)) {
		if (view->known)
			judge(q, a, MARK_SYN, false, CAUSE_UNANSWERED_NO_COUNTER,
			      CONFIDENCE_INFERRED, depth, table, details);
		return;
	}
	if (tally == TALLY_SYN_RESERVE && !view->known)
		return; /* it leaves no trace but the counter */
	if (view->known) {
		bool fits = view->asking >= view->room_min && view->asking <= view->room_max;

		confidence = fits && (full || tally == TALLY_SYN_QUEUE_FULL) ? CONFIDENCE_EXACT
									     : CONFIDENCE_BOUNDED;
		take_room(view);
	}
	queue_tally(q, tally, a->time_ns, 1);
	count_drop(q, a->time_ns, cause_of(tally));
	q->drops_settled++;
	judge(q, a, MARK_SYN, true, cause_of(tally), confidence, depth, table, details);
}

static void settle_refused(struct queue *q, const struct arrival *a, const struct drops_view *view,
			   struct table *table, struct details *details)
{
	enum cause cause = a->cookie ? CAUSE_COOKIE_ACK_DROPPED : CAUSE_ACCEPT_QUEUE_FULL_ACK;

	queue_tally(q,
		    a->cookie ? TALLY_COOKIE_ACK_FULL
			      : (a->aborted ? TALLY_ACK_ABORTED : TALLY_ACK_ACCEPT_FULL),
		    a->time_ns, 1);
	count_drop(q, a->time_ns, cause);
	judge(q, a, MARK_ACK, true, cause,
	      a->proven ? CONFIDENCE_EXACT
			: (view->known ? CONFIDENCE_BOUNDED : CONFIDENCE_INFERRED),
	      (uint32_t)q->base, table, details);
}

/*
 * A queue never holds more than limit + 1. Where one more entered, somebody had
 * left whose accept() was stamped, after it returned, only later, or is not told at all.
 */
static void make_room(struct queue *q, const struct arrival *entering)
{
	if (!q->limit_known || q->siblings > 1 || q->base <= (int64_t)q->listener.limit)
		return;
	for (size_t i = 0; i < q->arrivals_count; i++) {
		struct arrival *a = &q->arrivals[i];

		if (a->kind != ARRIVAL_LEAVE || a->from_ns > entering->time_ns + STAMP_LEAD_NS)
			continue;
		a->kind = ARRIVAL_SETTLED;
		step(q, entering->time_ns, -1);
		return;
	}
	q->owed++;
	step(q, entering->time_ns, -1);
}

static void settle_arrival(struct queue *q, struct arrival *a, struct drops_view *view,
			   struct table *table, struct details *details)
{
	q->drops_settled += sk_drops_of(a);
	switch ((enum arrival_kind)a->kind) {
	case ARRIVAL_SYN:
		settle_syn(q, a, view, table, details);
		break;
	case ARRIVAL_REFUSED:
		settle_refused(q, a, view, table, details);
		break;
	case ARRIVAL_ENTER:
		if (a->cookie)
			queue_tally(q, TALLY_COOKIE_ACK, a->time_ns, 1);
		make_room(q, a);
		step(q, a->time_ns, 1);
		break;
	case ARRIVAL_LEAVE:
		if (q->owed)
			q->owed--;
		else
			step(q, a->time_ns, -1);
		break;
	case ARRIVAL_REPEAT:
		queue_tally(q, a->answered ? TALLY_SYN_REPEATED : TALLY_SYN_SKIPPED, a->time_ns, 1);
		break;
	case ARRIVAL_DEFERRED:
		queue_tally(q, TALLY_DEFERRED_ACK, a->time_ns, 1);
		judge(q, a, MARK_ACK, false, CAUSE_DEFER_ACCEPT,
		      q->listener.defer_accept_s > 0 ? CONFIDENCE_EXACT : CONFIDENCE_INFERRED,
		      (uint32_t)q->base, table, details);
		break;
	case ARRIVAL_RST:
		queue_tally(q, TALLY_RST_SYN_RECV, a->time_ns, 1);
		break;
	case ARRIVAL_STRAY:
		settle_stray(q, a, view);
		break;
	case ARRIVAL_ICMP:
		queue_tally(q, TALLY_ICMP_REQUEST, a->time_ns, 1);
		break;
	case ARRIVAL_SETTLED:
		break;
	}
	a->kind = ARRIVAL_SETTLED;
}

/* A bare ACK that a listener with room did not take: TCP_DEFER_ACCEPT waits for data. */
static void prove_deferred(struct queue *q, struct open_attempt *attempt, struct mark *mark)
{
	attempt->flags &= ~(uint32_t)OPEN_ACK_DROPPED;
	attempt->flags |= OPEN_DEFERRED;
	if (!mark || mark->cause_known)
		return;
	mark->cause_known = true;
	mark->cause = CAUSE_DEFER_ACCEPT;
	mark->confidence = q->listener.defer_accept_s > 0 ? CONFIDENCE_EXACT : CONFIDENCE_INFERRED;
	queue_tally(q, TALLY_DEFERRED_ACK, mark->time_ns, 1);
}

static void prove_dropped(struct queue *q, const struct open_attempt *attempt, struct mark *mark)
{
	bool cookie = attempt->flags & OPEN_COOKIE;

	if (!mark)
		return;
	mark->confidence = CONFIDENCE_EXACT;
	if (mark->cause_known)
		return;
	mark->dropped = mark->cause_known = true;
	mark->cause = cookie ? CAUSE_COOKIE_ACK_DROPPED : CAUSE_ACCEPT_QUEUE_FULL_ACK;
	mark->limit = q->listener.limit;
	mark->depth = q->siblings == 1 ? q->listener.limit + 1 : MARK_DEPTH_UNKNOWN;
	count_drop(q, mark->time_ns, mark->cause);
	queue_tally(q, cookie ? TALLY_COOKIE_ACK_FULL : TALLY_ACK_ACCEPT_FULL, mark->time_ns, 1);
	if (cookie)
		queue_tally(q, TALLY_COOKIE_ACK, mark->time_ns, -1);
}

void queue_prove_request(struct open_attempt *attempt, struct details *details)
{
	const struct detail *d = details_at(details, attempt->detail);

	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;
	     m = details_mark(details, m)->next) {
		struct mark *mark = &details_mark(details, m)->mark;

		if (mark->cause_known && mark->cause == CAUSE_SYN_COOKIE)
			mark->cause_known = false;
	}
}

void queue_prove_entered(struct queue *queue, struct open_attempt *attempt, struct details *details)
{
	const struct detail *d = details_at(details, attempt->detail);
	struct mark *last = NULL;
	bool cookie;

	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;
	     m = details_mark(details, m)->next) {
		struct mark *mark = &details_mark(details, m)->mark;

		if (mark->dropped && stands_for_ack(mark))
			last = mark;
	}
	if (!last)
		return;
	cookie = last->cause == CAUSE_COOKIE_ACK_DROPPED;
	last->dropped = last->cause_known = false;
	take_back_drop(queue, last->time_ns, last->cause);
	queue_tally(queue, cookie ? TALLY_COOKIE_ACK_FULL : TALLY_ACK_ACCEPT_FULL, last->time_ns,
		    -1);
	if (cookie)
		queue_tally(queue, TALLY_COOKIE_ACK, last->time_ns, 1);
}

void queue_prove_refused(struct queue *queue, struct open_attempt *attempt, uint32_t index,
			 struct details *details)
{
	struct arrival *a = queue_find(queue, ARRIVAL_REFUSED, index, attempt->isn);
	bool was_queued = attempt->flags & OPEN_QUEUED;
	bool had_room = !(attempt->flags & (OPEN_NEARLY_FULL | OPEN_COOKIE));
	bool defers = queue->listener.defer_accept_s != 0;
	const struct detail *d;
	struct mark *last = NULL;

	attempt->flags &= ~(uint32_t)(OPEN_ENTERED | OPEN_QUEUED);
	attempt->flags |= OPEN_ACK_DROPPED;
	if (a) {
		a->proven = true;
		return;
	}
	a = queue_find(queue, ARRIVAL_ENTER, index, attempt->isn);
	if (a && !a->proven) {
		if (was_queued)
			queue_correct_depth(queue, -1);
		a->proven = true;
		if (!had_room) {
			a->kind = ARRIVAL_REFUSED;
			return;
		}
		attempt->flags &= ~(uint32_t)OPEN_ACK_DROPPED;
		if (defers) {
			a->kind = ARRIVAL_DEFERRED;
			attempt->flags |= OPEN_DEFERRED;
			return;
		}
		/* The request did not like it: PAWS, or out of its window (tcp_check_req). */
		a->kind = ARRIVAL_STRAY;
		a->proven = false;
		return;
	}
	/* Settled by now: its mark and the sums are put right. */
	d = details_open(details, attempt);
	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;
	     m = details_mark(details, m)->next)
		if (stands_for_ack(&details_mark(details, m)->mark))
			last = &details_mark(details, m)->mark;
	if (!had_room || (last && last->cause_known && last->dropped))
		prove_dropped(queue, attempt, last);
	else if (defers)
		prove_deferred(queue, attempt, last);
	else if (last)
		queue_arrive(queue, ARRIVAL_STRAY, last->time_ns, attempt, index);
	/*
	 * The depth stays: samples have confirmed it since, so somebody else is in this
	 * place, who is known when accept() returns him (queue_prove_entered).
	 */
	if (was_queued && queue->accept_exact)
		return;
	if (was_queued && queue->base > 0) {
		queue->base--;
		queue_correct_depth(queue, -1);
	}
}

static void drop_settled(struct queue *q)
{
	size_t n = 0;

	while (n < q->arrivals_count && q->arrivals[n].kind == ARRIVAL_SETTLED)
		n++;
	if (!n)
		return;
	memmove(q->arrivals, q->arrivals + n, (q->arrivals_count - n) * sizeof(*q->arrivals));
	q->arrivals_count -= n;
}

/* Turns the judgement of one unproven final ACK round. */
static bool turn_round(struct queue *q, const struct queue_sample *s, enum arrival_kind from,
		       enum arrival_kind to, struct table *table)
{
	struct arrival *best = NULL;

	for (size_t i = 0; i < q->arrivals_count; i++) {
		struct arrival *a = &q->arrivals[i];

		if (a->kind != from || a->proven || order_of(a, s) == AFTER)
			continue;
		/* Of those that entered the last is the doubtful one, of those refused the first.
		 */
		if (!best || from == ARRIVAL_ENTER)
			best = a;
	}
	if (!best)
		return false;
	best->kind = (uint8_t)to;
	queue_correct_depth(q, to == ARRIVAL_ENTER ? 1 : -1);
	if (!best->cookie)
		correct_half_open(q, best, to == ARRIVAL_ENTER ? -1 : 1);
	struct open_attempt *open = attempt_of(best, table);

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
		int delta = delta_of(a);

		switch (order_of(a, s)) {
		case BEFORE:
			*low += delta;
			*high += delta;
			break;
		case WITHIN:
			if (delta < 0)
				*low += delta;
			else
				*high += delta;
			break;
		case AFTER:
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
		if (s && order_of(a, s) == AFTER)
			break;
		open = attempt_of(a, table);
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
		enum order order = order_of(a, s);

		if (order == BEFORE)
			certain += sk_drops_of(a);
		else if (order == WITHIN)
			possible += sk_drops_of(a) + may_drop(a);
		if (order == BEFORE && may_drop(a))
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

	a->kind = ARRIVAL_ENTER;
	if (entered) {
		entered->kind = ARRIVAL_SETTLED;
		a->proven = entered->proven;
		return;
	}
	queue_correct_depth(q, 1);
	if (!a->cookie)
		correct_half_open(q, a, -1);
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
		if (order_of(&q->arrivals[i], s) == BEFORE)
			excess += sk_drops_of(&q->arrivals[i]);
	for (size_t i = q->arrivals_count; i-- > 0 && excess > 0;) {
		struct arrival *a = &q->arrivals[i];
		struct open_attempt *open;

		if (a->kind != ARRIVAL_REFUSED || a->proven || order_of(a, s) != BEFORE)
			continue;
		open = attempt_of(a, table);
		if (!open || (open->flags & (OPEN_REQUEST | OPEN_GONE)))
			continue;
		excess -= sk_drops_of(a);
		enter_instead(q, a, open);
	}
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
	view = view_drops(q, s);
	for (size_t i = 0; i < q->arrivals_count; i++) {
		struct arrival *a = &q->arrivals[i];

		if (order_of(a, s) != BEFORE)
			break;
		settle_arrival(q, a, &view, table, details);
	}
	drop_settled(q);
	if (!q->accept_exact) {
		left -= q->owed;
		q->owed = 0;
	}
	if (left > 0) {
		step(q, s->time_ns, -left);
		queue_correct_depth(q, (int)-left);
	}
}

void queue_settle(struct queue *queue, int64_t now_ns, struct table *table, struct details *details)
{
	size_t n = 0;

	while (n < queue->pending_count && queue->pending[n].time_ns + SETTLE_DELAY_NS <= now_ns)
		settle_sample(queue, &queue->pending[n++], table, details);
	if (n) {
		queue->pending_count -= n;
		memmove(queue->pending, queue->pending + n,
			queue->pending_count * sizeof(queue->pending[0]));
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
		settle_arrival(queue, a, &nothing, table, details);
	}
	drop_settled(queue);
}

static void push_sample(struct queue *q, const struct queue_sample *s, int64_t now_ns,
			struct table *table, struct details *details)
{
	queue_settle(q, now_ns, table, details);
	if (q->pending_count == QUEUE_SAMPLES_MAX) {
		/* More than the delay can hold: the oldest is settled early. */
		settle_sample(q, &q->pending[0], table, details);
		q->pending_count--;
		memmove(q->pending, q->pending + 1, q->pending_count * sizeof(q->pending[0]));
	}
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

	for (size_t i = 0; i < queue->pending_count; i++)
		settle_sample(queue, &queue->pending[i], table, details);
	queue->pending_count = 0;
	see_answers(queue, NULL, table);
	for (size_t i = 0; i < queue->arrivals_count; i++)
		settle_arrival(queue, &queue->arrivals[i], &nothing, table, details);
	queue->arrivals_count = 0;
	track_full(queue, end_ns, 0);
}
