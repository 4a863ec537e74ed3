/*
 * Interface for the kernel's own receive backlog (net.core.netdev_max_backlog):
 * what is dropped there reaches neither the capture nor any socket. On lo every
 * packet goes through it.
 */
#ifndef NETLINK_SOFTNET_H
#define NETLINK_SOFTNET_H

#include <stdint.h>

/*
 * The packets dropped since boot, over all processors and namespaces, from
 * /proc/net/softnet_stat; 0 when it cannot be read. Counts wrap at 2^32 for each processor.
 */
uint64_t softnet_dropped(void);

/* The same from the text of that file. */
uint64_t softnet_parse(const char *text);

#endif
