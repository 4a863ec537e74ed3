/*
 * Why the listener dropped a SYN or a final ACK.
 */
#include "report/queue/reason/reason.h"

#include <stdlib.h>

#include "report/queue/arrival.h"
#include "report/queue/listening.h"

void reasons_release(struct reasons *reasons)
{
	budget_release(&reasons->budget);
	free(reasons->waiting);
	*reasons = (struct reasons){0};
}

struct queue *reasons_dropper(const struct reasons *reasons, const struct mark *mark)
{
	const struct listening *all = reasons ? reasons->listening : NULL;

	return all && mark->dropper && mark->dropper <= all->count ? all->queues[mark->dropper - 1]
								   : NULL;
}

bool reasons_know(const struct reasons *reasons, enum counter counter)
{
	return reasons->budget.begun && (reasons->budget.last.known >> counter & 1);
}

/* Of a packet that was worked on by the time of what shows it, or soon after its timestamp. */
static struct budget_time when_of(int64_t time_ns, int64_t done_ns)
{
	if (done_ns == TIME_UNKNOWN || done_ns < time_ns)
		done_ns = time_ns + CAPTURE_LEAD_MAX_NS;
	return (struct budget_time){time_ns, done_ns};
}

static struct budget_time when(const struct arrival *a)
{
	return when_of(a->time_ns, a->done_ns);
}

/* -1: not known. */
static int64_t left(const struct queue *q, enum budget_kind kind, const struct arrival *a)
{
	const struct budget *b = q->reasons ? &q->reasons->budget : NULL;
	int64_t count = b ? budget_left(b, kind, when(a)) : -1;

	return count == 0 && !budget_is_closed(b, when(a)) ? -1 : count;
}

/*
 * What is left of a counter in the readings before and after as well: of packets that were worked
 * on at about the same time another may have been charged where this one belongs.
 */
#define NEXT_READING_NS (150 * NS_PER_MS)

static int64_t left_near(const struct queue *q, enum budget_kind kind, const struct arrival *syn,
			 struct arrival *near)
{
	*near = *syn;
	near->time_ns = syn->time_ns - NEXT_READING_NS;
	near->done_ns = when(syn).to_ns + NEXT_READING_NS;
	return left(q, kind, near);
}

void reason_add_candidate(struct queue *queue, const struct arrival *packet)
{
	if (queue->reasons && queue->reasons->budget.begun)
		budget_add_candidate(&queue->reasons->budget, when(packet));
}

/* A packet that may be one of the full queue's: which counter that moves. */
static bool find_share_kind(const struct mark *mark, enum budget_kind *kind)
{
	*kind = BUDGET_OVERFLOWS;
	if (!mark->cause_known || mark->confidence != CONFIDENCE_INFERRED)
		return false;
	switch ((int)mark->cause) {
	case CAUSE_SYN_QUEUE_FULL:
		*kind = BUDGET_SYN_QUEUE;
		return true;
	case CAUSE_UNANSWERED_NO_COUNTER:
	case CAUSE_DISCARDED_BEFORE_QUEUE:
	case CAUSE_ACCEPT_QUEUE_FULL_SYN:
	case CAUSE_ACCEPT_QUEUE_FULL_ACK:
	case CAUSE_COOKIE_ACK_DROPPED:
		return true;
	default:
		return false;
	}
}

bool reasons_share(const struct reasons *reasons, const struct mark *mark, uint32_t *dropped,
		   uint32_t *packets)
{
	struct budget_time w = when_of(mark->time_ns, TIME_UNKNOWN);
	enum budget_kind kind;
	int64_t moved;

	if (!find_share_kind(mark, &kind) || !budget_is_closed(&reasons->budget, w))
		return false;
	moved = budget_moved(&reasons->budget, kind, w);
	*packets = budget_candidates(&reasons->budget, w);
	if (moved <= 0 || moved >= (int64_t)*packets)
		return false;
	*dropped = (uint32_t)moved;
	return true;
}

/* Whether it moved at all when the packet was worked on, charged or not. */
static bool has_moved(const struct queue *q, enum budget_kind kind, const struct arrival *a)
{
	return !q->reasons || budget_moved(&q->reasons->budget, kind, when(a)) != 0;
}

