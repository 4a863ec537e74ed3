/*
 * The queues of all listeners, and the search for one of them.
 */
#include "report/queue/listening.h"

#include <stdlib.h>

void listening_release(struct listening *l)
{
	for (size_t i = 0; i < l->count; i++) {
		queue_release(l->queues[i]);
		free(l->queues[i]);
	}
	free(l->queues);
	l->queues = NULL;
	l->count = 0;
}

bool listening_add(struct listening *l, struct queue *queue)
{
	struct queue **bigger;

	if (l->count == LISTENING_MAX) {
		l->refused++;
		return false;
	}
	bigger = realloc(l->queues, (l->count + 1) * sizeof(struct queue *));
	if (!bigger)
		return false;
	l->queues = bigger;
	queue->index = (uint32_t)l->count;
	/* SO_REUSEPORT: the kernel picks a sibling by a hash that packets do not show. */
	for (size_t i = 0; i < l->count; i++) {
		struct queue *other = l->queues[i];

		if (l->ports[i] == queue->listener.local.port && !other->closed &&
		    other->listener.interface == queue->listener.interface &&
		    endpoint_equal(&other->listener.local, &queue->listener.local)) {
			queue->leader = other->leader;
			queue->siblings = 0;
			queue->leader->siblings++;
			queue->grouped = other->grouped = queue->leader->grouped = true;
			queue->leader->samples.round_count = 0;
			break;
		}
	}
	l->cookies[l->count] = queue->listener.cookie;
	l->ports[l->count] = queue->listener.local.port;
	l->queues[l->count++] = queue;
	return true;
}

void listening_update(struct listening *l, struct queue *queue, const struct listener *listener)
{
	queue->listener = *listener;
	queue->closed = false;
	l->cookies[queue->index] = listener->cookie;
	l->ports[queue->index] = listener->local.port;
}

void listening_close(struct listening *l, struct queue *queue)
{
	queue->closed = true;
	l->ports[queue->index] = 0;
	if (queue->leader->siblings > 1)
		queue->leader->siblings--;
	queue->leader->samples.round_count = 0;
}

struct queue *listening_by_cookie(struct listening *l, uint64_t cookie)
{
	/* Each round samples all listeners in the same order: the next one is mostly the one. */
	for (size_t looked = 0, i = l->last + 1; looked < l->count; looked++, i++) {
		if (i >= l->count)
			i = 0;
		if (l->cookies[i] == cookie) {
			l->last = i;
			return l->queues[i];
		}
	}
	return NULL;
}

struct queue *listening_at(const struct listening *l, const struct endpoint *local)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->ports[i] == local->port && !l->queues[i]->closed &&
		    endpoint_equal(&l->queues[i]->listener.local, local))
			return l->queues[i];
	return NULL;
}

struct queue *listening_nameless(const struct listening *l, const struct endpoint *local)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->cookies[i] == 0 && !l->queues[i]->closed &&
		    endpoint_equal(&l->queues[i]->listener.local, local))
			return l->queues[i];
	return NULL;
}

/* No other listener fits better than the one of just this address. */
#define FIT_EXACT 4

/* How well a listener of its port fits a destination, as inet_lookup_listener() scores it; 0: not.
 */
static int fit(const struct listener *l, const struct endpoint *destination)
{
	static const struct address any6;

	if (address_equal(&l->local.address, &destination->address))
		return FIT_EXACT;
	if (!address_is_any(&l->local.address))
		return 0;
	if (address_is_ipv4(&l->local.address))
		return address_is_ipv4(&destination->address) ? 3 : 0;
	if (address_is_ipv4(&destination->address))
		return address_equal(&l->local.address, &any6) && !l->v6only ? 1 : 0;
	return 2;
}

struct queue *listening_for(const struct listening *l, const struct endpoint *destination)
{
	struct queue *best = NULL;
	int best_fit = 0;

	for (size_t i = 0; i < l->count; i++) {
		int f = 0;

		if (l->ports[i] == destination->port && destination->port)
			f = fit(&l->queues[i]->listener, destination);
		if (f > best_fit) {
			best = l->queues[i];
			best_fit = f;
		}
		if (f == FIT_EXACT)
			break;
	}
	return best ? best->leader : NULL;
}

struct queue *listening_transparent(const struct listening *l)
{
	struct queue *only = NULL;

	for (size_t i = 0; i < l->count; i++) {
		struct queue *q = l->queues[i];

		if (!l->ports[i] || !q->listener.transparent || q->leader == only)
			continue;
		if (only)
			return NULL;
		only = q->leader;
	}
	return only;
}
