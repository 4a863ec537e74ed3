/*
 * What the kernel tells of entries, against the final ACKs that were seen.
 *
 * Theory of operation. An entry is told in its softirq, some microseconds after the
 * packet that made it was captured; where a processor is held up, some milliseconds. Of an
 * attempt's segments the one before the entry is what entered: each before that one was not
 * taken, each after it asks for nothing. A segment that is older than ABSENT_NS, and of
 * which nothing was told, was not taken. Both are facts, and the search (search/) follows
 * them alone; why a segment was not taken it has to find out as before. So it has where
 * several came right before the entry: the listener's drops tell which of them entered.
 */
#include "report/queue/entry/entries.h"

#include "report/queue/parts.h"
#include "report/queue/reason/reason.h"

/*
 * Segments so close to the entry may all have been captured before the first was worked on:
 * which of them entered, the entry does not tell.
 */
#define TOGETHER_NS NS_PER_MS
/* No entry is told later than this, but for a machine that stands still. Before SETTLE_DELAY_NS. */
#define ABSENT_NS (40 * NS_PER_MS)
/* Where addresses are translated its client is told of within this time. */
#define NOBODY_NS (10 * NS_PER_SEC)

static bool asks(const struct arrival *a)
{
	return a->wants_place && a->kind != ARRIVAL_SETTLED;
}

/* It was not taken: by a full queue, unless there was room. */
static void refuse(const struct queues *queues, struct queue *q, struct arrival *a,
		   struct open_attempt *open)
{
	bool full = a->dropped_at == 1 + DROP_ACK_ACCEPT_QUEUE;
	bool room =
	    !full && (queues->drops_told || (!open_knows(open, KNOWN_NEARLY_FULL) && !open_knows(open, KNOWN_COOKIE)) ||
		      !reason_allows_overflow(q, a->time_ns, a->done_ns));

	a->told = TOLD_REFUSED;
	if (!full && (a->kind == ARRIVAL_DEFERRED || a->kind == ARRIVAL_STRAY))
		return;
	a->proven = true;
	if (!room || a->kind == ARRIVAL_REFUSED) {
		a->kind = ARRIVAL_REFUSED;
	} else if (q->defers_s != 0) {
		a->kind = ARRIVAL_DEFERRED;
		open_move(open, MOVE_DEFERRED_AFTER_ALL);
	} else {
		/* The request did not like it: PAWS, or out of its window (tcp_check_req). */
		a->kind = ARRIVAL_STRAY;
		a->proven = false;
		a->acknowledges = true;
		open_move(open, MOVE_DISLIKED);
	}
}

/* Of an attempt's segments those that can have entered; first == last: no doubt. */
struct candidates {
	struct arrival *first, *last;
	struct arrival *judged; /* the one that is taken to have entered, or NULL */
};

static struct candidates find_entered(struct queue *q, const struct queue_packet *packet)
{
	struct candidates c = {0};

	for (struct arrival *a = queue_newest(q, packet->index, packet->attempt->isn); a;
	     a = queue_earlier(q, a)) {
		if (!asks(a) || (c.first && a->time_ns <= packet->time_ns - TOGETHER_NS))
			continue;
		c.first = a;
		if (!c.last)
			c.last = a;
		if (a->kind == ARRIVAL_ENTER)
			c.judged = a;
	}
	return c;
}

/* So much closer to the entry that the other's softirq would have been held up just then. */
#define NEARER	4
#define NEAR_NS (50 * NS_PER_US)

static bool is_nearer(const struct arrival *a, const struct arrival *than, int64_t entered_ns)
{
	int64_t near_ns = entered_ns - a->time_ns;

	return near_ns >= 0 && near_ns <= NEAR_NS &&
	       entered_ns - than->time_ns > NEAR_NS + NEARER * near_ns;
}

/*
 * The sums judge who of several entered: the first where it had room, the next where a full
 * queue did not take the first; but for one that came right before the entry, the others long
 * before it. sk_drops can turn that round later (reconcile.c, search/).
 */