static void charge(struct queue *q, enum budget_kind kind, const struct arrival *a)
{
	if (q->reasons)
		budget_charge(&q->reasons->budget, kind, when(a));
}

bool reason_allows_overflow(const struct queue *queue, int64_t time_ns, int64_t done_ns)
{
	const struct budget *b = queue->reasons ? &queue->reasons->budget : NULL;
	struct budget_time w = when_of(time_ns, done_ns);

	return !b || !budget_is_closed(b, w) || budget_moved(b, BUDGET_OVERFLOWS, w) != 0;
}

bool reason_has_overflow(const struct queue *queue, const struct arrival *ack)
{
	return left(queue, BUDGET_OVERFLOWS, ack) > 0;
}

void reason_charge_cookie_sent(struct queue *queue, const struct arrival *syn)
{
	charge(queue, BUDGET_COOKIE_WANTED, syn);
}

void reason_charge_cookie(struct queue *queue, const struct arrival *ack)
{
	charge(queue, BUDGET_SYNCOOKIES_RECV, ack);
}

/* The rule of tcp_conn_request() about the last quarter of tcp_max_syn_backlog, all of it known. */
static bool reserve_holds(const struct queue *q, const struct arrival *syn)
{
	int64_t max = q->host->tcp_max_syn_backlog;

	return q->host->tcp_syncookies == 0 && max >= 0 && max - (int64_t)syn->half_open < max / 4;
}

/* inet_csk_reqsk_queue_is_full(), by the limit as it was then. */
static bool requests_full(const struct queue *q, const struct arrival *syn)
{
	return q->limit_known && !q->grouped &&
	       (int64_t)syn->half_open > (int64_t)queue_limit_at(q, syn->time_ns);
}

/* A cookie is decided on before the queue, the route and the rest are asked. */
static bool cookie_wanted(const struct queue *q, const struct arrival *syn)
{
	struct arrival near;

	if (q->host->tcp_syncookies == 2)
		return true;
	return q->host->tcp_syncookies == 1 && requests_full(q, syn) &&
	       (left(q, BUDGET_COOKIE_WANTED, syn) != 0 ||
		left_near(q, BUDGET_COOKIE_WANTED, syn, &near) > 0);
}

/* Beyond so many listeners it would take too long to ask each of them. */
#define LISTENERS_ASKED_MAX 64

static bool is_drop(const struct arrival *a)
{
	return (a->kind == ARRIVAL_SYN && !a->answered) || a->kind == ARRIVAL_REFUSED;
}

/* A final ACK without an effect: a firewall's as it seems, and the full queue's if not. */
static bool may_overflow(const struct arrival *a)
{
	return is_drop(a) || (a->kind == ARRIVAL_STRAY && a->wants_place && !a->proven);
}

static bool is_refused(const struct arrival *a)
{
	return a->kind == ARRIVAL_REFUSED;
}

static bool is_syn(const struct arrival *a)
{
	return a->kind == ARRIVAL_SYN;
}

static bool is_deferred(const struct arrival *a)
{
	return a->kind == ARRIVAL_DEFERRED;
}

static bool is_reset(const struct arrival *a)
{
	return a->kind == ARRIVAL_RST || (a->aborted && a->kind == ARRIVAL_REFUSED);
}

static bool is_cookie_ack(const struct arrival *a)
{
	return a->wants_place && a->cookie && a->kind != ARRIVAL_AGAIN;
}

static int64_t count_in(const struct queue *q, struct budget_time span,
			bool (*counts)(const struct arrival *a))
{
	int64_t count = 0;

	for (size_t i = 0; i < q->arrivals.count; i++) {
		const struct arrival *a = &q->arrivals.list[i];

		if (a->time_ns + CAPTURE_LEAD_MAX_NS < span.from_ns)
			continue;
		if (a->time_ns > span.to_ns)
			break;
		count += counts(a);
	}
	return count;
}

/* How many that are not settled, at any listener, may have moved what a packet of this time has. */
static int64_t rivals(const struct queue *q, const struct arrival *of,
		      bool (*counts)(const struct arrival *a))
{
	const struct listening *all = q->reasons ? q->reasons->listening : NULL;
	struct budget_time span;
	int64_t count = 0;

	if (!q->reasons)
		return INT64_MAX;
	span = budget_span(&q->reasons->budget, when(of));
	if (!all)
		return count_in(q, span, counts);
	if (all->count > LISTENERS_ASKED_MAX)
		return INT64_MAX;
	for (size_t i = 0; i < all->count; i++)
		count += count_in(all->queues[i], span, counts);
	return count;
}

