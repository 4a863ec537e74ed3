/*
 * Interface for the unsettled: connections whose handshake is done and of which
 * neither the server nor a look at its socket has shown that they live, so that the sockets of
 * those that are left can be looked up when a recording ends. For a recording that nobody reports
 * while it runs: the report's tracker knows the same, and much more.
 *
 * A hint and no verdict. Bounded: what does not fit is counted.
 */
#ifndef PIPELINE_UNSETTLED_H
#define PIPELINE_UNSETTLED_H

#include <stdint.h>

#include "event/event.h"

/* Connections that are kept at once. */
#define UNSETTLED_MAX (1u << 18)

struct unsettled;

int unsettled_new(struct unsettled **out) __attribute__((warn_unused_result));
void unsettled_free(struct unsettled *unsettled);

/* Takes any event, of any source, as it comes. */
void unsettled_take(struct unsettled *unsettled, const struct event *event);

/*
 * Calls fn with each, from client to server, in no order, until it returns other than 0:
 * returns that. fn may cause events to be taken: they change nothing while this runs.
 */
int unsettled_each(struct unsettled *unsettled,
		   int (*fn)(void *context, const struct flow *client_to_server), void *context)
    __attribute__((warn_unused_result));

/* Those that were not kept for want of room or memory. */
uint64_t unsettled_skipped(const struct unsettled *unsettled);

#endif
