/*
 * One listener's queue: its arrivals, its depth, its episodes. How samples settle the
 * arrivals is in queue_settle.c.
 */
#include "report/queue/queue.h"

#include <stdlib.h>
#include <string.h>

#include "report/queue/arrival.h"

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
	queue->early_ns = TIME_UNKNOWN;
}

void queue_release(struct queue *queue)
{
	free(queue->arrivals);
	free(queue->newest);
	free(queue->episodes);
	pulse_release(&queue->pulse);
	sizing_release(&queue->sizing);
	limits_release(&queue->limits);
	tenures_release(&queue->tenures);
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
void queue_count_drop(struct queue *q, int64_t time_ns, enum cause cause)
{
	q->drops++;
	pulse_drop(&q->pulse, time_ns, cause);
}

/* It was no drop after all. */
void queue_take_back_drop(struct queue *q, int64_t time_ns, enum cause cause)
{
	q->drops--;
	pulse_take_back_drop(&q->pulse, time_ns, cause);
}

bool queue_is_full(const struct queue *queue)
{
	return queue->limit_known && queue->siblings == 1 &&
	       queue->depth > (int64_t)queue->listener.limit;
}

bool queue_requests_are_full(const struct queue *queue, int64_t requests)
{
	return queue->limit_known && queue->siblings == 1 &&
	       requests > (int64_t)queue->listener.limit;
}

bool queue_wants_cookie(const struct queue *queue, int64_t requests)
{
	return queue->host->tcp_syncookies == 2 ||
	       (queue->host->tcp_syncookies == 1 && queue_requests_are_full(queue, requests));
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
void queue_correct_half_open(struct queue *q, const struct arrival *from, int change)
{
	q->half_open += change;
	if (q->half_open < 0)
		q->half_open = 0;
	for (size_t i = (size_t)(from - q->arrivals); i < q->arrivals_count; i++)
		if (change > 0 || q->arrivals[i].half_open > 0)
			q->arrivals[i].half_open += (uint32_t)change;
}

/* room is a power of two. */
static uint32_t *newest_of(const struct queue *q, uint32_t index)
{
	return &q->newest[(index * 0x9e3779b1u >> 4) & (q->arrivals_room - 1)];
}

static void link_newest(struct queue *q, struct arrival *a)
{
	uint32_t *newest = newest_of(q, a->index);

	a->before = *newest;
	*newest = q->arrivals_gone + (uint32_t)(a - q->arrivals);
}

static bool grow(struct queue *q)
{
	size_t room = q->arrivals_room ? q->arrivals_room * 2 : 64;
	struct arrival *bigger;
	uint32_t *newest;

	if (room > QUEUE_ARRIVALS_MAX)
		return false;
	bigger = realloc(q->arrivals, room * sizeof(*bigger));
	if (!bigger)
		return false;
	q->arrivals = bigger;
	newest = realloc(q->newest, room * sizeof(*newest));
	if (!newest)
		return false;
	q->newest = newest;
	q->arrivals_room = room;
	for (size_t i = 0; i < room; i++)
		newest[i] = q->arrivals_gone - 1; /* of nobody */
	for (size_t i = 0; i < q->arrivals_count; i++)
		link_newest(q, &q->arrivals[i]);
	return true;
}

struct arrival *queue_arrive(struct queue *queue, enum arrival_kind kind, int64_t time_ns,
			     const struct open_attempt *attempt, uint32_t index)
{
	struct arrival *a;

	if (queue->arrivals_count == queue->arrivals_room && !grow(queue)) {
		queue->arrivals_lost++;
		return NULL;
	}
	a = &queue->arrivals[queue->arrivals_count++];
	*a = (struct arrival){
	    .time_ns = time_ns,
	    .from_ns = time_ns,
	    .index = index,
	    .isn = attempt->isn,
	    .half_open = queue->half_open < 0 ? 0 : (uint32_t)queue->half_open,
	    .kind = (uint8_t)kind,
	    .cookie = open_knows(attempt, KNOWN_COOKIE),
	};
	link_newest(queue, a);
	return a;
}

void queue_forget(struct queue *queue, size_t count)
{
	if (!count)
		return;
	queue->arrivals_count -= count;
	queue->arrivals_gone += (uint32_t)count;
	memmove(queue->arrivals, queue->arrivals + count,
		queue->arrivals_count * sizeof(*queue->arrivals));
}

/* The first of this attempt in the chain that begins with this number. */
static struct arrival *search(struct queue *q, uint32_t number, uint32_t index, uint32_t isn)
{
	while (number - q->arrivals_gone < q->arrivals_count) {
		struct arrival *a = &q->arrivals[number - q->arrivals_gone];

		if (a->index == index && a->isn == isn)
			return a;
		number = a->before;
	}
	return NULL;
}

struct arrival *queue_newest(struct queue *queue, uint32_t index, uint32_t isn)
{
	return queue->arrivals_count ? search(queue, *newest_of(queue, index), index, isn) : NULL;
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
	for (size_t i = queue->arrivals_count - 1; i-- > 0;) {
		const struct arrival *a = &queue->arrivals[i];

		if (a->time_ns + STAMP_LEAD_NS <= from_ns)
			break;
		if (a->kind != ARRIVAL_LOOKUP && a->kind != ARRIVAL_COUNT &&
		    (kind == ARRIVAL_COUNT || (a->index == index && a->isn == attempt->isn)))
			look->found = FOUND_DOUBT;
	}
	return (enum found)look->found;
}

void queue_miss_request(struct queue *queue)
{
	if (queue->unattributed > 0)
		queue->unattributed--;
	else if (queue->requests > 0)
		queue->requests--;
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

void queue_step(struct queue *q, int64_t time_ns, int64_t change)
{
	q->base += change;
	if (q->base < 0)
		q->base = 0;
	series_add(&q->rebuilt, time_ns, (uint32_t)q->base);
	if (q->base > q->rebuilt_peak)
		q->rebuilt_peak = q->base;
	queue_track_full(q, time_ns, q->base);
}
