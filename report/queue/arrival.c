/*
 * Arrivals: what each adds to the depth and to sk_drops, where it stands to a sample, and
 * its verdict.
 */
#include "report/queue/arrival.h"

#include "report/queue/reason/reason.h"

size_t arrivals_until(const struct queue *q, const struct queue_sample *s)
{
	size_t n = q->arrivals.count;

	while (n && arrival_order(&q->arrivals.list[n - 1], s) == ARRIVED_AFTER)
		n--;
	return n;
}

/* What an arrival adds to sk_drops; those that arrival_may_drop() are decided apart. */
int arrival_sk_drops(const struct arrival *a)
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
		return a->proven && !a->passed_over ? tally_sk_drops(TALLY_STRAY) : 0;
	case ARRIVAL_ICMP:
		return tally_sk_drops(TALLY_ICMP_REQUEST);
	case ARRIVAL_SYN:
	case ARRIVAL_ENTER:
	case ARRIVAL_AGAIN:
	case ARRIVAL_JOIN:
	case ARRIVAL_LEAVE:
	case ARRIVAL_LOOKUP:
	case ARRIVAL_COUNT:
	case ARRIVAL_SETTLED:
		break;
	}
	return 0;
}

uint32_t arrival_drops_most(const struct arrival *a)
{
	if (a->wants_place)
		return (uint32_t)tally_sk_drops(TALLY_ACK_ACCEPT_FULL);
	switch ((enum arrival_kind)a->kind) {
	case ARRIVAL_SYN:
	case ARRIVAL_REPEAT:
	case ARRIVAL_ENTER:
	case ARRIVAL_REFUSED:
	case ARRIVAL_AGAIN:
	case ARRIVAL_DEFERRED:
	case ARRIVAL_RST:
	case ARRIVAL_STRAY:
	case ARRIVAL_ICMP:
		return 1;
	case ARRIVAL_JOIN:
	case ARRIVAL_LEAVE:
	case ARRIVAL_LOOKUP:
	case ARRIVAL_COUNT:
	case ARRIVAL_SETTLED:
		break;
	}
	return 0;
}

/* Whether sk_drops counted it, only sk_drops itself can tell. */
bool arrival_may_drop(const struct arrival *a)
{
	return (a->kind == ARRIVAL_SYN && !a->answered) ||
	       (a->kind == ARRIVAL_STRAY && !a->proven && !a->passed_over);
}

bool arrival_is_told_drop(const struct arrival *a)
{
	return a->dropped_at == 1 + DROP_ACK_ACCEPT_QUEUE || a->aborted;
}

struct open_attempt *arrival_attempt(const struct arrival *a, struct table *table)
{
	struct open_attempt *open = table_at(table, a->index);

	return open && open_is_used(open) && open->isn == a->isn ? open : NULL;
}

/* Any segment of a client whose final ACK was dropped is a final ACK again. */
bool mark_stands_for_ack(const struct mark *mark)
{
	return mark->kind == MARK_ACK || mark->kind == MARK_DATA || mark->kind == MARK_FIN_CLIENT;
}

/* Writes a verdict on the mark of this packet. */
void arrival_judge(struct queue *q, const struct arrival *a, enum mark_kind kind, bool dropped,
		   enum cause cause, enum confidence confidence, uint32_t depth,
		   struct table *table, struct details *details)
{
	struct open_attempt *open = arrival_attempt(a, table);
	const struct detail *d = open ? details_open(details, open) : NULL;
	const struct queue *met = q->grouped && dropped ? a->dropper : q;

	if (!d)
		return;
	for (uint32_t m = d->first_mark; m != DETAIL_NONE;) {
		struct detail_mark *mark = details_mark(details, m);

		if (mark->mark.time_ns == a->time_ns &&
		    (mark->mark.kind == kind ||
		     (kind == MARK_ACK && mark_stands_for_ack(&mark->mark)))) {
			mark->mark.dropped = dropped;
			mark->mark.cause_known = true;
			mark->mark.cause = cause;
			mark->mark.confidence = confidence;
			mark->mark.counted = a->counted;
			mark->mark.refused = a->proven && a->kind == ARRIVAL_REFUSED;
			mark->mark.depth = met ? depth : MARK_DEPTH_UNKNOWN;
			mark->mark.limit = met ? queue_limit_at(met, a->time_ns) : 0;
			mark->mark.dropper = met && dropped ? (uint16_t)(met->index + 1) : 0;
			return;
		}
		m = mark->next;
	}
}

