/*
 * What the files of the holders share, and nobody else: what is looked for, and where a look
 * has got to. All times are CLOCK_MONOTONIC but those of events.
 */
#ifndef NETLINK_OWNER_HOLDERS_PARTS_H
#define NETLINK_OWNER_HOLDERS_PARTS_H

#include "netlink/owner/descriptors.h"
#include "netlink/owner/holders.h"
#include "netlink/owner/pending_lookups.h"
#include "netlink/owner/recent_forks.h"

#define FORKS_MAX 1024 /* a power of two */

/* A walk through the owners' sockets, and a listing of their children: 1/50 of the time each. */
#define WALK_SHARE 50

/* Processes that are known to be children of owners, by their pid modulo this. */
#define KIN_SLOTS (1u << 16)

struct kin {
	int32_t pid;
	int64_t seen_ns;
};

struct holders {
	int proc;
	bool forks_known;
	struct listener *listeners;
	size_t listeners_count;
	size_t listeners_room;
	struct pending_lookups pending;
	struct recent_forks recent;
	struct kin kin[KIN_SLOTS];
	struct event forks[FORKS_MAX];
	uint32_t forks_first;
	uint32_t forks_count;
	int64_t credit_ns;
	int64_t credited_ns; /* monotonic, as all that follow */
	int64_t expired_ns;
	int64_t list_ns; /* the next listing of children */
	int64_t walk_ns; /* the next walk through the owners */
	int64_t walk_cost_ns;
	bool walking;
	size_t walk_at; /* owner, counted over all listeners */
	int32_t walk_pid;
	struct descriptors walk;
	struct holders_stats stats;
	event_fn fn; /* of the call that runs */
	void *context;
};

bool holders_is_owner(const struct holders *h, int32_t pid);
bool holders_is_listener(const struct holders *h, uint32_t inode);
struct kin *holders_kin(struct holders *h, int32_t pid);

/* An EVENT_HOLDER to the caller of the call that runs. Returns 0 or what that returned. */
int holders_report(struct holders *h, const struct holder *holder);

/* holders_child.c: this child has a connection that is looked for. */
int holders_found(struct holders *h, struct recent_fork *y, struct pending_lookup *s);

/* Looks at those that were forked lately, and that are due. */
int holders_round_recent(struct holders *h, int64_t now_ns);

/* Lists the owners' children, where nobody tells of forks. */
void holders_round_children(struct holders *h, int64_t now_ns);

/* holders_walk.c: goes on through what the owners of listeners with several have open. */
int holders_round_owners(struct holders *h, int64_t now_ns);

#endif
