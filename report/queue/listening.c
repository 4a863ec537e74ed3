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
	l->bound += queue->listener.interface != 0;
	l->cookies[l->count] = queue->listener.cookie;
	l->ports[l->count] = queue->listener.local.port;
	l->queues[l->count++] = queue;
	return true;
}

void listening_update(struct listening *l, struct queue *queue, const struct listener *listener)
{
	l->bound += listener->interface && !queue->listener.interface;
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

/*
 * An address goes before a wildcard, which is looked for only where no listener has the address.
 * Among wildcards those of IPv4 go first (compute_score()).
 */
static int rank(const struct listener *l, const struct endpoint *destination)
{
	return endpoint_fit(&l->local, l->v6only, destination);
}

static bool is_of_address(int rank)
{
	return rank == ENDPOINT_FITS_BEST;
}

struct choice {
	const struct queue *leader; /* the best; NULL: none */
	int rank;
	bool tied;   /* another one is even with it */
	bool others; /* there are, of whatever rank */
};

/*
 * Where both are bound to what the packet came by, or one of them is, which compute_score()
 * prefers, both have SO_REUSEPORT: they could not have been bound otherwise. Then
 * inet_lhash2_lookup() is content with the first that it meets, and their order is not known.
 */
static void choose(struct choice *choice, const struct queue *q, int rank)
{
	bool other = choice->leader && q->leader != choice->leader;
	bool same = choice->leader && is_of_address(rank) == is_of_address(choice->rank);

	choice->others |= other;
	if (same && other)
		choice->tied |= q->listener.interface || choice->leader->listener.interface;
	else if (rank > choice->rank)
		choice->tied = false;
	if (rank > choice->rank) {
		choice->leader = q->leader;
		choice->rank = rank;
	}
}

struct queue *listening_for(const struct listening *l, const struct endpoint *destination,
			    struct packet_device from, bool *doubt)
{
	struct choice sure = {0}, perhaps = {0};

	for (size_t i = 0; i < l->count; i++) {
		const struct queue *q = l->queues[i];
		enum device_fit fit;
		int r;

		if (l->ports[i] != destination->port || !destination->port)
			continue;
		r = rank(&q->listener, destination);
		fit = r ? devices_fit(&q->listener, from) : DEVICE_OTHER;
		if (fit != DEVICE_OTHER)
			choose(fit == DEVICE_FITS ? &sure : &perhaps, q, r);
		if (is_of_address(r) && !l->bound)
			break;
	}
	/* Without any other it is its own, if anyone's. */
	if (!sure.leader && !perhaps.others)
		sure = perhaps;
	else if (perhaps.leader && is_of_address(perhaps.rank) >= is_of_address(sure.rank))
		sure.tied = true;
	if (doubt)
		*doubt = sure.tied;
	return sure.tied || !sure.leader ? NULL : sure.leader->leader;
}

struct queue *listening_bound(const struct listening *l, const struct endpoint *destination,
			      uint32_t device)
{
	struct choice choice = {0};

	for (size_t i = 0; i < l->count; i++) {
		const struct queue *q = l->queues[i];
		int r;

		if (l->ports[i] != destination->port || !destination->port ||
		    q->listener.interface != device)
			continue;
		r = rank(&q->listener, destination);
		if (r)
			choose(&choice, q, r);
	}
	return choice.tied || !choice.leader ? NULL : choice.leader->leader;
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
