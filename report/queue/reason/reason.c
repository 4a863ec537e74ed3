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

void reason_charge_cookie_sent(struct queue *queue, const struct arrival *syn)
{
	charge(queue, BUDGET_COOKIE_WANTED, syn);
}

void reason_charge_cookie(struct queue *queue, const struct arrival *ack)
{
	charge(queue, BUDGET_SYNCOOKIES_RECV, ack);
}

void reason_charge_overflow(struct queue *queue, const struct arrival *ack)
{
	charge(queue, BUDGET_OVERFLOWS, ack);
	charge(queue, BUDGET_LISTEN_DROPS, ack);
	if (ack->cookie)
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
	return q->limit_known && q->siblings == 1 &&
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

static bool is_syn(const struct arrival *a)
{
	return a->kind == ARRIVAL_SYN;
}

static bool is_deferred(const struct arrival *a)
{
	return a->kind == ARRIVAL_DEFERRED;
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
	struct budget_time span = budget_span(&q->reasons->budget, when(of));
	const struct listening *all = q->reasons->listening;
	int64_t count = 0;

	if (!all)
		return count_in(q, span, counts);
	if (all->count > LISTENERS_ASKED_MAX)
		return INT64_MAX;
	for (size_t i = 0; i < all->count; i++)
		count += count_in(all->queues[i], span, counts);
	return count;
}

/* The counter moved for each packet that may have moved it. */
static bool suffices(const struct queue *q, enum budget_kind kind, const struct arrival *a)
{
	return q->reasons && left(q, kind, a) >= rivals(q, a, is_drop);
}

/* And for nothing else: who does not watch every listener cannot tell whose drops the rest are. */
static bool agrees(const struct queue *q, enum budget_kind kind, const struct arrival *a,
		   bool (*counts)(const struct arrival *a))
{
	return q->reasons && left(q, kind, a) == rivals(q, a, counts);
}

enum confidence reason_confidence_of_overflow(const struct queue *q, struct arrival *ack,
					      bool drops_known)
{
	if (ack->dropped_at == 1 + DROP_ACK_ACCEPT_QUEUE) {
		ack->counted = true; /* by the kernel itself */
		return CONFIDENCE_EXACT;
	}
	ack->counted = q->siblings == 1 &&
		       q->settled.depth > (int64_t)queue_limit_at(q, ack->time_ns) &&
		       agrees(q, BUDGET_OVERFLOWS, ack, is_drop);
	if (ack->proven && ack->counted)
		return CONFIDENCE_EXACT;
	if (drops_known && (left(q, BUDGET_OVERFLOWS, ack) < 0 || suffices(q, BUDGET_OVERFLOWS, ack)))
		return CONFIDENCE_BOUNDED;
	return CONFIDENCE_INFERRED;
}

enum confidence reason_confidence_of_cookie(const struct queue *q, const struct arrival *syn)
{
	/* Each answer is one, by the sysctl, by what followed, or by the count of them. */
	if (q->host->tcp_syncookies == 2 || syn->cookie_proven ||
	    agrees(q, BUDGET_COOKIE_WANTED, syn, is_syn))
		return CONFIDENCE_EXACT;
	return CONFIDENCE_INFERRED;
}

enum confidence reason_confidence_of_deferral(struct queue *q, const struct arrival *ack)
{
	bool certain = q->listener.defer_accept_s > 0 && agrees(q, BUDGET_DEFERRED, ack, is_deferred);

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
		r.confidence = q->siblings == 1 && agrees(q, kind, syn, is_drop) &&
					       (fullness == FULLNESS_FULL ||
						tally == TALLY_SYN_QUEUE_FULL)
				   ? CONFIDENCE_EXACT
				   : CONFIDENCE_BOUNDED;
	charge(q, kind, syn);
	charge(q, BUDGET_LISTEN_DROPS, syn);
	if (tally == TALLY_SYN_BOTH_FULL)
		charge(q, BUDGET_COOKIE_WANTED, syn);
	return r;
}

struct reason reason_told(struct queue *queue, const struct arrival *syn)
{
	bool syn_queue = syn->dropped_at == 1 + DROP_SYN_QUEUE;
	enum tally overflow = cookie_wanted(queue, syn) ? TALLY_SYN_BOTH_FULL
							: TALLY_SYN_ACCEPT_FULL;
	struct reason r = by_full_queue(queue, syn, syn_queue ? TALLY_SYN_QUEUE_FULL : overflow,
					FULLNESS_FULL, true);

	r.confidence = CONFIDENCE_EXACT;
	return r;
}

/* What tcp_v4_rcv() asks before the listener gets a segment, each with a counter of its own. */
static bool find_gate(struct queue *q, const struct arrival *a, bool sure, struct reason *r)
{
	static const struct {
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

	for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
		if (left(q, gates[i].kind, a) <= 0)
			continue;
		/* The counters are those of every port: never more than bounded. */
		*r = (struct reason){gates[i].tally, gates[i].cause,
				     sure && suffices(q, gates[i].kind, a) ? CONFIDENCE_BOUNDED
									   : CONFIDENCE_INFERRED};
		charge(q, gates[i].kind, a);
		return true;
	}
	return false;
}

static struct reason by_route(struct queue *q, const struct arrival *a, enum tally tally, bool sure)
{
	enum budget_kind kind = a->ipv4 ? BUDGET_NO_ROUTE : BUDGET_IP6_NO_ROUTE;
	struct reason r = {tally, CAUSE_NO_ROUTE, CONFIDENCE_INFERRED};

	if (left(q, kind, a) > 0) {
		if (sure && suffices(q, kind, a) && suffices(q, BUDGET_LISTEN_DROPS, a))
			r.confidence = CONFIDENCE_BOUNDED;
		queue_tally(q, a->ipv4 ? TALLY_NO_ROUTE_IPV4 : TALLY_NO_ROUTE_IPV6, a->time_ns, 1);
		charge(q, kind, a);
	}
	charge(q, BUDGET_LISTEN_DROPS, a);
	return r;
}

struct reason reason_of_syn(struct queue *queue, const struct arrival *syn, enum fullness fullness,
			    bool sure)
{
	int64_t overflows = left(queue, BUDGET_OVERFLOWS, syn);
	int64_t drops = left(queue, BUDGET_LISTEN_DROPS, syn);
	bool cookies_off = queue->host->tcp_syncookies == 0;
	bool want_cookie = cookie_wanted(queue, syn);
	enum tally overflow = want_cookie ? TALLY_SYN_BOTH_FULL : TALLY_SYN_ACCEPT_FULL;
	enum budget_kind route = syn->ipv4 ? BUDGET_NO_ROUTE : BUDGET_IP6_NO_ROUTE;
	struct arrival near;
	struct reason r = {TALLY_SYN_DISCARDED, CAUSE_DISCARDED_BEFORE_QUEUE, CONFIDENCE_INFERRED};

	if (cookies_off && requests_full(queue, syn) && left(queue, BUDGET_SYN_QUEUE, syn) != 0)
		return by_full_queue(queue, syn, TALLY_SYN_QUEUE_FULL, fullness, sure);
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
		charge(queue, BUDGET_LISTEN_DROPS, syn);
		return r;
	}
	if (drops > 0 && cookies_off && left(queue, BUDGET_SYN_QUEUE, syn) > 0)
		return by_full_queue(queue, syn, TALLY_SYN_QUEUE_FULL, FULLNESS_NONE, false);
	if (overflows > 0 && queue->samples.peak >= (int64_t)queue_limit_at(queue, syn->time_ns))
		return by_full_queue(queue, syn, overflow, FULLNESS_NONE, false);
	if (fullness != FULLNESS_NONE && left_near(queue, BUDGET_OVERFLOWS, syn, &near) > 0)
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

struct reason reason_of_ack(struct queue *queue, const struct arrival *ack, int drops)
{
	struct reason r = {TALLY_ACK_DISCARDED, CAUSE_DISCARDED_BEFORE_QUEUE, CONFIDENCE_INFERRED};

	if (ack->cookie && drops == 0 && left(queue, BUDGET_SYNCOOKIES_RECV, ack) > 0) {
		/* Valid, and yet no connection: memory, or the route (cookie_v4_check). */
		charge(queue, BUDGET_SYNCOOKIES_RECV, ack);
		return (struct reason){TALLY_COOKIE_ACK_NO_ROUTE, CAUSE_NO_ROUTE,
				       CONFIDENCE_INFERRED};
	}
	if (drops == 0)
		return (struct reason){TALLY_COUNT, CAUSE_UNANSWERED_NO_COUNTER,
				       CONFIDENCE_INFERRED};
	if (left(queue, BUDGET_LISTEN_DROPS, ack) > 0 && left(queue, BUDGET_OVERFLOWS, ack) == 0)
		return by_route(queue, ack, TALLY_ACK_NO_ROUTE, true);
	if (find_gate(queue, ack, true, &r))
		return r;
	if (left(queue, BUDGET_TIMESTAMP, ack) > 0) {
		charge(queue, BUDGET_TIMESTAMP, ack);
		return (struct reason){TALLY_ACK_TIMESTAMP, CAUSE_COUNT, CONFIDENCE_INFERRED};
	}
	if (left(queue, BUDGET_LISTEN_DROPS, ack) == 0 &&
	    !has_moved(queue, BUDGET_LISTEN_DROPS, ack))
		r.confidence = CONFIDENCE_BOUNDED;
	return r;
}
