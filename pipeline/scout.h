/*
 * Interface for the scout: a process of ours that keeps the right to look into
 * others' while the recorder gives up all of its own, and that does nothing else.
 * It reads no packet. It hears of listeners and of accepted connections, listens to
 * the proc connector, and tells who owns the ones and holds the others.
 */
#ifndef PIPELINE_SCOUT_H
#define PIPELINE_SCOUT_H

#include <stdint.h>

#include "event/event.h"

#define SCOUT_ERROR_SIZE 512

struct scout;

struct scout_findings {
	int proc_error;		   /* of the proc connector: 0 when it is open, -EPERM, -ENODEV */
	uint64_t untold;	   /* events that did not fit on their way to it */
	uint64_t processes_denied; /* in the last walk for owners: not to be looked into */
	uint64_t holders_denied;   /* children and owners that might not be looked into */
};

/*
 * Starts it: it opens the proc connector where it is now, then enters netns (NULL:
 * stays), then keeps no more than it needs. 0; or -errno with a line in error.
 */
int scout_start(const char *netns, struct scout **out, char error[SCOUT_ERROR_SIZE])
    __attribute__((warn_unused_result));

/*
 * LISTENER and CHILD are of interest to it, and a SAMPLE where connections wait. Told at the next
 * scout_flush(). Never waits.
 */
void scout_tell(struct scout *scout, const struct event *event);
void scout_flush(struct scout *scout);

/*
 * Delivers what it has found by now, never waiting: PROC_FORK, PROC_EXIT, HOLDER,
 * LOSS of the connector's events, ACTIVITY of the owners of a listener whose sample was told, and
 * LISTENER with change LISTENER_CHANGED, of which cookie, owners and options alone are meant.
 * Returns 0 or what fn returned.
 */
int scout_read(struct scout *scout, event_fn fn, void *context) __attribute__((warn_unused_result));

/* A listener was told of, and its owners are not known yet. */
bool scout_is_asked(const struct scout *scout);

/* Delivers until the owners of what was told of are known, or timeout_ns have passed. */
int scout_settle(struct scout *scout, int64_t timeout_ns, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/*
 * When it has ended, which it does not do by itself: how, in words. NULL while it runs. From then
 * on nothing is found any more.
 */
const char *scout_ended(const struct scout *scout);

void scout_findings(const struct scout *scout, struct scout_findings *findings);

/* Ends it. NULL is legal. */
void scout_free(struct scout *scout);

#endif
