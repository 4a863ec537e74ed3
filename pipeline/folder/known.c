/*
 * The listeners and addresses that are there now. As many as the namespace has
 * listening sockets and addresses: what is gone is forgotten.
 */
#include "pipeline/folder/known.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "event/array.h"

static bool is_same(const struct event *a, const struct event *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == EVENT_ADDRESS)
		return a->address.prefix.bits == b->address.prefix.bits &&
		       address_equal(&a->address.prefix.address, &b->address.prefix.address);
	if (a->kind == EVENT_OWNER)
		return a->owner.cookie == b->owner.cookie && a->owner.pid == b->owner.pid;
	return a->kind == EVENT_LISTENER ? a->listener.cookie == b->listener.cookie
					 : endpoint_equal(&a->listen.local, &b->listen.local);
}

/* Those behind i move up: their order is that in which they came. */
static void drop(struct folder_known *known, size_t i)
{
	known->count--;
	memmove(known->events + i, known->events + i + 1,
		(known->count - i) * sizeof(*known->events));
}

/* Of a listener that closed. */
static void forget_owners(struct folder_known *known, uint64_t cookie)
{
	for (size_t i = known->count; i-- > 0;)
		if (known->events[i].kind == EVENT_OWNER && known->events[i].owner.cookie == cookie)
			drop(known, i);
}

static bool is_over(const struct event *event)
{
	if (event->kind == EVENT_ADDRESS)
		return event->address.gone;
	return event->kind == EVENT_LISTENER ? event->listener.change == LISTENER_CLOSED
					     : event->kind == EVENT_OWNER && !event->owner.owns;
}

int folder_known_take(struct folder_known *known, const struct event *event)
{
	size_t i;

	if (event->kind != EVENT_LISTENER && event->kind != EVENT_LISTEN &&
	    event->kind != EVENT_OWNER && event->kind != EVENT_ADDRESS)
		return 0;
	if (event->kind == EVENT_LISTENER && event->listener.change == LISTENER_CLOSED)
		forget_owners(known, event->listener.cookie);
	i = 0;
	while (i < known->count && !is_same(&known->events[i], event))
		i++;
	if (is_over(event)) {
		if (i < known->count)
			drop(known, i);
		return 0;
	}
	if (i == known->room) {
		struct event *events =
		    array_grow(known->events, &known->room, sizeof(*events), 16, ARRAY_UNBOUNDED);

		if (!events)
			return -ENOMEM;
		known->events = events;
	}
	known->events[i] = *event;
	if (event->kind == EVENT_LISTENER)
		known->events[i].listener.change = LISTENER_SEEN;
	if (i == known->count)
		known->count++;
	return 0;
}

void folder_known_release(struct folder_known *known)
{
	free(known->events);
}
