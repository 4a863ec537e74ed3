/*
 * Interface for the addresses of the network namespace: what it takes for its own, by
 * rtnetlink (RTM_GETADDR, and the routes of type RTN_LOCAL in the table `local`, which have
 * 127.0.0.0/8 and whole prefixes that are routed to lo).
 *
 * Works in the network namespace in which it was made, and needs no privilege. It never
 * waits. One thread at a time.
 */
#ifndef NETLINK_ROUTE_ADDRESSES_H
#define NETLINK_ROUTE_ADDRESSES_H

#include "event/event.h"

/* More are counted by addresses_lost(), and taken for somebody else's. */
#define ADDRESSES_MAX (1u << 16)

struct addresses;

int addresses_new(struct addresses **out) __attribute__((warn_unused_result));
void addresses_free(struct addresses *addresses);

/*
 * An EVENT_ADDRESS for each that came or went since the call before; the first call tells
 * all. The kernel is asked again when it says that something changed, and every few seconds
 * for the routes, whose changes it is not asked to tell. What came is stamped with the time of
 * the call before, since it was there at some time after that; what went, with now. Returns
 * 0, what fn returned, or -errno.
 */
int addresses_step(struct addresses *addresses, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/* Addresses that had no room, and dumps that stayed incomplete. */
uint64_t addresses_lost(const struct addresses *addresses);

#endif
