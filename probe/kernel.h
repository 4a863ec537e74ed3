/*
 * Interface for the kernel probe: BPF programs that tell what only the kernel
 * knows -> entry, drop, accept and listener-state events, each with its 4-tuple.
 *
 * Each feature is tried on its own, and does without the others:
 * - entries: sock:inet_sock_set_state (since Linux 4.16) fires when a final ACK
 *   makes its child socket, which then enters the accept queue in the same
 *   softirq. The same tracepoint tells when a socket begins to listen and ends.
 *   Of SO_REUSEPORT siblings sock:sk_data_ready (since Linux 6.3) tells whose queue it is.
 * - accepts: the return of inet_csk_accept() by fexit. Where the kernel has no
 *   fexit, the end of system calls (raw_syscalls:sys_exit), if every_call allows
 *   it: while it is there every system call of the host costs some tens of
 *   nanoseconds more, and what accepts through io_uring is not seen.
 * - drops: tcp_conn_request() and tcp_v4_syn_recv_sock(), with fentry and fexit, or kprobes: a
 *   SYN or a final ACK that the listener dropped, and which counter it moved for it.
 *
 * It takes BTF of the kernel, CAP_BPF and CAP_PERFMON in the initial user namespace.
 * Built in where the option bpf allows it; else kernel_probe_new() says -ENOTSUP.
 */
#ifndef PROBE_KERNEL_H
#define PROBE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

struct kernel_probe;

enum probe_accepts {
	PROBE_ACCEPTS_NONE,
	PROBE_ACCEPTS_FEXIT,
	PROBE_ACCEPTS_SYS_EXIT,
};

struct kernel_probe_options {
	const uint16_t
	    *ports; /* local ports of the listeners; more than KERNEL_PROBE_PORTS_MAX: all */
	size_t ports_count; /* 0: all */
	uint32_t network;   /* inode of the network namespace; 0: that of this thread */
	bool every_call;    /* accepts by the end of every system call, where nothing else can */
	bool kprobes;	    /* drops by kprobes, though fexit may be to be had: to test them */
};

#define KERNEL_PROBE_PORTS_MAX 32

/*
 * 0 when there is at least one feature; -EPERM without the privileges, -ENOTSUP where
 * it is not built in or the kernel or processor has not what it takes; or another
 * -errno.
 */
int kernel_probe_new(const struct kernel_probe_options *options, struct kernel_probe **out)
    __attribute__((warn_unused_result));

bool kernel_probe_entries(const struct kernel_probe *probe);
bool kernel_probe_drops(const struct kernel_probe *probe);
enum probe_accepts kernel_probe_accepts(const struct kernel_probe *probe);

/*
 * A socket of a watched port began to listen, or ended. It begins before a SYN can find it
 * (inet_csk_listen_start); where listen() is to choose the port, it has none yet.
 */
struct kernel_probe_listen {
	int64_t time_ns; /* CLOCK_REALTIME */
	struct endpoint local;
	uint32_t drops; /* sk_drops */
	bool drops_known;
	bool listens; /* it began */
};

typedef void (*kernel_probe_listen_fn)(void *context, const struct kernel_probe_listen *listen);

/*
 * Delivers what is there now, never waiting: nothing wakes the reader, who comes
 * every few milliseconds, unless he asked for it (kernel_probe_wakes). The time of an accept is when it returned: the
 * connection left the queue some microseconds before. Stamps are shifted to
 * CLOCK_REALTIME; between processors they can be off by the order in which they
 * were taken. 0 or what fn returned. listen may be NULL.
 */
int kernel_probe_read(struct kernel_probe *probe, event_fn fn, kernel_probe_listen_fn listen,
		      void *context) __attribute__((warn_unused_result));

/*
 * No watched listener has SO_REUSEPORT siblings: the program that tells them apart goes, since all
 * sockets of the host call it when data come. Takes two calls, some milliseconds apart or more;
 * true when it is gone.
 */
bool kernel_probe_leave_siblings(struct kernel_probe *probe);

/*
 * Before a sleep that is to end when something happens, and with false after it: while set, the
 * descriptor becomes readable and wakes who polls it. It is the probe's.
 */
void kernel_probe_wakes(struct kernel_probe *probe, bool wakes);
int kernel_probe_fd(const struct kernel_probe *probe);

/* Events that found the ring full, by now. */
uint64_t kernel_probe_lost(const struct kernel_probe *probe);

/* Accepts whose socket could not be read, since another thread had closed it already. */
uint64_t kernel_probe_unread(const struct kernel_probe *probe);

void kernel_probe_free(struct kernel_probe *probe);

#endif
