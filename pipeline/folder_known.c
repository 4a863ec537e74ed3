/*
 * The listeners that are there now. As many as the namespace has listening
 * sockets: a closed one is forgotten.
 */
#include "pipeline/folder_known.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static bool is_same(const struct event *a, const struct event *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == EVENT_LISTENER ? a->listener.cookie == b->listener.cookie
					 : endpoint_equal(&a->listen.local, &b->listen.local);
}

int folder_known_take(struct folder_known *known, const struct event *event)
{
	size_t i = 0;

	if (event->kind != EVENT_LISTENER && event->kind != EVENT_LISTEN)
		return 0;
	while (i < known->count && !is_same(&known->events[i], event))
		i++;
	if (event->kind == EVENT_LISTENER && event->listener.change == LISTENER_CLOSED) {
		if (i < known->count)
			known->events[i] = known->events[--known->count];
		return 0;
	}
	if (i == known->room) {
		size_t room = known->room ? 2 * known->room : 16;
		struct event *events = realloc(known->events, room * sizeof(*events));

		if (!events)
			return -ENOMEM;
		known->events = events;
		known->room = room;
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