/* Of those that are settled any may be one of these, too. */
static int64_t doubtful(const struct queue *q, const struct arrival *a)
{
	return budget_doubtful(&q->reasons->budget, when(a));
}

/* The counter moved for each packet that may have moved it. */
static bool suffices_for(const struct queue *q, enum budget_kind kind, const struct arrival *a,
			 bool (*counts)(const struct arrival *a))
{
	return q->reasons && left(q, kind, a) >= rivals(q, a, counts) + doubtful(q, a);
}

static bool suffices(const struct queue *q, enum budget_kind kind, const struct arrival *a)
{
	return suffices_for(q, kind, a, is_drop);
}

/* Charges a packet that was dropped; which of several it was may not be known. */
static void charge_drop(struct queue *q, enum budget_kind kind, const struct arrival *a)
{
	/* Before the next reading nobody knows. */
	if (q->reasons && !a->dropped_at && !suffices(q, kind, a))
		budget_doubt(&q->reasons->budget, when(a));
	charge(q, kind, a);
}

void reason_doubt(struct queue *queue, const struct arrival *packet)
{
	if (queue->reasons)
		budget_doubt(&queue->reasons->budget, when(packet));
}

void reason_charge_overflow(struct queue *queue, const struct arrival *ack)
{
	charge_drop(queue, BUDGET_OVERFLOWS, ack);
	charge(queue, BUDGET_LISTEN_DROPS, ack);
	if (ack->cookie)
		charge(queue, BUDGET_SYNCOOKIES_RECV, ack);
	if (ack->aborted)
		charge(queue, BUDGET_EMBRYONIC, ack);
}

void reason_charge_reset(struct queue *queue, const struct arrival *rst)
{
	charge(queue, BUDGET_EMBRYONIC, rst);
}

/* And for nothing else: who does not watch every listener cannot tell whose drops the rest are. */
static bool agrees(const struct queue *q, enum budget_kind kind, const struct arrival *a,
		   bool (*counts)(const struct arrival *a))
{
	return q->reasons && left(q, kind, a) == rivals(q, a, counts) && !doubtful(q, a);
}

enum confidence reason_confidence_of_overflow(const struct queue *q, struct arrival *ack,
					      bool drops_known)
{
	if (ack->dropped_at == 1 + DROP_ACK_ACCEPT_QUEUE) {
		ack->counted = true; /* by the kernel itself */
		return CONFIDENCE_EXACT;
	}
	/* A RST of somebody else's counts no request as reset. */
	if (ack->aborted && q->reasons &&
	    left(q, BUDGET_EMBRYONIC, ack) == rivals(q, ack, is_reset))
		return CONFIDENCE_EXACT;
	ack->counted = !q->grouped && q->settled.depth > (int64_t)queue_limit_at(q, ack->time_ns) &&
		       agrees(q, BUDGET_OVERFLOWS, ack, may_overflow);
	if (ack->proven && ack->counted)
		return CONFIDENCE_EXACT;
	if (drops_known && (left(q, BUDGET_OVERFLOWS, ack) < 0 ||
			    suffices_for(q, BUDGET_OVERFLOWS, ack, may_overflow)))
		return CONFIDENCE_BOUNDED;
	return CONFIDENCE_INFERRED;
}

bool reason_excludes_cookie(const struct queue *q, const struct arrival *syn)
{
	return left(q, BUDGET_COOKIE_WANTED, syn) == 0;
}

enum confidence reason_confidence_of_cookie(const struct queue *q, const struct arrival *syn)
{
	/*
	 * By what followed, or by the count of them: where tcp_syncookies is 2, a SYN that met
	 * TIME_WAIT makes a request all the same (tcp_conn_request(), tcp_tw_isn).
	 */
	if (syn->cookie_proven || agrees(q, BUDGET_COOKIE_WANTED, syn, is_syn))
		return CONFIDENCE_EXACT;
	return CONFIDENCE_INFERRED;
}

