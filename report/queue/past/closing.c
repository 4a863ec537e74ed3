/*
 * The end of a listener: what was in its queues goes with it, and nothing happens there
 * any more.
 *
 * Closing it resets what it queued (inet_csk_listen_stop()) and forgets its requests, which
 * shows when their clients speak next. A listener that opens at the same place later is
 * another one.
 */
#include "report/queue/arrival.h"
#include "report/queue/parts.h"

/* A close with siblings left is told from another RST by its time: found out so late at the most.
 */
#define FOUND_LATE_NS (150 * NS_PER_MS)

/* TCP migrates both to a sibling: they are still there. */
static bool is_migrated(const struct queue *q)
{
	return q->grouped && q->host->tcp_migrate_req == 1;
}

static void empty(struct queue *q, int64_t time_ns)
{
	q->settled.depth = q->settled.requests = 0;
	q->now.depth = q->now.half_open = 0;
	q->samples.last_depth = 0;
	series_add(&q->settled.series, time_ns, 0);
	series_add(&q->samples.half_open_series, time_ns, 0);
}

/* Those that waited in the queues of this leader. */
static void release_attempts(const struct queue *q, struct table *table)
{
	for (uint32_t i = 0; i < table_high(table); i++) {
		struct open_attempt *a = table_at(table, i);

		if (!open_is_used(a) || a->listener != q->index)
			continue;
		open_move(a, MOVE_LISTENER_CLOSED);
		open_move(a, MOVE_LISTENER_GONE);
	}
}

void queues_close(struct queues *queues, struct queue *q, int64_t time_ns, struct table *table,
		  struct details *details)
{
	struct queue *leader = q->leader;

	if (q->closed)
		return;
	q->closed_ns = time_ns;
	waiting_clear(&q->waiting);
	if (is_migrated(leader))
		for (size_t i = 0; i < queues->listening.count; i++)
			waiting_doubt(&queues->listening.queues[i]->waiting, time_ns);
	tenures_end(&q->tenures, 0, time_ns);
	gaps_end(&q->samples.gaps, time_ns);
	series_add(&q->samples.series, time_ns, 0);
	queue_set_full(q, time_ns, false);
	if (leader->siblings == 1) {
		bool unsampled =
		    leader->arrivals.count &&
		    leader->arrivals.list[leader->arrivals.count - 1].time_ns + CAPTURE_LEAD_NS >=
			q->open_ns;

		queue_end(leader, time_ns, table, details);
		leader->over = true;
		q->sk_drops.cut =
		    unsampled &&
		    leader->sk_drops.settled >
			(int64_t)(uint32_t)(leader->sk_drops.group - leader->sk_drops.group_first);
		if (!is_migrated(leader))
			release_attempts(leader, table);
		empty(leader, time_ns);
	}
	listening_close(&queues->listening, q);
}

bool queues_closed_at(const struct queues *queues, const struct open_attempt *attempt,
		      int64_t time_ns)
{
	const struct queue *leader = queues_of(queues, attempt);

	if (!leader)
		return false;
	leader = leader->leader;
	if (!leader->grouped)
		return leader->over && time_ns >= leader->open_ns;
	for (size_t i = 0; i < queues->listening.count; i++) {
		const struct queue *q = queues->listening.queues[i];

		if (q->leader == leader && q->closed && time_ns >= q->open_ns &&
		    time_ns <= q->closed_ns + FOUND_LATE_NS)
			return true;
	}
	return false;
}

bool queues_open_after(const struct queues *queues, const struct open_attempt *attempt,
		       int64_t time_ns)
{
	const struct queue *leader = queues_of(queues, attempt);

	if (!leader)
		return false;
	leader = leader->leader;
	for (size_t i = 0; i < queues->listening.count; i++) {
		const struct queue *q = queues->listening.queues[i];

		if (q->leader != leader || (q->closed && time_ns > q->closed_ns + FOUND_LATE_NS))
			continue;
		if (q->open_ns <= time_ns)
			return false;
	}
	return true;
}

int64_t queues_closed_ns(const struct queues *queues, const struct open_attempt *attempt)
{
	const struct queue *q = queues_of(queues, attempt);

	return q && q->over ? q->closed_ns : TIME_UNKNOWN;
}

struct queue *queues_move_on(struct queues *queues, struct queue *q, struct open_attempt *attempt)
{
	struct queue *next = queues_reached_by(queues, attempt);

	if (!next)
		return NULL;
	q->sums.attempts--;
	next->sums.attempts++;
	attempt->listener = (uint16_t)next->index;
	return next;
}
