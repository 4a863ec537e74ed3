/*
 * Interface for recent forks: processes that an owner of a watched listener has just
 * forked, when to look at the sockets of each, and what it had at the last look.
 * A fixed number; the oldest gives way. The looks themselves are the caller's.
 *
 * A child is looked at several times at first: it may be looked at before
 * the connection is known to be accepted, it may begin with sockets that it closes,
 * and it may be gone soon. What it had is remembered for a while after that, also
 * when it has ended.
 */
#ifndef NETLINK_OWNER_RECENT_FORKS_H
#define NETLINK_OWNER_RECENT_FORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/flow.h"

#define RECENT_FORKS_MAX    1024 /* a power of two */
#define RECENT_FORK_SOCKETS 8

struct recent_fork {
	int32_t pid;
	int32_t parent_pid;
	int64_t since_ns; /* CLOCK_MONOTONIC: when its fork was reported */
	int64_t due_ns;	  /* the next look; INT64_MAX: there is none */
	uint8_t looks;
	bool seen;    /* a look succeeded */
	bool listens; /* at the last look */
	bool reported_listens;
	uint32_t reported; /* inode of the connection that was looked for and that it has, or 0 */
	struct flow reported_flow;
	uint8_t sockets_count;
	uint32_t sockets[RECENT_FORK_SOCKETS]; /* inodes at the last look, without listeners */
	int64_t before_ns;		       /* CLOCK_REALTIME: when the last look began */
};

struct recent_forks {
	struct recent_fork entries[RECENT_FORKS_MAX];
	uint32_t first;
	uint32_t count;
	uint64_t skipped; /* gave way before its last look */
};

struct recent_fork *recent_forks_add(struct recent_forks *ring, int32_t pid, int32_t parent_pid,
				     int64_t now_ns);

/* The latest of this pid, or NULL. */
struct recent_fork *recent_forks_find(struct recent_forks *ring, int32_t pid);

/* The i-th, from the oldest; i < count. */
struct recent_fork *recent_forks_at(struct recent_forks *ring, uint32_t i);

/* It has this socket, as of its last look. */
bool recent_forks_has(const struct recent_fork *fork, uint32_t inode);

/* A look was taken. True when it was the last that was planned. */
bool recent_forks_looked(struct recent_fork *fork, int64_t now_ns);

/* It is not clear yet what it will be: another look, ever more rarely, and for two seconds. */
void recent_forks_look_again(struct recent_fork *fork, int64_t now_ns);

/* Some have a look before them. */
bool recent_forks_waiting(const struct recent_forks *ring);

/* Drops those from the old end that are neither looked at nor remembered any more. */
void recent_forks_expire(struct recent_forks *ring, int64_t now_ns);

#endif
