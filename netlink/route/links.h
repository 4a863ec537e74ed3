/*
 * Interface for the links: the network devices of the namespace by rtnetlink (RTM_GETLINK), their
 * names, and which of them hand what they receive to another.
 *
 * Works in the network namespace in which it was made, and needs no privilege. It never
 * waits. One thread at a time.
 */
#ifndef NETLINK_ROUTE_LINKS_H
#define NETLINK_ROUTE_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

struct links;

int links_new(struct links **out) __attribute__((warn_unused_result));
void links_free(struct links *links);

/* Asks the kernel again. 0 or -errno: then nothing is known. */
int links_read(struct links *links) __attribute__((warn_unused_result));

/*
 * The name of the device that the listener is bound to, and the ports of that: devices that have it
 * for master, and theirs. As links_read() found them. True when anything of it changed.
 */
bool links_describe(const struct links *links, struct listener *listener);

/*
 * Whether a packet that this device receives is of no other one when TCP gets it: it is the port
 * of no bridge and no bond, nothing is stacked upon it, and there is no tunnel.
 */
bool links_is_alone(const struct links *links, const char *name, uint32_t *index);

#endif
