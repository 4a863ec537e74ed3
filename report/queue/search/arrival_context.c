/*
 * Which arrivals are of one attempt, and what is known of them before the search.
 */
#include "report/queue/search/arrival_context.h"

#include <stdlib.h>

#include "event/times.h"
#include "report/queue/arrival.h"
#include "report/queue/search/hypothesis.h"

/* Packets so close together may be at work at once: a processor may be held up by as much. */
#define CONCURRENT_NS NS_PER_MS

static int by_attempt(const void *x, const void *y)
{
	const struct arrival_context *a = x, *b = y;

	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (a->isn != b->isn)
		return a->isn < b->isn ? -1 : 1;
	return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

static int by_arrival(const void *x, const void *y)
{
	const struct arrival_context *a = x, *b = y;

	return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

static bool same_attempt(const struct arrival_context *a, const struct arrival_context *b)
{
	return a->index == b->index && a->isn == b->isn && a->index != TABLE_NONE;
}

static uint8_t settled_place(const struct arrival *a, struct table *table)
{
	const struct open_attempt *open = arrival_attempt(a, table);

	return open ? open->settled : 0;
}

/* A slot for each attempt while arrivals of it are to come. */
static bool give_slots(const struct queue *q, struct arrival_context *contexts, struct table *table,
		       uint32_t *used)
{
	uint32_t *slots = malloc(q->arrivals.count * 2 * sizeof(*slots)), *free_slots;
	size_t free_count = 0;

	if (!slots)
		return false;
	free_slots = slots + q->arrivals.count;
	for (uint32_t i = 0; i < q->arrivals.count; i++)
		contexts[i] = (struct arrival_context){
		    .arrival = i,
		    .index = q->arrivals.list[i].index,
		    .isn = q->arrivals.list[i].isn,
		};
	qsort(contexts, q->arrivals.count, sizeof(*contexts), by_attempt);
	for (size_t i = 0, group = 0; i < q->arrivals.count; i++) {
		struct arrival_context *context = &contexts[i];

		context->first = i == 0 || !same_attempt(context, context - 1);
		context->last = i + 1 == q->arrivals.count || !same_attempt(context, context + 1);
		group += context->first;
		context->slot = context->index == TABLE_NONE ? NO_SLOT : (uint32_t)(group - 1);
		if (context->first)
			context->place = settled_place(&q->arrivals.list[context->arrival], table);
	}
	qsort(contexts, q->arrivals.count, sizeof(*contexts), by_arrival);
	for (size_t i = 0; i < q->arrivals.count; i++) {
		struct arrival_context *context = &contexts[i];
		uint32_t group = context->slot;

		if (group == NO_SLOT)
			continue;
		if (context->first)
			slots[group] = free_count ? free_slots[--free_count] : (*used)++;
		context->slot = slots[group];
		if (context->last)
			free_slots[free_count++] = context->slot;
	}
	free(slots);
	return true;
}

/*
 * What a lookup found is charged to the packets that led to it: a wrong hypothesis is dear at
 * once, and not when it has crowded out the right ones. Of several segments that can have made
 * a child, the last one alone is charged.
 */
static bool look_ahead(const struct queue *q, struct arrival_context *contexts, uint32_t slots)
{
	uint8_t *next = calloc(slots + 1, 1);

	if (!next)
		return false;
	for (size_t i = q->arrivals.count; i-- > 0;) {
		const struct arrival *a = &q->arrivals.list[i];
		struct arrival_context *context = &contexts[i];

		if (context->slot == NO_SLOT)
			continue;
		if (a->kind == ARRIVAL_LOOKUP && a->found != FOUND_DOUBT)
			next[context->slot] = a->found;
		if (a->kind == ARRIVAL_LEAVE)
			next[context->slot] = FOUND_CHILD;
		context->lookahead = next[context->slot];
		if (a->kind == ARRIVAL_LOOKUP || a->kind == ARRIVAL_LEAVE ||
		    (a->kind == ARRIVAL_SYN && context->lookahead == FOUND_CHILD))
			context->lookahead = FOUND_DOUBT;
		if (context->first)
			next[context->slot] = FOUND_DOUBT;
		else if (a->wants_place && next[context->slot] == FOUND_CHILD)
			next[context->slot] = FOUND_DOUBT;
	}
	free(next);
	return true;
}

/* What may count before a SYN although it was captured after it, or the other way round. */
static void find_concurrent(const struct queue *q, struct arrival_context *contexts)
{
	size_t first = 0, last = 0;

	for (size_t i = 0; i < q->arrivals.count; i++) {
		int64_t time_ns = q->arrivals.list[i].time_ns;
		unsigned concurrent = 0;

		if (q->arrivals.list[i].kind != ARRIVAL_SYN)
			continue;
		while (q->arrivals.list[first].time_ns < time_ns - CONCURRENT_NS)
			first++;
		last = last > i ? last : i;
		while (last < q->arrivals.count &&
		       q->arrivals.list[last].time_ns <= time_ns + CONCURRENT_NS)
			last++;
		for (size_t k = first;
		     k < last && concurrent != (CONCURRENT_MORE | CONCURRENT_FEWER); k++) {
			const struct arrival *a = &q->arrivals.list[k];

			if (k != i && a->kind == ARRIVAL_SYN)
				concurrent |= k > i ? CONCURRENT_MORE : CONCURRENT_FEWER;
			else if (a->wants_place)
				concurrent |= k < i ? CONCURRENT_MORE : CONCURRENT_FEWER;
		}
		contexts[i].concurrent = (uint8_t)concurrent;
	}
}

/* For each slot the next report of an accept(), on the way from the last arrival to the first. */
struct coming {
	bool seen;
	bool entered;	  /* before the first arrival; on the way there */
	uint32_t precede; /* as in struct arrival_context */
};

/*
 * The accept queue is first in, first out (reqsk_queue_add(), reqsk_queue_remove()): one accept()
 * that returned before another began had the earlier entry. times_ns: of the reports so far whose
 * attempts had not entered before the first arrival.
 */
static void order_entries(const struct queue *q, struct arrival_context *contexts,
			  struct coming *reports, int64_t *times_ns)
{
	uint32_t count = 0;

	for (size_t i = 0; i < q->arrivals.count; i++) {
		const struct arrival *a = &q->arrivals.list[i];
		struct arrival_context *context = &contexts[i];

		if (context->slot == NO_SLOT)
			continue;
		if (context->first)
			reports[context->slot].entered = context->place & PLACE_ENTERED;
		if (a->kind != ARRIVAL_LEAVE)
			continue;
		context->precede = (uint32_t)times_until(times_ns, count, a->from_ns);
		context->reported = !reports[context->slot].entered;
		if (context->reported)
			times_ns[count++] = a->time_ns;
	}
	for (size_t i = q->arrivals.count; i-- > 0;) {
		struct arrival_context *context = &contexts[i];
		struct coming *report;

		if (context->slot == NO_SLOT)
			continue;
		report = &reports[context->slot];
		if (q->arrivals.list[i].kind == ARRIVAL_LEAVE)
			*report =
			    (struct coming){.seen = context->reported, .precede = context->precede};
		context->reported = report->seen;
		context->precede = report->seen ? report->precede : count;
		if (context->first)
			*report = (struct coming){0};
	}
}

static bool find_order(const struct queue *q, struct arrival_context *contexts, uint32_t slots)
{
	struct coming *reports = calloc(slots + 1, sizeof(*reports));
	int64_t *times_ns = malloc((q->arrivals.count + 1) * sizeof(*times_ns));
	bool done = reports && times_ns;

	if (done)
		order_entries(q, contexts, reports, times_ns);
	free(times_ns);
	free(reports);
	return done;
}

struct arrival_context *arrival_contexts_of(const struct queue *queue, struct table *table,
					    uint32_t *slots)
{
	struct arrival_context *contexts = calloc(queue->arrivals.count + 1, sizeof(*contexts));

	*slots = 0;
	if (!contexts)
		return NULL;
	if (give_slots(queue, contexts, table, slots) && look_ahead(queue, contexts, *slots) &&
	    (!queue->accept_exact || find_order(queue, contexts, *slots))) {
		find_concurrent(queue, contexts);
		return contexts;
	}
	free(contexts);
	return NULL;
}
