/*
 * Interface for the owners of sockets: which processes have a socket open, by
 * a walk through /proc/PID/fd. A walk can be done in slices, since it takes as
 * long as the host has processes and descriptors. What this user may not look
 * into is counted, not found.
 */
#ifndef NETLINK_OWNER_OWNERS_H
#define NETLINK_OWNER_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

struct owner {
	uint32_t inode;
	uint16_t pids_count; /* at most LISTENER_PIDS_MAX are kept */
	int32_t pids[LISTENER_PIDS_MAX];
	int32_t fd; /* of the first of them */
	char comm[LISTENER_COMM_SIZE];
	struct workload workload;
};

struct owners;

/* Holds /proc open. */
int owners_new(struct owners **out) __attribute__((warn_unused_result));
void owners_free(struct owners *owners);

/* What to walk for, and where. */
struct owners_walk {
	const uint32_t *inodes; /* in no order; 0 is passed over */
	size_t count;
	/*
	 * Of each process the first so many: listeners are opened early, and a process can have a
	 * million.
	 */
	size_t fds_max;
	int32_t only_pid;  /* this process alone; 0: all */
	bool only_network; /* processes in this thread's network namespace alone */
};

/* Begins a walk, and forgets the last one. What walk points to is copied. 0 or -errno. */
int owners_begin(struct owners *owners, const struct owners_walk *walk)
    __attribute__((warn_unused_result));

/* Goes on for about budget_ns. True when the walk is over (or none was begun). */
bool owners_step(struct owners *owners, int64_t budget_ns);

/* NULL when the walk (so far) met no owner. Valid until the next begin. */
const struct owner *owners_of(const struct owners *owners, uint32_t inode);

/*
 * The name of a process as it is now; empty when it has ended. comm has LISTENER_COMM_SIZE bytes.
 */
void owners_comm(const struct owners *owners, int32_t pid, char *comm);

/*
 * Of the last walk: processes that could not be looked into; that had more
 * than fds_max, or were in another network namespace.
 */
size_t owners_denied(const struct owners *owners);
size_t owners_cut(const struct owners *owners);

/*
 * Reads TCP_DEFER_ACCEPT (s) and TCP_FASTOPEN (queue length) of a socket of
 * another process through a short-lived copy of its descriptor (pidfd_getfd,
 * which takes the right to trace the process). The cookie says that it is still
 * that socket. 0 or -errno, and then both are left alone.
 */
int owner_socket_options(int32_t pid, int32_t fd, uint64_t cookie, int32_t *defer_accept_s,
			 int32_t *fastopen) __attribute__((warn_unused_result));

#endif
