/*
 * Interface for a snapshot of every listening TCP socket of this thread's
 * network namespace: queues, limits, drops, owners, and the connections that
 * wait to be accepted. Everything that the kernel gives without privileges;
 * what it does not give is marked as unknown.
 */
#ifndef NETLINK_LISTENER_LISTENERS_H
#define NETLINK_LISTENER_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

/* Which setting fixed the limit, as far as can be told: min(backlog, somaxconn) of that moment. */
enum limit_setting {
	LIMIT_UNKNOWN,	      /* somaxconn could not be read */
	LIMIT_BACKLOG,	      /* below somaxconn: the backlog, or a somaxconn that was lower then */
	LIMIT_EITHER,	      /* equal to somaxconn: the backlog was that or more */
	LIMIT_SOMAXCONN_THEN, /* above somaxconn: it was higher when listen() was called */
};

/* Numbers of the queue are -1 when they are unknown. */
struct listening {
	struct listener listener;
	uint32_t depth;
	bool drops_known;
	uint32_t drops; /* sk_drops */
	enum limit_setting limited_by;
	uint32_t siblings; /* other listeners with its address, port and interface */
	/* Of a listener and its siblings together: a connection does not say whose it is. */
	int64_t half_open;
	int64_t waiting; /* connections in the accept queue that are still there */
	int64_t ghosts;	 /* those that their client has reset: accept() returns them all the same */
	int64_t oldest_ns; /* how long the one that has waited longest waits */
	/* It was born between these, but for the whole jiffies in which the kernel counts. */
	int64_t oldest_after_ns;
	int64_t oldest_before_ns;
};

struct listeners_snapshot {
	int64_t time_ns;
	int64_t somaxconn;	     /* of this namespace, -1 unknown */
	struct counters counters;    /* when asked for, or where there are drops; else unknown */
	struct listening *listeners; /* by port, then address */
	size_t count;
	bool connections_read;	 /* false: half_open, waiting, ghosts and oldest_ns are unknown */
	size_t connections;	 /* in the kernel's table, about */
	size_t processes_denied; /* that this user may not look into */
	uint64_t lost;		 /* answers of sock_diag that are incomplete */
};

struct listeners_options {
	int32_t pid;   /* only sockets that this process has open; 0: all */
	bool counters; /* read them even when no listener has dropped anything */
	/*
	 * Half-open and waiting connections are found by walking the kernel's table
	 * of all connections: done while these are at most so many (50,000 take 8 ms
	 * and more).
	 */
	size_t connections_max;
};

#define LISTENERS_CONNECTIONS_MAX 10000

/*
 * Returns 0 or -errno (-EACCES, -ESRCH: of the process of options->pid). The
 * snapshot is released with listeners_release().
 */
int listeners_read(const struct listeners_options *options, struct listeners_snapshot *snapshot)
    __attribute__((warn_unused_result));
void listeners_release(struct listeners_snapshot *snapshot);

#endif