static void tell_entered(struct queue *q, const struct candidates *c, int64_t entered_ns,
			 uint32_t depth)
{
	struct arrival *entered = c->judged ? c->judged : c->first;

	if (c->last != entered && is_nearer(c->last, entered, entered_ns))
		entered = c->last;

	for (struct arrival *a = c->last; a; a = a == c->first ? NULL : queue_earlier(q, a)) {
		if (!asks(a))
			continue;
		a->told = a == c->last ? TOLD_ENTERED : TOLD_DOUBT;
		a->told_depth = depth;
		if (a == entered) {
			a->kind = ARRIVAL_ENTER;
			a->proven = true;
		} else if (a > entered) {
			a->kind = ARRIVAL_AGAIN;
		} else if (a->kind == ARRIVAL_ENTER || a->kind == ARRIVAL_AGAIN) {
			a->kind = ARRIVAL_REFUSED;
			a->proven = false;
		}
	}
}

/* Whose queue it entered; NULL: that was not told, or its listener is not known yet. */
static struct queue *tell_sibling(struct queues *queues, const struct queue *leader,
				  const struct queue_packet *packet, uint64_t cookie)
{
	struct queue *member = cookie ? listening_by_cookie(&queues->listening, cookie) : NULL;
	struct detail *d;

	if (!member || member->leader != leader)
		return NULL;
	d = details_open(packet->details, packet->attempt);
	if (d) {
		d->sibling = member->index + 1;
		d->sibling_ns = INT64_MAX;
	}
	return member;
}

void queues_doubt_order(struct queues *queues, const struct queue *leader, int64_t time_ns)
{
	for (size_t i = 0; i < queues->listening.count; i++)
		if (queues->listening.queues[i]->leader == leader)
			waiting_doubt(&queues->listening.queues[i]->waiting, time_ns);
}

void queues_doubt(struct queues *queues, uint16_t port, int64_t time_ns)
{
	for (size_t i = 0; i < queues->listening.count; i++) {
		struct queue *q = queues->listening.queues[i];

		if (q->closed || (q->listener.local.port != port && !q->listener.transparent))
			continue;
		waiting_doubt(&q->waiting, time_ns);
		stillness_doubt(&q->stillness, time_ns);
	}
}

void queues_entry(struct queues *queues, const struct queue_packet *packet,
		  const struct queue_entry *entry, struct table *table)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a), *member;
	struct candidates c;

	a->events |= SEEN_ENTRY;
	/* Its SYN was captured just before the one that is there now began. */
	if (q && q->over)
		q = queues_move_on(queues, q, a);
	if (!q) {
		queues_doubt(queues, entry->flow.dport, packet->time_ns);
		return;
	}
	q = q->leader;
	c = find_entered(q, packet);
	for (struct arrival *x = c.first ? queue_earlier(q, c.first) : NULL; x;
	     x = queue_earlier(q, x))
		if (asks(x))
			refuse(queues, q, x, a);
	if (c.first) {
		tell_entered(q, &c, packet->time_ns, entry->depth);
	} else if (open_knows(a, KNOWN_ACK_DROPPED) && !q->over) {
		queue_prove_entered(q, a, packet->details);
	}
	if (!open_has_child(a)) {
		queue_correct_depth(q, 1);
		if (!open_knows(a, KNOWN_COOKIE) && q->now.half_open > 0)
			q->now.half_open--;
	}
	open_move(a, MOVE_ENTRY);
	member = q->grouped ? tell_sibling(queues, q, packet, entry->listener) : q;
	if (q->accept_exact) {
		waiting_give_up(&q->waiting);
		return;
	}
	if (!member) {
		queues_doubt_order(queues, q, packet->time_ns);
		return;
	}
	if (!q->grouped)
		q->now.depth = (int64_t)entry->depth + 1;
	waiting_observe(&member->waiting, entry->depth, packet->time_ns, packet->time_ns, table,
			packet->details);
	waiting_add(&member->waiting, a, packet->index, packet->time_ns);
}