bool reason_allows_deferral(const struct queue *queue, const struct arrival *ack)
{
	const struct budget *b = queue->reasons ? &queue->reasons->budget : NULL;

	return !b || !budget_is_closed(b, when(ack)) ||
	       budget_moved(b, BUDGET_DEFERRED, when(ack)) != 0;
}

enum confidence reason_confidence_of_deferral(struct queue *q, const struct arrival *ack)
{
	bool certain =
	    q->listener.defer_accept_s > 0 && agrees(q, BUDGET_DEFERRED, ack, is_deferred);

	charge(q, BUDGET_DEFERRED, ack);
	return certain ? CONFIDENCE_EXACT : CONFIDENCE_INFERRED;
}

static struct reason by_full_queue(struct queue *q, const struct arrival *syn, enum tally tally,
				   enum fullness fullness, bool sure)
{
	struct reason r = {tally, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_INFERRED};
	enum budget_kind kind = BUDGET_OVERFLOWS;

	if (tally == TALLY_SYN_QUEUE_FULL) {
		r.cause = CAUSE_SYN_QUEUE_FULL;
		kind = BUDGET_SYN_QUEUE;
	}
	if (left(q, kind, syn) < 0)
		r.confidence = sure ? CONFIDENCE_BOUNDED : CONFIDENCE_INFERRED;
	else if (sure && suffices(q, kind, syn))
		r.confidence = !q->grouped && agrees(q, kind, syn, is_drop) &&
				       (fullness == FULLNESS_FULL || tally == TALLY_SYN_QUEUE_FULL)
				   ? CONFIDENCE_EXACT
				   : CONFIDENCE_BOUNDED;
	charge_drop(q, kind, syn);
	charge(q, BUDGET_LISTEN_DROPS, syn);
	if (tally == TALLY_SYN_BOTH_FULL)
		charge(q, BUDGET_COOKIE_WANTED, syn);
	return r;
}

struct reason reason_told(struct queue *queue, const struct arrival *syn)
{
	bool syn_queue = syn->dropped_at == 1 + DROP_SYN_QUEUE;
	enum tally overflow =
	    cookie_wanted(queue, syn) ? TALLY_SYN_BOTH_FULL : TALLY_SYN_ACCEPT_FULL;
	struct reason r = by_full_queue(queue, syn, syn_queue ? TALLY_SYN_QUEUE_FULL : overflow,
					FULLNESS_FULL, true);

	r.confidence = CONFIDENCE_EXACT;
	return r;
}

/* What tcp_v4_rcv() asks before the listener gets a segment, each with a counter of its own. */
static const struct gate {
	enum budget_kind kind;
	enum tally tally;
	enum cause cause;
} gates[] = {
    {BUDGET_MD5_NOT_FOUND, TALLY_MD5_NOT_FOUND, CAUSE_MD5_MISMATCH},
    {BUDGET_MD5_UNEXPECTED, TALLY_MD5_UNEXPECTED, CAUSE_MD5_MISMATCH},
    {BUDGET_MD5_FAILURE, TALLY_MD5_FAILURE, CAUSE_MD5_MISMATCH},
    {BUDGET_AO, TALLY_SYN_DISCARDED, CAUSE_MD5_MISMATCH},
    {BUDGET_MIN_TTL, TALLY_MIN_TTL, CAUSE_TTL_TOO_SMALL},
    {BUDGET_POLICY, TALLY_SYN_DISCARDED, CAUSE_DISCARDED_BEFORE_QUEUE},
};

#define GATES_COUNT (sizeof(gates) / sizeof(gates[0]))

/* The gates whose counters moved, or have something left, when the packet was worked on. */
static unsigned gates_of(const struct queue *q, const struct arrival *a, bool uncharged)
{
	unsigned found = 0;

	for (size_t i = 0; i < GATES_COUNT; i++)
		if (uncharged ? left(q, gates[i].kind, a) > 0
			      : has_moved(q, gates[i].kind, a) && left(q, gates[i].kind, a) >= 0)
			found |= 1u << i;
	return found;
}

