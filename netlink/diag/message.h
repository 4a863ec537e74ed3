/*
 * Interface for the messages of sock_diag (NETLINK_SOCK_DIAG, linux/inet_diag.h):
 * requests are built and replies are read here, in memory; nothing is sent.
 *
 * The kernel gives rqueue and wqueue two meanings: bytes that wait for a
 * connection, the accept queue for a listener. The translation is here, once.
 */
#ifndef NETLINK_DIAG_MESSAGE_H
#define NETLINK_DIAG_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/flow.h"

/* enum tcp_state of the kernel (include/net/tcp_states.h), as idiag_state has it. */
enum diag_state {
	DIAG_ESTABLISHED = 1,
	DIAG_SYN_SENT = 2,
	DIAG_SYN_RECV = 3,
	DIAG_FIN_WAIT1 = 4,
	DIAG_FIN_WAIT2 = 5,
	DIAG_TIME_WAIT = 6,
	DIAG_CLOSE = 7,
	DIAG_CLOSE_WAIT = 8,
	DIAG_LAST_ACK = 9,
	DIAG_LISTEN = 10,
	DIAG_CLOSING = 11,
	DIAG_NEW_SYN_RECV = 12,
};

#define DIAG_STATE_BIT(state) (1U << (state))

/* What a reply shall have beside the basics; bits of idiag_ext. */
enum diag_want {
	DIAG_WANT_NOTHING = 0,
	DIAG_WANT_DROPS = 1 << 6, /* INET_DIAG_SKMEMINFO: sk_drops */
	DIAG_WANT_AGE = 1 << 1,	  /* INET_DIAG_INFO: tcpi_last_data_sent */
};

/* One socket. IPv4 and mapped addresses are both ::ffff:a.b.c.d, so 0.0.0.0 is ::ffff:0.0.0.0. */
struct diag_socket {
	uint64_t cookie;
	struct endpoint local;
	struct endpoint remote;
	uint32_t interface; /* bound to it; 0: to none */
	uint32_t uid;
	uint32_t inode;
	uint32_t depth; /* of a listener's accept queue; 0 otherwise */
	uint32_t limit; /* of a listener's accept queue; 0 otherwise */
	uint32_t drops; /* sk_drops */
	bool drops_known;
	bool transparent; /* IP_TRANSPARENT; false also where the kernel does not say */
	bool ipv6; /* an AF_INET6 socket, also where its addresses are mapped IPv4 */
	bool v6only;
	uint8_t state; /* enum diag_state */
	/* SYN_SENT: how many SYNs it has sent (icsk_retransmits, and the first); 0 otherwise, and where
	 * the kernel does not say. */
	uint32_t syns;
	int64_t
	    last_sent_ms; /* since it last sent data or, never having sent, was born; -1 unknown */
};

enum diag_result {
	DIAG_SOCKET,	/* message.socket is filled */
	DIAG_DONE,	/* the dump's end */
	DIAG_ERROR,	/* message.error: -errno from the kernel, or 0 (an acknowledgement) */
	DIAG_OTHER,	/* a message of another request or type: go on */
	DIAG_END,	/* the buffer is used up */
	DIAG_TRUNCATED, /* the buffer ends inside a message: no more can be read from it */
	DIAG_MALFORMED, /* lengths contradict each other inside this message: go on */
};

struct diag_message {
	bool interrupted; /* NLM_F_DUMP_INTR: the dump is not consistent */
	int error;
	struct diag_socket socket;
};

/* Reads a buffer as one recv() filled it. The buffer must be aligned as struct nlmsghdr is. */
struct diag_cursor {
	const uint8_t *next;
	size_t left;
	uint32_t sequence; /* of the request: other messages are DIAG_OTHER */
};

enum diag_result diag_next(struct diag_cursor *cursor, struct diag_message *message)
    __attribute__((warn_unused_result));

/* Room for every request that is built here. */
#define DIAG_REQUEST_SIZE 512

/* Local ports that one dump can be restricted to. */
#define DIAG_PORTS_MAX 30

/*
 * A request for the one socket that a segment from remote to local reaches: the
 * connection's, its request socket or, where neither exists, the listener. An
 * IPv4 address (mapped) asks the IPv4 way, which finds AF_INET6 sockets too.
 * buffer has DIAG_REQUEST_SIZE bytes; returns the length.
 */
size_t diag_build_look_up(void *buffer, uint32_t sequence, const struct endpoint *local,
			  const struct endpoint *remote, uint32_t interface, unsigned want);

/*
 * A request for all TCP sockets of both families in states (DIAG_STATE_BIT)
 * whose local port is one of ports; no ports: all. ports_count <= DIAG_PORTS_MAX.
 * The kernel does the filtering.
 */
size_t diag_build_dump(void *buffer, uint32_t sequence, uint32_t states, const uint16_t *ports,
		       size_t ports_count, unsigned want);

#endif
