/*
 * Interface for the holders of accepted connections: which process has the
 * server's socket of a connection open -> EVENT_HOLDER. So a server that forks for
 * each connection shows its child, and one of several processes shows which of
 * them accepted, without its help.
 *
 * Theory of operation. It learns from the sampler's events whose sockets to seek
 * (EVENT_CHILD with an inode) and who owns the listeners, and from the proc
 * connector's whom they fork. A child is looked at soon after its fork
 * (netlink/owner/recent_forks.h). Without the connector the owners' children are listed while
 * connections are looked for. Where a listener has several owners, theirs are looked
 * through as well. Each kind of look has a share of the time, and no more.
 *
 * Of the connector's events only those of the owners and their children are
 * passed on.
 */
#ifndef NETLINK_OWNER_HOLDERS_H
#define NETLINK_OWNER_HOLDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

struct holders;

/* forks_known: holders_learn() gets the proc connector's events. 0 or -errno. */
int holders_new(bool forks_known, struct holders **out) __attribute__((warn_unused_result));
void holders_free(struct holders *holders);

/*
 * Takes what the sampler and the proc connector say. PROC_FORK and PROC_EXIT that
 * matter are handed to fn, some a little later (a new listener's owners are known
 * only after they forked); other events are not. Returns 0 or what fn returned.
 */
int holders_learn(struct holders *holders, const struct event *event, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/* One round of looks, each sampling interval. Returns 0 or what fn returned. */
int holders_round(struct holders *holders, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/*
 * When the next round would not be in vain, CLOCK_MONOTONIC: INT64_MAX when there is
 * nothing to look at, a time that has passed when there is a child to look at soon.
 */
int64_t holders_due_ns(const struct holders *holders);

struct holders_stats {
	uint64_t looks;	  /* at a process */
	uint64_t denied;  /* it may not be looked into */
	uint64_t skipped; /* children that there was no time to look at as often as planned */
	uint64_t missed;  /* connections whose holder was not met */
};

void holders_stats(const struct holders *holders, struct holders_stats *stats);

#endif