static bool is_one_cause(unsigned set)
{
	enum cause cause = CAUSE_COUNT;

	for (size_t i = 0; i < GATES_COUNT; i++) {
		if (!(set >> i & 1))
			continue;
		if (cause != CAUSE_COUNT && cause != gates[i].cause)
			return false;
		cause = gates[i].cause;
	}
	return true;
}

/*
 * The counters are those of every listener: where several moved, it is the one that is known to
 * drop what this listener gets. Where none is, which it was is not known.
 */
static bool find_gate(struct queue *q, const struct arrival *a, bool sure, struct reason *r)
{
	unsigned moved = gates_of(q, a, false), possible = gates_of(q, a, true);
	size_t i = 0;

	if (!possible)
		return false;
	if (!is_one_cause(moved)) {
		if (!(possible & q->gates)) {
			*r = (struct reason){TALLY_SYN_DISCARDED, CAUSE_DISCARDED_BEFORE_QUEUE,
					     CONFIDENCE_INFERRED};
			return true;
		}
		possible &= q->gates;
	}
	while (!(possible >> i & 1))
		i++;
	if (sure && is_one_cause(moved))
		q->gates |= 1u << i;
	/* The counters are those of every port: never more than bounded. */
	*r = (struct reason){gates[i].tally, gates[i].cause,
			     sure && suffices(q, gates[i].kind, a) ? CONFIDENCE_BOUNDED
								   : CONFIDENCE_INFERRED};
	charge_drop(q, gates[i].kind, a);
	return true;
}

/* To IP it looks like a missing route that an IPsec policy blocks what would leave. */
static void blame_policy(struct queue *q, const struct arrival *a, bool sure, struct reason *r)
{
	if (left(q, BUDGET_OUT_POLICY, a) <= 0)
		return;
	r->cause = CAUSE_DISCARDED_BEFORE_QUEUE;
	r->confidence =
	    sure && suffices(q, BUDGET_OUT_POLICY, a) ? CONFIDENCE_BOUNDED : CONFIDENCE_INFERRED;
	charge_drop(q, BUDGET_OUT_POLICY, a);
}

static struct reason by_route(struct queue *q, const struct arrival *a, enum tally tally, bool sure)
{
	enum budget_kind kind = a->ipv4 ? BUDGET_NO_ROUTE : BUDGET_IP6_NO_ROUTE;
	struct reason r = {tally, CAUSE_NO_ROUTE, CONFIDENCE_INFERRED};

	if (left(q, kind, a) > 0) {
		if (sure && suffices(q, kind, a) && suffices(q, BUDGET_LISTEN_DROPS, a))
			r.confidence = CONFIDENCE_BOUNDED;
		queue_tally(q, a->ipv4 ? TALLY_NO_ROUTE_IPV4 : TALLY_NO_ROUTE_IPV6, a->time_ns, 1);
		charge_drop(q, kind, a);
	} else if (a->route == ROUTE_FOUND) {
		/* Something else drops in the same place: a security module, or want of memory. */
		r.cause = CAUSE_DISCARDED_BEFORE_QUEUE;
	} else if (a->route == ROUTE_MISSING && sure && suffices(q, BUDGET_LISTEN_DROPS, a)) {
		r.confidence = CONFIDENCE_BOUNDED;
	}
	if (tally == TALLY_ACK_NO_ROUTE)
		queue_tally(q, a->ipv4 ? TALLY_SYNACK_NO_ROUTE_IPV4 : TALLY_SYNACK_NO_ROUTE_IPV6,
			    a->time_ns, 1);
	blame_policy(q, a, sure, &r);
	charge(q, BUDGET_LISTEN_DROPS, a);
	return r;
}

/* Where listen() was called again, it may have been more often than samples show. */
static int64_t lowest_limit(const struct queue *q)
{
	uint32_t lowest, highest;

	if (q->limits.count <= 1)
		return q->listener.limit;
	limits_within(&q->limits, 0, INT64_MAX, &lowest, &highest);
	return lowest;
}

/*
 * It was full at some time, as samples show: between two of them it may have been again. In a
 * group any sibling was; the depth of none is rebuilt.
 */
static bool was_full(const struct queue *q)
{
	const struct listening *all = q->reasons ? q->reasons->listening : NULL;

	if (!q->grouped || !all)
		return q->samples.peak >= lowest_limit(q);
	for (size_t i = 0; i < all->count; i++)
		if (all->queues[i]->leader == q->leader &&
		    all->queues[i]->samples.peak >= lowest_limit(all->queues[i]))
			return true;
	return false;
}

