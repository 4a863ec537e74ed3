/*
 * The transitions of a hypothesis by the rules of tcp_conn_request() and tcp_check_req(), and
 * their costs. Where what was recorded breaks a rule, the transition costs: packets that two
 * processors work on at once are captured in one order and may count in the other.
 */
#include "report/queue/search/hypothesis.h"

#include "report/queue/arrival.h"
#include "report/queue/timestamps.h"

enum {
	COST_UNSEEN = 1,    /* nothing tells it apart from another */
	COST_IN_FRONT = 2,  /* something before the listener took the SYN */
	COST_COUNT = 3,	    /* a request expired, which sends nothing */
	COST_BEHIND = 4,    /* something before the listener took it, and the queue was full too */
	COST_BORDER = 6,    /* the SYN queue was one off, as it seems */
	COST_EARLY = 6,	    /* a packet was worked on long after it was captured */
	COST_STOPPED = 7,   /* something before the listener took a final ACK, and not two SYNs */
	COST_HIDDEN = 8,    /* a client hid by chance what the timestamp of its cookie was behind */
	COST_ORDER = 10,    /* two entered in another order than they were captured */
	COST_DISLIKED = 12, /* PAWS, or out of the window */
	COST_RULE = 15,
	COST_LATE = 15,	  /* a request's SYN-ACK was captured late by some milliseconds */
	COST_SAMPLE = 20, /* for each that a sample is off */
	COST_LOOKUP = 30,
};

/* So far the SYN queue may be off, where nothing but its count is known, and where a timestamp is.
 */
#define OFF_UNPROVEN_MAX 2
#define OFF_MAX		 8

/* With more room than this nobody is refused, unless a lookup says so. */
#define ROOM_DOUBTED 8

struct transitions {
	struct transition *list;
	unsigned count;
};

static struct transition *add(struct transitions *m, enum arrival_kind kind, uint8_t place,
			      uint32_t cost)
{
	struct transition *transition = &m->list[m->count++];

	*transition = (struct transition){
	    .kind = (uint8_t)kind,
	    .place = place,
	    .cost = cost,
	    .cookie = place & PLACE_COOKIE,
	};
	return transition;
}

static void add_drop(struct transitions *m, enum arrival_kind kind, uint8_t place, uint32_t cost,
		     int drops)
{
	struct transition *transition = add(m, kind, place, cost);

	transition->drops = (int8_t)drops;
	transition->dropped = drops > 0;
}

/* Whether tcp_conn_request() decides on a cookie; *off: how far the SYN queue is from the other. */
static bool wants_cookie(const struct queue *q, const struct hypothesis *h, const struct arrival *a,
			 int32_t *off)
{
	int64_t over = (int64_t)h->requests - (int64_t)queue_limit_at(q, a->time_ns);
	uint32_t lowest, highest;

	/* listen() was called again at about that time: the counter knows on which side of it. */
	if (over > 0 && a->no_cookie) {
		limits_within(&q->limits, a->time_ns, a->time_ns, &lowest, &highest);
		over = (int64_t)h->requests - (int64_t)highest;
	}
	*off = (int32_t)(over > 0 ? over - 1 : -over);
	/* One that met TIME_WAIT makes a request, whatever the queues (tcp_tw_isn). */
	if (q->host->tcp_syncookies == 2)
		return a->timestamp != TIMESTAMP_REQUEST && !a->no_cookie;
	return q->host->tcp_syncookies == 1 && q->limit_known && over > 0;
}

/* What speaks against it that this SYN was answered with a cookie, or by a request. */
static uint32_t timestamp_cost(const struct arrival *a, bool cookie)
{
	switch ((enum timestamp)a->timestamp) {
	case TIMESTAMP_COOKIE:
		return cookie ? 0 : COST_LOOKUP;
	case TIMESTAMP_REQUEST:
		return cookie ? COST_LOOKUP : 0;
	case TIMESTAMP_COOKIE_LIKELY:
		return cookie ? 0 : COST_LATE;
	case TIMESTAMP_REQUEST_LIKELY:
		return cookie ? COST_HIDDEN : 0;
	case TIMESTAMP_NOTHING:
	case TIMESTAMP_AWAITED:
		break;
	}
	return 0;
}

