/*
 * Interface for netlink sockets: one that never waits, and that exec() closes.
 */
#ifndef NETLINK_SOCKET_H
#define NETLINK_SOCKET_H

#include <libmnl/libmnl.h>

/* protocol: NETLINK_*; groups: of events to hear of, 0 for one that only asks. 0 or -errno. */
int netlink_open(struct mnl_socket **out, int protocol, unsigned groups)
    __attribute__((warn_unused_result));

/* Takes NULL. */
void netlink_close(struct mnl_socket *socket);

#endif
