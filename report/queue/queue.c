/*
 * One listener's queue: its arrivals, its depth, its episodes. How samples settle the
 * arrivals is in settle.c.
 */
#include "report/queue/queue.h"

#include <stdlib.h>
#include <string.h>

#include "report/queue/arrival.h"
#include "report/queue/reason/reason.h"

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
	queue->samples.half_open = -1;
	queue->limit_known = true;
	queue->samples.peak = queue->settled.peak = -1;
	queue->last_accepted_ack_ns = TIME_UNKNOWN;
	stillness_init(&queue->stillness);
	queue->samples.early_ns = TIME_UNKNOWN;
	queue->open_ns = queue->closed_ns = queue->seen_ns = TIME_UNKNOWN;
}

void queue_release(struct queue *queue)
{
	waiting_release(&queue->waiting);
	free(queue->arrivals.list);
	free(queue->arrivals.newest);
	free(queue->full.episodes);
	rate_counter_release(&queue->counter);
	sizing_release(&queue->sizing);
	latencies_release(&queue->latencies);
	limits_release(&queue->limits);
	tenures_release(&queue->tenures);
	series_release(&queue->samples.series);
	series_release(&queue->settled.series);
	series_release(&queue->samples.half_open_series);
}

int64_t queue_accepts(const struct queue *queue)
{
	int64_t known = queue->leader->counter.counts.accepts, left = (int64_t)queue->samples.left;

	/* Which of several siblings returned them is not counted. */
	return known > left && !queue->grouped ? known : left;
}

static bool is_within(const struct queue_window *window, int64_t time_ns)
{
	return time_ns >= window->from_ns && time_ns <= window->to_ns;
}

void queue_tally(struct queue *queue, enum tally tally, int64_t time_ns, int count)
{
	if (is_within(queue->window, time_ns))
		queue->sums.tallies[tally] += (uint64_t)(int64_t)count;
}

void queue_take_reading(struct queue *queue, enum counters_when when)
{
	struct queue_sk_drops *d = &queue->sk_drops;

	if (when == COUNTERS_BEFORE) {
		d->first = d->last;
		/* What is settled by now came before it. */
		memset(queue->sums.tallies, 0, sizeof(queue->sums.tallies));
		queue->sums.drops_beside = queue->sums.drops;
	}
	if (when != COUNTERS_AFTER || !d->seen)
		return;
	d->ended = true;
	d->end = d->last;
}

int64_t queue_sk_drops(const struct queue *queue)
{
	const struct queue_sk_drops *d = &queue->sk_drops;

	if (!d->seen)
		return -1;
	return (int64_t)(uint32_t)((d->ended ? d->end : d->last) - d->first);
}

/* Of a group the drops are its members'; of whom that is not known, nobody's. */
static uint64_t *drops_of(struct queue *q, const struct queue *dropper)
{
	return q->grouped && !dropper ? &q->leader->sums.group_drops : &q->sums.drops;
}

void queue_count_drop(struct queue *q, struct queue *dropper, int64_t time_ns, enum cause cause)
{
	if (dropper)
		q = dropper;
	++*drops_of(q, dropper);
	q->sums.drops_beside += !is_within(q->window, time_ns);
	rate_counter_drop(&q->counter, time_ns, cause);
}

void queue_take_back_drop(struct queue *q, const struct mark *mark)
{
	struct queue *dropper = reasons_dropper(q->reasons, mark);

	if (dropper)
		q = dropper;
	--*drops_of(q, dropper);
	q->sums.drops_beside -= !is_within(q->window, mark->time_ns);
	rate_counter_take_back_drop(&q->counter, mark->time_ns, mark->cause);
}

bool queue_is_full(const struct queue *queue)
{
	return queue->limit_known && !queue->grouped &&
	       queue->now.depth > (int64_t)queue->listener.limit;
}

bool queue_requests_are_full(const struct queue *queue, int64_t requests)
{
	return queue->limit_known && !queue->grouped && requests > (int64_t)queue->listener.limit;
}

bool queue_wants_cookie(const struct queue *queue, int64_t requests)
{
	return queue->host->tcp_syncookies == 2 ||
	       (queue->host->tcp_syncookies == 1 && queue_requests_are_full(queue, requests));
}

void queue_correct_depth(struct queue *queue, int change)
{
	if (!queue->accept_exact && !queue->grouped)
		return;
	queue->now.depth += change;
	if (queue->now.depth < 0)
		queue->now.depth = 0;
}

/* A final ACK took its request along after all, or left it: for all who came later. */
void queue_correct_half_open(struct queue *q, const struct arrival *from, int change)
{
	q->now.half_open += change;
	if (q->now.half_open < 0)
		q->now.half_open = 0;
	for (size_t i = (size_t)(from - q->arrivals.list); i < q->arrivals.count; i++)
		if (change > 0 || q->arrivals.list[i].half_open > 0)
			q->arrivals.list[i].half_open += (uint32_t)change;
}

/* room is a power of two. */
static uint32_t *newest_of(const struct queue *q, uint32_t index)
{
	return &q->arrivals.newest[(index * 0x9e3779b1u >> 4) & (q->arrivals.room - 1)];
}

static void link_newest(struct queue *q, struct arrival *a)
{
	uint32_t *newest = newest_of(q, a->index);

	a->before = *newest;
	*newest = q->arrivals.gone + (uint32_t)(a - q->arrivals.list);
}

