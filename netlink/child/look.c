/*
 * Looks one connection up. What it means that it waits, or is gone, is decided
 * by queue.c and by the report.
 */
#include "netlink/child/look.h"

#include <errno.h>
#include <net/if.h>

/* Interfaces that are tried for a link-local connection. */
#define INTERFACES_MAX 32

/*
 * Where it is bound to one of these interfaces, or to none (0): asked for elsewhere it is not
 * found. A listener that is met is the answer only where no connection is. 0 or -errno.
 */
static int look_among(struct diag *diag, const struct endpoint *local,
		      const struct endpoint *remote, const uint32_t *interfaces, size_t count,
		      struct diag_socket *socket)
{
	int result = -ENOENT;

	for (size_t i = 0; i < count; i++) {
		struct diag_socket found;
		int rc =
		    diag_look_up(diag, local, remote, interfaces[i], DIAG_WANT_NOTHING, &found);

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

/*
 * A connection between link-local addresses is bound to the interface on which it came in, which
 * a flow does not say: each one is tried. True when there is one.
 */
static bool look_on_each_interface(struct diag *diag, const struct endpoint *local,
				   const struct endpoint *remote, struct diag_socket *socket)
{
	struct if_nameindex *interfaces = if_nameindex();
	uint32_t indices[INTERFACES_MAX];
	struct diag_socket found;
	size_t count = 0;

	for (; interfaces && count < INTERFACES_MAX && interfaces[count].if_index; count++)
		indices[count] = interfaces[count].if_index;
	if (interfaces)
		if_freenameindex(interfaces);
	if (look_among(diag, local, remote, indices, count, &found) || found.state == DIAG_LISTEN)
		return false;
	*socket = found;
	return true;
}

int child_look(struct diag *diag, struct locality *locality, const struct flow *client_to_server,
	       const uint32_t *interfaces, size_t count, struct event *event)
{
	struct endpoint local = flow_destination(client_to_server);
	struct endpoint remote = flow_source(client_to_server);
	struct diag_socket socket = {0};
	int64_t before_ns = clock_now_ns();
	static const uint32_t unbound = 0;
	int result;

	/* A connection is bound to what its listener is bound to. */
	if (!count) {
		interfaces = &unbound;
		count = 1;
	}
	result = look_among(diag, &local, &remote, interfaces, count, &socket);
	if (result && result != -ENOENT)
		return result;
	if ((result || socket.state == DIAG_LISTEN) && address_is_link_local(&remote.address) &&
	    look_on_each_interface(diag, &local, &remote, &socket))
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
		event->child.bound = 1 + socket.interface;
	} else if (locality_is_local(locality, &local.address)) {
		/* A wildcard listener is found for any address, also for one that is not ours. */
		event->child.listener = socket.cookie;
	}
	return 0;
}
