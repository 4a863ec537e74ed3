/*
 * Interface for the sought: accepted connections whose holder is looked for, by
 * the inode of the server's socket. Bounded in number and in time; what does not
 * fit, or is not found in time, is forgotten and counted.
 */
#ifndef NETLINK_OWNER_SOUGHT_H
#define NETLINK_OWNER_SOUGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/flow.h"

#define SOUGHT_MAX 4096 /* a power of two */

struct sought {
	struct flow flow; /* client to server */
	int64_t since_ns; /* monotonic; 0: this slot is free */
	uint32_t inode;
	bool in_owner; /* an owner of its listener was seen to have it */
};

struct sought_table {
	struct sought slots[SOUGHT_MAX]; /* by the inode: the kernel counts them up */
	size_t count;
	size_t unmet; /* of these, not in_owner */
	uint64_t missed;
};

/* since_ns is the time now, CLOCK_MONOTONIC, and not 0. */
void sought_add(struct sought_table *table, const struct flow *flow, uint32_t inode,
		int64_t since_ns);

/* NULL when nobody seeks it. Valid until the next add, remove or expire. */
struct sought *sought_find(struct sought_table *table, uint32_t inode);

/* An owner has it. It stays: a child may have it too. */
void sought_met(struct sought_table *table, struct sought *sought);

void sought_remove(struct sought_table *table, struct sought *sought);

/* Forgets those that are older than since_ns. */
void sought_expire(struct sought_table *table, int64_t since_ns);

#endif
