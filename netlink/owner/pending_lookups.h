/*
 * Interface for pending lookups: accepted connections whose holder is looked for, by
 * the inode of the server's socket. Bounded in number and in time; what does not
 * fit, or is not found in time, is forgotten and counted.
 */
#ifndef NETLINK_OWNER_PENDING_LOOKUPS_H
#define NETLINK_OWNER_PENDING_LOOKUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/flow.h"

#define PENDING_LOOKUPS_MAX 4096 /* a power of two */

struct pending_lookup {
	struct flow flow; /* client to server */
	int64_t since_ns; /* monotonic; 0: this slot is free */
	uint32_t inode;
	bool in_owner; /* an owner of its listener was seen to have it */
};

struct pending_lookups {
	struct pending_lookup
	    slots[PENDING_LOOKUPS_MAX]; /* by the inode: the kernel counts them up */
	size_t count;
	size_t unmet; /* of these, not in_owner */
	uint64_t missed;
};

/* since_ns is the time now, CLOCK_MONOTONIC, and not 0. */
void pending_lookups_add(struct pending_lookups *table, const struct flow *flow, uint32_t inode,
			 int64_t since_ns);

/* NULL when nobody seeks it. Valid until the next add, remove or expire. */
struct pending_lookup *pending_lookups_find(struct pending_lookups *table, uint32_t inode);

/* An owner has it. It stays: a child may have it too. */
void pending_lookups_met(struct pending_lookups *table, struct pending_lookup *lookup);

void pending_lookups_remove(struct pending_lookups *table, struct pending_lookup *lookup);

/* Forgets those that are older than since_ns. */
void pending_lookups_expire(struct pending_lookups *table, int64_t since_ns);

#endif
