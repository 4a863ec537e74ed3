/*
 * Interface for what is known of the listeners: the last event of each, so that
 * a new part of a recording can begin with all that is there.
 */
#ifndef PIPELINE_FOLDER_KNOWN_H
#define PIPELINE_FOLDER_KNOWN_H

#include <stddef.h>

#include "event/event.h"

struct folder_known {
	struct event *events; /* LISTENER of each cookie, LISTEN of each endpoint, OWNER of both */
	size_t count;
	size_t room;
};

/* Takes what is about listeners and passes over the rest. 0 or -ENOMEM. */
int folder_known_take(struct folder_known *known, const struct event *event)
    __attribute__((warn_unused_result));

void folder_known_release(struct folder_known *known);

#endif
