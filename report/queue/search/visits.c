/*
 * Which arrivals are of one attempt, and what is known of them beforehand.
 */
#include "report/queue/search/visits.h"

#include <stdlib.h>

#include "report/queue/arrival.h"
#include "report/queue/search/history.h"

/* Packets so close together may be at work at once: a processor may be held up by as much. */
#define BESIDE_NS NS_PER_MS

static int by_attempt(const void *x, const void *y)
{
	const struct visit *a = x, *b = y;

	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (a->isn != b->isn)
		return a->isn < b->isn ? -1 : 1;
	return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

static int by_arrival(const void *x, const void *y)
{
	const struct visit *a = x, *b = y;

	return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

static bool same_attempt(const struct visit *a, const struct visit *b)
{
	return a->index == b->index && a->isn == b->isn && a->index != TABLE_NONE;
}

static uint8_t settled_place(const struct arrival *a, struct table *table)
{
	const struct open_attempt *open = arrival_attempt(a, table);

	return open ? open->settled : 0;
}

/* A slot for each attempt while arrivals of it are to come. */
static bool give_slots(const struct queue *q, struct visit *visits, struct table *table,
		       uint32_t *used)
{
	uint32_t *slots = malloc(q->arrivals_count * 2 * sizeof(*slots)), *free_slots;
	size_t free_count = 0;

	if (!slots)
		return false;
	free_slots = slots + q->arrivals_count;
	for (uint32_t i = 0; i < q->arrivals_count; i++)
		visits[i] = (struct visit){
		    .arrival = i,
		    .index = q->arrivals[i].index,
		    .isn = q->arrivals[i].isn,
		};
	qsort(visits, q->arrivals_count, sizeof(*visits), by_attempt);
	for (size_t i = 0, group = 0; i < q->arrivals_count; i++) {
		struct visit *v = &visits[i];

		v->first = i == 0 || !same_attempt(v, v - 1);
		v->last = i + 1 == q->arrivals_count || !same_attempt(v, v + 1);
		group += v->first;
		v->slot = v->index == TABLE_NONE ? VISIT_NO_SLOT : (uint32_t)(group - 1);
		if (v->first)
			v->place = settled_place(&q->arrivals[v->arrival], table);
	}
	qsort(visits, q->arrivals_count, sizeof(*visits), by_arrival);
	for (size_t i = 0; i < q->arrivals_count; i++) {
		struct visit *v = &visits[i];
		uint32_t group = v->slot;

		if (group == VISIT_NO_SLOT)
			continue;
		if (v->first)
			slots[group] = free_count ? free_slots[--free_count] : (*used)++;
		v->slot = slots[group];
		if (v->last)
			free_slots[free_count++] = v->slot;
	}
	free(slots);
	return true;
}

/*
 * What a look finds is known before the packets that led to it are judged: a wrong judgement
 * is dear at once, and not when it has crowded out the right ones. Of several segments that
 * can have made a child, the last one alone bears it.
 */
static bool look_ahead(const struct queue *q, struct visit *visits, uint32_t slots)
{
	uint8_t *next = calloc(slots + 1, 1);

	if (!next)
		return false;
	for (size_t i = q->arrivals_count; i-- > 0;) {
		const struct arrival *a = &q->arrivals[i];
		struct visit *v = &visits[i];

		if (v->slot == VISIT_NO_SLOT)
			continue;
		if (a->kind == ARRIVAL_LOOK && a->found != FOUND_DOUBT)
			next[v->slot] = a->found;
		v->ahead = next[v->slot];
		if (a->kind == ARRIVAL_LOOK || (a->kind == ARRIVAL_SYN && v->ahead == FOUND_CHILD))
			v->ahead = FOUND_DOUBT;
		if (v->first)
			next[v->slot] = FOUND_DOUBT;
		else if (a->wants_place && next[v->slot] == FOUND_CHILD)
			next[v->slot] = FOUND_DOUBT;
	}
	free(next);
	return true;
}

/* What may count before a SYN although it was captured after it, or the other way round. */
static void look_beside(const struct queue *q, struct visit *visits)
{
	size_t first = 0, last = 0;

	for (size_t i = 0; i < q->arrivals_count; i++) {
		int64_t time_ns = q->arrivals[i].time_ns;
		unsigned beside = 0;

		if (q->arrivals[i].kind != ARRIVAL_SYN)
			continue;
		while (q->arrivals[first].time_ns < time_ns - BESIDE_NS)
			first++;
		last = last > i ? last : i;
		while (last < q->arrivals_count && q->arrivals[last].time_ns <= time_ns + BESIDE_NS)
			last++;
		for (size_t k = first; k < last && beside != (BESIDE_MORE | BESIDE_FEWER); k++) {
			const struct arrival *a = &q->arrivals[k];

			if (k != i && a->kind == ARRIVAL_SYN)
				beside |= k > i ? BESIDE_MORE : BESIDE_FEWER;
			else if (a->wants_place)
				beside |= k < i ? BESIDE_MORE : BESIDE_FEWER;
		}
		visits[i].beside = (uint8_t)beside;
	}
}

struct visit *visits_of(const struct queue *queue, struct table *table, uint32_t *slots)
{
	struct visit *visits = calloc(queue->arrivals_count + 1, sizeof(*visits));

	*slots = 0;
	if (!visits)
		return NULL;
	if (give_slots(queue, visits, table, slots) && look_ahead(queue, visits, *slots)) {
		look_beside(queue, visits);
		return visits;
	}
	free(visits);
	return NULL;
}