/* What the verdicts of this listener say of ListenOverflows, and those to come may. */
static int64_t overflows_of(const struct queue *q)
{
	int64_t count = count_in(q, (struct budget_time){0, INT64_MAX}, may_overflow);

	for (int t = 0; t < TALLY_COUNT; t++)
		count += (int64_t)q->sums.tallies[t] *
			 tally_weight((enum tally)t, COUNTER_LISTEN_OVERFLOWS);
	return count;
}

bool reason_has_rest(const struct queue *queue, const struct arrival *syn)
{
	const struct reasons *r = queue->reasons;
	int64_t rest;

	if (!queue->grouped || !r || !r->listening || r->listening->count > LISTENERS_ASKED_MAX ||
	    left(queue, BUDGET_OVERFLOWS, syn) <= 0 || !was_full(queue))
		return false;
	rest = budget_moved(&r->budget, BUDGET_OVERFLOWS,
			    (struct budget_time){r->budget.gaps[0].from_ns, INT64_MAX});
	for (size_t i = 0; i < r->listening->count; i++)
		rest -= overflows_of(r->listening->queues[i]);
	return rest > 0;
}

struct reason reason_of_syn(struct queue *queue, const struct arrival *syn, enum fullness fullness,
			    bool sure)
{
	int64_t overflows = syn->kept ? 0 : left(queue, BUDGET_OVERFLOWS, syn);
	int64_t drops = syn->kept ? 0 : left(queue, BUDGET_LISTEN_DROPS, syn);
	bool cookies_off = queue->host->tcp_syncookies == 0 && !syn->kept;
	bool want_cookie = cookie_wanted(queue, syn);
	enum tally overflow = want_cookie ? TALLY_SYN_BOTH_FULL : TALLY_SYN_ACCEPT_FULL;
	enum budget_kind route = syn->ipv4 ? BUDGET_NO_ROUTE : BUDGET_IP6_NO_ROUTE;
	struct arrival near;
	struct reason r = {TALLY_SYN_DISCARDED, CAUSE_DISCARDED_BEFORE_QUEUE, CONFIDENCE_INFERRED};

	if (cookies_off && requests_full(queue, syn) && left(queue, BUDGET_SYN_QUEUE, syn) != 0)
		return by_full_queue(queue, syn, TALLY_SYN_QUEUE_FULL, fullness, sure);
	/* Of siblings the counters alone tell the two queues apart: final ACKs have one of them. */
	if (queue->grouped && cookies_off && left(queue, BUDGET_SYN_QUEUE, syn) > 0 &&
	    overflows <= rivals(queue, syn, is_refused))
		return by_full_queue(queue, syn, TALLY_SYN_QUEUE_FULL, FULLNESS_NONE, false);
	if (fullness == FULLNESS_FULL && overflows != 0)
		return by_full_queue(queue, syn, overflow, fullness, sure);
	if (find_gate(queue, syn, sure, &r))
		return r;
	if (fullness == FULLNESS_NEARLY && overflows != 0)
		return by_full_queue(queue, syn, overflow, fullness, sure);
	if (drops > 0 && left(queue, route, syn) > 0)
		return by_route(queue, syn,
				want_cookie ? TALLY_SYN_NO_ROUTE_COOKIE : TALLY_SYN_NO_ROUTE, sure);
	if (drops != 0 && reserve_holds(queue, syn)) {
		r = (struct reason){TALLY_SYN_RESERVE, CAUSE_MAX_SYN_BACKLOG_RESERVE,
				    sure ? CONFIDENCE_BOUNDED : CONFIDENCE_INFERRED};
		charge_drop(queue, BUDGET_LISTEN_DROPS, syn);
		return r;
	}
	if (drops > 0 && cookies_off && left(queue, BUDGET_SYN_QUEUE, syn) > 0)
		return by_full_queue(queue, syn, TALLY_SYN_QUEUE_FULL, FULLNESS_NONE, false);
	if ((overflows > 0 || (overflows < 0 && queue->grouped)) && was_full(queue))
		return by_full_queue(queue, syn, overflow, FULLNESS_NONE, false);
	if (!syn->kept && (fullness != FULLNESS_NONE || (queue->grouped && was_full(queue))) &&
	    left_near(queue, BUDGET_OVERFLOWS, syn, &near) > 0)
		return by_full_queue(queue, &near, overflow, fullness, false);
	/* Only a route that IPv6 finds to be a blackhole, or the like, counts as drop alone. */
	if (drops > 0 && overflows == 0)
		return by_route(queue, syn,
				want_cookie ? TALLY_SYN_NO_ROUTE_COOKIE : TALLY_SYN_NO_ROUTE, sure);
	/* No SYN was dropped behind the filters then, whoever sent it. */
	if (drops == 0 && sure && !has_moved(queue, BUDGET_LISTEN_DROPS, syn))
		r.confidence = CONFIDENCE_EXACT;
	return r;
}