void queues_entry_of_nobody(struct queues *queues, const struct queue_entry *entry, int64_t time_ns)
{
	static const struct open_attempt nobody = {.listener = LISTENER_NONE};
	struct entry_of_nobody *of = &queues->nobody[queues->nobody_next++ % ENTRIES_OF_NOBODY];
	struct endpoint local = flow_destination(&entry->flow);
	struct queue *q = queues_answering(queues, &local);

	of->client = flow_source(&entry->flow);
	of->time_ns = time_ns;
	/* It has a place in the queue all the same: a child of TCP Fast Open enters at its SYN. */
	if (q && q->siblings == 1 && !q->grouped && !q->accept_exact) {
		waiting_add(&q->waiting, &nobody, TABLE_NONE, time_ns);
		stillness_doubt(&q->stillness, time_ns);
	} else {
		queues_doubt(queues, local.port, time_ns);
	}
}

void queues_entries_lost(struct queues *queues, int64_t time_ns)
{
	queues->entries_told = queues->drops_told = false;
	for (size_t i = 0; i < queues->listening.count; i++)
		waiting_doubt(&queues->listening.queues[i]->waiting, time_ns);
}

static bool is_nobodys(const struct queues *queues, const struct open_attempt *open, int64_t now_ns)
{
	struct endpoint client = flow_source(&open->flow);

	for (size_t i = 0; i < ENTRIES_OF_NOBODY; i++)
		if (queues->nobody[i].client.port == client.port &&
		    now_ns - queues->nobody[i].time_ns < NOBODY_NS &&
		    address_equal(&queues->nobody[i].client.address, &client.address))
			return true;
	return false;
}

static void tell_absent(const struct queues *queues, struct queue *q, struct arrival *a,
			int64_t now_ns, struct table *table, struct details *details)
{
	struct open_attempt *open = arrival_attempt(a, table);

	if (!open || open_saw(open, SEEN_ENTRY) || open_knows(open, KNOWN_BEFORE) ||
	    open_saw(open, SEEN_FASTOPEN | SEEN_JOIN) || is_nobodys(queues, open, now_ns))
		return;
	if (open_is_certain(open) && open_has_child(open)) {
		q->sums.disagreements++; /* its entry was not told, in spite of all */
		open->events |= SEEN_ENTRY;
		return;
	}
	if (a->kind == ARRIVAL_ENTER && !queue_find(q, ARRIVAL_REFUSED, a->index, a->isn)) {
		if (open_is_queued(open) && !open_knows(open, KNOWN_COOKIE))
			q->now.half_open++;
		a->told = TOLD_REFUSED;
		queue_prove_refused(q, open, a->index, details, MOVE_NO_ENTRY);
		return;
	}
	/* It followed one that had not entered either. */
	if (a->kind == ARRIVAL_ENTER && open_is_queued(open)) {
		if (!open_knows(open, KNOWN_COOKIE))
			q->now.half_open++;
		queue_correct_depth(q, -1);
		open_move(open, MOVE_NO_ENTRY);
	}
	refuse(queues, q, a, open);
}

/* The programs are told the ports that were asked for. */
static bool is_told_of(const struct queues *queues, uint16_t port)
{
	for (size_t i = 0; i < queues->targets_count; i++)
		if (queues->targets[i].port == port)
			return queues->entries_told;
	return queues->entries_told && !queues->targets_count;
}

void queue_tell_absent(struct queues *queues, struct queue *queue, int64_t now_ns,
		       struct table *table, struct details *details)
{
	struct queue_arrivals *arrivals = &queue->arrivals;

	if (!is_told_of(queues, queue->listener.local.port))
		return;
	if ((int32_t)(arrivals->told - arrivals->gone) < 0)
		arrivals->told = arrivals->gone;
	for (; arrivals->told - arrivals->gone < arrivals->count; arrivals->told++) {
		struct arrival *a = &arrivals->list[arrivals->told - arrivals->gone];

		if (a->time_ns > now_ns - ABSENT_NS)
			break;
		a->kept = queues->drops_told && a->kind == ARRIVAL_SYN && !a->answered &&
			  !a->dropped_at;
		if (asks(a) && a->told == TOLD_NOTHING)
			tell_absent(queues, queue, a, now_ns, table, details);
	}
}