static struct transition *add_answer(struct transitions *m, bool cookie, uint32_t leaves,
				     uint32_t cost)
{
	struct transition *transition =
	    add(m, ARRIVAL_SYN, cookie ? PLACE_COOKIE : PLACE_REQUEST, cost);

	transition->leaves = leaves;
	transition->requests = !cookie;
	return transition;
}

static void add_answered(const struct queue *q, const struct hypothesis *h, const struct arrival *a,
			 uint8_t concurrent, struct transitions *m, uint32_t leaves, uint32_t cost)
{
	int32_t off;
	bool cookie = wants_cookie(q, h, a, &off);
	int32_t most = timestamp_cost(a, cookie) ? OFF_MAX : OFF_UNPROVEN_MAX;
	struct transition *transition;

	add_answer(m, cookie, leaves, cost + timestamp_cost(a, cookie));
	if (q->host->tcp_syncookies != 1 || off > most)
		return;
	cookie = !cookie;
	cost += timestamp_cost(a, cookie) + COST_BORDER + 2 * (uint32_t)off;
	if (concurrent & (cookie ? CONCURRENT_MORE : CONCURRENT_FEWER))
		add_answer(m, cookie, leaves, cost);
	/* Or there were as many as that takes: the count is as good as what is known of ends. */
	transition = add_answer(m, cookie, leaves, cost + COST_UNSEEN);
	transition->requests += (int8_t)(cookie ? off + 1 : -off - 1);
	transition->unattributed =
	    (int8_t)(cookie ? (h->unattributed < off + 1 ? -h->unattributed : -off - 1) : off + 1);
}

static bool in_reserve(const struct queue *q, const struct hypothesis *h)
{
	int64_t max = q->host->tcp_max_syn_backlog;

	return q->host->tcp_syncookies == 0 && (max < 0 || max - h->requests < max / 4);
}

static void syn_transitions(const struct queue *q, const struct hypothesis *h,
			    const struct arrival *a, uint8_t place, uint8_t concurrent,
			    struct transitions *m)
{
	int32_t limit = (int32_t)queue_limit_at(q, a->time_ns);
	bool full = h->depth > limit;
	uint32_t leaves = full ? (uint32_t)(h->depth - limit) : 0;

	if (place & PLACE_ENTERED) {
		add(m, ARRIVAL_SETTLED, place, 0);
	} else if (place & PLACE_REQUEST) {
		add_drop(m, ARRIVAL_REPEAT, place, 0, 1);
	} else if (a->challenged) {
		add_drop(m, ARRIVAL_SYN, place, 0, 1);
		add_drop(m, ARRIVAL_SYN, place, COST_UNSEEN, 0);
	} else if (a->synacked) {
		add_answered(q, h, a, concurrent, m, leaves, 0);
		if (full)
			add_answered(q, h, a, concurrent, m, 0, COST_RULE);
	} else if (a->answered) {
		add(m, ARRIVAL_SYN, place, 0); /* by a RST, an ICMP error, a bare ACK */
	} else if (a->dropped_at) {
		add_drop(m, ARRIVAL_SYN, 0,
			 full || a->dropped_at != 1 + DROP_SYN_ACCEPT_QUEUE ? 0 : COST_RULE, 1);
	} else if (a->kept) {
		add_drop(m, ARRIVAL_SYN, 0, 0, 0);
		add_drop(m, ARRIVAL_SYN, 0, COST_UNSEEN, 1); /* before any queue */
	} else if (full || (q->host->tcp_syncookies == 0 && h->requests > limit)) {
		add_drop(m, ARRIVAL_SYN, 0, 0, 1);
		add_drop(m, ARRIVAL_SYN, 0, COST_BEHIND, 0);
		m->list[m->count - 1].leaves = leaves;
		if (leaves) /* the next sample may still show it full */
			add_drop(m, ARRIVAL_SYN, 0, COST_BEHIND + 1, 0);
	} else {
		add_drop(m, ARRIVAL_SYN, 0, COST_IN_FRONT, 0);
		add_drop(m, ARRIVAL_SYN, 0, in_reserve(q, h) ? 0 : COST_RULE, 1);
	}
}

