/*
 * Interface for the messages of the proc connector (linux/cn_proc.h in
 * linux/connector.h in netlink): read here, in memory; nothing is received.
 */
#ifndef NETLINK_PROC_MESSAGE_H
#define NETLINK_PROC_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

enum proc_result {
	PROC_FORK,	/* message.fork */
	PROC_EXIT,	/* message.exit */
	PROC_ACK,	/* message.error: the answer to somebody's request */
	PROC_OTHER,	/* an event of another kind: it counts in the sequence numbers */
	PROC_NOT_OURS,	/* a message of another connector, or of netlink itself */
	PROC_MALFORMED, /* too short for what it says it is */
};

struct proc_message {
	uint32_t cpu;
	uint32_t sequence; /* FORK, EXIT, OTHER: counts all events of this processor. ACK: the
			      request's */
	uint32_t ack;	   /* ACK: that of the request, plus 1 */
	int64_t monotonic_ns;
	union {
		struct proc_fork fork;
		struct proc_exit exit;
		int error; /* 0 or a positive errno */
	};
};

/* Reads one datagram. No alignment is needed. */
enum proc_result proc_message_read(const void *datagram, size_t size, struct proc_message *message)
    __attribute__((warn_unused_result));

#define PROC_REQUEST_SIZE 64

/* A request to begin (or end) sending events. Returns its length. */
size_t proc_message_build(void *buffer, uint32_t ack, bool listen);

#endif
