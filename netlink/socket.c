/*
 * Opening and closing; what is said over a socket is its user's.
 */
#include "netlink/socket.h"

#include <errno.h>
#include <sys/socket.h>

int netlink_open(struct mnl_socket **out, int protocol, unsigned groups)
{
	int error;

	*out = mnl_socket_open2(protocol, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!*out)
		return -errno;
	if (mnl_socket_bind(*out, groups, MNL_SOCKET_AUTOPID) == 0)
		return 0;
	error = -errno;
	mnl_socket_close(*out);
	*out = NULL;
	return error;
}

void netlink_close(struct mnl_socket *socket)
{
	if (socket)
		mnl_socket_close(socket);
}
