/*
 * Interface for one look at the server-side socket of a connection.
 */
#ifndef NETLINK_CHILD_LOOK_H
#define NETLINK_CHILD_LOOK_H

#include "event/event.h"
#include "netlink/diag/diag.h"
#include "netlink/diag/locality.h"

/*
 * Fills all of *event but its source. interface is the one that the listener is
 * bound to, 0 for none. 0, or -errno when there was no answer.
 */
int child_look(struct diag *diag, struct locality *locality, const struct flow *client_to_server,
	       uint32_t interface, struct event *event) __attribute__((warn_unused_result));

#endif
