/*
 * Interface for one look at the server-side socket of a connection.
 */
#ifndef NETLINK_CHILD_LOOK_H
#define NETLINK_CHILD_LOOK_H

#include "event/event.h"
#include "netlink/diag/diag.h"
#include "netlink/diag/locality.h"

/*
 * Fills all of *event but its source. interfaces are those that its listener may be
 * bound to, 0 for none; without one it is bound to none. 0, or -errno when there was no answer.
 */
int child_look(struct diag *diag, struct locality *locality, const struct flow *client_to_server,
	       const uint32_t *interfaces, size_t count, struct event *event)
    __attribute__((warn_unused_result));

#endif
