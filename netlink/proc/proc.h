/*
 * Interface for the proc connector: fork and exit events of every process of
 * the initial namespaces (cn_proc, CN_IDX_PROC).
 *
 * The kernel answers only in the initial network namespace, and to
 * CAP_NET_ADMIN: open it before entering another namespace.
 */
#ifndef NETLINK_PROC_PROC_H
#define NETLINK_PROC_PROC_H

#include <stdint.h>

#include "event/event.h"

struct proc_connector;

/*
 * Returns 0; or -EPERM (no CAP_NET_ADMIN), -ENODEV (not the initial network or
 * pid or user namespace: no acknowledgement came), -ENOSYS-like codes without the
 * kernel's support. The receive buffer is 8 MiB, by force where allowed.
 */
int proc_connector_new(struct proc_connector **out) __attribute__((warn_unused_result));

int proc_connector_fd(const struct proc_connector *connector);

/*
 * Delivers what is there now, never waiting; stamps are shifted to
 * CLOCK_REALTIME. Each processor's events are in order; between processors the
 * kernel's order can be off by some microseconds. Of a thread (child_tid !=
 * child_pid), parent_pid is the parent of its process. 0 or -errno.
 */
int proc_connector_read(struct proc_connector *connector, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/*
 * Events lost by now: the gaps in the sequence numbers of each processor. They
 * count events of every kind (an exec, a new name), so that it is an upper
 * bound for forks and exits.
 */
uint64_t proc_connector_lost(const struct proc_connector *connector);

void proc_connector_free(struct proc_connector *connector);

#endif