static void take_room(struct drops_view *view)
{
	view->room_max--;
	view->room_min--;
	view->asking--;
}

/* The mark of a final ACK that found room and did not enter, nor was deferred. */
static void judge_disliked(struct queue *q, const struct arrival *a, const struct reason *r,
			   struct table *table, struct details *details)
{
	struct open_attempt *open = arrival_attempt(a, table);
	bool deferred = r->cause == CAUSE_DEFER_ACCEPT;

	if (deferred && open && !open_has_child(open))
		open_move(open, MOVE_DEFERRED_AFTER_ALL);
	if (r->confidence == CONFIDENCE_INFERRED)
		reason_doubt(q, a);
	/* A RST answered it: that it did not enter has another reason. */
	if (r->cause != CAUSE_COUNT && !(open && open_saw(open, SEEN_RST_SERVER)))
		arrival_judge(q, a, MARK_ACK, !deferred, r->cause, r->confidence,
			      (uint32_t)q->settled.depth, table, details);
}

static void settle_stray(struct queue *q, const struct arrival *a, struct drops_view *view,
			 struct table *table, struct details *details)
{
	/* Of siblings nothing else tells which SYNs met a full queue: those come first. */
	int64_t others = q->grouped ? view->syns : 0;
	bool room = a->proven || (view->known && view->room_max > others);
	bool dropped = a->decided ? a->dropped : room;
	struct reason r;

	if (a->passed_over && !a->decided)
		return;
	if (a->rejected) {
		queue_tally(q, TALLY_ACK_TIMESTAMP, a->time_ns, 1);
		reason_charge_timestamp(q, a);
		return;
	}
	if (!a->decided && !a->proven && room) {
		/* Its socket took it, if one lived. */
		take_room(view);
		q->sk_drops.settled++;
	}
	if (!a->acknowledges || a->answered) {
		if (dropped)
			queue_tally(q, TALLY_STRAY, a->time_ns, 1);
		return;
	}
	if (!view->known)
		return;
	r = reason_of_ack(q, a, dropped);
	if (r.tally == TALLY_ACK_NO_ROUTE && !a->decided) {
		/* That drops it in two steps. */
		view->room_max--;
		view->room_min--;
		q->sk_drops.settled++;
	}
	if (r.tally != TALLY_COUNT)
		queue_tally(q, r.tally, a->time_ns, 1);
	judge_disliked(q, a, &r, table, details);
}

/*
 * So far apart two SYNs were worked on one after the other, and a sample between them told
 * them apart.
 */
#define FATE_APART_NS (2 * CAPTURE_LEAD_MAX_NS)

static void doubt(struct queue *q, const struct fate *fate, struct table *table,
		  struct details *details)
{
	struct arrival a = {.time_ns = fate->time_ns, .index = fate->index, .isn = fate->isn};
	struct open_attempt *open = arrival_attempt(&a, table);
	const struct detail *d = open ? details_open(details, open) : NULL;

	reasons_doubt(q->reasons, fate->index, fate->isn, fate->time_ns);
	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;
	     m = details_mark(details, m)->next) {
		struct mark *mark = &details_mark(details, m)->mark;

		if (mark->kind == MARK_SYN && mark->time_ns == fate->time_ns && mark->cause_known)
			mark->confidence = CONFIDENCE_INFERRED;
	}
}

/* Two SYNs close together, of which the listener dropped one: which of them is not certain. */
static bool is_alone(struct queue *q, const struct arrival *a, bool dropped, struct table *table,
		     struct details *details)
{
	struct queue_sk_drops *s = &q->sk_drops;
	uint32_t count = s->fates_count < FATES_MAX ? s->fates_count : FATES_MAX;
	bool alone = true;

	for (uint32_t i = 0; i < count; i++) {
		const struct fate *f = &s->fates[i];

		if (f->dropped == dropped || a->time_ns - f->time_ns > FATE_APART_NS)
			continue;
		alone = false;
		doubt(q, f, table, details);
	}
	s->fates[s->fates_count++ % FATES_MAX] =
	    (struct fate){a->time_ns, a->isn, a->index & INT32_MAX, dropped};
	return alone;
}