void reason_charge_timestamp(struct queue *queue, const struct arrival *ack)
{
	charge(queue, BUDGET_TIMESTAMP, ack);
}

/* What came from a client and got nowhere. */
static bool may_be_stopped(const struct arrival *a)
{
	return !a->answered &&
	       (a->kind == ARRIVAL_SYN || (a->kind == ARRIVAL_STRAY && a->acknowledges));
}

/* It did not reach TCP. The counter is one of every port: never more than bounded. */
static struct reason by_path(struct queue *q, const struct arrival *ack, bool sure)
{
	struct reason r = {TALLY_RP_FILTER, CAUSE_RP_FILTER, CONFIDENCE_INFERRED};

	if (sure && suffices_for(q, BUDGET_REVERSE_PATH, ack, may_be_stopped))
		r.confidence = CONFIDENCE_BOUNDED;
	charge(q, BUDGET_REVERSE_PATH, ack);
	return r;
}

struct reason reason_of_ack(struct queue *queue, const struct arrival *ack, int drops)
{
	struct reason r = {TALLY_ACK_DISCARDED, CAUSE_DISCARDED_BEFORE_QUEUE, CONFIDENCE_INFERRED};
	bool sure = !ack->decided || ack->sure;

	if (ack->cookie && drops == 0 &&
	    left(queue, BUDGET_SYNCOOKIES_RECV, ack) >= rivals(queue, ack, is_cookie_ack)) {
		/* Valid, and yet no connection: memory, or the route (cookie_v4_check). */
		charge(queue, BUDGET_SYNCOOKIES_RECV, ack);
		return (struct reason){TALLY_COOKIE_ACK_NO_ROUTE, CAUSE_NO_ROUTE,
				       CONFIDENCE_INFERRED};
	}
	if (drops == 0 && ack->ipv4 && left(queue, BUDGET_REVERSE_PATH, ack) > 0)
		return by_path(queue, ack, sure);
	if (drops == 0)
		return (struct reason){TALLY_COUNT, CAUSE_UNANSWERED_NO_COUNTER,
				       CONFIDENCE_INFERRED};
	/* Its listener's TCP_DEFER_ACCEPT was not known yet, or not that it had a request. */
	if (ack->bare && !ack->cookie && queue->defers_s != 0 && left(queue, BUDGET_DEFERRED, ack) > 0) {
		charge(queue, BUDGET_DEFERRED, ack);
		return (struct reason){TALLY_DEFERRED_ACK, CAUSE_DEFER_ACCEPT, CONFIDENCE_INFERRED};
	}
	if (left(queue, BUDGET_LISTEN_DROPS, ack) > 0 && left(queue, BUDGET_OVERFLOWS, ack) == 0)
		return by_route(queue, ack, TALLY_ACK_NO_ROUTE, sure);
	if (find_gate(queue, ack, sure, &r))
		return r;
	if (left(queue, BUDGET_TIMESTAMP, ack) > 0) {
		charge(queue, BUDGET_TIMESTAMP, ack);
		return (struct reason){TALLY_ACK_TIMESTAMP, CAUSE_COUNT, CONFIDENCE_INFERRED};
	}
	if (sure && left(queue, BUDGET_LISTEN_DROPS, ack) == 0 &&
	    !has_moved(queue, BUDGET_LISTEN_DROPS, ack))
		r.confidence = CONFIDENCE_BOUNDED;
	return r;
}
