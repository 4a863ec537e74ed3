/*
 * Interface for the young: processes that an owner of a watched listener has just
 * forked, when to look at the sockets of each, and what it had at the last look.
 * A fixed number; the oldest gives way. The looks themselves are the caller's.
 *
 * A child is looked at several times while it is young: it may be looked at before
 * the connection is known to be accepted, it may begin with sockets that it closes,
 * and it may be gone soon. What it had is remembered for a while after that, also
 * when it has ended.
 */
#ifndef NETLINK_OWNER_YOUNG_H
#define NETLINK_OWNER_YOUNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/flow.h"

#define YOUNG_MAX     1024 /* a power of two */
#define YOUNG_SOCKETS 8

struct young {
	int32_t pid;
	int32_t parent_pid;
	int64_t since_ns; /* CLOCK_MONOTONIC: it was told of */
	int64_t due_ns;	  /* the next look; INT64_MAX: there is none */
	uint8_t looks;
	bool seen;    /* a look succeeded */
	bool listens; /* at the last look */
	bool told_listens;
	uint32_t told; /* inode of the connection that was sought and that it has, or 0 */
	struct flow told_flow;
	uint8_t sockets_count;
	uint32_t sockets[YOUNG_SOCKETS]; /* inodes at the last look, without listeners */
	int64_t before_ns;		 /* CLOCK_REALTIME: when the last look began */
};

struct young_ring {
	struct young entries[YOUNG_MAX];
	uint32_t first;
	uint32_t count;
	uint64_t skipped; /* gave way before its last look */
};

struct young *young_add(struct young_ring *ring, int32_t pid, int32_t parent_pid, int64_t now_ns);

/* The youngest of this pid, or NULL. */
struct young *young_find(struct young_ring *ring, int32_t pid);

/* The i-th, from the oldest; i < count. */
struct young *young_at(struct young_ring *ring, uint32_t i);

/* It has this socket, as of its last look. */
bool young_has(const struct young *young, uint32_t inode);

/* A look was taken. True when it was the last that was planned. */
bool young_looked(struct young *young, int64_t now_ns);

/* It is not clear yet what it will be: another look, ever more rarely, and for two seconds. */
void young_look_again(struct young *young, int64_t now_ns);

/* Some have a look before them. */
bool young_waiting(const struct young_ring *ring);

/* Drops those from the old end that are neither looked at nor remembered any more. */
void young_expire(struct young_ring *ring, int64_t now_ns);

#endif