void queue_doubt_fates(struct queue *q, int64_t before_ns, struct table *table,
		       struct details *details)
{
	struct queue_sk_drops *s = &q->sk_drops;
	uint32_t count = s->fates_count < FATES_MAX ? s->fates_count : FATES_MAX;

	for (uint32_t i = 0; i < count; i++)
		if (!s->fates[i].dropped && before_ns - s->fates[i].time_ns < FATE_APART_NS)
			doubt(q, &s->fates[i], table, details);
}

/* It is this sibling's: as long as the group is the same, so is the hash that picks one. */
static void assign(const struct arrival *a, const struct queue *member, struct table *table,
		   struct details *details)
{
	struct open_attempt *open = arrival_attempt(a, table);
	struct detail *d = open ? details_open(details, open) : NULL;

	if (!d || d->sibling_ns > a->time_ns)
		return;
	d->sibling = member ? member->index + 1 : 0;
	d->sibling_ns = a->time_ns;
}

/* A drop of a full queue goes into the sums, and to the sibling that dropped it. */
static void count_drop(struct queue *q, const struct arrival *a, enum cause cause,
		       struct table *table, struct details *details)
{
	queue_count_drop(q, a->dropper, a->time_ns, cause);
	assign(a, q->grouped ? a->dropper : q, table, details);
}

/* A SYN of it before this one was not dropped: it may have a request, whose answer got nowhere. */
static bool may_have_request(const struct arrival *a, const struct open_attempt *open,
			     struct details *details)
{
	const struct detail *d = open ? details_at(details, open->detail) : NULL;

	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;
	     m = details_mark(details, m)->next) {
		const struct mark *mark = &details_mark(details, m)->mark;

		if (mark->kind == MARK_SYN && mark->time_ns < a->time_ns && !mark->dropped)
			return true;
	}
	return false;
}

/* No counter tells of a SYN that met a request, but sk_drops: nor of one that a filter drops. */
static void consider_request(struct reason *r, const struct arrival *a, struct table *table,
			     struct details *details)
{
	const struct open_attempt *open = arrival_attempt(a, table);

	if (r->cause != CAUSE_DISCARDED_BEFORE_QUEUE || !may_have_request(a, open, details))
		return;
	r->confidence = CONFIDENCE_INFERRED;
	if (open->had_request && r->tally == TALLY_SYN_DISCARDED) {
		r->tally = TALLY_SYN_SKIPPED;
		r->cause = CAUSE_ANSWER_STOPPED;
	}
}

/* A SYN that the listener dropped; of siblings this member. sure: nothing else can have moved its
 * sk_drops. */
static void settle_dropped(struct queue *q, struct queue *member, struct arrival *a,
			   enum fullness fullness, bool sure, uint32_t depth, struct table *table,
			   struct details *details)
{
	bool alone = is_alone(q, a, true, table, details);
	struct reason r = reason_of_syn(q, a, fullness, sure && alone);

	consider_request(&r, a, table, details);
	queue_tally(q, r.tally, a->time_ns, 1);
	a->dropper = member;
	arrival_judge(q, a, MARK_SYN, true, r.cause, r.confidence, depth, table, details);
	if (!cause_is_drop(r.cause))
		return;
	/* What is inferred does not tell where the hash leads. */
	if (r.confidence == CONFIDENCE_INFERRED)
		queue_count_drop(q, a->dropper, a->time_ns, r.cause);
	else
		count_drop(q, a, r.cause, table, details);
}

/* As the kernel told: a fact, also where samples or the search leave no room for it. */
static void settle_told(struct queue *q, const struct arrival *a, struct drops_view *view,
			struct table *table, struct details *details)
{
	struct reason r = reason_told(q, a);
	bool contradicted = a->decided ? !a->dropped : view->known && view->room_max <= 0;

	if (contradicted)
		q->sums.disagreements++;
	if (!a->decided) {
		take_room(view);
		q->sk_drops.settled++;
	}
	queue_tally(q, r.tally, a->time_ns, 1);
	arrival_judge(q, a, MARK_SYN, true, r.cause, r.confidence, a->told_depth, table, details);
	count_drop(q, a, r.cause, table, details);
}