static void add_entry(struct transitions *m, uint8_t place, uint32_t leaves, uint32_t cost)
{
	struct transition *transition = add(m, ARRIVAL_ENTER, place | PLACE_ENTERED, cost);

	transition->leaves = leaves;
	transition->depth = 1;
	if (place & PLACE_REQUEST)
		transition->requests = -1;
	transition->place &= (uint8_t)~PLACE_REQUEST;
}

/*
 * It entered, and the kernel counted so many before it: who is missing had left. Two
 * processors that let somebody in at the same instant count the same.
 */
static void add_told_entry(const struct hypothesis *h, const struct arrival *a, uint8_t place,
			   struct transitions *m)
{
	int64_t more = (int64_t)h->depth - (int64_t)a->told_depth;

	if (more >= 0) {
		add_entry(m, place, (uint32_t)more, 0);
		if (more == 1)
			add_entry(m, place, 0, COST_EARLY);
	} else {
		more = more < -100 ? -100 : more;
		add_entry(m, place, 0, COST_SAMPLE * (uint32_t)(more < -10 ? 10 : -more));
		m->list[m->count - 1].depth = (int8_t)(1 - more);
	}
	/* Nobody saw how it came here: as it was judged. */
	for (unsigned i = 0; i < m->count && !place; i++)
		m->list[i].cookie = a->cookie;
}

static void ack_transitions(const struct queue *q, const struct hypothesis *h,
			    const struct arrival *a, uint8_t place, struct transitions *m)
{
	int32_t limit = (int32_t)queue_limit_at(q, a->time_ns);
	bool full = h->depth > limit;
	uint32_t leaves = full ? (uint32_t)(h->depth - limit) : 0;
	int weight = place & PLACE_COOKIE ? 1 : 2;

	if (place & PLACE_ENTERED) {
		add(m, ARRIVAL_AGAIN, place, 0);
		return;
	}
	if (a->told == TOLD_ENTERED) {
		add_told_entry(h, a, place, m);
		return;
	}
	if (a->deferred && (place & PLACE_REQUEST)) {
		add_drop(m, ARRIVAL_DEFERRED, place, 0, 1);
		return;
	}
	if (a->aborted) {
		add_drop(m, ARRIVAL_REFUSED, 0, full ? 0 : COST_RULE, weight);
		m->list[0].requests = place & PLACE_REQUEST ? -1 : 0;
		return;
	}
	if (!place) {
		/* Nobody saw how it came here: as it was judged. */
		if (a->kind == ARRIVAL_REFUSED)
			add_drop(m, ARRIVAL_REFUSED, 0, 0, arrival_sk_drops(a));
		else
			add_entry(m, 0, leaves, 0);
		m->list[0].cookie = a->cookie;
		return;
	}
	if (a->dropped_at == 1 + DROP_ACK_ACCEPT_QUEUE) {
		add_drop(m, ARRIVAL_REFUSED, place, full ? 0 : COST_RULE, weight);
		return;
	}
	if (a->told == TOLD_DOUBT)
		add_told_entry(h, a, place, m);
	else if (a->told != TOLD_REFUSED)
		add_entry(m, place, leaves, 0);
	/* Its listener's TCP_DEFER_ACCEPT was not known, or not that it had a request. */
	if (a->bare && q->defers_s != 0 && (place & PLACE_REQUEST))
		add_drop(m, ARRIVAL_DEFERRED, place, a->told == TOLD_REFUSED ? 0 : COST_UNSEEN, 1);
	if (h->depth + ROOM_DOUBTED < limit && a->kind == ARRIVAL_ENTER)
		return;
	add_drop(m, ARRIVAL_REFUSED, place, full ? 0 : COST_RULE, weight);
	if (full && a->told == TOLD_NOTHING)
		add_entry(m, place, 0, COST_RULE);
	if (place & PLACE_REQUEST)
		add_drop(m, ARRIVAL_STRAY, place, COST_DISLIKED, 1);
	if (!a->proven || a->kind != ARRIVAL_ENTER)
		add_drop(m, ARRIVAL_STRAY, place, COST_STOPPED, 0);
}

