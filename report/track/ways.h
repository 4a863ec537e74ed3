/*
 * Interface for the ways of connections: which end of one this host has, by the addresses
 * that its namespace takes for its own (EVENT_ADDRESS).
 */
#ifndef REPORT_TRACK_WAYS_H
#define REPORT_TRACK_WAYS_H

#include "event/event.h"
#include "report/attempt/attempt.h"

#define WAYS_ADDRESSES_MAX (1u << 16)

struct ways {
	struct address_prefix *prefixes; /* sorted: by bits, then by address */
	size_t count;
	size_t room;
	uint64_t refused;    /* beyond WAYS_ADDRESSES_MAX, or no memory */
	struct address last; /* the answer given last */
	bool last_known;
	bool last_own;
};

/* Zero is ready. */
void ways_release(struct ways *ways);

void ways_take(struct ways *ways, const struct address_change *change);

/* True for an address of this host. */
bool ways_is_own(struct ways *ways, const struct address *address);

/* Of a connection whose client sends this flow; ROLE_UNKNOWN before any address is known. */
enum role ways_role(struct ways *ways, const struct flow *client_to_server);

#endif