/* A SYN that the listener did not drop. */
static void settle_elsewhere(struct queue *q, const struct arrival *a, bool sure, uint32_t depth,
			     struct table *table, struct details *details)
{
	bool alone = is_alone(q, a, false, table, details);

	if (!sure || !alone)
		reason_doubt(q, a);
	/* Inferred, until the counters are read again. */
	arrival_judge(q, a, MARK_SYN, false, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_INFERRED,
		      depth, table, details);
	reasons_wait(q->reasons, &(struct waiting_syn){.time_ns = a->time_ns,
						       .index = a->index,
						       .isn = a->isn,
						       .queue = q,
						       .kind = WAITING_UNANSWERED,
						       .sure = sure && alone,
						       .kept = a->kept,
						       .ipv4 = a->ipv4});
}

/* Where nobody knows what the socket dropped, only a full queue is told of. */
static void settle_unseen(struct queue *q, struct arrival *a, enum fullness fullness,
			  uint32_t depth, struct table *table, struct details *details)
{
	bool syn_queue = q->limit_known && !q->grouped && q->host->tcp_syncookies == 0 &&
			 (int64_t)a->half_open > (int64_t)queue_limit_at(q, a->time_ns);

	if (a->kept || (fullness != FULLNESS_FULL && !syn_queue) ||
	    !reason_allows_overflow(q, a->time_ns, a->done_ns))
		return;
	q->sk_drops.settled++;
	settle_dropped(q, NULL, a, fullness, false, depth, table, details);
}

/*
 * A SYN without an answer. The listener dropped it when its sk_drops has room for it;
 * otherwise something in front of the listener, or behind its answer, did.
 */
static void settle_syn(struct queue *q, struct arrival *a, struct drops_view *view,
		       struct table *table, struct details *details)
{
	int64_t limit = queue_limit_at(q, a->time_ns);
	bool alone = !q->grouped;
	enum fullness fullness = FULLNESS_NONE;
	enum confidence confidence;
	uint32_t depth = alone ? (uint32_t)q->settled.depth
			       : (view->fullest ? view->fullest - 1 : MARK_DEPTH_UNKNOWN);

	if (q->limit_known && (alone ? q->settled.depth > limit : view->fullest > 0))
		fullness = FULLNESS_FULL;
	else if (q->limit_known && alone && q->settled.depth == limit)
		/* An accept() that is timestamped late can make the depth look one too small. */
		fullness = FULLNESS_NEARLY;
	if (a->answered) {
		if (a->challenged || a->met_old)
			reasons_wait(q->reasons, &(struct waiting_syn){.time_ns = a->time_ns,
								       .queue = q,
								       .kind = WAITING_ANSWERED});
		if (!a->cookie)
			return;
		confidence = reason_confidence_of_cookie(q, a);
		queue_tally(q, TALLY_SYN_COOKIE, a->time_ns, 1);
		reason_charge_cookie_sent(q, a);
		arrival_judge(q, a, MARK_SYN, false, CAUSE_SYN_COOKIE, confidence, depth, table,
			      details);
		return;
	}
	if (a->requested && !a->decided && q->now.half_open > 0)
		q->now.half_open--;
	if (!a->challenged) {
		reason_add_candidate(q, a);
		view->syns--;
	}
	if (a->challenged) {
		settle_stray(q, a, view, table, details);
	} else if (a->dropped_at == 1 + DROP_SYN_ACCEPT_QUEUE ||
		   a->dropped_at == 1 + DROP_SYN_QUEUE) {
		settle_told(q, a, view, table, details);
	} else if (a->decided && a->dropped) {
		settle_dropped(q, view->member, a, fullness, a->sure, depth, table, details);
	} else if (a->decided) {
		settle_elsewhere(q, a, a->sure, depth, table, details);
	} else if (!view->known) {
		settle_unseen(q, a, fullness, depth, table, details);
	} else if (view->room_max <= 0) {
		settle_elsewhere(q, a, !view->mixed && !view->shared, depth, table, details);
	} else {
		take_room(view);
		q->sk_drops.settled++;
		settle_dropped(q, view->member, a, fullness, !view->mixed, depth, table, details);
	}
}