static bool grow(struct queue *q)
{
	size_t room = q->arrivals.room ? q->arrivals.room * 2 : 64;
	struct arrival *bigger;
	uint32_t *newest;

	if (room > QUEUE_ARRIVALS_MAX)
		return false;
	bigger = realloc(q->arrivals.list, room * sizeof(*bigger));
	if (!bigger)
		return false;
	q->arrivals.list = bigger;
	newest = realloc(q->arrivals.newest, room * sizeof(*newest));
	if (!newest)
		return false;
	q->arrivals.newest = newest;
	q->arrivals.room = room;
	for (size_t i = 0; i < room; i++)
		newest[i] = q->arrivals.gone - 1; /* of nobody */
	for (size_t i = 0; i < q->arrivals.count; i++)
		link_newest(q, &q->arrivals.list[i]);
	return true;
}

struct arrival *queue_arrive(struct queue *queue, enum arrival_kind kind, int64_t time_ns,
			     const struct open_attempt *attempt, uint32_t index)
{
	struct arrival *a;

	if (queue->arrivals.count == queue->arrivals.room && !grow(queue)) {
		queue->arrivals.lost++;
		return NULL;
	}
	a = &queue->arrivals.list[queue->arrivals.count++];
	*a = (struct arrival){
	    .time_ns = time_ns,
	    .from_ns = time_ns,
	    .index = index,
	    .isn = attempt->isn,
	    .half_open = queue->now.half_open < 0 ? 0 : (uint32_t)queue->now.half_open,
	    .kind = (uint8_t)kind,
	    .cookie = open_knows(attempt, KNOWN_COOKIE),
	    .ipv4 = address_is_ipv4(&attempt->flow.saddr),
	};
	link_newest(queue, a);
	return a;
}

void queue_forget(struct queue *queue, size_t count)
{
	if (!count)
		return;
	queue->arrivals.count -= count;
	queue->arrivals.gone += (uint32_t)count;
	memmove(queue->arrivals.list, queue->arrivals.list + count,
		queue->arrivals.count * sizeof(*queue->arrivals.list));
}

/* The first of this attempt in the chain that begins with this number. */
static struct arrival *search(struct queue *q, uint32_t number, uint32_t index, uint32_t isn)
{
	while (number - q->arrivals.gone < q->arrivals.count) {
		struct arrival *a = &q->arrivals.list[number - q->arrivals.gone];

		if (a->index == index && a->isn == isn)
			return a;
		number = a->before;
	}
	return NULL;
}

struct arrival *queue_newest(struct queue *queue, uint32_t index, uint32_t isn)
{
	return queue->arrivals.count ? search(queue, *newest_of(queue, index), index, isn) : NULL;
}

struct arrival *queue_earlier(struct queue *queue, const struct arrival *arrival)
{
	return search(queue, arrival->before, arrival->index, arrival->isn);
}

enum found queue_lookup(struct queue *queue, enum arrival_kind kind, int64_t from_ns,
			int64_t time_ns, const struct open_attempt *attempt, uint32_t index,
			enum found found, uint32_t count)
{
	struct arrival *look = queue_arrive(queue, kind, time_ns, attempt, index);

	if (!look)
		return found;
	look->from_ns = from_ns;
	look->found = (uint8_t)found;
	if (kind == ARRIVAL_COUNT)
		look->half_open = count;
	if (found == FOUND_CHILD)
		return found; /* whichever of its segments it was, one before this let it in */
	for (size_t i = queue->arrivals.count - 1; i-- > 0;) {
		const struct arrival *a = &queue->arrivals.list[i];

		if (a->time_ns + CAPTURE_LEAD_NS <= from_ns)
			break;
		if (a->kind != ARRIVAL_LOOKUP && a->kind != ARRIVAL_COUNT &&
		    (kind == ARRIVAL_COUNT || (a->index == index && a->isn == attempt->isn)))
			look->found = FOUND_DOUBT;
	}
	return (enum found)look->found;
}

void queue_miss_request(struct queue *queue)
{
	if (queue->settled.unattributed > 0)
		queue->settled.unattributed--;
	else if (queue->settled.requests > 0)
		queue->settled.requests--;
}

struct arrival *queue_find(struct queue *queue, enum arrival_kind kind, uint32_t index,
			   uint32_t isn)
{
	struct arrival *a = queue_newest(queue, index, isn);

	while (a && a->kind != kind)
		a = queue_earlier(queue, a);
	return a;
}

void queue_track_full(struct queue *q, int64_t time_ns, int64_t depth)
{
	if (!q->grouped && !q->window->blind)
		queue_set_full(q, time_ns,
			       q->limit_known && depth > (int64_t)queue_limit_at(q, time_ns));
}

void queue_set_full(struct queue *q, int64_t time_ns, bool full)
{
	if (full == q->full.is_full)
		return;
	q->full.is_full = full;
	if (full) {
		q->full.since_ns = time_ns;
		return;
	}
	q->full.total_ns += time_ns - q->full.since_ns;
	if (q->full.episodes_count == QUEUE_EPISODES_MAX) {
		q->full.episodes_lost++;
		return;
	}
	if (!q->full.episodes) {
		q->full.episodes = calloc(QUEUE_EPISODES_MAX, sizeof(*q->full.episodes));
		if (!q->full.episodes) {
			q->full.episodes_lost++;
			return;
		}
	}
	q->full.episodes[q->full.episodes_count++] =
	    (struct full_episode){.start_ns = q->full.since_ns, .end_ns = time_ns};
}

void queue_step(struct queue *q, int64_t time_ns, int64_t change)
{
	q->settled.depth += change;
	if (q->settled.depth < 0)
		q->settled.depth = 0;
	series_add(&q->settled.series, time_ns, (uint32_t)q->settled.depth);
	if (q->settled.depth > q->settled.peak)
		q->settled.peak = q->settled.depth;
	queue_track_full(q, time_ns, q->settled.depth);
}