static void end_transitions(const struct arrival *a, uint8_t place, struct transitions *m)
{
	bool ends = (place & PLACE_REQUEST) && (a->kind != ARRIVAL_STRAY || a->exact);

	if (ends) {
		add_drop(m, a->kind == ARRIVAL_ICMP ? ARRIVAL_ICMP : ARRIVAL_RST, 0, 0, 1);
		m->list[0].requests = -1;
	} else if (a->kind == ARRIVAL_ICMP || (a->passed_over && !(place & PLACE_REQUEST))) {
		add(m, ARRIVAL_SETTLED, place, 0);
	} else if (a->kind == ARRIVAL_STRAY && !a->proven) {
		add_drop(m, ARRIVAL_STRAY, place, 0, 1);
		add_drop(m, ARRIVAL_STRAY, place, COST_UNSEEN, 0);
	} else {
		add_drop(m, ARRIVAL_STRAY, place, 0, 1);
	}
}

uint32_t hypothesis_lookup_cost(enum found found, uint8_t place)
{
	switch (found) {
	case FOUND_CHILD:
		return place & PLACE_ENTERED ? 0 : COST_LOOKUP;
	case FOUND_REQUEST:
		return place & PLACE_REQUEST ? 0 : COST_LOOKUP;
	case FOUND_NOTHING:
		return place & (PLACE_ENTERED | PLACE_REQUEST) ? COST_LOOKUP : 0;
	case FOUND_NO_CHILD:
	case FOUND_EXPIRED:
		return place & PLACE_ENTERED ? COST_LOOKUP : 0;
	case FOUND_DOUBT:
		break;
	}
	return 0;
}

static void lookup_transitions(const struct hypothesis *h, const struct arrival *a, uint8_t place,
			       struct transitions *m)
{
	uint32_t cost = hypothesis_lookup_cost((enum found)a->found, place);

	if (a->found != FOUND_EXPIRED || !(place & PLACE_REQUEST)) {
		add(m, ARRIVAL_LOOKUP, place, cost);
		return;
	}
	add(m, ARRIVAL_LOOKUP, 0, cost);
	if (h->unattributed > 0)
		m->list[0].unattributed = -1; /* a count has shown that somebody's had ended */
	else
		m->list[0].requests = -1;
}

static void count_transitions(const struct hypothesis *h, const struct arrival *a,
			      struct transitions *m)
{
	int64_t off = (int64_t)h->requests - (int64_t)a->half_open;

	/* More than are known may be those of a listener that closed. */
	add(m, ARRIVAL_COUNT, 0,
	    a->found == FOUND_DOUBT || off == 0 ? 0
	    : off < 0				? COST_UNSEEN
						: COST_COUNT);
	if (a->found == FOUND_DOUBT || off <= 0)
		return;
	m->list[0].requests = (int8_t)(off > INT8_MAX ? -INT8_MAX : -off);
	m->list[0].unattributed = (int8_t)-m->list[0].requests;
}

/* accept() returned it: it had entered, and may have left before this report. */
static void leave_transitions(const struct hypothesis *h, const struct arrival *a, uint8_t place,
			      struct transitions *m)
{
	bool known = a->index == TABLE_NONE || (place & PLACE_ENTERED);

	add(m, ARRIVAL_LEAVE, place, known ? 0 : COST_LOOKUP)->depth =
	    !h->ahead && h->depth > 0 ? -1 : 0;
}

uint32_t hypothesis_leave_cost(const struct hypothesis *hypothesis, uint32_t leaves,
			       uint32_t reported)
{
	uint64_t ahead = (uint64_t)hypothesis->ahead + leaves;
	uint64_t over = ahead > reported ? ahead - reported : 0;

	if (over > leaves)
		over = leaves;
	return COST_RULE * (uint32_t)(over > 10 ? 10 : over);
}