static void settle_refused(struct queue *q, struct arrival *a, struct drops_view *view,
			   struct table *table, struct details *details)
{
	enum cause cause = a->cookie ? CAUSE_COOKIE_ACK_DROPPED : CAUSE_ACCEPT_QUEUE_FULL_ACK;
	int taken = arrival_sk_drops(a);
	bool counted = a->decided || !view->known || view->room_max >= 0;
	uint32_t depth = (uint32_t)q->settled.depth;
	enum confidence confidence;

	/* Of siblings a SYN may have been given what was counted for it. */
	if (q->grouped && a->told == TOLD_REFUSED && reason_has_overflow(q, a))
		counted = true;

	reason_add_candidate(q, a);
	if (a->dropped_at == 1 + DROP_ACK_ACCEPT_QUEUE) {
		a->proven = true;
		q->sums.disagreements += !counted;
	} else if (!a->aborted &&
		   (!counted || !reason_allows_overflow(q, a->time_ns, a->done_ns))) {
		struct reason r = reason_of_ack(q, a, counted ? taken : 0);

		q->sk_drops.settled -= taken;
		view->room_max += taken;
		view->room_min += taken;
		if (r.tally != TALLY_COUNT) {
			q->sk_drops.settled += tally_sk_drops(r.tally);
			view->room_max -= tally_sk_drops(r.tally);
			view->room_min -= tally_sk_drops(r.tally);
			queue_tally(q, r.tally, a->time_ns, 1);
		}
		judge_disliked(q, a, &r, table, details);
		return;
	}
	confidence = reason_confidence_of_overflow(q, a, view->known);
	reason_charge_overflow(q, a);
	queue_tally(q,
		    a->cookie ? TALLY_COOKIE_ACK_FULL
			      : (a->aborted ? TALLY_ACK_ABORTED : TALLY_ACK_ACCEPT_FULL),
		    a->time_ns, 1);
	/* The rebuilt depth may not be there yet. */
	if (a->dropped_at == 1 + DROP_ACK_ACCEPT_QUEUE && depth <= queue_limit_at(q, a->time_ns))
		depth = queue_limit_at(q, a->time_ns) + 1;
	arrival_judge(q, a, MARK_ACK, true, cause, confidence, depth, table, details);
	count_drop(q, a, cause, table, details);
}

/*
 * A queue never holds more than limit + 1. Where one more entered, somebody had
 * left whose accept() was timestamped, after it returned, only later, or is not told at all.
 */
static void make_room(struct queue *q, const struct arrival *entering)
{
	if (!q->limit_known || q->grouped ||
	    q->settled.depth <= (int64_t)queue_limit_at(q, entering->time_ns))
		return;
	for (size_t i = 0; i < q->arrivals.count; i++) {
		struct arrival *a = &q->arrivals.list[i];

		if (a->kind != ARRIVAL_LEAVE || a->from_ns > entering->time_ns + CAPTURE_LEAD_NS)
			continue;
		a->kind = ARRIVAL_SETTLED;
		queue_step(q, entering->time_ns, -1);
		return;
	}
	q->settled.owed++;
	queue_step(q, entering->time_ns, -1);
}

/* Entries so close together may be of two processors, which have counted the same then. */
#define CONCURRENT_ENTRIES_NS (50 * NS_PER_US)

/* The settled depth becomes what the kernel counted when it let this one in. */
static void agree(struct queue *q, const struct arrival *a)
{
	int64_t more = q->settled.depth - (int64_t)a->told_depth;
	bool concurrent = a->time_ns - q->settled.entry_ns < CONCURRENT_ENTRIES_NS;

	q->settled.entry_ns = a->time_ns;
	if (!q->settled.known || more == 0 || (more == 1 && concurrent))
		return;
	if (more > 0)
		q->settled.owed += more; /* their accept() is reported later, or not at all */
	else if (q->accept_exact)
		q->sums.disagreements++;
	queue_step(q, a->time_ns, -more);
}

