/*
 * Interface for the accept probe: a BPF program that sees each accept() return,
 * whatever the process -> accept events with the connection's 4-tuple.
 *
 * It hangs on one tracepoint, the end of system calls (raw_syscalls:sys_exit),
 * and needs no kprobes, no fentry and no tracefs; while it is there every system
 * call of the host costs some tens of nanoseconds more. It takes CAP_BPF and
 * CAP_PERFMON in the initial user namespace. What accepts through io_uring makes
 * no system call for it, and is not seen.
 *
 * Built in where the option bpf allows it; else accept_probe_new() says -ENOTSUP.
 */
#ifndef PROBE_ACCEPT_H
#define PROBE_ACCEPT_H

#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

struct accept_probe;

struct accept_probe_options {
	const uint16_t
	    *ports; /* local ports of the listeners; more than ACCEPT_PROBE_PORTS_MAX: all */
	size_t ports_count; /* 0: all */
	uint32_t network;   /* inode of the network namespace; 0: that of this thread */
};

#define ACCEPT_PROBE_PORTS_MAX 32

/*
 * 0; -EPERM without the privileges, -ENOTSUP where it is not built in or the
 * kernel or processor has not what it takes; or another -errno.
 */
int accept_probe_new(const struct accept_probe_options *options, struct accept_probe **out)
    __attribute__((warn_unused_result));

/*
 * Delivers what is there now, never waiting: nothing wakes the reader, who comes
 * every few milliseconds. The event's time is when accept() returned: the
 * connection left the queue some microseconds before. Stamps are shifted to
 * CLOCK_REALTIME; between processors they can be off by the order in which they
 * were taken. 0 or what fn returned.
 */
int accept_probe_read(struct accept_probe *probe, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/* Accepts that found the ring full, by now. */
uint64_t accept_probe_lost(const struct accept_probe *probe);

/* Accepts whose socket could not be read, since another thread had closed it already. */
uint64_t accept_probe_unread(const struct accept_probe *probe);

void accept_probe_free(struct accept_probe *probe);

#endif