uint32_t hypothesis_order_cost(const struct hypothesis *hypothesis, uint32_t precede)
{
	return hypothesis->entries < precede ? COST_ORDER : 0;
}

unsigned hypothesis_transitions(const struct queue *queue, const struct hypothesis *hypothesis,
				const struct arrival *arrival, uint8_t place, uint8_t concurrent,
				struct transition transitions[TRANSITIONS_MAX])
{
	struct transitions m = {.list = transitions};

	if (arrival->wants_place) {
		ack_transitions(queue, hypothesis, arrival, place, &m);
		return m.count;
	}
	switch ((enum arrival_kind)arrival->kind) {
	case ARRIVAL_SYN:
	case ARRIVAL_REPEAT:
		syn_transitions(queue, hypothesis, arrival, place, concurrent, &m);
		break;
	case ARRIVAL_RST:
	case ARRIVAL_STRAY:
	case ARRIVAL_ICMP:
		end_transitions(arrival, place, &m);
		break;
	case ARRIVAL_JOIN:
		add(&m, ARRIVAL_JOIN, 0, 0)->requests = place & PLACE_REQUEST ? -1 : 0;
		m.list[0].cookie = arrival->cookie;
		break;
	case ARRIVAL_LEAVE:
		leave_transitions(hypothesis, arrival, place, &m);
		break;
	case ARRIVAL_ENTER:
		add_entry(&m, place, 0, 0);
		break;
	case ARRIVAL_LOOKUP:
		lookup_transitions(hypothesis, arrival, place, &m);
		break;
	case ARRIVAL_COUNT:
		count_transitions(hypothesis, arrival, &m);
		break;
	case ARRIVAL_REFUSED:
	case ARRIVAL_AGAIN:
	case ARRIVAL_DEFERRED:
	case ARRIVAL_SETTLED:
		add(&m, ARRIVAL_SETTLED, place, 0);
		break;
	}
	return m.count;
}

static uint32_t at_most(uint64_t value, uint32_t most)
{
	return value < most ? (uint32_t)value : most;
}

/* A sample that shows too little may have looked before a packet was worked on, or half way. */
static uint32_t take_drops(struct hypothesis *hypothesis, const struct observation *sample,
			   uint64_t *wrong)
{
	int64_t off = sample->drops - hypothesis->drops;

	if (off == -1 && sample->torn)
		return COST_UNSEEN;
	if (off < 0 && -off <= (int64_t)sample->early_drops)
		return COST_EARLY;
	*wrong += (uint64_t)(off < 0 ? -off : off);
	hypothesis->drops = sample->drops;
	return 0;
}

static uint32_t take_depth(struct hypothesis *hypothesis, const struct observation *sample,
			   uint64_t *wrong, uint32_t *leaves)
{
	int64_t more = (int64_t)sample->depth - hypothesis->depth;
	uint32_t back = more > 0 ? at_most((uint64_t)more, hypothesis->retractable) : 0;
	uint32_t cost = back ? COST_EARLY : 0;

	*leaves = more < 0 ? (uint32_t)-more : 0;
	if (more > 0)
		*wrong += (uint64_t)more - back;
	if (sample->reports) {
		cost += hypothesis_leave_cost(hypothesis, *leaves, sample->reported);
		hypothesis->ahead += *leaves;
		hypothesis->ahead -= at_most(back, hypothesis->ahead);
	}
	hypothesis->depth = (int32_t)sample->depth;
	hypothesis->retractable =
	    at_most((uint64_t)hypothesis->retractable - back + *leaves, sample->early_entries);
	return cost;
}

uint32_t hypothesis_observe(struct hypothesis *hypothesis, const struct observation *sample,
			    uint32_t *leaves)
{
	uint64_t wrong = 0;
	uint32_t cost = take_depth(hypothesis, sample, &wrong, leaves);

	cost += take_drops(hypothesis, sample, &wrong);
	return cost + COST_SAMPLE * at_most(wrong, 10);
}