/* Where its attempt stands now, and with it how many requests there are. */
static void move_attempt(struct queue *q, const struct arrival *a, struct table *table)
{
	struct open_attempt *open = arrival_attempt(a, table);
	unsigned place = open ? open->settled : 0;
	bool request = a->kind == ARRIVAL_SYN && a->synacked && !a->cookie;
	bool expired =
	    a->kind == ARRIVAL_LOOKUP && a->found == FOUND_EXPIRED && (place & PLACE_REQUEST);
	bool ends = a->kind == ARRIVAL_RST || a->kind == ARRIVAL_ICMP || a->aborted ||
		    (a->kind == ARRIVAL_JOIN && !a->cookie) ||
		    (a->kind == ARRIVAL_ENTER && !a->cookie);

	q->settled.requests += request - ends;
	if (q->settled.requests < 0)
		q->settled.requests = 0;
	if (expired)
		queue_miss_request(q);
	if (a->kind == ARRIVAL_SYN && a->synacked)
		place = request ? PLACE_REQUEST : PLACE_COOKIE;
	if (ends || expired)
		place &= ~(unsigned)PLACE_REQUEST;
	if (a->kind == ARRIVAL_ENTER)
		place |= PLACE_ENTERED;
	if (open)
		open->settled = place & 0xf;
}

/* Where all are cookies: but for one that met TIME_WAIT. */
static void doubt_cookie(struct queue *q, const struct arrival *a, struct table *table,
			 struct details *details)
{
	struct open_attempt *open = arrival_attempt(a, table);

	if (a->kind == ARRIVAL_SYN && a->cookie && !a->cookie_proven && open &&
	    q->host->tcp_syncookies == 2 && reason_excludes_cookie(q, a))
		queue_prove_cookie(q, open, a->index, details, false);
}

void arrival_settle(struct queue *q, struct arrival *a, struct drops_view *view,
		    struct table *table, struct details *details)
{
	if (!a->decided)
		doubt_cookie(q, a, table, details);
	q->sk_drops.settled += arrival_sk_drops(a);
	move_attempt(q, a, table);
	switch ((enum arrival_kind)a->kind) {
	case ARRIVAL_SYN:
		settle_syn(q, a, view, table, details);
		break;
	case ARRIVAL_REFUSED:
		settle_refused(q, a, view, table, details);
		break;
	case ARRIVAL_ENTER:
		if (a->cookie) {
			queue_tally(q, TALLY_COOKIE_ACK, a->time_ns, 1);
			reason_charge_cookie(q, a);
		}
		if (!a->decided && a->told != TOLD_NOTHING && !q->grouped)
			agree(q, a);
		else if (!a->decided)
			make_room(q, a);
		queue_step(q, a->time_ns, 1);
		break;
	case ARRIVAL_LEAVE:
		if (q->settled.owed)
			q->settled.owed--;
		else
			queue_step(q, a->time_ns, -1);
		break;
	case ARRIVAL_REPEAT:
		queue_tally(q, a->answered ? TALLY_SYN_REPEATED : TALLY_SYN_SKIPPED, a->time_ns, 1);
		break;
	case ARRIVAL_DEFERRED:
		if (!reason_allows_deferral(q, a))
			break; /* why it has no child is not known */
		queue_tally(q, TALLY_DEFERRED_ACK, a->time_ns, 1);
		arrival_judge(q, a, MARK_ACK, false, CAUSE_DEFER_ACCEPT,
			      reason_confidence_of_deferral(q, a), (uint32_t)q->settled.depth,
			      table, details);
		break;
	case ARRIVAL_RST:
		queue_tally(q, TALLY_RST_SYN_RECV, a->time_ns, 1);
		reason_charge_reset(q, a);
		break;
	case ARRIVAL_STRAY:
		settle_stray(q, a, view, table, details);
		break;
	case ARRIVAL_ICMP:
		queue_tally(q, TALLY_ICMP_REQUEST, a->time_ns, 1);
		break;
	case ARRIVAL_COUNT:
		if (!a->decided && a->found != FOUND_DOUBT && a->half_open < q->settled.requests) {
			q->settled.unattributed += (int32_t)(q->settled.requests - a->half_open);
			q->settled.requests = a->half_open;
		}
		break;
	case ARRIVAL_JOIN:
		if (a->cookie)
			queue_tally(q, TALLY_COOKIE_ACK, a->time_ns, 1);
		break;
	case ARRIVAL_AGAIN:
	case ARRIVAL_LOOKUP:
	case ARRIVAL_SETTLED:
		break;
	}
	a->kind = ARRIVAL_SETTLED;
}
