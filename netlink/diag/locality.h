/*
 * Interface for the question whether an address is one of this host's: whether
 * a segment to it is delivered here, by the kernel's routing table (so that whole
 * prefixes that are routed to lo count too). A capture also shows connections
 * that only pass through, or that this host makes to others.
 *
 * Answers are kept for some seconds.
 */
#ifndef NETLINK_DIAG_LOCALITY_H
#define NETLINK_DIAG_LOCALITY_H

#include <stdbool.h>

#include "event/flow.h"

struct locality;

/* Works in the network namespace in which it was made. */
int locality_new(struct locality **out) __attribute__((warn_unused_result));
void locality_free(struct locality *locality);

/*
 * True also when the kernel does not say, and for link-local addresses, whose interface is unknown.
 */
bool locality_is_local(struct locality *locality, const struct address *address);

/*
 * Whether there is a route back to the client of this flow, that its server's address may take.
 * 0, or -EAGAIN where the kernel does not say, or is asked too often.
 */
int locality_route_back(struct locality *locality, const struct flow *client_to_server, bool *found)
    __attribute__((warn_unused_result));

/* fe80::/10, RFC 4291 section 2.5.6: the address means something on one interface alone. */
bool address_is_link_local(const struct address *address);

#endif
