/*
 * Looks one connection up. What it means that it waits, or is gone, is decided
 * by child_queue.c and by the report.
 */
#include "netlink/child/look.h"

#include <errno.h>
#include <net/if.h>

/* Interfaces that are tried for a link-local connection. */
#define INTERFACES_MAX 32

/*
 * A connection between link-local addresses is bound to the interface on which
 * it came in, which a flow does not say: each one is tried.
 */
static int look_on_each_interface(struct diag *diag, const struct endpoint *local,
				  const struct endpoint *remote, struct diag_socket *socket)
{
	struct if_nameindex *interfaces = if_nameindex();
	int result = -ENOENT;

	if (!interfaces)
		return -ENOENT;
	for (int i = 0; i < INTERFACES_MAX && interfaces[i].if_index; i++) {
		struct diag_socket found;

		if (diag_look_up(diag, local, remote, interfaces[i].if_index, DIAG_WANT_NOTHING,
				 &found) == 0 &&
		    found.state != DIAG_LISTEN) {
			*socket = found;
			result = 0;
			break;
		}
	}
	if_freenameindex(interfaces);
	return result;
}

/* A connection is bound to what its listener is bound to: asked for elsewhere it is not found. */
static int look_where_bound(struct diag *diag, const struct endpoint *local,
			    const struct endpoint *remote, const uint32_t *interfaces, size_t count,
			    struct diag_socket *socket)
{
	int result = -ENOENT;

	for (size_t i = 0; i < count || i == 0; i++) {
		struct diag_socket found;
		int rc = diag_look_up(diag, local, remote, count ? interfaces[i] : 0,
				      DIAG_WANT_NOTHING, &found);

		if (rc && rc != -ENOENT)
			return rc;
		if (rc == 0 && (result || found.state != DIAG_LISTEN))
			*socket = found;
		if (rc == 0)
			result = 0;
		if (rc == 0 && found.state != DIAG_LISTEN)
			break;
	}
	return result;
}

int child_look(struct diag *diag, struct locality *locality, const struct flow *client_to_server,
	       const uint32_t *interfaces, size_t count, struct event *event)
{
	struct endpoint local = flow_destination(client_to_server);
	struct endpoint remote = flow_source(client_to_server);
	struct diag_socket socket = {0};
	int64_t before_ns = clock_now_ns();
	int result = look_where_bound(diag, &local, &remote, interfaces, count, &socket);

	if (result && result != -ENOENT)
		return result;
	if ((result || socket.state == DIAG_LISTEN) && address_is_link_local(&remote.address) &&
	    look_on_each_interface(diag, &local, &remote, &socket) == 0)
		result = 0;
	*event = (struct event){
	    .kind = EVENT_CHILD,
	    .time_ns = clock_now_ns(),
	    .child =
		{
		    .flow = *client_to_server,
		    .before_ns = before_ns,
		    .waiting_ns = TIME_UNKNOWN,
		},
	};
	if (result)
		return 0;
	if (socket.state != DIAG_LISTEN) {
		event->child.inode = socket.inode;
		event->child.state = socket.state;
	} else if (locality_is_local(locality, &local.address)) {
		/* A wildcard listener is found for any address, also for one that is not ours. */
		event->child.listener = socket.cookie;
	}
	return 0;
}
