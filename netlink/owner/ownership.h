/*
 * Interface for keeping the owners of the watched listeners up to date: walks
 * through /proc in slices that do not hold the sampling up, repeated at a pace
 * that follows their cost.
 */
#ifndef NETLINK_OWNER_OWNERSHIP_H
#define NETLINK_OWNER_OWNERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "netlink/diag/watch.h"
#include "netlink/owner/owners.h"

struct ownership {
	struct owners *owners; /* NULL: there is no /proc */
	bool walking;
	bool wanted;	  /* a listener came since the walk began */
	bool urgent;	  /* the walk is for a new listener */
	int64_t next_ns;  /* monotonic: the next walk */
	int64_t ended_ns; /* monotonic: the last one */
	int64_t cost_ns;  /* of this walk so far */
	int64_t begun_ns; /* CLOCK_REALTIME: this walk */
	int64_t known_ns; /* and the last one that came to its end; TIME_UNKNOWN */
};

/* Who is told: of each listener whose owners changed, and before that of each change. */
struct ownership_hearer {
	int (*owner)(void *context, const struct owner_change *change);
	watch_fn listener;
	void *context;
};

void ownership_init(struct ownership *ownership);
void ownership_release(struct ownership *ownership);

/* A listener appeared: walk soon. */
void ownership_want(struct ownership *ownership);

/* The owners may have changed: walk soon, as far as the cost of walks allows. */
void ownership_suspect(struct ownership *ownership);

/* The owners of a new listener are not known yet. */
bool ownership_wanted(const struct ownership *ownership);

/*
 * Goes on for about budget_ns. When a walk ends, the hearer is told of each listener whose
 * owners (pids, comm, and with them defer_accept_s and fastopen) are others
 * than before. Returns 0 or what it returned.
 */
int ownership_round(struct ownership *ownership, struct watch *watch, int64_t now_ns,
		    int64_t budget_ns, const struct ownership_hearer *hearer)
    __attribute__((warn_unused_result));

#endif
