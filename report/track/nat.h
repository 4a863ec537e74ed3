/*
 * Interface for NAT: which connections reach a socket under other addresses or ports than
 * their clients asked for (EVENT_TRANSLATION).
 */
#ifndef REPORT_TRACK_NAT_H
#define REPORT_TRACK_NAT_H

#include "event/event.h"
#include "event/hash.h"

/* The newest of so many connections. */
#define NAT_MAX (1u << 16)

struct nat_entry {
	struct flow original; /* as the client sends it */
	struct flow socket;   /* as the socket has it; client to server both */
	int64_t time_ns; /* of the translation, which is before its SYN */
	int64_t read_ns; /* conntrack had it by then; TIME_UNKNOWN */
	uint32_t next_original;
	uint32_t next_socket;
	bool fresh; /* it began while it was observed */
	bool seen;  /* its owner's to set: an attempt began with a packet of it */
};

struct nat {
	struct nat_entry *entries; /* a ring; NULL as long as there is no NAT */
	uint32_t *heads_original;
	uint32_t *heads_socket;
	struct hash_secret secret;
	uint32_t count;
	uint32_t next;
	uint64_t forgotten; /* older ones that gave way */
};

/* Zero is ready. */
void nat_release(struct nat *nat);

/* Takes a translation, told at time_ns. 0 or -ENOMEM. */
int nat_take(struct nat *nat, const struct translation *translation, int64_t time_ns)
    __attribute__((warn_unused_result));

/* A packet's flow, of either direction, becomes that of the socket. False: it is as it was. */
bool nat_apply(struct nat *nat, struct flow *flow);

/* What the client of this socket's connection (client to server) asked for; NULL: just that. */
struct nat_entry *nat_find(const struct nat *nat, const struct flow *socket);

#endif
